//! What an `EventSource` of Chromium makes of an answer other than 200, by cookie and by ticket: it ends for good, and says
//! nothing. The page asks the job's status, and stops or begins anew.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::{RedisServer, TcpProxy};
use tokio::time::{sleep, timeout};

use crate::chromium::{self, Following, WAYS};
use crate::programs::long_token;
use crate::servers::Server;
use crate::support::{Api, Job};
use crate::witness::Witness;

/// Longer than a page waits before it comes back.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until somebody was answered.
async fn answered(witness: &Witness, case: &str) {
    let answered = async {
        while witness.seen().is_empty() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let answered = timeout(PATIENCE, answered).await;
    assert!(answered.is_ok(), "{case}: nobody asks for a stream");
}

/// What a page printed: the answers that it had instead of a stream, and the rest.
fn apart(seen: Vec<Value>) -> (Vec<Value>, Vec<Value>) {
    let is_answer = |line: &Value| line.get("closed").is_some();
    let (answers, rest): (Vec<_>, Vec<_>) = seen.into_iter().partition(is_answer);
    let statuses = answers.iter().map(|answer| answer["closed"].clone());
    (statuses.collect(), rest)
}

async fn expected(job: &Job) -> Vec<Value> {
    let lines = job.lines().await;
    let line = |line: &Value| json!({"id": line["id"], "text": line["text"]});
    let end = json!({"done": "ready"});
    lines.iter().map(line).chain([end]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_source_of_chromium_comes_back_after_429_when_it_may() {
    let redis = RedisServer::shared().await;
    let settings = [("LOG_API_MAX_STREAMS_PER_JOB", "1")];
    let api = Api::start(&redis.url(), &settings).await;
    for way in WAYS {
        let job = Job::new(&redis).await;
        job.append_all(["1", "2", "3"]).await;
        // Somebody has the only place.
        let holder = api.stream(&job, "").open().await;
        let witness = Witness::start(api.addr).await;
        let token = long_token();
        let page = chromium::follow(witness.addr, Following::one(&job.id, way, &token));
        let mend = async {
            answered(&witness, way).await;
            drop(holder);
            job.set_status("ready").await;
        };
        let (mut seen, ()) = tokio::join!(page, mend);
        let (answers, rest) = apart(seen.remove(0));
        // The job's status is there: so it was the limit. On a busy machine Chromium comes back now and then.
        assert!(!answers.is_empty(), "{way}");
        assert!(
            answers.iter().all(|answer| *answer == 200),
            "{way}: {answers:?}"
        );
        assert_eq!(rest, expected(&job).await, "{way}");
        let statuses: Vec<_> = witness.seen().iter().map(|seen| seen.status).collect();
        assert_eq!(statuses[..2], [429, 200], "{way}: {}", api.log());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_source_of_chromium_comes_back_after_503_when_it_may() {
    let redis = RedisServer::shared().await;
    for way in WAYS {
        let redis_way = TcpProxy::start(redis.address()).await;
        let api = Api::start(&format!("redis://{}", redis_way.address()), &[]).await;
        let job = Job::new(&redis).await;
        job.append_all(["1", "2", "3"]).await;
        let witness = Witness::start(api.addr).await;
        redis_way.refuse().await;
        let token = long_token();
        let page = chromium::follow(witness.addr, Following::one(&job.id, way, &token));
        let mend = async {
            if way == "cookie" {
                answered(&witness, way).await;
                api.log_with("/status").await;
            } else {
                // It gets no ticket.
                api.log_with("/ticket").await;
            }
            redis_way.mend().await;
            job.set_status("ready").await;
        };
        let (mut seen, ()) = tokio::join!(page, mend);
        let (answers, rest) = apart(seen.remove(0));
        assert_eq!(answers.first(), Some(&json!(503)), "{way}");
        assert_eq!(rest, expected(&job).await, "{way}");
        let streams = witness.seen();
        let first = if way == "cookie" { 503 } else { 200 };
        assert_eq!(streams[0].status, first, "{way}");
        assert_eq!(streams.last().unwrap().status, 200, "{way}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_source_of_chromium_stops_after_401_and_404() {
    let redis = RedisServer::shared().await;
    let server = Server::start(&redis).await;
    let own = Job::new(&redis).await;
    let foreign = Job::owned_by(&redis, "user_bob").await;
    let token = long_token();
    for way in WAYS {
        for (status, job, token) in [(401, &own, "x.y.z"), (404, &foreign, token.as_str())] {
            let following = Following::one(&job.id, way, token);
            let seen = chromium::follow(server.addr, following).await;
            assert_eq!(seen, [[json!({"closed": status})]], "{way}");
        }
    }
}
