//! Writing over HTTP: keys, jobs, lines.

mod agents;
mod bad_framing;
mod bad_input;
mod jobs;
mod keys;
mod lines;
mod malformed;
mod malformed_cases;
mod model;
mod refused;
mod streamed;

use std::process::Command;
use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};
use test_support::{Answer, RedisServer, Request};

use crate::support::{ANN, Api};

/// A key, and its entry for the configuration.
#[derive(Debug)]
struct Key {
    text: String,
    entry: String,
}

impl Key {
    /// A new key with these scopes and options, from the command that people use.
    fn new(scopes: &[&str], options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_log-api"));
        command.args(["keys", "new", "--name", "test"]).env_clear();
        for scope in scopes {
            command.args(["--scope", scope]);
        }
        let output = command.args(options).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let out = String::from_utf8(output.stdout).unwrap();
        let mut lines = out.lines().map(str::to_owned);
        let key = Self {
            text: lines.next().unwrap(),
            entry: lines.next().unwrap(),
        };
        assert_eq!(lines.next(), None, "the key and its entry, a line each");
        key
    }
}

/// May do everything.
static ALL: LazyLock<Key> = LazyLock::new(|| {
    Key::new(
        &["jobs:create", "jobs:status", "logs:append", "logs:read"],
        &[],
    )
});

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A service on Redis that takes [`ALL`] and these further entries.
async fn service_with(redis: &RedisServer, keys: &[&Key], settings: &[(&str, &str)]) -> Api {
    let entries: Vec<_> = keys.iter().map(|key| key.entry.as_str()).collect();
    let entries = [&[ALL.entry.as_str()], entries.as_slice()]
        .concat()
        .join(",");
    let own = [
        ("LOG_API_KEYS", entries.as_str()),
        ("LOG_API_TOKEN_SECRET", SECRET),
    ];
    Api::start(&redis.url(), &[&own, settings].concat()).await
}

async fn service() -> (Arc<RedisServer>, Api) {
    let redis = RedisServer::shared().await;
    let api = service_with(&redis, &[], &[]).await;
    (redis, api)
}

/// A job id that no other test uses.
fn fresh() -> String {
    format!("w-{:032x}", fastrand::u128(..))
}

fn path(job: &str) -> String {
    format!("/api/jobs/{job}/logs")
}

fn request(api: &Api, credential: &str, method: &str, target: &str) -> Request {
    api.anonymous()
        .with_bearer(credential)
        .request(method, target)
}

/// Creates a job of Ann's, and returns its id and its append token.
async fn create(api: &Api) -> (String, String) {
    let job = fresh();
    let body = json!({"user_id": ANN}).to_string();
    let answer = request(api, &ALL.text, "PUT", &path(&job))
        .body(body)
        .send()
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let token = answer.json()["append_token"].as_str().unwrap().to_owned();
    (job, token)
}

/// Appends a body of text as producer `w`, from line `first` on.
async fn append(api: &Api, token: &str, job: &str, first: u64, body: impl Into<Vec<u8>>) -> Answer {
    let request = request(api, token, "POST", &path(job))
        .header("Log-Producer", "w")
        .header("Log-Line", &first.to_string());
    request.body(body).send().await
}

/// The lines of a job, as its owner reads them.
async fn lines(api: &Api, job: &str) -> Vec<Value> {
    let answer = api.get(&format!("{}?limit=500", path(job))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["lines"].as_array().unwrap().clone()
}

async fn texts(api: &Api, job: &str) -> Vec<String> {
    let lines = lines(api, job).await;
    let text = |line: &Value| line["text"].as_str().unwrap().to_owned();
    lines.iter().map(text).collect()
}

/// An error with this status and code, in the shape of all errors.
fn assert_error(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.json()["code"], code, "{}", answer.text());
    assert!(answer.json()["debug_id"].is_string());
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
}
