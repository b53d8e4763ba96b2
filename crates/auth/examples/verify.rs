//! Verifies a session token.
//!
//! `cargo run -p auth --example verify -- <publishable key> <origin> <token>` verifies a token of a
//! real instance with the keys of that instance. Without arguments it makes its own throw-away
//! instance and three tokens: a good one, one for another site, and a forged one.

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use auth::{PublishableKey, RemoteKeys, StaticKeys, Verifier, mint};

const ORIGIN: &str = "https://app.example.com";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => verify_own_tokens().await,
        [key, origin, token] => verify_token(key, origin, token).await,
        _ => Err("usage: verify [<publishable key> <origin> <token>]".into()),
    }
}

async fn verify_token(key: &str, origin: &str, token: &str) -> Result<(), Box<dyn Error>> {
    let key = PublishableKey::parse(key)?;
    let keys = RemoteKeys::spawn(&key.jwks_url())?;
    keys.prefetch().await?;
    let verifier = Verifier::builder(Arc::new(keys))
        .issuers([key.issuer()])
        .authorized_parties([origin])
        .build()?;
    report("the token", &verifier, token).await;
    Ok(())
}

async fn verify_own_tokens() -> Result<(), Box<dyn Error>> {
    let instance = mint::Issuer::generate()?;
    let verifier = Verifier::builder(Arc::new(StaticKeys::from_jwks(&instance.jwks_json())?))
        .issuers([instance.issuer()])
        .authorized_parties([ORIGIN])
        .build()?;
    let mint = |origin| {
        let minute = Duration::from_secs(60);
        instance.session_token("user_example", origin, SystemTime::now(), minute)
    };
    let (good, foreign) = (mint(ORIGIN)?, mint("https://elsewhere.example")?);
    // The claims of one token with the signature of another.
    let (claims, _) = foreign.rsplit_once('.').ok_or("a token has dots")?;
    let (_, signature) = good.rsplit_once('.').ok_or("a token has dots")?;
    report("a good token", &verifier, &good).await;
    report("a token for another site", &verifier, &foreign).await;
    report(
        "a forged token",
        &verifier,
        &format!("{claims}.{signature}"),
    )
    .await;
    Ok(())
}

async fn report(what: &str, verifier: &Verifier, token: &str) {
    match verifier.verify(token).await {
        Ok(session) => println!("{what}: {} in {}", session.user_id(), session.session_id()),
        Err(rejection) => println!("{what}: {} ({rejection})", rejection.reason()),
    }
}
