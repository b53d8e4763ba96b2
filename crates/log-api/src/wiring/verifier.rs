//! From the settings of Clerk to the verifier of its tokens.

use std::sync::Arc;

use async_trait::async_trait;
use auth::remote::{CachePolicy, HttpFetch};
use auth::{
    ConfigError, KeyError, KeyId, KeySource, PublishableKey, RemoteKeys, StaticKeys, Verifier,
    VerifierBuilder, VerifyingKey,
};

use crate::config::{AuthSettings, Problem};

/// The verifier of an instance's tokens. Call it in a tokio runtime: keys are fetched on it.
pub(crate) fn verifier(settings: &AuthSettings) -> Result<Verifier, Problem> {
    if !settings.is_set() {
        // Only API keys read. A session token is refused, whoever has made it.
        return acceptable().build().map_err(|error| by_variable(&error));
    }
    let key = publishable_key(settings)?;
    let mut builder = Verifier::builder(key_source(settings, key.as_ref())?);
    if let Some(key) = &key {
        builder = builder.session_cookies(key);
    }
    let issuers = if settings.issuers.is_empty() {
        key.iter().map(PublishableKey::issuer).collect()
    } else {
        settings.issuers.clone()
    };
    builder
        .issuers(issuers)
        .authorized_parties(&settings.authorized_parties)
        .allow_missing_azp(settings.allow_missing_azp)
        .audiences(&settings.audiences)
        .max_lifetime(settings.max_token_life)
        .build()
        .map_err(|error| by_variable(&error))
}

/// Everything that [`verifier`] would refuse. Asks nobody, and needs no runtime.
pub(super) fn problems(settings: &AuthSettings) -> Vec<Problem> {
    if !settings.is_set() {
        return Vec::new();
    }
    let key = publishable_key(settings).err();
    let source = match (&settings.jwt_key, &settings.jwks_url) {
        (Some(pem), _) => static_keys(pem).err(),
        (None, Some(url)) => fetch(url).err(),
        (None, None) => None,
    };
    let builders = [
        acceptable().issuers(&settings.issuers),
        acceptable().authorized_parties(&settings.authorized_parties),
        acceptable().audiences(&settings.audiences),
    ];
    let refused = builders
        .into_iter()
        .filter_map(|builder| builder.build().err())
        .map(|error| by_variable(&error));
    key.into_iter().chain(source).chain(refused).collect()
}

fn publishable_key(settings: &AuthSettings) -> Result<Option<PublishableKey>, Problem> {
    let text = settings.publishable_key.as_deref();
    text.map(PublishableKey::parse)
        .transpose()
        .map_err(|error| Problem::new("CLERK_PUBLISHABLE_KEY", error))
}

fn key_source(
    settings: &AuthSettings,
    key: Option<&PublishableKey>,
) -> Result<Arc<dyn KeySource>, Problem> {
    if let Some(pem) = &settings.jwt_key {
        return Ok(Arc::new(static_keys(pem)?));
    }
    let derived = || key.map(PublishableKey::jwks_url);
    let url = settings.jwks_url.clone().or_else(derived);
    let url = url.ok_or_else(|| Problem::new("CLERK_PUBLISHABLE_KEY", "is not set"))?;
    let keys = RemoteKeys::spawn_with(fetch(&url)?, CachePolicy::default());
    let keys = keys.map_err(|error| Problem::new("CLERK_JWKS_URL", error))?;
    Ok(Arc::new(keys))
}

fn static_keys(pem: &str) -> Result<StaticKeys, Problem> {
    StaticKeys::from_pem(pem).map_err(|error| Problem::new("CLERK_JWT_KEY", error))
}

fn fetch(url: &str) -> Result<HttpFetch, Problem> {
    HttpFetch::new(url).map_err(|error| Problem::new("CLERK_JWKS_URL", error))
}

/// The verifier names its own settings; the operator knows them by the names of variables.
fn by_variable(error: &ConfigError) -> Problem {
    let variable = match error.setting() {
        "authorized_parties" => "CLERK_AUTHORIZED_PARTIES",
        "issuers" => "CLERK_ISSUER",
        "audiences" => "CLERK_AUDIENCES",
        "max_lifetime" => "LOG_API_MAX_TOKEN_SECS",
        other => other,
    };
    let text = error.to_string();
    let own_name = format!("{}: ", error.setting());
    Problem::new(variable, text.strip_prefix(&own_name).unwrap_or(&text))
}

/// A builder that would succeed, to which one setting can be added to see whether that is refused.
fn acceptable() -> VerifierBuilder {
    const ORIGIN: &str = "https://acceptable.example";
    Verifier::builder(Arc::new(NoKeys))
        .issuers([ORIGIN])
        .authorized_parties([ORIGIN])
}

/// The keys of a verifier that accepts nothing.
#[derive(Debug)]
struct NoKeys;

#[async_trait]
impl KeySource for NoKeys {
    async fn key(&self, _id: &KeyId) -> Result<VerifyingKey, KeyError> {
        Err(KeyError::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::config::Draft;

    #[test]
    fn all_mistakes_are_found_in_one_round() {
        let env = HashMap::from([
            ("CLERK_PUBLISHABLE_KEY", "sk_test_secret"),
            ("CLERK_ISSUER", "http://clerk.example.com"),
            ("CLERK_JWKS_URL", "clerk.example.com"),
            ("CLERK_AUTHORIZED_PARTIES", "https://app.example.com/"),
        ]);
        let mut draft = Draft::read(&env, None);
        draft.check(|settings| problems(&settings.auth));
        let error = draft.finish().unwrap_err();
        let mut names: Vec<_> = error.problems.iter().map(|problem| &problem.name).collect();
        names.sort_unstable();
        let mut expected: Vec<_> = env.keys().collect();
        expected.sort_unstable();
        assert_eq!(names, expected);
    }
}
