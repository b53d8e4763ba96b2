//! What joblog says about a wrong command line, a command that cannot be started, and a Redis that cannot be reached.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use crate::support::{ANN, Ended, Job, ended, joblog};

/// A Redis that is not there.
const NOWHERE: &str = "redis://127.0.0.1:1";

#[tokio::test]
async fn a_missing_double_dash_is_named() {
    for words in [
        &["run", "--job", "j1", "echo", "hi"][..],
        &["run", "make", "-j4"],
        &["run", "--user", ANN, "echo", "--", "hi"],
    ] {
        let ended = ended(joblog(words)).await;
        assert_eq!(ended.code, Some(125), "{ended:?}");
        assert!(
            ended.err.contains("put `--` before the command"),
            "{ended:?}"
        );
    }
}

#[tokio::test]
async fn a_wrong_command_line_of_run_is_a_failure_before_the_command() {
    for words in [
        &["run"][..],
        &["run", "--no-such-option", "--", "true"],
        &["run", "--kill-after", "soon", "--", "true"],
        &["run", "--job", "a", "--give-up-after", "-1", "--", "true"],
    ] {
        let ended = ended(joblog(words)).await;
        assert_eq!(ended.code, Some(125), "{words:?} {ended:?}");
        assert!(!ended.err.is_empty());
    }
    let other = ended(joblog(&["tail", "--no-such-option"])).await;
    assert_eq!(other.code, Some(2), "{other:?}");
}

fn is_plain(ended: &Ended) -> bool {
    !["Os {", "kind:", "[\"", "os error", "Custom {"]
        .iter()
        .any(|part| ended.err.contains(part))
}

#[tokio::test]
async fn messages_about_redis_are_in_plain_words() {
    for (words, said) in [
        (
            &["status", "j1", "--redis", NOWHERE, "--give-up-after", "3"][..],
            "Connection refused",
        ),
        (
            &["cat", "j1", "--redis", NOWHERE, "--give-up-after", "3"],
            "gave up after 3 s",
        ),
        (
            &[
                "create",
                "j1",
                "--user",
                ANN,
                "--redis",
                NOWHERE,
                "--give-up-after",
                "3s",
            ],
            "gave up after 3 s",
        ),
        (
            &["status", "j1", "--redis", "http://h"],
            "redis://, rediss://",
        ),
        (
            &["run", "--job", "a", "--redis", "h:1", "--", "true"],
            "redis://, rediss://",
        ),
        (
            &[
                "status",
                "j1",
                "--redis",
                "redis://no-such-host.invalid",
                "--give-up-after",
                "3",
            ],
            "cannot be reached",
        ),
    ] {
        let started = Instant::now();
        let ended = ended(joblog(words)).await;
        assert_ne!(ended.code, Some(0), "{ended:?}");
        assert!(started.elapsed() < Duration::from_secs(12), "{words:?}");
        assert!(ended.err.contains(said), "{words:?} {ended:?}");
        assert!(is_plain(&ended), "{ended:?}");
    }
}

#[tokio::test]
async fn a_question_gives_up_after_15_seconds_by_default() {
    for command in ["cat", "status", "create"] {
        let help = ended(joblog(&[command, "--help"])).await.text();
        assert!(help.contains("[default: 15s]"), "{command}: {help}");
    }
    let started = Instant::now();
    let ended = ended(joblog(&["cat", "j1", "--redis", NOWHERE])).await;
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.err.contains("gave up after 15 s"), "{ended:?}");
    assert!(started.elapsed() < Duration::from_secs(25));
}

/// Writes a program into a folder.
fn program(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, content).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    file
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let no_interpreter = program(at, "badshebang", b"#!/no/such/interpreter -x\necho hi\n");
    let windows = program(at, "windows", b"#!/bin/sh\r\necho hi\r\n");
    let garbage = program(at, "garbage", b"\x01\x02\0\0garbage");
    for (file, code, said) in [
        (
            &*no_interpreter,
            126,
            "the interpreter in its first line, `/no/such/interpreter`, was not found",
        ),
        (&*windows, 126, "lines end as on Windows"),
        (&*garbage, 126, "no program for this machine"),
        (at, 126, "it is a folder"),
    ] {
        let job = Job::new().await;
        let mut command = job.joblog(&["run", "--user", ANN, "--"]);
        command.arg(file);
        let ended = ended(command).await;
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.err.contains(said), "{ended:?}");
        assert!(is_plain(&ended), "{ended:?}");
        assert_eq!(job.status().await, "failed");
        assert!(job.log().await.pop().unwrap().1.contains(said));
    }
}

#[tokio::test]
async fn a_program_is_found_in_the_path_and_explained_in_the_same_way() {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), "badshebang", b"#!/no/such/interpreter\n");
    let job = Job::new().await;
    let mut command = job.joblog(&["run", "--user", ANN, "--", "badshebang"]);
    command.env("PATH", folder.path());
    let ended = ended(command).await;
    assert_eq!(ended.code, Some(126), "{ended:?}");
    assert!(ended.err.contains("/no/such/interpreter"), "{ended:?}");
}

#[tokio::test]
async fn a_script_without_an_interpreter_is_run_by_sh() {
    let folder = tempfile::tempdir().unwrap();
    let script = program(folder.path(), "script", b"echo \"$0\" got \"$1\"\nexit 4\n");
    let job = Job::new().await;
    let mut command = job.joblog(&["run", "--user", ANN, "--"]);
    command.arg(&script).arg("an argument");
    let ended = ended(command).await;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let expected = format!("{} got an argument", script.display());
    assert_eq!(job.texts().await, [expected]);
}

#[tokio::test]
async fn the_command_does_not_inherit_what_is_for_joblog() {
    let job = Job::new().await;
    let mut command = job.run(&[], "env | grep -c ^JOBLOG_; echo ${REDIS_URL:-none}");
    command
        .env("JOBLOG_TOKEN", "token-of-joblog-0123456789")
        .env("JOBLOG_URL", "http://u");
    let ended = ended(command).await;
    assert_eq!(ended.text(), "0\nnone\n");
    assert_eq!(ended.err, "");
}

#[tokio::test]
async fn redis_url_is_the_last_resort_and_is_passed_on_with_a_warning() {
    let job = Job::new().await;
    let url = job.redis.url();
    let script = "echo $REDIS_URL";
    // The log's Redis, seen by the command.
    for (own, warned) in [(None, true), (Some(&url), true)] {
        let job = Job::on(job.redis.clone());
        let mut command = job.run(&[], script);
        command
            .env_remove("JOBLOG_REDIS_URL")
            .env("REDIS_URL", &url);
        if let Some(own) = own {
            command.env("JOBLOG_REDIS_URL", own);
        }
        let ended = ended(command).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.text(), format!("{url}\n"));
        assert_eq!(
            ended
                .err
                .contains("name the log's Redis in JOBLOG_REDIS_URL"),
            warned
        );
    }
    // A Redis of the build's own.
    let mut command = job.run(&[], script);
    command.env("REDIS_URL", NOWHERE);
    let ended = ended(command).await;
    assert_eq!(
        (ended.text().as_str(), ended.err.as_str()),
        ("redis://127.0.0.1:1\n", "")
    );
    assert_eq!(job.status().await, "ready");
}

#[tokio::test]
async fn every_line_has_a_phase() {
    for (status, options, phase) in [
        ("queued", &[][..], "code"),
        ("starting", &[], "code"),
        ("scaffold", &[], "scaffold"),
        ("deps", &[], "install"),
        ("checks", &[], "checks"),
        ("deps", &["--phase", "checks"], "checks"),
    ] {
        let job = Job::with_status(status).await;
        let ended = ended(job.run(options, "echo hi; exit 1")).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let phases = job.field("phase").await;
        assert!(phases.len() >= 2);
        assert!(
            phases.iter().all(|found| found == phase),
            "{status}: {phases:?}"
        );
    }
}
