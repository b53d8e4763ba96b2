//! Where logs and jobs are.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use url::Url;

use super::read::{Reader, Unit};

/// The store of logs and jobs.
#[derive(Debug, Clone)]
pub enum StoreSettings {
    /// Redis, as producers fill it.
    Redis(RedisSettings),
    /// Local disk, for one process.
    Embedded {
        /// The folder; made where it is missing.
        dir: PathBuf,
    },
}

/// How Redis is reached and read.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// `REDIS_URL`: `redis://`, `rediss://`, and the sentinel and cluster forms.
    pub url: String,
    /// `LOG_API_JOB_KEY`: the pattern of a job's key. `{job_id}` is replaced whole, braces included.
    pub job_key: String,
    /// `LOG_API_REDIS_TIMEOUT_MS`: the deadline of every command.
    pub timeout: Duration,
    /// `LOG_API_REDIS_WATCH`: how changes are noticed.
    pub watch: WatchMode,
}

/// How changes in Redis are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchMode {
    /// By client tracking where the server has it, else by polling.
    Auto,
    /// By client tracking only.
    Tracking,
    /// By polling only.
    Poll,
}

impl WatchMode {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Tracking => "tracking",
            Self::Poll => "poll",
        }
    }
}

impl FromStr for WatchMode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Auto, Self::Tracking, Self::Poll]
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or(())
    }
}

impl StoreSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let job_key = reader
            .text("LOG_API_JOB_KEY")
            .unwrap_or_else(|| "job:{job_id}".into());
        if job_key.matches("{job_id}").count() != 1 {
            reader.problem(
                "LOG_API_JOB_KEY",
                "must hold `{job_id}` once, for example job:{job_id}",
            );
        }
        Self::Redis(RedisSettings {
            url: reader
                .text("REDIS_URL")
                .unwrap_or_else(|| "redis://127.0.0.1:6379".into()),
            job_key,
            timeout: reader.duration(
                "LOG_API_REDIS_TIMEOUT_MS",
                Duration::from_secs(2),
                Unit::Milliseconds,
                50..=60_000,
            ),
            watch: reader.parsed(
                "LOG_API_REDIS_WATCH",
                WatchMode::Auto,
                "must be `auto`, `tracking` or `poll`",
            ),
        })
    }

    pub(super) fn describe(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Redis(redis) => vec![
                ("REDIS_URL", without_password(&redis.url)),
                ("LOG_API_JOB_KEY", redis.job_key.clone()),
                (
                    "LOG_API_REDIS_TIMEOUT_MS",
                    redis.timeout.as_millis().to_string(),
                ),
                ("LOG_API_REDIS_WATCH", redis.watch.as_str().into()),
            ],
            Self::Embedded { dir } => vec![("--data", dir.display().to_string())],
        }
    }
}

/// A Redis URL that can be shown. A text that cannot be taken apart is not shown at all.
#[must_use]
pub fn without_password(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else {
        return "(hidden: not a URL)".into();
    };
    if url.password().is_some() && url.set_password(Some("***")).is_err() {
        return "(hidden)".into();
    }
    // Sentinel passwords stand in the query.
    if url
        .query()
        .is_some_and(|query| query.to_ascii_lowercase().contains("password"))
    {
        url.set_query(Some("***"));
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_hidden_wherever_it_stands() {
        assert_eq!(without_password("redis://:pw@h:1"), "redis://:***@h:1");
        assert_eq!(without_password("redis://h:1/0"), "redis://h:1/0");
        let sentinel = without_password("redis-sentinel://h:1?sentinelPassword=pw&x=1");
        assert!(!sentinel.contains("pw"), "{sentinel}");
        assert!(!without_password("pw").contains("pw"));
    }
}
