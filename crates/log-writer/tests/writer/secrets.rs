//! No secret leaves the process: not in lines, and not in the job's messages.

use std::sync::Arc;
use std::time::Duration;

use log_domain::JobStatus;
use log_store::FaultyStore;
use log_writer::{LogWriter, Outcome, Redaction};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};

use crate::job::StepRecorder;
use crate::support::{Store, job, lines, store, store_with_job, texts};

fn redaction() -> Redaction {
    let builder = Redaction::builder().secret("hunter2hunter2").unwrap();
    builder.build().unwrap()
}

fn writer(store: &Arc<Store>) -> LogWriter {
    LogWriter::builder(job(), Arc::clone(store))
        .redaction(redaction())
        .start()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_secret_in_pieces_is_hidden_on_both_channels_and_in_system_lines() {
    let store = store();
    let writer = writer(&store);
    let (mut out, mut err) = (writer.stdout(), writer.stderr());
    for byte in b"a hunter2hunter2 b\n" {
        out.write_all(&[*byte]).await.unwrap();
        err.write_all(&[*byte]).await.unwrap();
    }
    writer.system("using hunter2hunter2").await;
    writer.flush().await.unwrap();
    let expected = ["a [REDACTED] b", "a [REDACTED] b", "using [REDACTED]"];
    assert_eq!(texts(&store).await, expected);
}

#[tokio::test(start_paused = true)]
async fn text_that_looks_like_a_secret_is_hidden_by_default() {
    let store = store();
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .start()
        .unwrap();
    writer.stdout().write_all(b"API_KEY=abc\n").await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, ["API_KEY=[REDACTED]"]);
}

/// A secret that is long enough to be wrapped.
const LONG: &str = "Zq8Xw1Ec7Rv2Tb6Yn3Um5Ik4Ol9Pa0Sd";

fn writer_with(store: &Arc<Store>, secret: &str) -> LogWriter {
    let redaction = Redaction::builder().secret(secret).unwrap().build();
    LogWriter::builder(job(), Arc::clone(store))
        .redaction(redaction.unwrap())
        .start()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_line_whose_end_may_begin_a_secret_waits_for_100_ms() {
    let store = store();
    let writer = writer_with(&store, LONG);
    let mut out = writer.stdout();
    out.write_all(b"first\n").await.unwrap();
    writer.flush().await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let started = Instant::now();
    let (a, b) = LONG.split_at(6);
    out.write_all(format!("he saw {a}\n").as_bytes())
        .await
        .unwrap();
    while texts(&store).await.len() < 2 {
        sleep(Duration::from_millis(1)).await;
    }
    let waited = started.elapsed();
    assert!(waited >= Duration::from_millis(100), "{waited:?}");
    assert!(waited <= Duration::from_millis(110), "{waited:?}");
    // The rest of the secret is hidden.
    out.write_all(format!("{b} x\n").as_bytes()).await.unwrap();
    writer.flush().await.unwrap();
    let shown = format!("he saw {a}");
    assert_eq!(texts(&store).await, ["first", &shown, "[REDACTED] x"]);
}

#[tokio::test(start_paused = true)]
async fn a_wrapped_secret_is_hidden_completely() {
    let store = store();
    let writer = writer_with(&store, LONG);
    let mut out = writer.stdout();
    let (a, b) = LONG.split_at(6);
    out.write_all(format!("a {a}\n").as_bytes()).await.unwrap();
    sleep(Duration::from_millis(50)).await;
    out.write_all(format!("{b} b\n").as_bytes()).await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, ["a [REDACTED]", "[REDACTED] b"]);
}

#[tokio::test(start_paused = true)]
async fn lines_after_a_token_are_whole_whenever_they_come() {
    let store = store();
    let writer = writer(&store);
    let mut out = writer.stdout();
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N";
    for line in [token, "FAILED", "retrying", "all done"] {
        out.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        sleep(Duration::from_secs(2)).await;
    }
    writer.flush().await.unwrap();
    let expected = ["[REDACTED]", "FAILED", "retrying", "all done"];
    assert_eq!(texts(&store).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_flush_and_the_end_release_held_lines() {
    let store = store_with_job().await;
    let writer = writer_with(&store, LONG);
    let mut out = writer.stdout();
    out.write_all(b"one Zq8X\n").await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, ["one Zq8X"]);
    let mut err = writer.stderr();
    err.write_all(b"two Zq8X\n").await.unwrap();
    let stats = writer.finish(Outcome::Ready, "Built").await.unwrap();
    assert_eq!((stats.appended, stats.lost.lines), (2, 0));
    assert_eq!(texts(&store).await, ["one Zq8X", "two Zq8X"]);
}

#[tokio::test(start_paused = true)]
async fn the_messages_of_a_job_are_redacted() {
    let store = store_with_job().await;
    let recorder = StepRecorder::new(&store);
    let writer = recorder.builder().redaction(redaction()).start().unwrap();
    writer
        .enter(JobStatus::STARTING, "With hunter2hunter2")
        .await
        .unwrap();
    writer
        .finish(Outcome::Failed, "No hunter2hunter2")
        .await
        .unwrap();
    let expected = ["starting: With [REDACTED]", "failed: No [REDACTED]"];
    assert_eq!(recorder.steps(), expected);
    assert_eq!(texts(&store).await, ["With [REDACTED]"]);
}

#[tokio::test(start_paused = true)]
async fn a_secret_stays_hidden_during_an_outage() {
    let store = store();
    store.faults().cut();
    let writer = writer(&store);
    writer
        .stdout()
        .write_all(b"a hunter2hunter2 b\n")
        .await
        .unwrap();
    sleep(Duration::from_secs(5)).await;
    FaultyStore::faults(&store).mend();
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, ["a [REDACTED] b"]);
    assert_eq!(lines(&store).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_added_is_hidden_from_the_next_line_on_and_in_lines_that_are_held() {
    let store = store();
    let writer = writer_with(&store, LONG);
    let (mut out, mut err) = (writer.stdout(), writer.stderr());
    out.write_all(b"late-secret-1\n").await.unwrap();
    // Its end may be the beginning of the long secret, so it is held.
    let held = format!("late-secret-1 {}\n", &LONG[..20]);
    out.write_all(held.as_bytes()).await.unwrap();
    err.write_all(b"open late-sec").await.unwrap();
    writer.add_secret("late-secret-1").unwrap();
    // The rest of the secret that had begun is hidden too.
    out.write_all(&LONG.as_bytes()[20..]).await.unwrap();
    out.write_all(b" and late-secret-1\n").await.unwrap();
    err.write_all(b"ret-1\n").await.unwrap();
    let mut later = writer.stdout();
    later.write_all(b"late-secret-1!\n").await.unwrap();
    writer.system("using late-secret-1").await;
    writer.flush().await.unwrap();
    let expected = [
        "late-secret-1",
        "[REDACTED] [REDACTED]",
        "[REDACTED] and [REDACTED]",
        "open [REDACTED]",
        "[REDACTED]!",
        "using [REDACTED]",
    ];
    assert_eq!(texts(&store).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_cannot_be_added_is_an_error_and_changes_nothing() {
    let store = store();
    let writer = writer(&store);
    for secret in ["abc", "production", &"x".repeat(40_000)] {
        assert!(writer.add_secret(secret).is_err(), "{}", secret.len());
    }
    writer
        .stdout()
        .write_all(b"production hunter2hunter2\n")
        .await
        .unwrap();
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, ["production [REDACTED]"]);
}
