//! The messages of `joblog` itself, on standard error.

use std::io::{IsTerminal as _, Write as _, stderr};

/// Standard error. If it cannot be written, messages are lost, and nothing else happens.
#[derive(Debug)]
pub(crate) struct Terminal {
    is_terminal: bool,
    /// Whether the last line is a progress text, which the next message replaces.
    shows_progress: bool,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        Self {
            is_terminal: stderr().is_terminal(),
            shows_progress: false,
        }
    }

    /// Whether standard error is a terminal, which can show progress.
    pub(crate) const fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Prints a message.
    pub(crate) fn message(&mut self, text: impl std::fmt::Display) {
        self.clear();
        write(&format!("joblog: {}\n", printable(&text.to_string())));
    }

    /// Shows a progress text, which replaces the last one. Does nothing if standard error is not a terminal.
    pub(crate) fn progress(&mut self, text: impl std::fmt::Display) {
        if self.is_terminal {
            self.shows_progress = true;
            let text = printable(&text.to_string());
            write(&format!("\r\x1b[Kjoblog: {text}"));
        }
    }

    /// Removes the progress text.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.shows_progress) {
            write("\r\x1b[K");
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.clear();
    }
}

fn write(text: &str) {
    // If standard error cannot be written, there is nowhere to report it.
    let _ = stderr().write_all(text.as_bytes());
}

/// Replaces control characters: a message may contain text of a server, which must not control the terminal.
fn printable(text: &str) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(printable).collect()
}
