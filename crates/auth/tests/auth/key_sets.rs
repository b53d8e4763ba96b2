//! Case 52: each key of a set is checked by itself.

use std::sync::Arc;

use auth::{KeyId, KeySet, KeySetError, MAX_KEYS, StaticKeys};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::*;
use crate::vectors::*;

fn set(members: &[Value]) -> Result<KeySet, KeySetError> {
    KeySet::from_jwks(json!({ "keys": members }).to_string().as_bytes())
}

/// A good key with another id.
fn named(id: &str) -> Value {
    with(INSTANCE_WITH_NEW_KEY.jwk(), "kid", id)
}

/// An odd number with this many bits, encoded as a member `n`.
fn modulus(bits: usize) -> String {
    let mut bytes = vec![0xff; bits.div_ceil(8)];
    bytes[0] = 0xff >> (bytes.len() * 8 - bits);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Keys that must be left out, and what is wrong with each.
fn unusable() -> Vec<(&'static str, Value)> {
    let good = || named("ins_unusable");
    vec![
        (
            "the broken key of Clerk's own `jwks.json`",
            json!({
                "use": "sig", "kty": "RSA", "kid": "ins_1234", "alg": "RS256",
                "n": BROKEN_MODULUS, "e": "BQGF",
            }),
        ),
        ("null", json!(null)),
        ("text", json!("key")),
        ("empty", json!({})),
        (
            "symmetric",
            json!({ "kty": "oct", "kid": "ins_unusable", "k": "c2VjcmV0" }),
        ),
        (
            "symmetric, with the members of RSA",
            with(good(), "kty", "oct"),
        ),
        ("1024 bits", with(good(), "n", modulus(1024))),
        ("2047 bits", with(good(), "n", modulus(2047))),
        ("8193 bits", with(good(), "n", modulus(8193))),
        (
            "an even modulus",
            with(good(), "n", URL_SAFE_NO_PAD.encode([0xfe; 256])),
        ),
        ("no modulus", without(good(), "n")),
        ("a number as modulus", with(good(), "n", 7)),
        (
            "padding",
            with(good(), "n", format!("{MOCK_RSA_MODULUS}==")),
        ),
        ("exponent 1", with(good(), "e", "AQ")),
        ("exponent 2", with(good(), "e", "Ag")),
        ("exponent 0", with(good(), "e", "AA")),
        ("no exponent", with(good(), "e", "")),
        ("an exponent of 34 bits", with(good(), "e", modulus(34))),
        ("for encryption", with(good(), "use", "enc")),
        ("a use that is not a text", with(good(), "use", json!(null))),
        ("for signing only", with(good(), "key_ops", json!(["sign"]))),
        (
            "operations that are not a list",
            with(good(), "key_ops", "verify"),
        ),
        ("for RS512", with(good(), "alg", "RS512")),
        ("for PS256", with(good(), "alg", "PS256")),
        (
            "an algorithm that is not a text",
            with(good(), "alg", json!(["RS256"])),
        ),
        ("no id", without(good(), "kid")),
        ("an invalid id", with(good(), "kid", "../x")),
        (
            "an id that is too long",
            with(good(), "kid", "a".repeat(129)),
        ),
    ]
}

/// Case 52.
#[test]
fn only_the_good_key_among_broken_ones_is_used() {
    let mut members: Vec<_> = unusable().into_iter().map(|(_, member)| member).collect();
    members.insert(members.len() / 2, INSTANCE.jwk());
    let keys = set(&members).unwrap();
    assert_eq!((keys.usable(), keys.left_out()), (1, members.len() - 1));
    assert!(keys.get(&KeyId::parse(KEY_ID).unwrap()).is_some());

    let jwks = json!({ "keys": members }).to_string();
    let keys = Arc::new(StaticKeys::from_jwks(&jwks).unwrap());
    let verifier = builder(keys).build().unwrap();
    assert_eq!(at_once(verification_result(&verifier, &good_token())), "ok");
}

/// Case 52, for each key alone.
#[test]
fn each_unusable_key_leaves_a_set_without_keys() {
    for (what, member) in unusable() {
        assert_eq!(
            set(&[member]).unwrap_err(),
            KeySetError::NoUsableKey,
            "{what}"
        );
    }
    for (what, member) in [
        (
            "no use, algorithm or operations",
            without(without(named("a"), "use"), "alg"),
        ),
        (
            "operations with verify",
            with(named("a"), "key_ops", json!(["sign", "verify"])),
        ),
        ("unknown members", with(named("a"), "x5c", "MIIB")),
        ("8192 bits", with(named("a"), "n", modulus(8192))),
        (
            "a leading zero",
            with(named("a"), "e", URL_SAFE_NO_PAD.encode([0, 1, 0, 1])),
        ),
    ] {
        assert_eq!(set(&[member]).unwrap().usable(), 1, "{what}");
    }
}

/// Case 52.
#[test]
fn two_keys_with_one_id_are_both_left_out() {
    let twice = [INSTANCE.jwk(), named(KEY_ID), named("ins_single")];
    let keys = set(&twice).unwrap();
    assert_eq!((keys.usable(), keys.left_out()), (1, 2));
    assert!(keys.get(&KeyId::parse(KEY_ID).unwrap()).is_none());
    // A third key with that id does not restore the first. The same key twice is left out as well.
    let thrice = [INSTANCE.jwk(), INSTANCE.jwk(), named(KEY_ID)];
    assert_eq!(set(&thrice).unwrap_err(), KeySetError::NoUsableKey);
    // A broken key with the same id is ignored.
    let broken = with(named(KEY_ID), "use", "enc");
    assert_eq!(set(&[INSTANCE.jwk(), broken]).unwrap().usable(), 1);
}

#[test]
fn a_malformed_set_is_refused() {
    for text in [
        "",
        "null",
        "[null]",
        "{}",
        r#"{"keys":null}"#,
        r#"{"keys":{}}"#,
        "<html>",
        "{",
    ] {
        assert_eq!(
            KeySet::from_jwks(text.as_bytes()).unwrap_err(),
            KeySetError::Shape,
            "{text}"
        );
    }
    assert_eq!(set(&[]).unwrap_err(), KeySetError::NoUsableKey);
    let many: Vec<_> = (0..=MAX_KEYS).map(|n| named(&format!("ins_{n}"))).collect();
    assert_eq!(set(&many).unwrap_err(), KeySetError::TooMany);
    assert_eq!(set(&many[..MAX_KEYS]).unwrap().usable(), MAX_KEYS);
}
