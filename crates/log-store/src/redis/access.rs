//! Tickets and revocations in Redis.
//!
//! | key | type | content |
//! |---|---|---|
//! | `log-api:ticket:<digest>` | string | what a ticket stands for; expires with the ticket |
//! | `log-api:{access}:revocations` | stream | field `text`: one revocation in each entry |
//! | `log-api:{access}:message:<id>` | string | the message was processed |
//!
//! The revocations are a log. Each process reads it from its own position, and notices new entries as every reader of a log
//! does. The hash tag puts all keys that one script changes into one slot of a cluster.

use std::time::Duration;

use async_trait::async_trait;
use fred::types::Value;
use log_domain::{EntryId, ReadLimit, Revocation};

use super::fault::Fault;
use super::question::{Command, answer_for, script};
use super::session::Session;
use super::store::RedisStore;
use super::watch::Watch;
use crate::access::{RevocationWatch, Revocations, TicketKey, Tickets};
use crate::error::{StoreError, StoreRefused};
use crate::lines::LogWatch;
use crate::revocation_text::{from_text, to_text};

/// The stream of revocations.
const REVOCATIONS: &str = "log-api:{access}:revocations";

/// How many revocations one read returns.
const READ_LIMIT: ReadLimit = ReadLimit::lines(500);

/// Processes a message once, and keeps what it revokes: KEYS message, revocations; ARGV how long to keep them in
/// milliseconds, revocations.
///
/// The life of the stream is only ever made longer (`GT`; `NX` where it has none yet). Older revocations are removed only by
/// a message that is kept at least as long as all before it: an earlier one may have been promised a longer life.
const REVOKE: &str = "
if not redis.call('SET', KEYS[1], '', 'NX', 'PX', ARGV[1]) then return {KEYS[1], 0} end
local is_longest = redis.call('PEXPIRE', KEYS[2], ARGV[1], 'GT') == 1
local oldest = string.format('%d', redis.call('TIME')[1] * 1000 - ARGV[1])
for i = 2, #ARGV do
  if is_longest then
    redis.call('XADD', KEYS[2], 'MINID', '~', oldest, '*', 'text', ARGV[i])
  else
    redis.call('XADD', KEYS[2], '*', 'text', ARGV[i])
  end
end
redis.call('PEXPIRE', KEYS[2], ARGV[1], 'NX')
return {KEYS[1], 1}";

/// Asks whether everything is allowed that [`REVOKE`] and readers of revocations do. It does none of it.
const ALLOWED: &str = "
local asked = {
  {'SET', KEYS[1], ''}, {'TIME'}, {'XADD', KEYS[2], '*', 'text', ''}, {'PEXPIRE', KEYS[2], '1'},
  {'XRANGE', KEYS[2], '-', '+'}, {'XINFO', 'STREAM', KEYS[2]},
}
for _, command in ipairs(asked) do
  if not redis.acl_check_cmd(unpack(command)) then
    return redis.error_reply('NOPERM ' .. command[1])
  end
end
return 1";

fn ticket_key(key: &TicketKey) -> String {
    format!("log-api:ticket:{key}")
}

/// At least a millisecond: Redis takes no shorter life.
fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis().max(1)).unwrap_or(i64::MAX)
}

#[async_trait]
impl Tickets for RedisStore {
    async fn put(&self, key: &TicketKey, grant: &str, life: Duration) -> Result<(), StoreError> {
        let (name, life) = (ticket_key(key), milliseconds(life).to_string());
        let put = async |session: Session| {
            let words = [&*name, grant, "PX", &life];
            match session
                .call(Command::new("SET", words))
                .await?
                .as_str()
                .as_deref()
            {
                Some("OK") => Ok(()),
                _ => Err(Fault::garbled("SET does not say OK")),
            }
        };
        Ok(self.core.servers.write(&name, put).await?)
    }

    async fn take(&self, key: &TicketKey) -> Result<Option<String>, StoreError> {
        let name = ticket_key(key);
        // Sent once, as a write: a lost answer does not mean that the ticket is still there.
        let take = async |session: Session| {
            let taken = session.ask_once(&name, Command::new("GETDEL", [&name]));
            match taken.await? {
                Value::Null => Ok(None),
                grant if grant.is_string() || grant.is_bytes() => Ok(grant.into_string()),
                _ => Err(Fault::garbled("a ticket is not a text")),
            }
        };
        Ok(self.core.servers.write(&name, take).await?)
    }
}

#[async_trait]
impl Revocations for RedisStore {
    async fn revoke(
        &self,
        message: &str,
        revocations: &[Revocation],
        keep: Duration,
    ) -> Result<bool, StoreError> {
        let keys = [
            format!("log-api:{{access}}:message:{message}"),
            REVOCATIONS.to_owned(),
        ];
        let mut arguments = vec![milliseconds(keep).to_string()];
        arguments.extend(revocations.iter().map(to_text));
        let revoke = async |session: Session| {
            let reply = session.call(script(
                REVOKE,
                keys.iter().map(String::as_str),
                arguments.clone(),
            ));
            match answer_for(reply.await?, &keys[0])?.as_i64() {
                Some(counted) => Ok(counted == 1),
                None => Err(Fault::garbled("a script gave an impossible reply")),
            }
        };
        Ok(self.core.servers.write(&keys[0], revoke).await?)
    }

    fn watch_revocations(&self) -> Box<dyn RevocationWatch> {
        Box::new(RevocationReader {
            watch: self.watch_key(REVOCATIONS.into()),
            position: EntryId::ZERO,
        })
    }
}

impl RedisStore {
    /// Checks that everything is allowed that tickets and revocations need. It changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where a command is not allowed.
    pub async fn check_access(&self) -> Result<(), StoreError> {
        let name = ticket_key(&TicketKey::new([0; 32]));
        let ticket = async |session: Session| {
            let taken = session.ask_once(&name, Command::new("GETDEL", [&name]));
            taken.await.map(|_| ())
        };
        let revocation = async |session: Session| {
            let keys = ["log-api:{access}:message:", REVOCATIONS];
            let asked = session.call(script(ALLOWED, keys, [""; 0])).await;
            Ok(asked.map(|_| ())?)
        };
        let servers = &self.core.servers;
        let answers = [
            servers.write(&name, ticket).await,
            servers.write(REVOCATIONS, revocation).await,
        ];
        for answer in answers {
            match answer {
                Err(fault @ Fault::NotPermitted(_)) => return Err(StoreRefused::new(fault).into()),
                answer => answer?,
            }
        }
        Ok(())
    }
}

/// Reads the revocations from a position on.
struct RevocationReader {
    watch: Watch,
    position: EntryId,
}

#[async_trait]
impl RevocationWatch for RevocationReader {
    async fn changed(&mut self) {
        LogWatch::changed(&mut self.watch).await;
    }

    async fn news(&mut self) -> Result<Vec<Revocation>, StoreError> {
        let (mut position, mut news) = (self.position, Vec::new());
        loop {
            let tail = self.watch.read_stream(position, READ_LIMIT).await?;
            // Revocations that were trimmed had expired. Where the whole stream is gone, reading goes on with the new one.
            if let Some(gap) = tail.gap(position) {
                position = gap.resume_after;
            }
            for line in &tail.lines {
                position = line.id;
                match line.text.as_deref().and_then(from_text) {
                    Some(revocation) => news.push(revocation),
                    None => tracing::warn!(id = %line.id, "a revocation cannot be read"),
                }
            }
            if !tail.more {
                // Only now: after a failure, everything is read again.
                self.position = position;
                return Ok(news);
            }
        }
    }
}
