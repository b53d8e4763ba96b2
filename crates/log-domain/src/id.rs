//! The ids of jobs, users and organisations. Text from outside is parsed into them once, at the edge.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::limits::MAX_JOB_ID_LEN;

/// The id of one job: 1 to 128 characters of `A–Z a–z 0–9 _ -`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(Arc<str>);

impl JobId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobId({})", self.0)
    }
}

/// The text is not a job id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobIdError;

impl fmt::Display for JobIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "must be 1 to {MAX_JOB_ID_LEN} characters of A–Z, a–z, 0–9, `_` and `-`"
        )
    }
}

impl std::error::Error for JobIdError {}

impl FromStr for JobId {
    type Err = JobIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if text.is_empty() || text.len() > MAX_JOB_ID_LEN || !text.bytes().all(allowed) {
            return Err(JobIdError);
        }
        Ok(Self(text.into()))
    }
}

/// The id of a user, as the identity provider gives it. It is compared byte by byte, never shown to another user, and
/// never printed by `Debug`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UserId(Arc<str>);

impl UserId {
    /// A user id from the provider's text; `None` if the text is empty.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserId(…)")
    }
}

/// The id of an organisation, as the identity provider gives it. It is not the slug, which can change. It is compared
/// like a [`UserId`], and never printed by `Debug` either.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OrgId(Arc<str>);

impl OrgId {
    /// The id of an organisation from the provider's text; `None` if the text is empty.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OrgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OrgId(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_id_has_1_to_128_allowed_characters() {
        assert!("a".parse::<JobId>().is_ok());
        assert!("A-z_09".parse::<JobId>().is_ok());
        assert!("x".repeat(128).parse::<JobId>().is_ok());
        for text in [
            "",
            &"x".repeat(129),
            "a b",
            "a/b",
            "a:b",
            "{a}",
            "é",
            "a\n",
            "*",
            "..",
        ] {
            assert_eq!(text.parse::<JobId>(), Err(JobIdError), "{text:?}");
        }
    }

    #[test]
    fn a_user_id_is_not_printed() {
        let user = UserId::new("user_secret").unwrap();
        assert!(!format!("{user:?}").contains("secret"));
        assert_eq!(UserId::new(""), None);
    }

    #[test]
    fn an_organisation_id_is_not_printed() {
        let org = OrgId::new("org_secret").unwrap();
        assert!(!format!("{org:?}").contains("secret"));
        assert_eq!(OrgId::new(""), None);
    }
}
