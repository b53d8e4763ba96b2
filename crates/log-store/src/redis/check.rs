//! Checks before a server is used: its version, and what it allows.

use fred::error::{Error, ErrorKind};

use super::check_error::CheckError;
use super::fault::{Fault, is_not_offered};
use super::node::Purpose;
use super::options::WatchMode;
use super::permissions::{check_appends, check_reads, check_steps};
use super::server_version::{OLDEST_REDIS, ServerVersion, query_version};
use super::session::ChangeDetection;
use super::store::RedisStore;
use crate::error::StoreRefused;

/// What a check found out about a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// Its version, as it reports it; `unknown` where it reports none (some proxies).
    pub version: String,
    /// Whether it pushes changes. Otherwise watches poll.
    pub tracks: bool,
}

impl RedisStore {
    /// Checks the server's version, and that everything is allowed that reading needs.
    ///
    /// # Errors
    /// [`CheckError::Unavailable`] while Redis is away: check again later. Every other error names what somebody has to
    /// change.
    pub async fn check(&self) -> Result<ServerFacts, CheckError> {
        let servers = &self.core.servers;
        let version = servers.read_anywhere(Purpose::Commands, async |session| {
            query_version(&session).await
        });
        let version = version.await.map_err(|fault| self.unusable(fault))?;
        if let Some(version) = &version {
            validate_version(version)?;
        } else {
            tracing::warn!(
                "the server does not tell its version; {OLDEST_REDIS} or later is needed"
            );
        }
        let keys = &self.core.options.keys;
        let checked = servers.read_anywhere(Purpose::Watching, async |session| {
            let checked = check_reads(&session, keys).await;
            let tracks = session.change_detection == ChangeDetection::Tracking;
            Ok((checked, tracks))
        });
        let (checked, tracks) = checked
            .await
            .map_err(|fault| self.watching_is_unusable(fault))?;
        checked?;
        let version = version.unwrap_or_else(|| "unknown".to_owned());
        Ok(ServerFacts { version, tracks })
    }

    /// Checks that everything is allowed that appending lines and changing a job's status need. It writes nothing.
    ///
    /// # Errors
    /// As [`RedisStore::check`].
    pub async fn check_writes(&self) -> Result<(), CheckError> {
        let (keys, retention) = (&self.core.options.keys, self.core.options.retention);
        let logs = keys.logs_pattern();
        let (log_key, job_key) = (logs.for_no_job(), keys.job_pattern().for_no_job());
        let servers = &self.core.servers;
        let appends = async |session| Ok(check_appends(&session, logs, retention).await);
        let steps = async |session| Ok(check_steps(&session, keys).await);
        let appends = servers.read(Purpose::Commands, &log_key, appends);
        appends.await.map_err(|fault| self.unusable(fault))??;
        let steps = servers.read(Purpose::Commands, &job_key, steps);
        steps.await.map_err(|fault| self.unusable(fault))?
    }

    /// Tells a server that is away from one that must track and refuses to.
    fn watching_is_unusable(&self, fault: Fault) -> CheckError {
        let must_track = self.core.options.watch == WatchMode::Tracking;
        let refuses = |error: &Error| is_not_offered(error) || *error.kind() == ErrorKind::Config;
        match self.core.servers.last_error(Purpose::Watching) {
            Some(error) if must_track && refuses(&error) => CheckError::Permission {
                command: "CLIENT TRACKING",
                pattern: self.core.options.keys.logs_pattern().glob(),
                source: StoreRefused::new(error),
            },
            _ => self.unusable(fault),
        }
    }

    /// Why the server cannot be used: because of the credentials, or for a reason that may pass.
    fn unusable(&self, fault: Fault) -> CheckError {
        let purposes = [Purpose::Commands, Purpose::Watching];
        let mut errors = purposes
            .into_iter()
            .filter_map(|purpose| self.core.servers.last_error(purpose));
        match errors.find(|error| *error.kind() == ErrorKind::Auth) {
            Some(error) => CheckError::Credentials {
                source: StoreRefused::new(error),
            },
            None => fault.into(),
        }
    }
}

/// Refuses a version that is too old, and a text that is no version.
fn validate_version(version: &str) -> Result<(), CheckError> {
    match ServerVersion::parse(version) {
        Some(found) if found >= OLDEST_REDIS => Ok(()),
        _ => Err(CheckError::TooOld {
            found: version.into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_7_is_new_enough_and_version_6_is_not() {
        for version in ["7.0.0", "7.0.15", "7.2.4", "8.0.1", "10.1"] {
            assert!(validate_version(version).is_ok(), "{version}");
        }
        for version in ["6.2.14", "5.0.7", "", "unstable"] {
            assert!(validate_version(version).is_err(), "{version:?}");
        }
        let refused = validate_version("6.2.14").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "Redis 6.2.14 is too old: 7.0 is the oldest that works"
        );
    }
}
