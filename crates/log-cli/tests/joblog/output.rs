//! Standard output and standard error that cannot be written: no command panics, and the exit codes are as documented.

use std::fs::{File, OpenOptions};
use std::process::Stdio;

use tokio::process::Command;

use crate::support::{ANN, Ended, Job, ended, joblog};

/// A file on a full disk: every write fails.
fn full() -> Stdio {
    let full: File = OpenOptions::new().write(true).open("/dev/full").unwrap();
    Stdio::from(full)
}

/// A pipe whose reader has gone away.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    Stdio::from(writer)
}

/// An ended job with some lines.
async fn ended_job() -> Job {
    let job = Job::with_status("ready").await;
    for n in 0..3 {
        job.append("*", "stdout", &format!("line {n}")).await;
    }
    job
}

/// Every command that prints something, with its exit code if all goes well.
fn commands(job: &Job) -> Vec<(Command, i32)> {
    let mut commands: Vec<_> = [
        &["cat"][..],
        &["cat", "--json"],
        &["tail", "--from", "start"],
        &["status"],
    ]
    .map(|arguments| (job.joblog(arguments), 0))
    .into();
    let pages = [
        &["--help"][..],
        &["--version"],
        &["run", "--help"],
        &["completions", "bash"],
        &["man"],
    ];
    commands.extend(pages.map(|arguments| (joblog(arguments), 0)));
    commands
}

fn assert_no_panic(ended: &Ended) {
    assert!(ended.code.is_some(), "a signal ended it: {ended:?}");
    assert_ne!(ended.code, Some(101), "it panicked: {ended:?}");
    assert!(!ended.err.contains("panicked"), "{ended:?}");
}

#[tokio::test]
async fn a_full_disk_behind_standard_output_is_an_error_with_a_message() {
    let job = ended_job().await;
    for (mut command, _) in commands(&job) {
        let name = format!("{command:?}");
        command.stdout(full());
        let ended = ended(command).await;
        assert_no_panic(&ended);
        assert_eq!(ended.code, Some(6), "{name}: {ended:?}");
        let message = "cannot write to standard output";
        assert!(ended.err.contains(message), "{name}: {ended:?}");
    }
}

#[tokio::test]
async fn a_standard_output_without_a_reader_is_no_error() {
    let job = ended_job().await;
    for (mut command, code) in commands(&job) {
        let name = format!("{command:?}");
        command.stdout(closed_pipe());
        let ended = ended(command).await;
        assert_no_panic(&ended);
        assert_eq!(ended.code, Some(code), "{name}: {ended:?}");
    }
}

#[tokio::test]
async fn a_standard_error_that_cannot_be_written_changes_no_exit_code() {
    let job = ended_job().await;
    for stderr in [full, closed_pipe] {
        for (mut command, code) in commands(&job) {
            let name = format!("{command:?}");
            command.stderr(stderr());
            let ended = ended(command).await;
            assert_no_panic(&ended);
            assert_eq!(ended.code, Some(code), "{name}: {ended:?}");
        }
        for (arguments, code) in [(&["tail", "--nonsense"][..], 2), (&["cat", "a"], 2)] {
            let mut command = joblog(arguments);
            command.stderr(stderr());
            let ended = ended(command).await;
            assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        }
    }
}

#[tokio::test]
async fn a_run_whose_output_cannot_be_shown_still_writes_its_log() {
    for unwritable in [full, closed_pipe] {
        let job = Job::new().await;
        let script =
            "i=0; while [ $i -lt 2000 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done; exit 5";
        let mut command = job.joblog(&["run", "--user", ANN]);
        command
            .args(["--", "sh", "-c", script])
            .stdout(unwritable())
            .stderr(unwritable());
        let ended = ended(command).await;
        assert_eq!(ended.code, Some(5), "{ended:?}");
        assert_eq!(job.texts().await.len(), 4000);
        assert_eq!(job.status().await, "failed");
    }
}
