//! A worker that owns its job, and is cancelled after two seconds: the command ends with everything that it has started, and
//! the job ends `failed`, whatever happens.
//!
//! `cargo run -p log-writer --example cancelled`

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::sync::Arc;
use std::time::Duration;

use log_domain::{JobId, UserId};
use log_store::{Jobs, MemoryStore};
use log_writer::{Echo, LogWriter, create_job};
use tokio::process::Command;
use tokio::time::sleep;

/// Stands for whatever tells a worker to stop.
const CANCELLED_AFTER: Duration = Duration::from_secs(2);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Arc::new(MemoryStore::new());
    let job: JobId = "example".parse()?;
    let owner = UserId::new("user_ann").ok_or("a user id must not be empty")?;
    create_job(&*store, &job, owner).await?;

    let writer = LogWriter::builder(job.clone(), Arc::clone(&store)).start()?;
    // From here on no other run gets the job, and it ends as failed if this process is lost.
    writer.claim(Arc::clone(&store) as _).await?;
    let exit = writer.scope("The command has ended", build).await?;

    let ended = store.get(&job).await?.ok_or("the job is gone")?;
    println!(
        "the command ended with {exit}, and the job is {}",
        ended.status
    );
    Ok(())
}

/// An error here would end the job as failed, with its text.
async fn build(writer: &LogWriter) -> Result<std::process::ExitStatus, log_writer::RunError> {
    let mut command = Command::new("sh");
    command.args(["-c", "sleep 600 & echo building; wait"]);
    let running = writer.spawn_group(command, Echo::default())?;
    let process = running.process();
    let cancel = async {
        sleep(CANCELLED_AFTER).await;
        process.terminate(Duration::from_secs(10)).await;
    };
    let (exit, ()) = tokio::join!(running.wait(), cancel);
    exit
}
