//! A producer and a follower of one job, over the store on disk.
//!
//! ```text
//! cargo run -p log-store --example follow
//! ```
//!
//! The follower hands out lines as they come, says where lines may be missing, and ends when the job has ended and nothing
//! more comes.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::{Duration, SystemTime};

use log_domain::{EntryId, JobId, JobStatus, Source, Start, UserId};
use log_store::{
    EmbeddedOptions, EmbeddedStore, FollowEvent, FollowOptions, Follower, JobWrites, LogAppend,
    NewJob, NewLine, Transition,
};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let store = EmbeddedStore::open(dir.path(), EmbeddedOptions::default()).await?;
    let job: JobId = "build-1".parse()?;
    let owner = UserId::new("user_ann").ok_or("an empty user id")?;
    let new = NewJob::new(owner, SystemTime::now());
    store.create(&job, &new).await?;

    // The producer has its own handles, as in another task of a service.
    let producer = tokio::spawn(produce(store.clone(), job.clone()));
    let start = Start::After(EntryId::ZERO);
    let options = FollowOptions::default();
    let follower = Follower::open(&store, &store, &job, start, options).await?;
    let lines = follow(follower).await?;
    producer.await??;
    println!("done: {lines} lines");
    Ok(())
}

/// Appends in bursts, then ends the job.
async fn produce(store: EmbeddedStore, job: JobId) -> Result<()> {
    step(&store, &job, JobStatus::STARTING).await?;
    for (crates, pause_ms) in [(1, 200), (5, 50), (2, 300), (20, 10)] {
        let line = |n: u32| {
            NewLine::new(format!("   Compiling crate {n} of {crates}"))
                .ts(SystemTime::now())
                .source(Source::Stdout)
        };
        let burst: Vec<_> = (1..=crates).map(line).collect();
        store.append(&job, &burst).await?;
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }
    step(&store, &job, JobStatus::FAILED).await
}

async fn step(store: &EmbeddedStore, job: &JobId, to: JobStatus) -> Result<()> {
    let message = format!("now {to}");
    let step = Transition::new(to, message, SystemTime::now());
    let before = store.transition(job, &step).await?;
    println!("-- {before} -> {}", step.to);
    Ok(())
}

/// Prints each line once, in order, until the job has ended. Returns how many lines there were.
async fn follow(mut follower: Follower) -> Result<usize> {
    let mut lines = 0;
    while let Some(event) = follower.next().await? {
        match event {
            FollowEvent::Lines(new) => {
                if let Some(found) = new.gap {
                    println!("-- lines after {} may be missing", found.gap.after_id);
                }
                lines += new.lines.len();
                for line in new.lines {
                    println!("{} {}", line.id, line.text.unwrap_or_default());
                }
            }
            FollowEvent::Unavailable(outage) => println!("-- trying again: {}", outage.error),
            FollowEvent::Recovered { .. } => println!("-- the store is back"),
            FollowEvent::End { end, .. } => println!("-- the job is {}", end.as_str()),
            // What a later version may add.
            _ => {}
        }
    }
    Ok(lines)
}
