//! The load process's side of its pipes.

use std::io::BufRead as _;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::error::BenchError;
use crate::load::Answer;
use crate::say;

/// What is asked of a running load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Begin a window.
    Mark,
    /// Tell what came in it.
    Report,
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
