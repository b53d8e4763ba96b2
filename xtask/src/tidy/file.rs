//! What the rules look at, and what they report.

use std::fmt;

/// One text file of the tree.
pub(super) struct File {
    /// Relative to the root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

impl File {
    pub(super) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
        }
    }
}

/// One breach of a rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// Where: `path` or `path:line`, relative to the root, or the name of a crate.
    pub(super) place: String,
    /// What is wrong there, and what would be right.
    pub(super) text: String,
}

impl Finding {
    pub(super) fn new(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            text: text.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.text)
    }
}

/// The lines of a Rust file without its tests: up to its test module, and without single items for tests.
pub(super) fn production(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text.lines();
    while let Some(line) = rest.next() {
        if line != "#[cfg(test)]" {
            lines.push(line);
            continue;
        }
        let item = rest.next().unwrap_or_default();
        if item.ends_with('{') && item.split(' ').any(|word| word == "mod") {
            break;
        }
    }
    lines
}
