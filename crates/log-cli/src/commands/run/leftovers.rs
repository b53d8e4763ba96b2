//! Processes that the command left behind. When joblog ends, nobody reads their output any more, and they would die of a
//! broken pipe (SIGPIPE) at their next write. So joblog leaves a process of its own behind, which reads that output and
//! discards it, and ends when the last writer does.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::process::{Command, Stdio};
use std::thread;

use log_writer::Leftovers;

use crate::args::DISCARD;
use crate::exit::Failure;
use crate::terminal::Terminal;

/// How much is read at a time.
const READ_BYTES: usize = 64 * 1024;

/// Hands the outputs that are still open to a new process.
pub(super) fn hand_over(leftovers: &Leftovers, terminal: &mut Terminal) {
    let mut outputs = leftovers.take().into_iter();
    while let Some(first) = outputs.next() {
        if let Err(error) = start(first, outputs.next()) {
            terminal.message(format_args!(
                "a process that the command left behind may die when it writes its next line: {error}"
            ));
        }
    }
}

/// Starts `joblog` as a reader of one or two pipes. It holds nothing of this process open, and no signal to this process or
/// from its terminal reaches it.
fn start(first: OwnedFd, second: Option<OwnedFd>) -> io::Result<()> {
    use std::os::unix::process::CommandExt as _;
    let second = second.map_or_else(Stdio::null, Stdio::from);
    Command::new(std::env::current_exe()?)
        .arg(DISCARD)
        .stdin(first)
        .stdout(Stdio::null())
        .stderr(second)
        .current_dir("/")
        .env_clear()
        .process_group(0)
        .spawn()?;
    // Nobody waits for it: it outlives this process.
    Ok(())
}

/// Reads standard input and standard error until nobody writes there any more. Standard error is a pipe to read from here.
pub(crate) fn discard() -> Result<u8, Failure> {
    let failed = |error| Failure::new(Failure::OTHER, error);
    let (input, error) = (io::stdin(), io::stderr());
    let copies = [copy(input.as_fd()), copy(error.as_fd())];
    let mut readers = Vec::new();
    for file in copies {
        let file = file.map_err(failed)?;
        readers.push(thread::spawn(move || read_to_end(file)));
    }
    for reader in readers {
        // It panics nowhere.
        let _ = reader.join();
    }
    Ok(0)
}

fn copy(end: BorrowedFd<'_>) -> io::Result<File> {
    let end = end.try_clone_to_owned()?;
    // The process that made the pipe read it without blocking.
    rustix::io::ioctl_fionbio(&end, false)?;
    Ok(end.into())
}

fn read_to_end(mut file: File) {
    let mut buffer = vec![0; READ_BYTES];
    while let Ok(1..) = file.read(&mut buffer) {}
}
