//! Redis or the key set is away: requests get 503 with `Retry-After`, and never another answer.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use test_support::{Answer, HttpClient, RedisServer, TcpProxy};
use tokio::time::{Instant, sleep};

use crate::access::SECRETS;
use crate::errors::problem;
use crate::key_set::KeySetServer;
use crate::support::{ANN, Api, Job, ORIGIN, token};

/// How soon requests must get 503 in an outage, and how soon after its end they must be served again.
const PROMISED: Duration = Duration::from_secs(5);

async fn assert_unavailable(client: HttpClient, target: &str, code: &str, case: &str) -> Answer {
    let asked = Instant::now();
    let answer = client.get(target).header("Origin", ORIGIN).send().await;
    assert!(
        asked.elapsed() < PROMISED,
        "{case}: {target} took {:?}",
        asked.elapsed()
    );
    problem(&answer, 503, code, case);
    let retry: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&retry), "{case}: {retry}");
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some(ORIGIN),
        "{case}"
    );
    assert_eq!(answer.header("www-authenticate"), None, "{case}");
    answer
}

/// Asserts that both routes answer that the store is away, and that requests without credentials still get 401.
async fn assert_store_is_away(api: &Api, job: &Job, case: &str) {
    let queries = ["", "/stream", "/stream?from=start", "/stream?after_id=1-0"];
    let answers = queries.map(async |query| {
        let target = format!("{}{query}", job.path());
        let answer = assert_unavailable(api.client(ANN), &target, "store-unavailable", case).await;
        let text = answer.text();
        assert!(
            !text.contains("127.0.0.1") && !text.contains("edis"),
            "{case}: {text}"
        );
    });
    join_all(answers).await;
    let anonymous = api.anonymous().get(&job.path()).send().await;
    assert_eq!(anonymous.status, 401, "{case}: authentication still works");
    let malformed = api.get(&format!("{}?limit=x", job.path())).await;
    assert_eq!(
        malformed.status, 422,
        "{case}: a malformed query is still named"
    );
}

/// Waits until a page and a stream are served again.
async fn assert_back_in_time(api: &Api, job: &Job, since: Instant, case: &str) {
    let stream = format!("{}/stream", job.path());
    loop {
        let page = api.get(&job.path()).await;
        let live = api.client(ANN).get(&stream).open().await;
        if (page.status, live.status) == (200, 200) {
            assert_eq!(page.json()["lines"][0]["text"], "kept", "{case}");
            return;
        }
        for status in [page.status, live.status] {
            assert!(matches!(status, 200 | 503), "{case}: {status}");
        }
        assert!(
            since.elapsed() < PROMISED,
            "{case}: not back after {:?}",
            since.elapsed()
        );
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_redis_that_is_stopped_or_frozen_is_503_until_it_is_back() {
    let options = test_support::RedisOptions {
        append_only: true,
        ..Default::default()
    };
    let redis = std::sync::Arc::new(RedisServer::start_with(options).await);
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    job.append("kept").await;
    assert_back_in_time(&api, &job, Instant::now(), "before").await;

    redis.pause().await;
    assert_store_is_away(&api, &job, "frozen").await;
    redis.unpause().await;
    assert_back_in_time(&api, &job, Instant::now(), "thawed").await;

    redis.stop().await;
    assert_store_is_away(&api, &job, "stopped").await;
    redis.start_again().await;
    assert_back_in_time(&api, &job, Instant::now(), "started again").await;

    // A job that does not exist is still 404, and not an outage.
    assert_eq!(api.get(&Job::unwritten(&redis).path()).await.status, 404);
}

#[tokio::test]
async fn it_starts_while_redis_is_away_and_serves_once_redis_is_there() {
    let redis = RedisServer::shared().await;
    let job = Job::new(&redis).await;
    job.append("kept").await;
    let outages = ["refused", "silent"].map(async |outage| {
        let proxy = TcpProxy::start(redis.address()).await;
        break_network(&proxy, outage).await;
        let api = Api::start(&format!("redis://{}", proxy.address()), &[]).await;
        assert_store_is_away(&api, &job, outage).await;
        let ready = api.anonymous().get("/readyz").send().await;
        let expected = json!({"status": "unavailable", "store": "unavailable", "keys": "ok"});
        assert_eq!((ready.status, ready.json()), (503, expected), "{outage}");
        assert_eq!(
            api.anonymous().get("/healthz").send().await.status,
            200,
            "{outage}"
        );

        proxy.mend().await;
        assert_back_in_time(&api, &job, Instant::now(), outage).await;
        assert_ready_in_time(&api, outage).await;
    });
    join_all(outages).await;
}

/// Waits until the readiness probe succeeds. An answer of the store counts for half a second.
async fn assert_ready_in_time(api: &Api, case: &str) {
    let start = Instant::now();
    while api.anonymous().get("/readyz").send().await.status != 200 {
        assert!(start.elapsed() < PROMISED, "{case}: not ready");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_redis_that_was_away_at_the_start_must_allow_revocations_before_the_service_is_ready() {
    let redis = RedisServer::shared().await;
    let job = Job::new(&redis).await;
    let (user, password) = (format!("u{:016x}", fastrand::u64(..)), "secret-word");
    let set_user = async |rules: &[&str]| {
        redis
            .command(&[&["ACL", "SETUSER", &user], rules].concat())
            .await
    };
    // Logs may be read, but nothing is allowed on log-api:*.
    set_user(&["reset", "on", ">secret-word", "~job:*", "&*", "+@all"]).await;
    let proxy = TcpProxy::start(redis.address()).await;
    proxy.refuse().await;
    let url = format!("redis://{user}:{password}@{}", proxy.address());
    let settings = [("CLERK_WEBHOOK_SECRET", SECRETS[0])];
    let api = Api::start(&url, &settings).await;
    let status = async || api.anonymous().get("/readyz").send().await.status;
    assert_eq!(status().await, 503);

    proxy.mend().await;
    let log = api.log_with("revocations need on log-api:*").await;
    assert!(!log.contains(password), "{log}");
    assert_eq!(status().await, 503);

    set_user(&["~log-api:*"]).await;
    assert_ready_in_time(&api, "allowed").await;
    assert_eq!(api.get(&job.path()).await.status, 200);
}

/// Refuses connections, or lets them hang.
pub(crate) async fn break_network(network: &TcpProxy, outage: &str) {
    match outage {
        "refused" => network.refuse().await,
        _ => network.black_hole(),
    }
}

/// Asserts that no token can be verified, and that nobody is told to sign in again.
async fn assert_keys_are_away(api: &Api, job: &Job, case: &str) {
    let targets = [job.path(), format!("{}/stream", job.path())];
    let answers = targets
        .iter()
        .map(|target| assert_unavailable(api.client(ANN), target, "keys-unavailable", case));
    join_all(answers).await;
    let ready = api.anonymous().get("/readyz").send().await;
    let expected = json!({"status": "unavailable", "store": "ok", "keys": "unavailable"});
    assert_eq!((ready.status, ready.json()), (503, expected), "{case}");
    assert_eq!(
        api.anonymous().get("/healthz").send().await.status,
        200,
        "{case}"
    );
    // Answers that need no key are as always.
    assert_eq!(
        api.anonymous().get(&job.path()).send().await.status,
        401,
        "{case}"
    );
    let garbage = api
        .anonymous()
        .with_bearer("a.b.c")
        .get(&job.path())
        .send()
        .await;
    assert_eq!(garbage.status, 401, "{case}");
}

#[tokio::test]
async fn it_starts_while_the_key_set_is_away_and_serves_once_it_is_there() {
    let redis = RedisServer::shared().await;
    let job = Job::new(&redis).await;
    let outages = ["refused", "silent"].map(async |outage| {
        let keys = KeySetServer::start().await;
        break_network(&keys.network, outage).await;
        let api = keys.api(&redis.url(), &[]).await;
        assert_keys_are_away(&api, &job, outage).await;

        keys.network.mend().await;
        let mended = Instant::now();
        loop {
            let answer = api.get(&job.path()).await;
            if answer.status == 200 {
                break;
            }
            assert_eq!(answer.status, 503, "{outage}: an outage is never a 401");
            // It tries again after pauses that begin with a second and double.
            assert!(mended.elapsed() < Duration::from_secs(10), "{outage}");
            sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(
            api.anonymous().get("/readyz").send().await.status,
            200,
            "{outage}"
        );
    });
    join_all(outages).await;
}

#[tokio::test]
async fn keys_that_were_fetched_serve_through_an_outage_of_the_key_set() {
    let redis = RedisServer::shared().await;
    let job = Job::new(&redis).await;
    let keys = KeySetServer::start().await;
    let api = keys.api(&redis.url(), &[]).await;
    let foreign = auth::mint::Issuer::for_tests().unwrap();
    let foreign = foreign
        .session_token(
            ANN,
            ORIGIN,
            std::time::SystemTime::now(),
            Duration::from_secs(60),
        )
        .unwrap();
    assert_eq!(api.get(&job.path()).await.status, 200);
    let unknown = api
        .anonymous()
        .with_bearer(&foreign)
        .get(&job.path())
        .send()
        .await;
    assert_eq!(
        (unknown.status, unknown.json()["reason"].as_str()),
        (401, Some("jwk-kid-mismatch"))
    );

    keys.network.refuse().await;
    let good = token(ANN);
    for _ in 0..3 {
        let answer = api
            .anonymous()
            .with_bearer(&good)
            .get(&job.path())
            .send()
            .await;
        assert_eq!(answer.status, 200);
        assert_eq!(api.anonymous().get("/readyz").send().await.status, 200);
    }
}

#[tokio::test]
async fn a_key_of_another_type_is_no_job_like_one_of_somebody_else() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let (hash, log) = (Job::unwritten(&redis), Job::new(&redis).await);
    let hash_key = format!("job:{}", hash.id);
    let log_key = format!("job:{}:logs", log.id);
    redis.command(&["SET", &hash_key, "something else"]).await;
    redis.command(&["HSET", &log_key, "a", "b"]).await;
    for job in [&hash, &log] {
        for query in ["", "/stream", "/stream?from=start", "/stream?after_id=1-0"] {
            let answer = api.get(&format!("{}{query}", job.path())).await;
            problem(&answer, 404, "job-not-found", query);
        }
    }
    // Anybody with a job's id can bring this about: it is nothing that somebody has to look at.
    let status = api.client(ANN).get(&format!("{}/status", hash.path()));
    let status = status.header("X-Request-ID", "the-last-request").send();
    problem(&status.await, 404, "job-not-found", "status");
    let log = api.log_with("the-last-request").await;
    for line in log.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_ne!(entry["level"], "ERROR", "{line}");
    }
}
