//! `joblog create`: creates a job, in Redis or through the API.

use std::io::Write as _;

use log_store::CreateJobError;
use log_writer::create_job;

use crate::args::CreateArgs;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::terminal::Terminal;
use crate::{api_job, redis, stdout};

pub(crate) async fn create(
    args: CreateArgs,
    env: Environment,
    terminal: &mut Terminal,
) -> Result<u8, Failure> {
    let job = env.job_id(args.job.job, "name the job, or set JOBLOG_JOB")?;
    let owner = env.owner(args.user)?;
    let owner = owner.ok_or_else(|| {
        Failure::usage(
            "a job needs an owner, or nobody could read it: give --user ID, or set JOBLOG_USER",
        )
    })?;
    let if_missing = "a job is created in Redis (--redis or JOBLOG_REDIS_URL) or through the API (--url or JOBLOG_URL): name one of them";
    let store = redis::store(&args.redis, env, if_missing)?;
    redis::wait_until_usable(&store, args.patience.give_up_after, terminal).await?;
    match create_job(&store, &job, owner).await {
        Ok(()) => Ok(0),
        Err(CreateJobError::Exists) => Err(Failure::new(
            Failure::OTHER,
            format_args!("the job `{job}` already exists"),
        )),
        Err(CreateJobError::Store(error)) => Err(error.into()),
        Err(error) => Err(Failure::new(Failure::OTHER, error)),
    }
}

/// Creates a job through the API, and prints the append token for its worker.
pub(crate) async fn create_at(
    url: &str,
    args: CreateArgs,
    env: Environment,
    terminal: &mut Terminal,
) -> Result<u8, Failure> {
    let job = env.job_id(args.job.job, "name the job, or set JOBLOG_JOB")?;
    let key = api_job::credential(url, env)?;
    let owner = api_job::owner(args.user, &key, env)?;
    let client = api_job::client(url, &key, args.ca_file.as_deref())?;
    let patience = args.patience.give_up_after;
    let created = api_job::create_job(&client, &job, &owner, patience, terminal).await?;
    stdout::check(writeln!(std::io::stdout().lock(), "{}", created.token))?;
    Ok(0)
}
