//! One session token: what a test or a demo may choose in it.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use crate::clock::since_epoch;

/// How long a token lives unless said otherwise: as long as Clerk's.
const LIFETIME: Duration = Duration::from_secs(60);

/// A session token before it is signed, as Clerk makes it (version 2).
///
/// ```
/// use auth::mint::{Issuer, SessionToken};
///
/// # fn main() -> Result<(), auth::mint::MintError> {
/// let instance = Issuer::generate()?;
/// let token = SessionToken::new("user_1")
///     .authorized_party("https://app.example.com")
///     .organization("org_1", "admin", &["org:builds:read", "org:builds:manage"]);
/// let token = instance.sign_session(&token)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "an issuer signs it"]
pub struct SessionToken {
    user_id: String,
    authorized_party: Option<String>,
    organization: Map<String, Value>,
    issued_at: SystemTime,
    lifetime: Duration,
}

impl SessionToken {
    /// A token of a new session of this user.
    pub fn new(user_id: &str) -> Self {
        Self {
            user_id: user_id.to_owned(),
            authorized_party: None,
            organization: Map::new(),
            issued_at: SystemTime::now(),
            lifetime: LIFETIME,
        }
    }

    /// The origin that the token is for (`azp`). Without one, it is like the token of a native app.
    pub fn authorized_party(mut self, origin: &str) -> Self {
        self.authorized_party = Some(origin.to_owned());
        self
    }

    /// The active organisation, the user's role in it without `org:`, and the user's permissions there
    /// (`org:<feature>:<permission>`; others are left out, as a token has no place for them).
    pub fn organization(mut self, id: &str, role: &str, permissions: &[&str]) -> Self {
        self.organization = organization_claims(id, role, permissions);
        self
    }

    /// When the token was issued. The default is now.
    pub const fn issued_at(mut self, now: SystemTime) -> Self {
        self.issued_at = now;
        self
    }

    /// How long the token is valid from then on. The default is 60 s, as at Clerk.
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    pub(super) fn issued_at_secs(&self) -> u64 {
        since_epoch(self.issued_at).as_secs()
    }

    /// The claims that do not depend on who signs.
    pub(super) fn claims(&self) -> Value {
        let now = self.issued_at_secs();
        let mut claims = json!({
            "exp": now.saturating_add(self.lifetime.as_secs()),
            "fva": [0, -1],
            "iat": now,
            "nbf": now.saturating_sub(10),
            "sts": "active",
            "sub": self.user_id,
            "v": 2,
        });
        if let Some(origin) = &self.authorized_party {
            claims["azp"] = Value::from(origin.as_str());
        }
        for (name, value) in &self.organization {
            claims[name] = value.clone();
        }
        claims
    }
}

/// The claims `o` and `fea` of version 2. `per` lists the names of permissions once, and `fpm` says for each feature, in
/// the order of `fea`, which of them it has: bit 0 is the first.
fn organization_claims(id: &str, role: &str, permissions: &[&str]) -> Map<String, Value> {
    let parsed: Vec<(&str, &str)> = (permissions.iter())
        .filter_map(|name| name.strip_prefix("org:")?.split_once(':'))
        .collect();
    let features = distinct(parsed.iter().map(|(feature, _)| *feature));
    let names = distinct(parsed.iter().map(|(_, name)| *name));
    let mask = |feature: &&str| {
        let has = |name: &&str| parsed.contains(&(*feature, *name));
        let bits = (names.iter().zip(0_u32..128)).filter(|(name, _)| has(name));
        let mask: u128 = bits.map(|(_, bit)| 1 << bit).sum();
        mask.to_string()
    };
    let masks: Vec<String> = features.iter().map(mask).collect();
    let features: Vec<String> = features.iter().map(|f| format!("o:{f}")).collect();
    let mut organization = json!({ "id": id, "rol": role });
    let mut claims = Map::new();
    if !masks.is_empty() {
        organization["per"] = Value::from(names.join(","));
        organization["fpm"] = Value::from(masks.join(","));
        claims.insert("fea".to_owned(), Value::from(features.join(",")));
    }
    claims.insert("o".to_owned(), organization);
    claims
}

/// Each text once, in the order in which it comes first.
fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for text in texts {
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    seen
}
