//! Whose tokens are accepted.

use std::time::Duration;

use auth::PublishableKey;

use super::catalog;
use super::read::Reader;

/// The Clerk instance, and what its tokens must say.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    /// `CLERK_PUBLISHABLE_KEY`: names the instance; the issuer and the address of its keys follow from it.
    pub publishable_key: Option<String>,
    /// `CLERK_JWKS_URL`: the address of the keys, if it is not that of the instance.
    pub jwks_url: Option<String>,
    /// `CLERK_ISSUER`: the issuers, if they are not that of the instance.
    pub issuers: Vec<String>,
    /// `CLERK_JWT_KEY`: a public key in PEM form; then keys are not fetched.
    pub jwt_key: Option<String>,
    /// `CLERK_AUTHORIZED_PARTIES`, or `CLERK_ALLOWED_ORIGINS`: the origins that a token may come from.
    pub authorized_parties: Vec<String>,
    /// `CLERK_ALLOW_MISSING_AZP`: whether a bearer token need not name such an origin.
    pub allow_missing_azp: bool,
    /// `CLERK_AUDIENCES`, or `CLERK_ALLOWED_AUDIENCES`: checked only if there are any.
    pub audiences: Vec<String>,
    /// `LOG_API_MAX_TOKEN_SECS`: the longest life of a token, `exp − iat`.
    pub max_token_life: Duration,
}

impl AuthSettings {
    /// `has_keys`: whether the service can do without people.
    pub(super) fn read(reader: &mut Reader<'_>, has_keys: bool) -> Self {
        let older_parties = reader.json_array(&catalog::ALLOWED_ORIGINS);
        let older_audiences = reader.json_array(&catalog::ALLOWED_AUDIENCES);
        let parties = reader.list(&catalog::AUTHORIZED_PARTIES).or(older_parties);
        let audiences = reader.list(&catalog::AUDIENCES).or(older_audiences);
        let settings = Self {
            publishable_key: reader.text(&catalog::PUBLISHABLE_KEY),
            jwks_url: reader.text(&catalog::JWKS_URL),
            issuers: reader.list(&catalog::ISSUERS).unwrap_or_default(),
            jwt_key: reader.text(&catalog::JWT_KEY),
            authorized_parties: parties.unwrap_or_default(),
            allow_missing_azp: reader
                .parsed(&catalog::ALLOW_MISSING_AZP)
                .unwrap_or_default(),
            audiences: audiences.unwrap_or_default(),
            max_token_life: reader.duration(&catalog::MAX_TOKEN_SECS),
        };
        if settings.is_set() || !has_keys {
            settings.check(reader);
        }
        settings.show(reader);
        settings
    }

    /// Whether any setting of Clerk is set. Without one, and with API keys, no person reads.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.publishable_key.is_some()
            || self.jwks_url.is_some()
            || self.jwt_key.is_some()
            || !self.issuers.is_empty()
            || !self.authorized_parties.is_empty()
    }

    /// Reports what is missing.
    fn check(&self, reader: &mut Reader<'_>) {
        if self.authorized_parties.is_empty() {
            reader.problem(
                &catalog::AUTHORIZED_PARTIES,
                "is not set: name the origins of your front ends, comma-separated, for example \
                 https://app.example.com; without it, tokens made for any other site would be accepted",
            );
        }
        let knows_issuer = self.publishable_key.is_some() || !self.issuers.is_empty();
        let knows_keys =
            self.publishable_key.is_some() || self.jwks_url.is_some() || self.jwt_key.is_some();
        if !(knows_issuer && knows_keys) {
            reader.problem(
                &catalog::PUBLISHABLE_KEY,
                "is not set: set it to the publishable key of your Clerk instance, pk_test_… or pk_live_… \
                 (or set CLERK_ISSUER and one of CLERK_JWKS_URL and CLERK_JWT_KEY)",
            );
        }
    }

    /// Shows the values that are used, where they are derived from others.
    fn show(&self, reader: &mut Reader<'_>) {
        reader.show(
            &catalog::AUTHORIZED_PARTIES,
            self.authorized_parties.join(","),
        );
        if !self.audiences.is_empty() {
            reader.show(&catalog::AUDIENCES, self.audiences.join(","));
        }
        let key = self.publishable_key.as_deref();
        let Some(Ok(key)) = key.map(PublishableKey::parse) else {
            return;
        };
        if self.issuers.is_empty() {
            reader.show(&catalog::ISSUERS, key.issuer());
        }
        if self.jwks_url.is_none() {
            reader.show(&catalog::JWKS_URL, key.jwks_url());
        }
    }
}
