//! Case 60 and the settings of case 34: which settings are refused at start, and what is derived from
//! a publishable key.

use std::sync::Arc;
use std::time::Duration;

use auth::remote::HttpFetch;
use auth::{
    CachePolicy, ParsePublishableKeyError as KeyProblem, PublishableKey, RemoteKeys, StaticKeys,
    Verifier, VerifierBuilder,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::crypto::{CryptoProvider, KeyUtils};

use crate::support::*;
use crate::vectors::*;

/// Checks that settings are refused, and that the error names this one.
#[track_caller]
fn refused(setting: &str, change: impl FnOnce(VerifierBuilder) -> VerifierBuilder) {
    let error = change(builder(CountingKeys::new())).build().unwrap_err();
    assert_eq!(error.setting(), setting, "{error}");
    assert!(
        error.to_string().starts_with(&format!("{setting}: ")),
        "{error}"
    );
}

#[test]
fn a_publishable_key_gives_host_issuer_and_key_url() {
    let key = PublishableKey::parse("pk_test_Zm9vLWJhci0xMy5jbGVyay5hY2NvdW50cy5kZXYk").unwrap();
    assert_eq!(key.frontend_host(), "foo-bar-13.clerk.accounts.dev");
    assert_eq!(key.issuer(), "https://foo-bar-13.clerk.accounts.dev");
    assert_eq!(
        key.jwks_url(),
        "https://foo-bar-13.clerk.accounts.dev/.well-known/jwks.json"
    );
    assert!(key.is_development());
    // Clerk's own vectors: with and without padding, live and test.
    for (key, host, development) in [
        (
            "pk_live_ZmFrZS1jbGVyay10ZXN0LmNsZXJrLmFjY291bnRzLmRldiQ=",
            "fake-clerk-test.clerk.accounts.dev",
            false,
        ),
        (
            "pk_test_Y2xlcmsuYm9yaW5nLnNhd2ZseS05MS5sY2wuZGV2JA==",
            "clerk.boring.sawfly-91.lcl.dev",
            true,
        ),
        (
            "pk_test_Y2xlcmsuaW5zcGlyZWQucHVtYS03NC5sY2wuZGV2JA",
            "clerk.inspired.puma-74.lcl.dev",
            true,
        ),
        (
            "pk_live_Y2xlcmsuaW5zcGlyZWQucHVtYS03NC5sY2wuZGV2JA",
            "clerk.inspired.puma-74.lcl.dev",
            false,
        ),
    ] {
        let key: PublishableKey = key.parse().unwrap();
        assert_eq!(key.frontend_host(), host);
        assert_eq!(key.is_development(), development);
    }
}

#[test]
fn an_invalid_publishable_key_is_refused() {
    for (key, problem) in [
        ("", KeyProblem::Shape),
        ("fake_pk", KeyProblem::Shape),
        ("pk_live", KeyProblem::Shape),
        ("sk_test_Y2xlcmsuY2xlcmsuZGV2JA", KeyProblem::Shape),
        ("pk_prod_Y2xlcmsuY2xlcmsuZGV2JA", KeyProblem::Shape),
        ("PK_test_Y2xlcmsuY2xlcmsuZGV2JA", KeyProblem::Shape),
        ("pk_test_Y2xlcmsuY2xlcmsuZGV2JA_x", KeyProblem::Shape),
        ("pk_live_invalid!@#$", KeyProblem::Base64),
        ("pk_test_Y2xlcmsuY2xlcmsuZGV2JA===", KeyProblem::Base64),
        ("pk_live_", KeyProblem::Terminator),
        // `fake-clerk-malformed.clerk.accounts.dev$extra`, `…dev$$`, `$fake-…dev$` of Clerk's own.
        (
            "pk_live_ZmFrZS1jbGVyay1tYWxmb3JtZWQuY2xlcmsuYWNjb3VudHMuZGV2JGV4dHJh",
            KeyProblem::Terminator,
        ),
        (
            "pk_live_ZmFrZS1jbGVyay1tdWx0aXBsZS5jbGVyay5hY2NvdW50cy5kZXYkJA==",
            KeyProblem::Terminator,
        ),
        (
            "pk_live_JGZha2UtY2xlcmstcHJlZml4LmNsZXJrLmFjY291bnRzLmRldiQ=",
            KeyProblem::Terminator,
        ),
        // `invalidkey$` of Clerk's own: no dot.
        ("pk_live_aW52YWxpZGtleSQ=", KeyProblem::Host),
    ] {
        assert_eq!(PublishableKey::parse(key), Err(problem), "{key}");
    }
}

#[test]
fn a_publishable_key_cannot_redirect_the_fetch() {
    for host in [
        "clerk.dev/x",
        "clerk.dev:8080",
        "user@clerk.dev",
        "clerk.dev?x",
        "clerk.dev#x",
        "clerk.dev\\x",
        "clerk .dev",
        "Clerk.dev",
        "clerk.dev.",
        ".clerk.dev",
        "clerk..dev",
        "-clerk.dev",
        "clerk-.dev",
        "clérk.dev",
        "127.0.0.1",
        "1.2.3.0x7f",
        "[::1].dev",
        "localhost",
        "",
    ] {
        let key = format!("pk_test_{}", STANDARD.encode(format!("{host}$")));
        assert_eq!(PublishableKey::parse(&key), Err(KeyProblem::Host), "{host}");
    }
    let long = format!("{}.dev", "a.".repeat(126));
    let key = format!("pk_test_{}", STANDARD.encode(format!("{long}$")));
    assert_eq!(PublishableKey::parse(&key), Err(KeyProblem::Host));
}

#[test]
fn a_minted_issuer_is_named_by_its_publishable_key() {
    let key = PublishableKey::parse(&OTHER_INSTANCE.publishable_key()).unwrap();
    assert_eq!(key.issuer(), OTHER_INSTANCE.issuer());
    assert!(auth::mint::Issuer::generate_as("no-dot", "a").is_err());
    assert!(auth::mint::Issuer::generate_as("a.b", "no spaces").is_err());
}

#[test]
fn a_verifier_without_issuers_or_parties_is_refused() {
    let keys = || CountingKeys::new();
    let no_issuer = Verifier::builder(keys())
        .authorized_parties([ORIGIN])
        .build();
    assert_eq!(no_issuer.unwrap_err().setting(), "issuers");
    let no_party = Verifier::builder(keys()).issuers([ISSUER]).build();
    let error = no_party.unwrap_err();
    assert_eq!(
        error.to_string(),
        "authorized_parties: at least one is required"
    );
}

#[test]
fn an_impossible_issuer_is_refused() {
    for issuer in [
        "",
        "clerk.example.com",
        "http://clerk.example.com",
        "https://clerk.example.com/",
        "https://Clerk.example.com",
        "https://user@clerk.example.com",
        "https://clerk.example.com:port",
        "https://clerk.example.com?x",
        "https://clerk.example.com/a b",
        "https://localhost",
        "https://",
    ] {
        refused("issuers", |builder| builder.issuers([issuer]));
    }
    for issuer in ["https://app.dev/__clerk", "https://clerk.example.com:8443"] {
        assert!(
            builder(CountingKeys::new())
                .issuers([issuer])
                .build()
                .is_ok(),
            "{issuer}"
        );
    }
}

#[test]
fn a_party_that_no_browser_sends_is_refused() {
    for party in [
        "",
        "*",
        "null",
        "app.example.com",
        "https://*.example.com",
        "https://app.example.com/",
        "https://app.example.com/path",
        "https://app.example.com?x",
        "https://user@app.example.com",
        "https://App.example.com",
        "HTTPS://app.example.com",
        "https://app.example.com ",
        "https://äpp.example.com",
        "https://",
        "://app.example.com",
    ] {
        refused("authorized_parties", |builder| {
            builder.authorized_parties([party])
        });
    }
    for party in [
        "http://localhost:3000",
        "https://[::1]:8443",
        "chrome-extension://abcdefghijklmnop",
        "capacitor://localhost",
    ] {
        let built = builder(CountingKeys::new())
            .authorized_parties([party])
            .build();
        assert!(built.is_ok(), "{party}");
    }
}

#[test]
fn an_invalid_clock_skew_or_lifetime_is_refused() {
    for seconds in [
        -1.0,
        -0.001,
        60.1,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ] {
        refused("clock_skew_secs", |builder| {
            builder.clock_skew_secs(seconds)
        });
    }
    for seconds in [0.0, 0.5, 60.0] {
        assert!(
            builder(CountingKeys::new())
                .clock_skew_secs(seconds)
                .build()
                .is_ok()
        );
    }
    refused("max_lifetime", |builder| {
        builder.max_lifetime(Duration::ZERO)
    });
    refused("audiences", |builder| builder.audiences([""]));
}

#[test]
fn invalid_static_keys_are_refused_and_not_repeated() {
    let private = PUBLIC_PEM.replace("PUBLIC", "PRIVATE");
    let cut = &PUBLIC_PEM[..PUBLIC_PEM.len() - 40];
    let twice = format!("{PUBLIC_PEM}\n{PUBLIC_PEM}");
    let elliptic = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP\
        40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==";
    for pem in [
        "",
        "x",
        &private,
        cut,
        &twice,
        elliptic,
        "-----BEGIN PUBLIC KEY-----",
    ] {
        let error = StaticKeys::from_pem(pem).unwrap_err();
        assert_eq!(error.setting(), "pem", "{pem}");
        assert!(pem.len() < 8 || !error.to_string().contains(pem));
    }
    for jwks in ["", "{}", r#"{"keys":[]}"#, r#"{"keys":[null]}"#] {
        assert_eq!(StaticKeys::from_jwks(jwks).unwrap_err().setting(), "jwks");
    }
}

#[test]
fn a_key_url_is_https_or_on_loopback() {
    for url in [
        "",
        "clerk.example.com",
        "http://clerk.example.com/jwks.json",
        "http://127.0.0.1.example.com/jwks.json",
        "http://localhost.example.com/jwks.json",
        "http://10.0.0.1/jwks.json",
        "ftp://127.0.0.1/jwks.json",
        "file:///etc/passwd",
        "https://user:secret@clerk.example.com/jwks.json",
        "https://clerk.example.com/jwks.json#x",
    ] {
        let error = HttpFetch::new(url).unwrap_err();
        assert_eq!(error.setting(), "jwks_url", "{url}");
        assert!(!error.to_string().contains("secret"));
    }
    for url in [
        "https://clerk.example.com/.well-known/jwks.json",
        "http://127.0.0.1:8080/jwks.json",
        "http://127.9.9.9/jwks.json",
        "http://[::1]:8080/jwks.json",
        "http://localhost:8080/jwks.json",
    ] {
        assert!(HttpFetch::new(url).is_ok(), "{url}");
    }
}

#[tokio::test]
async fn a_cache_policy_that_contradicts_itself_is_refused() {
    let policy = CachePolicy::default;
    let second = Duration::from_secs(1);
    let less = Duration::from_millis(999);
    let cases = [
        ("soft_ttl", policy().soft_ttl(less)),
        ("cooldown", policy().cooldown(Duration::ZERO)),
        ("wait", policy().wait(less)),
        ("fetch_timeout", policy().fetch_timeout(less)),
        ("hard_ttl", policy().hard_ttl(policy().soft_ttl)),
        ("hard_ttl", policy().hard_ttl(second * 86_401)),
    ];
    for (setting, policy) in cases {
        let fetch = HttpFetch::new("http://127.0.0.1:9/jwks.json").unwrap();
        let error = RemoteKeys::spawn_with(fetch, policy).unwrap_err();
        assert_eq!(error.setting(), setting);
    }
}

#[test]
fn remote_keys_outside_of_a_runtime_are_refused() {
    let error = RemoteKeys::spawn("http://127.0.0.1:9/jwks.json").unwrap_err();
    assert_eq!(error.setting(), "remote_keys");
}

/// Case 60: `jsonwebtoken` panics at first use if none or both of its backends are compiled in. This
/// test installs a default provider that panics, and verification must not use it.
#[tokio::test]
async fn the_first_verification_does_not_depend_on_the_default_provider() {
    static TRAP: CryptoProvider = CryptoProvider {
        signer_factory: |_, _| panic!("the default provider was used"),
        verifier_factory: |_, _| panic!("the default provider was used"),
        key_utils: KeyUtils::new_unimplemented(),
    };
    TRAP.install_default().unwrap();
    assert_eq!(verification_result(&verifier(), &good_token()).await, "ok");
    let pem = StaticKeys::from_pem(&INSTANCE.public_pem().unwrap()).unwrap();
    let verifier = builder(Arc::new(pem)).build().unwrap();
    assert_eq!(verification_result(&verifier, &good_token()).await, "ok");
}
