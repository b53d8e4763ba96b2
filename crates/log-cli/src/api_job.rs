//! `joblog run --url`: runs a command whose output goes to the API. `joblog create --url` creates a job there.

use std::io::Write as _;
use std::sync::Arc;

use log_client::{Client, ClientError, TokenSource};
use log_domain::{JobId, JobStatus, UserId};
use log_store::TransitionError;
use log_wire::{CreateBody, DEV_KEY, DEV_USER};
use log_writer::{LogWriter, Outcome, RunError, Running, Stores};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep_until};

use super::run::{Program, code_from_status, describe, redaction};
use crate::api::ask;
use crate::api_store::ApiStore;
use crate::args::{CreateArgs, RunArgs};
use crate::environment::Environment;
use crate::exit::Failure;
use crate::signals::{self, Place, ReceivedSignal};
use crate::stdout;
use crate::terminal::Terminal;
use crate::wait_notice::TICK;

/// What every API key begins with. An append token begins otherwise.
const KEY_PREFIX: &str = "jlk_";

/// How long to wait for the API before the command is started.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

pub(crate) async fn run(
    url: &str,
    args: RunArgs,
    env: Environment,
    terminal: &mut Terminal,
) -> Result<u8, Failure> {
    let program = Program::new(args.command.clone());
    let program = program.ok_or_else(|| Failure::usage("give a command after --"))?;
    let prepared = prepare(url, args, env, terminal, &program.name()).await;
    let (writer, store, give_up_after) = prepared.map_err(Failure::before_the_command)?;
    let signals = signals::listen();
    let mut signals = signals.map_err(|error| {
        let text = format_args!("cannot receive signals: {error}");
        Failure::new(Failure::RUN_FAILED, text)
    })?;
    let place = Place::find();
    let ran = match program.start(&writer, env, place) {
        Ok(running) => {
            let ended = wait(running, place, &store, &mut signals, terminal).await;
            ended.map_err(|error| Failure::new(Failure::RUN_FAILED, error))
        }
        Err(failure) => Err(failure),
    };
    let (code, outcome, message) = match ran {
        Ok(status) => (
            code_from_status(status),
            Outcome::from(status),
            format!("The command ended with {}", describe(status)),
        ),
        Err(failure) => {
            terminal.message(&failure);
            (failure.code, Outcome::Failed, failure.to_string())
        }
    };
    if outcome == Outcome::Failed {
        writer.system(&message).await;
    }
    finish(
        writer,
        outcome,
        &message,
        give_up_after,
        &mut signals,
        terminal,
    )
    .await;
    Ok(code)
}

/// Creates the job if there is a key for that, and starts its writer.
async fn prepare(
    url: &str,
    args: RunArgs,
    env: Environment,
    terminal: &mut Terminal,
    name: &str,
) -> Result<(LogWriter, Arc<ApiStore>, std::time::Duration), Failure> {
    let key = credential(url, env)?;
    let job = match env.option_or(args.job.clone(), "JOBLOG_JOB") {
        Some(_) => env.job_id(args.job, "name the job with --job ID or JOBLOG_JOB")?,
        None if key.starts_with(KEY_PREFIX) => fresh_job()?,
        None => {
            return Err(Failure::usage(
                "name the job of the append token with --job ID or JOBLOG_JOB",
            ));
        }
    };
    let redaction = redaction(&args.secrets, env, terminal)?;
    let token = if key.starts_with(KEY_PREFIX) {
        let owner = owner(args.user, &key, env)?;
        let client = client(url, &key, args.ca_file.as_deref())?;
        create_job(&client, &job, owner.as_str(), terminal).await?
    } else {
        key
    };
    let store = Arc::new(ApiStore::new(client(url, &token, args.ca_file.as_deref())?));
    let producer = format!("joblog-{:016x}", fastrand::u64(..));
    let producer = producer.parse().map_err(Failure::usage)?;
    let stores = Stores::numbered(store.clone(), store.clone(), producer);
    let mut writer = LogWriter::builder(job.clone(), stores)
        .redaction(redaction)
        .give_up_after(args.give_up_after);
    if let Some(phase) = &args.phase {
        writer = writer.phase(phase);
    }
    let writer = writer.start();
    match writer
        .enter(JobStatus::STARTING, &format!("Running {name}"))
        .await
    {
        Ok(()) => {}
        // Somebody has moved the job on. That is fine, unless it has ended.
        Err(TransitionError::Illegal(step)) if !step.from.is_terminal() => {}
        Err(error) => return Err(Failure::new(Failure::OTHER, error)),
    }
    terminal.message(format_args!(
        "the log: {}/jobs/{job}",
        url.trim_end_matches('/')
    ));
    Ok((writer, store, args.give_up_after))
}

/// `joblog create --url`: creates a job, and prints the append token for its worker.
pub(crate) async fn create(
    url: &str,
    args: CreateArgs,
    env: Environment,
    terminal: &mut Terminal,
) -> Result<u8, Failure> {
    let job = env.job_id(args.job.job, "name the job, or set JOBLOG_JOB")?;
    let key = credential(url, env)?;
    let owner = owner(args.user, &key, env)?;
    let client = client(url, &key, args.ca_file.as_deref())?;
    let token = create_job(&client, &job, owner.as_str(), terminal).await?;
    stdout::check(writeln!(std::io::stdout().lock(), "{token}"))?;
    Ok(0)
}

/// The credential of the environment. A service for development on this machine has a key that everybody knows.
fn credential(url: &str, env: Environment) -> Result<String, Failure> {
    match env.get("JOBLOG_KEY") {
        Some(key) => Ok(key.trim().to_owned()),
        None if is_this_machine(url) => Ok(DEV_KEY.to_owned()),
        None => Err(Failure::new(
            Failure::REFUSED,
            "the API needs a credential: set JOBLOG_KEY to an API key, or to the append token of the job",
        )),
    }
}

/// The owner of a new job.
fn owner(option: Option<String>, key: &str, env: Environment) -> Result<UserId, Failure> {
    let named = env.owner(option)?;
    let of_dev = || UserId::new(DEV_USER).filter(|_| key == DEV_KEY);
    named.or_else(of_dev).ok_or_else(|| {
        Failure::usage(
            "a job needs an owner, or nobody could read it: give --user ID, or set JOBLOG_USER",
        )
    })
}

fn is_this_machine(url: &str) -> bool {
    let rest = url.strip_prefix("http://").unwrap_or_default();
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|host| {
        let after = rest.strip_prefix(host);
        after.is_some_and(|after| after.is_empty() || after.starts_with([':', '/']))
    })
}

/// A client with this credential.
fn client(url: &str, key: &str, ca_file: Option<&std::path::Path>) -> Result<Client, Failure> {
    let mut builder = Client::builder(url).token(TokenSource::fixed(key));
    if let Some(path) = ca_file {
        let pem = std::fs::read(path);
        let pem = pem.map_err(|error| {
            Failure::usage(format_args!("--ca-file {}: {error}", path.display()))
        })?;
        builder = builder.ca_certificates(pem);
    }
    builder.build().map_err(Failure::usage)
}

/// Creates a job, and returns its append token.
async fn create_job(
    client: &Client,
    job: &JobId,
    owner: &str,
    terminal: &mut Terminal,
) -> Result<String, Failure> {
    let new = CreateBody {
        user_id: owner.to_owned(),
        org_id: None,
        status: None,
        fields: std::collections::BTreeMap::default(),
        token: true,
    };
    let created = ask(PATIENCE, terminal, async || client.create(job, &new).await).await?;
    created
        .append_token
        .ok_or_else(|| ClientError::NotTheApi("it gives no append token".into()).into())
}

fn fresh_job() -> Result<JobId, Failure> {
    format!("run-{:016x}", fastrand::u64(..))
        .parse()
        .map_err(Failure::usage)
}

/// Waits until the command has ended. Shows its output, forwards signals, and tells the user when the API cannot be
/// reached, or when somebody else has ended the job.
async fn wait(
    running: Running,
    place: Place,
    store: &ApiStore,
    signals: &mut mpsc::Receiver<ReceivedSignal>,
    terminal: &mut Terminal,
) -> Result<std::process::ExitStatus, RunError> {
    let process = running.process();
    let mut end = Box::pin(running.wait());
    let mut ticks = interval(TICK);
    let (mut was_away, mut had_ended) = (false, false);
    loop {
        tokio::select! {
            status = &mut end => return status,
            Some(signal) = signals.recv() => signal.forward(&process, place),
            _ = ticks.tick() => {
                let last = store.last_answer();
                if last.is_away != was_away {
                    was_away = last.is_away;
                    terminal.message(if was_away {
                        "the API cannot be reached; the command goes on, and its lines wait"
                    } else {
                        "the API is back, and the waiting lines are being written"
                    });
                }
                if let Some(status) = last.status.filter(JobStatus::is_terminal)
                    && !std::mem::replace(&mut had_ended, true)
                {
                    terminal.message(format_args!(
                        "somebody else has ended the job: it is {status}; the command goes on"
                    ));
                }
            }
        }
    }
}

/// Ends the log and the job. The user can give up by Ctrl-C.
async fn finish(
    writer: LogWriter,
    outcome: Outcome,
    message: &str,
    give_up_after: std::time::Duration,
    signals: &mut mpsc::Receiver<ReceivedSignal>,
    terminal: &mut Terminal,
) {
    let monitor = writer.monitor();
    let deadline = Instant::now() + give_up_after + PATIENCE;
    let mut finish = Box::pin(writer.finish(outcome, message));
    let finished = loop {
        tokio::select! {
            finished = &mut finish => break Some(finished),
            () = sleep_until(deadline) => break None,
            Some(signal) = signals.recv() => if signal.asks_to_stop() { break None },
        }
    };
    let (stats, problem) = match finished {
        Some(Ok(stats)) => (stats, None),
        Some(Err(error)) => (error.stats, Some(error.to_string())),
        None => (
            monitor.stats(),
            Some("gave up on the API: the job did not end".to_owned()),
        ),
    };
    let lost = stats.lost.lines + stats.waiting;
    if lost > 0 {
        let has = stats.appended;
        terminal.message(format_args!(
            "the log lacks {lost} lines, which the API did not take, and has {has}"
        ));
    }
    if let Some(problem) = problem {
        terminal.message(problem);
    }
}
