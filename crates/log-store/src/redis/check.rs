//! Checks before a server is used: its version, and what it allows.

use std::time::Duration;

use fred::error::{Error, ErrorKind};
use tokio::time::sleep;

use super::check_error::CheckError;
use super::cluster_check::is_one_of_many;
use super::error_text::text;
use super::fault::{Fault, is_not_offered};
use super::node::Purpose;
use super::options::WatchMode;
use super::permissions::{check_appends, check_reads, check_steps, check_waits};
use super::server_version::{OLDEST_REDIS, PROBE, ServerVersion, knows_enough, query_version};
use super::session::ChangeDetection;
use super::store::RedisStore;
use crate::error::StoreRefused;

/// What a check found out about a server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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
        // What somebody has to change is said at once.
        tokio::select! {
            facts = self.check_server() => facts,
            error = self.refusal() => Err(error),
        }
    }

    async fn check_server(&self) -> Result<ServerFacts, CheckError> {
        let servers = &self.core.servers;
        let version = servers.read_anywhere(Purpose::Commands, async |session| {
            query_version(&session).await
        });
        let version = version.await.map_err(|fault| self.unusable(fault))?;
        if let Some(version) = &version {
            validate_version(version)?;
        } else {
            self.probe_version().await?;
        }
        if !servers.is_cluster() {
            let asked = servers.read_anywhere(Purpose::Commands, async |session| {
                is_one_of_many(&session).await
            });
            if asked.await.map_err(|fault| self.unusable(fault))? {
                return Err(CheckError::OneOfMany);
            }
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

    /// Looks whether a server that does not tell its version is new enough.
    async fn probe_version(&self) -> Result<(), CheckError> {
        let key = self.core.options.keys.logs_pattern().for_no_job();
        let probe = async |session| knows_enough(&session, &key).await;
        let servers = &self.core.servers;
        match servers.read_anywhere(Purpose::Commands, probe).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(CheckError::TooOld {
                found: format!("without {PROBE}"),
            }),
            Err(Fault::TryAgain(error)) if is_not_offered(&error) => {
                tracing::warn!(
                    %error,
                    "the server does not tell its version; {OLDEST_REDIS} or later is needed"
                );
                Ok(())
            }
            Err(fault) => Err(self.unusable(fault)),
        }
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
        if self.core.options.min_replicas > 0 {
            let waits = async |session| Ok(check_waits(&session, logs).await);
            let waits = servers.read(Purpose::Commands, &log_key, waits);
            waits.await.map_err(|fault| self.unusable(fault))??;
        }
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
                source: StoreRefused::new(text(&error)),
            },
            _ => self.unusable(fault),
        }
    }

    /// Why the server cannot be used: because of something that somebody has to change, or for a reason that may pass.
    fn unusable(&self, fault: Fault) -> CheckError {
        self.refused().unwrap_or_else(|| fault.into())
    }

    /// Waits until a connection is refused for a reason that does not pass by itself.
    async fn refusal(&self) -> CheckError {
        loop {
            if let Some(error) = self.refused() {
                return error;
            }
            sleep(LOOK).await;
        }
    }

    fn refused(&self) -> Option<CheckError> {
        let purposes = [Purpose::Commands, Purpose::Watching];
        let mut errors = purposes
            .into_iter()
            .filter_map(|purpose| self.core.servers.last_error(purpose));
        errors.find_map(wrong_setting)
    }
}

/// What somebody has to change, where a connection fails because of that.
fn wrong_setting(error: Error) -> Option<CheckError> {
    if *error.kind() == ErrorKind::Auth {
        return Some(CheckError::Credentials {
            source: StoreRefused::new(text(&error)),
        });
    }
    let mut signs = SETTINGS.iter();
    let (_, what) = signs.find(|(sign, _)| error.details().contains(sign))?;
    Some(CheckError::Settings {
        what,
        source: StoreRefused::new(text(&error)),
    })
}

/// How often a check looks whether the connection is refused.
const LOOK: Duration = Duration::from_millis(20);

/// What errors of a connection say where a setting is wrong, and what to change.
const SETTINGS: [(&str, &str); 12] = [
    (
        "UnknownIssuer",
        "the certificate of Redis is of an authority that is not trusted here; name the file of that authority",
    ),
    (
        "BadSignature",
        "the certificate of Redis is of an authority that is not trusted here; name the file of that authority",
    ),
    (
        "CaUsedAsEndEntity",
        "the certificate of Redis is that of an authority, and not of a server",
    ),
    (
        "NotValidForName",
        "the certificate of Redis is for another name than the address has",
    ),
    (
        "certificate not valid for name",
        "the certificate of Redis is for another name than the address has",
    ),
    ("Expired", "the certificate of Redis has expired"),
    (
        "certificate expired",
        "the certificate of Redis has expired",
    ),
    ("NotValidYet", "the certificate of Redis is not valid yet"),
    (
        "CertificateRequired",
        "Redis asks for a client certificate; name its file and that of its key",
    ),
    (
        "UnknownCA",
        "Redis does not trust the authority of our client certificate",
    ),
    (
        "InvalidContentType",
        "what answers at this address does not speak TLS; without TLS the address begins with redis://",
    ),
    (
        "DB index is out of range",
        "Redis has no database of the number in the address",
    ),
];

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
