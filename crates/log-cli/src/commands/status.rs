//! `joblog status`: prints the status of a job.

use std::time::Duration;

use log_client::{Client, Ending};
use log_domain::JobId;
use log_store::redis::RedisStore;
use log_store::{Jobs as _, RunState};

use crate::args::StatusArgs;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::source::{Server, Source};
use crate::terminal::Terminal;
use crate::{api, lost_run, redis, stdout};

/// How long to wait for the API to say that a job has ended. This is longer than the end of a log takes.
const ENDING_PATIENCE: Duration = Duration::from_secs(7);

pub(crate) async fn status(
    args: StatusArgs,
    env: Environment,
    terminal: &mut Terminal,
) -> Result<u8, Failure> {
    let job = env.job_id(args.job.job, "name the job, or set JOBLOG_JOB")?;
    let source = Source::open(args.source, args.patience.give_up_after, env, terminal).await?;
    let status = match &source.server {
        Server::Api(client) => {
            let status = async || client.status(&job).await;
            match api::ask(source.patience, terminal, status).await {
                Ok(found) => found.status.to_string(),
                // There is no such job, or a service that does not know the question.
                Err(failure) if failure.code == Failure::NOT_FOUND => {
                    ending(client, &job, source.patience, terminal).await?
                }
                Err(failure) => return Err(failure),
            }
        }
        Server::Redis(store) => {
            let get = async || store.get(&job).await;
            let mut found = redis::read(source.patience, terminal, get).await?;
            if found.as_ref().is_some_and(|job| !job.status.is_terminal())
                && is_lost(store, &job, source.patience, terminal).await
            {
                found = redis::read(source.patience, terminal, get).await?;
            }
            let found = found.ok_or_else(|| Failure::no_such_job(&job))?;
            found.status.to_string()
        }
    };
    terminal.clear();
    let visible: String = status.chars().filter(|c| !c.is_control()).collect();
    stdout::print(format!("{visible}\n").as_bytes())?;
    Ok(0)
}

/// Whether and how a job has ended, from a service that only has streams.
async fn ending(
    client: &Client,
    job: &JobId,
    patience: Duration,
    terminal: &mut Terminal,
) -> Result<String, Failure> {
    let ending = async || client.ending(job, ENDING_PATIENCE).await;
    match api::ask(patience, terminal, ending).await? {
        None => Ok("running".to_owned()),
        Some(Ending::Deleted) => Err(Failure::no_such_job(job)),
        Some(ending) => Ok(ending.to_string()),
    }
}

/// Whether the worker of the job was lost. Its job has ended then.
async fn is_lost(
    store: &RedisStore,
    job: &JobId,
    patience: Duration,
    terminal: &mut Terminal,
) -> bool {
    // Who may read jobs, and not change them, sees the status as it is.
    let state = lost_run::end_if_lost(store, job, patience, terminal).await;
    matches!(state, Ok(RunState::Lost))
}
