//! Group D: the signature, and the claims of a token with a right signature.

use std::sync::Arc;
use std::time::Duration;

use auth::{Rejection, StaticKeys};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::*;
use crate::vectors::*;

#[track_caller]
fn check(token: &str, expected: &str) {
    assert_eq!(
        at_once(verification_result(&verifier(), token)),
        expected,
        "{token}"
    );
}

/// Checks that each of these values of a claim is refused for this reason.
#[track_caller]
fn refused(claim: &str, values: impl IntoIterator<Item = Value>, expected: &str) {
    for value in values {
        let token = token_with(claim, value.clone());
        let outcome = at_once(verification_result(&verifier(), &token));
        assert_eq!(outcome, expected, "{claim}: {value}");
    }
}

/// Case 26.
#[test]
fn vectors_with_a_borrowed_signature_are_refused() {
    let jwks = json!({ "keys": [{
        "kty": "RSA", "kid": KEY_ID, "n": MOCK_RSA_MODULUS, "e": "AQAB",
    }] });
    let keys = StaticKeys::from_jwks(&jwks.to_string()).unwrap();
    let verifier = builder(Arc::new(keys)).build().unwrap();
    for token in [INVALID_SIGNATURE_JWT, MALFORMED_JWT] {
        assert_eq!(
            at_once(verification_result(&verifier, token)),
            "token-invalid-signature"
        );
    }
    assert_eq!(at_once(verification_result(&verifier, MOCK_JWT)), "ok");
}

/// Case 27.
#[test]
fn the_signature_of_another_key_is_refused() {
    let other = StaticKeys::from_pem(OTHER_PUBLIC_PEM).unwrap();
    let verifier = builder(Arc::new(other)).build().unwrap();
    assert_eq!(
        at_once(verification_result(&verifier, MOCK_JWT)),
        "token-invalid-signature"
    );
    let forged = INSTANCE_WITH_NEW_KEY.sign(&header().to_string(), &claims().to_string());
    check(&forged.unwrap(), "token-invalid-signature");
}

/// Case 28.
#[test]
fn claims_are_not_reported_before_the_signature_is_verified() {
    let wrong = [
        with(claims(), "exp", T - 100),
        with(claims(), "nbf", T + 100),
        with(claims(), "iat", T + 100),
        with(claims(), "iss", "https://clerk.evil.com"),
        with(claims(), "azp", "https://evil.example"),
        with(claims(), "sub", "org_x"),
        with(claims(), "sts", "pending"),
        without(claims(), "sid"),
        json!({}),
        json!([]),
        json!("x"),
    ];
    for claims in wrong {
        check(
            &unsigned_token(&header(), &claims),
            "token-invalid-signature",
        );
    }
    // Nor is it reported that the payload is not JSON, or has a duplicate key.
    for claims in ["x", r#"{"sub":"user_a","sub":"user_b"}"#] {
        let forged = INSTANCE_WITH_NEW_KEY.sign(&header().to_string(), claims);
        check(&forged.unwrap(), "token-invalid-signature");
    }
}

/// Case 29.
#[test]
fn one_changed_bit_is_refused() {
    let good = good_token();
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = head.split_once('.').unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(payload).unwrap();
    for position in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 1;
        let payload = URL_SAFE_NO_PAD.encode(changed);
        check(
            &format!("{header}.{payload}.{signature}"),
            "token-invalid-signature",
        );
    }
    // 256 bytes are 341⅓ characters of base64, so four bits of the last character are unused.
    let (start, last) = signature.split_at(signature.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let value = alphabet.find(last).unwrap();
    let other = alphabet.chars().nth(value + 1).unwrap();
    check(&format!("{head}.{start}{other}"), "token-invalid");
    // A signature of another length is wrong.
    let short = URL_SAFE_NO_PAD.encode([7; 255]);
    check(&format!("{head}.{short}"), "token-invalid-signature");
}

/// Case 30. The public vector `mockExpiredJwt` was not available, so the test signs such a token
/// itself: it expires before it becomes active, and `exp` is checked first.
#[test]
fn expiry_is_checked_before_activity() {
    check_over_time(
        |builder| builder,
        &token_with("exp", 1_666_648_200_u64),
        &[
            (T, "token-expired"),
            (1_666_648_205, "token-expired"),
            (1_666_648_204, "token-not-active-yet"),
            (1_666_648_200, "token-not-active-yet"),
        ],
    );
}

/// Case 31.
#[test]
fn exp_is_a_whole_number_from_zero() {
    let failed = "token-verification-failed";
    let text = json!((T + 55).to_string());
    let float = json!(1_666_648_310.0);
    refused(
        "exp",
        [text, json!(null), json!(-1), json!(1e30), float, json!([])],
        failed,
    );
    check(&token_without("exp"), failed);
    refused("exp", [json!(u64::MAX)], failed);
    refused("exp", [json!(0)], "token-expired");
}

/// Case 32.
#[test]
fn nbf_and_iat_are_required_whole_numbers() {
    let failed = "token-verification-failed";
    for claim in ["nbf", "iat"] {
        refused(
            claim,
            [json!("1"), json!(null), json!(-1), json!(0.5)],
            failed,
        );
        check(&token_without(claim), failed);
    }
    refused(
        "nbf",
        [json!(T + 6), json!(u64::MAX)],
        "token-not-active-yet",
    );
    refused(
        "iat",
        [json!(T + 6), json!(u64::MAX)],
        "token-iat-in-the-future",
    );
}

/// Case 33.
#[tokio::test]
async fn a_template_token_that_lives_for_years_is_refused() {
    let failed = "token-verification-failed";
    let ten_years = 10 * 365 * 24 * 60 * 60;
    let issued = T - 5;
    refused(
        "exp",
        [json!(issued + ten_years), json!(issued + 601)],
        failed,
    );
    check(&token_with("exp", issued + 600), "ok");
    // A token that ends when it begins, or before, is refused too. The skew alone would accept it.
    for expires_at in [T + 2, T + 3] {
        let backwards = with(with(claims(), "exp", expires_at), "iat", T + 3);
        check(&token(&header(), &backwards), failed);
    }
    let shortest = with(with(claims(), "exp", T + 4), "iat", T + 3);
    check(&token(&header(), &shortest), "ok");
    let long = verifier_with(|builder| builder.max_lifetime(Duration::from_secs(3600)));
    assert_eq!(
        verification_result(&long, &token_with("exp", issued + 3600)).await,
        "ok"
    );
    assert_eq!(
        verification_result(&long, &token_with("exp", issued + 3601)).await,
        failed
    );
}

/// Case 34. `startup` tests the settings that are refused.
#[test]
fn without_skew_a_token_ends_at_its_expiry() {
    check_over_time(
        |builder| builder.clock_skew_secs(0.0),
        &good_token(),
        &[
            (T + 54, "ok"),
            (T + 55, "token-expired"),
            (T - 5, "ok"),
            (T - 6, "token-iat-in-the-future"),
        ],
    );
}

/// Case 35.
#[test]
fn the_issuer_is_exactly_one_of_ours() {
    let foreign = "token-invalid-issuer";
    refused(
        "iss",
        [
            json!("https://clerk.evil.com"),
            json!(format!("{ISSUER}/")),
            json!(format!("{ISSUER}.evil.com")),
            json!(ISSUER.to_uppercase()),
            json!(ISSUER.replace("https", "http")),
            json!(""),
            json!(42),
            json!(null),
            json!([ISSUER]),
        ],
        foreign,
    );
    check(&token_without("iss"), foreign);
    let several = verifier_with(|builder| builder.issuers(["https://clerk.satellite.com"]));
    for issuer in [ISSUER, "https://clerk.satellite.com"] {
        assert_eq!(
            at_once(verification_result(&several, &token_with("iss", issuer))),
            "ok"
        );
    }
}

/// Case 36.
#[test]
fn the_authorized_party_is_exactly_one_of_ours() {
    let foreign = "token-invalid-authorized-parties";
    refused(
        "azp",
        [
            json!(""),
            json!("https://evil.example"),
            json!(ORIGIN.to_uppercase()),
            json!(&ORIGIN[..ORIGIN.len() - 1]),
            json!(format!("{ORIGIN}.evil.example")),
            json!(format!("{ORIGIN}/")),
            json!([ORIGIN]),
            json!(null),
            json!(42),
        ],
        foreign,
    );
    check(&token_without("azp"), "token-missing-authorized-party");
}

/// Case 37. `credentials` tests that this never applies to cookies.
#[tokio::test]
async fn a_missing_authorized_party_is_accepted_only_if_that_is_allowed() {
    let lenient = verifier_with(|builder| builder.allow_missing_azp(true));
    let session = lenient.verify(&token_without("azp")).await.unwrap();
    assert_eq!(session.authorized_party(), None);
    for wrong in [json!(""), json!(null), json!("https://evil.example")] {
        let outcome = verification_result(&lenient, &token_with("azp", wrong)).await;
        assert_eq!(outcome, "token-invalid-authorized-parties");
    }
}

/// Case 38.
#[test]
fn the_subject_is_a_user() {
    let failed = "token-verification-failed";
    let long = format!("user_{}", "a".repeat(124));
    refused(
        "sub",
        [
            json!(""),
            json!(42),
            json!(null),
            json!("org_x"),
            json!("user_"),
            json!("User_a"),
            json!("user_a\n"),
            json!("user_ü"),
            json!(long),
        ],
        failed,
    );
    check(&token_without("sub"), failed);
}

/// Case 39.
#[test]
fn a_token_without_a_session_is_of_another_class() {
    let mismatch = "token-type-mismatch";
    refused(
        "sid",
        [json!(""), json!(42), json!(null), json!("sess a")],
        mismatch,
    );
    check(&token_without("sid"), mismatch);
}

/// Case 40.
#[tokio::test]
async fn a_pending_session_is_refused_unless_accepted_and_flagged() {
    let pending = token_with("sts", "pending");
    check(&pending, "session-pending");
    check(&token_with("sts", "active"), "ok");
    let failed = "token-verification-failed";
    refused(
        "sts",
        [json!("Pending"), json!("ended"), json!(1), json!(null)],
        failed,
    );
    let lenient = verifier_with(|builder| builder.accept_pending(true));
    assert!(lenient.verify(&pending).await.unwrap().is_pending());
    assert!(!lenient.verify(&good_token()).await.unwrap().is_pending());
}

/// Case 41.
#[test]
fn a_signed_payload_that_is_not_an_object_is_invalid() {
    let array = json!([T + 55, T - 15, "s", ISSUER, null]).to_string();
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for payload in [
        &array, "null", "42", r#""x""#, "x", "{}x", &deep, r#"{"a":"#,
    ] {
        check(&raw_token(&header().to_string(), payload), "token-invalid");
    }
}

/// Case 42.
#[test]
fn a_claim_that_occurs_twice_is_invalid() {
    let claims = claims().to_string();
    let inner = claims.trim_start_matches('{');
    for twice in [
        format!(r#""azp":"{ORIGIN}""#),
        format!(r#""sid":"{SESSION_ID}""#),
        format!(r#""sub":"{USER_ID}""#),
        r#""sub":"user_other""#.into(),
        r#""\u0073ub":"user_other""#.into(),
        format!(r#""exp":{}"#, T + 55),
        r#""o":{"id":"org_1"},"o":{"id":"org_2"}"#.into(),
        r#""o":{"id":"org_1","id":"org_2"}"#.into(),
        r#""custom":[{"a":1,"a":1}]"#.into(),
    ] {
        let payload = format!("{{{twice},{inner}");
        check(&raw_token(&header().to_string(), &payload), "token-invalid");
    }
}

/// Case 43.
#[tokio::test]
async fn configured_audiences_must_be_met() {
    let verifier = verifier_with(|builder| builder.audiences(["builds", "logs"]));
    let failed = "token-verification-failed";
    assert_eq!(verification_result(&verifier, &good_token()).await, failed);
    for (audience, expected) in [
        (json!("builds"), "ok"),
        (json!("logs"), "ok"),
        (json!(["other", "logs"]), "ok"),
        (json!("other"), failed),
        (json!("Builds"), failed),
        (json!(["other"]), failed),
        (json!([]), failed),
        (json!(42), failed),
        (json!(null), failed),
        (json!(["builds", 42]), failed),
        (json!({ "builds": true }), failed),
    ] {
        let token = token_with("aud", audience.clone());
        assert_eq!(
            verification_result(&verifier, &token).await,
            expected,
            "{audience}"
        );
    }
}

#[test]
fn the_first_broken_rule_is_the_answer() {
    // Everything is wrong at first. Each step corrects one claim, in the order of the checks.
    let mut claims = json!({
        "exp": "x", "nbf": T + 100, "iat": T + 100, "iss": "x", "sub": "x", "azp": "x", "sts": "x",
    });
    let steps: [(&str, Value, &str); 10] = [
        ("exp", json!(T - 100), "token-verification-failed"),
        ("iss", json!(ISSUER), "token-invalid-issuer"),
        ("sub", json!(USER_ID), "token-verification-failed"),
        ("sid", json!(SESSION_ID), "token-type-mismatch"),
        ("azp", json!(ORIGIN), "token-invalid-authorized-parties"),
        ("exp", json!(T + 5000), "token-expired"),
        ("nbf", json!(T), "token-not-active-yet"),
        ("iat", json!(T), "token-iat-in-the-future"),
        ("exp", json!(T + 60), "token-verification-failed"),
        ("sts", json!("active"), "token-verification-failed"),
    ];
    for (claim, repaired, reason) in steps {
        check(&token(&header(), &claims), reason);
        claims = with(claims, claim, repaired);
    }
    check(&token(&header(), &claims), "ok");
}

#[test]
fn an_unknown_key_is_refused() {
    let foreign = OTHER_INSTANCE.sign(
        &with(header(), "kid", OTHER_INSTANCE.key_id()).to_string(),
        &claims().to_string(),
    );
    let rejection = at_once(verifier().verify(&foreign.unwrap())).unwrap_err();
    assert_eq!(rejection, Rejection::KeyMismatch);
}
