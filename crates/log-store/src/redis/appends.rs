//! Appends: a batch of lines as one script, so that it is there whole or not at all.
//!
//! A pipeline of `XADD`s can lose one in its middle (memory runs out and is freed again, a slot moves) and keep those
//! behind it; who then sends the rest again repeats lines. A script runs alone, meets one state of the server, and stops
//! at its first failure. It is also less to send, to answer and to push: one reply and one invalidation a batch.

use fred::interfaces::LuaInterface;
use fred::types::Value;
use log_domain::EntryId;

use super::fault::Fault;
use super::fred_client::Session;
use super::options::Retention;
use crate::append::NewLine;

/// Lines that go out together. Redis does nothing else while it runs a script; this many take it some 1.5 ms.
pub(super) const LINES_AT_ONCE: usize = 500;

/// Appends lines, trims and renews the time to live: KEYS stream; ARGV lines to keep, seconds to live, then of each line
/// which of its fields are there ([`Fields::mark`]), and those. Answers with the ids, a space between them.
///
/// Redis takes no entry without a field; a line of nothing gets one that readers ignore.
const APPEND: &str = "
local call, ids, i = redis.call, {}, 3
local names = {'ts', 'source', 'text', 'phase'}
while ARGV[i] do
  local there, id = ARGV[i]
  if there == '1111' then
    id = call('XADD', KEYS[1], '*', 'ts', ARGV[i+1], 'source', ARGV[i+2], 'text', ARGV[i+3], 'phase', ARGV[i+4])
    i = i + 5
  else
    local fields = {}
    i = i + 1
    for n = 1, 4 do
      if there:sub(n, n) == '1' then
        fields[#fields+1] = names[n]
        fields[#fields+1] = ARGV[i]
        i = i + 1
      end
    end
    if #fields == 0 then fields = {'empty', '1'} end
    id = call('XADD', KEYS[1], '*', unpack(fields))
  end
  ids[#ids+1] = id
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
    let arguments = arguments(lines, keep);
    let reply: Value = session.writes().eval(APPEND, key, arguments).await?;
    let ids = reply
        .as_str()
        .and_then(|ids| ids.split(' ').map(|id| id.parse().ok()).collect());
    match ids {
        Some(ids) if Vec::len(&ids) == lines.len() => Ok(ids),
        _ => Err(Fault::garbled("an append does not answer with its ids")),
    }
}

fn arguments(lines: &[NewLine], keep: Retention) -> Vec<Value> {
    let mut arguments = Vec::with_capacity(2 + 5 * lines.len());
    arguments.push(i64::from(keep.lines).into());
    let ttl = i64::try_from(keep.ttl.as_secs().max(1)).unwrap_or(i64::MAX);
    arguments.push(ttl.into());
    for line in lines {
        let fields = Fields::of(line);
        arguments.push(Value::from_static_str(fields.mark()));
        arguments.extend(fields.0.into_iter().flatten().map(Value::from));
    }
    arguments
}

/// The fields of a line, in the order of the script's names.
struct Fields<'a>([Option<&'a str>; 4]);

impl<'a> Fields<'a> {
    fn of(line: &'a NewLine) -> Self {
        Self([&line.ts, &line.source, &line.text, &line.phase].map(Option::as_deref))
    }

    /// Which are there: a `1` for each that is.
    const fn mark(&self) -> &'static str {
        const MARKS: [&str; 16] = [
            "0000", "0001", "0010", "0011", "0100", "0101", "0110", "0111", "1000", "1001", "1010",
            "1011", "1100", "1101", "1110", "1111",
        ];
        let [ts, source, text, phase] = &self.0;
        MARKS[(ts.is_some() as usize) << 3
            | (source.is_some() as usize) << 2
            | (text.is_some() as usize) << 1
            | phase.is_some() as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_says_which_fields_are_there() {
        for there in 0..16_usize {
            let field = |bit: usize| (there >> bit & 1 == 1).then(String::new);
            let line = NewLine {
                ts: field(3),
                source: field(2),
                text: field(1),
                phase: field(0),
            };
            assert_eq!(Fields::of(&line).mark(), format!("{there:04b}"));
        }
    }
}
