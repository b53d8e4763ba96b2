//! Three viewers of one build: one reads from the start, one is live only, and one comes back with its cursor.
//!
//! ```text
//! cargo run -p log-hub --example viewers
//! ```
//!
//! The store here is the reference one, in memory. A service uses `RedisStore` or `EmbeddedStore`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use log_domain::{EntryId, JobId, JobStatus, Source, Start, UserId};
use log_hub::{Hub, HubOptions, Next, Opened, Opening, Viewer};
use log_store::{JobWrites, LogAppend, LogStore, MemoryStore, NewJob, NewLine, Transition};
use tokio::time::sleep;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome {
    let store = Arc::new(MemoryStore::new());
    let hub = Hub::new(store.clone(), store.clone(), HubOptions::default())?;
    let job: JobId = "build-1".parse().map_err(|_| "not a job id")?;
    let owner = UserId::new("user_1").ok_or("not a user id")?;
    let new = NewJob::new(owner, SystemTime::now());
    store.create(&job, &new).await?;
    write(&store, &job, "a line from before").await?;

    let from_start = open(&hub, &job, Start::After(EntryId::ZERO)).await?;
    let live = open(&hub, &job, Start::Live).await?;
    let mut leaves = open(&hub, &job, Start::Live).await?;
    let mut tasks = vec![
        tokio::spawn(print("from the start", from_start)),
        tokio::spawn(print("live", live)),
    ];

    for n in 1..=3 {
        write(&store, &job, &format!("compiling crate {n} of 3")).await?;
        sleep(Duration::from_millis(300)).await;
        if n == 1 {
            leaves.next().await;
        }
    }
    // A viewer that comes back says after which line it goes on. What was written meanwhile is not lost.
    let cursor = leaves.position();
    drop(leaves);
    let back = open(&hub, &job, came_back(cursor)).await?;
    tasks.push(tokio::spawn(print("back again", back)));

    let message = "crate 3 does not compile";
    let failed = Transition::new(JobStatus::FAILED, message, SystemTime::now());
    store.transition(&job, &failed).await?;
    write(&store, &job, "a last line, after the status").await?;
    for task in tasks {
        task.await?;
    }
    // An `EventSource` reconnects after the end too. It has everything, and is told so.
    let end = store_end(&store, &job).await?;
    if let Opened::Complete = hub.open(&job, came_back(end)).await? {
        println!("{:>15} | 204 No Content", "once more");
    }
    println!("{:?}", hub.stats());
    Ok(())
}

/// The stream of a client. `Opened::Complete` is for clients that come back.
async fn open(hub: &Hub, job: &JobId, opening: impl Into<Opening>) -> Outcome<Viewer> {
    let opened = hub.open(job, opening).await?;
    opened
        .into_viewer()
        .ok_or_else(|| "the log is complete".into())
}

/// A client with the `Last-Event-ID` that it got.
fn came_back(cursor: EntryId) -> Opening {
    Opening::from_request(Some(cursor), None, false)
}

async fn store_end(store: &MemoryStore, job: &JobId) -> Outcome<EntryId> {
    Ok(store.bounds(job).await?.last_id)
}

async fn write(store: &MemoryStore, job: &JobId, text: &str) -> Outcome {
    let line = NewLine::new(text).source(Source::Stdout);
    store.append(job, &[line]).await?;
    Ok(())
}

/// Prints the data of each event, where an HTTP layer would send the frames.
async fn print(name: &str, mut viewer: Viewer) {
    loop {
        let next = viewer.next().await;
        let (Next::Frames(bytes) | Next::Done(bytes) | Next::BrokenOff(bytes)) = &next;
        let text = String::from_utf8_lossy(bytes);
        for data in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
            println!("{name:>15} | {data}");
        }
        if !matches!(next, Next::Frames(_)) {
            return;
        }
    }
}
