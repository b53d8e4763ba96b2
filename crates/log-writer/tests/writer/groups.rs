//! Commands with a process group of their own, and what they leave behind.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use log_writer::{Echo, LogWriter, Outcome};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::support::{Store, job, store_with_job, texts};

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn writer(store: &Arc<Store>) -> LogWriter {
    LogWriter::builder(job(), Arc::clone(store))
        .start()
        .unwrap()
}

/// A script whose child ignores TERM, and writes to a file as long as it lives.
fn stubborn(file: &Path) -> String {
    let file = file.display();
    format!("sh -c 'trap \"\" TERM; while :; do echo x >> {file}; sleep 0.05; done' & wait")
}

/// Waits until the child of [`stubborn`] works.
async fn works(file: &Path) {
    while !file.exists() {
        sleep(Duration::from_millis(10)).await;
    }
}

/// Whether nobody writes to a file any more.
async fn stops_growing(file: &Path) -> bool {
    let length = || std::fs::metadata(file).unwrap().len();
    for _ in 0..10 {
        let before = length();
        sleep(Duration::from_secs(2)).await;
        if length() == before {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn a_cancelled_command_ends_with_everything_that_it_has_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alive");
    let store = store_with_job().await;
    let writer = writer(&store);
    let running = writer
        .spawn_group(shell(&stubborn(&file)), Echo::default())
        .unwrap();
    let process = running.process();
    let cancel = async {
        works(&file).await;
        process.terminate(Duration::from_secs(1)).await;
    };
    let (exit, ()) = tokio::join!(running.wait(), cancel);
    assert!(!exit.unwrap().success());
    assert!(stops_growing(&file).await);
    writer.finish(Outcome::Failed, "Cancelled").await.unwrap();
}

#[tokio::test]
async fn a_command_that_ends_within_the_grace_is_not_killed() {
    let store = store_with_job().await;
    let writer = writer(&store);
    let script = "trap 'echo got it; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
    let running = writer.spawn_group(shell(script), Echo::default()).unwrap();
    let process = running.process();
    let cancel = async {
        while texts(&store).await.is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
        process.terminate(Duration::from_secs(60)).await;
    };
    let (exit, ()) = tokio::join!(running.wait(), cancel);
    assert_eq!(exit.unwrap().code(), Some(7));
    writer.flush().await.unwrap();
    // The shell may also say that its `sleep` was terminated.
    assert!(texts(&store).await.contains(&"got it".to_owned()));
}

#[tokio::test]
async fn a_dropped_wait_kills_the_group() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alive");
    let store = store_with_job().await;
    let writer = writer(&store);
    let running = writer
        .spawn_group(shell(&stubborn(&file)), Echo::default())
        .unwrap();
    tokio::select! {
        _ = running.wait() => panic!("it does not end by itself"),
        () = works(&file) => {}
    }
    assert!(stops_growing(&file).await);
}

#[tokio::test]
async fn the_log_says_when_it_does_not_wait_for_a_process_that_was_left_behind() {
    let store = store_with_job().await;
    let writer = writer(&store);
    let started = Instant::now();
    let exit = writer.run(shell("sleep 30 & echo main")).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(20));
    let leftovers = writer.leftovers();
    assert!(!leftovers.is_empty());
    writer.finish(exit, "Done").await.unwrap();
    let texts = texts(&store).await;
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[1].contains("is not in this log"), "{texts:?}");
    assert_eq!(leftovers.take().len(), 2, "both outputs");
    assert!(leftovers.is_empty());
}
