//! Group A: tokens that are accepted.

use std::sync::Arc;

use auth::{KeySource, StaticKeys, Verifier};
use serde_json::{Value, json};

use crate::support::*;
use crate::vectors::*;

fn mock_keys() -> Arc<dyn KeySource> {
    let jwks = json!({ "keys": [{
        "use": "sig", "kty": "RSA", "kid": KEY_ID, "alg": "RS256", "n": MOCK_RSA_MODULUS, "e": "AQAB",
    }] });
    Arc::new(StaticKeys::from_jwks(&jwks.to_string()).unwrap())
}

fn pem_verifier(pem: &str) -> Verifier {
    let keys = StaticKeys::from_pem(pem).unwrap();
    builder(Arc::new(keys)).build().unwrap()
}

/// Case 1.
#[tokio::test]
async fn the_public_vector_gives_its_user_and_session() {
    let verifier = builder(mock_keys()).build().unwrap();
    let session = verifier.verify(MOCK_JWT).await.unwrap();
    assert_eq!(session.user_id(), USER_ID);
    assert_eq!(session.session_id(), SESSION_ID);
    assert_eq!(session.issuer(), ISSUER);
    assert_eq!(session.authorized_party(), Some(ORIGIN));
    assert_eq!(session.issued_at(), 1_666_648_250);
    assert_eq!(session.expires_at(), 1_666_648_310);
    assert_eq!(session.claims_assembled_at(), None);
    assert!(!session.is_pending());
}

/// Case 2.
#[tokio::test]
async fn a_pem_verifies_in_every_layout_without_network() {
    let one_line = PUBLIC_PEM.replace('\n', "");
    let escaped = format!("{}\\n", PUBLIC_PEM.replace('\n', "\\n"));
    let windows = PUBLIC_PEM.replace('\n', "\r\n");
    let bare: String = PUBLIC_PEM
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let padded = format!("  {bare}\n");
    for pem in [PUBLIC_PEM, &one_line, &escaped, &windows, &bare, &padded] {
        assert_eq!(
            at_once(verification_result(&pem_verifier(pem), SIGNED_JWT)),
            "ok",
            "{pem}"
        );
    }
    // A valid PEM of another key.
    assert_eq!(
        at_once(verification_result(&pem_verifier(BARE_PEM), SIGNED_JWT)),
        "token-invalid-signature"
    );
}

/// Case 2: a PEM does not contain an id.
#[tokio::test]
async fn a_pem_is_used_for_every_key_id() {
    let verifier = pem_verifier(&INSTANCE.public_pem().unwrap());
    let other_id = with(header(), "kid", "ins_other");
    assert_eq!(
        verification_result(&verifier, &token(&other_id, &claims())).await,
        "ok"
    );
}

/// Case 3.
#[tokio::test]
async fn a_header_without_typ_or_with_unknown_members_is_accepted() {
    let verifier = verifier();
    let untyped = token(&without(header(), "typ"), &claims());
    assert_eq!(verification_result(&verifier, &untyped).await, "ok");
    let extended = with(with(header(), "oiat", T - 9), "foo", json!({ "bar": [1] }));
    let session = verifier.verify(&token(&extended, &claims())).await.unwrap();
    assert_eq!(session.claims_assembled_at(), Some(T - 9));
}

/// Case 4.
#[tokio::test]
async fn the_categories_of_session_tokens_are_accepted() {
    for category in ["cl_B7d4PD111AAA", "cl_I7d4PD111III"] {
        let token = token(&with(header(), "cat", category), &claims());
        assert_eq!(
            verification_result(&verifier(), &token).await,
            "ok",
            "{category}"
        );
    }
    assert_eq!(verification_result(&verifier(), &good_token()).await, "ok");
}

/// Case 5.
#[tokio::test]
async fn custom_claims_and_an_unchecked_audience_are_accepted() {
    let custom: [(&str, Value); 4] = [
        ("aud", json!("x")),
        ("aud", json!([1, {}])),
        ("role", json!({ "nested": [null, -1, 0.5, true, "ü"] })),
        ("fva", json!([0, -1])),
    ];
    for (name, value) in custom {
        assert_eq!(
            verification_result(&verifier(), &token_with(name, value)).await,
            "ok",
            "{name}"
        );
    }
}

/// Case 6.
#[tokio::test]
async fn the_clock_may_be_five_seconds_off_either_way() {
    let clock = FixedClock::at(T);
    let verifier = builder(mock_keys()).clock(clock.clone()).build().unwrap();
    for (now, expected) in [
        (1_666_648_244, "token-iat-in-the-future"),
        (1_666_648_245, "ok"),
        (1_666_648_314, "ok"),
        (1_666_648_315, "token-expired"),
    ] {
        clock.set(now);
        assert_eq!(
            verification_result(&verifier, MOCK_JWT).await,
            expected,
            "at {now}"
        );
    }
}

#[tokio::test]
async fn a_minted_session_token_is_accepted() {
    let clock = FixedClock::at(T);
    let verifier = verifier_with(|builder| builder.clock(clock.clone()));
    let now = auth::Clock::now(&*clock);
    let token = INSTANCE
        .session_token(USER_ID, ORIGIN, now, std::time::Duration::from_secs(60))
        .unwrap();
    let session = verifier.verify(&token).await.unwrap();
    assert_eq!(session.user_id(), USER_ID);
    assert_eq!((session.issued_at(), session.expires_at()), (T, T + 60));
}
