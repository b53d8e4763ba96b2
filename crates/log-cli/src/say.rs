//! What `joblog` says for itself: on standard error, and short.

use std::io::{IsTerminal as _, Write as _, stderr};

/// Standard error.
#[derive(Debug)]
pub(crate) struct Say {
    is_terminal: bool,
    /// Whether a line of progress stands there now.
    shows_progress: bool,
}

impl Say {
    pub(crate) fn new() -> Self {
        Self {
            is_terminal: stderr().is_terminal(),
            shows_progress: false,
        }
    }

    /// Whether progress can be shown.
    pub(crate) const fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Says something that stays.
    pub(crate) fn note(&mut self, text: impl std::fmt::Display) {
        self.clear();
        self.write(&format!("joblog: {}\n", harmless(&text.to_string())));
    }

    /// Shows how it goes, in place of what was shown before; on a terminal alone.
    pub(crate) fn progress(&mut self, text: impl std::fmt::Display) {
        if self.is_terminal {
            self.shows_progress = true;
            let text = harmless(&text.to_string());
            self.write(&format!("\r\x1b[Kjoblog: {text}"));
        }
    }

    /// Takes the progress away: something else is about to be printed.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.shows_progress) {
            self.write("\r\x1b[K");
        }
    }

    #[expect(clippy::unused_self, reason = "whoever writes has the right to")]
    fn write(&self, text: &str) {
        // Where even standard error is gone, there is nobody to tell.
        let _ = stderr().write_all(text.as_bytes());
    }
}

impl Drop for Say {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Text that others have written, a server's answer say, cannot steer the terminal.
fn harmless(text: &str) -> String {
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(visible).collect()
}
