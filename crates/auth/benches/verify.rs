//! Compares the verification of a session token with the bare RS256 check of the same library.
//!
//! Everything except the signature (form, header, claims, times, organisation) may cost at most 30 %
//! of it, otherwise the run fails. Both sides run alternately in rounds that are shorter than a time
//! slice. Only the fastest 5 % of the rounds of each side are used, because the machine did other work
//! during the slower ones.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot run has failed, and it prints its results"
)]

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use auth::mint::Issuer;
use auth::{StaticKeys, Verifier};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::time::Instant;

/// How much the whole verification may cost, in bare signature checks.
const LIMIT: f64 = 1.3;

const ORIGIN: &str = "https://app.example.com";
const ROUNDS: usize = 4_000;
const CHECKS_IN_A_ROUND: u32 = 5;

fn main() -> ExitCode {
    let instance = Issuer::generate().unwrap();
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let plain = json!({
        "azp": ORIGIN, "exp": now + 300, "fva": [0, -1], "iat": now, "iss": instance.issuer(),
        "jti": "6cf0d3a1f2a84b0f8a3e", "nbf": now - 10, "sid": "sess_2GbDB4enNdCa5vS1zpC3Xzg9tK9",
        "sts": "active", "sub": "user_2GIpXOEpVyJw51rkZn9Kmnc6Sxr", "v": 2,
    });
    let mut with_organization = plain.clone();
    with_organization["fea"] = json!("o:dashboard,o:builds");
    with_organization["o"] = json!({
        "id": "org_2GIpXOEpVyJw51rkZn9Kmnc6Sxr", "slg": "acme", "rol": "admin",
        "per": "manage,read", "fpm": "3,2",
    });
    let mut passed = true;
    for (what, claims) in [
        ("a plain token", plain),
        ("a token with an organisation", with_organization),
    ] {
        let ratio = compare(&instance, &claims, what);
        passed &= ratio <= LIMIT;
    }
    if passed {
        ExitCode::SUCCESS
    } else {
        println!("verifying costs more than {LIMIT} signature checks");
        ExitCode::FAILURE
    }
}

/// Measures one token both ways and returns the ratio.
fn compare(instance: &Issuer, claims: &Value, what: &str) -> f64 {
    let header = json!({
        "alg": "RS256", "cat": "cl_B7d4PD111AAA", "kid": instance.key_id(), "typ": "JWT",
    });
    let token = instance
        .sign(&header.to_string(), &claims.to_string())
        .unwrap();
    let keys = StaticKeys::from_jwks(&instance.jwks_json()).unwrap();
    let verifier = Verifier::builder(Arc::new(keys))
        .issuers([instance.issuer()])
        .authorized_parties([ORIGIN])
        .build()
        .unwrap();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let bare = bare_check(instance);

    let verify = || {
        at_once(verifier.verify(black_box(&token))).unwrap();
    };
    let check = || {
        bare.verify_sig(black_box(input.as_bytes()), black_box(&signature))
            .unwrap();
    };
    let (mut whole, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        whole.push(time(verify));
        bare.push(time(check));
    }
    let (whole, bare) = (fifth_percentile(whole), fifth_percentile(bare));
    let ratio = whole / bare;
    println!(
        "{what:24} {bytes} bytes: verify {whole:.2} µs, bare RS256 {bare:.2} µs, ratio {ratio:.3} (at most {LIMIT})",
        bytes = token.len(),
    );
    ratio
}

/// The library's own check, with a key that is already parsed.
fn bare_check(instance: &Issuer) -> ParsedPublicKey {
    let jwk = instance.jwk();
    let member = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    let key = RsaPublicKeyComponents {
        n: member("n"),
        e: member("e"),
    };
    key.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
        .unwrap()
}

/// The mean time of one call in a round.
fn time(mut call: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..CHECKS_IN_A_ROUND {
        call();
    }
    start.elapsed() / CHECKS_IN_A_ROUND
}

/// The 5th percentile, in microseconds.
fn fifth_percentile(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 20].as_secs_f64() * 1e6
}

/// The result of a future that does not wait: the keys are static.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the keys are static"),
    }
}
