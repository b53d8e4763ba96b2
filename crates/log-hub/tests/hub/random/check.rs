//! Compares what a viewer has seen with what was appended.

use std::collections::HashMap;

use log_domain::EntryId;

use super::writer::{Lines, Script};
use crate::fixture::Event;

/// How a viewer began.
pub(super) struct Opened {
    pub(super) cursor: Option<EntryId>,
    /// The position at which it began.
    pub(super) position: EntryId,
    /// How many lines had been appended when it asked to be opened.
    pub(super) before: usize,
    /// How many had been appended when it was open.
    pub(super) after: usize,
}

/// Everything that a viewer has seen, over all its connections.
pub(super) struct Journal {
    opened: Opened,
    entries: Vec<Entry>,
}

enum Entry {
    /// An event, the client's cursor after it, and the writer's step by then.
    Saw(Event, Option<EntryId>, u64),
    Reopened,
}

impl Journal {
    pub(super) fn new(opened: Opened) -> Self {
        let entries = Vec::new();
        Self { opened, entries }
    }

    pub(super) fn saw(&mut self, events: Vec<(Event, Option<EntryId>)>, step: u64) {
        let entries = events.into_iter();
        let entries = entries.map(|(event, cursor)| Entry::Saw(event, cursor, step));
        self.entries.extend(entries);
    }

    pub(super) fn reopened(&mut self) {
        self.entries.push(Entry::Reopened);
    }
}

/// Where a reader is in the order in which lines were appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// It has seen all lines before this index, or was told of a gap.
    Index(usize),
    /// A live-only viewer before its first line, which may have any index from the first to the second.
    Between(usize, usize),
    /// At `0-0`: before every line of the log that is there when it reads on. It need not see a line before this index.
    Beginning(usize),
}

struct Reader<'a> {
    lines: &'a Lines,
    indexes: HashMap<u64, usize>,
    at: At,
    /// One above the highest index seen: no line from before may be shown again.
    high: usize,
    cursor: Option<EntryId>,
    /// The gap that was reported just before, if there was one.
    gap: Option<(u64, Option<u64>)>,
    /// The writer's steps at which gaps were reported.
    gaps: Vec<u64>,
}

impl Script {
    /// Returns what is wrong with a journal, if something is.
    pub(super) fn check(&self, journal: &Journal, may_lose: bool) -> Result<(), String> {
        let lines = self.lines.lock().unwrap();
        let appended = lines.appended.iter();
        let opened = &journal.opened;
        let at = match opened.cursor {
            Some(_) => At::Beginning(0),
            None if opened.position == EntryId::ZERO => At::Beginning(opened.after),
            None => At::Between(opened.before, opened.after),
        };
        let mut reader = Reader {
            lines: &lines,
            indexes: appended
                .enumerate()
                .map(|(index, id)| (*id, index))
                .collect(),
            at,
            high: if opened.position == EntryId::ZERO || opened.cursor.is_some() {
                // Where the log was deleted while the feed was reading it, that read may still show its lines.
                0
            } else {
                opened.before
            },
            cursor: opened.cursor,
            gap: None,
            gaps: Vec::new(),
        };
        for (n, entry) in journal.entries.iter().enumerate() {
            let checked = match entry {
                Entry::Reopened => {
                    reader.gap = None;
                    Ok(())
                }
                Entry::Saw(Event::Gap { .. }, ..) if !may_lose => {
                    Err("a gap, though nothing was lost".into())
                }
                Entry::Saw(event, cursor, step) => reader.read(event, *cursor, *step),
            };
            checked
                .map_err(|wrong| format!("entry {n}, {entry:?}, at {:?}: {wrong}", reader.at))?;
        }
        Ok(())
    }
}

impl Reader<'_> {
    fn read(&mut self, event: &Event, cursor: Option<EntryId>, step: u64) -> Result<(), String> {
        match event {
            Event::Line(id) => self.line(*id),
            Event::Gap { after, first } => self.gap(*after, *first, cursor, step),
            Event::Heartbeat => {
                check(
                    self.cursor.is_none_or(|own| Some(own) == cursor),
                    "a heartbeat with another cursor",
                )?;
                self.cursor = cursor;
                Ok(())
            }
            Event::Done(status) => {
                check(status == "ready", "another status")?;
                if self.lines.is_gone {
                    // Nothing can be missing at the beginning of a log that does not exist, whatever gap was reported there.
                    let at_beginning = self.gap.is_none_or(|(after, _)| after == 0);
                    let told = matches!(self.at, At::Beginning(_)) && at_beginning;
                    return check(told, "no gap, though the log is gone");
                }
                self.reach(self.lines.appended.len())
            }
            Event::BrokenOff(_) => Err("broken off".into()),
        }
    }

    fn line(&mut self, id: u64) -> Result<(), String> {
        let index = *self.indexes.get(&id).ok_or("a line that never was")?;
        check(
            index >= self.high,
            "a line that was seen before, or an older one",
        )?;
        match self.gap.take() {
            Some((_, first)) if first == Some(id) => {}
            // The log of the gap is gone too, and the reader is at the beginning of the next one.
            Some((0, _)) | None => self.reach(index)?,
            Some(_) => return Err("another line than the gap has named".into()),
        }
        self.at = At::Index(index + 1);
        self.high = index + 1;
        self.cursor = Some(EntryId::new(id, 0));
        Ok(())
    }

    /// Checks that all lines before an index were seen, or need not be.
    fn reach(&self, index: usize) -> Result<(), String> {
        if self.gap.is_some() {
            return Err("no line came after a gap that named one".into());
        }
        let from = match self.at {
            At::Index(from) => from,
            At::Between(before, after) => index.clamp(before, after),
            // From the first line of the log on that the line is in, or of the log that is there at the end.
            At::Beginning(from) => {
                let of = index.min(self.lines.log_begin.len().saturating_sub(1));
                let begin = self.lines.log_begin.get(of).copied().unwrap_or(0);
                begin.max(from)
            }
        };
        let missed = (from..index).find(|index| !self.is_excused(self.lines.appended[*index]));
        missed.map_or(Ok(()), |index| {
            Err(format!("missed {}", self.lines.appended[index]))
        })
    }

    /// Whether a line was deleted one by one, and a gap was reported since it was in doubt.
    fn is_excused(&self, id: u64) -> bool {
        let since = self.lines.deleted.get(&id);
        since.is_some_and(|since| self.gaps.iter().any(|told| told >= since))
    }

    fn gap(
        &mut self,
        after: u64,
        first: Option<u64>,
        cursor: Option<EntryId>,
        step: u64,
    ) -> Result<(), String> {
        let own = self.cursor.map(EntryId::ms);
        check(
            own.is_none_or(|own| own == after),
            "a gap after another position than its own",
        )?;
        let told = self.gaps.last().copied().unwrap_or_default();
        let deleted_since = self.lines.deleted.values().any(|since| *since >= told);
        let again = self.gap == Some((after, first)) && !deleted_since;
        check(!again, "a gap that was reported twice")?;
        self.gaps.push(step);
        match first {
            Some(_) => self.gap = Some((after, first)),
            None => {
                self.gap = None;
                let cursor = cursor.ok_or("a gap without a cursor")?;
                self.cursor = Some(cursor);
                self.at = match self.indexes.get(&cursor.ms()) {
                    Some(index) => At::Index(index + 1),
                    None => At::Beginning(0),
                };
            }
        }
        Ok(())
    }
}

fn check(holds: bool, wrong: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(wrong.into()) }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Saw(event, cursor, step) => {
                write!(f, "{event:?} (cursor {cursor:?}, step {step})")
            }
            Self::Reopened => f.write_str("reopened"),
        }
    }
}
