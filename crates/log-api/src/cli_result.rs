//! How a command of the binary ends.

/// Well, or with a sentence for whoever typed it.
pub(crate) type CliResult = Result<(), Box<dyn std::error::Error>>;
