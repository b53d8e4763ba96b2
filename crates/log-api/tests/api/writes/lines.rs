//! `POST` appends lines, once each.

use std::io::Write as _;

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::RedisServer;

use super::{
    ALL, SECRET, append, assert_error, create, fresh, lines, path, request, service, service_with,
    texts,
};
use crate::support::Api;

#[tokio::test]
async fn text_becomes_lines_that_the_owner_reads() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let answer = append(&api, &token, &job, 0, "one\r\n\ntwo\u{2028}\u{c3}").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    assert_eq!(
        (&body["next"], &body["appended"], &body["duplicate"]),
        (&json!(3), &json!(3), &json!(0))
    );
    assert_eq!(
        (&body["resumed"], &body["job_status"]),
        (&json!(true), &json!("queued"))
    );
    assert_eq!(body["flush_ms"], 250, "the job is young");
    let lines = lines(&api, &job).await;
    assert_eq!(body["last_id"], lines[2]["id"]);
    assert_eq!(lines[0]["text"], "one");
    assert_eq!(lines[0]["source"], "stdout");
    assert!(lines[0]["ts"].as_str().unwrap().ends_with('Z'));
    assert_eq!(lines[2]["text"], "two\u{2028}\u{c3}");
}

#[tokio::test]
async fn json_lines_say_their_source_time_and_phase() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let line = json!({"text": "a", "source": "stderr", "ts": "2026-11-29T10:00:00.123Z", "phase": "install"});
    let body = format!("{line}\n\n{}\n", json!({"text": "b"}));
    let answer = request(&api, &token, "POST", &path(&job))
        .header("Content-Type", "application/x-ndjson")
        .header("Log-Phase", "code")
        .body(body)
        .send()
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["next"], Value::Null, "nobody numbers");
    let lines = lines(&api, &job).await;
    assert_eq!(lines[0]["source"], "stderr");
    assert_eq!(lines[0]["ts"], "2026-11-29T10:00:00.123Z");
    assert_eq!(lines[0]["phase"], "install");
    assert_eq!(lines[1]["phase"], "code");
}

#[tokio::test]
async fn a_repeat_succeeds_and_a_gap_says_what_is_wanted() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    append(&api, &token, &job, 0, "0\n1\n2\n").await;
    let again = append(&api, &token, &job, 1, "1\n2\n3\n").await.json();
    assert_eq!(
        (&again["next"], &again["appended"], &again["duplicate"]),
        (&json!(4), &json!(1), &json!(2))
    );
    let gap = append(&api, &token, &job, 5, "5\n").await;
    assert_error(&gap, 409, "line-gap");
    assert_eq!(gap.json()["next"], 4);
    assert_eq!(texts(&api, &job).await, ["0", "1", "2", "3"]);
    let known = request(&api, &token, "GET", &format!("{}/producers/w", path(&job)));
    let known = known.send().await.json();
    assert_eq!((&known["epoch"], &known["next"]), (&json!(0), &json!(4)));
    let unknown = request(&api, &token, "GET", &format!("{}/producers/x", path(&job)));
    let expected = json!({"epoch": 0, "next": 0, "last_id": null});
    assert_eq!(unknown.send().await.json(), expected);
}

#[tokio::test]
async fn a_zombie_is_refused_and_told_the_epoch() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    append(&api, &token, &job, 0, "0\n1\n").await;
    let post = |epoch: &'static str, line: &'static str, body: &'static str| {
        request(&api, &token, "POST", &path(&job))
            .header("Log-Producer", "w")
            .header("Log-Epoch", epoch)
            .header("Log-Line", line)
            .body(body)
            .send()
    };
    assert_eq!(post("3", "0", "new\n").await.json()["next"], 1);
    let zombie = post("0", "2", "2\n").await;
    assert_error(&zombie, 403, "stale-epoch");
    assert_eq!(zombie.json()["epoch"], 3);
    assert_eq!(texts(&api, &job).await, ["0", "1", "new"]);
}

#[tokio::test]
async fn one_batch_sent_many_times_to_two_replicas_is_appended_once() {
    let redis = RedisServer::shared().await;
    let apis = [
        service_with(&redis, &[], &[]).await,
        service_with(&redis, &[], &[]).await,
    ];
    let (job, token) = create(&apis[0]).await;
    for round in 0..5_u64 {
        let body: String = (0..100).map(|n| format!("{}\n", 100 * round + n)).collect();
        let calls = (0..8).map(|n| {
            let request = request(&apis[n % 2], &token, "POST", &path(&job))
                .header("Log-Producer", "w")
                .header("Log-Line", &(100 * round).to_string())
                .body(body.clone());
            tokio::spawn(async move { request.send().await.json()["appended"].as_u64().unwrap() })
        });
        let mut appended = 0;
        for call in calls.collect::<Vec<_>>() {
            appended += call.await.unwrap();
        }
        assert_eq!(appended, 100);
    }
    let expected: Vec<_> = (0..500).map(|n| n.to_string()).collect();
    assert_eq!(texts(&apis[1], &job).await, expected);
}

#[tokio::test]
async fn a_compressed_body_is_the_same_as_a_plain_one() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let plain: String = (0..5_000).map(|n| format!("line {n}\n")).collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(plain.as_bytes()).unwrap();
    let bodies = [
        ("gzip", gzip.finish().unwrap()),
        ("zstd", zstd::encode_all(plain.as_bytes(), 3).unwrap()),
    ];
    for (producer, body) in bodies {
        let answer = request(&api, &token, "POST", &path(&job))
            .header("Content-Encoding", producer)
            .header("Log-Producer", producer)
            .header("Log-Line", "0")
            .body(body)
            .send()
            .await;
        assert_eq!(answer.json()["appended"], 5_000, "{}", answer.text());
    }
}

#[tokio::test]
async fn a_job_takes_lines_for_a_while_after_its_end() {
    let redis = RedisServer::shared().await;
    let late = service_with(&redis, &[], &[("LOG_API_APPEND_GRACE_SECS", "0")]).await;
    let api = service_with(&redis, &[], &[]).await;
    let (job, token) = create(&api).await;
    let end = request(&api, &token, "PATCH", &path(&job)).body(r#"{"status":"failed"}"#);
    assert_eq!(end.send().await.status, 200);
    let answer = append(&api, &token, &job, 0, "last\n").await;
    assert_eq!(answer.json()["job_status"], "failed", "{}", answer.text());
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    assert_error(
        &append(&late, &token, &job, 1, "later\n").await,
        409,
        "job-ended",
    );
    assert_eq!(texts(&api, &job).await, ["last"]);
}

#[tokio::test]
async fn a_worker_gathers_less_while_somebody_watches() {
    let (redis, api) = service().await;
    let (job, token) = create(&api).await;
    let key = format!("job:{job}");
    redis
        .command(&["HSET", &key, "created_at", "2026-01-01T00:00:00Z"])
        .await;
    let flush =
        async |first| append(&api, &token, &job, first, "x\n").await.json()["flush_ms"].clone();
    assert_eq!(flush(0).await, 2_000);
    let stream = api
        .client(crate::support::ANN)
        .get(&format!("{}/stream", path(&job)));
    let stream = test_support::SseReader::open(stream).await;
    assert_eq!(flush(1).await, 250);
    drop(stream);
}

#[tokio::test]
async fn a_job_that_appends_too_much_waits_and_loses_nothing() {
    let redis = RedisServer::shared().await;
    let api = service_with(&redis, &[], &[("LOG_API_APPEND_LINES_PER_SEC", "50")]).await;
    let (job, token) = create(&api).await;
    let (mut next, mut refused) = (0, 0);
    while next < 700 {
        let body: String = (next..next + 100).map(|n| format!("{n}\n")).collect();
        let answer = append(&api, &token, &job, next, body).await;
        if answer.status == 200 {
            next = answer.json()["next"].as_u64().unwrap();
            continue;
        }
        assert_error(&answer, 429, "append-rate");
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=6).contains(&wait), "{wait}");
        refused += 1;
        tokio::time::sleep(std::time::Duration::from_secs(wait)).await;
    }
    assert!(refused > 0, "500 lines at once, then 50 a second");
    let whole = request(
        &api,
        &ALL.text,
        "GET",
        &format!("{}?from=x&limit=500", path(&job)),
    );
    assert_eq!(
        whole.send().await.json()["lines"].as_array().unwrap().len(),
        500
    );
    let (other, token) = create(&api).await;
    assert_eq!(append(&api, &token, &other, 0, "x\n").await.status, 200);
}

#[tokio::test]
async fn one_binary_without_redis_and_without_clerk_is_a_whole_service() {
    let dir = TempDir::new().unwrap();
    let settings = [
        ("LOG_API_KEYS", ALL.entry.as_str()),
        ("CLERK_PUBLISHABLE_KEY", ""),
        ("CLERK_JWT_KEY", ""),
        ("CLERK_AUTHORIZED_PARTIES", ""),
    ];
    let mut api = Api::start_embedded(dir.path(), &settings).await;
    let (job, token) = create(&api).await;
    append(&api, &token, &job, 0, "0\n1\n").await;
    api.kill();
    let api = Api::start_embedded(dir.path(), &settings).await;
    let again = append(&api, &token, &job, 0, "0\n1\n2\n").await;
    assert_eq!(again.json()["appended"], 1, "{}", again.text());
    let read = request(&api, &ALL.text, "GET", &path(&job)).send().await;
    let texts: Vec<_> = read.json()["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["text"].clone())
        .collect();
    assert_eq!(texts, ["0", "1", "2"]);
    let person = api.get(&path(&job)).await;
    assert_eq!(person.status, 401, "nobody knows a person");
    assert_eq!(api.anonymous().get("/readyz").send().await.status, 200);
}

#[tokio::test]
async fn an_outage_is_503_and_the_same_request_succeeds_later() {
    let redis = RedisServer::start().await;
    let proxy = test_support::TcpProxy::start(redis.address()).await;
    let url = format!("redis://{}", proxy.address());
    let settings = [
        ("LOG_API_KEYS", ALL.entry.as_str()),
        ("LOG_API_TOKEN_SECRET", SECRET),
        ("LOG_API_REDIS_TIMEOUT_MS", "300"),
    ];
    let api = Api::start(&url, &settings).await;
    let (job, token) = create(&api).await;
    append(&api, &token, &job, 0, "0\n").await;
    proxy.refuse().await;
    let away = append(&api, &token, &job, 1, "1\n").await;
    assert_error(&away, 503, "store-unavailable");
    assert!(away.header("retry-after").is_some());
    proxy.mend().await;
    while append(&api, &token, &job, 1, "1\n").await.status != 200 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(texts(&api, &job).await, ["0", "1"]);
}

#[tokio::test]
async fn a_job_that_does_not_exist_takes_no_lines() {
    let (redis, api) = service().await;
    let job = fresh();
    let answer = append(&api, &ALL.text, &job, 0, "x\n").await;
    assert_error(&answer, 404, "job-not-found");
    assert_eq!(
        redis
            .command(&["EXISTS", &format!("job:{job}:logs")])
            .await
            .int(),
        0
    );
}
