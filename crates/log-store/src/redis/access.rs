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
use fred::interfaces::{KeysInterface, LuaInterface};
use fred::types::{Expiration, Value};
use log_domain::{EntryId, ReadLimit, Revocation};

use super::fault::Fault;
use super::revocation_text::{from_text, to_text};
use super::session::Session;
use super::store::RedisStore;
use super::watch::Watch;
use crate::access::{RevocationWatch, Revocations, TicketKey, Tickets};
use crate::error::{StoreError, StoreRefused};
use crate::lines::LogWatch;

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
if not redis.call('SET', KEYS[1], '', 'NX', 'PX', ARGV[1]) then return 0 end
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
return 1";

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
        let (name, life) = (ticket_key(key), Expiration::PX(milliseconds(life)));
        let put = async |session: Session| {
            let client = session.writes();
            Ok(client.set(&name, grant, Some(life), None, false).await?)
        };
        Ok(self.core.commands.write(put).await?)
    }

    async fn take(&self, key: &TicketKey) -> Result<Option<String>, StoreError> {
        let name = ticket_key(key);
        // Sent once, as a write: a lost answer does not mean that the ticket is still there.
        let take = async |session: Session| Ok(session.writes().getdel(&name).await?);
        Ok(self.core.commands.write(take).await?)
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
        let keys = vec![
            format!("log-api:{{access}}:message:{message}"),
            REVOCATIONS.to_owned(),
        ];
        let mut arguments = vec![milliseconds(keep).to_string()];
        arguments.extend(revocations.iter().map(to_text));
        let revoke = async |session: Session| {
            let counted: i64 = session.writes().eval(REVOKE, keys, arguments).await?;
            Ok(counted == 1)
        };
        Ok(self.core.commands.write(revoke).await?)
    }

    fn watch(&self) -> Box<dyn RevocationWatch> {
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
        let ask = async |session: Session| -> Result<(), Fault> {
            let client = session.writes();
            let _: Value = client.getdel(&name).await?;
            let keys = vec!["log-api:{access}:message:", REVOCATIONS];
            let _: Value = client.eval(ALLOWED, keys, Vec::<String>::new()).await?;
            Ok(())
        };
        match self.core.commands.write(ask).await {
            Err(fault @ Fault::NotPermitted(_)) => Err(StoreRefused::new(fault).into()),
            answer => Ok(answer?),
        }
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
            let tail = self.watch.read_after(position, READ_LIMIT).await?;
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
