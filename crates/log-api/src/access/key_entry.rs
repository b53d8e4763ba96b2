//! One key as the configuration names it: `name:scope+scope:sha256`, then `:prefix=…` and `:expires=…` where they are set.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use log_domain::JobId;
use thiserror::Error;

use super::api_key::KeyDigest;
use super::scope::{Scope, ScopeError};

/// The longest name of a key.
const MAX_NAME_LEN: usize = 64;

/// A key: what it allows, and how it is recognised. It does not contain the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEntry {
    /// For people: in the log of the service, and in `user` limits. 1 to 64 characters of `A–Z a–z 0–9 . _ -`.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// The SHA-256 of the key.
    pub digest: KeyDigest,
    /// What the ids of its jobs begin with; `None` means any job.
    pub prefix: Option<String>,
    /// From when on it is refused.
    pub expires: Option<Timestamp>,
}

impl KeyEntry {
    /// Whether it allows something for a job.
    #[must_use]
    pub fn allows(&self, scope: Scope, job: &JobId) -> bool {
        let is_its_job = |prefix: &String| job.as_str().starts_with(prefix.as_str());
        self.scopes.contains(&scope) && self.prefix.as_ref().is_none_or(is_its_job)
    }

    /// Whether its time is over.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| now >= expires)
    }
}

/// What is wrong with an entry. The entry is not repeated: somebody may have put a key there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyEntryError {
    /// There are not three parts.
    #[error("an entry is `name:scope+scope:sha256`, as `log-api keys new` prints it")]
    Form,
    /// The name has other characters, none, or too many.
    #[error("a name is 1 to {MAX_NAME_LEN} characters of A–Z, a–z, 0–9, `.`, `_` and `-`")]
    Name,
    /// A scope is unknown, or there is none.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// The digest is not 64 hexadecimal digits.
    #[error("the third part is the SHA-256 of the key: 64 hexadecimal digits")]
    Digest,
    /// The prefix is not the beginning of a job id.
    #[error("`prefix=` is followed by the beginning of job ids")]
    Prefix,
    /// The end is no time.
    #[error(
        "`expires=` is followed by a date (2027-01-31, valid through that day) or a time (2027-01-31T12:00:00Z)"
    )]
    Expires,
    /// Something else follows the digest.
    #[error("after the digest there may be `prefix=…` and then `expires=…`")]
    Option,
}

impl FromStr for KeyEntry {
    type Err = KeyEntryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Scopes contain colons, so the digest is found from behind the first option.
        let (name, rest) = text.split_once(':').ok_or(KeyEntryError::Form)?;
        let digest_at = rest
            .split(':')
            .scan(0, |at, part| {
                let begin = *at;
                *at += part.len() + 1;
                Some((begin, part))
            })
            .find(|(_, part)| part.len() == 64);
        let Some((at, digest)) = digest_at else {
            let parts = rest.split(':').count();
            let incomplete = parts < 3;
            return Err(if incomplete {
                KeyEntryError::Form
            } else {
                KeyEntryError::Digest
            });
        };
        let scopes = rest.get(..at.saturating_sub(1)).unwrap_or_default();
        let options = rest.get(at + 64..).unwrap_or_default();
        let (prefix, expires) = options_of(options)?;
        Ok(Self {
            name: name_of(name)?,
            scopes: scopes
                .split('+')
                .map(str::parse)
                .collect::<Result<_, _>>()?,
            digest: KeyDigest::from_hex(digest).ok_or(KeyEntryError::Digest)?,
            prefix,
            expires,
        })
    }
}

/// As the configuration writes it.
impl fmt::Display for KeyEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scopes: Vec<_> = self.scopes.iter().map(|scope| scope.as_str()).collect();
        write!(f, "{}:{}:{}", self.name, scopes.join("+"), self.digest)?;
        if let Some(prefix) = &self.prefix {
            write!(f, ":prefix={prefix}")?;
        }
        if let Some(expires) = self.expires {
            write!(f, ":expires={expires}")?;
        }
        Ok(())
    }
}

/// A name of a key.
///
/// # Errors
/// It has other characters, none, or too many.
pub(crate) fn name_of(text: &str) -> Result<String, KeyEntryError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if text.is_empty() || text.len() > MAX_NAME_LEN || !text.bytes().all(allowed) {
        return Err(KeyEntryError::Name);
    }
    Ok(text.into())
}

/// The beginning of job ids.
///
/// # Errors
/// No job id begins like this.
pub(crate) fn prefix_of(text: &str) -> Result<String, KeyEntryError> {
    text.parse::<JobId>().map_err(|_| KeyEntryError::Prefix)?;
    Ok(text.into())
}

/// The end of a key's life. A day is over at its end, UTC.
///
/// # Errors
/// The text is neither a date nor a time.
pub(crate) fn expires_of(text: &str) -> Result<Timestamp, KeyEntryError> {
    if let Ok(date) = text.parse::<Date>()
        && !text.contains('T')
    {
        let next = date
            .checked_add(1.day())
            .map_err(|_| KeyEntryError::Expires)?;
        let midnight = TimeZone::UTC.to_timestamp(next.at(0, 0, 0, 0));
        return midnight.map_err(|_| KeyEntryError::Expires);
    }
    text.parse().map_err(|_| KeyEntryError::Expires)
}

/// `:prefix=…` and then `:expires=…`, each of which may be missing. A time contains colons, so it comes last.
fn options_of(text: &str) -> Result<(Option<String>, Option<Timestamp>), KeyEntryError> {
    let mut rest = text;
    let (mut prefix, mut expires) = (None, None);
    if let Some(after) = rest.strip_prefix(":prefix=") {
        let (value, after) = after.split_at(after.find(':').unwrap_or(after.len()));
        (prefix, rest) = (Some(prefix_of(value)?), after);
    }
    if let Some(value) = rest.strip_prefix(":expires=") {
        (expires, rest) = (Some(expires_of(value)?), "");
    }
    if rest.is_empty() {
        Ok((prefix, expires))
    } else {
        Err(KeyEntryError::Option)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest() -> String {
        "0a".repeat(32)
    }

    fn read(text: &str) -> Result<KeyEntry, KeyEntryError> {
        text.replace("DIGEST", &digest()).parse()
    }

    #[test]
    fn an_entry_reads_back_as_it_was_written() {
        for text in [
            "ci:jobs:create+logs:append:DIGEST",
            "a.b_C-9:logs:read:DIGEST:prefix=acme-",
            "ci:jobs:status:DIGEST:expires=2027-01-31T12:00:00Z",
            "ci:jobs:status:DIGEST:prefix=x:expires=2027-01-31T12:00:00Z",
        ] {
            assert_eq!(
                read(text).unwrap().to_string(),
                text.replace("DIGEST", &digest())
            );
        }
    }

    #[test]
    fn a_date_is_valid_through_its_day() {
        let entry = read("ci:logs:read:DIGEST:expires=2027-01-31").unwrap();
        assert!(!entry.is_expired("2027-01-31T23:59:59Z".parse().unwrap()));
        assert!(entry.is_expired("2027-02-01T00:00:00Z".parse().unwrap()));
        let forever = read("ci:logs:read:DIGEST").unwrap();
        assert!(!forever.is_expired(Timestamp::MAX));
    }

    #[test]
    fn every_mistake_is_named() {
        use KeyEntryError as E;
        for (text, expected) in [
            ("", E::Form),
            ("ci", E::Form),
            ("ci:logs:append", E::Form),
            (":logs:read:DIGEST", E::Name),
            ("c i:logs:read:DIGEST", E::Name),
            ("ci:logs:write:DIGEST", E::Scope(ScopeError)),
            ("ci::DIGEST", E::Scope(ScopeError)),
            ("ci:logs:read+:DIGEST", E::Scope(ScopeError)),
            ("ci:logs:read:abc", E::Digest),
            ("ci:logs:read:DIGEST:prefix=a/b", E::Prefix),
            ("ci:logs:read:DIGEST:expires=soon", E::Expires),
            ("ci:logs:read:DIGEST:expires=2027-02-30", E::Expires),
            ("ci:logs:read:DIGEST:owner=x", E::Option),
            ("ci:logs:read:DIGESTx", E::Digest),
        ] {
            assert_eq!(read(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_key_is_for_its_scopes_and_jobs_alone() {
        let entry = read("ci:logs:append+jobs:status:DIGEST:prefix=acme-").unwrap();
        let allows = |scope, job: &str| entry.allows(scope, &job.parse().unwrap());
        assert!(allows(Scope::LogsAppend, "acme-1"));
        assert!(allows(Scope::JobsStatus, "acme-"));
        assert!(!allows(Scope::LogsAppend, "acme"));
        assert!(!allows(Scope::LogsAppend, "x-acme-1"));
        assert!(!allows(Scope::LogsRead, "acme-1"));
    }
}
