//! `joblog create` and `joblog status`.

use std::time::Duration;

use log_client::Ending;
use log_domain::UserId;
use log_store::{CreateJobError, Jobs as _};
use log_writer::create_job;

use crate::cli::{CreateArgs, StatusArgs};
use crate::direct::{patiently, reachable};
use crate::environment::Environment;
use crate::exit::Failure;
use crate::origin::{self, Origin, asking};
use crate::pages::print;
use crate::say::Say;

/// How long the API may take to say that a job has ended: longer than a log takes to end.
const ENDING: Duration = Duration::from_secs(7);

/// How long Redis is waited for before anything was begun.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn create(
    args: CreateArgs,
    env: Environment,
    say: &mut Say,
) -> Result<u8, Failure> {
    let job = origin::job(args.job, env)?;
    let user = owner(args.user, env)?;
    let user = user.ok_or_else(|| {
        Failure::usage("a job needs an owner, or nobody could read it: --user ID, or JOBLOG_USER")
    })?;
    let store = origin::redis(
        args.redis,
        env,
        || "a job is made in Redis: name it with --redis or REDIS_URL (the API makes none)",
    )?;
    reachable(&store, PATIENCE, say).await?;
    match create_job(&store, &job, user).await {
        Ok(()) => Ok(0),
        Err(CreateJobError::Exists) => Err(Failure::new(
            Failure::OTHER,
            format_args!("there is a job `{job}` already"),
        )),
        Err(CreateJobError::Store(error)) => Err(error.into()),
    }
}

/// The owner that was named.
pub(crate) fn owner(given: Option<String>, env: Environment) -> Result<Option<UserId>, Failure> {
    let Some(text) = env.or(given, "JOBLOG_USER") else {
        return Ok(None);
    };
    let user = UserId::new(&text);
    let user = user.ok_or_else(|| Failure::usage("an owner's id must not be empty"))?;
    Ok(Some(user))
}

pub(crate) async fn status(
    args: StatusArgs,
    env: Environment,
    say: &mut Say,
) -> Result<u8, Failure> {
    let job = origin::job(args.job, env)?;
    let status = match Origin::open(args.origin, env, say).await? {
        Origin::Api(client, patience) => {
            let ending = async || client.ending(&job, ENDING).await;
            match asking(patience, say, ending).await? {
                None => "running".to_owned(),
                Some(Ending::Deleted) => return Err(Failure::no_such_job(&job)),
                Some(ending) => ending.to_string(),
            }
        }
        Origin::Redis(store, patience) => {
            let found = patiently(patience, say, async || store.get(&job).await).await?;
            let found = found.ok_or_else(|| Failure::no_such_job(&job))?;
            found.status.to_string()
        }
    };
    say.clear();
    let visible: String = status.chars().filter(|c| !c.is_control()).collect();
    print(format!("{visible}\n").as_bytes())
}
