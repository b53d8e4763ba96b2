//! The writers' gate: may this credential do this to this job?
//!
//! A credential is an API key or an append token. Sessions of people do not write.
//!
//! **Invariant:** every writing route calls [`WriteGate::enter`], and nothing else decides who may write.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use jiff::Timestamp;
use log_domain::JobId;
use log_wire::ErrorCode;

use super::api_key;
use super::append_token::{self, TokenSigner};
use super::failures::Failures;
use super::key_entry::KeyEntry;
use super::key_ring::KeyRing;
use super::request::{address, bearer, job_id};
use super::scope::Scope;
use crate::error::ApiError;

/// A credential that is genuine and valid now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// An API key.
    Key(Arc<KeyEntry>),
    /// An append token, with its job.
    Token(JobId),
}

impl Credential {
    /// For the log of the service. It names no secret.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Key(entry) => &entry.name,
            Self::Token(_) => "(append token)",
        }
    }
}

/// Whether a credential allows something for a job. This is the whole rule.
pub(crate) fn may(credential: &Credential, scope: Scope, job: &JobId) -> bool {
    match credential {
        Credential::Key(entry) => entry.allows(scope, job),
        Credential::Token(own) => own == job && append_token::SCOPES.contains(&scope),
    }
}

/// Recognises credentials. There is one in a process; the readers' gate asks it about keys as well.
pub struct WriteGate {
    /// The keys that are accepted now.
    pub keys: Arc<KeyRing>,
    /// Makes and checks append tokens.
    pub tokens: TokenSigner,
    /// Refused credentials, by address.
    pub(crate) failures: Failures,
}

/// Shows no secret.
impl fmt::Debug for WriteGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteGate").finish_non_exhaustive()
    }
}

impl WriteGate {
    /// A gate for these keys.
    #[must_use]
    pub fn new(keys: Arc<KeyRing>, tokens: TokenSigner) -> Self {
        Self {
            keys,
            tokens,
            failures: Failures::default(),
        }
    }

    /// Lets a request in that may do something to its job. The order of the checks is fixed: who is it (401), is the job
    /// id one (422), may they (403).
    ///
    /// # Errors
    /// The request may not. Beyond a number of unknown credentials from one address: 429. A valid one is never refused
    /// because of others.
    pub(crate) fn enter(
        &self,
        request: &HttpRequest,
        scope: Scope,
    ) -> Result<(Credential, JobId), ApiError> {
        let text = bearer(request)?.ok_or(ApiError::Unauthenticated {
            reason: "key-missing",
        })?;
        let credential = self.recognise(text, address(request))?;
        let job = job_id(request)?;
        if may(&credential, scope, &job) {
            Ok((credential, job))
        } else {
            Err(ApiError::ScopeMissing {
                scope: scope.as_str(),
            })
        }
    }

    /// The credential of a text.
    pub(crate) fn recognise(
        &self,
        text: &str,
        from: Option<IpAddr>,
    ) -> Result<Credential, ApiError> {
        let now = Timestamp::now();
        let found = if text.starts_with(append_token::PREFIX) {
            self.tokens.check(text, now).map(Credential::Token)
        } else if text.starts_with(api_key::PREFIX) {
            self.keys.find(text, now).map(Credential::Key)
        } else {
            Err("key-malformed")
        };
        found.map_err(|reason| {
            if self.failures.count(from) {
                ApiError::Unauthenticated { reason }
            } else {
                ApiError::Code(ErrorCode::TooManyFailures)
            }
        })
    }
}

/// Whether a text is a key or an append token, and not a session token.
pub(super) fn is_ours(text: &str) -> bool {
    text.starts_with(api_key::PREFIX) || text.starts_with(append_token::PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(text: &str) -> JobId {
        text.parse().unwrap()
    }

    #[test]
    fn a_token_appends_to_its_job_and_changes_its_status_and_does_nothing_else() {
        let token = Credential::Token(job("a"));
        for scope in Scope::ALL {
            let expected = matches!(scope, Scope::LogsAppend | Scope::JobsStatus);
            assert_eq!(may(&token, scope, &job("a")), expected, "{scope}");
            assert!(!may(&token, scope, &job("b")), "{scope}");
        }
    }

    #[test]
    fn a_key_does_what_its_scopes_say() {
        let entry = format!("ci:jobs:create:{}:prefix=a", "0a".repeat(32));
        let key = Credential::Key(Arc::new(entry.parse().unwrap()));
        assert!(may(&key, Scope::JobsCreate, &job("a1")));
        assert!(!may(&key, Scope::JobsCreate, &job("b1")));
        assert!(!may(&key, Scope::LogsRead, &job("a1")));
        assert_eq!(key.name(), "ci");
    }
}
