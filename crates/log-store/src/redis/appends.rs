//! Appends: a batch of lines as one script, so that it is there whole or not at all.
//!
//! A pipeline of `XADD`s can lose one in its middle (memory runs out and is freed again, a slot moves) and keep those
//! behind it; who then sends the rest again repeats lines. A script runs alone, meets one state of the server, and stops
//! at its first failure. It is also less to send, to answer and to push: one reply and one invalidation a batch.

use fred::interfaces::LuaInterface;
use fred::types::Value;
use log_domain::EntryId;
use rmp::encode::{self, ValueWriteError};

use super::fault::Fault;
use super::options::Retention;
use super::session::Session;
use crate::append::NewLine;

/// Lines that go out together. Redis does nothing else while it runs a script; this many take it some 1.5 ms.
pub(super) const LINES_AT_ONCE: usize = 500;

/// Appends lines, trims and renews the time to live: KEYS stream; ARGV lines to keep, seconds to live, how many lines,
/// the lines as `MessagePack` ([`packed`]). Answers with the ids, a space between them.
///
/// Redis takes no entry without a field; a line of nothing gets one that readers ignore.
const APPEND: &str = "
local call, ids, values = redis.call, {}, cmsgpack.unpack(ARGV[4])
local names = {'ts', 'source', 'text', 'phase'}
for line = 1, tonumber(ARGV[3]) do
  local at = 4 * line - 3
  local ts, source, text, phase = values[at], values[at+1], values[at+2], values[at+3]
  if ts and source and text and phase then
    ids[line] = call('XADD', KEYS[1], '*', 'ts', ts, 'source', source, 'text', text, 'phase', phase)
  else
    local fields = {}
    for n = 1, 4 do
      if values[at+n-1] then
        fields[#fields+1] = names[n]
        fields[#fields+1] = values[at+n-1]
      end
    end
    if #fields == 0 then fields = {'empty', '1'} end
    ids[line] = call('XADD', KEYS[1], '*', unpack(fields))
  end
end
call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[1])
call('EXPIRE', KEYS[1], ARGV[2])
return table.concat(ids, ' ')";

/// Appends up to [`LINES_AT_ONCE`] lines, all or none, and renews the log's time to live.
pub(super) async fn append(
    session: &Session,
    key: &str,
    lines: &[NewLine],
    keep: Retention,
) -> Result<Vec<EntryId>, Fault> {
    let ttl = i64::try_from(keep.ttl.as_secs().max(1)).unwrap_or(i64::MAX);
    let count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
    // Writing into memory does not fail.
    let packed = packed(lines).map_err(|_| Fault::garbled("a batch cannot be packed"))?;
    let arguments: Vec<Value> = vec![
        i64::from(keep.lines).into(),
        ttl.into(),
        count.into(),
        Value::Bytes(packed.into()),
    ];
    let reply: Value = session.writes().eval(APPEND, key, arguments).await?;
    let ids = reply
        .as_str()
        .and_then(|ids| ids.split(' ').map(|id| id.parse().ok()).collect());
    match ids {
        Some(ids) if Vec::len(&ids) == lines.len() => Ok(ids),
        _ => Err(Fault::garbled("an append does not answer with its ids")),
    }
}

/// The lines as one array: of each line time, channel, text and phase, `nil` for what is not there. One argument
/// instead of one a field: fred frames and copies each, and for Redis it is the same work.
fn packed(lines: &[NewLine]) -> Result<Vec<u8>, ValueWriteError> {
    let mut packed = Vec::with_capacity(160 * lines.len());
    let values = u32::try_from(4 * lines.len()).unwrap_or(u32::MAX);
    encode::write_array_len(&mut packed, values)?;
    for line in lines {
        for value in [&line.ts, &line.source, &line.text, &line.phase] {
            match value {
                Some(value) => encode::write_str(&mut packed, value)?,
                None => {
                    encode::write_nil(&mut packed).map_err(ValueWriteError::InvalidMarkerWrite)?;
                }
            }
        }
    }
    Ok(packed)
}
