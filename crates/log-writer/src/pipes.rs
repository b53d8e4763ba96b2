//! The output pipes of a command, read in one place.
//!
//! Two pipes say nothing about the order of what was written to them, apart from one thing: which of them became readable
//! first. So a pipe is always read until it is empty, and of several readable pipes the one that became readable first comes
//! first. What was written to both before the reader ran is in the order of the pipes, and not of the writes.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;
use tokio::net::unix::pipe::Receiver;

/// How many bytes are read at a time: as many as a pipe holds on Linux.
const READ_BYTES: usize = 64 * 1024;

/// The reading ends of some pipes.
#[derive(Debug)]
pub(crate) struct Pipes {
    /// `None` after all processes have closed the pipe.
    pipes: Vec<Option<Pipe>>,
    order: Arc<ReadyOrder>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Pipe {
    end: Receiver,
    /// Notes that the pipe has become readable.
    waker: Waker,
}

/// What happened to one of the pipes, which is named by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// So many bytes came. [`Pipes::taken`] has them until the next event.
    Bytes(usize, usize),
    /// All processes have closed it, or it cannot be read.
    Closed(usize),
}

/// The pipes that may be readable, in the order in which they became so.
#[derive(Debug, Default)]
struct ReadyOrder(Mutex<Ready>);

#[derive(Debug, Default)]
struct Ready {
    pipes: VecDeque<usize>,
    /// Whom to wake.
    reader: Option<Waker>,
}

/// Belongs to one pipe. The runtime wakes the pipes in the order in which the system says that they are readable.
struct PipeWaker {
    pipe: usize,
    order: Arc<ReadyOrder>,
}

impl Wake for PipeWaker {
    fn wake(self: Arc<Self>) {
        let mut ready = self.order.0.lock();
        if !ready.pipes.contains(&self.pipe) {
            ready.pipes.push_back(self.pipe);
        }
        let reader = ready.reader.take();
        drop(ready);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl Pipes {
    /// Takes the reading ends of pipes. They no longer block.
    pub(crate) fn new(ends: impl IntoIterator<Item = OwnedFd>) -> io::Result<Self> {
        let order = Arc::new(ReadyOrder::default());
        let mut pipes = Vec::new();
        for (pipe, end) in ends.into_iter().enumerate() {
            let end = Receiver::from_owned_fd(end)?;
            let waker = Waker::from(Arc::new(PipeWaker {
                pipe,
                order: Arc::clone(&order),
            }));
            // From here on, before anybody writes, the waker notes the order.
            if end
                .poll_read_ready(&mut Context::from_waker(&waker))
                .is_ready()
            {
                order.0.lock().pipes.push_back(pipe);
            }
            pipes.push(Some(Pipe { end, waker }));
        }
        Ok(Self {
            pipes,
            order,
            buffer: vec![0; READ_BYTES],
        })
    }

    /// The pipes that a process still holds open: their places, and a copy of each one's reading end.
    pub(crate) fn held_open(&self) -> Vec<(usize, Option<OwnedFd>)> {
        let pipes = self.pipes.iter().enumerate();
        let open = pipes.filter_map(|(place, pipe)| Some((place, pipe.as_ref()?)));
        open.map(|(place, pipe)| (place, pipe.end.as_fd().try_clone_to_owned().ok()))
            .collect()
    }

    /// Whether all processes have closed all pipes.
    pub(crate) fn are_closed(&self) -> bool {
        self.pipes.iter().all(Option::is_none)
    }

    /// The next event of the pipes that are wanted now. A call that is pending may be dropped: nothing is lost.
    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        is_wanted: impl Fn(usize) -> bool,
    ) -> Poll<Event> {
        self.order.0.lock().reader = Some(cx.waker().clone());
        loop {
            let next = {
                let ready = &mut self.order.0.lock().pipes;
                let place = ready.iter().position(|pipe| is_wanted(*pipe));
                place.and_then(|place| ready.remove(place))
            };
            let Some(place) = next else {
                return Poll::Pending;
            };
            let Some(pipe) = &self.pipes[place] else {
                continue;
            };
            match pipe.read(&mut self.buffer) {
                Taken::Nothing => {}
                Taken::End => {
                    self.pipes[place] = None;
                    return Poll::Ready(Event::Closed(place));
                }
                Taken::All(bytes) => return Poll::Ready(Event::Bytes(place, bytes)),
                Taken::Some(bytes) => {
                    self.order.0.lock().pipes.push_back(place);
                    return Poll::Ready(Event::Bytes(place, bytes));
                }
            }
        }
    }

    /// The bytes of the last event.
    pub(crate) fn taken(&self, bytes: usize) -> &[u8] {
        &self.buffer[..bytes]
    }
}

/// What was in a pipe.
enum Taken {
    Nothing,
    End,
    /// It is empty now, and its waker says when it no longer is.
    All(usize),
    /// It may have more.
    Some(usize),
}

impl Pipe {
    /// Reads until the pipe is empty or the buffer is full.
    fn read(&self, buffer: &mut [u8]) -> Taken {
        let mut cx = Context::from_waker(&self.waker);
        let mut taken = 0;
        while taken < buffer.len() {
            let Poll::Ready(ready) = self.end.poll_read_ready(&mut cx) else {
                return match taken {
                    0 => Taken::Nothing,
                    _ => Taken::All(taken),
                };
            };
            let read = ready.and_then(|()| self.end.try_read(&mut buffer[taken..]));
            match read {
                Ok(bytes @ 1..) => taken += bytes,
                // After the first one of these, the next poll waits.
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                // The end is told when the bytes before it were taken.
                Ok(0) | Err(_) if taken > 0 => return Taken::Some(taken),
                // A pipe that cannot be read has ended too.
                Ok(0) | Err(_) => return Taken::End,
            }
        }
        Taken::Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::{PipeWriter, Write as _};

    use super::*;

    /// Two pipes: what reads them, and the ends to write to.
    fn two() -> (Pipes, [PipeWriter; 2]) {
        let ((out, to_out), (err, to_err)) = (io::pipe().unwrap(), io::pipe().unwrap());
        let pipes = Pipes::new([out.into(), err.into()]).unwrap();
        (pipes, [to_out, to_err])
    }

    async fn next(pipes: &mut Pipes) -> (usize, Vec<u8>) {
        match poll_fn(|cx| pipes.poll_next(cx, |_| true)).await {
            Event::Bytes(place, bytes) => (place, pipes.taken(bytes).to_vec()),
            Event::Closed(place) => (place, Vec::new()),
        }
    }

    #[tokio::test]
    async fn the_pipe_that_became_readable_first_is_read_first() {
        let (mut pipes, mut ends) = two();
        for round in 0..200 {
            let first = usize::from(round % 3 != 0);
            ends[first].write_all(b"first").unwrap();
            ends[1 - first].write_all(b"second").unwrap();
            ends[1 - first].write_all(b" and more").unwrap();
            assert_eq!(
                next(&mut pipes).await,
                (first, b"first".to_vec()),
                "{round}"
            );
            // While the first one is handled, others write on.
            ends[first].write_all(b"third").unwrap();
            assert_eq!(
                next(&mut pipes).await,
                (1 - first, b"second and more".to_vec())
            );
            assert_eq!(next(&mut pipes).await, (first, b"third".to_vec()));
        }
    }

    #[tokio::test]
    async fn all_bytes_come_before_the_end_and_each_pipe_ends_once() {
        let (mut pipes, [mut out, err]) = two();
        let bytes = vec![b'x'; READ_BYTES];
        out.write_all(&bytes[..READ_BYTES - 1]).unwrap();
        drop(out);
        assert_eq!(next(&mut pipes).await.1.len(), READ_BYTES - 1);
        assert_eq!(next(&mut pipes).await, (0, Vec::new()));
        assert_eq!(pipes.held_open().len(), 1);
        drop(err);
        assert_eq!(next(&mut pipes).await, (1, Vec::new()));
        assert!(pipes.are_closed());
    }

    #[tokio::test]
    async fn a_pipe_that_is_not_wanted_keeps_what_it_has() {
        let (mut pipes, [mut out, mut err]) = two();
        out.write_all(b"out").unwrap();
        err.write_all(b"err").unwrap();
        let only_err = poll_fn(|cx| pipes.poll_next(cx, |place| place == 1)).await;
        assert_eq!(only_err, Event::Bytes(1, 3));
        assert_eq!(pipes.taken(3), b"err");
        assert_eq!(next(&mut pipes).await, (0, b"out".to_vec()));
    }
}
