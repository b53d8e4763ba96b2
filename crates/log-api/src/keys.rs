//! `log-api keys`: makes API keys.

use std::io::Write as _;

use clap::{Args, Subcommand};
use jiff::Timestamp;

use crate::access::{KeyDigest, KeyEntry, Scope, expires_of, generate_key, name_of, prefix_of};
use crate::cli_result::CliResult;

const NEW_HELP: &str = "\
The first line is the key. It is printed once and kept nowhere: give it to the worker (JOBLOG_KEY).
The second line is its entry, which does not contain the key: add it to LOG_API_KEYS, after a comma, or as a line of
the file that LOG_API_KEYS_FILE names.

A key that creates jobs, ends them and appends lines:
  log-api keys new --name ci --scope jobs:create --scope jobs:status --scope logs:append";

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a new key and print it, and its entry for the configuration, a line each
    #[command(after_help = NEW_HELP)]
    New(NewKeyArgs),
}

/// What a new key allows.
#[derive(Debug, Args)]
pub(crate) struct NewKeyArgs {
    /// Who uses it; shown in the log of the service
    #[arg(long, value_parser = name_of)]
    name: String,
    /// What it allows: jobs:create, jobs:status, logs:append or logs:read; may be given several times
    #[arg(long = "scope", required = true)]
    scopes: Vec<Scope>,
    /// Only for jobs whose ids begin with this
    #[arg(long, value_parser = prefix_of)]
    prefix: Option<String>,
    /// Until when it is valid: a date like 2027-01-31 (through that day, UTC), or a time like 2027-01-31T12:00:00Z
    #[arg(long, value_parser = expires_of)]
    expires: Option<Timestamp>,
}

/// Runs the command.
pub(crate) fn run(command: KeysCommand) -> CliResult {
    let KeysCommand::New(NewKeyArgs {
        name,
        mut scopes,
        prefix,
        expires,
    }) = command;
    let mut seen = Vec::new();
    scopes.retain(|scope| {
        !seen.contains(scope) && {
            seen.push(*scope);
            true
        }
    });
    let key = generate_key().ok_or("this system has no random numbers")?;
    let digest = KeyDigest::from_key(&key).ok_or("a key was made that is none")?;
    let entry = KeyEntry {
        name,
        scopes,
        digest,
        prefix,
        expires,
    };
    write!(std::io::stdout().lock(), "{key}\n{entry}\n")?;
    Ok(())
}
