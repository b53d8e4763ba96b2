//! The configuration of TLS that fred needs.

use std::path::Path;
use std::sync::Arc;

use fred::rustls::crypto::{CryptoProvider, aws_lc_rs};
use fred::rustls::pki_types::pem::PemObject;
use fred::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use fred::rustls::{ClientConfig, RootCertStore};
use fred::types::config::{TlsConfig, TlsConnector};

use super::options_error::RedisOptionsError;

/// From the authorities to trust, and our certificate with its key.
pub(super) fn tls_config(
    ca_file: Option<&Path>,
    cert_file: Option<&Path>,
    key_file: Option<&Path>,
) -> Result<TlsConfig, RedisOptionsError> {
    let ca_wrong = |reason| RedisOptionsError::CaFile { reason };
    let cert_wrong = |reason| RedisOptionsError::CertFile { reason };
    let key_wrong = |reason| RedisOptionsError::KeyFile { reason };
    let roots = match ca_file {
        Some(path) => {
            let found = certificates(path).and_then(roots);
            found.map_err(ca_wrong)?
        }
        None => system_roots(),
    };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| RedisOptionsError::CryptoProvider {
            reason: error.to_string(),
        })?
        .with_root_certificates(roots);
    let config = match (cert_file, key_file) {
        (None, None) => builder.with_no_client_auth(),
        (Some(cert), Some(key)) => {
            let chain = certificates(cert).map_err(cert_wrong)?;
            let key = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| key_wrong(format!("{}: {error}", key.display())))?;
            let config = builder.with_client_auth_cert(chain, key);
            config.map_err(|error| key_wrong(error.to_string()))?
        }
        (Some(_), None) => {
            return Err(key_wrong("a certificate needs its key".into()));
        }
        (None, Some(_)) => {
            return Err(cert_wrong("a key needs its certificate".into()));
        }
    };
    Ok(TlsConnector::from(config).into())
}

/// The provider that the process has chosen, else ours. `ClientConfig::builder()` would choose by what is compiled in, and
/// panic where that is more than one: any crate of the process may have switched on `ring` beside ours.
fn provider() -> Arc<CryptoProvider> {
    let chosen = CryptoProvider::get_default().cloned();
    chosen.unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error| format!("{}: {error}", path.display());
    let found = CertificateDer::pem_file_iter(path).map_err(wrong)?;
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(wrong)?;
    if found.is_empty() {
        return Err(format!("{}: there is no certificate in it", path.display()));
    }
    Ok(found)
}

fn roots(certificates: Vec<CertificateDer<'static>>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    Ok(roots)
}

/// The authorities of the system. One that cannot be read is left out: Redis's may be another one.
fn system_roots() -> RootCertStore {
    let found = fred::rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "an authority of the system cannot be read");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    roots
}
