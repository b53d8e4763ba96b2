//! The API: requests that are repeated while it cannot be reached.

use std::time::Duration;

use log_client::ClientError;

use crate::exit::Failure;
use crate::retry::{AttemptError, Messages, retry};
use crate::terminal::Terminal;

/// What the user is told while the API has not answered yet.
pub(crate) const WAITING: &str = "waiting for the API";

/// What the user is told after a wait.
pub(crate) const ANSWERED: &str = "the API has answered";

/// Repeats a request of one attempt while the API cannot be reached.
pub(crate) async fn ask<T>(
    patience: Duration,
    terminal: &mut Terminal,
    mut request: impl AsyncFnMut() -> Result<T, ClientError>,
) -> Result<T, Failure> {
    let messages = Messages {
        server: "the API",
        first_attempt: Some(WAITING),
        success: ANSWERED,
    };
    retry(patience, messages, terminal, async || {
        request().await.map_err(|error| match error {
            ClientError::GaveUp { error, .. } => AttemptError::Transient {
                reason: error.to_string(),
                notice: error.to_string(),
            },
            error => AttemptError::Final(error.into()),
        })
    })
    .await
}
