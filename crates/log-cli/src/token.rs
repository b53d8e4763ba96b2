//! The API's token: from the environment, or from a command that is asked for each connection.

use std::process::Stdio;
use std::time::Duration;

use log_client::TokenSource;
use tokio::process::Command;
use tokio::time::timeout;

use crate::environment::Environment;
use crate::exit::Failure;

/// How long a command may take to give a token: somebody may have to sign in.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn source(command: Option<String>, env: Environment) -> Result<TokenSource, Failure> {
    if let Some(command) = command {
        return Ok(TokenSource::fresh(move || ask(command.clone())));
    }
    match env.get("JOBLOG_TOKEN") {
        Some(token) => Ok(TokenSource::fixed(&token)),
        None => Err(Failure::new(
            Failure::REFUSED,
            "the API wants a session token: set JOBLOG_TOKEN, or name a command that prints one with --token-command",
        )),
    }
}

/// Runs the command by the shell. What it says on standard error is for the user.
async fn ask(command: String) -> Result<String, String> {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &command])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    let output = timeout(PATIENCE, shell.output()).await;
    let output = output
        .map_err(|_| {
            format!(
                "the token command took longer than {} s",
                PATIENCE.as_secs()
            )
        })?
        .map_err(|error| format!("the token command could not be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("the token command ended with {}", output.status));
    }
    let token = String::from_utf8(output.stdout).unwrap_or_default();
    if token.trim().is_empty() {
        return Err("the token command printed no token".to_owned());
    }
    Ok(token)
}
