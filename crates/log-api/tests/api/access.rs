//! Who may go on reading: tickets, leases, revocations, organisations.

mod leases;
mod organisations;
mod tickets;
mod webhooks;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use auth::webhooks::SigningSecret;
use serde_json::{Value, json};
use test_support::{Answer, BodyEnd, RedisServer, Request, SseReader};

use crate::auth::token_with;
use crate::support::{Api, Job};

/// The secret of the webhook endpoint, and the one that replaces it.
pub(crate) const SECRETS: [&str; 2] = [
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "whsec_bm90IGEgcmVhbCBzZWNyZXQgYnV0IGxvbmcgZW5vdWdo",
];

/// Two processes that share a Redis, with webhooks and these further settings.
async fn two_processes(settings: &[(&str, &str)]) -> (Arc<RedisServer>, [Api; 2]) {
    let redis = RedisServer::shared().await;
    let secrets = SECRETS.join(",");
    let settings = [&[("CLERK_WEBHOOK_SECRET", secrets.as_str())], settings].concat();
    let first = Api::start(&redis.url(), &settings).await;
    let second = Api::start(&redis.url(), &settings).await;
    (redis, [first, second])
}

/// A name that no other test uses.
fn unique(prefix: &str) -> String {
    format!("{prefix}_{:032x}", fastrand::u128(..))
}

/// A token of this user's in this session.
fn token_of(user: &str, session: &str) -> String {
    token_with(|_, claims| {
        claims["sub"] = user.into();
        claims["sid"] = session.into();
    })
}

/// The live stream of a job with this token.
async fn stream_with(api: &Api, job: &Job, token: &str, query: &str) -> SseReader {
    let request = api.anonymous().with_bearer(token);
    let request = request.get(&format!("{}/stream{query}", job.path()));
    let reader = SseReader::open(request).await;
    assert_eq!(reader.status, 200);
    reader
}

/// The first page of a job with this token.
async fn page_with(api: &Api, job: &Job, token: &str) -> Answer {
    api.anonymous()
        .with_bearer(token)
        .get(&job.path())
        .send()
        .await
}

fn post(api: &Api, token: &str, target: &str) -> Request {
    api.anonymous().with_bearer(token).request("POST", target)
}

/// Asserts that the stream is broken off within this time, without a further event.
async fn assert_broken_off(reader: &mut SseReader, within: Duration) {
    assert_eq!(reader.rest(within).await, []);
    assert_eq!(reader.end(), Some(BodyEnd::BrokenOff));
}

/// Asserts that a line which is written now arrives.
async fn assert_alive(reader: &mut SseReader, job: &Job) {
    let text = unique("line");
    job.append(&text).await;
    let texts = crate::stream::client::texts(reader, 1).await;
    assert_eq!(texts, [text]);
}

/// A webhook message as Clerk sends it, signed with this secret.
fn delivery(api: &Api, secret: &str, id: &str, body: &Value) -> Request {
    let body = body.to_string();
    let secret = SigningSecret::parse(secret).unwrap();
    let signed = secret.sign(id, SystemTime::now(), body.as_bytes());
    api.anonymous()
        .request("POST", "/webhooks/clerk")
        .header("svix-id", id)
        .header("svix-timestamp", &signed.timestamp)
        .header("svix-signature", &signed.signature)
        .body(body)
}

/// Sends a webhook to a process, as Clerk does.
async fn send_webhook(api: &Api, kind: &str, data: Value) {
    let event = json!({"object": "event", "type": kind, "data": data});
    let answer = delivery(api, SECRETS[0], &unique("msg"), &event)
        .send()
        .await;
    assert_eq!(answer.status, 204, "{}", answer.text());
}
