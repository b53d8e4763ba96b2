//! Replies of Redis as domain types, from RESP2 and RESP3 alike.

use fred::types::Value;
use log_domain::{EntryId, Job, Lifecycle, Line, LogBounds, OrgId, Source, Timestamp, UserId};

use super::fault::Fault;
use crate::append::OPEN;

/// Entries as they were stored.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Entries {
    pub(super) lines: Vec<Line>,
    /// The size of each entry: all that was stored, also fields that readers ignore.
    pub(super) sizes: Vec<usize>,
}

/// The entries of `XRANGE` or `XREVRANGE`.
pub(super) fn entries(reply: Value) -> Result<Entries, Fault> {
    let found = match reply {
        Value::Array(found) => found,
        Value::Null => Vec::new(),
        _ => return Err(Fault::garbled("a range of entries is not an array")),
    };
    let mut entries = Entries::default();
    for entry in found {
        let (line, size) = self::entry(entry)?;
        entries.lines.push(line);
        entries.sizes.push(size);
    }
    Ok(entries)
}

/// One entry, `[id, [field, value, …]]`, and its size.
fn entry(entry: Value) -> Result<(Line, usize), Fault> {
    let garbled = || Fault::garbled("an entry is not an id with fields");
    let Value::Array(parts) = entry else {
        return Err(garbled());
    };
    let [entry_id, Value::Array(fields)] = <[Value; 2]>::try_from(parts).map_err(|_| garbled())?
    else {
        return Err(garbled());
    };
    let (mut line, mut size) = (bare_line(&entry_id)?, 0);
    let mut fields = fields.into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        size += length(&value);
        // Unknown fields are ignored. Where a field comes twice, the last one counts.
        if name.as_bytes() == Some(b"open") {
            line.open = is_open(&value);
        } else if set_field(&mut line, name.as_bytes(), value) {
            continue;
        }
        size += length(&name);
    }
    Ok((line, size))
}

/// A line without fields.
fn bare_line(entry_id: &Value) -> Result<Line, Fault> {
    Ok(Line {
        id: id(entry_id)?,
        ts: None,
        source: None,
        text: None,
        phase: None,
        open: false,
    })
}

fn is_open(value: &Value) -> bool {
    value.as_bytes() == Some(OPEN.as_bytes())
}

fn length(value: &Value) -> usize {
    value.as_bytes().map_or(0, <[u8]>::len)
}

/// What [`super::careful`] has found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) lines: Vec<Line>,
    /// Whether there are more lines than the limit.
    pub(super) more: bool,
    /// How much of the limit the lines take.
    pub(super) taken: usize,
    /// The size of the largest entry.
    pub(super) largest: usize,
    pub(super) bounds: Option<LogBounds>,
}

/// What [`super::careful`] reads of the log of a key.
pub(super) fn careful_read(reply: Value, key: &str) -> Result<Found, Fault> {
    let garbled = || Fault::garbled("a careful read has another form");
    let parts = <[Value; 6]>::try_from(reply.into_array()).map_err(|_| garbled())?;
    let [of, more, taken, largest, lines, bounds] = parts;
    let number = |value: &Value| value.as_u64().and_then(|n| n.try_into().ok());
    if of.as_bytes() != Some(key.as_bytes()) {
        return Err(Fault::garbled("a careful read is of another log"));
    }
    let lines = lines.into_array().into_iter().map(|line| {
        let parts = <[Value; 6]>::try_from(line.into_array()).map_err(|_| garbled())?;
        let [entry_id, ts, source, line_text, phase, open] = parts;
        Ok(Line {
            id: id(&entry_id)?,
            ts: text(ts).map(Timestamp::from),
            source: text(source).map(Source::from),
            text: text(line_text),
            phase: text(phase),
            open: is_open(&open),
        })
    });
    Ok(Found {
        lines: lines.collect::<Result<_, Fault>>()?,
        more: more.as_i64() == Some(1),
        taken: number(&taken).ok_or_else(garbled)?,
        largest: number(&largest).ok_or_else(garbled)?,
        bounds: match bounds {
            Value::Array(bounds) => Some(careful_bounds(bounds)?),
            _ => None,
        },
    })
}

fn careful_bounds(bounds: Vec<Value>) -> Result<LogBounds, Fault> {
    let [length, last_id, max_deleted_id, entries_added, first_id] = <[Value; 5]>::try_from(bounds)
        .map_err(|_| Fault::garbled("the bounds have another form"))?;
    let first_id = match first_id {
        Value::String(_) | Value::Bytes(_) => Some(id(&first_id)?),
        _ => None,
    };
    Ok(LogBounds {
        first_id,
        last_id: id(&last_id)?,
        max_deleted_id: id(&max_deleted_id).map_err(|_| too_old())?,
        entries_added: entries_added.as_u64().ok_or_else(too_old)?,
        length: length.as_u64().ok_or_else(too_old)?,
    })
}

/// Redis counts added entries since 7.0. Gaps cannot be detected without that.
fn too_old() -> Fault {
    Fault::too_old("XINFO STREAM lacks fields that Redis has since 7.0")
}

/// Sets a field of a line. False if a line has no such field.
fn set_field(line: &mut Line, name: Option<&[u8]>, value: Value) -> bool {
    match name {
        Some(b"ts") => line.ts = text(value).map(Timestamp::from),
        Some(b"source") => line.source = text(value).map(Source::from),
        Some(b"text") => line.text = text(value),
        Some(b"phase") => line.phase = text(value),
        _ => return false,
    }
    true
}

/// A stored value as text; what is not UTF-8 becomes U+FFFD.
fn text(value: Value) -> Option<String> {
    match value {
        // `to_string` would be slower: it goes through formatting.
        Value::String(text) => Some(String::from(&*text)),
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Value::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

/// An entry's id.
pub(super) fn id(value: &Value) -> Result<EntryId, Fault> {
    let text = value.as_str();
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| Fault::garbled("an entry id cannot be read"))
}

/// What `XINFO STREAM` says: a map in RESP3, names and values in turn in RESP2. Also the size of the larger of the two
/// entries that it sends along, the first and the last.
pub(super) fn bounds(reply: Value) -> Result<(LogBounds, usize), Fault> {
    let fields = Fields::from_reply(reply)?;
    let first_id = match fields.get("first-entry") {
        Some(Value::Array(parts)) => parts.first().map(id).transpose()?,
        _ => None,
    };
    let no_stream = || Fault::garbled("XINFO STREAM does not describe a stream");
    let last_id = id(fields.get("last-generated-id").ok_or_else(no_stream)?)?;
    let bounds = LogBounds {
        first_id,
        last_id,
        max_deleted_id: id(fields.get("max-deleted-entry-id").ok_or_else(too_old)?)?,
        entries_added: fields.count("entries-added").ok_or_else(too_old)?,
        length: fields.count("length").ok_or_else(too_old)?,
    };
    let size = |name| match fields.get(name) {
        Some(Value::Array(parts)) => match parts.get(1) {
            Some(Value::Array(fields)) => fields.iter().map(length).sum(),
            _ => 0,
        },
        _ => 0,
    };
    Ok((bounds, usize::max(size("first-entry"), size("last-entry"))))
}

/// Names and values of a reply.
pub(super) struct Fields(Vec<(Value, Value)>);

impl Fields {
    pub(super) fn from_reply(reply: Value) -> Result<Self, Fault> {
        match reply {
            Value::Map(map) => {
                let pairs = map.inner().into_iter();
                Ok(Self(pairs.map(|(k, v)| (k.into(), v)).collect()))
            }
            Value::Array(flat) => {
                let mut pairs = Vec::with_capacity(flat.len() / 2);
                let mut flat = flat.into_iter();
                while let (Some(name), Some(value)) = (flat.next(), flat.next()) {
                    pairs.push((name, value));
                }
                Ok(Self(pairs))
            }
            _ => Err(Fault::garbled("a reply is not a map")),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        let named = |(key, _): &&(Value, Value)| key.as_bytes() == Some(name.as_bytes());
        self.0.iter().find(named).map(|(_, value)| value)
    }

    fn count(&self, name: &str) -> Option<u64> {
        self.get(name)?.as_u64()
    }
}

/// The fields of a job that [`job`] takes.
///
/// The first one is in no hash. fred takes a reply whose first text is `message` or `subscribe` for a message of a
/// subscription and drops it, and then every later command gets its neighbour's reply. What a hash contains must not decide
/// that.
pub(super) const JOB_FIELDS: [&str; 4] = ["log-api:none", "status", "user_id", "org_id"];

/// A job's `status`, `user_id` and `org_id`, or `None` where none is there.
pub(super) fn job(lifecycle: &Lifecycle, reply: Value) -> Result<Option<Job>, Fault> {
    let odd = || Fault::garbled("HMGET gave another number of fields");
    let Value::Array(fields) = reply else {
        return Err(odd());
    };
    let [_, status, owner, org] = <[Value; 4]>::try_from(fields).map_err(|_| odd())?.map(text);
    if status.is_none() && owner.is_none() && org.is_none() {
        return Ok(None);
    }
    Ok(Some(Job {
        status: lifecycle.status(status.as_deref().unwrap_or_default()),
        owner: owner.as_deref().and_then(UserId::new),
        org: org.as_deref().and_then(OrgId::new),
    }))
}

/// A job whose hash has none of the fields (J2, J3).
pub(super) fn bare_job(lifecycle: &Lifecycle) -> Job {
    Job {
        status: lifecycle.status(""),
        owner: None,
        org: None,
    }
}

#[cfg(test)]
mod tests {
    use log_domain::JobStatus;

    use super::*;

    fn array<const N: usize>(items: [Value; N]) -> Value {
        Value::Array(items.into())
    }

    #[test]
    fn an_entry_keeps_its_fields_ignores_others_and_shows_what_is_not_utf8() {
        let fields = array([
            "text".into(),
            Value::Bytes(b"a\xffb"[..].to_vec().into()),
            "seq".into(),
            "7".into(),
            "source".into(),
            "stderr".into(),
        ]);
        let reply = array([array(["18446744073709551615-2".into(), fields])]);
        let Entries { lines, sizes } = entries(reply).unwrap();
        assert_eq!(lines[0].id, EntryId::new(u64::MAX, 2));
        assert_eq!(lines[0].text.as_deref(), Some("a\u{fffd}b"));
        assert_eq!(lines[0].source, Some(Source::Stderr));
        assert_eq!((&lines[0].ts, &lines[0].phase), (&None, &None));
        // All values, and the names that readers ignore.
        assert_eq!(sizes, [3 + 1 + 3 + 6]);
    }

    #[test]
    fn bounds_are_read_from_a_flat_reply() {
        let reply = array([
            "length".into(),
            2_i64.into(),
            "last-generated-id".into(),
            "9-1".into(),
            "max-deleted-entry-id".into(),
            "0-0".into(),
            "entries-added".into(),
            5_i64.into(),
            "first-entry".into(),
            array(["8-0".into(), array([])]),
        ]);
        let expected = LogBounds {
            first_id: Some(EntryId::new(8, 0)),
            last_id: EntryId::new(9, 1),
            max_deleted_id: EntryId::ZERO,
            entries_added: 5,
            length: 2,
        };
        assert_eq!(bounds(reply).unwrap(), (expected, 0));
    }

    #[test]
    fn a_server_that_does_not_count_added_entries_is_refused() {
        let reply = array([
            "length".into(),
            0_i64.into(),
            "last-generated-id".into(),
            "0-0".into(),
        ]);
        assert!(matches!(bounds(reply), Err(Fault::Permanent(_))));
    }

    #[test]
    fn a_job_without_an_owner_or_a_status_is_a_job() {
        let read = |status: Value, owner: Value| {
            let reply = array([Value::Null, status, owner, Value::Null]);
            job(Lifecycle::contract(), reply).unwrap()
        };
        assert_eq!(read(Value::Null, Value::Null), None);
        let without_owner = read("queued".into(), "".into()).unwrap();
        assert_eq!(
            (without_owner.status, without_owner.owner),
            (JobStatus::QUEUED, None)
        );
        let odd = read(Value::Null, "u".into()).unwrap();
        assert_eq!(odd.status, JobStatus::parse(""));
    }
}
