//! A JWKS endpoint without a socket, for the tests of the key cache.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use auth::remote::{Fetch, FetchError, Fetched};
use auth::{CachePolicy, RemoteKeys, Verifier};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::support::*;

/// A JWKS endpoint that gives the answer that the test sets, and records when it was asked.
#[derive(Clone)]
pub(crate) struct FakeServer(Arc<Mutex<State>>);

struct State {
    answer: Answer,
    asked: Vec<Instant>,
    in_progress: usize,
}

/// Counts a fetch as in progress until it returns or is dropped.
struct InProgress(FakeServer);

impl InProgress {
    fn new(server: &FakeServer) -> Self {
        server.0.lock().unwrap().in_progress += 1;
        Self(server.clone())
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().in_progress -= 1;
    }
}

#[derive(Clone)]
pub(crate) enum Answer {
    Set(String),
    SetWithMaxAge(String, u64),
    SlowSet(String, Duration),
    Fails,
    Hangs,
    Panics,
}

impl FakeServer {
    pub(crate) fn new(answer: Answer) -> Self {
        Self(Arc::new(Mutex::new(State {
            answer,
            asked: Vec::new(),
            in_progress: 0,
        })))
    }

    pub(crate) fn with_keys(keys: &[Value]) -> Self {
        Self::new(set(keys))
    }

    pub(crate) fn answers(&self, answer: Answer) {
        self.0.lock().unwrap().answer = answer;
    }

    /// How many fetches were started.
    pub(crate) fn fetches(&self) -> usize {
        self.0.lock().unwrap().asked.len()
    }

    /// How many fetches are in progress.
    pub(crate) fn in_progress(&self) -> usize {
        self.0.lock().unwrap().in_progress
    }

    /// The times between the starts of the fetches.
    pub(crate) fn gaps(&self) -> Vec<Duration> {
        let state = self.0.lock().unwrap();
        let pairs = state.asked.windows(2);
        pairs.map(|pair| pair[1].duration_since(pair[0])).collect()
    }

    pub(crate) fn keys(&self) -> Arc<RemoteKeys> {
        Arc::new(RemoteKeys::spawn_with(self.clone(), CachePolicy::default()).unwrap())
    }

    /// A verifier with this server's keys, which have been fetched.
    pub(crate) async fn verifier(&self) -> Verifier {
        let keys = self.keys();
        keys.prefetch().await.unwrap();
        builder(keys).build().unwrap()
    }
}

#[async_trait]
impl Fetch for FakeServer {
    async fn fetch(&self) -> Result<Fetched, FetchError> {
        let _in_progress = InProgress::new(self);
        let answer = {
            let mut state = self.0.lock().unwrap();
            state.asked.push(Instant::now());
            state.answer.clone()
        };
        let (body, max_age) = match answer {
            Answer::Set(body) => (body, None),
            Answer::SetWithMaxAge(body, seconds) => (body, Some(Duration::from_secs(seconds))),
            Answer::SlowSet(body, time) => {
                sleep(time).await;
                (body, None)
            }
            Answer::Fails => return Err(FetchError::new("the server answered 500")),
            Answer::Hangs => std::future::pending().await,
            Answer::Panics => panic!("this panic is part of the test"),
        };
        let body = body.into_bytes();
        Ok(Fetched { body, max_age })
    }
}

pub(crate) fn set(keys: &[Value]) -> Answer {
    Answer::Set(json!({ "keys": keys }).to_string())
}

pub(crate) fn slow_set(keys: &[Value], time: Duration) -> Answer {
    Answer::SlowSet(json!({ "keys": keys }).to_string(), time)
}

/// Answers that are not a usable key set.
pub(crate) fn bad_answers() -> Vec<Answer> {
    let sets = [
        "",
        "{}",
        "null",
        "[null]",
        r#"{"keys":null}"#,
        r#"{"keys":[]}"#,
    ];
    let mut answers: Vec<_> = sets.map(|text| Answer::Set(text.to_owned())).into();
    answers.extend([
        set(&[with(INSTANCE.jwk(), "use", "enc")]),
        Answer::Fails,
        Answer::Hangs,
        Answer::Panics,
    ]);
    answers
}
