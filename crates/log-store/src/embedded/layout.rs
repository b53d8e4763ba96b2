//! What is on disk: tables, keys, values.
//!
//! One redb file, `log-store.redb`, in the store's directory:
//!
//! | table | key | value | |
//! |---|---|---|---|
//! | `meta` | name | u64 | `format`: [`FORMAT`]; `next_log`: the number of the next new log; `line_bytes`: the bytes of all lines |
//! | `logs` | job id | [`LogRecord`], eight u64 | what a log contains and ever contained; rewritten by every append |
//! | `lines` | (log number, ms, seq) | [`fields`](encode) of a line | never changed |
//! | `dead` | log number | – | deleted logs whose lines are still to be removed |
//! | `jobs` | job id | [`JobRecord`] | |
//! | `tickets` | digest | when it expires (Unix ms), grant | |
//! | `revocations` | number | when it expires, text | |
//! | `messages` | id | when it is forgotten | processed messages about revocations |
//! | `producers` | (log number, name) | [`ProducerState`], four u64 | what a log knows of its producers; ends with the log |
//! | `runs` | job id | u64, run id | until when a run has the job, in Unix milliseconds. Files of older versions lack it |
//!
//! A log that was deleted and created again has a new number. So the lines of a deleted log are invisible at once and can be
//! removed in small steps. Keys are tuples of u64 and compare as numbers: the lines of a log are next to each other, in the
//! order of their ids.

use log_domain::{
    EntryId, Job, JobStatus, Lifecycle, Line, LogBounds, OrgId, ProducerName, ProducerState,
    Source, Timestamp, UserId,
};
use redb::TableDefinition;

use crate::append::{NewLine, OPEN};

/// The version of this layout. A store with another version is refused.
pub(super) const FORMAT: u64 = 1;

/// The longest line, all fields together. The limit of redb's values is 3 GiB.
pub(super) const MAX_LINE_BYTES: usize = 1 << 30;

pub(super) type LineKey = (u64, u64, u64);

/// The number of a log, and the name of one of its producers.
pub(super) type ProducerKey = (u64, &'static str);

pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
pub(super) const LOGS: TableDefinition<'_, &str, [u64; 10]> = TableDefinition::new("logs");
pub(super) const LINES: TableDefinition<'_, LineKey, &[u8]> = TableDefinition::new("lines");
pub(super) const DEAD: TableDefinition<'_, u64, ()> = TableDefinition::new("dead");
pub(super) const JOBS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("jobs");
pub(super) const PRODUCERS: TableDefinition<'_, ProducerKey, [u64; 4]> =
    TableDefinition::new("producers");
pub(super) const TICKETS: TableDefinition<'_, &[u8], (u64, &str)> = TableDefinition::new("tickets");
pub(super) const REVOCATIONS: TableDefinition<'_, u64, (u64, &str)> =
    TableDefinition::new("revocations");
pub(super) const MESSAGES: TableDefinition<'_, &str, u64> = TableDefinition::new("messages");

pub(super) const RUNS: TableDefinition<'_, &str, (u64, &str)> = TableDefinition::new("runs");

/// The key of a line.
pub(super) const fn line_key(number: u64, id: EntryId) -> LineKey {
    (number, id.ms(), id.seq())
}

/// The key of a producer's state.
pub(super) fn producer_key(number: u64, producer: &ProducerName) -> (u64, &str) {
    (number, producer.as_str())
}

pub(super) const fn state_to_disk(state: &ProducerState) -> [u64; 4] {
    let last = state.last_id;
    [state.epoch, state.next, last.ms(), last.seq()]
}

pub(super) const fn state_from_disk([epoch, next, ms, seq]: [u64; 4]) -> ProducerState {
    ProducerState {
        epoch,
        next,
        last_id: EntryId::new(ms, seq),
    }
}

/// The id in a line's key.
pub(super) const fn line_id((_, ms, seq): LineKey) -> EntryId {
    EntryId::new(ms, seq)
}

/// A job's log, from its creation to its deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogRecord {
    /// Unique among all logs of all jobs.
    pub(super) number: u64,
    /// What readers see. On disk, a `first_id` of `0-0` means none.
    pub(super) bounds: LogBounds,
    /// When it was last appended to, in Unix milliseconds.
    pub(super) appended_at: u64,
}

impl LogRecord {
    pub(super) fn from_disk(words: [u64; 10]) -> Self {
        let [number, appended_at, entries_added, length, ids @ ..] = words;
        let id = |n: usize| EntryId::new(ids[n], ids[n + 1]);
        Self {
            number,
            bounds: LogBounds {
                first_id: Some(id(0)).filter(|first| *first != EntryId::ZERO),
                last_id: id(2),
                max_deleted_id: id(4),
                entries_added,
                length,
            },
            appended_at,
        }
    }

    pub(super) fn to_disk(&self) -> [u64; 10] {
        let bounds = &self.bounds;
        let first = bounds.first_id.unwrap_or(EntryId::ZERO);
        let (last, deleted) = (bounds.last_id, bounds.max_deleted_id);
        [
            self.number,
            self.appended_at,
            bounds.entries_added,
            bounds.length,
            first.ms(),
            first.seq(),
            last.ms(),
            last.seq(),
            deleted.ms(),
            deleted.seq(),
        ]
    }
}

/// A job's record: the producers' fields, and when it was last written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct JobRecord {
    pub(super) status: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) created_at: Option<Timestamp>,
    pub(super) updated_at: Option<Timestamp>,
    pub(super) status_message: Option<String>,
    pub(super) org: Option<String>,
    /// Fields of the producer that the store does not read.
    pub(super) further: Vec<(String, String)>,
    /// In Unix milliseconds. It decides when the record expires.
    pub(super) touched_at: u64,
}

impl JobRecord {
    /// `None` if the bytes are no record.
    pub(super) fn from_disk(bytes: &[u8]) -> Option<Self> {
        let (touched_at, rest) = bytes.split_first_chunk()?;
        let fields: [Option<&[u8]>; 7] = decode(rest)?;
        let further = fields[6].map_or(Some(Vec::new()), pairs_from_disk)?;
        let [
            status,
            owner,
            created_at,
            updated_at,
            status_message,
            org,
            _,
        ] = fields.map(text);
        Some(Self {
            status,
            owner,
            created_at: created_at.map(Timestamp::from),
            updated_at: updated_at.map(Timestamp::from),
            status_message,
            org,
            further,
            touched_at: u64::from_be_bytes(*touched_at),
        })
    }

    pub(super) fn to_disk(&self) -> Vec<u8> {
        let further = pairs_to_disk(&self.further);
        let [status, owner, created_at, updated_at, status_message, org] = [
            self.status.as_deref(),
            self.owner.as_deref(),
            self.created_at.as_ref().map(Timestamp::as_str),
            self.updated_at.as_ref().map(Timestamp::as_str),
            self.status_message.as_deref(),
            self.org.as_deref(),
        ]
        .map(|field| field.map(str::as_bytes));
        let further = Some(&*further).filter(|further| !further.is_empty());
        let mut bytes = self.touched_at.to_be_bytes().to_vec();
        let fields = [
            status,
            owner,
            created_at,
            updated_at,
            status_message,
            org,
            further,
        ];
        encode(fields, &mut bytes);
        bytes
    }

    pub(super) fn status(&self, lifecycle: &Lifecycle) -> JobStatus {
        lifecycle.status(self.status.as_deref().unwrap_or_default())
    }

    pub(super) fn job(&self, lifecycle: &Lifecycle) -> Job {
        Job {
            status: self.status(lifecycle),
            owner: self.owner.as_deref().and_then(UserId::new),
            org: self.org.as_deref().and_then(OrgId::new),
        }
    }
}

/// Names and values in turn, each as its length (u32, big-endian) and its bytes.
fn pairs_to_disk(pairs: &[(String, String)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

/// Reads what [`pairs_to_disk`] wrote. `None` for anything else.
fn pairs_from_disk(mut bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let mut next = || {
        let (length, rest) = bytes.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (text, rest) = rest.split_at_checked(length)?;
        bytes = rest;
        String::from_utf8(text.to_vec())
            .ok()
            .map(|text| (text, rest.is_empty()))
    };
    let mut pairs = Vec::new();
    loop {
        let (name, _) = next()?;
        let (value, is_last) = next()?;
        pairs.push((name, value));
        if is_last {
            return Some(pairs);
        }
    }
}

/// A line from its id and its stored fields. `None` if the bytes are no fields.
pub(super) fn line(id: EntryId, bytes: &[u8]) -> Option<Line> {
    let [ts, source, text, phase, open] = decode(bytes)?;
    let [ts, source, text, phase] = [ts, source, text, phase].map(self::text);
    Some(Line {
        id,
        ts: ts.map(Timestamp::from),
        source: source.map(Source::from),
        text,
        phase,
        open: open == Some(OPEN.as_bytes()),
    })
}

/// The fields of a line, as [`line`] reads them.
pub(super) fn line_fields(line: &NewLine) -> [Option<&[u8]>; 5] {
    line.values().map(|value| value.map(str::as_bytes))
}

fn text(bytes: Option<&[u8]>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// Appends up to eight optional fields: one byte with a bit for each field that is present, from the lowest bit on; then
/// the length (u32, big-endian) and the bytes of each present field.
pub(super) fn encode<const N: usize>(fields: [Option<&[u8]>; N], into: &mut Vec<u8>) {
    const { assert!(N <= 8) };
    let present = fields.iter().enumerate().fold(0_u8, |bits, (n, field)| {
        bits | (u8::from(field.is_some()) << n)
    });
    into.push(present);
    for field in fields.into_iter().flatten() {
        // Longer fields were refused earlier, see `MAX_LINE_BYTES`.
        let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
        into.extend_from_slice(&length.to_be_bytes());
        into.extend_from_slice(field);
    }
}

/// Reads what [`encode`] wrote. `None` for anything else.
pub(super) fn decode<const N: usize>(bytes: &[u8]) -> Option<[Option<&[u8]>; N]> {
    let (present, mut rest) = bytes.split_first()?;
    let mut fields = [None; N];
    for (n, field) in fields.iter_mut().enumerate() {
        if present & (1 << n) == 0 {
            continue;
        }
        let (length, after) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (value, after) = after.split_at_checked(length)?;
        (*field, rest) = (Some(value), after);
    }
    (rest.is_empty() && u32::from(*present) >> N == 0).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_read_back_as_they_were_written() {
        for bits in 0..16_u8 {
            let fields: [Option<&[u8]>; 4] = [b"ts".as_slice(), b"", b"\xff\0", &[7; 70_000]]
                .into_iter()
                .enumerate()
                .map(|(n, field)| (bits & (1 << n) != 0).then_some(field))
                .collect::<Vec<_>>()
                .try_into()
                .unwrap();
            let mut bytes = Vec::new();
            encode(fields, &mut bytes);
            assert_eq!(decode(&bytes), Some(fields));
        }
    }

    #[test]
    fn damaged_fields_are_refused() {
        let mut bytes = Vec::new();
        encode(
            [Some(b"abc".as_slice()), None, Some(b"d"), None],
            &mut bytes,
        );
        for len in 0..bytes.len() {
            assert_eq!(decode::<4>(&bytes[..len]), None, "cut to {len}");
        }
        let longer = [&bytes[..], b"x"].concat();
        assert_eq!(decode::<4>(&longer), None);
        bytes[0] |= 0x40;
        assert_eq!(
            decode::<4>(&bytes),
            None,
            "a field that a line does not have"
        );
    }

    #[test]
    fn records_read_back_as_they_were_written() {
        let record = LogRecord {
            number: 1,
            bounds: LogBounds {
                first_id: None,
                last_id: EntryId::MAX,
                max_deleted_id: EntryId::new(2, 3),
                entries_added: 4,
                length: 5,
            },
            appended_at: 6,
        };
        assert_eq!(LogRecord::from_disk(record.to_disk()), record);
        let record = JobRecord {
            status: Some("queued".into()),
            status_message: Some(String::new()),
            further: vec![
                ("tier".into(), String::new()),
                ("p".into(), "x".repeat(300)),
            ],
            touched_at: u64::MAX,
            ..JobRecord::default()
        };
        assert_eq!(JobRecord::from_disk(&record.to_disk()), Some(record));
        assert_eq!(JobRecord::from_disk(b"short"), None);
        // As older versions wrote it, which knew no organisation.
        let mut before = 7_u64.to_be_bytes().to_vec();
        encode(
            [Some(b"queued".as_slice()), None, None, None, None],
            &mut before,
        );
        let read = JobRecord::from_disk(&before).unwrap();
        assert_eq!((read.status.as_deref(), read.org), (Some("queued"), None));
    }
}
