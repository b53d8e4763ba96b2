//! TLS to Redis: whom to trust, and who we are.

use std::path::PathBuf;

use fred::types::config::Config;

use super::options_error::RedisOptionsError;

/// Files for TLS, all PEM. Without any, the authorities of the system are trusted, and there is no client certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisTls {
    /// The authorities to trust, instead of those of the system.
    pub ca_file: Option<PathBuf>,
    /// Our certificate, with those between it and its authority.
    pub cert_file: Option<PathBuf>,
    /// The key of our certificate.
    pub key_file: Option<PathBuf>,
}

impl RedisTls {
    /// Somebody who names an authority does not want to send passwords in clear, to an address without TLS.
    pub(super) fn check_unused(&self) -> Result<(), RedisOptionsError> {
        if *self == Self::default() {
            return Ok(());
        }
        Err(RedisOptionsError::Url {
            reason: "files for TLS are given, but it does not begin with rediss://".into(),
        })
    }

    /// Sets what `config` needs to speak TLS.
    #[cfg(feature = "tls")]
    pub(super) fn switch_on(&self, config: &mut Config) -> Result<(), RedisOptionsError> {
        config.tls = Some(super::tls_config::tls_config(
            self.ca_file.as_deref(),
            self.cert_file.as_deref(),
            self.key_file.as_deref(),
        )?);
        Ok(())
    }

    #[cfg(not(feature = "tls"))]
    #[expect(
        clippy::unused_self,
        reason = "the same call, whether TLS is built in or not"
    )]
    pub(super) const fn switch_on(&self, _: &mut Config) -> Result<(), RedisOptionsError> {
        Err(RedisOptionsError::NoTls)
    }
}

impl RedisTls {
    /// Sets [`RedisTls::ca_file`].
    #[must_use]
    pub fn ca_file(mut self, ca_file: impl Into<Option<PathBuf>>) -> Self {
        self.ca_file = ca_file.into();
        self
    }

    /// Sets [`RedisTls::cert_file`].
    #[must_use]
    pub fn cert_file(mut self, cert_file: impl Into<Option<PathBuf>>) -> Self {
        self.cert_file = cert_file.into();
        self
    }

    /// Sets [`RedisTls::key_file`].
    #[must_use]
    pub fn key_file(mut self, key_file: impl Into<Option<PathBuf>>) -> Self {
        self.key_file = key_file.into();
        self
    }
}
