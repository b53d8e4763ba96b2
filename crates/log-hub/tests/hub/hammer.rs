//! Many viewers and writers on several threads and the real clock.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use log_domain::{EntryId, JobId, Start};
use log_hub::{Hub, HubOptions};
use log_store::{JobWrites, LogAppend, MemoryStore, NewLine};
use log_wire::sse::{self, Decoder};
use tokio::time::{Instant, sleep, timeout};

use crate::fixture::{create, job};

const JOBS: usize = 20;
const VIEWERS_A_JOB: usize = 10;
const LINES: usize = 1_500;

/// Far more than it takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Small rings, so that many viewers fall out of theirs.
fn options() -> HubOptions {
    HubOptions::default()
        .feed_bytes(16 * 1024)
        .linger(Duration::from_millis(50))
        .end_quiet(Duration::from_millis(100))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_viewers_of_twenty_jobs_lose_and_repeat_nothing() {
    let store = Arc::new(MemoryStore::new());
    let hub = Hub::new(store.clone(), store.clone(), options()).unwrap();
    let mut tasks = Vec::new();
    for n in 0..JOBS {
        let job = job(&format!("job-{n}"));
        create(&store, &job).await;
        for viewer in 0..VIEWERS_A_JOB {
            tasks.push(tokio::spawn(follow(hub.clone(), job.clone(), viewer)));
        }
        tokio::spawn(write(store.clone(), job));
    }
    let all = async {
        for task in tasks {
            assert_eq!(task.await.unwrap(), LINES);
        }
    };
    timeout(PATIENCE, all).await.unwrap();
    let begin = Instant::now();
    while hub.stats().feeds > 0 || store.watched() > 0 {
        assert!(begin.elapsed() < PATIENCE, "{:?}", hub.stats());
        sleep(Duration::from_millis(10)).await;
    }
    let stats = hub.stats();
    assert_eq!((stats.viewers, stats.gaps, stats.failed_reads), (0, 0, 0));
    assert!(
        stats.lines <= (JOBS * LINES) as u64 * 2,
        "one reader for each job, not for each viewer"
    );
}

/// Writes numbered lines as fast as it can, and ends the job.
async fn write(store: Arc<MemoryStore>, job: JobId) {
    let mut written = 0;
    while written < LINES {
        let burst = fastrand::usize(1..=20).min(LINES - written);
        let lines: Vec<_> = (written..written + burst)
            .map(|n| NewLine {
                text: Some(n.to_string()),
                ..NewLine::default()
            })
            .collect();
        store.append(&job, &lines).await.unwrap();
        written += burst;
        tokio::task::yield_now().await;
    }
    let step = log_store::Transition {
        to: log_domain::JobStatus::FAILED,
        message: "the last line is written".into(),
        at: SystemTime::now(),
    };
    store.transition(&job, &step).await.unwrap();
}

/// Follows a job from its first line to `done`, with reconnects. Returns how many lines it has seen.
async fn follow(hub: Hub, job: JobId, nth: usize) -> usize {
    let mut seen = 0;
    let mut cursor = EntryId::ZERO;
    loop {
        let opened = hub.open(&job, Start::After(cursor)).await.unwrap();
        let mut viewer = opened.into_viewer().unwrap();
        let mut decoder = Decoder::new();
        // Every second viewer stays until the end. The others are dropped sooner or later.
        let pieces = if nth.is_multiple_of(2) {
            usize::MAX
        } else {
            fastrand::usize(1..40)
        };
        for _ in 0..pieces {
            let (log_hub::Next::Frames(bytes) | log_hub::Next::Done(bytes)) = viewer.next().await
            else {
                panic!("broken off")
            };
            for raw in decoder.feed(&bytes) {
                match sse::Event::from_raw(&raw).unwrap() {
                    sse::Event::Log(line) => {
                        assert_eq!(line.text, Some(seen.to_string()));
                        seen += 1;
                        cursor = line.id;
                    }
                    sse::Event::Done { .. } => return seen,
                    other => panic!("{other:?}"),
                }
            }
            if nth.is_multiple_of(5) && fastrand::u8(0..10) == 0 {
                sleep(Duration::from_millis(5)).await;
            }
        }
    }
}
