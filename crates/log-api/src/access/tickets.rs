//! Tickets: a secret that stands for a reader of one job, once, for half a minute.

use std::sync::Arc;
use std::time::Duration;

use log_domain::JobId;
use log_store::Tickets;
use serde_json::{Value, json};

use super::principal::Principal;
use super::secret;
use crate::error::ApiError;

/// The reason that a client reads where a ticket is not taken: whichever it is, it helps nobody to guess.
const INVALID: &str = "ticket-invalid";

/// What a ticket was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Granted {
    /// Who it stands for.
    pub(crate) who: Principal,
    /// The one job it is for.
    pub(crate) job: String,
}

impl Granted {
    /// The reader, if the ticket is for this job.
    ///
    /// # Errors
    /// 401 where it is for another one.
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

/// Issues tickets and takes them.
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
        let secret = secret::random()?;
        let key = secret::ticket_key(&secret);
        let grant = Granted::to_text(who, job);
        self.store.put(&key, &grant, life).await?;
        Ok(secret)
    }

    pub(super) async fn take(&self, secret: &str) -> Result<Granted, ApiError> {
        let key = secret::ticket_key(secret);
        let taken = self.store.take(&key).await?;
        taken
            .and_then(|text| Granted::from_text(&text))
            .ok_or(invalid())
    }
}
