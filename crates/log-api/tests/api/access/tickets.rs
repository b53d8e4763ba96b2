//! Tickets: `POST …/logs/ticket`, and `?ticket=` in place of a token.

use std::sync::Arc;
use std::time::Duration;

use test_support::{RedisServer, SseReader, TcpProxy};
use tokio::time::{Instant, sleep};

use super::{assert_alive, page_with, post, token_of, two_processes, unique};
use crate::auth::assert_refused;
use crate::support::{ANN, Api, Job, shared, token};

/// A ticket for a job, from this process.
async fn ticket(api: &Api, job: &Job) -> String {
    ticket_with(api, job, &token(ANN)).await
}

async fn ticket_with(api: &Api, job: &Job, token: &str) -> String {
    let answer = post(api, token, &format!("{}/ticket", job.path()))
        .send()
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.json()["expires_in"], 30);
    answer.json()["ticket"].as_str().unwrap().to_owned()
}

fn stream_by(job: &Job, ticket: &str) -> String {
    format!("{}/stream?ticket={ticket}", job.path())
}

#[tokio::test]
async fn a_ticket_opens_one_stream_on_any_process() {
    let (redis, [here, there]) = two_processes(&[]).await;
    let job = Job::new(&redis).await;
    let secret = ticket(&here, &job).await;
    let request = there.anonymous().get(&stream_by(&job, &secret));
    let mut reader = SseReader::open(request.clone()).await;
    assert_eq!(reader.status, 200);
    assert_alive(&mut reader, &job).await;
    for api in [&here, &there] {
        let again = api.anonymous().get(&stream_by(&job, &secret)).send().await;
        assert_refused(&again, 401, "ticket-invalid", "used twice");
    }
    assert_alive(&mut reader, &job).await;
}

#[tokio::test]
async fn of_many_requests_with_one_ticket_one_gets_a_stream() {
    let (redis, apis) = two_processes(&[]).await;
    let job = Job::new(&redis).await;
    job.set_status("ready").await;
    let secret = ticket(&apis[0], &job).await;
    let come = |n: usize| {
        let request = apis[n % 2].anonymous().get(&stream_by(&job, &secret));
        tokio::spawn(async move { request.send().await.status })
    };
    let comers: Vec<_> = (0..10).map(come).collect();
    let mut statuses = Vec::new();
    for comer in comers {
        statuses.push(comer.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [[200].as_slice(), &[401; 9]].concat());
}

#[tokio::test]
async fn a_ticket_is_for_its_job_and_the_stream_alone() {
    let (redis, api) = shared().await;
    let (job, other) = (Job::new(&redis).await, Job::new(&redis).await);
    let secret = ticket(&api, &job).await;
    let answer = api
        .anonymous()
        .get(&stream_by(&other, &secret))
        .send()
        .await;
    assert_refused(&answer, 401, "ticket-invalid", "another job of hers");
    let secret = ticket(&api, &job).await;
    for method_and_path in ["GET ", "POST /ticket"] {
        let (method, path) = method_and_path.split_once(' ').unwrap();
        let target = format!("{}{path}?ticket={secret}", job.path());
        let answer = api.anonymous().request(method, &target).send().await;
        assert_refused(&answer, 401, "session-token-missing", method_and_path);
    }
    let never = "0".repeat(64);
    for wrong in [never.as_str(), "x", "%00", &"y".repeat(4000)] {
        let answer = api.anonymous().get(&stream_by(&job, wrong)).send().await;
        assert_refused(&answer, 401, "ticket-invalid", wrong);
    }
    let answer = api.anonymous().get(&stream_by(&job, "")).send().await;
    assert_refused(
        &answer,
        401,
        "session-token-missing",
        "an empty one is none",
    );
    let answer = SseReader::open(api.anonymous().get(&stream_by(&job, &secret))).await;
    assert_eq!(answer.status, 200, "it was not used up meanwhile");
}

#[tokio::test]
async fn a_ticket_beside_another_credential_is_400() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let secret = ticket(&api, &job).await;
    let target = stream_by(&job, &secret);
    let both = api.client(ANN).get(&target).send().await;
    assert_refused(&both, 400, "token-malformed-credentials", "a token too");
    let basic = api
        .anonymous()
        .get(&target)
        .header("Authorization", "Basic YTpi");
    let basic = basic.send().await;
    assert_refused(&basic, 400, "token-malformed-credentials", "a password too");
    let twice = format!("{target}&ticket={secret}");
    let twice = api.anonymous().get(&twice).send().await;
    assert_refused(&twice, 400, "token-malformed-credentials", "two tickets");
    // A browser sends its cookies whether the page wants that or not.
    let request = api.anonymous().get(&target).header("Cookie", "__session=x");
    assert_eq!(SseReader::open(request).await.status, 200);
}

#[tokio::test]
async fn access_is_checked_when_a_ticket_is_made_and_when_it_is_used() {
    let (redis, api) = shared().await;
    let (own, foreign) = (
        Job::new(&redis).await,
        Job::owned_by(&redis, "user_bob").await,
    );
    let path = |job: &Job| format!("{}/ticket", job.path());
    let answer = api.anonymous().request("POST", &path(&own)).send().await;
    assert_refused(&answer, 401, "session-token-missing", "nobody");
    let cookie = format!("__session={}", token(ANN));
    let by_cookie = api.anonymous().request("POST", &path(&own));
    let answer = by_cookie.header("Cookie", &cookie).send().await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert_eq!(answer.json()["reason"], "cookie-cross-site");
    let answer = post(&api, &token(ANN), &path(&foreign)).send().await;
    assert_eq!(
        (answer.status, answer.json()["detail"].as_str()),
        (404, Some("Job not found"))
    );
    let answer = api.get(&path(&own)).await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));

    let secret = ticket(&api, &own).await;
    own.command(&["HSET", &own.key(), "user_id", "user_bob"])
        .await;
    let answer = api.anonymous().get(&stream_by(&own, &secret)).send().await;
    assert_eq!(answer.status, 404, "its owner has changed");
}

#[tokio::test]
async fn a_ticket_is_not_taken_after_its_time_and_is_stored_as_a_digest() {
    let redis = Arc::new(RedisServer::start().await);
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let secret = ticket(&api, &job).await;
    let keys = job.command(&["KEYS", "log-api:*"]).await.array();
    let [key] = <[_; 1]>::try_from(keys).unwrap();
    let left = job.command(&["PTTL", &key.text()]).await.int();
    assert!((25_000..=30_000).contains(&left), "{left}");
    let grant = job.command(&["GET", &key.text()]).await.text();
    assert!(!key.text().contains(&secret) && !grant.contains(&secret));
    job.command(&["PEXPIRE", &key.text(), "1"]).await;
    sleep(Duration::from_millis(20)).await;
    let answer = api.anonymous().get(&stream_by(&job, &secret)).send().await;
    assert_refused(&answer, 401, "ticket-invalid", "too old");
}

#[tokio::test]
async fn a_ticket_is_never_logged_and_in_no_other_answer() {
    let (redis, [api, _]) = two_processes(&[("LOG_API_LOG", "trace")]).await;
    let job = Job::new(&redis).await;
    let secret = ticket(&api, &job).await;
    let taken = SseReader::open(api.anonymous().get(&stream_by(&job, &secret))).await;
    assert_eq!(taken.status, 200);
    let again = api.anonymous().get(&stream_by(&job, &secret));
    let again = again.header("X-Request-ID", "the-last").send().await;
    assert!(!again.text().contains(&secret));
    let log = api.log_with("the-last").await;
    assert!(!log.contains(&secret));
}

#[tokio::test]
async fn a_ticket_of_a_session_that_has_ended_is_refused() {
    let (redis, [api, other]) = two_processes(&[]).await;
    let job = Job::new(&redis).await;
    let session = unique("sess");
    let token = token_of(ANN, &session);
    let secret = ticket_with(&api, &job, &token).await;
    super::send_webhook(
        &other,
        "session.revoked",
        serde_json::json!({"id": session}),
    )
    .await;
    let answer = other
        .anonymous()
        .get(&stream_by(&job, &secret))
        .send()
        .await;
    assert_refused(&answer, 401, "session-revoked", "a ticket of it");
    assert_eq!(page_with(&other, &job, &token).await.status, 401);
}

#[tokio::test]
async fn tickets_go_on_when_the_primary_moves_behind_its_name_and_all_connections_stay_open() {
    let old = Arc::new(RedisServer::start_process().await);
    let new = Arc::new(RedisServer::start_process().await);
    new.follow(&old).await;
    let name = TcpProxy::start(old.address()).await;
    let api = Api::start(&format!("redis://{}", name.address()), &[]).await;
    ticket(&api, &Job::new(&old).await).await;
    new.command(&["REPLICAOF", "NO", "ONE"]).await;
    old.follow(&new).await;
    name.lead_to(new.address());
    let job = Job::new(&new).await;
    let begin = Instant::now();
    loop {
        let target = format!("{}/ticket", job.path());
        let answer = post(&api, &token(ANN), &target).send().await;
        if answer.status == 200 {
            break;
        }
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "{}",
            answer.text()
        );
        sleep(Duration::from_millis(100)).await;
    }
    let secret = ticket(&api, &job).await;
    let request = api.anonymous().get(&stream_by(&job, &secret));
    let mut reader = SseReader::open(request).await;
    assert_eq!(reader.status, 200);
    assert_alive(&mut reader, &job).await;
}
