//! Keys, tokens, clocks and key sources for the tests.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use auth::mint::{Issuer, TestKey};
use auth::{
    Clock, KeyError, KeyId, KeySource, Rejection, Session, StaticKeys, Verifier, VerifierBuilder,
    VerifyingKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::vectors::{ISSUER, KEY_ID, ORIGIN, SESSION_ID, T, USER_ID};

/// The instance of the public vectors, with a test key.
pub(crate) static INSTANCE: LazyLock<Issuer> = LazyLock::new(|| issuer(KEY_ID, TestKey::First));

/// The same instance after it has replaced its key under the same id. Also stands in for somebody who
/// forges its tokens.
pub(crate) static INSTANCE_WITH_NEW_KEY: LazyLock<Issuer> =
    LazyLock::new(|| issuer(KEY_ID, TestKey::Second));

/// The same instance after it has replaced its key with one under a new id.
pub(crate) static INSTANCE_WITH_NEW_ID: LazyLock<Issuer> =
    LazyLock::new(|| issuer("ins_rotated", TestKey::Third));

/// The instance of another customer.
pub(crate) static OTHER_INSTANCE: LazyLock<Issuer> = LazyLock::new(|| {
    Issuer::for_tests_as("other.clerk.invalid", "ins_other", TestKey::Second).unwrap()
});

fn issuer(key_id: &str, key: TestKey) -> Issuer {
    Issuer::for_tests_as(ISSUER.trim_start_matches("https://"), key_id, key).unwrap()
}

/// A wall clock that shows the time that the test sets, in seconds since the Unix epoch.
#[derive(Debug)]
pub(crate) struct FixedClock(AtomicU64);

impl FixedClock {
    pub(crate) fn at(seconds: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(seconds)))
    }

    pub(crate) fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

/// Counts how often a key is asked for. Zero means that neither network nor cryptography were used.
#[derive(Debug)]
pub(crate) struct CountingKeys {
    keys: StaticKeys,
    asked: AtomicUsize,
}

impl CountingKeys {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            keys: StaticKeys::from_jwks(&INSTANCE.jwks_json()).unwrap(),
            asked: AtomicUsize::new(0),
        })
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl KeySource for CountingKeys {
    async fn key(&self, id: &KeyId) -> Result<VerifyingKey, KeyError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.keys.key(id).await
    }
}

/// Settings that accept the instance's tokens at the time `T`.
pub(crate) fn builder(keys: Arc<dyn KeySource>) -> VerifierBuilder {
    Verifier::builder(keys)
        .issuers([ISSUER])
        .authorized_parties([ORIGIN])
        .clock(FixedClock::at(T))
}

/// A verifier of the instance with changed settings.
pub(crate) fn verifier_with(change: impl FnOnce(VerifierBuilder) -> VerifierBuilder) -> Verifier {
    let keys = StaticKeys::from_jwks(&INSTANCE.jwks_json()).unwrap();
    change(builder(Arc::new(keys))).build().unwrap()
}

pub(crate) fn verifier() -> Verifier {
    verifier_with(|builder| builder)
}

/// The header of a session token.
pub(crate) fn header() -> Value {
    json!({ "alg": "RS256", "kid": KEY_ID, "typ": "JWT" })
}

/// The claims of the public vector `mockJwt`.
pub(crate) fn claims() -> Value {
    json!({
        "azp": ORIGIN,
        "exp": T + 55,
        "iat": T - 5,
        "iss": ISSUER,
        "nbf": T - 15,
        "sid": SESSION_ID,
        "sub": USER_ID,
    })
}

/// The object with one member changed.
pub(crate) fn with(mut object: Value, name: &str, value: impl Into<Value>) -> Value {
    object[name] = value.into();
    object
}

/// The object without one member.
pub(crate) fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name).unwrap();
    object
}

/// A signed token of the instance.
pub(crate) fn token(header: &Value, claims: &Value) -> String {
    raw_token(&header.to_string(), &claims.to_string())
}

/// The same, from texts that are signed as they are.
pub(crate) fn raw_token(header: &str, claims: &str) -> String {
    INSTANCE.sign(header, claims).unwrap()
}

/// A good token of the instance with one claim changed.
pub(crate) fn token_with(name: &str, value: impl Into<Value>) -> String {
    token(&header(), &with(claims(), name, value))
}

/// A good token of the instance without one claim.
pub(crate) fn token_without(name: &str) -> String {
    token(&header(), &without(claims(), name))
}

pub(crate) fn good_token() -> String {
    token(&header(), &claims())
}

/// A token with a wrong signature.
pub(crate) fn unsigned_token(header: &Value, claims: &Value) -> String {
    format!(
        "{}.{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string()),
        URL_SAFE_NO_PAD.encode([7; 256])
    )
}

/// `"ok"`, or the reason of the rejection.
pub(crate) fn outcome(result: &Result<Session, Rejection>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(rejection) => rejection.reason(),
    }
}

/// Verifies a token: `"ok"`, or the reason of the rejection.
pub(crate) async fn verification_result(verifier: &Verifier, token: &str) -> &'static str {
    outcome(&verifier.verify(token).await)
}

/// Checks the result of a token at several times of the wall clock.
#[track_caller]
pub(crate) fn check_over_time(
    change: impl FnOnce(VerifierBuilder) -> VerifierBuilder,
    token: &str,
    expected: &[(u64, &str)],
) {
    let clock = FixedClock::at(T);
    let verifier = verifier_with(|builder| change(builder.clock(clock.clone())));
    for (now, expected) in expected {
        clock.set(*now);
        let result = at_once(verification_result(&verifier, token));
        assert_eq!(result, *expected, "at {now}");
    }
}

/// The result of a future that must not wait for anything.
#[track_caller]
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waited for something"),
    }
}
