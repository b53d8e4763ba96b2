//! Reading a log whose lines may be long: a script stops exactly at the limit in bytes.
//!
//! `XRANGE` takes a number of entries, and an entry may have any size: a hundred of them may be 10 KB or 500 MB. `XINFO
//! STREAM` sends the first and the last entry along. So where lines are long, or nothing is known of them, a script in Redis
//! takes one entry after the other up to the limit, and leaves out what readers ignore. It costs Redis six times as much for
//! short lines, so these are read by plain commands ([`super::reads`] decides).

use std::sync::Arc;
use std::time::Duration;

use fred::types::Value;
use log_domain::{Order, ReadLimit, Span};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::collected::{Rest, Step};
use super::decode::{self, Found};
use super::fault::Fault;
use super::node::Purpose;
use super::question::{Command, ends};
use super::servers::Servers;
use super::session::Session;

/// Reads entries up to a limit: KEYS stream; ARGV `XRANGE` or `XREVRANGE`, where it begins and ends, how many lines, how
/// many bytes, how many lines the reader has already, `1` for the bounds of the log too.
///
/// It returns the key, whether there is more, how many bytes count, the size of the largest entry seen, the lines (id, time, source, text,
/// phase, open), and the bounds. What counts towards the limit is what is stored: also the fields that readers ignore. With
/// the bounds comes the last entry, which tells whether there is more: the entry after the limit is not fetched for that.
const SCRIPT: &str = "
local call, key, command, at, to = redis.call, KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local limit, left, had = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local places = {ts = 2, source = 3, text = 4, phase = 5, open = 6}
local with_bounds, lines, taken, largest, more = ARGV[7] == '1', {}, 0, 0, 0
local function size(fields)
  local bytes = 0
  for i = 1, #fields, 2 do
    bytes = bytes + #fields[i + 1]
    if (places[fields[i]] or 6) == 6 then bytes = bytes + #fields[i] end
  end
  if bytes > largest then largest = bytes end
  return bytes
end
while true do
  local entry = call(command, key, at, to, 'COUNT', 1)[1]
  if not entry then break end
  local id, fields = entry[1], entry[2]
  local bytes, have = size(fields), had + #lines
  if have >= limit or (taken + bytes > left and have > 0) then
    more = 1
    break
  end
  taken = taken + bytes
  local line = {id, false, false, false, false, false}
  for i = 1, #fields, 2 do
    local place = places[fields[i]]
    if place then line[place] = fields[i + 1] end
  end
  lines[#lines + 1] = line
  if command == 'XRANGE' and id == '18446744073709551615-18446744073709551615' then break end
  at = '(' .. id
  if with_bounds and taken >= left then break end
end
local bounds = false
if with_bounds then
  bounds = {0, '0-0', '0-0', 0, false}
  if call('EXISTS', key) == 1 then
    local info, names = call('XINFO', 'STREAM', key), {}
    for i = 1, #info, 2 do names[info[i]] = info[i + 1] end
    local first, last = names['first-entry'], names['last-entry']
    for _, entry in ipairs({first or false, last or false}) do
      if entry then size(entry[2]) end
    end
    if last and #lines > 0 and last[1] ~= lines[#lines][1] then more = 1 end
    bounds = {
      names['length'], names['last-generated-id'], names['max-deleted-entry-id'] or false,
      names['entries-added'] or false, first and first[1] or false,
    }
  end
end
return {key, more, taken, largest, lines, bounds}";

/// The most bytes of a careful read over a connection that others use too.
pub(super) const INLINE: usize = 256 * 1024;

/// How long after a refusal scripts are not tried.
const REFUSED_FOR: Duration = Duration::from_secs(60);

/// How a store reads logs with long lines.
#[derive(Debug)]
pub(super) struct CarefulReads {
    /// Where logs are read that have long lines.
    servers: Arc<Servers>,
    /// When this user was last refused the script.
    refused: Mutex<Option<Instant>>,
}

/// What to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query<'a> {
    pub(super) key: &'a str,
    pub(super) span: Span,
    pub(super) order: Order,
    /// What the reader may still take.
    pub(super) left: ReadLimit,
    /// How many lines the reader has already.
    pub(super) had: usize,
    pub(super) with_bounds: bool,
}

impl CarefulReads {
    pub(super) const fn new(servers: Arc<Servers>) -> Self {
        Self {
            servers,
            refused: Mutex::new(None),
        }
    }

    /// Whether the script can be tried.
    pub(super) fn are_possible(&self) -> bool {
        let refused = *self.refused.lock();
        refused.is_none_or(|at| at.elapsed() > REFUSED_FOR)
    }

    /// Reads over a connection of its own, so that nobody waits behind a large reply. `None` where the server refuses scripts.
    pub(super) async fn read_large(&self, query: Query<'_>) -> Result<Option<Found>, Fault> {
        let read = async |session| self.read(&session, query).await;
        self.servers.read(Purpose::Large, query.key, read).await
    }

    /// Reads over a session. `None` where the server refuses scripts.
    pub(super) async fn read(
        &self,
        session: &Session,
        query: Query<'_>,
    ) -> Result<Option<Found>, Fault> {
        let reply = session
            .call(Command::new("EVAL_RO", query.arguments()))
            .await;
        match reply.map_err(Fault::from) {
            Ok(reply) => decode::careful_read(reply, query.key).map(Some),
            Err(Fault::NotPermitted(error)) => {
                if self.refused.lock().replace(Instant::now()).is_none() {
                    tracing::info!(%error, "scripts are refused; logs with long lines cost more to read");
                }
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }
}

impl Found {
    /// As a step of a read that could take as much as is `left`, and has `asked` for that or less.
    pub(super) fn into_step(self, left: ReadLimit, asked: ReadLimit) -> Step {
        let is_full = self.lines.len() >= left.lines || asked == left;
        let rest = match (self.more, is_full) {
            (false, _) => Rest::Nothing,
            (true, true) => Rest::BeyondLimit,
            (true, false) => Rest::Unknown,
        };
        Step::within_limit(self.lines, self.taken, self.largest, self.bounds, rest)
    }
}

impl Query<'_> {
    fn arguments(&self) -> Vec<Value> {
        let (low, high) = ends(self.span);
        let (command, begin, end) = match self.order {
            Order::OldestFirst => ("XRANGE", low, high),
            Order::NewestFirst => ("XREVRANGE", high, low),
        };
        // Lua counts exactly up to 2^53.
        let number = |n: usize| Value::from(n.min(1 << 53).to_string());
        let limit = self.left.lines.saturating_add(self.had);
        vec![
            SCRIPT.into(),
            "1".into(),
            self.key.into(),
            command.into(),
            begin.into(),
            end.into(),
            number(limit),
            number(self.left.bytes),
            number(self.had),
            u8::from(self.with_bounds).to_string().into(),
        ]
    }
}
