//! Everything that can fail before the command is started.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use log_domain::{JobId, JobStatus, UserId};
use log_store::redis::RedisStore;
use log_store::{CreateJobError, Jobs as _, TransitionError};
use log_writer::{Ansi, LogWriter, Redaction, create_job};
use tokio::process::Command;

use crate::args::RunArgs;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::redis;
use crate::terminal::Terminal;

/// How long to wait for Redis before the command is started.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is needed to run the command.
pub(super) struct Prepared {
    pub(super) writer: LogWriter,
    pub(super) store: Arc<RedisStore>,
    pub(super) command: Command,
}

pub(super) async fn prepare(
    args: RunArgs,
    env: Environment,
    terminal: &mut Terminal,
) -> Result<Prepared, Failure> {
    let job = env.job_id(args.job, "name the job with --job ID or JOBLOG_JOB")?;
    let owner = env.owner(args.user)?;
    let redaction = redaction(&args.secret_env, env, terminal)?;
    let command = command(args.command)?;
    let if_missing = "name the Redis server for the log with --redis URL or REDIS_URL";
    let store = redis::store(args.redis, env, if_missing)?;
    redis::wait_until_usable(&store, PATIENCE, terminal).await?;
    store.check_writes().await?;
    let status = find_or_create_job(&store, &job, owner, terminal).await?;

    let store = Arc::new(store);
    let ansi = if args.keep_colors {
        Ansi::KeepColours
    } else {
        Ansi::Strip
    };
    let mut writer = LogWriter::builder(job, Arc::clone(&store))
        .redaction(redaction)
        .ansi(ansi)
        .progress(args.progress)
        .give_up_after(args.give_up_after);
    if let Some(phase) = &args.phase {
        writer = writer.phase(phase);
    }
    let writer = writer.start();
    if status == JobStatus::Queued {
        let message = format!("Running {}", command.as_std().get_program().display());
        match writer.enter(JobStatus::Starting, &message).await {
            // If another producer has moved the job, that is fine too.
            Ok(()) => {}
            Err(TransitionError::Illegal(step)) if !step.from.is_terminal() => {}
            Err(error) => return Err(Failure::new(Failure::OTHER, error)),
        }
    }
    Ok(Prepared {
        writer,
        store,
        command,
    })
}

/// The values that must not appear in the log.
fn redaction(
    names: &[String],
    env: Environment,
    terminal: &mut Terminal,
) -> Result<Redaction, Failure> {
    let mut redaction = Redaction::builder();
    for name in names {
        let Some(value) = env.get_exact(name)? else {
            let text = format_args!("--secret-env {name}: this variable is not set");
            return Err(Failure::usage(text));
        };
        if value.trim().is_empty() {
            terminal.message(format_args!(
                "--secret-env {name}: this variable is empty, so there is nothing to hide"
            ));
            continue;
        }
        let registered = redaction.secret(&value);
        redaction = registered
            .map_err(|error| Failure::usage(format_args!("--secret-env {name}: {error}")))?;
    }
    redaction.build().map_err(Failure::usage)
}

fn command(words: Vec<OsString>) -> Result<Command, Failure> {
    let mut words = words.into_iter();
    let program = words
        .next()
        .ok_or_else(|| Failure::usage("give a command after --"))?;
    let mut command = Command::new(program);
    command.args(words);
    Ok(command)
}

/// Creates the job if it does not exist, and refuses a job that cannot be run. Returns the status of the job.
async fn find_or_create_job(
    store: &RedisStore,
    job: &JobId,
    owner: Option<UserId>,
    terminal: &mut Terminal,
) -> Result<JobStatus, Failure> {
    let found = redis::read(PATIENCE, terminal, async || store.get(job).await).await?;
    let Some(found) = found else {
        return create(store, job, owner).await;
    };
    if found.status.is_terminal() {
        let text = format_args!("the job `{job}` has ended: it is {}", found.status);
        return Err(Failure::new(Failure::OTHER, text));
    }
    match (&found.owner, owner) {
        (None, _) => terminal.message(format_args!(
            "the job `{job}` has no owner: nobody can read it through the API"
        )),
        (Some(owner), Some(named)) if *owner != named => {
            let named = named.as_str();
            let text = format_args!("the job `{job}` does not belong to {named}");
            return Err(Failure::usage(text));
        }
        (Some(_), _) => {}
    }
    Ok(found.status)
}

async fn create(
    store: &RedisStore,
    job: &JobId,
    owner: Option<UserId>,
) -> Result<JobStatus, Failure> {
    let owner = owner.ok_or_else(|| {
        let text = format_args!(
            "the job `{job}` does not exist, and a new job needs an owner, or nobody could read it: give --user ID"
        );
        Failure::usage(text)
    })?;
    match create_job(store, job, owner).await {
        Ok(()) => Ok(JobStatus::Queued),
        Err(CreateJobError::Exists) => {
            let text = format_args!("somebody else has just created the job `{job}`");
            Err(Failure::new(Failure::OTHER, text))
        }
        Err(CreateJobError::Store(error)) => Err(error.into()),
    }
}
