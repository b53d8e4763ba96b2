//! `joblog tail`: follows a log until the job ends.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use log_client::Ending;
use tokio::time::timeout;

use crate::args::TailArgs;
use crate::environment::Environment;
use crate::event::Event;
use crate::exit::{self, Failure};
use crate::printer::LinePrinter;
use crate::source::{FollowedLog, Source};
use crate::stdout;
use crate::terminal::Terminal;
use crate::wait_notice::{TICK, WaitNotice};

/// The message after a wait.
const RESUMED: &str = "the log can be read again";

pub(crate) async fn tail(
    args: TailArgs,
    env: Environment,
    terminal: &mut Terminal,
) -> Result<u8, Failure> {
    let start = args.start();
    let job = env.job_id(args.job.job, "name the job, or set JOBLOG_JOB")?;
    let source = Source::open(args.source, args.give_up_after, env, terminal).await?;
    let printer = LinePrinter::new(args.style.into(), env);
    let waits_for = source.status_before_work(&job, terminal).await?;
    let log = source.follow(&job, start, terminal).await?;
    if let Some(status) = waits_for {
        terminal.message(format_args!(
            "the job is {status}: it has not begun yet, and tail waits for it"
        ));
    }
    let mut wait = WaitNotice::default();
    wait.start("connecting");
    let tail = Tail {
        log,
        printer,
        terminal,
        wait,
        has_printed: false,
    };
    tail.run().await
}

struct Tail<'a> {
    log: FollowedLog,
    printer: LinePrinter,
    terminal: &'a mut Terminal,
    wait: WaitNotice,
    /// Whether any line was printed.
    has_printed: bool,
}

/// Whether to go on after an event.
enum Next {
    Continue,
    Exit(u8),
}

impl Tail<'_> {
    async fn run(mut self) -> Result<u8, Failure> {
        loop {
            // Events that are ready are printed together. Then the output is flushed before waiting.
            let event = match poll_once(self.log.next()).await {
                Some(event) => event?,
                None => {
                    if !stdout::check(self.printer.flush())? {
                        return Ok(0);
                    }
                    match self.wait_for_event().await? {
                        Some(event) => event,
                        None => return Ok(0),
                    }
                }
            };
            let Some(event) = event else { return Ok(0) };
            match self.handle(event)? {
                Next::Continue => {}
                Next::Exit(code) => return Ok(code),
            }
        }
    }

    /// Waits for the next event. The outer `None` means that nobody reads standard output any more.
    async fn wait_for_event(&mut self) -> Result<Option<Option<Event>>, Failure> {
        let mut next = pin!(self.log.next());
        loop {
            if stdout::reader_has_gone() {
                return Ok(None);
            }
            self.wait.tick(self.terminal);
            if let Ok(event) = timeout(TICK, &mut next).await {
                return event.map(Some);
            }
        }
    }

    fn handle(&mut self, event: Event) -> Result<Next, Failure> {
        match event {
            Event::Line(line) => {
                self.wait.end(self.terminal, RESUMED);
                self.has_printed = true;
                if !stdout::check(self.printer.print(&line))? {
                    return Ok(Next::Exit(0));
                }
            }
            Event::Gap(missing) => {
                stdout::check(self.printer.make_room())?;
                self.terminal.message(missing);
            }
            Event::Done(ending) => return self.handle_end(&ending).map(Next::Exit),
            Event::Unavailable(reason) => self.wait.start(reason),
            Event::Available | Event::Idle => self.wait.end(self.terminal, RESUMED),
        }
        Ok(Next::Continue)
    }

    fn handle_end(&mut self, ending: &Ending) -> Result<u8, Failure> {
        stdout::check(self.printer.finish())?;
        self.wait.end(self.terminal, RESUMED);
        let hint = if self.has_printed {
            ""
        } else {
            "; to see its lines, use joblog cat, or --from start"
        };
        self.terminal
            .message(format_args!("the job has ended: {ending}{hint}"));
        Ok(exit::code_from_ending(ending))
    }
}

/// Polls a future once. `None` if it is not ready.
async fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        Poll::Ready(match future.as_mut().poll(cx) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        })
    })
    .await
}
