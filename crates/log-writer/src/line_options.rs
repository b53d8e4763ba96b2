//! The options for lines.

use std::time::Duration;

use crate::cut::{CutMarker, LineLimit};
use log_redact::Ansi;

/// The shortest time between two states of an open line, unless the options say otherwise.
pub(crate) const INTERVAL: Duration = Duration::from_secs(10);

/// How the bytes of a channel become lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LineOptions {
    /// The maximum length of a line.
    pub limit: LineLimit,
    /// What is added to the end of a line that was cut.
    pub marker: CutMarker,
    /// What happens to blank lines.
    pub blank: Blank,
    /// What happens to terminal control sequences.
    pub ansi: Ansi,
    /// When the state of a line that has not ended is shown.
    pub progress: Progress,
}

impl LineOptions {
    /// Sets [`LineOptions::limit`].
    #[must_use]
    pub const fn limit(mut self, limit: LineLimit) -> Self {
        self.limit = limit;
        self
    }

    /// Sets [`LineOptions::marker`].
    #[must_use]
    pub const fn marker(mut self, marker: CutMarker) -> Self {
        self.marker = marker;
        self
    }

    /// Sets [`LineOptions::blank`].
    #[must_use]
    pub const fn blank(mut self, blank: Blank) -> Self {
        self.blank = blank;
        self
    }

    /// Sets [`LineOptions::ansi`].
    #[must_use]
    pub const fn ansi(mut self, ansi: Ansi) -> Self {
        self.ansi = ansi;
        self
    }

    /// Sets [`LineOptions::progress`].
    #[must_use]
    pub const fn progress(mut self, progress: Progress) -> Self {
        self.progress = progress;
        self
    }
}

/// What happens to lines that contain nothing but white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Blank {
    /// They are kept.
    #[default]
    Keep,
    /// They are dropped, as the existing producer does.
    Drop,
}

/// When the state of a line that has not ended becomes a line of its own, marked as open: a prompt that waits for an
/// answer, a progress bar, dots. The line itself follows when it has ended. Lines that end within two seconds have no such
/// state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Never.
    Off,
    /// When the line has not changed for two seconds. So a prompt is shown, and of a progress bar only a state in which it
    /// rests. At most every ten seconds.
    Last,
    /// Two seconds after the line began, and then once in each interval while it changes.
    Every(Duration),
}

impl Default for Progress {
    /// Every ten seconds.
    fn default() -> Self {
        Self::Every(INTERVAL)
    }
}
