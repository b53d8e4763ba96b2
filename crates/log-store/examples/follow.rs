//! A producer and a follower of one job, over the store on disk.
//!
//! ```text
//! cargo run -p log-store --example follow
//! ```
//!
//! The follower has the loop of every reader of a log: it waits for a notice, reads from its position until there are no more
//! lines, and waits again. It ends when the job has ended and there are no more lines.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::Duration;

use log_domain::{EntryId, JobId, JobStatus, ReadLimit, UserId};
use log_store::{
    EmbeddedOptions, EmbeddedStore, JobWatch, JobWrites, Jobs, LogAppend, LogStore, LogWatch,
    NewJob, NewLine, Transition,
};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let store = EmbeddedStore::open(dir.path(), EmbeddedOptions::default()).await?;
    let job: JobId = "build-1".parse()?;
    let owner = UserId::new("user_ann").ok_or("an empty user id")?;
    let new = NewJob {
        owner,
        created_at: "2026-01-02T03:04:05Z".to_owned(),
    };
    store.create(&job, &new).await?;

    // The producer has its own handles, as in another task of a service.
    let producer = tokio::spawn(produce(store.clone(), job.clone()));
    let lines = follow(LogStore::watch(&store, &job), Jobs::watch(&store, &job)).await?;
    producer.await??;
    println!("done: {lines} lines");
    Ok(())
}

/// Appends in bursts, then ends the job.
async fn produce(store: EmbeddedStore, job: JobId) -> Result<()> {
    step(&store, &job, JobStatus::Starting).await?;
    for (crates, pause_ms) in [(1, 200), (5, 50), (2, 300), (20, 10)] {
        let line = |n: u32| NewLine {
            source: Some("stdout".to_owned()),
            text: Some(format!("   Compiling crate {n} of {crates}")),
            ..NewLine::default()
        };
        let burst: Vec<_> = (1..=crates).map(line).collect();
        store.append(&job, &burst).await?;
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }
    step(&store, &job, JobStatus::Failed).await
}

async fn step(store: &EmbeddedStore, job: &JobId, to: JobStatus) -> Result<()> {
    let step = Transition {
        message: format!("now {to}"),
        at: "2026-01-02T03:04:06Z".to_owned(),
        to,
    };
    let before = store.transition(job, &step).await?;
    println!("-- {before} -> {}", step.to);
    Ok(())
}

/// Prints each line once, in order, until the job has ended. Returns the number of lines.
async fn follow(mut log: Box<dyn LogWatch>, mut job: Box<dyn JobWatch>) -> Result<usize> {
    let (mut position, mut lines, mut ended) = (EntryId::ZERO, 0, false);
    while !ended {
        tokio::select! {
            () = log.changed() => {}
            () = job.changed() => {
                let found = job.get().await?;
                ended = found.is_none_or(|job| job.status.is_terminal());
            }
        }
        loop {
            let tail = log.read_after(position, ReadLimit::lines(100)).await?;
            if let Some(gap) = tail.gap(position) {
                println!("-- lines after {} are gone", gap.after_id);
                position = gap.resume_after;
            }
            for line in tail.lines {
                println!("{} {}", line.id, line.text.unwrap_or_default());
                (position, lines) = (line.id, lines + 1);
            }
            if !tail.more {
                break;
            }
        }
    }
    Ok(lines)
}
