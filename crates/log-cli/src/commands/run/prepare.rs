//! Everything that can fail before the command is started.

use std::sync::Arc;
use std::time::Duration;

use log_domain::{JobId, JobStatus, UserId};
use log_store::redis::RedisStore;
use log_store::{ClaimError, CreateJobError, Jobs as _, TransitionError};
use log_writer::{Ansi, LogWriter, LogWriterBuilder, create_job, phase_for_status};
use tokio::time::timeout;

use super::destination::Destination;
use super::program::Program;
use super::secrets;
use crate::args::RunArgs;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::terminal::Terminal;
use crate::{lost_run, redis};

/// How long to wait for Redis before the command is started.
const PATIENCE: Duration = Duration::from_secs(10);

/// The phase of lines if neither the options nor the job's status name one. Existing readers expect one in each line.
const DEFAULT_PHASE: &str = "code";

/// The command inherits `REDIS_URL`, because a build may need a Redis of its own.
const SHARED_REDIS: &str = "the command sees the Redis of its log in REDIS_URL, and could empty it; to keep it apart, name the log's Redis in JOBLOG_REDIS_URL";

/// What is needed to run the command.
pub(super) struct Prepared {
    pub(super) writer: LogWriter,
    pub(super) destination: Destination,
    pub(super) program: Program,
}

impl RunArgs {
    /// The settings of the log, apart from where it goes.
    pub(super) fn configure(&self, log: LogWriterBuilder) -> LogWriterBuilder {
        let ansi = if self.keep_colors {
            Ansi::KeepColours
        } else {
            Ansi::Strip
        };
        log.ansi(ansi)
            .progress(self.progress)
            .give_up_after(self.give_up_after)
    }

    /// The phase of the log's lines, for a job with this status.
    pub(super) fn phase_for<'a>(&'a self, status: &JobStatus) -> &'a str {
        let phase = self.phase.as_deref().or_else(|| phase_for_status(status));
        phase.unwrap_or(DEFAULT_PHASE)
    }

    pub(super) fn program(&self) -> Result<Program, Failure> {
        let program = Program::new(self.command.clone());
        program.ok_or_else(|| Failure::usage("give a command after --"))
    }
}

pub(super) async fn prepare(
    args: &RunArgs,
    env: Environment,
    terminal: &mut Terminal,
) -> Result<Prepared, Failure> {
    let job = env.job_id(args.job.clone(), "name the job with --job ID or JOBLOG_JOB")?;
    let owner = env.owner(args.user.clone())?;
    let redaction = secrets::redaction(&args.secrets, env, terminal)?;
    let program = args.program()?;
    let if_missing = "name the Redis server for the log with --redis URL or JOBLOG_REDIS_URL";
    let store = redis::store(&args.redis, env, if_missing)?;
    if redis::is_in_redis_url(&args.redis, env) {
        terminal.message(SHARED_REDIS);
    }
    redis::wait_until_usable(&store, PATIENCE, terminal).await?;
    store.check_writes().await?;
    let status = find_or_create_job(&store, &job, owner, terminal).await?;

    let store = Arc::new(store);
    let writer = LogWriter::builder(job.clone(), Arc::clone(&store)).redaction(redaction);
    let writer = args
        .configure(writer)
        .phase(args.phase_for(&status))
        .start()
        .map_err(|error| Failure::new(Failure::OTHER, error))?;
    claim(&writer, &store, &job, terminal).await?;
    if status == JobStatus::QUEUED {
        let message = format!("Running {}", program.name());
        match writer.enter(JobStatus::STARTING, &message).await {
            // If another producer has moved the job, that is fine too.
            Ok(()) => {}
            Err(TransitionError::Illegal(step)) if !step.from.is_terminal() => {}
            Err(error) => return Err(Failure::new(Failure::OTHER, error)),
        }
    }
    Ok(Prepared {
        writer,
        destination: Destination::Redis(store),
        program,
    })
}

/// Makes the job this run's own.
async fn claim(
    writer: &LogWriter,
    store: &Arc<RedisStore>,
    job: &JobId,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let mut claimed = try_claim(writer, store).await?;
    if let Err(ClaimError::Held(claim)) = &claimed
        && claim.lease.lapsed_ago().is_some()
    {
        // Its worker was lost, or cannot reach Redis. Then the job ends here, or the worker renews its claim.
        lost_run::end_if_lost(store, job, PATIENCE, terminal).await?;
        claimed = try_claim(writer, store).await?;
    }
    match claimed {
        Ok(()) => Ok(()),
        Err(ClaimError::Held(_)) => {
            let text = format_args!("the job `{job}` is busy: another joblog run is running it");
            Err(Failure::new(Failure::OTHER, text))
        }
        Err(ClaimError::Ended(status)) => Err(has_ended(store, job, &status).await),
        Err(ClaimError::NotFound) => Err(Failure::no_such_job(job)),
        Err(ClaimError::Store(error)) => Err(error.into()),
        Err(error) => Err(Failure::new(Failure::OTHER, error)),
    }
}

async fn try_claim(
    writer: &LogWriter,
    store: &Arc<RedisStore>,
) -> Result<Result<(), ClaimError>, Failure> {
    let claimed = timeout(PATIENCE, writer.claim(Arc::clone(store) as _)).await;
    claimed.map_err(|_| {
        let text = "Redis does not answer, so this run could not claim the job";
        Failure::new(Failure::UNREACHABLE, text)
    })
}

/// The failure to run a job that has ended. It says why the job ended, if that is known.
async fn has_ended(store: &RedisStore, job: &JobId, status: &JobStatus) -> Failure {
    let details = store.details(job).await.ok().flatten();
    let why = details.and_then(|details| details.status_message);
    let why = why.filter(|why| !why.is_empty());
    let why = why.map_or_else(String::new, |why| format!(" ({why})"));
    let text = format_args!("the job `{job}` has ended: it is {status}{why}");
    Failure::new(Failure::OTHER, text)
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
        return Err(has_ended(store, job, &found.status).await);
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
        Ok(()) => Ok(JobStatus::QUEUED),
        Err(CreateJobError::Exists) => {
            let text = format_args!("somebody else has just created the job `{job}`");
            Err(Failure::new(Failure::OTHER, text))
        }
        Err(CreateJobError::Store(error)) => Err(error.into()),
        Err(error) => Err(Failure::new(Failure::OTHER, error)),
    }
}
