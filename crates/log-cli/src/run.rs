//! `joblog run`: a command whose output is the log of a job.

mod ending;

use std::ffi::OsString;
use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use log_domain::{JobId, JobStatus, UserId};
use log_store::redis::RedisStore;
use log_store::{CreateJobError, Jobs as _, TransitionError};
use log_writer::{Ansi, Echo, LogWriter, Outcome, Redaction, RunError, create_job};
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::time::interval;

use self::ending::Ending;
use crate::cli::RunArgs;
use crate::direct::{patiently, reachable};
use crate::environment::Environment;
use crate::exit::Failure;
use crate::say::Say;
use crate::signals::{self, Came};
use crate::waiting::{PATIENCE, TICK, Waiting};
use crate::{job, origin};

/// How long Redis is waited for before the command is started.
const AT_THE_START: Duration = Duration::from_secs(10);

pub(crate) async fn run(args: RunArgs, env: Environment, say: &mut Say) -> Result<u8, Failure> {
    let give_up = args.give_up_after;
    let (writer, store, command) = prepare(args, env, say)
        .await
        .map_err(Failure::before_the_command)?;
    let signals = signals::listen();
    let mut signals = signals.map_err(|error| {
        let text = format_args!("signals cannot be passed on: {error}");
        Failure::new(Failure::RUN, text)
    })?;
    let name = command.as_std().get_program().display().to_string();
    let (code, outcome, message) =
        match supervise(&writer, &store, command, &mut signals, say).await {
            Ok(status) => (
                code_of(status),
                Outcome::from(status),
                format!("The command ended with {}", in_words(status)),
            ),
            Err(error) => {
                let (code, text) = cannot_run(&name, &error);
                say.note(&text);
                (code, Outcome::Failed, text)
            }
        };
    if outcome == Outcome::Failed {
        // Whoever follows the log sees why it ends here.
        writer.system(&message).await;
    }
    let ending = Ending {
        outcome,
        message,
        give_up,
    };
    ending.write(writer, &mut signals, say).await;
    Ok(code)
}

/// Everything that can be wrong before the command is started.
async fn prepare(
    args: RunArgs,
    env: Environment,
    say: &mut Say,
) -> Result<(LogWriter, Arc<RedisStore>, Command), Failure> {
    let job = origin::job_id(args.job, env, "name the job: --job ID, or JOBLOG_JOB")?;
    let owner = job::owner(args.user, env)?;
    let redaction = redaction(&args.secret_env, env, say)?;
    let command = command(args.command)?;
    let store = origin::redis(
        args.redis,
        env,
        || "name the Redis that takes the log: --redis URL, or REDIS_URL",
    )?;
    reachable(&store, AT_THE_START, say).await?;
    store.check_writes().await?;
    let status = ready_job(&store, &job, owner, say).await?;

    let store = Arc::new(store);
    let ansi = if args.keep_colors {
        Ansi::KeepColours
    } else {
        Ansi::Strip
    };
    let mut writer = LogWriter::builder(job.clone(), Arc::clone(&store))
        .redaction(redaction)
        .ansi(ansi)
        .give_up_after(args.give_up_after);
    if let Some(phase) = &args.phase {
        writer = writer.phase(phase);
    }
    let writer = writer.start();
    if status == JobStatus::Queued {
        let said = format!("Running {}", command.as_std().get_program().display());
        match writer.enter(JobStatus::Starting, &said).await {
            // Somebody else moved it on, which is as good.
            Ok(()) => {}
            Err(TransitionError::Illegal(step)) if !step.from.is_terminal() => {}
            Err(error) => return Err(Failure::new(Failure::OTHER, error)),
        }
    }
    Ok((writer, store, command))
}

/// The values that must not get into the log.
fn redaction(names: &[String], env: Environment, say: &mut Say) -> Result<Redaction, Failure> {
    let mut redaction = Redaction::builder();
    for name in names {
        let Some(value) = env.secret(name)? else {
            let text = format_args!("--secret-env {name}: there is no such variable");
            return Err(Failure::usage(text));
        };
        if value.trim().is_empty() {
            say.note(format_args!(
                "--secret-env {name}: it is empty, there is nothing to hide"
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
        .ok_or_else(|| Failure::usage("name a command after --"))?;
    let mut command = Command::new(program);
    command.args(words);
    Ok(command)
}

/// Makes the job where it is missing, and refuses one that cannot be run. Returns where it is.
async fn ready_job(
    store: &RedisStore,
    job: &JobId,
    owner: Option<UserId>,
    say: &mut Say,
) -> Result<JobStatus, Failure> {
    let found = patiently(AT_THE_START, say, async || store.get(job).await).await?;
    let Some(found) = found else {
        let owner = owner.ok_or_else(|| {
            let text = format_args!(
                "there is no job `{job}`, and a new one needs an owner, or nobody could read it: --user ID"
            );
            Failure::usage(text)
        })?;
        return match create_job(store, job, owner).await {
            Ok(()) => Ok(JobStatus::Queued),
            Err(CreateJobError::Exists) => {
                let text = format_args!("somebody else has just made the job `{job}`");
                Err(Failure::new(Failure::OTHER, text))
            }
            Err(CreateJobError::Store(error)) => Err(error.into()),
        };
    };
    if found.status.is_terminal() {
        let text = format_args!("the job `{job}` has ended: it is {}", found.status);
        return Err(Failure::new(Failure::OTHER, text));
    }
    match (&found.owner, owner) {
        (None, _) => say.note(format_args!(
            "the job `{job}` has no owner: nobody can read it through the API"
        )),
        (Some(owner), Some(named)) if *owner != named => {
            let text = format_args!("the job `{job}` is not {}'s", named.as_str());
            return Err(Failure::usage(text));
        }
        (Some(_), _) => {}
    }
    Ok(found.status)
}

/// Runs the command to its end: shows its output, passes signals on, says once when Redis is away.
async fn supervise(
    writer: &LogWriter,
    store: &RedisStore,
    command: Command,
    signals: &mut mpsc::Receiver<Came>,
    say: &mut Say,
) -> Result<ExitStatus, RunError> {
    let echo = Echo::to(tokio::io::stdout(), tokio::io::stderr());
    let running = writer.spawn(command, echo)?;
    let process = running.process();
    let mut end = Box::pin(running.wait());
    let mut outage = Outage::default();
    let mut ticks = interval(TICK);
    loop {
        tokio::select! {
            status = &mut end => {
                if store.state().connected {
                    outage.over(say);
                }
                return status;
            }
            Some(came) = signals.recv() => came.pass_on(process.id()),
            _ = ticks.tick() => outage.look(store, writer, say),
        }
    }
}

/// Redis away while the command runs: said once, and once more when it is back.
#[derive(Default)]
struct Outage {
    waiting: Waiting,
    said: bool,
}

impl Outage {
    fn look(&mut self, store: &RedisStore, writer: &LogWriter, say: &mut Say) {
        if store.state().connected {
            self.over(say);
            return;
        }
        self.waiting.on("");
        let elapsed = self.waiting.elapsed().unwrap_or_default();
        if elapsed >= PATIENCE && !std::mem::replace(&mut self.said, true) {
            let waiting = writer.stats().waiting;
            say.note(format_args!(
                "Redis cannot be reached; the command goes on, and its lines wait ({waiting} so far)"
            ));
        }
    }

    fn over(&mut self, say: &mut Say) {
        if std::mem::take(&mut self.said) {
            say.note("Redis is back, and takes the lines that waited");
        }
        self.waiting = Waiting::default();
    }
}

/// As shells have it.
fn code_of(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(Failure::RUN)
}

fn in_words(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// What a command that did not run exits with, and says.
fn cannot_run(name: &str, error: &RunError) -> (u8, String) {
    match error {
        RunError::Spawn(error) if error.kind() == io::ErrorKind::NotFound => {
            (Failure::NO_COMMAND, format!("{name}: command not found"))
        }
        RunError::Spawn(error) => (Failure::CANNOT_START, format!("{name}: {error}")),
        RunError::Wait(error) => (Failure::RUN, format!("{name}: {error}")),
    }
}
