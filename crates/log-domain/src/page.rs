//! A page of history.
//!
//! - Without `after`, a page has the *newest* lines before `before`, and `has_more` says whether there are older ones.
//! - With `after`, a page has the *oldest* lines after it, and `has_more` says whether there are newer ones before
//!   `before`.
//!
//! In both cases the oldest line comes first.

use std::fmt;

use crate::entry_id::EntryId;
use crate::limits::MAX_PAGE_LINES;
use crate::line::Line;
use crate::read::{Batch, Order, ReadLimit, Span};

/// How many lines a page may have: 1 to [`MAX_PAGE_LINES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageLimit(usize);

impl PageLimit {
    /// The limit of a request that names none.
    pub const DEFAULT: Self = Self(100);

    /// The greatest limit.
    pub const MAX: Self = Self(MAX_PAGE_LINES);

    /// A limit.
    ///
    /// # Errors
    /// The number is 0 or greater than [`MAX_PAGE_LINES`].
    pub const fn new(lines: usize) -> Result<Self, PageLimitError> {
        if lines == 0 || lines > MAX_PAGE_LINES {
            return Err(PageLimitError);
        }
        Ok(Self(lines))
    }

    /// The limit as a number.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0
    }
}

/// The limit is not a whole number from 1 to [`MAX_PAGE_LINES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimitError;

impl fmt::Display for PageLimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be a whole number from 1 to {MAX_PAGE_LINES}")
    }
}

impl std::error::Error for PageLimitError {}

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageRequest {
    /// Only lines after this id. If it is set, the page goes forward from it.
    pub after: Option<EntryId>,
    /// Only lines before this id.
    pub before: Option<EntryId>,
    /// The most lines.
    pub limit: PageLimit,
}

impl PageRequest {
    /// Whether the page has the newest lines of its span, and not the oldest.
    #[must_use]
    pub const fn is_from_newest(&self) -> bool {
        self.after.is_none()
    }

    /// The read that answers the request.
    #[must_use]
    pub const fn read(&self) -> (Span, Order, ReadLimit) {
        let span = Span {
            after: self.after,
            before: self.before,
        };
        let order = if self.is_from_newest() {
            Order::NewestFirst
        } else {
            Order::OldestFirst
        };
        (span, order, ReadLimit::lines(self.limit.get()))
    }
}

/// A page of history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The lines, oldest first.
    pub lines: Vec<Line>,
    /// Whether there are more lines in the direction of the page.
    pub has_more: bool,
}

impl Page {
    /// The page for the result of a read that [`PageRequest::read`] described.
    #[must_use]
    pub fn new(request: &PageRequest, batch: Batch) -> Self {
        let Batch { mut lines, more } = batch;
        if request.is_from_newest() {
            lines.reverse();
        }
        Self {
            lines,
            has_more: more,
        }
    }

    /// The id of the first line: the next `before` for a client that goes back.
    #[must_use]
    pub fn oldest_id(&self) -> Option<EntryId> {
        self.lines.first().map(|line| line.id)
    }

    /// The id of the last line: the next `after` for a client that goes forward.
    #[must_use]
    pub fn newest_id(&self) -> Option<EntryId> {
        self.lines.last().map(|line| line.id)
    }
}
