//! What a verifier demands of the claims of a token.

use std::time::Duration;

/// What a verified token must say. [`VerifierBuilder`](crate::VerifierBuilder) makes it.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) issuers: Vec<String>,
    pub(crate) authorized_parties: Vec<String>,
    /// If empty, `aud` is not checked.
    pub(crate) audiences: Vec<String>,
    pub(crate) clock_skew: Duration,
    pub(crate) max_lifetime: Duration,
    pub(crate) allow_missing_azp: bool,
    pub(crate) accept_pending: bool,
}
