//! TLS to Redis: whom the store trusts, who it is, and what it says where that does not fit.
//!
//! TLS ends in a proxy in front of the Redis that tests share: that needs no certificate inside a container.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use log_domain::EntryId;
use log_store::conformance::fresh_job;
use log_store::redis::{CheckError, RedisOptionsError, RedisStore, RedisTls, WatchMode};
use log_store::{LogAppend as _, LogStore as _, NewLine};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;
use test_support::RedisServer;
use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::support::{ALL, options};

/// An authority, and files for the store.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap());
        Self {
            issuer: issuer.unwrap(),
            folder: TempDir::new().unwrap(),
        }
    }

    /// A file with the authority.
    fn file(&self) -> PathBuf {
        self.write("ca.pem", &self.issuer.pem())
    }

    /// A certificate for a name, and its key.
    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// A certificate for a client, in files.
    fn client(&self) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.issue("client.example");
        (
            self.write("client.pem", &certificate.pem()),
            self.write("client-key.pem", &key.serialize_pem()),
        )
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// A proxy that ends TLS, with a certificate for a name. With `clients`, it asks for one of that authority. Ends with the
/// test's runtime.
async fn proxy(authority: &Authority, name: &str, clients: Option<&Authority>) -> SocketAddr {
    let (certificate, key) = authority.issue(name);
    let builder = ServerConfig::builder();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(clients.issuer.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots));
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = builder.with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let redis = RedisServer::shared().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let (acceptor, redis) = (acceptor.clone(), redis.address());
            tokio::spawn(async move {
                let mut client = acceptor.accept(client).await?;
                let mut server = TcpStream::connect(redis).await?;
                copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    address
}

fn store(url: String, tls: RedisTls) -> Result<RedisStore, RedisOptionsError> {
    RedisStore::new(options(url, WatchMode::Auto).tls(tls))
}

fn trusting(authority: &Authority) -> RedisTls {
    RedisTls::default().ca_file(Some(authority.file()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_trusts_the_authorities_of_a_file() {
    let authority = Authority::new("one");
    let address = proxy(&authority, "127.0.0.1", None).await;
    for scheme in ["rediss", "valkeys"] {
        let store = store(format!("{scheme}://{address}"), trusting(&authority)).unwrap();
        assert!(store.check().await.unwrap().tracks);
        let job = fresh_job();
        store.append(&job, &[NewLine::default()]).await.unwrap();
        let tail = store.read_after(&job, EntryId::ZERO, ALL).await.unwrap();
        assert_eq!(tail.lines.len(), 1);
    }
}

/// What a check says, which must be final.
async fn refused(url: String, tls: RedisTls) -> String {
    let error = store(url, tls).unwrap().check().await.unwrap_err();
    assert!(matches!(error, CheckError::Settings { .. }), "{error:?}");
    assert!(!error.is_retryable());
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_does_not_fit_is_an_error_that_says_what_to_change() {
    let (authority, other) = (Authority::new("one"), Authority::new("other"));
    let address = proxy(&authority, "127.0.0.1", None).await;
    let url = || format!("rediss://{address}");
    let error = refused(url(), RedisTls::default()).await;
    assert!(error.contains("not trusted here"), "{error}");
    let error = refused(url(), trusting(&other)).await;
    assert!(error.contains("not trusted here"), "{error}");
    let elsewhere = proxy(&authority, "redis.example", None).await;
    let error = refused(format!("rediss://{elsewhere}"), trusting(&authority)).await;
    assert!(error.contains("another name"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_an_error_that_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let answer = b"-ERR Protocol error: unauthenticated multibulk length\r\n";
            client.write_all(answer).await.unwrap();
        }
    });
    let error = refused(format!("rediss://{address}"), RedisTls::default()).await;
    assert!(error.contains("does not speak TLS"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_shows_its_certificate_where_redis_asks_for_one() {
    let authority = Authority::new("one");
    let address = proxy(&authority, "127.0.0.1", Some(&authority)).await;
    let url = || format!("rediss://{address}");
    let error = refused(url(), trusting(&authority)).await;
    assert!(error.contains("asks for a client certificate"), "{error}");
    let (cert, key) = authority.client();
    let tls = trusting(&authority)
        .cert_file(Some(cert))
        .key_file(Some(key));
    store(url(), tls).unwrap().check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_used_are_refused_by_name() {
    let authority = Authority::new("one");
    let (cert, key) = authority.client();
    let empty = authority.write("empty.pem", "");
    let missing = authority.folder.path().join("missing.pem");
    let build = |tls| store("rediss://127.0.0.1".into(), tls).unwrap_err();
    for path in [&empty, &missing] {
        let with = |path: &PathBuf| Some(path.clone());
        let error = build(RedisTls::default().ca_file(with(path)));
        assert!(matches!(error, RedisOptionsError::CaFile { .. }), "{error}");
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
        let error = build(
            RedisTls::default()
                .cert_file(with(path))
                .key_file(with(&key)),
        );
        assert!(
            matches!(error, RedisOptionsError::CertFile { .. }),
            "{error}"
        );
        let error = build(
            RedisTls::default()
                .cert_file(with(&cert))
                .key_file(with(path)),
        );
        assert!(
            matches!(error, RedisOptionsError::KeyFile { .. }),
            "{error}"
        );
    }
    let alone = build(RedisTls::default().cert_file(Some(cert)));
    assert!(alone.to_string().contains("needs its key"), "{alone}");
    let plain = store("redis://127.0.0.1".into(), trusting(&authority)).unwrap_err();
    assert!(plain.to_string().contains("rediss://"), "{plain}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_redis_does_not_have_is_an_error_that_says_so() {
    let redis = RedisServer::shared().await;
    let error = refused(format!("{}/99", redis.url()), RedisTls::default()).await;
    assert!(error.contains("no database"), "{error}");
}

#[test]
fn a_store_that_is_made_outside_a_runtime_is_an_error() {
    let made = store("redis://127.0.0.1:1".to_owned(), RedisTls::default());
    assert_eq!(made.unwrap_err(), RedisOptionsError::NoRuntime);
}
