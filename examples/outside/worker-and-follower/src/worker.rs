//! The worker: a command becomes a log, and its job ends whatever happens.

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use log_domain::JobId;
use log_store::{JobWrites, LogAppend, LogStore};
use log_writer::{Echo, LogWriter, Outcome, RunError};
use tokio::process::Command;

/// How long a cancelled command has to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// Runs a command as a job, until it ends or is cancelled.
///
/// The job ends as `failed` if the command cannot be started, if it fails, if it is cancelled, and also if this future is
/// dropped.
///
/// # Errors
/// The command cannot be started, or the job does not get its last status, or there is no tokio runtime.
pub async fn build<S: LogAppend + LogStore + JobWrites>(
    store: Arc<S>,
    job: JobId,
    command: Command,
    cancelled: impl Future<Output = ()>,
) -> Result<Outcome, Box<dyn Error + Send + Sync>> {
    let writer = LogWriter::builder(job, store).start()?;
    let work = async |writer: &LogWriter| {
        // In a group of its own: what the command has started ends with it.
        let running = writer.spawn_group(command, Echo::default())?;
        let process = running.process();
        let mut ended = pin!(running.wait());
        tokio::select! {
            exit = &mut ended => exit.map(Outcome::from),
            () = cancelled => {
                writer.system("The build was cancelled.").await;
                process.terminate(GRACE).await;
                ended.await?;
                Ok::<_, RunError>(Outcome::Failed)
            }
        }
    };
    Ok(writer.scope("The build has ended", work).await?)
}
