//! Settings for teams that replace an existing producer.

use crate::cut::{CutMarker, LineLimit};
use crate::line_options::{Blank, LineOptions, Progress};
use log_redact::Ansi;

/// How another producer writes its lines. A team that replaces that producer gets the same logs as before.
///
/// ```
/// use std::time::Duration;
/// use log_writer::{LineAssembler, Preset};
///
/// let mut assembler = LineAssembler::new(Preset::existing_producer().lines());
/// let mut lines = Vec::new();
/// let output = format!("\x1b[32mok\x1b[0m\n\n{}\n", "x".repeat(2001));
/// assembler.push(output.as_bytes(), Duration::ZERO, |line| lines.push(line));
/// assert_eq!(lines, ["ok".to_owned(), format!("{}...[truncated]", "x".repeat(2000))]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    lines: LineOptions,
}

impl Preset {
    /// The Python producer that this crate replaces:
    ///
    /// - A line is cut at 2,000 characters and then ends with `...[truncated]`.
    /// - Blank lines are dropped.
    /// - Terminal control sequences are stripped.
    /// - A line that has not ended is not shown.
    ///
    /// The other defaults are the same: redacted text reads `[REDACTED]`, and [`crate::LogWriter::enter`] sets the phases.
    #[must_use]
    pub const fn existing_producer() -> Self {
        Self {
            lines: LineOptions {
                limit: LineLimit::Characters(2_000),
                marker: CutMarker::Text("...[truncated]"),
                blank: Blank::Drop,
                ansi: Ansi::Strip,
                progress: Progress::Off,
            },
        }
    }

    /// The options for lines.
    #[must_use]
    pub const fn lines(self) -> LineOptions {
        self.lines
    }
}
