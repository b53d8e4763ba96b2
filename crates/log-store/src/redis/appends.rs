//! Appends: a batch of lines is one script, so that either all of them are appended or none.
//!
//! In a pipeline of `XADD`s, one in the middle can fail (memory runs out and is freed again, a slot moves) while those
//! behind it succeed. A producer that then sends the rest again repeats lines. A script runs alone, sees one state of the
//! server, and stops at its first failure. It also costs less: one reply and one push for a batch.

use fred::types::Value;
use log_domain::EntryId;
use rmp::encode::{self, ValueWriteError};

use super::fault::Fault;
use super::options::Retention;
use super::question::{answer_for, script};
use super::session::Session;
use crate::append::NewLine;

/// Lines in one script. Redis does nothing else while a script runs; this many lines take about 1.5 ms.
pub(super) const MAX_LINES: usize = 500;

/// A Lua function that appends one line of the array that [`pack`] makes; `call` is `redis.call` or `redis.pcall`.
///
/// Nearly every line has the same four fields. The first branch is for them: it makes no table, which costs half of the
/// script's time. Redis takes no entry without a field, so an empty line gets one that readers ignore.
macro_rules! add_line {
    () => {
        "
local names = {'ts', 'source', 'text', 'phase', 'open'}
local function add_line(call, stream, values, line)
  local at = 5 * line - 4
  local ts, source, text, phase, open = values[at], values[at+1], values[at+2], values[at+3], values[at+4]
  if ts and source and text and phase and not open then
    return call('XADD', stream, '*', 'ts', ts, 'source', source, 'text', text, 'phase', phase)
  end
  local fields = {}
  for n = 1, 5 do
    if values[at+n-1] then
      fields[#fields+1] = names[n]
      fields[#fields+1] = values[at+n-1]
    end
  end
  if #fields == 0 then fields = {'empty', '1'} end
  return call('XADD', stream, '*', unpack(fields))
end
"
    };
}
pub(super) use add_line;

/// Appends lines, trims and renews the time to live: KEYS stream; ARGV lines to keep, seconds to live, how many lines,
/// the lines as `MessagePack` ([`pack`]). It returns the stream, and the ids with spaces between them.
const APPEND: &str = concat!(
    add_line!(),
    "
local call, ids, values = redis.call, {}, cmsgpack.unpack(ARGV[4])
for line = 1, tonumber(ARGV[3]) do
  ids[line] = add_line(call, KEYS[1], values, line)
end
call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[1])
call('EXPIRE', KEYS[1], ARGV[2])
return {KEYS[1], table.concat(ids, ' ')}"
);

/// Appends up to [`MAX_LINES`] lines, all or none, and renews the log's time to live.
pub(super) async fn append(
    session: &Session,
    key: &str,
    lines: &[NewLine],
    keep: Retention,
) -> Result<Vec<EntryId>, Fault> {
    let arguments = arguments(lines, keep)?;
    let reply = session.call(script(APPEND, [key], arguments)).await?;
    let ids = answer_for(reply, key)?
        .as_str()
        .and_then(|ids| ids.split(' ').map(|id| id.parse().ok()).collect());
    match ids {
        Some(ids) if Vec::len(&ids) == lines.len() => Ok(ids),
        _ => Err(Fault::garbled("an append does not return its ids")),
    }
}

/// The first arguments of every appending script: lines to keep, seconds to live, how many lines, and the lines.
pub(super) fn arguments(lines: &[NewLine], keep: Retention) -> Result<Vec<Value>, Fault> {
    let ttl = i64::try_from(keep.ttl.as_secs().max(1)).unwrap_or(i64::MAX);
    let count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
    // Writing into memory does not fail.
    let packed = pack(lines).map_err(|_| Fault::garbled("a batch cannot be encoded"))?;
    Ok(vec![
        i64::from(keep.lines).into(),
        ttl.into(),
        count.into(),
        Value::Bytes(packed.into()),
    ])
}

/// The lines as one array: time, source, text, phase and `open` of each line, `nil` for a missing field. One argument is cheaper
/// than one for each field, because fred frames and copies each argument. For Redis it is the same work.
fn pack(lines: &[NewLine]) -> Result<Vec<u8>, ValueWriteError> {
    let mut packed = Vec::with_capacity(160 * lines.len());
    let values = u32::try_from(5 * lines.len()).unwrap_or(u32::MAX);
    encode::write_array_len(&mut packed, values)?;
    for line in lines {
        for value in line.values() {
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
