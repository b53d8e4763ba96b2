//! Output that only a terminal gets: colours and progress.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::{Job, SOON, ended, joblog};

/// A pseudo-terminal: the test's end, and the end for the process.
pub(crate) fn pseudo_terminal() -> (File, File) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = OpenOptions::new()
        .read(true)
        .write(true)
        .open(OsStr::from_bytes(name.as_bytes()))
        .unwrap();
    (File::from(ours), theirs)
}

/// Runs a command until it ends, and returns what the terminal got.
pub(crate) async fn shown_by(mut ours: File, mut command: Command) -> String {
    let mut child = command.spawn().unwrap();
    // The command holds the other end open. The terminal ends when the last holder closes it.
    drop(command);
    let read = tokio::task::spawn_blocking(move || {
        let mut shown = Vec::new();
        // Reading from a terminal that nobody holds open any more is an error.
        let _ = ours.read_to_end(&mut shown);
        String::from_utf8(shown).unwrap()
    });
    timeout(SOON, child.wait()).await.unwrap().unwrap();
    timeout(SOON, read).await.unwrap().unwrap()
}

#[tokio::test]
async fn colours_are_printed_on_a_terminal_unless_the_environment_says_no() {
    let job = Job::with_status("ready").await;
    job.append("*", "stderr", "careful").await;
    for (variable, value, expected) in [
        ("TERM", "xterm", "\x1b[33mcareful\x1b[0m\r\n"),
        ("NO_COLOR", "1", "careful\r\n"),
        ("TERM", "dumb", "careful\r\n"),
    ] {
        let (ours, theirs) = pseudo_terminal();
        let mut command = job.joblog(&["cat"]);
        command.env(variable, value).stdout(Stdio::from(theirs));
        assert_eq!(
            shown_by(ours, command).await,
            expected,
            "{variable}={value}"
        );
    }
    let piped = ended(job.joblog(&["cat"])).await;
    assert_eq!(piped.text(), "careful\n");
}

#[tokio::test]
async fn a_long_wait_is_progress_on_a_terminal_and_one_message_elsewhere() {
    let arguments = [
        "cat",
        "a",
        "--redis",
        "redis://127.0.0.1:1",
        "--give-up-after",
        "4",
    ];
    let (ours, theirs) = pseudo_terminal();
    let mut command = joblog(&arguments);
    command.stderr(Stdio::from(theirs));
    let piped = joblog(&arguments);
    let (shown, piped) = tokio::join!(shown_by(ours, command), ended(piped));
    let progress = "\r\x1b[Kjoblog: Redis cannot be reached; trying again (";
    assert!(shown.matches(progress).count() >= 2, "{shown:?}");
    let last = shown.rsplit("\x1b[K").next().unwrap();
    assert!(last.starts_with("joblog: Redis: "), "{shown:?}");

    assert!(!piped.err.contains('\x1b'), "{piped:?}");
    assert_eq!(piped.err.matches("trying again").count(), 1, "{piped:?}");
}
