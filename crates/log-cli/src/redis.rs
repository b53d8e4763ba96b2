//! Redis: which server to use, and reads that are repeated while it cannot be reached.

use std::path::PathBuf;
use std::time::Duration;

use log_store::redis::{CheckError, KeyPatterns, RedisOptions, RedisStore, RedisTls};
use log_store::{StoreError, StoreUnavailable};

use crate::args::RedisArgs;
use crate::environment::Environment;
use crate::exit::{Failure, cause};
use crate::retry::{AttemptError, Messages, retry};
use crate::terminal::Terminal;

/// What the user is told while Redis cannot be reached.
pub(crate) const UNREACHABLE: &str = "Redis cannot be reached; trying again";

/// The Redis server that the options or the environment name. `REDIS_URL` is the last resort: it may be somebody else's.
pub(crate) fn store(
    args: &RedisArgs,
    env: Environment,
    if_missing: &str,
) -> Result<RedisStore, Failure> {
    let url = url(args, env).ok_or_else(|| Failure::usage(if_missing))?;
    let mut options = RedisOptions::new(url);
    let file = |option, name| env.option_or(option, name).map(PathBuf::from);
    options.tls = RedisTls::default()
        .ca_file(file(args.redis_ca_file.clone(), "JOBLOG_REDIS_CA_FILE"))
        .cert_file(file(args.redis_cert_file.clone(), "JOBLOG_REDIS_CERT_FILE"))
        .key_file(file(args.redis_key_file.clone(), "JOBLOG_REDIS_KEY_FILE"));
    options.min_replicas = min_replicas(args, env)?;
    let keys = KeyPatterns::new(&args.job_key);
    options.keys = keys.map_err(|error| Failure::usage(format_args!("--job-key: {error}")))?;
    Ok(RedisStore::new(options)?)
}

/// Whether a command that inherits the environment learns from `REDIS_URL` where the log is.
pub(crate) fn is_in_redis_url(args: &RedisArgs, env: Environment) -> bool {
    let shared = env.get("REDIS_URL");
    shared.is_some() && shared == url(args, env)
}

fn min_replicas(args: &RedisArgs, env: Environment) -> Result<u32, Failure> {
    let name = "JOBLOG_REDIS_MIN_REPLICAS";
    let Some(text) = env.option_or(args.redis_min_replicas.clone(), name) else {
        return Ok(0);
    };
    let number = text.trim().parse().ok().filter(|number| *number <= 100);
    number.ok_or_else(|| {
        let rule = "must be a number from 0 to 100";
        Failure::usage(format_args!("--redis-min-replicas or {name} {rule}"))
    })
}

fn url(args: &RedisArgs, env: Environment) -> Option<String> {
    let url = env.option_or(args.redis.clone(), "JOBLOG_REDIS_URL");
    env.option_or(url, "REDIS_URL")
}

/// Waits until Redis answers, and checks that it can be used.
pub(crate) async fn wait_until_usable(
    store: &RedisStore,
    patience: Duration,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let messages = Messages {
        server: "Redis",
        first_attempt: Some(UNREACHABLE),
        success: "Redis can be reached",
    };
    retry(patience, messages, terminal, async || {
        match store.check().await {
            Ok(_) => Ok(()),
            Err(CheckError::Unavailable(error)) => Err(transient(&error)),
            Err(error) => Err(AttemptError::Final(error.into())),
        }
    })
    .await
}

/// Repeats a read while Redis cannot be reached.
pub(crate) async fn read<T>(
    patience: Duration,
    terminal: &mut Terminal,
    mut read: impl AsyncFnMut() -> Result<T, StoreError>,
) -> Result<T, Failure> {
    let messages = Messages {
        server: "Redis",
        first_attempt: None,
        success: "Redis can be reached again",
    };
    retry(patience, messages, terminal, async || {
        read().await.map_err(|error| match error {
            StoreError::Unavailable(error) => transient(&error),
            error => AttemptError::Final(error.into()),
        })
    })
    .await
}

fn transient(error: &StoreUnavailable) -> AttemptError {
    AttemptError::Transient {
        reason: format!("it cannot be reached: {}", cause(error)),
        notice: UNREACHABLE.to_owned(),
    }
}
