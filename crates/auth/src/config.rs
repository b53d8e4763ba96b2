//! A verifier's settings, refused at start where they cannot be meant.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::carriers::Carriers;
use crate::clock::{Clock, SystemClock};
use crate::host::is_host_name;
use crate::key_source::KeySource;
use crate::publishable_key::PublishableKey;
use crate::verifier::{Policy, Verifier};

/// How far Clerk's clock and ours may differ, in seconds: what Clerk's own SDKs allow.
pub const DEFAULT_CLOCK_SKEW_SECS: f64 = 5.0;

/// Longest `exp` − `iat`. Session tokens live one minute; what lives longer than this is another
/// class.
pub const DEFAULT_MAX_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// Most clock skew that can be set, in seconds: a token lives a minute, so more would be no check
/// at all.
const MAX_CLOCK_SKEW_SECS: f64 = 60.0;

/// A setting that cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{setting}: {problem}")]
pub struct ConfigError {
    setting: &'static str,
    problem: String,
}

impl ConfigError {
    pub(crate) fn new(setting: &'static str, problem: impl Into<String>) -> Self {
        Self {
            setting,
            problem: problem.into(),
        }
    }

    /// The setting's name, as the method or field that sets it is called.
    #[must_use]
    pub const fn setting(&self) -> &'static str {
        self.setting
    }
}

/// Collects a [`Verifier`]'s settings; made by [`Verifier::builder`].
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
    carriers: Carriers,
}

impl VerifierBuilder {
    pub(crate) fn new(keys: Arc<dyn KeySource>) -> Self {
        Self {
            keys,
            clock: Arc::new(SystemClock),
            issuers: Vec::new(),
            authorized_parties: Vec::new(),
            audiences: Vec::new(),
            clock_skew_secs: DEFAULT_CLOCK_SKEW_SECS,
            max_lifetime: DEFAULT_MAX_LIFETIME,
            allow_missing_azp: false,
            accept_pending: false,
            carriers: Carriers::default(),
        }
    }

    /// Adds issuers, compared whole with `iss`. At least one is required, usually
    /// [`PublishableKey::issuer`](crate::PublishableKey::issuer). All of them must be names of the
    /// one instance that the keys belong to.
    pub fn issuers(mut self, issuers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.issuers.extend(issuers.into_iter().map(Into::into));
        self
    }

    /// Adds origins that tokens may be made for, compared whole with `azp`. At least one is
    /// required: without this check any other site of the same instance could use its visitors'
    /// tokens here.
    pub fn authorized_parties(
        mut self,
        parties: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.authorized_parties
            .extend(parties.into_iter().map(Into::into));
        self
    }

    /// Adds audiences. With none, which is the default, `aud` is not looked at; with any, a token
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

    /// Sets the longest `exp` − `iat`, by default [`DEFAULT_MAX_LIFETIME`]. Raise it only where the
    /// instance has a longer session token lifetime: the check is one of those that keep template
    /// tokens out.
    pub const fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = lifetime;
        self
    }

    /// Sets whether a bearer token without `azp` passes, by default not. Tokens of native applications and
    /// of Clerk's Backend API have none. One that is there is still checked.
    pub const fn allow_missing_azp(mut self, allow: bool) -> Self {
        self.allow_missing_azp = allow;
        self
    }

    /// Sets whether a session with `sts` `pending` passes, by default not; see
    /// [`Session::is_pending`](crate::Session::is_pending).
    pub const fn accept_pending(mut self, accept: bool) -> Self {
        self.accept_pending = accept;
        self
    }

    /// Also takes tokens from the session cookies of the instance that this key names, for pages of
    /// the same origin that cannot send a header (`EventSource`). By default only
    /// `Authorization: Bearer` is read.
    ///
    /// Cookies are taken under rules of their own: see
    /// [`Verifier::credentials`](crate::Verifier::credentials).
    /// [`allow_missing_azp`](Self::allow_missing_azp) does not hold for them.
    pub fn session_cookies(mut self, key: &PublishableKey) -> Self {
        self.carriers = Carriers::with_cookies_of(key);
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
    /// [`ConfigError`] for the first setting that cannot be meant: no issuer or one that is no
    /// `https` URL, no authorized party or one that no browser could send, an empty audience, a
    /// clock skew that is not a number from 0 to 60, a lifetime of zero.
    pub fn build(self) -> Result<Verifier, ConfigError> {
        each("issuers", &self.issuers, true, issuer_problem)?;
        each(
            "authorized_parties",
            &self.authorized_parties,
            true,
            party_problem,
        )?;
        each("audiences", &self.audiences, false, |audience| {
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
            carriers: self.carriers,
        };
        Ok(Verifier::new(policy, self.keys, self.clock))
    }
}

/// Holds each value of a list against a rule that answers what is wrong.
fn each(
    setting: &'static str,
    values: &[String],
    required: bool,
    problem: impl Fn(&str) -> Option<&'static str>,
) -> Result<(), ConfigError> {
    if required && values.is_empty() {
        return Err(ConfigError::new(setting, "at least one is required"));
    }
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

/// An issuer is `https://host`, with a port or a path where a proxy has one, and no slash at the
/// end.
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

/// An authorized party is a serialised origin (RFC 6454, section 6.2): scheme, `://`, host, port,
/// no more.
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
