//! A load process, seen from whoever started it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::clock::Stop;
use crate::error::BenchError;
use crate::load::tally::Report;
use crate::load::{Answer, Spec, Viewers};

/// A running load. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Load {
    child: Child,
    commands: Option<ChildStdin>,
    answers: Receiver<Result<Answer, BenchError>>,
    stop: Stop,
}

impl Load {
    /// Starts a load and waits until it is ready.
    pub(crate) fn start(spec: &Spec, stop: &Stop) -> Result<Self, BenchError> {
        // Its own program, also where that was built anew meanwhile.
        let mut child = Command::new("/proc/self/exe")
            .arg("load")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(BenchError::io("start a load process"))?;
        let (sender, answers) = channel();
        if let Some(out) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(out).lines() {
                    let answer = line
                        .map_err(BenchError::io("read from a load process"))
                        .and_then(|line| Ok(serde_json::from_str(&line)?));
                    if sender.send(answer).is_err() {
                        return;
                    }
                }
            });
        }
        let commands = child.stdin.take();
        let stop = stop.clone();
        let mut load = Self {
            child,
            commands,
            answers,
            stop,
        };
        load.say(&serde_json::to_string(spec)?)?;
        match load.answer(Duration::from_secs(120))? {
            Answer::Ready => Ok(load),
            Answer::Report(_) | Answer::Failed(_) => {
                Err(BenchError::peer("load", "it is not ready"))
            }
        }
    }

    /// Opens streams, and waits until all have their heads.
    pub(crate) fn viewers(viewers: Viewers, stop: &Stop) -> Result<Self, BenchError> {
        Self::start(&Spec::Viewers(viewers), stop)
    }

    /// Its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Begins a window.
    pub(crate) fn mark(&mut self) -> Result<(), BenchError> {
        self.say("mark")
    }

    /// What came in the window.
    pub(crate) fn report(&mut self) -> Result<Report, BenchError> {
        self.say("report")?;
        match self.answer(Duration::from_secs(30))? {
            Answer::Report(report) => Ok(*report),
            Answer::Ready | Answer::Failed(_) => {
                Err(BenchError::peer("load", "it does not report"))
            }
        }
    }

    /// Waits until each viewer has all lines below `next`, and makes sure that they were right.
    pub(crate) fn all_delivered(
        &mut self,
        who: &str,
        next: u64,
        limit: Duration,
    ) -> Result<Report, BenchError> {
        let stop = self.stop.clone();
        let mut last = Report::default();
        let waited = stop.until(&format!("{who}: every line at every viewer"), limit, || {
            last = self.report()?;
            last.check(who)?;
            Ok(last.lowest_next >= next)
        });
        match waited {
            Err(BenchError::Late { limit, .. }) => {
                let waits = format!(
                    "{who}: a viewer waits for line {} of {}",
                    last.lowest_next,
                    next - 1
                );
                Err(BenchError::Late {
                    what: format!("{waits}; its arrival"),
                    limit,
                })
            }
            other => other.map(|()| last),
        }
    }

    fn say(&mut self, line: &str) -> Result<(), BenchError> {
        let Some(pipe) = &mut self.commands else {
            return Ok(());
        };
        writeln!(pipe, "{line}").map_err(BenchError::io("talk to a load process"))
    }

    fn answer(&mut self, limit: Duration) -> Result<Answer, BenchError> {
        for _ in 0..limit.as_millis() / 50 {
            match self.answers.recv_timeout(Duration::from_millis(50)) {
                Ok(Ok(Answer::Failed(said))) => return Err(BenchError::peer("load", said)),
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout) => self.stop.check()?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(BenchError::peer("load", "it ended"));
                }
            }
        }
        Err(BenchError::Late {
            what: "the answer of a load process".to_owned(),
            limit,
        })
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        drop(self.commands.take());
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
