//! Who may go on reading: leases, organisations, webhooks.

use std::time::Duration;

use auth::webhooks::SigningSecret;
use log_domain::OrgRule;

use super::catalog;
use super::read::Reader;
use crate::access::LeaseOptions;

/// What a reader must fulfil besides having a valid token.
#[derive(Debug, Clone)]
pub struct AccessSettings {
    /// `LOG_API_STREAM_LEASE_SECS`, `LOG_API_STREAM_LEASE_MODE`: when the access of a stream's reader is checked again,
    /// and what happens then.
    pub lease: LeaseOptions,
    /// `LOG_API_ORG_READ`: whether members of a job's organisation may read it.
    pub org_read: OrgRule,
    /// `CLERK_WEBHOOK_SECRET`: the secrets of the webhook endpoint; several while one is being replaced. Without one
    /// there is no webhook route.
    pub webhook_secrets: Vec<SigningSecret>,
}

impl AccessSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            lease: LeaseOptions {
                length: reader.duration(&catalog::LEASE_SECS),
                mode: reader.parsed(&catalog::LEASE_MODE).unwrap_or_default(),
            },
            org_read: org_read(reader),
            webhook_secrets: webhook_secrets(reader),
        }
    }

    /// How long a revocation is kept: longer than any token and any lease lives, and an hour more, because this process
    /// may be cut off from the store for a while.
    #[must_use]
    pub fn keep_revocations(&self, max_token_life: Duration) -> Duration {
        max_token_life.max(self.lease.length) + Duration::from_secs(3600)
    }
}

fn org_read(reader: &mut Reader<'_>) -> OrgRule {
    match reader.text(&catalog::ORG_READ).as_deref() {
        None | Some("off") => OrgRule::Off,
        Some("member") => OrgRule::Members,
        Some(text) if is_permission(text) => OrgRule::Permission(text.to_owned()),
        Some(_) => {
            reader.broken_rule(&catalog::ORG_READ);
            OrgRule::Off
        }
    }
}

/// Whether a text is a permission that can be in a token: `org:<feature>:<permission>`.
fn is_permission(text: &str) -> bool {
    let parts: Vec<_> = text.split(':').collect();
    let is_name = |part: &&str| !part.is_empty() && !part.starts_with("sys_");
    matches!(parts[..], ["org", _, _]) && parts.iter().all(is_name)
}

fn webhook_secrets(reader: &mut Reader<'_>) -> Vec<SigningSecret> {
    let texts = reader.list(&catalog::WEBHOOK_SECRET).unwrap_or_default();
    let parsed: Result<Vec<_>, _> = texts
        .iter()
        .map(|text| SigningSecret::parse(text))
        .collect();
    parsed.unwrap_or_else(|_| {
        reader.broken_rule(&catalog::WEBHOOK_SECRET);
        Vec::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::env::NoEnv;

    #[test]
    fn a_permission_is_one_that_a_token_can_hold() {
        assert!(is_permission("org:builds:read"));
        for text in [
            "org:admin",
            "builds:read",
            "org::read",
            "org:builds:",
            "org:sys_memberships:read",
            "yes",
            "org:a:b:c",
        ] {
            assert!(!is_permission(text), "{text}");
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_library() {
        let settings = AccessSettings::read(&mut Reader::new(&NoEnv));
        assert_eq!(settings.lease, LeaseOptions::default());
    }
}
