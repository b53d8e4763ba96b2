//! The version of a server.

use std::fmt;

use fred::types::Value;

use super::decode::Fields;
use super::fault::Fault;
use super::question::Command;
use super::session::Session;

/// The oldest Redis that works. Its `XINFO STREAM` is the first that tells how many entries were ever added and deleted.
/// Without that, nobody could know whether lines are missing.
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
    /// Parses the first two numbers of a version.
    pub(super) fn parse(text: &str) -> Option<Self> {
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

/// Asks a server for its version: by `HELLO`, which needs no permission, then by `INFO`. `None` where it answers neither;
/// a proxy may know neither of them.
pub(super) async fn query_version(session: &Session) -> Result<Option<String>, Fault> {
    for answer in [hello(session).await, info(session).await] {
        match answer {
            Ok(Some(version)) => return Ok(Some(version)),
            Ok(None) | Err(Fault::NotPermitted(_) | Fault::Permanent(_)) => {}
            Err(Fault::TryAgain(error)) if super::fault::is_not_offered(&error) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(None)
}

/// Whether a server that tells no version knows a command that Redis has since [`OLDEST_REDIS`]. A server that only refuses
/// it knows it.
pub(super) async fn knows_enough(session: &Session, key: &str) -> Result<bool, Fault> {
    match session.call(Command::new(PROBE, [key])).await {
        Ok(_) => Ok(true),
        Err(error) => match Fault::from(error) {
            Fault::NotPermitted(error) => Ok(!error.details().contains("unknown command")),
            Fault::WrongType(_) => Ok(true),
            fault => Err(fault),
        },
    }
}

/// A command that is there since [`OLDEST_REDIS`].
pub(super) const PROBE: &str = "EXPIRETIME";

async fn hello(session: &Session) -> Result<Option<String>, Fault> {
    let reply = session.call(Command::new("HELLO", [""; 0])).await?;
    let fields = Fields::from_reply(reply)?;
    Ok(fields.get("version").and_then(Value::as_string))
}

async fn info(session: &Session) -> Result<Option<String>, Fault> {
    let info = session.call(Command::new("INFO", ["server"])).await?;
    let info = info.as_string().unwrap_or_default();
    let mut lines = info.lines();
    let version = lines.find_map(|line| line.strip_prefix("redis_version:"));
    Ok(version.map(|version| version.trim().to_owned()))
}
