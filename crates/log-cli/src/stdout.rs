//! Standard output: writing to it, and noticing that nobody reads it any more.

use std::io::{self, Write as _};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::exit::Failure;

/// Prints bytes to standard output.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    check(out.write_all(bytes).and_then(|()| out.flush()))?;
    Ok(())
}

/// Checks the result of a write to standard output. `false` if its reader has gone away, which is no error.
pub(crate) fn check(written: io::Result<()>) -> Result<bool, Failure> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::new(
            Failure::OTHER,
            format_args!("cannot write to standard output: {error}"),
        )),
    }
}

/// Whether the reader of standard output has gone away. Without this check, only the next write would notice it.
pub(crate) fn reader_has_gone() -> bool {
    let out = io::stdout();
    let mut polled = [PollFd::new(&out, PollFlags::empty())];
    let no_wait = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut polled, Some(&no_wait)).is_ok() && polled[0].revents().contains(PollFlags::ERR)
}
