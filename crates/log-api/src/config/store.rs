//! Where logs and jobs are.

use std::path::PathBuf;
use std::time::Duration;

use log_store::redis::WatchMode;
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

const URL_RULE: &str = "must be like redis://localhost:6379; rediss:// is with TLS, and redis-cluster:// and \
                        redis-sentinel:// are there too";

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
        let url = reader
            .text("REDIS_URL")
            .unwrap_or_else(|| "redis://127.0.0.1:6379".into());
        if !is_redis_url(&url) {
            reader.problem("REDIS_URL", URL_RULE);
        }
        Self::Redis(RedisSettings {
            url,
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
                ("LOG_API_REDIS_WATCH", redis.watch.to_string()),
            ],
            Self::Embedded { dir } => vec![("--data", dir.display().to_string())],
        }
    }
}

/// Whether the scheme is one of fred's. fred itself takes any other for a single server without TLS, a misspelt one too.
fn is_redis_url(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    let (server, kind) = url
        .scheme()
        .split_once('-')
        .unwrap_or_else(|| (url.scheme(), ""));
    matches!(server, "redis" | "rediss" | "valkey" | "valkeys")
        && matches!(kind, "" | "cluster" | "sentinel")
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
    fn every_scheme_of_redis_is_taken_and_no_other() {
        for good in [
            "redis://h",
            "rediss://h:1/2",
            "redis-cluster://h:1?node=i:2",
            "rediss-sentinel://h:1?sentinelServiceName=s",
            "valkey://h",
        ] {
            assert!(is_redis_url(good), "{good}");
        }
        for bad in [
            "",
            "h:6379",
            "http://h",
            "tls://h",
            "redis-clsuter://h",
            "redis+tls://h",
        ] {
            assert!(!is_redis_url(bad), "{bad}");
        }
    }

    #[test]
    fn a_password_is_hidden_wherever_it_stands() {
        assert_eq!(without_password("redis://:pw@h:1"), "redis://:***@h:1");
        assert_eq!(without_password("redis://h:1/0"), "redis://h:1/0");
        let sentinel = without_password("redis-sentinel://h:1?sentinelPassword=pw&x=1");
        assert!(!sentinel.contains("pw"), "{sentinel}");
        assert!(!without_password("pw").contains("pw"));
    }
}
