//! Who may go on reading: leases, organisations, webhooks.

use std::time::Duration;

use auth::webhooks::SigningSecret;
use log_domain::OrgRule;

use super::read::{Reader, Unit};
use crate::access::LeaseOptions;

/// What is asked of who reads, beyond a token.
#[derive(Debug, Clone)]
pub struct AccessSettings {
    /// `LOG_API_STREAM_LEASE_SECS`, `LOG_API_STREAM_LEASE_MODE`: how long a stream goes on without a look at who reads it,
    /// and what happens then.
    pub lease: LeaseOptions,
    /// `LOG_API_ORG_READ`: whether members of a job's organisation may read it: `off`, `member`, or the permission they
    /// need, for example `org:builds:read`.
    pub org_read: OrgRule,
    /// `CLERK_WEBHOOK_SECRET`: the secrets of the webhook's endpoint, several while one is being replaced. Without one
    /// there is no such route.
    pub webhook_secrets: Vec<SigningSecret>,
}

const MODE_RULE: &str = "must be `recheck` or `reauth`";
const ORG_RULE: &str = "must be `off`, `member`, or a permission, for example org:builds:read; Clerk's own (org:sys_…) are in no token";
const SECRET_RULE: &str = "must be the signing secret of the endpoint, whsec_… (several, comma-separated, while one is replaced)";

impl AccessSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let LeaseOptions { length, mode } = LeaseOptions::default();
        let secs = "LOG_API_STREAM_LEASE_SECS";
        Self {
            lease: LeaseOptions {
                length: reader.duration(secs, length, Unit::Seconds, 1..=86_400),
                mode: reader.parsed("LOG_API_STREAM_LEASE_MODE", mode, MODE_RULE),
            },
            org_read: org_read(reader),
            webhook_secrets: webhook_secrets(reader),
        }
    }

    /// How long a revocation is kept, where tokens live at most that long: also longer than a lease, and than a process
    /// may be cut off from the store.
    #[must_use]
    pub fn keep_revocations(&self, max_token_life: Duration) -> Duration {
        max_token_life.max(self.lease.length) + Duration::from_secs(3600)
    }

    pub(super) fn describe(&self) -> Vec<(&'static str, String)> {
        let secrets = self.webhook_secrets.len();
        let org_read = match &self.org_read {
            OrgRule::Off => "off",
            OrgRule::Members => "member",
            OrgRule::Permission(permission) => permission,
        };
        vec![
            (
                "LOG_API_STREAM_LEASE_SECS",
                self.lease.length.as_secs().to_string(),
            ),
            ("LOG_API_STREAM_LEASE_MODE", self.lease.mode.as_str().into()),
            ("LOG_API_ORG_READ", org_read.into()),
            (
                "CLERK_WEBHOOK_SECRET",
                match secrets {
                    0 => "(not set: no webhooks)".into(),
                    n => format!("({n} set)"),
                },
            ),
        ]
    }
}

fn org_read(reader: &mut Reader<'_>) -> OrgRule {
    const KEY: &str = "LOG_API_ORG_READ";
    match reader.text(KEY).as_deref() {
        None | Some("off") => OrgRule::Off,
        Some("member") => OrgRule::Members,
        Some(text) if is_permission(text) => OrgRule::Permission(text.to_owned()),
        Some(_) => {
            reader.problem(KEY, ORG_RULE);
            OrgRule::Off
        }
    }
}

/// Whether the text is a permission that can be in a token: `org:<feature>:<permission>`.
fn is_permission(text: &str) -> bool {
    let parts: Vec<_> = text.split(':').collect();
    let named = |part: &&str| !part.is_empty() && !part.starts_with("sys_");
    matches!(parts[..], ["org", _, _]) && parts.iter().all(named)
}

fn webhook_secrets(reader: &mut Reader<'_>) -> Vec<SigningSecret> {
    const KEY: &str = "CLERK_WEBHOOK_SECRET";
    let texts = reader.commas(KEY).unwrap_or_default();
    let parsed: Result<Vec<_>, _> = texts
        .iter()
        .map(|text| SigningSecret::parse(text))
        .collect();
    parsed.unwrap_or_else(|_| {
        // The value itself is not repeated.
        reader.problem(KEY, SECRET_RULE);
        Vec::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
