//! Redis: which server to use, and reads that are repeated while it cannot be reached.

use std::path::PathBuf;
use std::time::Duration;

use log_store::StoreError;
use log_store::redis::{CheckError, KeyPatterns, RedisOptions, RedisStore, RedisTls};

use crate::args::RedisArgs;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::retry::{AttemptError, Messages, retry};
use crate::terminal::Terminal;

/// What the user is told while Redis cannot be reached.
pub(crate) const UNREACHABLE: &str = "Redis cannot be reached; trying again";

/// The Redis server that the options or the environment name.
pub(crate) fn store(
    args: RedisArgs,
    env: Environment,
    if_missing: &str,
) -> Result<RedisStore, Failure> {
    let url = env.option_or(args.redis, "REDIS_URL");
    let url = url.ok_or_else(|| Failure::usage(if_missing))?;
    let mut options = RedisOptions::new(url);
    let file = |option, name| env.option_or(option, name).map(PathBuf::from);
    options.tls = RedisTls {
        ca_file: file(args.redis_ca_file, "JOBLOG_REDIS_CA_FILE"),
        cert_file: file(args.redis_cert_file, "JOBLOG_REDIS_CERT_FILE"),
        key_file: file(args.redis_key_file, "JOBLOG_REDIS_KEY_FILE"),
    };
    let keys = KeyPatterns::new(&args.job_key);
    options.keys = keys.map_err(|error| Failure::usage(format_args!("--job-key: {error}")))?;
    Ok(RedisStore::new(options)?)
}

/// Waits until Redis answers, and checks that it can be used.
pub(crate) async fn wait_until_usable(
    store: &RedisStore,
    patience: Duration,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let messages = Messages {
        first_attempt: Some(UNREACHABLE),
        success: "Redis can be reached",
    };
    retry(patience, messages, terminal, async || {
        match store.check().await {
            Ok(_) => Ok(()),
            Err(error @ CheckError::Unavailable(_)) => Err(transient(error)),
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
        first_attempt: None,
        success: "Redis can be reached again",
    };
    retry(patience, messages, terminal, async || {
        read().await.map_err(|error| {
            if error.is_retryable() {
                transient(error)
            } else {
                AttemptError::Final(error.into())
            }
        })
    })
    .await
}

fn transient(error: impl Into<Failure>) -> AttemptError {
    AttemptError::Transient {
        failure: error.into(),
        notice: UNREACHABLE.to_owned(),
    }
}
