//! Two providers are compiled into the process, and nobody has installed one.

use std::panic::catch_unwind;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use auth::{RemoteKeys, StaticKeys, Verifier, mint};
use log_client::Client;
use log_store::redis::{RedisOptions, RedisStore};
use serde_json::Value;

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

/// Otherwise the tests below show nothing.
#[test]
fn rustls_cannot_choose_a_provider_here() {
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    assert!(catch_unwind(rustls::ClientConfig::builder).is_err());
}

#[tokio::test]
async fn whatever_of_ours_uses_tls_is_made() -> Result {
    RedisStore::new(RedisOptions::new("rediss://127.0.0.1:1"))?;
    RemoteKeys::spawn("https://127.0.0.1:1/.well-known/jwks.json")?;
    Client::builder("https://127.0.0.1:1").build()?;
    Ok(())
}

/// `jsonwebtoken` panics where several backends are switched on. `auth` switches on none.
#[tokio::test]
async fn the_hosts_jsonwebtoken_and_ours_verify_the_same_token() -> Result {
    let instance = mint::Issuer::generate()?;
    let (user, origin) = ("user_ann", "https://app.example.com");
    let token = instance.session_token(user, origin, SystemTime::now(), Duration::from_secs(60))?;

    let keys = StaticKeys::from_jwks(&instance.jwks_json())?;
    let verifier = Verifier::builder(Arc::new(keys))
        .issuers([auth::PublishableKey::parse(&instance.publishable_key())?.issuer()])
        .authorized_parties([origin])
        .build()?;
    assert_eq!(verifier.verify(&token).await?.user_id(), user);

    let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&instance.jwks_json())?;
    let key = jsonwebtoken::DecodingKey::from_jwk(&keys.keys[0])?;
    let rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    let claims = jsonwebtoken::decode::<Value>(&token, &key, &rules)?.claims;
    assert_eq!(claims["sub"], user);
    Ok(())
}
