//! The names, statuses and challenges of rejections, and what `Debug` output never shows.

use std::time::Duration;

use auth::{Rejection, RejectionKind};

use crate::support::*;
use crate::vectors::*;

#[test]
fn every_rejection_has_its_own_name_and_most_are_401() {
    for (rejection, reason) in [
        (Rejection::TokenTooLarge, "token-too-large"),
        (Rejection::TokenInvalid, "token-invalid"),
        (Rejection::InvalidAlgorithm, "token-invalid-algorithm"),
        (Rejection::TypeMismatch, "token-type-mismatch"),
        (Rejection::KeyMismatch, "jwk-kid-mismatch"),
        (Rejection::InvalidSignature, "token-invalid-signature"),
        (Rejection::VerificationFailed, "token-verification-failed"),
        (Rejection::InvalidIssuer, "token-invalid-issuer"),
        (
            Rejection::MissingAuthorizedParty,
            "token-missing-authorized-party",
        ),
        (
            Rejection::InvalidAuthorizedParties,
            "token-invalid-authorized-parties",
        ),
        (Rejection::Expired, "token-expired"),
        (Rejection::NotActiveYet, "token-not-active-yet"),
        (Rejection::IssuedInTheFuture, "token-iat-in-the-future"),
        (Rejection::SessionPending, "session-pending"),
        (Rejection::SessionRevoked, "session-revoked"),
    ] {
        assert_eq!(rejection.reason(), reason);
        assert_eq!(rejection.kind(), RejectionKind::Unauthenticated, "{reason}");
        assert_eq!(rejection.kind().status(), 401);
        assert_eq!(
            rejection.challenge(),
            Some(r#"Bearer error="invalid_token""#)
        );
    }
}

#[test]
fn an_outage_of_the_keys_is_503_without_a_challenge() {
    let retry_after = Duration::from_secs(7);
    let rejection = Rejection::KeysUnavailable { retry_after };
    assert_eq!(rejection.reason(), "jwk-remote-failed-to-load");
    assert_eq!(rejection.kind(), RejectionKind::Unavailable { retry_after });
    assert_eq!(rejection.kind().status(), 503);
    assert_eq!(rejection.challenge(), None);
}

#[tokio::test]
async fn debug_output_shows_no_token_claim_or_key_id() {
    let verifier = verifier();
    let session = verifier.verify(&good_token()).await.unwrap();
    let key_id = auth::KeyId::parse(KEY_ID).unwrap();
    let key = auth::VerifyingKey::from_pem(PUBLIC_PEM).unwrap();
    let keys = auth::KeySet::from_jwks(INSTANCE.jwks_json().as_bytes()).unwrap();
    assert_eq!(format!("{session:?}"), "Session { .. }");
    assert_eq!(format!("{key_id:?}"), "KeyId(..)");
    assert_eq!(format!("{key:?}"), "VerifyingKey(..)");
    assert_eq!(format!("{keys:?}"), "KeySet { usable: 1, left_out: 0 }");
    assert!(!format!("{verifier:?}").contains(KEY_ID));
}
