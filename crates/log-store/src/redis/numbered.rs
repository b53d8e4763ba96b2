//! Appends of numbered lines: one script compares the numbers, appends the new lines and keeps the count.
//!
//! | key | type | content |
//! |---|---|---|
//! | `log-api:producer:<the log's key>` | hash | for each producer of that log its epoch, the number of its next line, and the id of its last line |
//!
//! In a cluster, all keys of a script must be in one slot. So the key of the counts has the hash tag of the log's key; if
//! that has none, the whole key of the log is the tag.

use async_trait::async_trait;
use fred::types::Value;
use log_domain::{EntryId, JobId, Numbering, ProducerName, ProducerState};

use super::appends::{self, MAX_LINES, add_line};
use super::check_error::CheckError;
use super::fault::Fault;
use super::node::Purpose;
use super::options::Retention;
use super::question::{Command, answer_for, script};
use super::replicas;
use super::session::Session;
use super::store::RedisStore;
use crate::append::NewLine;
use crate::error::{StoreError, StoreRefused};
use crate::numbered::{NumberedAppend, NumberedAppendError, NumberedAppended};

/// Appends the new lines of a batch: KEYS stream, counts; ARGV lines to keep, seconds to live, how many lines, the lines
/// as `MessagePack`, producer, epoch, number of the first line. It returns the stream, and what it did, with numbers.
///
/// A count is only valid while the stream exists. It lives longer than the stream, because other producers may renew the
/// stream without it. If an `XADD` fails, the lines before it are counted.
const APPEND: &str = concat!(
    add_line!(),
    "
local call, stream, counts, producer = redis.call, KEYS[1], KEYS[2], ARGV[5]
local count, epoch, first = tonumber(ARGV[3]), tonumber(ARGV[6]), tonumber(ARGV[7])
local state = call('HGET', counts, producer)
state = call('EXISTS', stream) == 1 and state
local next, last, resumed = first, '', first == 0
if state then
  local known_epoch
  known_epoch, next, last = string.match(state, '^(%d+) (%d+) (%S+)$')
  known_epoch, next, resumed = tonumber(known_epoch), tonumber(next), true
  if epoch < known_epoch then return {stream, {'stale', known_epoch}} end
  if epoch > known_epoch then next = 0 end
  if first > next then return {stream, {'gap', next}} end
end
local known = math.min(next - first, count)
local values, failed = cmsgpack.unpack(ARGV[4]), nil
local added = 0
for line = known + 1, count do
  local id = add_line(redis.pcall, stream, values, line)
  if type(id) == 'table' then
    failed = id
    break
  end
  last, added = id, added + 1
end
if added > 0 then
  next = next + added
  call('HSET', counts, producer, string.format('%.0f %.0f %s', epoch, next, last))
  call('XTRIM', stream, 'MAXLEN', '~', ARGV[1])
  call('EXPIRE', stream, ARGV[2])
  call('EXPIRE', counts, 2 * ARGV[2])
end
if failed then return failed end
return {stream, {'ok', next, added, known, last, resumed and 1 or 0}}"
);

/// Asks whether everything is allowed that [`APPEND`] does beside an ordinary append. It does none of it.
const ALLOWED: &str = "
local asked = {
  {'EXISTS', KEYS[1]}, {'HGET', KEYS[2], ''}, {'HSET', KEYS[2], '', ''}, {'EXPIRE', KEYS[2], '1'},
}
for _, command in ipairs(asked) do
  if not redis.acl_check_cmd(unpack(command)) then
    return redis.error_reply('NOPERM ' .. command[1])
  end
end
return 1";

impl RedisStore {
    /// Checks that everything is allowed that appending numbered lines needs beside [`RedisStore::check_writes`], and, in
    /// a cluster, that a log and its counts are in one slot. It writes nothing.
    ///
    /// # Errors
    /// As [`RedisStore::check`].
    pub async fn check_numbered(&self) -> Result<(), CheckError> {
        let pattern = self.core.options.keys.logs_pattern();
        let log = pattern.for_no_job();
        let counts = counts_key(&log);
        let asked = async |session: Session| {
            let keys = [&*log, &*counts];
            Ok(session.call(script(ALLOWED, keys, [""; 0])).await?)
        };
        let servers = &self.core.servers;
        match servers.read(Purpose::Commands, &log, asked).await {
            Ok(_) => Ok(()),
            Err(fault @ (Fault::NotPermitted(_) | Fault::Permanent(_))) => {
                Err(CheckError::Permission {
                    command: "EVAL, EXISTS, HGET, HSET, EXPIRE",
                    pattern: "log-api:producer:*".into(),
                    source: StoreRefused::new(fault),
                })
            }
            Err(fault) => Err(fault.into()),
        }
    }
}

#[async_trait]
impl NumberedAppend for RedisStore {
    async fn append_numbered(
        &self,
        job: &JobId,
        batch: &Numbering,
        lines: &[NewLine],
    ) -> Result<NumberedAppended, NumberedAppendError> {
        let log = self.core.options.keys.logs(job);
        let counts = counts_key(&log);
        let keep = self.core.options.retention;
        let mut done: Option<NumberedAppended> = None;
        let mut sent = 0;
        // Each part is one script; after a failure, the count says how many parts were appended.
        for part in lines.chunks(MAX_LINES) {
            let numbering = batch.after(sent);
            let keys = [&*log, &*counts];
            let append = async |session| append(&session, keys, &numbering, part, keep).await;
            let now = self.core.servers.write(&log, append).await;
            let now = now.map_err(StoreError::from)??;
            done = Some(done.map_or(now, |before| NumberedAppended {
                appended: before.appended + now.appended,
                duplicate: before.duplicate + now.duplicate,
                resumed: before.resumed && now.resumed,
                ..now
            }));
            sent += part.len() as u64;
        }
        match done {
            Some(done) => {
                // Also of lines that were there already: the answer to their append may have been that replicas lack them.
                let waited = replicas::wait(&self.core.servers, &log, &self.core.options).await;
                waited.map_err(StoreError::from)?;
                Ok(done)
            }
            None => self.place_nothing(job, batch).await,
        }
    }

    async fn producer(
        &self,
        job: &JobId,
        producer: &ProducerName,
    ) -> Result<Option<ProducerState>, StoreError> {
        let log = self.core.options.keys.logs(job);
        let counts = counts_key(&log);
        let read = async |session: Session| {
            let state = Command::new("HGET", [&*counts, producer.as_str()]);
            let state = session.ask_and_compare(&counts, state).await?;
            let exists = session.ask(&log, Command::new("EXISTS", [&log])).await?;
            let state = state.as_string().filter(|_| exists.as_i64() == Some(1));
            let garbled = || Fault::garbled("a count cannot be read");
            state
                .map(|text| parse_state(&text).ok_or_else(garbled))
                .transpose()
        };
        let servers = &self.core.servers;
        Ok(servers.read(Purpose::Commands, &log, read).await?)
    }
}

impl RedisStore {
    /// The answer to a batch without lines.
    async fn place_nothing(
        &self,
        job: &JobId,
        batch: &Numbering,
    ) -> Result<NumberedAppended, NumberedAppendError> {
        let state = self.producer(job, batch.producer()).await?;
        NumberedAppended::for_no_lines(state.as_ref(), batch)
    }
}

/// Appends up to [`MAX_LINES`] lines.
async fn append(
    session: &Session,
    keys: [&str; 2],
    batch: &Numbering,
    lines: &[NewLine],
    keep: Retention,
) -> Result<Result<NumberedAppended, NumberedAppendError>, Fault> {
    let mut arguments = appends::arguments(lines, keep)?;
    arguments.push(batch.producer().as_str().into());
    arguments.push(batch.epoch().to_string().into());
    arguments.push(batch.first().to_string().into());
    let reply = session.call(script(APPEND, keys, arguments)).await?;
    parse_reply(answer_for(reply, keys[0])?)
        .ok_or_else(|| Fault::garbled("a numbered append gave an impossible reply"))
}

fn parse_reply(reply: Value) -> Option<Result<NumberedAppended, NumberedAppendError>> {
    let parts = reply.into_array();
    let number = |at: usize| parts.get(at).and_then(Value::as_u64);
    let what = parts.first()?.as_str()?;
    Some(match &*what {
        "gap" => Err(NumberedAppendError::Gap { next: number(1)? }),
        "stale" => Err(NumberedAppendError::StaleEpoch { epoch: number(1)? }),
        "ok" => Ok(NumberedAppended {
            next: number(1)?,
            appended: number(2)?,
            duplicate: number(3)?,
            last_id: parts.get(4)?.as_str().and_then(|id| id.parse().ok()),
            resumed: number(5)? == 1,
        }),
        _ => return None,
    })
}

fn parse_state(text: &str) -> Option<ProducerState> {
    let mut words = text.split(' ');
    Some(ProducerState {
        epoch: words.next()?.parse().ok()?,
        next: words.next()?.parse().ok()?,
        last_id: words.next()?.parse::<EntryId>().ok()?,
    })
}

/// The key of a log's counts, in the slot of the log.
fn counts_key(log: &str) -> String {
    // What Redis Cluster hashes of a key: the text between the first `{` and the next `}`, if there is any.
    let tag = log
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'))
        .map(|(tag, _)| tag)
        .filter(|tag| !tag.is_empty());
    match tag {
        Some(_) => format!("log-api:producer:{log}"),
        None => format!("log-api:producer:{{{log}}}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_a_log_are_in_its_slot() {
        assert_eq!(
            counts_key("job:{3f0c}:logs"),
            "log-api:producer:job:{3f0c}:logs"
        );
        assert_eq!(
            counts_key("job:3f0c:logs"),
            "log-api:producer:{job:3f0c:logs}"
        );
    }

    #[test]
    fn a_count_reads_back_as_the_script_wrote_it() {
        let state = parse_state("3 1200 7-1").unwrap();
        assert_eq!(
            (state.epoch, state.next, state.last_id),
            (3, 1200, EntryId::new(7, 1))
        );
        assert_eq!(parse_state("3 1200"), None);
    }
}
