//! Processes that the command leaves behind.

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::support::{Job, SOON, ended};

#[tokio::test]
async fn what_a_process_writes_soon_after_the_end_of_the_command_is_in_the_log() {
    let job = Job::new().await;
    let script = "(sleep 1; echo late; sleep 0.3; echo later >&2) & echo main";
    let ended = ended(job.run(&[], script)).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.text(), "main\nlate\n");
    assert_eq!(job.texts().await, ["main", "late", "later"]);
    let log = job.log().await;
    let notes = log.iter().filter(|(source, _)| source == "system");
    assert_eq!(notes.count(), 1, "nothing was cut off: {log:?}");
}

#[tokio::test]
async fn a_process_that_writes_after_joblog_has_gone_lives_on_and_the_log_says_that_it_was_cut_off()
{
    for output in ["", ">&2"] {
        let job = Job::new().await;
        let folder = tempfile::tempdir().unwrap();
        let proof = folder.path().join("alive");
        // The shell would die of SIGPIPE at the first `echo`.
        let script = format!(
            "(sleep 5; echo late {output}; seq 1 20000 {output}; touch {}) & echo main",
            proof.display()
        );
        let ended = ended(job.run(&[], &script)).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!proof.exists(), "joblog did not wait for it");
        assert_eq!(job.status().await, "ready");
        appears(&proof).await;
        assert_eq!(job.texts().await, ["main"]);
        let (source, text) = job.log().await.pop().unwrap();
        assert_eq!(source, "system");
        assert!(text.contains("is not in this log"), "{text}");
    }
}

async fn appears(file: &Path) {
    let started = Instant::now();
    while !file.exists() {
        assert!(started.elapsed() < SOON, "the process has died");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_process_that_closes_its_output_is_not_waited_for() {
    let job = Job::new().await;
    let script = "(exec >/dev/null 2>&1; sleep 30) & echo main";
    let started = Instant::now();
    let ended = ended(job.run(&[], script)).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(job.log().await.len(), 2, "only `Running sh` and `main`");
}
