//! What this tool says, on standard output, between the lines of the programs that it starts.

use std::fmt::Display;
use std::io::Write;

/// Writes one line. A reader that has gone away (`| head`) is no reason to stop working, so a
/// failed write is ignored.
pub(crate) fn say(line: impl Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
