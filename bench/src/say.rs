//! What a person reads while it runs (standard error) and at the end (standard output).

use std::fmt::Display;
use std::io::Write;

/// A line about what is going on. A reader that has gone away is no reason to stop.
pub(crate) fn progress(line: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// A line of the result, or of a load process's answer.
pub(crate) fn result(line: impl Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
