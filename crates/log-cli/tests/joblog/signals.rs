//! `joblog run` forwards signals to the command.

use std::process::Command;
use std::time::Duration;

use crate::support::{Job, end_of, first_line};

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
        assert_eq!(job.texts().await, ["waiting", "got it"]);
        assert_eq!(job.status().await, "failed");
    }
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
async fn a_command_that_ignores_a_signal_continues() {
    let job = Job::new().await;
    let script = "trap '' INT; echo waiting; sleep 1; echo still there";
    let mut child = job.run(&[], script).spawn().unwrap();
    assert_eq!(first_line(&mut child).await, "waiting");
    tokio::time::sleep(Duration::from_millis(50)).await;
    send("INT", child.id().unwrap());
    let ended = end_of(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.text(), "still there\n");
    assert_eq!(job.status().await, "ready");
}
