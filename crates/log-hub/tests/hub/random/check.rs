//! What a viewer has seen, held against what was appended.

use std::collections::HashMap;

use log_domain::EntryId;

use super::writer::{Lines, Script};
use crate::stage::Event;

/// How a viewer began.
pub(super) struct Opened {
    pub(super) cursor: Option<EntryId>,
    /// Where it was let in.
    pub(super) position: EntryId,
    /// How many lines had been appended when it asked.
    pub(super) before: usize,
    /// And when it was let in.
    pub(super) after: usize,
}

/// Everything a viewer has seen, over all its connections.
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

/// Where a reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// It has seen, or been told to be past, all lines before this place in the order of appending.
    Place(usize),
    /// A live-only viewer before its first line, which may be any of these places.
    Between(usize, usize),
    /// At `0-0`: before every line of whatever log there is when it reads on; no line before this place is owed.
    Beginning(usize),
}

struct Reader<'a> {
    lines: &'a Lines,
    places: HashMap<u64, usize>,
    at: At,
    /// One past the highest place seen: nothing from before is shown again.
    high: usize,
    cursor: Option<EntryId>,
    /// The gap that was just told.
    gap: Option<(u64, Option<u64>)>,
    /// The steps by which gaps were told.
    gaps: Vec<u64>,
}

impl Script {
    /// Says what is wrong with a journal, if anything is.
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
            places: appended
                .enumerate()
                .map(|(place, id)| (*id, place))
                .collect(),
            at,
            high: if opened.position == EntryId::ZERO || opened.cursor.is_some() {
                // Where the log was deleted while the feed was reading it, that read may show lines of it yet.
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
                Entry::Saw(Event::Gap { .. }, ..) if !may_lose => Err("nothing was lost".into()),
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
                    "another cursor",
                )?;
                self.cursor = cursor;
                Ok(())
            }
            Event::Done(status) => {
                check(status == "ready", "another status")?;
                if self.lines.is_gone {
                    // At the beginning nothing can be missing of a log that does not exist, whatever was told there.
                    let at_beginning = self.gap.is_none_or(|(after, _)| after == 0);
                    let told = matches!(self.at, At::Beginning(_)) && at_beginning;
                    return check(told, "not told that the log is gone");
                }
                self.reach(self.lines.appended.len())
            }
            Event::BrokenOff(_) => Err("broken off".into()),
        }
    }

    fn line(&mut self, id: u64) -> Result<(), String> {
        let place = *self.places.get(&id).ok_or("a line that never was")?;
        check(place >= self.high, "a line from before")?;
        match self.gap.take() {
            Some((_, first)) if first == Some(id) => {}
            // The log that the gap spoke of is gone too, and the reader is at the beginning of the next one.
            Some((0, _)) | None => self.reach(place)?,
            Some(_) => return Err("another line than the gap said".into()),
        }
        self.at = At::Place(place + 1);
        self.high = place + 1;
        self.cursor = Some(EntryId::new(id, 0));
        Ok(())
    }

    /// Whether all lines before a place have been seen, or need not be.
    fn reach(&self, place: usize) -> Result<(), String> {
        if self.gap.is_some() {
            return Err("no line came after a gap that named one".into());
        }
        let from = match self.at {
            At::Place(from) => from,
            At::Between(before, after) => place.clamp(before, after),
            // The log that is there in the end, or the log that the line is of, from its first line on.
            At::Beginning(from) => {
                let of = place.min(self.lines.log_begin.len().saturating_sub(1));
                let begin = self.lines.log_begin.get(of).copied().unwrap_or(0);
                begin.max(from)
            }
        };
        let missed = (from..place).find(|place| !self.is_excused(self.lines.appended[*place]));
        missed.map_or(Ok(()), |place| {
            Err(format!("missed {}", self.lines.appended[place]))
        })
    }

    /// A line deleted one by one, and a gap told since from which on it was in doubt.
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
        check(own.is_none_or(|own| own == after), "not its own position")?;
        let told = self.gaps.last().copied().unwrap_or_default();
        let deleted_since = self.lines.deleted.values().any(|since| *since >= told);
        let again = self.gap == Some((after, first)) && !deleted_since;
        check(!again, "told twice")?;
        self.gaps.push(step);
        match first {
            Some(_) => self.gap = Some((after, first)),
            None => {
                self.gap = None;
                let cursor = cursor.ok_or("a gap that leads nowhere")?;
                self.cursor = Some(cursor);
                self.at = match self.places.get(&cursor.ms()) {
                    Some(place) => At::Place(place + 1),
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
