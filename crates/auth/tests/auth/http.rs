//! Case 51 over a socket: which answers a fetch accepts, and that it follows no redirect. These tests
//! use the real clock: a paused one would jump ahead while the server is answering.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use auth::remote::{Fetch, HttpFetch, MAX_JWKS_BYTES};
use auth::{CachePolicy, RemoteKeys};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::support::*;

/// An HTTP server on loopback that answers every request with the same bytes and closes.
struct Server {
    url: String,
    requests: Arc<AtomicUsize>,
    answer: watch::Sender<Vec<u8>>,
    task: AbortHandle,
}

impl Server {
    async fn new(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "http://{}/.well-known/jwks.json",
            listener.local_addr().unwrap()
        );
        let requests = Arc::new(AtomicUsize::new(0));
        let (sender, receiver) = watch::channel(answer);
        let counter = Arc::clone(&requests);
        let accept = async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(respond(stream, receiver.borrow().clone()));
            }
        };
        let task = tokio::spawn(accept).abort_handle();
        Self {
            url,
            requests,
            answer: sender,
            task,
        }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads the head of one request and answers it. An empty answer means that it never answers.
async fn respond(mut stream: TcpStream, answer: Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"GET /.well-known/jwks.json HTTP/1.1\r\n"));
    if answer.is_empty() {
        return std::future::pending().await;
    }
    // The client may close the connection before it has read everything.
    match stream.write_all(&answer).await {
        Ok(()) => {}
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
            ) => {}
        Err(error) => panic!("{error}"),
    }
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn ok(body: &[u8]) -> Vec<u8> {
    answer("200 OK", "", body)
}

fn good() -> Vec<u8> {
    ok(INSTANCE.jwks_json().as_bytes())
}

/// The good set, padded with blanks to this length.
fn padded(bytes: usize) -> Vec<u8> {
    let mut body = INSTANCE.jwks_json().into_bytes();
    body.resize(bytes, b' ');
    body
}

/// A chunked answer with this body. It has no `Content-Length`.
fn chunked(body: &[u8]) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    let mut answer = head.as_bytes().to_vec();
    for chunk in body.chunks(16 * 1024) {
        answer.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        answer.extend(chunk);
        answer.extend(b"\r\n");
    }
    answer.extend(b"0\r\n\r\n");
    answer
}

/// A short cooldown, which these tests really wait for. The other times are long, so that a slow
/// machine does not reach them.
fn short_cooldown() -> CachePolicy {
    CachePolicy::default()
        .cooldown(Duration::from_secs(1))
        .fetch_timeout(Duration::from_secs(60))
        .wait(Duration::from_secs(60))
}

#[tokio::test]
async fn keys_come_over_http_from_loopback_and_are_fetched_once() {
    let server = Server::new(good()).await;
    let keys = RemoteKeys::spawn(&server.url).unwrap();
    keys.prefetch().await.unwrap();
    let verifier = builder(Arc::new(keys)).build().unwrap();
    for _ in 0..100 {
        assert_eq!(verification_result(&verifier, &good_token()).await, "ok");
    }
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn the_fetch_returns_the_body_and_its_max_age() {
    let headers = "Cache-Control: public, max-age=90, must-revalidate\r\n";
    let body = INSTANCE.jwks_json().into_bytes();
    let server = Server::new(answer("200 OK", headers, &body)).await;
    let fetched = HttpFetch::new(&server.url).unwrap().fetch().await.unwrap();
    assert_eq!(fetched.body, body);
    assert_eq!(fetched.max_age, Some(Duration::from_secs(90)));
    server.answer.send_replace(ok(&body));
    let fetched = HttpFetch::new(&server.url).unwrap().fetch().await.unwrap();
    assert_eq!(fetched.max_age, None);
}

#[tokio::test]
async fn a_body_of_256_kib_is_read_and_not_a_byte_more() {
    for wrap in [ok, chunked] {
        let server = Server::new(wrap(&padded(MAX_JWKS_BYTES))).await;
        let fetch = HttpFetch::new(&server.url).unwrap();
        assert_eq!(fetch.fetch().await.unwrap().body.len(), MAX_JWKS_BYTES);
        server
            .answer
            .send_replace(wrap(&padded(MAX_JWKS_BYTES + 1)));
        assert!(fetch.fetch().await.is_err());
    }
}

/// Case 51. Each case has its own server and its own cache, which has fetched the good set.
#[tokio::test]
async fn a_bad_answer_over_http_leaves_the_old_set_in_use() {
    let elsewhere = Server::new(good()).await;
    let redirect = |status| answer(status, &format!("Location: {}\r\n", elsewhere.url), b"");
    let bad = [
        ("301", redirect("301 Moved Permanently")),
        ("302", redirect("302 Found")),
        ("307", redirect("307 Temporary Redirect")),
        ("308", redirect("308 Permanent Redirect")),
        ("300 KiB", ok(&padded(300 * 1024))),
        ("300 KiB in chunks", chunked(&padded(300 * 1024))),
        ("HTML", ok(b"<!doctype html><title>Sign in</title>")),
        ("keys: null", ok(br#"{"keys":null}"#)),
        ("[null]", ok(b"[null]")),
        ("no keys", ok(br#"{"keys":[]}"#)),
        ("nothing", ok(b"")),
        (
            "404",
            answer("404 Not Found", "", INSTANCE.jwks_json().as_bytes()),
        ),
        (
            "500",
            answer(
                "500 Internal Server Error",
                "",
                INSTANCE.jwks_json().as_bytes(),
            ),
        ),
        (
            "203",
            answer("203 Non-Authoritative", "", INSTANCE.jwks_json().as_bytes()),
        ),
        (
            "cut short",
            b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n{\"keys\":[".to_vec(),
        ),
        ("no HTTP", b"hello\r\n\r\n".to_vec()),
        ("silence", Vec::new()),
    ];
    let mut cases = JoinSet::new();
    for (what, answer) in bad {
        cases.spawn(async move {
            let server = Server::new(good()).await;
            let fetch = HttpFetch::new(&server.url).unwrap();
            let policy = short_cooldown().// Only a server that does not answer makes the test wait for this.
                fetch_timeout(Duration::from_secs(4));
            let keys = RemoteKeys::spawn_with(fetch, policy).unwrap();
            keys.prefetch().await.unwrap();
            let verifier = builder(Arc::new(keys)).build().unwrap();
            server.answer.send_replace(answer);
            sleep(Duration::from_millis(1_050)).await;
            let unknown = unsigned_token(&with(header(), "kid", "ins_unknown"), &claims());
            let outcome = verification_result(&verifier, &unknown).await;
            assert_eq!(outcome, "jwk-remote-failed-to-load", "{what}");
            assert_eq!(
                at_once(verification_result(&verifier, &good_token())),
                "ok",
                "{what}"
            );
            assert_eq!(server.requests(), 2, "{what}");
            assert_eq!(verifier.key_health().failed_refreshes, 1, "{what}");
        });
    }
    assert_eq!(cases.join_all().await.len(), 17);
    assert_eq!(elsewhere.requests(), 0, "a redirect was followed");
}

/// Case 50: no server is listening.
#[tokio::test]
async fn a_refused_connection_is_an_outage() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    drop(listener);
    let keys = RemoteKeys::spawn(&url).unwrap();
    assert!(keys.prefetch().await.is_err());
    let verifier = builder(Arc::new(keys)).build().unwrap();
    assert_eq!(
        verification_result(&verifier, &good_token()).await,
        "jwk-remote-failed-to-load"
    );
}

/// The workers of actix have their own runtimes. A fetch that a request on such a worker has caused
/// runs on the runtime in which the keys were made, so it goes on when the worker ends.
#[tokio::test]
async fn a_fetch_outlives_the_runtime_of_the_request_that_caused_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://{}/.well-known/jwks.json",
        listener.local_addr().unwrap()
    );
    let fetch = HttpFetch::new(&url).unwrap();
    let keys = Arc::new(RemoteKeys::spawn_with(fetch, short_cooldown()).unwrap());
    let verifier = builder(keys.clone()).build().unwrap();
    respond(listener.accept().await.unwrap().0, good()).await;
    keys.prefetch().await.unwrap();
    sleep(Duration::from_millis(1_050)).await;

    let issuer = &INSTANCE_WITH_NEW_ID;
    let header = with(header(), "kid", issuer.key_id()).to_string();
    let rotated = issuer.sign(&header, &claims().to_string()).unwrap();
    let (on_worker, token) = (verifier.clone(), rotated.clone());
    let worker = tokio::task::spawn_blocking(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        let short = Duration::from_millis(50);
        runtime.block_on(async { timeout(short, on_worker.verify(&token)).await.is_err() })
    });
    assert!(worker.await.unwrap(), "it should have waited for the fetch");
    let keys = json!({ "keys": [INSTANCE.jwk(), issuer.jwk()] }).to_string();
    respond(listener.accept().await.unwrap().0, ok(keys.as_bytes())).await;
    assert_eq!(verification_result(&verifier, &rotated).await, "ok");
}
