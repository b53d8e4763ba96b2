//! The process has installed a provider. In a file of its own, because that is for the whole process.

use log_store::redis::{RedisOptions, RedisOptionsError, RedisStore};
use rustls::crypto::{CryptoProvider, ring};

#[tokio::test]
async fn the_store_uses_the_provider_that_the_process_has_installed() {
    // One that can do nothing, so that its use shows.
    let unusable = CryptoProvider {
        cipher_suites: Vec::new(),
        ..ring::default_provider()
    };
    unusable.install_default().expect("nobody was first");
    let made = RedisStore::new(RedisOptions::new("rediss://127.0.0.1:1"));
    assert!(
        matches!(made, Err(RedisOptionsError::CryptoProvider { .. })),
        "{made:?}"
    );
}
