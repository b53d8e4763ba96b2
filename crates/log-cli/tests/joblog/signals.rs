//! `joblog run` forwards signals to the command and to everything that it has started.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::support::{Job, SOON, end_of, first_line};
use crate::terminal::pseudo_terminal;

fn send(signal: &str, process: u32) {
    let sent = Command::new("kill")
        .args(["-s", signal, &process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[tokio::test]
async fn a_signal_is_forwarded_and_the_exit_code_is_that_of_the_command() {
    for signal in ["TERM", "INT", "HUP", "QUIT", "USR1"] {
        let job = Job::new().await;
        let script = format!(
            "trap 'echo got it; exit 7' {signal}; echo waiting; while :; do sleep 0.05; done"
        );
        let mut child = job.run(&[], &script).spawn().unwrap();
        assert_eq!(first_line(&mut child).await, "waiting");
        send(signal, child.id().unwrap());
        let ended = end_of(child).await;
        assert_eq!(ended.code, Some(7), "{signal}: {ended:?}");
        assert_eq!(ended.text(), "got it\n");
        // The shell may also say that its `sleep` was terminated.
        let texts = job.texts().await;
        assert_eq!(texts[0], "waiting");
        assert!(texts.contains(&"got it".to_owned()), "{texts:?}");
        assert_eq!(job.status().await, "failed");
    }
}

#[tokio::test]
async fn a_signal_reaches_what_the_command_has_started() {
    for signal in ["TERM", "INT", "HUP"] {
        let job = Job::new().await;
        let inner = format!(
            "trap 'echo the child got it; exit' {signal}; echo waiting; while :; do sleep 0.05; done"
        );
        let script = format!("sh -c \"{inner}\"; echo the parent goes on");
        let mut child = job.run(&[], &script).spawn().unwrap();
        assert_eq!(first_line(&mut child).await, "waiting");
        send(signal, child.id().unwrap());
        let ended = end_of(child).await;
        assert!(
            ended.text().contains("the child got it\n"),
            "{signal}: {ended:?}"
        );
        assert_eq!(job.status().await, "failed", "{signal}");
    }
}

#[tokio::test]
async fn a_command_that_ignores_the_signal_is_killed_after_the_grace() {
    let job = Job::new().await;
    let script = "trap '' TERM; echo waiting; while :; do sleep 0.05; done";
    let mut child = job.run(&["--kill-after", "2s"], script).spawn().unwrap();
    assert_eq!(first_line(&mut child).await, "waiting");
    let sent_at = Instant::now();
    send("TERM", child.id().unwrap());
    let ended = end_of(child).await;
    assert!(sent_at.elapsed() >= Duration::from_secs(2));
    assert_eq!(ended.code, Some(128 + 9), "{ended:?}");
    assert!(ended.err.contains("did not end within 2 s"), "{ended:?}");
    assert_eq!(job.status().await, "failed");
}

#[tokio::test]
async fn what_the_command_has_started_is_killed_after_the_grace_although_the_command_has_ended() {
    let job = Job::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alive");
    let script = format!(
        "sh -c 'trap \"\" TERM; echo waiting; while :; do echo x >> {}; sleep 0.05; done' & wait",
        file.display()
    );
    let mut child = job.run(&["--kill-after", "2s"], &script).spawn().unwrap();
    assert_eq!(first_line(&mut child).await, "waiting");
    send("TERM", child.id().unwrap());
    let ended = end_of(child).await;
    assert_eq!(ended.code, Some(128 + 15), "{ended:?}");
    assert!(stops_growing(&file).await, "it still runs");
}

/// Whether nobody writes to a file any more.
async fn stops_growing(file: &Path) -> bool {
    let length = || std::fs::metadata(file).unwrap().len();
    let started = Instant::now();
    while started.elapsed() < SOON {
        let before = length();
        sleep(Duration::from_secs(2)).await;
        if length() == before {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn a_command_that_a_signal_ended_has_the_exit_code_of_a_shell() {
    let job = Job::new().await;
    let script = "echo waiting; exec sleep 60";
    let mut child = job.run(&[], script).spawn().unwrap();
    assert_eq!(first_line(&mut child).await, "waiting");
    send("TERM", child.id().unwrap());
    let ended = end_of(child).await;
    assert_eq!(ended.code, Some(128 + 15), "{ended:?}");
    assert_eq!(job.status().await, "failed");
}

#[tokio::test]
async fn a_command_that_ignores_a_signal_and_ends_within_the_grace_ends_as_it_wants() {
    let job = Job::new().await;
    let script = "trap '' INT; echo waiting; sleep 1; echo still there";
    let mut child = job.run(&[], script).spawn().unwrap();
    assert_eq!(first_line(&mut child).await, "waiting");
    sleep(Duration::from_millis(50)).await;
    send("INT", child.id().unwrap());
    let ended = end_of(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.text(), "still there\n");
    assert_eq!(job.status().await, "ready");
}

/// The process group of a process, as Linux shows it.
fn group_of(stat: &str) -> String {
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().nth(2).unwrap().to_owned()
}

#[tokio::test]
async fn the_command_has_a_process_group_of_its_own_except_on_a_terminal() {
    let own = std::fs::read_to_string("/proc/self/stat").unwrap();
    for (on_terminal, expected) in [(false, false), (true, true)] {
        let job = Job::new().await;
        let mut command = job.run(&[], "cat /proc/$$/stat");
        let (_ours, theirs) = pseudo_terminal();
        if on_terminal {
            command.stdin(Stdio::from(theirs));
        } else {
            let null = OpenOptions::new().read(true).open("/dev/null").unwrap();
            command.stdin(Stdio::from(null));
        }
        let ended = end_of(command.spawn().unwrap()).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let shared = group_of(&ended.text()) == group_of(&own);
        assert_eq!(shared, expected, "on a terminal: {on_terminal}");
    }
}
