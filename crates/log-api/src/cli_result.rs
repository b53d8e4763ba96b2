//! The result of a command of the binary.

/// What a command came to, or an error to show to the person who typed it.
pub(crate) type CliResult<T = ()> = Result<T, Box<dyn std::error::Error>>;
