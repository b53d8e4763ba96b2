//! Tickets: a secret that opens one stream of one job for one reader, once, within half a minute.

use std::sync::Arc;
use std::time::Duration;

use log_domain::JobId;
use log_store::Tickets;
use log_wire::ErrorCode;
use serde_json::{Value, json};

use super::principal::Principal;
use super::secret;
use crate::error::ApiError;

/// The `reason` of every refused ticket. It is always the same, so that it helps nobody to guess.
const INVALID: &str = "ticket-invalid";

/// What a ticket allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TicketGrant {
    /// The reader.
    pub(crate) who: Principal,
    /// The job.
    pub(crate) job: String,
}

impl TicketGrant {
    /// Returns the reader if the ticket is for this job.
    ///
    /// # Errors
    /// 401 if it is for another job.
    pub(crate) fn for_job(self, job: &str) -> Result<Principal, ApiError> {
        if self.job == job {
            Ok(self.who)
        } else {
            Err(invalid())
        }
    }

    fn to_text(who: &Principal, job: &JobId) -> String {
        json!({"who": who.to_json(), "job": job.as_str()}).to_string()
    }

    fn from_text(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        Some(Self {
            who: Principal::from_json(value.get("who")?)?,
            job: value.get("job")?.as_str()?.to_owned(),
        })
    }
}

/// The refusal of a ticket.
const fn invalid() -> ApiError {
    ApiError::Unauthenticated { reason: INVALID }
}

/// Issues tickets and accepts them.
pub(super) struct TicketBox {
    store: Arc<dyn Tickets>,
}

impl TicketBox {
    pub(super) fn new(store: Arc<dyn Tickets>) -> Self {
        Self { store }
    }

    pub(super) async fn issue(
        &self,
        who: &Principal,
        job: &JobId,
        life: Duration,
    ) -> Result<String, ApiError> {
        let secret = secret::random().ok_or(ApiError::Code(ErrorCode::Internal))?;
        let key = secret::ticket_key(&secret);
        let grant = TicketGrant::to_text(who, job);
        self.store.put(&key, &grant, life).await?;
        Ok(secret)
    }

    pub(super) async fn take(&self, secret: &str) -> Result<TicketGrant, ApiError> {
        let key = secret::ticket_key(secret);
        let taken = self.store.take(&key).await?;
        taken
            .and_then(|text| TicketGrant::from_text(&text))
            .ok_or(invalid())
    }
}
