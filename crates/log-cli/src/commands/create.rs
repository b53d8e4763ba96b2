//! `joblog create`: creates a job in Redis.

use log_store::CreateJobError;
use log_writer::create_job;

use crate::args::CreateArgs;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::redis;
use crate::terminal::Terminal;

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
    let if_missing = "a job is created in Redis: name the server with --redis or JOBLOG_REDIS_URL (the API cannot create jobs)";
    let store = redis::store(&args.redis, env, if_missing)?;
    redis::wait_until_usable(&store, args.patience.give_up_after, terminal).await?;
    match create_job(&store, &job, owner).await {
        Ok(()) => Ok(0),
        Err(CreateJobError::Exists) => Err(Failure::new(
            Failure::OTHER,
            format_args!("the job `{job}` already exists"),
        )),
        Err(CreateJobError::Store(error)) => Err(error.into()),
    }
}
