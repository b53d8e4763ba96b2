//! The result of a command of the binary.

/// Success, or an error to show to the person who typed the command.
pub(crate) type CliResult = Result<(), Box<dyn std::error::Error>>;
