//! A page of history: which lines it asks for, and what it says about the lines around it.
//!
//! Without `after`, a page holds the *newest* lines below `before`, and `has_more` speaks of older
//! lines. With `after`, it holds the *oldest* lines above it, and `has_more` speaks of newer lines
//! inside the window. Either way the lines stand oldest first.

use std::fmt;

use crate::entry_id::EntryId;
use crate::limits::MAX_PAGE_LINES;
use crate::line::Line;
use crate::read::{Batch, Order, ReadLimit, Span};

/// How many lines a page may hold: 1 to [`MAX_PAGE_LINES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageLimit(usize);

impl PageLimit {
    /// What a request gets that names no limit.
    pub const DEFAULT: Self = Self(100);

    /// The greatest limit.
    pub const MAX: Self = Self(MAX_PAGE_LINES);

    /// A limit, if it is in range.
    ///
    /// # Errors
    /// 0 and anything above [`MAX_PAGE_LINES`] are refused.
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

/// What a client asks of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageRequest {
    /// Exclusive lower bound; its presence makes the page go forward from it.
    pub after: Option<EntryId>,
    /// Exclusive upper bound.
    pub before: Option<EntryId>,
    /// Most lines.
    pub limit: PageLimit,
}

impl PageRequest {
    /// Whether the page is cut from the newest end of its window.
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
    /// Whether there are further lines in the direction of the page.
    pub has_more: bool,
}

impl Page {
    /// The page that a read of [`PageRequest::read`] makes.
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

    /// The id of the first line: the next `before` of a reader going back.
    #[must_use]
    pub fn oldest_id(&self) -> Option<EntryId> {
        self.lines.first().map(|line| line.id)
    }

    /// The id of the last line: the next `after` of a reader going forward.
    #[must_use]
    pub fn newest_id(&self) -> Option<EntryId> {
        self.lines.last().map(|line| line.id)
    }
}
