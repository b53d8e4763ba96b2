//! Where logs and jobs are.

use std::path::PathBuf;
use std::time::Duration;

use log_store::EmbeddedOptions;
use log_store::redis::{RedisTls, WatchMode};
use url::Url;

use super::catalog;
use super::read::Reader;

/// The store of logs and jobs.
#[derive(Debug, Clone)]
pub enum StoreSettings {
    /// A Redis that build workers write to.
    Redis(RedisSettings),
    /// The local disk, for one process.
    Embedded {
        /// The folder; it is created if it is missing.
        dir: PathBuf,
    },
}

/// How Redis is reached and read.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// `REDIS_URL`: `redis://` or `rediss://`, or the forms for Sentinel and Cluster.
    pub url: String,
    /// `LOG_API_REDIS_CA_FILE`, `LOG_API_REDIS_CERT_FILE` and `LOG_API_REDIS_KEY_FILE`: files for TLS.
    pub tls: RedisTls,
    /// `LOG_API_JOB_KEY`: the pattern of a job's key. `{job_id}` is replaced, braces included.
    pub job_key: String,
    /// `LOG_API_REDIS_TIMEOUT_MS`: the deadline of every command.
    pub timeout: Duration,
    /// `LOG_API_REDIS_MIN_REPLICAS`: how many replicas must have a line before its append is answered.
    pub min_replicas: u32,
    /// `LOG_API_REDIS_WATCH`: how changes are noticed.
    pub watch: WatchMode,
}

impl StoreSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self::Redis(RedisSettings {
            url: redis_url(reader),
            tls: RedisTls::default()
                .ca_file(reader.text(&catalog::REDIS_CA_FILE).map(PathBuf::from))
                .cert_file(reader.text(&catalog::REDIS_CERT_FILE).map(PathBuf::from))
                .key_file(reader.text(&catalog::REDIS_KEY_FILE).map(PathBuf::from)),
            job_key: job_key(reader),
            timeout: reader.duration(&catalog::REDIS_TIMEOUT_MS),
            min_replicas: min_replicas(reader),
            watch: reader.parsed(&catalog::REDIS_WATCH).unwrap_or_default(),
        })
    }
}

/// `LOG_API_KEEP_SECS`, `LOG_API_KEEP_LINES`, `LOG_API_KEEP_BYTES`: what the embedded store keeps.
pub(super) fn embedded_options(reader: &mut Reader<'_>) -> EmbeddedOptions {
    let keep_logs = reader.duration(&catalog::KEEP_SECS);
    EmbeddedOptions::default()
        .keep_logs(keep_logs)
        .keep_jobs(2 * keep_logs)
        .max_bytes(reader.number(&catalog::KEEP_BYTES))
        .max_lines(reader.number(&catalog::KEEP_LINES).unwrap_or_default())
}

fn min_replicas(reader: &mut Reader<'_>) -> u32 {
    let number = reader.number(&catalog::REDIS_MIN_REPLICAS);
    number.and_then(|n: u64| n.try_into().ok()).unwrap_or(0)
}

fn redis_url(reader: &mut Reader<'_>) -> String {
    let url = reader.text(&catalog::REDIS_URL).unwrap_or_default();
    if !is_redis_url(&url) {
        reader.broken_rule(&catalog::REDIS_URL);
    }
    reader.show(&catalog::REDIS_URL, without_password(&url));
    url
}

fn job_key(reader: &mut Reader<'_>) -> String {
    let key = reader.text(&catalog::JOB_KEY).unwrap_or_default();
    if key.matches("{job_id}").count() != 1 {
        reader.broken_rule(&catalog::JOB_KEY);
    }
    key
}

/// Whether the scheme is one that fred knows. fred itself takes any other scheme, a misspelt one too, for a single server
/// without TLS.
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

/// A Redis URL with its password hidden. A text that is no URL is hidden whole.
#[must_use]
pub fn without_password(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else {
        return "(hidden: not a URL)".into();
    };
    if url.password().is_some() && url.set_password(Some("***")).is_err() {
        return "(hidden)".into();
    }
    // The password of Sentinels is in the query.
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
    fn every_scheme_of_redis_is_accepted_and_no_other() {
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
    fn a_password_is_hidden_wherever_it_is() {
        assert_eq!(without_password("redis://:pw@h:1"), "redis://:***@h:1");
        assert_eq!(without_password("redis://h:1/0"), "redis://h:1/0");
        let sentinel = without_password("redis-sentinel://h:1?sentinelPassword=pw&x=1");
        assert!(!sentinel.contains("pw"), "{sentinel}");
        assert!(!without_password("pw").contains("pw"));
    }
}
