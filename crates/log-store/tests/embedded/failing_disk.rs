//! A disk that fails under the store: here the system refuses to let the file grow.

use std::process::Command;
use std::time::Duration;

use log_domain::{EntryId, JobId, Numbering, ReadLimit};
use log_store::{
    EmbeddedOptions, EmbeddedStore, LogStore, NewLine, NumberedAppend, NumberedAppendError,
    StoreError,
};
use tokio::time::{Instant, sleep};

/// Tells a process that its files cannot grow.
const LIMITED: &str = "LOG_STORE_LIMITED_TEST";

/// How large a file may become, in bytes.
const LIMIT: u64 = 6 * 1024 * 1024;

#[expect(
    clippy::disallowed_methods,
    reason = "the limited process learns so that it is limited"
)]
fn is_limited() -> bool {
    std::env::var_os(LIMITED).is_some()
}

/// Runs the test again, in a process with the limit.
fn run_limited(test: &str) {
    let status = Command::new("prlimit")
        .arg(format!("--fsize={LIMIT}:unlimited"))
        // Beyond the limit a write fails, and the process goes on.
        .args(["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(LIMITED, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}

/// Ends the limit of this process.
fn lift_limit() {
    let pid = std::process::id().to_string();
    let status = Command::new("prlimit")
        .args(["--fsize=unlimited", "--pid", &pid])
        .status();
    assert!(status.unwrap().success());
}

fn lines(first: u64) -> Vec<NewLine> {
    let line = |n: u64| NewLine {
        text: Some(format!("{n} {}", "x".repeat(1_000))),
        ..NewLine::default()
    };
    (first..first + 100).map(line).collect()
}

async fn append(store: &EmbeddedStore, job: &JobId, first: u64) -> Result<(), StoreError> {
    let batch = Numbering::new("w".parse().unwrap(), 0, first).unwrap();
    match store.append_numbered(job, &batch, &lines(first)).await {
        Ok(done) => {
            assert_eq!(done.next, first + 100);
            Ok(())
        }
        Err(NumberedAppendError::Store(error)) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

/// The numbers of the log's lines. While the file is opened again, the store is away.
async fn numbers(store: &EmbeddedStore, job: &JobId) -> Vec<u64> {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let all = ReadLimit::lines(1_000_000);
        match store.read_after(job, EntryId::ZERO, all).await {
            Ok(tail) => {
                let number = |text: &str| text.split(' ').next().unwrap().parse().unwrap();
                let texts = tail.lines.iter().map(|line| line.text.as_deref().unwrap());
                return texts.map(number).collect();
            }
            Err(StoreError::Unavailable(_)) if Instant::now() < end => {}
            Err(error) => panic!("{error}"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// The log has what was acknowledged, and no more.
async fn check(store: &EmbeddedStore, job: &JobId, next: u64) {
    let numbers = numbers(store, job).await;
    let is_right = numbers.iter().copied().eq(0..next);
    assert!(
        is_right,
        "{} lines, {:?} the last, of {next}",
        numbers.len(),
        numbers.last()
    );
}

#[tokio::test]
async fn a_store_whose_disk_failed_is_read_and_goes_on_when_the_disk_works_again() {
    if !is_limited() {
        return run_limited(
            "failing_disk::a_store_whose_disk_failed_is_read_and_goes_on_when_the_disk_works_again",
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(dir.path(), EmbeddedOptions::default())
        .await
        .unwrap();
    let job: JobId = "job".parse().unwrap();
    let mut next = 0;
    for _ in 0..3 {
        let refused = loop {
            match append(&store, &job, next).await {
                Ok(()) => next += 100,
                Err(error) => break error,
            }
            assert!(next * 1_000 < 2 * LIMIT, "it grows beyond the limit");
        };
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
        assert!(next >= 1_000, "{next}");
        check(&store, &job, next).await;
    }
    lift_limit();
    let end = Instant::now() + Duration::from_secs(30);
    let goal = next + 3_000;
    while next < goal {
        match append(&store, &job, next).await {
            Ok(()) => next += 100,
            Err(error) => assert!(Instant::now() < end, "{error}"),
        }
    }
    check(&store, &job, next).await;
    store.close().await;
    let store = EmbeddedStore::open(dir.path(), EmbeddedOptions::default())
        .await
        .unwrap();
    check(&store, &job, next).await;
}
