//! What a server must be and allow, asked before it is relied upon.

use std::fmt;

use fred::interfaces::{
    ClientLike, HashesInterface, KeysInterface, LuaInterface, StreamsInterface,
};
use fred::types::{ClusterHash, CustomCommand, Value};
use thiserror::Error;

use super::decode::Fields;
use super::fault::Fault;
use super::keys::{KeyPatterns, Pattern};
use super::options::Retention;
use super::session::{Noticed, Session};
use crate::error::{StoreRefused, StoreUnavailable};

/// The oldest Redis that says what was ever added to a stream and deleted from it (`XINFO STREAM`); without that, lines
/// that are missing could not be told from lines that never were.
pub const OLDEST_REDIS: ServerVersion = ServerVersion { major: 7, minor: 0 };

/// The version of a server, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerVersion {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl ServerVersion {
    /// Reads the first two numbers of a version.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(str::parse);
        Some(Self {
            major: numbers.next()?.ok()?,
            minor: numbers.next()?.ok()?,
        })
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What a checked server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// Its version, whole, as it says it.
    pub version: String,
    /// Whether it pushes changes; else it is polled.
    pub tracks: bool,
}

/// A server cannot be relied upon.
#[derive(Debug, Error)]
pub enum CheckError {
    /// It is away: check again later.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
    /// It does not take our name or password.
    #[error("Redis refuses the credentials: {source}")]
    Credentials {
        /// What it said.
        source: StoreRefused,
    },
    /// It is too old.
    #[error("Redis {found} is too old: {OLDEST_REDIS} is the oldest that works")]
    TooOld {
        /// What it says it is.
        found: String,
    },
    /// Something that is needed is not allowed.
    #[error("the Redis user may not run {command} on `{pattern}`: {source}")]
    Permission {
        /// The command.
        command: &'static str,
        /// The keys or channels, as an access list writes them.
        pattern: String,
        /// What the server said.
        source: StoreRefused,
    },
    /// It answers what no Redis answers.
    #[error(transparent)]
    Refused(#[from] StoreRefused),
}

impl CheckError {
    /// Whether the same check can succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Credentials { .. }
            | Self::TooOld { .. }
            | Self::Permission { .. }
            | Self::Refused(_) => false,
        }
    }
}

impl From<Fault> for CheckError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(_) => Self::Refused(StoreRefused::new(fault)),
            Fault::Lost(_) | Fault::Late { .. } | Fault::Crowded | Fault::Later(_) => {
                Self::Unavailable(StoreUnavailable::new(fault))
            }
        }
    }
}

/// What a session's server says of itself. `HELLO` needs no permission, unlike `INFO`.
pub(super) async fn version(session: &Session) -> Result<String, Fault> {
    let hello = CustomCommand::new_static("HELLO", ClusterHash::Random, false);
    let reply: Value = session.reads().custom(hello, Vec::<Value>::new()).await?;
    let fields = Fields::of(reply)?;
    let version = fields.get("version").and_then(Value::as_string);
    version.ok_or_else(|| Fault::garbled("HELLO does not tell a version"))
}

/// Refuses a version that is too old, and one that is none.
pub(super) fn judge_version(version: &str) -> Result<(), CheckError> {
    match ServerVersion::parse(version) {
        Some(found) if found >= OLDEST_REDIS => Ok(()),
        _ => Err(CheckError::TooOld {
            found: version.into(),
        }),
    }
}

/// Tries every read on keys that cannot exist.
pub(super) async fn reads(session: &Session, keys: &KeyPatterns) -> Result<(), CheckError> {
    let (job, logs) = (keys.job_pattern(), keys.logs_pattern());
    let (job_key, log_key) = (job.of_nobody(), logs.of_nobody());
    let client = session.reads();
    let fields = vec!["status", "user_id", "org_id"];
    allowed("HMGET", job, client.hmget(&job_key, fields).await)?;
    allowed("EXISTS", job, client.exists(&job_key).await)?;
    let one = Some(1);
    allowed("XRANGE", logs, client.xrange(&log_key, "-", "+", one).await)?;
    allowed(
        "XREVRANGE",
        logs,
        client.xrevrange(&log_key, "+", "-", one).await,
    )?;
    allowed(
        "XINFO STREAM",
        logs,
        client.xinfo_stream(&log_key, false, None).await,
    )?;
    if session.noticed != Noticed::ByTracking {
        allowed(
            "XREAD",
            logs,
            client.xread(one, None, &log_key, "0-0").await,
        )?;
    }
    Ok(())
}

/// Asks whether every write is allowed, without writing anything: an `XADD` that creates no stream, an `EXPIRE` of
/// nothing, and what the scripts do by asking for it inside one (`redis.acl_check_cmd`, since Redis 7.0).
pub(super) async fn writes(
    session: &Session,
    keys: &KeyPatterns,
    keep: Retention,
) -> Result<(), CheckError> {
    let (job, logs, events) = (
        keys.job_pattern(),
        keys.logs_pattern(),
        keys.events_pattern(),
    );
    let client = session.writes();
    let log_key = logs.of_nobody();
    let cap = ("MAXLEN", "~", i64::from(keep.lines));
    let none = vec![("text", "")];
    allowed(
        "XADD",
        logs,
        client.xadd(&log_key, true, cap, "*", none).await,
    )?;
    let trimmed = client.xtrim(&log_key, cap).await;
    allowed("XTRIM", logs, trimmed)?;
    allowed("EXPIRE", logs, client.expire(&log_key, 1, None).await)?;
    let asked = [
        (
            "CLIENT KILL",
            job,
            "return redis.acl_check_cmd('CLIENT', 'KILL', 'ID', '1')",
        ),
        (
            "EXISTS",
            job,
            "return redis.acl_check_cmd('EXISTS', KEYS[1])",
        ),
        (
            "HGET",
            job,
            "return redis.acl_check_cmd('HGET', KEYS[1], 'status')",
        ),
        (
            "HSET",
            job,
            "return redis.acl_check_cmd('HSET', KEYS[1], 'status', '')",
        ),
        (
            "PUBLISH",
            events,
            "return redis.acl_check_cmd('PUBLISH', ARGV[1], '')",
        ),
    ];
    for (command, pattern, script) in asked {
        let channel = vec![events.of_nobody()];
        let answer = client.eval(script, job.of_nobody(), channel).await;
        let answer = allowed("EVAL", job, answer)?;
        if answer.as_i64() != Some(1) {
            return Err(CheckError::Permission {
                command,
                pattern: pattern.glob(),
                source: StoreRefused::new("the access list does not allow it inside a script"),
            });
        }
    }
    Ok(())
}

/// Takes any answer but a refusal for the permission.
fn allowed(
    command: &'static str,
    pattern: &Pattern,
    answer: Result<Value, fred::error::Error>,
) -> Result<Value, CheckError> {
    let error = match answer {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    // What is asked about does not exist, and that is an answer too.
    if error.details().contains("no such key") {
        return Ok(Value::Null);
    }
    match Fault::from(error) {
        fault @ Fault::Refused(_) => Err(CheckError::Permission {
            command,
            pattern: pattern.glob(),
            source: StoreRefused::new(fault),
        }),
        fault => Err(fault.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_is_old_enough_and_six_is_not() {
        for version in ["7.0.0", "7.0.15", "7.2.4", "8.0.1", "10.1"] {
            assert!(judge_version(version).is_ok(), "{version}");
        }
        for version in ["6.2.14", "5.0.7", "", "unstable"] {
            assert!(judge_version(version).is_err(), "{version:?}");
        }
        let refused = judge_version("6.2.14").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "Redis 6.2.14 is too old: 7.0 is the oldest that works"
        );
    }
}
