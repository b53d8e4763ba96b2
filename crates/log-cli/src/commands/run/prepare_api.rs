//! Everything that can fail before the command is started, if the log goes to the API.

use std::sync::Arc;
use std::time::Duration;

use log_domain::JobStatus;
use log_store::TransitionError;
use log_writer::{LogWriter, Stores};

use super::destination::Destination;
use super::prepare::Prepared;
use super::secrets;
use crate::api_job::{self, OwnJob};
use crate::api_store::ApiStore;
use crate::args::RunArgs;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::terminal::Terminal;

/// How long to wait for the API before the command is started.
const PATIENCE: Duration = Duration::from_secs(10);

/// Creates the job if there is a key for that, and starts its writer.
pub(super) async fn prepare(
    url: &str,
    args: &RunArgs,
    env: Environment,
    terminal: &mut Terminal,
) -> Result<Prepared, Failure> {
    let key = api_job::credential(url, env)?;
    let job = match env.option_or(args.job.clone(), "JOBLOG_JOB") {
        Some(_) => env.job_id(args.job.clone(), "name the job with --job ID or JOBLOG_JOB")?,
        None if api_job::is_key(&key) => api_job::fresh_job()?,
        None => {
            return Err(Failure::usage(
                "name the job of the append token with --job ID or JOBLOG_JOB",
            ));
        }
    };
    let redaction = secrets::redaction(&args.secrets, env, terminal)?;
    let program = args.program()?;
    let ca_file = args.ca_file.as_deref();
    let OwnJob { token, page } = if api_job::is_key(&key) {
        let owner = api_job::owner(args.user.clone(), &key, env)?;
        let client = api_job::client(url, &key, ca_file)?;
        api_job::create_job(&client, &job, &owner, PATIENCE, terminal).await?
    } else {
        let page = api_job::page_path(&job);
        OwnJob { token: key, page }
    };
    let store = Arc::new(ApiStore::new(api_job::client(url, &token, ca_file)?));
    let producer = format!("joblog-{:016x}", fastrand::u64(..));
    let producer = producer.parse().map_err(Failure::usage)?;
    let stores = Stores::numbered(store.clone(), producer).with_jobs(store.clone());
    let writer = LogWriter::builder(job.clone(), stores).redaction(redaction);
    let phase = args.phase_for(&JobStatus::STARTING);
    let writer = args.configure(writer).phase(phase).start();
    let writer = writer.map_err(|error| Failure::new(Failure::OTHER, error))?;
    let message = format!("Running {}", program.name());
    match writer.enter(JobStatus::STARTING, &message).await {
        Ok(()) => {}
        // Somebody has moved the job on. That is fine, unless it has ended.
        Err(TransitionError::Illegal(step)) if !step.from.is_terminal() => {
            writer.set_phase(Some(args.phase_for(&step.from)));
        }
        Err(error) => return Err(Failure::new(Failure::OTHER, error)),
    }
    terminal.message(format_args!("the log: {}{page}", url.trim_end_matches('/')));
    Ok(Prepared {
        writer,
        destination: Destination::Api(store),
        program,
    })
}
