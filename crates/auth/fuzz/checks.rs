//! What must be true for any input. The fuzz targets call these checks, and the crate's own tests
//! call them with every file under `seeds/`.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use auth::mint::{Issuer, TestKey};
use auth::webhooks::{SigningSecret, WebhookHeaders, Webhooks};
use auth::{Clock, CredentialSource, PublishableKey, RequestHead, StaticKeys, Verifier};
use serde_json::{Value, json};

/// The time at which the tokens of the seeds are valid.
const NOW: u64 = 1_800_000_000;
const HOST: &str = "clerk.fuzz.example";
const ORIGIN: &str = "https://app.fuzz.example";

#[derive(Debug)]
struct SeedClock;

impl Clock for SeedClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(NOW)
    }
}

static INSTANCE: LazyLock<Issuer> =
    LazyLock::new(|| Issuer::for_tests_as(HOST, "ins_fuzz", TestKey::First).expect("an issuer"));

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let keys = StaticKeys::from_jwks(&INSTANCE.jwks_json()).expect("a key set");
    let key = PublishableKey::parse(&INSTANCE.publishable_key()).expect("a publishable key");
    Verifier::builder(Arc::new(keys))
        .issuers([INSTANCE.issuer()])
        .authorized_parties([ORIGIN])
        .session_cookies(&key)
        .clock(Arc::new(SeedClock))
        .build()
        .expect("settings")
});

static SECRET: LazyLock<SigningSecret> = LazyLock::new(|| {
    SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret")
});

static WEBHOOKS: LazyLock<Webhooks> = LazyLock::new(|| {
    let endpoint = Webhooks::new([SECRET.clone()]).expect("one secret");
    endpoint.clock(Arc::new(SeedClock))
});

/// Any bytes as a token: they are refused.
pub(crate) fn token(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let rejection = at_once(VERIFIER.verify(text)).expect_err("nobody can sign");
    assert!(!rejection.reason().is_empty());
}

/// Any bytes as signed claims. If there is a line feed, the text before it is the header. Returns
/// whether the token gave a session.
pub(crate) fn claims(bytes: &[u8]) -> bool {
    let good_header = json!({ "alg": "RS256", "kid": "ins_fuzz" }).to_string();
    let text = String::from_utf8_lossy(bytes);
    let (header, claims) = text.split_once('\n').unwrap_or((&good_header, &text));
    let token = INSTANCE.sign(header, claims).expect("a signature");
    let Ok(session) = at_once(VERIFIER.verify(&token)) else {
        return false;
    };
    let claims: Value = serde_json::from_str(claims).expect("what was accepted is JSON");
    assert_eq!(claims["sub"], session.user_id());
    assert_eq!(claims["sid"], session.session_id());
    assert_eq!(claims["iss"], format!("https://{HOST}"));
    assert_eq!(claims["azp"], ORIGIN);
    assert!(session.expires_at() + 5 > NOW);
    if let Some(organization) = session.organization() {
        assert!(organization.id().starts_with("org_"));
        // There can be very many, so only some are checked.
        for permission in organization.permissions().take(50) {
            assert!(organization.has_permission(&permission), "{permission}");
        }
    }
    true
}

/// The head of a request: the first line is the method, the others are `name: value`.
struct Head<'a> {
    method: &'a str,
    fields: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Head<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let mut lines = bytes.split(|&byte| byte == b'\n');
        let method = lines.next().unwrap_or_default();
        let field = |line: &'a [u8]| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            let (name, value) = line.split_at(colon);
            Some((name, value.split_at(1).1))
        };
        Self {
            method: str::from_utf8(method).unwrap_or_default(),
            fields: lines.filter_map(field).collect(),
        }
    }
}

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        self.method
    }

    fn values<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        let fields = self.fields.iter();
        let named = fields.filter(move |(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, value)| *value)
    }
}

/// Any bytes as the head of a request: the token that is found is in it.
pub(crate) fn credentials(bytes: &[u8]) {
    let head = Head::read(bytes);
    let Ok(found) = VERIFIER.credentials(&head) else {
        return;
    };
    let carries = |name| {
        head.values(name)
            .any(|value: &[u8]| contains(value, found.token()))
    };
    match found.source() {
        CredentialSource::Bearer => assert!(carries("authorization")),
        CredentialSource::Cookie => {
            assert!(carries("cookie"));
            assert!(matches!(head.method, "GET" | "HEAD"));
            assert!(
                head.values("origin")
                    .all(|origin| origin == ORIGIN.as_bytes())
            );
        }
    }
    assert!(at_once(VERIFIER.authenticate(&head)).is_err());
}

fn contains(value: &[u8], token: &str) -> bool {
    value
        .windows(token.len().max(1))
        .any(|window| window == token.as_bytes())
}

/// Any bytes as a webhook: once as a whole delivery, once as the body of a signed delivery.
pub(crate) fn webhook(bytes: &[u8]) {
    let mut parts = bytes.splitn(4, |&byte| byte == b'\n');
    let mut next = || parts.next().unwrap_or_default();
    let headers = WebhookHeaders {
        id: next(),
        timestamp: next(),
        signature: next(),
    };
    assert!(WEBHOOKS.verify(headers, next()).is_err(), "nobody can sign");

    let signed = SECRET.sign("msg_fuzz", SeedClock.now(), bytes);
    let headers = WebhookHeaders {
        id: b"msg_fuzz",
        timestamp: signed.timestamp.as_bytes(),
        signature: signed.signature.as_bytes(),
    };
    if let Ok(delivery) = WEBHOOKS.verify(headers, bytes) {
        assert!(serde_json::from_slice::<Value>(bytes).is_ok());
        assert_eq!(delivery.message_id, "msg_fuzz");
    }
}

/// The result of a future that does not wait: the keys are static.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waited for something"),
    }
}
