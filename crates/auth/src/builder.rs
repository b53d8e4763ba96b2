//! The settings of a verifier. Settings that cannot be right are refused when it is built.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::config_error::ConfigError;
use crate::credentials::CredentialFinder;
use crate::host::is_host_name;
use crate::key_source::KeySource;
use crate::policy::Policy;
use crate::publishable_key::PublishableKey;
use crate::verifier::Verifier;

/// How far Clerk's clock and ours may differ, in seconds. Clerk's own SDKs allow as much.
pub const DEFAULT_CLOCK_SKEW_SECS: f64 = 5.0;

/// Longest `exp` − `iat`. Session tokens live one minute; a token that lives longer than this is
/// of another class.
pub const DEFAULT_MAX_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// Largest clock skew that can be set, in seconds. A token lives a minute, so with more skew its
/// expiry would hardly count.
const MAX_CLOCK_SKEW_SECS: f64 = 60.0;

/// Collects the settings of a [`Verifier`]; made by [`Verifier::builder`].
#[derive(Clone, Debug)]
#[must_use = "nothing happens before `build`"]
pub struct VerifierBuilder {
    keys: Arc<dyn KeySource>,
    clock: Arc<dyn Clock>,
    issuers: Vec<String>,
    authorized_parties: Vec<String>,
    audiences: Vec<String>,
    clock_skew_secs: f64,
    max_lifetime: Duration,
    allow_missing_azp: bool,
    accept_pending: bool,
    credentials: CredentialFinder,
}

impl Verifier {
    /// Begins a verifier that takes its keys from `keys`.
    pub fn builder(keys: Arc<dyn KeySource>) -> VerifierBuilder {
        VerifierBuilder {
            keys,
            clock: Arc::new(SystemClock),
            issuers: Vec::new(),
            authorized_parties: Vec::new(),
            audiences: Vec::new(),
            clock_skew_secs: DEFAULT_CLOCK_SKEW_SECS,
            max_lifetime: DEFAULT_MAX_LIFETIME,
            allow_missing_azp: false,
            accept_pending: false,
            credentials: CredentialFinder::default(),
        }
    }
}

impl VerifierBuilder {
    /// Adds issuers. A token's `iss` must be equal to one of them. At least one is required, usually
    /// [`PublishableKey::issuer`](crate::PublishableKey::issuer). All of them must be names of the
    /// one instance that the keys belong to.
    pub fn issuers(mut self, issuers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.issuers.extend(issuers.into_iter().map(Into::into));
        self
    }

    /// Adds origins that tokens may be made for. A token's `azp` must be equal to one of them. At
    /// least one is required: without this check, any other site of the same instance could use its
    /// visitors' tokens here.
    pub fn authorized_parties(
        mut self,
        parties: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.authorized_parties
            .extend(parties.into_iter().map(Into::into));
        self
    }

    /// Adds audiences. Without any, which is the default, `aud` is not checked; otherwise a token
    /// must have one of them.
    pub fn audiences(mut self, audiences: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.audiences.extend(audiences.into_iter().map(Into::into));
        self
    }

    /// Sets how far the issuer's clock may differ from ours, in seconds: 0 to 60, by default
    /// [`DEFAULT_CLOCK_SKEW_SECS`].
    pub const fn clock_skew_secs(mut self, seconds: f64) -> Self {
        self.clock_skew_secs = seconds;
        self
    }

    /// Sets the longest `exp` − `iat`, by default [`DEFAULT_MAX_LIFETIME`]. Raise it only if the
    /// instance has a longer session token lifetime: this check helps to refuse the tokens of JWT
    /// templates.
    pub const fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = lifetime;
        self
    }

    /// Sets whether a bearer token without `azp` is accepted; by default it is not. Tokens of native
    /// applications and of Clerk's Backend API have no `azp`. A token that has one is still checked.
    pub const fn allow_missing_azp(mut self, allow: bool) -> Self {
        self.allow_missing_azp = allow;
        self
    }

    /// Sets whether a session with `sts` `pending` is accepted; by default it is not. See
    /// [`Session::is_pending`](crate::Session::is_pending).
    pub const fn accept_pending(mut self, accept: bool) -> Self {
        self.accept_pending = accept;
        self
    }

    /// Also accepts the session cookies of the instance that this key belongs to, for pages of the
    /// same origin that cannot send a header (`EventSource`). By default only
    /// `Authorization: Bearer` is read.
    ///
    /// Cookies have additional rules, see
    /// [`Verifier::credentials`](crate::Verifier::credentials), and
    /// [`allow_missing_azp`](Self::allow_missing_azp) does not apply to them.
    pub fn session_cookies(mut self, key: &PublishableKey) -> Self {
        self.credentials = CredentialFinder::with_session_cookies(key);
        self
    }

    /// Sets the wall clock, by default the system's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Makes the verifier.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first of these that it finds:
    ///
    /// - no issuer, or one that is not an `https` URL;
    /// - no authorized party, or one that no browser could send;
    /// - an empty audience;
    /// - a clock skew that is not a number from 0 to 60;
    /// - a lifetime of zero.
    pub fn build(self) -> Result<Verifier, ConfigError> {
        require_one("issuers", &self.issuers)?;
        check_each("issuers", &self.issuers, issuer_problem)?;
        require_one("authorized_parties", &self.authorized_parties)?;
        check_each(
            "authorized_parties",
            &self.authorized_parties,
            party_problem,
        )?;
        check_each("audiences", &self.audiences, |audience| {
            audience.is_empty().then_some("it is empty")
        })?;
        if self.max_lifetime.is_zero() {
            return Err(ConfigError::new("max_lifetime", "it must not be zero"));
        }
        let policy = Policy {
            issuers: self.issuers,
            authorized_parties: self.authorized_parties,
            audiences: self.audiences,
            clock_skew: clock_skew(self.clock_skew_secs)?,
            max_lifetime: self.max_lifetime,
            allow_missing_azp: self.allow_missing_azp,
            accept_pending: self.accept_pending,
        };
        Ok(Verifier::new(
            policy,
            self.credentials,
            self.keys,
            self.clock,
        ))
    }
}

fn require_one(setting: &'static str, values: &[String]) -> Result<(), ConfigError> {
    if values.is_empty() {
        return Err(ConfigError::new(setting, "at least one is required"));
    }
    Ok(())
}

/// Checks each value of a list; `problem` returns what is wrong with a value.
fn check_each(
    setting: &'static str,
    values: &[String],
    problem: impl Fn(&str) -> Option<&'static str>,
) -> Result<(), ConfigError> {
    values.iter().try_for_each(|value| match problem(value) {
        None => Ok(()),
        Some(problem) => Err(ConfigError::new(setting, format!("{value:?}: {problem}"))),
    })
}

fn clock_skew(seconds: f64) -> Result<Duration, ConfigError> {
    if !(0.0..=MAX_CLOCK_SKEW_SECS).contains(&seconds) {
        let problem = format!("{seconds} is not a number of seconds from 0 to 60");
        return Err(ConfigError::new("clock_skew_secs", problem));
    }
    Duration::try_from_secs_f64(seconds)
        .map_err(|error| ConfigError::new("clock_skew_secs", error.to_string()))
}

/// What is wrong with an issuer. It must be `https://host`, with a port or a path if a proxy needs
/// them, and without a slash at the end.
fn issuer_problem(issuer: &str) -> Option<&'static str> {
    let Some(rest) = issuer.strip_prefix("https://") else {
        return Some("it must begin with https://");
    };
    if rest.ends_with('/') {
        return Some("it must not end in a slash: Clerk's `iss` has none");
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
    if !is_host_name(host) || port.parse::<u16>().is_err() {
        return Some("it must name a lower-case host with a dot");
    }
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"?#\\".contains(&byte);
    (!path.bytes().all(is_plain)).then_some("it must have no query, fragment or space")
}

/// What is wrong with an authorized party. It must be a serialised origin (RFC 6454, section 6.2):
/// scheme, `://`, host, perhaps a port, and nothing else.
fn party_problem(party: &str) -> Option<&'static str> {
    let Some((scheme, host)) = party.split_once("://") else {
        return Some("it must be an origin, such as https://app.example.com");
    };
    let scheme_holds = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte)
        });
    if !scheme_holds || host.is_empty() {
        return Some("it must be an origin, such as https://app.example.com");
    }
    if host.contains('*') {
        return Some("it must be one origin: there are no wildcards");
    }
    if host.contains(['/', '?', '#', '@', '\\']) {
        return Some("it must be an origin: no path, no slash at the end, no user");
    }
    if !host.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some("it must be ASCII without spaces, as browsers send it");
    }
    (host.bytes().any(|byte| byte.is_ascii_uppercase()))
        .then_some("it must be lower case, as browsers send it")
}
