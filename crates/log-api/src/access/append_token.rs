//! Append tokens: a credential for one job, which a worker gets instead of a key.
//!
//! `jlt_<expiry>_<hmac>_<job>`: the expiry in Unix seconds, and an HMAC-SHA256 over job, scopes and expiry. Nothing is
//! stored, so every process that has the secret can check it without asking anybody. Its scopes are always the same:
//! `logs:append` and `jobs:status`.

use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use jiff::Timestamp;
use log_domain::JobId;

use super::key_ring::Reason;
use super::scope::Scope;

/// What every append token begins with.
pub(super) const PREFIX: &str = "jlt_";

/// How long a token is valid.
pub const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3600);

/// What a token allows for its job.
pub(super) const SCOPES: [Scope; 2] = [Scope::LogsAppend, Scope::JobsStatus];

/// The shortest secret, in bytes.
pub(crate) const MIN_SECRET: usize = 32;

/// Makes and checks tokens. The first secret signs; all are accepted, so that one can be replaced.
pub struct TokenSigner {
    keys: Vec<Key>,
}

/// Does not show the secrets.
impl fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSigner").finish_non_exhaustive()
    }
}

impl TokenSigner {
    /// With these secrets. `None` if there is none, or one is shorter than 32 bytes.
    #[must_use]
    pub fn new<S: AsRef<[u8]>>(secrets: &[S]) -> Option<Self> {
        let long = |secret: &S| secret.as_ref().len() >= MIN_SECRET;
        if secrets.is_empty() || !secrets.iter().all(long) {
            return None;
        }
        let key = |secret: &S| Key::new(HMAC_SHA256, secret.as_ref());
        Some(Self {
            keys: secrets.iter().map(key).collect(),
        })
    }

    /// A token for a job.
    #[must_use]
    pub fn issue(&self, job: &JobId, now: Timestamp) -> Option<String> {
        let life = i64::try_from(TOKEN_LIFE.as_secs()).unwrap_or(i64::MAX);
        let expires = now.as_second().saturating_add(life);
        let tag = sign(self.keys.first()?, signed_text(job, expires).as_bytes());
        let mut hex = String::with_capacity(64);
        for byte in tag.as_ref() {
            // Writing to a `String` does not fail.
            let _ = write!(hex, "{byte:02x}");
        }
        Some(format!("{PREFIX}{expires}_{hex}_{job}"))
    }

    /// The job that a token is for.
    pub(super) fn check(&self, token: &str, now: Timestamp) -> Result<JobId, Reason> {
        let parts = || {
            let (expires, rest) = token.strip_prefix(PREFIX)?.split_once('_')?;
            let (hex, job) = rest.split_once('_')?;
            let digits = expires.bytes().all(|b| b.is_ascii_digit());
            let expires = expires.parse::<i64>().ok().filter(|_| digits)?;
            Some((expires, tag_of(hex)?, job.parse::<JobId>().ok()?))
        };
        let (expires, tag, job) = parts().ok_or("token-malformed")?;
        let signed = signed_text(&job, expires);
        let is_valid = |key| verify(key, signed.as_bytes(), &tag).is_ok();
        if !self.keys.iter().any(is_valid) {
            return Err("token-invalid");
        }
        if now.as_second() >= expires {
            return Err("token-expired");
        }
        Ok(job)
    }
}

/// What is signed. The first line keeps it apart from everything else that may be signed with this secret.
fn signed_text(job: &JobId, expires: i64) -> String {
    let [append, status] = SCOPES;
    format!("joblog append token 1\n{job}\n{append}+{status}\n{expires}")
}

fn tag_of(hex: &str) -> Option<[u8; 32]> {
    super::api_key::KeyDigest::from_hex(hex).map(|bytes| bytes.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(secrets: &[&str]) -> TokenSigner {
        let secrets: Vec<_> = secrets.iter().map(|secret| secret.repeat(32)).collect();
        TokenSigner::new(&secrets).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_token_is_for_its_job_and_its_time() {
        let (signer, job) = (signer(&["a"]), "b_1-x".parse().unwrap());
        let token = signer.issue(&job, at(1000)).unwrap();
        assert_eq!(signer.check(&token, at(1000 + 86_399)), Ok(job));
        assert_eq!(
            signer.check(&token, at(1000 + 86_400)),
            Err("token-expired")
        );
    }

    #[test]
    fn a_changed_token_is_refused_whatever_was_changed() {
        let (signer, job) = (signer(&["a"]), "build-1".parse().unwrap());
        let token = signer.issue(&job, at(1000)).unwrap();
        for at_byte in 0..token.len() {
            let mut wrong = token.clone().into_bytes();
            wrong[at_byte] = if wrong[at_byte] == b'1' { b'2' } else { b'1' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(signer.check(&wrong, at(1000)).is_err(), "{at_byte}");
            assert!(signer.check(&token[..at_byte], at(1000)).is_err());
        }
        let longer = token.replace("_build-1", "_build-10");
        assert_eq!(signer.check(&longer, at(1000)), Err("token-invalid"));
    }

    #[test]
    fn a_secret_can_be_replaced_by_adding_the_new_one_in_front() {
        let job = "j".parse().unwrap();
        let old = signer(&["a"]).issue(&job, at(0)).unwrap();
        assert!(signer(&["b", "a"]).check(&old, at(1)).is_ok());
        assert_eq!(signer(&["b"]).check(&old, at(1)), Err("token-invalid"));
        let new = signer(&["b", "a"]).issue(&job, at(0)).unwrap();
        assert!(signer(&["b"]).check(&new, at(1)).is_ok());
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert!(TokenSigner::new(&["x".repeat(31)]).is_none());
        assert!(TokenSigner::new::<&str>(&[]).is_none());
    }
}
