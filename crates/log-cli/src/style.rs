//! How lines are printed: as text or JSON, with which columns and colours.

use clap::ValueEnum;

/// When to print colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless the environment says no
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// A column before the text of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Column {
    /// The id of the line, which is its position in the log
    Id,
    /// The time when the worker wrote the line
    Ts,
    /// stdout, stderr or system
    Source,
    /// The phase of the build
    Phase,
}

/// How lines are printed.
#[derive(Debug, Clone)]
pub(crate) struct Style {
    pub(crate) json: bool,
    pub(crate) columns: Vec<Column>,
    pub(crate) color: Color,
}
