//! The token for the API: from the environment, or from a command that runs before each connection.

use std::process::Stdio;
use std::time::Duration;

use log_client::TokenSource;
use tokio::process::Command;
use tokio::time::timeout;

use crate::environment::Environment;
use crate::exit::Failure;

/// How long the token command may take. The user may have to sign in.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) fn source(command: Option<String>, env: Environment) -> Result<TokenSource, Failure> {
    if let Some(command) = command {
        return Ok(TokenSource::fresh(move || run_command(command.clone())));
    }
    match env.get("JOBLOG_TOKEN") {
        Some(token) => Ok(TokenSource::fixed(&token)),
        None => Err(Failure::new(
            Failure::REFUSED,
            "the API needs a session token: set JOBLOG_TOKEN, or give a command that prints one with --token-command",
        )),
    }
}

/// Runs the command in a shell. The user sees its standard error.
async fn run_command(command: String) -> Result<String, String> {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &command])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    let output = timeout(COMMAND_TIMEOUT, shell.output()).await;
    let output = output
        .map_err(|_| {
            let seconds = COMMAND_TIMEOUT.as_secs();
            format!("the token command took longer than {seconds} s")
        })?
        .map_err(|error| format!("the token command could not be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("the token command failed with {}", output.status));
    }
    let token = String::from_utf8(output.stdout).unwrap_or_default();
    if token.trim().is_empty() {
        return Err("the token command printed no token".to_owned());
    }
    Ok(token)
}
