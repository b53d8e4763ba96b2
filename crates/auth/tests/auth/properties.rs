//! Any input gets an answer, and random input never gets a session.

use std::sync::LazyLock;

use auth::{KeyId, KeySet, PublishableKey, Verifier, VerifyingKey, bearer};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

use crate::support::*;

static VERIFIER: LazyLock<Verifier> = LazyLock::new(verifier);
static GOOD: LazyLock<String> = LazyLock::new(good_token);

/// Text that is almost JSON, which gets far into a parser.
fn nearly_json() -> impl Strategy<Value = String> {
    let names = [
        "alg", "kid", "typ", "cat", "exp", "iat", "nbf", "iss", "sub", "sid", "azp", "o",
    ];
    let words = [
        "RS256", "JWT", "user_a", "sess_a", "mch_a", "pending", "\\u0000", "\\ud800",
    ];
    let leaf = prop_oneof![
        any::<u64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        proptest::sample::select(words.to_vec()).prop_map(|word| format!("\"{word}\"")),
        Just("null".to_owned()),
        Just("{".to_owned()),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        let member = (proptest::sample::select(names.to_vec()), inner.clone())
            .prop_map(|(name, value)| format!("\"{name}\":{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..8).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..8)
                .prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_as_a_token_gets_an_answer(text in "\\PC*") {
        prop_assert!(at_once(VERIFIER.verify(&text)).is_err());
    }

    #[test]
    fn any_bytes_in_three_segments_get_an_answer(
        parts in prop::array::uniform3(prop::collection::vec(any::<u8>(), 0..512))
    ) {
        let token = parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        prop_assert!(at_once(VERIFIER.verify(&token)).is_err());
    }

    #[test]
    fn any_signed_claims_get_an_answer_and_no_session(payload in nearly_json()) {
        let token = raw_token(&header().to_string(), &payload);
        prop_assert!(at_once(VERIFIER.verify(&token)).is_err());
    }

    #[test]
    fn any_header_gets_an_answer_and_no_session(header in nearly_json()) {
        let token = raw_token(&header, &claims().to_string());
        prop_assert!(at_once(VERIFIER.verify(&token)).is_err());
    }

    #[test]
    fn a_token_with_one_byte_changed_is_refused(
        position in any::<prop::sample::Index>(),
        byte in 0_u8..128,
    ) {
        let mut bytes = GOOD.as_bytes().to_vec();
        let position = position.index(bytes.len());
        prop_assume!(bytes[position] != byte);
        bytes[position] = byte;
        let token = String::from_utf8(bytes).unwrap();
        prop_assert!(at_once(VERIFIER.verify(&token)).is_err());
    }

    #[test]
    fn any_header_values_give_one_of_their_tokens_or_a_rejection(
        values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..3)
    ) {
        if let Ok(token) = bearer(values.iter().map(Vec::as_slice)) {
            prop_assert_eq!(values.len(), 1);
            let value = String::from_utf8_lossy(&values[0]).into_owned();
            prop_assert!(value.trim_end_matches([' ', '\t']).ends_with(token));
            prop_assert!(!token.contains(char::is_whitespace));
        }
    }

    #[test]
    fn any_settings_parse_or_not(text in "\\PC*", bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let _ = PublishableKey::parse(&text);
        let _ = PublishableKey::parse(&format!("pk_test_{}", URL_SAFE_NO_PAD.encode(&bytes)));
        let _ = VerifyingKey::from_pem(&text);
        let _ = VerifyingKey::from_pem(&base64::engine::general_purpose::STANDARD.encode(&bytes));
        prop_assert_eq!(KeyId::parse(&text).is_ok(), (1..=128).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-'));
        prop_assert!(KeySet::from_jwks(&bytes).is_err());
        let set = format!("{{\"keys\":{text}}}");
        prop_assert!(KeySet::from_jwks(set.as_bytes()).is_err());
    }

    #[test]
    fn any_host_that_is_accepted_is_a_plain_name(host in "[a-z0-9.@:/?#$-]{0,40}") {
        let key = format!("pk_live_{}", base64::engine::general_purpose::STANDARD.encode(format!("{host}$")));
        if let Ok(key) = PublishableKey::parse(&key) {
            prop_assert_eq!(key.frontend_host(), &host);
            prop_assert!(host.contains('.'));
            prop_assert!(!host.contains(['@', ':', '/', '?', '#', '$']));
        }
    }
}
