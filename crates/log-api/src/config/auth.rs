//! Whose tokens are good.

use std::time::Duration;

use auth::PublishableKey;

use super::read::{Reader, Unit};

/// The Clerk instance and what its tokens must say. `auth` checks the values when the verifier is built.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    /// `CLERK_PUBLISHABLE_KEY`: names the instance, and so the issuer and the key set's address.
    pub publishable_key: Option<String>,
    /// `CLERK_JWKS_URL`: the key set's address, where it is not the instance's own.
    pub jwks_url: Option<String>,
    /// `CLERK_ISSUER`: the issuers, where they are not the instance's own.
    pub issuers: Vec<String>,
    /// `CLERK_JWT_KEY`: a public key in PEM; then no network is needed.
    pub jwt_key: Option<String>,
    /// `CLERK_AUTHORIZED_PARTIES`, else `CLERK_ALLOWED_ORIGINS`: the origins a token may come from.
    pub authorized_parties: Vec<String>,
    /// `CLERK_AUDIENCES`, else `CLERK_ALLOWED_AUDIENCES`: checked only where there are any.
    pub audiences: Vec<String>,
    /// `LOG_API_MAX_TOKEN_SECS`: the longest life of a token, `exp − iat`.
    pub max_token_life: Duration,
}

impl AuthSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let allowed_origins = reader.json_array("CLERK_ALLOWED_ORIGINS");
        let allowed_audiences = reader.json_array("CLERK_ALLOWED_AUDIENCES");
        let settings = Self {
            publishable_key: reader.text("CLERK_PUBLISHABLE_KEY"),
            jwks_url: reader.text("CLERK_JWKS_URL"),
            issuers: reader.commas("CLERK_ISSUER").unwrap_or_default(),
            jwt_key: reader.text("CLERK_JWT_KEY"),
            authorized_parties: reader
                .commas("CLERK_AUTHORIZED_PARTIES")
                .or(allowed_origins)
                .unwrap_or_default(),
            audiences: reader
                .commas("CLERK_AUDIENCES")
                .or(allowed_audiences)
                .unwrap_or_default(),
            max_token_life: reader.duration(
                "LOG_API_MAX_TOKEN_SECS",
                Duration::from_secs(600),
                Unit::Seconds,
                1..=86_400,
            ),
        };
        settings.check(reader);
        settings
    }

    fn check(&self, reader: &mut Reader<'_>) {
        if self.authorized_parties.is_empty() {
            reader.problem(
                "CLERK_AUTHORIZED_PARTIES",
                "name the origins of your front ends, comma-separated, for example \
                 https://app.example.com; without it any site's token would be taken",
            );
        }
        let knows_issuer = self.publishable_key.is_some() || !self.issuers.is_empty();
        let knows_keys =
            self.publishable_key.is_some() || self.jwks_url.is_some() || self.jwt_key.is_some();
        if !(knows_issuer && knows_keys) {
            reader.problem(
                "CLERK_PUBLISHABLE_KEY",
                "set it to the instance's key, pk_test_… or pk_live_… (or set CLERK_ISSUER together with \
                 CLERK_JWKS_URL or CLERK_JWT_KEY)",
            );
        }
    }

    pub(super) fn describe(&self) -> Vec<(&'static str, String)> {
        let key = self.publishable_key.as_deref();
        let key = key.and_then(|key| PublishableKey::parse(key).ok());
        let derived = |of: fn(&PublishableKey) -> String| key.as_ref().map(of).unwrap_or_default();
        let jwks_url = self.jwks_url.clone();
        let shown = |value: &Option<String>| {
            if value.is_some() {
                "(set)"
            } else {
                "(not set)"
            }
        };
        let issuers = if self.issuers.is_empty() {
            derived(PublishableKey::issuer)
        } else {
            self.issuers.join(",")
        };
        vec![
            (
                "CLERK_PUBLISHABLE_KEY",
                self.publishable_key.clone().unwrap_or_default(),
            ),
            (
                "CLERK_JWKS_URL",
                jwks_url.unwrap_or_else(|| derived(PublishableKey::jwks_url)),
            ),
            ("CLERK_ISSUER", issuers),
            ("CLERK_JWT_KEY", shown(&self.jwt_key).into()),
            (
                "CLERK_AUTHORIZED_PARTIES",
                self.authorized_parties.join(","),
            ),
            ("CLERK_AUDIENCES", self.audiences.join(",")),
            (
                "LOG_API_MAX_TOKEN_SECS",
                self.max_token_life.as_secs().to_string(),
            ),
        ]
    }
}
