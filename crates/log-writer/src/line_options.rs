//! The options for lines.

use std::time::Duration;

use crate::cut::{CutMarker, LineLimit};
use log_redact::Ansi;

/// How the bytes of a channel become lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LineOptions {
    /// The maximum length of a line.
    pub limit: LineLimit,
    /// What is added to the end of a line that was cut.
    pub marker: CutMarker,
    /// What happens to blank lines.
    pub blank: Blank,
    /// What happens to terminal control sequences.
    pub ansi: Ansi,
    /// What happens to earlier states of a line that is overwritten.
    pub progress: Progress,
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

/// What happens to earlier states of a line that is overwritten after a lone `\r`, as a progress bar does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Progress {
    /// Only the last state becomes a line.
    #[default]
    Last,
    /// Earlier states become lines too, but at most one in each interval. The first one becomes a line at once.
    Every(Duration),
}
