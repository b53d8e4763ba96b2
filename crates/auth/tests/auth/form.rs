//! Group C: form, class and algorithm. No test here may ask for a key: that would need the network
//! or cryptography.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::support::*;
use crate::vectors::*;

/// Checks that tokens are refused for this reason, and that no key was asked for.
#[track_caller]
fn refused_without_a_key(tokens: impl IntoIterator<Item = String>, expected: &str) {
    let keys = CountingKeys::new();
    let verifier = builder(keys.clone()).build().unwrap();
    for token in tokens {
        assert_eq!(
            at_once(verification_result(&verifier, &token)),
            expected,
            "{token}"
        );
    }
    assert_eq!(keys.asked(), 0);
}

fn with_header(name: &str, value: impl Into<Value>) -> String {
    token(&with(header(), name, value), &claims())
}

/// Case 15.
#[test]
fn a_token_of_more_than_8_kib_is_too_large() {
    refused_without_a_key(["a".repeat(8193), "é".repeat(4097)], "token-too-large");
    refused_without_a_key(["a".repeat(8192)], "token-invalid");
    let large = token_with("custom", "x".repeat(5500));
    assert!((8000..=8192).contains(&large.len()), "{}", large.len());
    assert_eq!(at_once(verification_result(&verifier(), &large)), "ok");
    let larger = token_with("custom", "x".repeat(5800));
    refused_without_a_key([larger], "token-too-large");
}

/// Case 16.
#[test]
fn a_token_that_is_not_three_segments_of_strict_base64url_is_invalid() {
    let good = good_token();
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = head.split_once('.').unwrap();
    refused_without_a_key(
        [
            String::new(),
            "a".into(),
            "a.b".into(),
            "..".into(),
            "...".into(),
            head.into(),
            format!("{good}."),
            format!("{good}.{signature}"),
            format!(".{payload}.{signature}"),
            format!("{header}..{signature}"),
            format!("{head}."),
            format!("{good}=="),
            format!("{header}=.{payload}.{signature}"),
            format!(" {good}"),
            format!("{good}\n"),
            format!("{header} .{payload}.{signature}"),
            format!("{header}.{payload}+.{signature}"),
            format!("{header}.{payload}/.{signature}"),
            format!("{header}.{payload}é.{signature}"),
            format!("{head}.{signature}\0"),
        ],
        "token-invalid",
    );
}

/// Case 16.
#[test]
fn a_header_that_is_not_a_json_object_is_invalid() {
    let header = header().to_string();
    refused_without_a_key(
        [
            "[]".to_owned(),
            "null".to_owned(),
            r#""RS256""#.to_owned(),
            "alg: RS256".to_owned(),
            format!("[{header}]"),
            format!("{header}{{}}"),
            format!("{header} x"),
            header.replace('}', ",}"),
            String::from_utf8_lossy(header.as_bytes()).replace("JWT", "\u{0}"),
        ]
        .map(|header| raw_token(&header, &claims().to_string())),
        "token-invalid",
    );
    let not_utf8 = [
        URL_SAFE_NO_PAD.encode(b"{\"alg\":\"RS256\",\"x\":\"\xff\"}"),
        URL_SAFE_NO_PAD.encode(claims().to_string()),
        URL_SAFE_NO_PAD.encode([7; 256]),
    ];
    refused_without_a_key([not_utf8.join(".")], "token-invalid");
}

/// Case 17.
#[test]
fn only_the_exact_text_rs256_is_accepted_as_algorithm() {
    for algorithm in [
        "none", "None", "NONE", "", "HS256", "RS384", "RS512", "PS256", "ES256", "rs256", "RS256 ",
    ] {
        refused_without_a_key([with_header("alg", algorithm)], "token-invalid-algorithm");
    }
    for algorithm in [json!(null), json!(256), json!(["RS256"])] {
        refused_without_a_key([with_header("alg", algorithm)], "token-invalid-algorithm");
    }
    let missing = token(&without(header(), "alg"), &claims());
    refused_without_a_key([missing], "token-invalid-algorithm");
}

/// Case 17: the well-known attack that uses the public key as the secret of an HMAC.
#[test]
fn an_hmac_under_the_public_key_is_refused_for_its_algorithm() {
    let secret = INSTANCE.public_pem().unwrap();
    let signed = unsigned_token(&with(header(), "alg", "HS256"), &claims());
    let (input, _) = signed.rsplit_once('.').unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&key, input.as_bytes()));
    refused_without_a_key([format!("{input}.{tag}")], "token-invalid-algorithm");
}

/// Case 18.
#[test]
fn opaque_machine_credentials_are_of_another_class() {
    refused_without_a_key(
        [
            "ak_LCWGdaM8mv8K4PC/57IICZQXAeWfCgF30DZaFXHoGn9=",
            "oat_8XOIucKvqHVr5tYP123456789abcdefghij",
            "mt_8XOIucKvqHVr5tYP123456789abcdefghij",
            "m2m_8XOIucKvqHVr5tYP123456789abcdefghij",
        ]
        .map(str::to_owned),
        "token-type-mismatch",
    );
}

/// Case 19.
#[test]
fn oauth_access_tokens_are_of_another_class_although_they_have_a_session() {
    refused_without_a_key(
        [OAUTH_JWT, OAUTH_APPLICATION_JWT].map(str::to_owned),
        "token-type-mismatch",
    );
}

#[test]
fn any_other_typ_is_invalid() {
    for typ in [
        json!("jwt"),
        json!("JWS"),
        json!(""),
        json!(null),
        json!(["JWT"]),
    ] {
        refused_without_a_key([with_header("typ", typ)], "token-invalid");
    }
}

/// Case 20.
#[test]
fn the_categories_of_templates_and_machines_are_of_another_class() {
    for category in [
        json!("cl_B7d4PD222AAA"),
        json!("cl_B7d4PD333AAA"),
        json!("x"),
        json!(""),
        json!(null),
        json!(["cl_B7d4PD111AAA"]),
    ] {
        refused_without_a_key([with_header("cat", category)], "token-type-mismatch");
    }
}

/// Case 21.
#[test]
fn a_machine_as_subject_is_refused_before_the_signature_is_verified() {
    let machine = with(claims(), "sub", "mch_2vYVtestTESTtestTESTtestTESTtest");
    refused_without_a_key(
        [
            token(&header(), &machine),
            unsigned_token(&header(), &machine),
        ],
        "token-type-mismatch",
    );
}

/// Case 22.
#[test]
fn critical_extensions_are_refused() {
    for critical in [
        json!(["foo"]),
        json!(["exp"]),
        json!([]),
        json!(null),
        json!("b64"),
    ] {
        refused_without_a_key([with_header("crit", critical)], "token-invalid");
    }
    for b64 in [json!(false), json!(true), json!(null)] {
        refused_without_a_key([with_header("b64", b64)], "token-invalid");
    }
}

/// Case 23.
#[tokio::test]
async fn keys_and_urls_in_the_token_are_ignored() {
    let theirs = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/jwks.json", theirs.local_addr().unwrap());
    let attacker = &INSTANCE_WITH_NEW_KEY;
    for (name, value) in [
        ("jku", json!(address)),
        ("x5u", json!(address)),
        ("jwk", attacker.jwk()),
        ("x5c", json!(["MIIB"])),
    ] {
        let header = with(header(), name, value).to_string();
        let forged = attacker.sign(&header, &claims().to_string()).unwrap();
        assert_eq!(
            verification_result(&verifier(), &forged).await,
            "token-invalid-signature"
        );
        // In a good token such a member is ignored as well.
        let honest = raw_token(&header, &claims().to_string());
        assert_eq!(verification_result(&verifier(), &honest).await, "ok");
    }
    let visit = timeout(Duration::from_millis(50), theirs.accept()).await;
    assert!(visit.is_err(), "the verifier fetched the attacker's keys");
}

/// Case 24.
#[test]
fn a_header_key_that_occurs_twice_is_invalid() {
    let header = header().to_string();
    let inner = header.trim_start_matches('{');
    refused_without_a_key(
        [
            r#""alg":"none""#,
            r#""alg":"RS256""#,
            r#""kid":"ins_other""#,
            r#""typ":"JWT""#,
            r#""\u0061lg":"RS256""#,
            r#""cat":"cl_B7d4PD111AAA","cat":"cl_B7d4PD111AAA""#,
            r#""foo":{"bar":1,"bar":1}"#,
        ]
        .map(|twice| raw_token(&format!("{{{twice},{inner}"), &claims().to_string())),
        "token-invalid",
    );
}

/// Case 25.
#[test]
fn an_invalid_key_id_is_neither_looked_up_nor_repeated() {
    let ids = [
        json!(null),
        json!(7),
        json!([KEY_ID]),
        json!(""),
        json!("../../x"),
        json!("a b"),
        json!("a'; drop table keys; --"),
        json!("ins_\n"),
        json!("ü"),
        json!("a".repeat(129)),
    ];
    for id in ids {
        let token = with_header("kid", id.clone());
        refused_without_a_key([token.clone()], "jwk-kid-mismatch");
        let rejection = at_once(verifier().verify(&token)).unwrap_err();
        let text = format!("{rejection} {rejection:?}");
        assert!(
            id.as_str()
                .is_none_or(|id| id.is_empty() || !text.contains(id))
        );
    }
    refused_without_a_key(
        [token(&without(header(), "kid"), &claims())],
        "jwk-kid-mismatch",
    );
    // The longest valid id is looked up, and does not exist.
    let longest = with_header("kid", "a".repeat(128));
    let keys = CountingKeys::new();
    let verifier = builder(keys.clone()).build().unwrap();
    assert_eq!(
        at_once(verification_result(&verifier, &longest)),
        "jwk-kid-mismatch"
    );
    assert_eq!(keys.asked(), 1);
}
