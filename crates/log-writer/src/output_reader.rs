//! Reads the output of a command into its channels, in one place, and shows it on the way.

use std::future::{Future as _, poll_fn};
use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::channel::Channel;
use crate::echo::Shown;
use crate::pipes::{Event, Pipes};

/// After the command has ended, another process may hold the pipes open. If they are silent for this long, the output
/// counts as complete.
const MAX_SILENCE_AFTER_EXIT: Duration = Duration::from_millis(1500);

/// If the other process goes on writing, the output counts as complete after this time.
const MAX_READ_AFTER_EXIT: Duration = Duration::from_secs(10);

/// Why reading stopped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OutputEnd {
    /// All processes have closed all pipes.
    Closed,
    /// The command has ended, but another process holds a pipe open.
    HeldOpen,
}

/// One output of a command: its pipe, and where it goes.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) pipe: OwnedFd,
    pub(crate) channel: Channel,
    pub(crate) shown: Shown,
}

/// Reads the outputs of a command.
#[derive(Debug)]
pub(crate) struct OutputReader {
    pipes: Pipes,
    /// Where the bytes of each pipe go.
    channels: Vec<Channel>,
    /// Where they are also shown.
    shown: Vec<Shown>,
    /// When the command ended.
    exited_at: watch::Receiver<Option<Instant>>,
    blocked: Blocked,
}

impl OutputReader {
    pub(crate) fn new(
        outputs: Vec<Output>,
        exited_at: watch::Receiver<Option<Instant>>,
    ) -> io::Result<Self> {
        let (mut ends, mut channels, mut shown) = (Vec::new(), Vec::new(), Vec::new());
        for output in outputs {
            ends.push(output.pipe);
            channels.push(output.channel);
            shown.push(output.shown);
        }
        Ok(Self {
            pipes: Pipes::new(ends)?,
            channels,
            shown,
            exited_at,
            blocked: Blocked::default(),
        })
    }

    /// The pipes.
    pub(crate) const fn pipes(&self) -> &Pipes {
        &self.pipes
    }

    /// Reads until all pipes are closed, or until the command has ended and the output counts as complete.
    pub(crate) async fn read_until_exit(&mut self) -> OutputEnd {
        let end = self.copy_until_exit().await;
        poll_fn(|cx| poll_shown(&mut self.shown, cx)).await;
        // This ends the last lines. If another process writes more, a new line begins. A shutdown of a channel cannot fail.
        for channel in &mut self.channels {
            let _ = channel.shutdown().await;
        }
        end
    }

    /// Reads until all pipes are closed, so that a process that writes does not die of a broken pipe. Tells the place of
    /// each pipe that was closed.
    pub(crate) async fn read_to_end(&mut self, closed: impl Fn(usize)) {
        while !self.pipes.are_closed() {
            let event = self.next_event().await;
            if let Event::Closed(place) = event {
                closed(place);
            }
            self.take(event).await;
        }
    }

    async fn copy_until_exit(&mut self) -> OutputEnd {
        while !self.pipes.are_closed() {
            if self.is_overdue() {
                return OutputEnd::HeldOpen;
            }
            let silence = silence_after_exit(self.exited_at.clone());
            // Bytes that are ready are read first, even after the silence.
            let event = tokio::select! {
                biased;
                event = self.next_event() => Some(event),
                () = silence => None,
            };
            match event {
                Some(event) => self.take(event).await,
                // A pipe is not silent while nobody takes what came from it.
                None if self.blocked.since.is_some() => {}
                None => return OutputEnd::HeldOpen,
            }
        }
        OutputEnd::Closed
    }

    /// The next event of the pipes. Meanwhile shows what waits. A pipe whose last bytes are not shown yet is not read, and
    /// the other one is. May be dropped while it waits.
    async fn next_event(&mut self) -> Event {
        poll_fn(|cx| {
            let is_blocked = poll_shown(&mut self.shown, cx).is_pending();
            self.blocked.note(is_blocked, &self.exited_at);
            self.pipes.poll_next(cx, |place| !self.shown[place].waits())
        })
        .await
    }

    /// Puts what an event brought into the log. Meanwhile shows it.
    async fn take(&mut self, event: Event) {
        match event {
            Event::Bytes(place, bytes) => {
                let bytes = self.pipes.taken(bytes);
                self.shown[place].add(bytes);
                self.blocked.note(true, &self.exited_at);
                let mut write = pin!(self.channels[place].write_all(bytes));
                // The only error means that the writer has ended. Its log is complete, and these bytes do not belong to it.
                let _ = poll_fn(|cx| {
                    let _ = poll_shown(&mut self.shown, cx);
                    write.as_mut().poll(cx)
                })
                .await;
                self.blocked.note(false, &self.exited_at);
            }
            // This ends the last line. A shutdown of a channel cannot fail.
            Event::Closed(place) => {
                let _ = self.channels[place].shutdown().await;
            }
        }
    }

    fn is_overdue(&self) -> bool {
        let limit = MAX_READ_AFTER_EXIT + self.blocked.total(&self.exited_at);
        let exited_at = *self.exited_at.borrow();
        exited_at.is_some_and(|at| at.elapsed() > limit)
    }
}

/// The time in which others did not take the output.
#[derive(Debug, Default)]
struct Blocked {
    /// Since when they do not.
    since: Option<Instant>,
    /// The time before that, after the command had ended.
    before: Duration,
}

impl Blocked {
    /// Notes whether others take the output now.
    fn note(&mut self, is_blocked: bool, exited_at: &watch::Receiver<Option<Instant>>) {
        if is_blocked {
            self.since.get_or_insert_with(Instant::now);
        } else if self.since.is_some() {
            self.before = self.total(exited_at);
            self.since = None;
        }
    }

    fn total(&self, exited_at: &watch::Receiver<Option<Instant>>) -> Duration {
        let exited_at = *exited_at.borrow();
        let now = self.since.zip(exited_at);
        let now = now.map(|(since, exited_at)| since.max(exited_at).elapsed());
        self.before + now.unwrap_or_default()
    }
}

/// Shows what waits. Ready when nothing does.
fn poll_shown(shown: &mut [Shown], cx: &mut Context<'_>) -> Poll<()> {
    let mut polled = Poll::Ready(());
    for shown in shown {
        if shown.poll(cx).is_pending() {
            polled = Poll::Pending;
        }
    }
    polled
}

/// Returns when the command has ended and [`MAX_SILENCE_AFTER_EXIT`] has passed.
async fn silence_after_exit(mut exited_at: watch::Receiver<Option<Instant>>) {
    // An error means that the sender is gone, and with it the command.
    let _ = exited_at.wait_for(Option::is_some).await;
    sleep(MAX_SILENCE_AFTER_EXIT).await;
}

#[cfg(test)]
mod tests {
    use std::io::{PipeWriter, Write as _};
    use std::sync::Arc;

    use log_domain::JobId;
    use log_store::MemoryStore;
    use tokio::io::{AsyncReadExt as _, DuplexStream};

    use super::*;
    use crate::echo::Echo;
    use crate::writer::LogWriter;

    /// A reader of two pipes. The paused clock does not run ahead of them: what was written before is read before the clock
    /// moves.
    struct Reading {
        writer: LogWriter,
        reader: OutputReader,
        out: PipeWriter,
        err: PipeWriter,
        exit: watch::Sender<Option<Instant>>,
    }

    fn start(echo: Echo) -> Reading {
        let job: JobId = "job-1".parse().unwrap();
        let writer = LogWriter::builder(job, Arc::new(MemoryStore::new()))
            .start()
            .unwrap();
        let ((out, to_out), (err, to_err)) = (io::pipe().unwrap(), io::pipe().unwrap());
        let (exit, exited_at) = watch::channel(None);
        let outputs = vec![
            Output {
                pipe: out.into(),
                channel: writer.stdout(),
                shown: echo.stdout,
            },
            Output {
                pipe: err.into(),
                channel: writer.stderr(),
                shown: echo.stderr,
            },
        ];
        Reading {
            reader: OutputReader::new(outputs, exited_at).unwrap(),
            writer,
            out: to_out,
            err: to_err,
            exit,
        }
    }

    /// An echo to a reader that takes only what it is asked for.
    fn slow_echo() -> (Echo, DuplexStream, DuplexStream) {
        let ((out, shown_out), (err, shown_err)) = (tokio::io::duplex(1), tokio::io::duplex(64));
        (Echo::to(out, err), shown_out, shown_err)
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_process_that_holds_the_pipe_open_is_waited_for_a_moment() {
        let mut reading = start(Echo::default());
        reading.out.write_all(b"no newline").unwrap();
        reading.exit.send_replace(Some(Instant::now()));
        let started = Instant::now();
        assert_eq!(reading.reader.read_until_exit().await, OutputEnd::HeldOpen);
        assert_eq!(started.elapsed(), MAX_SILENCE_AFTER_EXIT);
        assert_eq!(reading.reader.pipes().held_open().len(), 2);
        reading.writer.flush().await.unwrap();
        let appended = reading.writer.stats().appended;
        assert_eq!(appended, 1, "the last line has ended");
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_never_stops_writing_is_read_for_ten_seconds_and_not_longer() {
        let mut reading = start(Echo::default());
        reading.exit.send_replace(Some(Instant::now()));
        let started = Instant::now();
        let writes = async {
            loop {
                reading.out.write_all(b"x\n").unwrap();
                sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            end = reading.reader.read_until_exit() => assert_eq!(end, OutputEnd::HeldOpen),
            () = writes => unreachable!("it never ends"),
        }
        let took = started.elapsed();
        let limit = MAX_READ_AFTER_EXIT..MAX_READ_AFTER_EXIT + MAX_SILENCE_AFTER_EXIT;
        assert!(limit.contains(&took), "{took:?}");
        reading.writer.flush().await.unwrap();
        assert!(reading.writer.stats().appended >= 90);
    }

    #[tokio::test(start_paused = true)]
    async fn pipes_that_close_end_the_output_at_once() {
        let mut reading = start(Echo::default());
        drop((reading.out, reading.err));
        let started = Instant::now();
        assert_eq!(reading.reader.read_until_exit().await, OutputEnd::Closed);
        assert_eq!(started.elapsed(), Duration::ZERO);
        drop(reading.exit);
    }

    #[tokio::test(start_paused = true)]
    async fn output_that_nobody_takes_does_not_hold_the_other_output_back() {
        let (echo, mut shown_out, mut shown_err) = slow_echo();
        let mut reading = start(echo);
        reading.out.write_all(b"out").unwrap();
        reading.err.write_all(b"err").unwrap();
        let mut shown = [0; 3];
        tokio::select! {
            _ = reading.reader.read_until_exit() => unreachable!("the pipes are open"),
            read = shown_err.read_exact(&mut shown) => { read.unwrap(); }
        }
        assert_eq!(&shown, b"err");
        drop((reading.out, reading.err));
        let rest = async {
            shown_out.read_exact(&mut shown).await.unwrap();
        };
        let (end, ()) = tokio::join!(reading.reader.read_until_exit(), rest);
        assert_eq!((end, &shown), (OutputEnd::Closed, b"out"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_for_whoever_takes_the_output_is_no_silence_and_costs_no_line() {
        let (echo, mut shown_out, _shown_err) = slow_echo();
        let mut reading = start(echo);
        // The pipe holds all of it, and one read takes less.
        let lines = "a line\n".repeat(5_000);
        reading.out.write_all(lines.as_bytes()).unwrap();
        reading.exit.send_replace(Some(Instant::now()));
        let takes = async {
            sleep(MAX_READ_AFTER_EXIT * 6).await;
            let mut shown = vec![0; lines.len()];
            shown_out.read_exact(&mut shown).await.unwrap();
            assert!(shown == lines.as_bytes());
        };
        let (end, ()) = tokio::join!(reading.reader.read_until_exit(), takes);
        assert_eq!(end, OutputEnd::HeldOpen);
        reading.writer.flush().await.unwrap();
        assert_eq!(reading.writer.stats().appended, 5_000);
    }
}
