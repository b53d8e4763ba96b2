//! Why a store on Redis cannot be made.

use thiserror::Error;

/// A store on Redis cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RedisOptionsError {
    /// The address cannot be parsed. The message does not repeat it: it may contain a password.
    #[error("the address of Redis cannot be read: {reason}")]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// The file of authorities cannot be used.
    #[error("the file of trusted authorities cannot be used: {reason}")]
    CaFile {
        /// What is wrong with it.
        reason: String,
    },
    /// The file of our certificate cannot be used.
    #[error("the certificate cannot be used: {reason}")]
    CertFile {
        /// What is wrong with it.
        reason: String,
    },
    /// The file of our key cannot be used.
    #[error("the key of the certificate cannot be used: {reason}")]
    KeyFile {
        /// What is wrong with it.
        reason: String,
    },
    /// The address asks for TLS, and this build cannot speak it.
    #[error("the address of Redis asks for TLS, which needs the feature `tls` of log-store")]
    NoTls,
    /// The crypto provider that the process has installed cannot be used.
    #[error("the crypto provider of this process cannot be used for TLS: {reason}")]
    CryptoProvider {
        /// What is wrong with it.
        reason: String,
    },
    /// There is no tokio runtime to connect on.
    #[error("a store on Redis is made inside a tokio runtime, and there is none here")]
    NoRuntime,
    /// A duration is less than a millisecond.
    #[error("`{field}` must be at least a millisecond")]
    TooShort {
        /// The field of [`super::RedisOptions`].
        field: &'static str,
    },
}
