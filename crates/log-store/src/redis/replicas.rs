//! Waiting until replicas have what was appended.
//!
//! `WAIT` waits for the writes of its own connection, and nothing else is answered on that connection meanwhile. So it runs on
//! the connection for large replies, after a write of its own: a new time to live for the log. What replicas have of that
//! write, they have of every earlier one. It waits in short slices, for the sake of the others on that connection.

use fred::error::{Error, ErrorKind};
use tokio::time::Instant;

use super::fault::Fault;
use super::node::Purpose;
use super::options::RedisOptions;
use super::question::Command;
use super::servers::Servers;
use super::session::Session;

/// How long one `WAIT` takes at most, in milliseconds.
const SLICE_MS: &str = "100";

/// Waits until enough replicas have everything that was written to a log before.
pub(super) async fn wait(
    servers: &Servers,
    key: &str,
    options: &RedisOptions,
) -> Result<(), Fault> {
    if options.min_replicas == 0 {
        return Ok(());
    }
    // Before the deadline of the whole read, so that the answer says what is missing.
    let end = Instant::now() + options.deadline * 3 / 4;
    let attempt = async |session| wait_on(&session, key, options, end).await;
    servers.read(Purpose::Large, key, attempt).await
}

async fn wait_on(
    session: &Session,
    key: &str,
    options: &RedisOptions,
    end: Instant,
) -> Result<(), Fault> {
    let ttl = options.retention.ttl.as_secs().max(1).to_string();
    let wanted = options.min_replicas;
    session.call(Command::new("EXPIRE", [key, &ttl])).await?;
    loop {
        let wait = Command::new("WAIT", [&*wanted.to_string(), SLICE_MS]);
        let have = session.call(wait).await?.as_u64();
        let have = have.ok_or_else(|| Fault::garbled("WAIT does not count"))?;
        if have >= u64::from(wanted) {
            return Ok(());
        }
        if Instant::now() >= end {
            let text = format!("{have} of {wanted} replicas have the last lines");
            return Err(Fault::TryAgain(Error::new(ErrorKind::Unknown, text)));
        }
    }
}
