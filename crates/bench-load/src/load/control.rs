//! The load process's side of its pipes.

use std::io::BufRead as _;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::error::BenchError;
use crate::load::{Answer, Spec};
use crate::say;

/// What is asked of a running load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Begin a window.
    Mark,
    /// Tell what came in it.
    Report,
}

/// Runs a load process until its input ends.
pub(crate) fn run() -> Result<(), BenchError> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(BenchError::io("read what to do"))?;
    let ended = match serde_json::from_str(&line)? {
        Spec::Viewers(viewers) => crate::load::viewers::run(&viewers),
        Spec::Block { redis, key } => crate::load::block::run(redis, &key),
        Spec::Relay { listen, redis, key } => crate::load::relay::run(listen, redis, &key),
        Spec::Pages {
            server,
            requests,
            answers,
            connections,
        } => crate::load::pages::run(server, &requests, answers, connections),
    };
    if let Err(error) = &ended {
        tell(&Answer::Failed(error.to_string()))?;
    }
    ended
}

/// Says something to whoever started this.
pub(crate) fn tell(answer: &Answer) -> Result<(), BenchError> {
    say::result(serde_json::to_string(answer)?);
    Ok(())
}

/// Reads commands from now on; `after_each` is called when one is there. The process ends with its input.
pub(crate) fn commands(after_each: impl Fn() + Send + 'static) -> Receiver<Command> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        listen(&sender, &after_each);
        std::process::exit(0);
    });
    receiver
}

fn listen(sender: &Sender<Command>, after_each: &impl Fn()) {
    for line in std::io::stdin().lock().lines() {
        let command = match line.as_deref() {
            Ok("mark") => Command::Mark,
            Ok("report") => Command::Report,
            Ok(_) | Err(_) => return,
        };
        if sender.send(command).is_err() {
            return;
        }
        after_each();
    }
}
