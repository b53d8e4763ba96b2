//! TLS to Redis: whom to trust, and who we are.

use std::path::{Path, PathBuf};

use fred::rustls::pki_types::pem::PemObject;
use fred::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use fred::rustls::{ClientConfig, RootCertStore};
use fred::types::config::{TlsConfig, TlsConnector};

/// Files for TLS, all PEM. Without any, the authorities of the system are trusted, and there is no client certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedisTls {
    /// The authorities to trust, instead of those of the system.
    pub ca_file: Option<PathBuf>,
    /// Our certificate, with those between it and its authority.
    pub cert_file: Option<PathBuf>,
    /// The key of our certificate.
    pub key_file: Option<PathBuf>,
}

/// Why TLS cannot be used as the options say. The text says what is wrong with a file.
#[derive(Debug)]
pub(super) enum TlsProblem {
    /// There are files, but the address does not ask for TLS.
    NotAsked,
    CaFile(String),
    CertFile(String),
    KeyFile(String),
}

impl RedisTls {
    fn is_empty(&self) -> bool {
        self.ca_file.is_none() && self.cert_file.is_none() && self.key_file.is_none()
    }

    /// What fred needs. `url_has_tls`: the address asks for TLS.
    pub(super) fn config(&self, url_has_tls: bool) -> Result<Option<TlsConfig>, TlsProblem> {
        if !url_has_tls {
            if self.is_empty() {
                return Ok(None);
            }
            // Somebody who names an authority does not want to send passwords in clear.
            return Err(TlsProblem::NotAsked);
        }
        let roots = match &self.ca_file {
            Some(path) => roots(certificates(path).map_err(TlsProblem::CaFile)?)
                .map_err(TlsProblem::CaFile)?,
            None => system_roots(),
        };
        let builder = ClientConfig::builder().with_root_certificates(roots);
        let config = match (&self.cert_file, &self.key_file) {
            (None, None) => builder.with_no_client_auth(),
            (Some(cert), Some(key)) => {
                let chain = certificates(cert).map_err(TlsProblem::CertFile)?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| TlsProblem::KeyFile(format!("{}: {error}", key.display())))?;
                let config = builder.with_client_auth_cert(chain, key);
                config.map_err(|error| TlsProblem::KeyFile(error.to_string()))?
            }
            (Some(_), None) => {
                return Err(TlsProblem::KeyFile("a certificate needs its key".into()));
            }
            (None, Some(_)) => {
                return Err(TlsProblem::CertFile("a key needs its certificate".into()));
            }
        };
        Ok(Some(TlsConnector::from(config).into()))
    }
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
