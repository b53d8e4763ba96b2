//! A build worker: runs a command as a job, and writes its output to the job's log.
//!
//! `cargo run -p log-writer --example worker -- cargo --version`

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::sync::Arc;

use log_domain::{EntryId, JobId, JobStatus, Order, ReadLimit, Source, Span, UserId};
use log_store::{LogStore, MemoryStore};
use log_writer::{LogWriter, create_job};
use tokio::process::Command;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments.next().ok_or("give a command to run")?;
    let mut command = Command::new(&program);
    command.args(arguments);

    // Any store works. This one keeps everything in memory.
    let store = Arc::new(MemoryStore::new());
    let job: JobId = "example".parse()?;
    let owner = UserId::new("user_ann").ok_or("a user id must not be empty")?;
    create_job(&*store, &job, owner).await?;

    let writer = LogWriter::builder(job.clone(), Arc::clone(&store)).start()?;
    writer
        .enter(
            JobStatus::STARTING,
            &format!("Running {}", program.display()),
        )
        .await?;
    let exit = writer.run(command).await?;
    let stats = writer
        .finish(exit, &format!("The command ended: {exit}"))
        .await?;

    let (span, limit) = (Span::after(EntryId::ZERO), ReadLimit::lines(usize::MAX));
    for line in store
        .read(&job, span, Order::OldestFirst, limit)
        .await?
        .lines
    {
        let source = line.source.unwrap_or(Source::Stdout);
        println!("{} {source:6} {}", line.id, line.text.unwrap_or_default());
    }
    println!(
        "{} lines in the log, {} lost",
        stats.appended, stats.lost.lines
    );
    Ok(())
}
