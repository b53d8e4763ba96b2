//! Who may write, and what keys may read.

use serde_json::json;
use tempfile::NamedTempFile;
use test_support::{RedisServer, SseReader};

use super::{ALL, Key, append, assert_error, create, fresh, path, request, service, service_with};
use crate::support::{ANN, Api, run, token};

#[tokio::test]
async fn each_scope_allows_its_routes_and_no_others() {
    let redis = RedisServer::shared().await;
    let scopes = ["jobs:create", "jobs:status", "logs:append", "logs:read"];
    let keys = scopes.map(|scope| Key::new(&[scope], &[]));
    let api = service_with(&redis, &keys.each_ref(), &[]).await;
    let (job, token) = create(&api).await;
    let producers = format!("{}/producers/w", path(&job));
    let status = format!("{}/status", path(&job));
    let user = json!({"user_id": ANN}).to_string();
    let step = r#"{"status":"starting"}"#.to_owned();
    let routes = [
        ("PUT", path(&job), user, "jobs:create"),
        ("PATCH", path(&job), step, "jobs:status"),
        ("POST", path(&job), "a\n".into(), "logs:append"),
        ("GET", producers, String::new(), "logs:append"),
        ("GET", path(&job), String::new(), "logs:read"),
        ("GET", status, String::new(), "logs:read"),
    ];
    for (method, target, body, needed) in routes {
        let credentials = scopes
            .iter()
            .zip(&keys)
            .map(|(scope, key)| (*scope, key.text.as_str()));
        for (scope, credential) in credentials.chain([("token", token.as_str())]) {
            let send = request(&api, credential, method, &target).body(body.clone());
            let answer = send.send().await;
            let of_token = matches!(needed, "jobs:status" | "logs:append");
            if scope == needed || (scope == "token" && of_token) {
                assert!(matches!(answer.status, 200 | 409), "{}", answer.text());
            } else {
                assert_error(&answer, 403, "scope-missing");
                assert_eq!(answer.json()["scope"], needed);
            }
        }
    }
}

#[tokio::test]
async fn a_token_is_for_its_job_alone_and_reads_nothing() {
    let (_redis, api) = service().await;
    let ((job, own), (other, _)) = (create(&api).await, create(&api).await);
    assert_error(
        &append(&api, &own, &other, 0, "x\n").await,
        403,
        "scope-missing",
    );
    for target in [
        path(&job),
        format!("{}/stream", path(&job)),
        format!("{}/status", path(&job)),
    ] {
        let answer = request(&api, &own, "GET", &target).send().await;
        assert_error(&answer, 403, "scope-missing");
    }
}

#[tokio::test]
async fn every_credential_that_is_none_is_refused_with_its_reason() {
    let redis = RedisServer::shared().await;
    let expired = Key::new(&["logs:append"], &["--expires", "2020-01-01"]);
    let stranger = Key::new(&["logs:append"], &[]);
    let api = service_with(&redis, &[&expired], &[]).await;
    let (job, good) = create(&api).await;
    let mut mistyped = ALL.text.clone();
    mistyped.pop();
    let parts: Vec<_> = good.splitn(3, '_').collect();
    let old = format!("{}_1000_{}", parts[0], parts[2]);
    for (credential, reason) in [
        (expired.text.as_str(), "key-expired"),
        (&stranger.text, "key-unknown"),
        (&mistyped, "key-malformed"),
        ("jlk_", "key-malformed"),
        (&old, "token-invalid"),
        ("jlt_x", "token-malformed"),
        (&good.to_uppercase(), "key-malformed"),
        (&token(ANN), "key-malformed"),
    ] {
        for (method, target) in [
            ("POST", path(&job)),
            ("GET", format!("{}/producers/w", path(&job))),
        ] {
            let answer = request(&api, credential, method, &target)
                .body("x\n")
                .send()
                .await;
            assert_error(&answer, 401, "unauthenticated");
            assert_eq!(answer.json()["reason"], reason, "{credential}");
            assert!(
                answer
                    .header("www-authenticate")
                    .unwrap()
                    .starts_with("Bearer")
            );
        }
    }
    let none = api
        .anonymous()
        .request("POST", &path(&job))
        .body("x\n")
        .send()
        .await;
    assert_eq!(
        (none.status, &none.json()["reason"]),
        (401, &json!("key-missing"))
    );
    let twice = request(&api, &ALL.text, "POST", &path(&job)).header("Authorization", "Bearer x");
    assert_error(
        &twice.body("x\n").send().await,
        400,
        "malformed-credentials",
    );
    let log = api.log();
    for secret in [&ALL.text, &expired.text, &stranger.text, &good, &mistyped] {
        assert!(!log.contains(secret.as_str()), "a key is in the log");
    }
}

#[tokio::test]
async fn a_key_with_a_prefix_is_for_jobs_that_begin_with_it() {
    let redis = RedisServer::shared().await;
    let key = Key::new(&["jobs:create", "logs:read"], &["--prefix", "acme-"]);
    let api = service_with(&redis, &[&key], &[]).await;
    let body = json!({"user_id": ANN}).to_string();
    let put = async |job: &str| {
        let request = request(&api, &key.text, "PUT", &path(job)).body(body.clone());
        request.send().await
    };
    let own = format!("acme-{}", fresh());
    assert_eq!(put(&own).await.status, 201);
    assert_error(&put(&fresh()).await, 403, "scope-missing");
    let read = async |job: &str| request(&api, &key.text, "GET", &path(job)).send().await;
    assert_eq!(read(&own).await.status, 200);
    let (foreign, _) = create(&api).await;
    assert_error(&read(&foreign).await, 404, "job-not-found");
}

#[tokio::test]
async fn a_key_reads_the_stream_of_any_job_and_gets_no_ticket() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let stream = request(
        &api,
        &ALL.text,
        "GET",
        &format!("{}/stream?from=start", path(&job)),
    );
    let mut reader = SseReader::open(stream).await;
    assert_eq!(reader.status, 200);
    append(&api, &token, &job, 0, "seen\n").await;
    loop {
        let event = reader.next().await.unwrap();
        if event.event == "log" {
            assert!(event.data.contains("seen"));
            break;
        }
    }
    let ticket = request(&api, &ALL.text, "POST", &format!("{}/ticket", path(&job)));
    assert_error(&ticket.send().await, 403, "scope-missing");
}

#[tokio::test]
async fn keys_in_a_file_are_read_again_on_sighup() {
    let redis = RedisServer::shared().await;
    let (old, new) = (
        Key::new(&["logs:append"], &[]),
        Key::new(&["logs:append"], &[]),
    );
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("# workers\n{}\n", old.entry)).unwrap();
    let path_of_file = file.path().to_str().unwrap();
    let api = service_with(&redis, &[], &[("LOG_API_KEYS_FILE", path_of_file)]).await;
    let (job, _) = create(&api).await;
    assert_eq!(append(&api, &old.text, &job, 0, "0\n").await.status, 200);
    std::fs::write(file.path(), "nonsense").unwrap();
    api.signal("HUP");
    api.log_with("the keys stay as they are").await;
    assert_eq!(append(&api, &old.text, &job, 1, "1\n").await.status, 200);
    std::fs::write(file.path(), &new.entry).unwrap();
    api.signal("HUP");
    api.log_with("the keys were read again").await;
    let refused = append(&api, &old.text, &job, 2, "2\n").await;
    assert_eq!(refused.json()["reason"], "key-unknown");
    assert_eq!(append(&api, &new.text, &job, 2, "2\n").await.status, 200);
    assert_eq!(
        append(&api, &ALL.text, &job, 3, "3\n").await.status,
        200,
        "of the variable"
    );
}

#[tokio::test]
async fn an_address_that_guesses_keys_is_told_to_wait_and_a_valid_key_is_not() {
    let redis = RedisServer::shared().await;
    let settings = [("LOG_API_METRICS_BIND", "127.0.0.1:0")];
    let api = service_with(&redis, &[], &settings).await;
    let (job, _) = create(&api).await;
    let mut told = None;
    for _ in 0..100 {
        let answer = append(&api, "jlk_guess", &job, 0, "x\n").await;
        if answer.status == 429 {
            told = Some(answer);
            break;
        }
        assert_eq!(answer.status, 401);
    }
    let told = told.expect("a limit");
    assert_error(&told, 429, "too-many-failures");
    assert!(told.header("retry-after").is_some());
    assert_eq!(append(&api, &ALL.text, &job, 0, "x\n").await.status, 200);
    assert_eq!(api.metric("write_credentials_refused_total").await, 61);
}

#[tokio::test]
async fn without_keys_there_are_no_routes_for_workers() {
    let redis = RedisServer::shared().await;
    let api = Api::shared(&redis).await;
    for method in ["POST", "PUT", "PATCH"] {
        let answer = request(&api, &ALL.text, method, &path("x"))
            .body("x")
            .send()
            .await;
        assert_error(&answer, 405, "method-not-allowed");
        assert_eq!(answer.header("allow"), Some("GET"));
    }
}

#[tokio::test]
async fn keys_on_redis_need_a_secret_for_tokens() {
    let redis = RedisServer::shared().await;
    let settings = [("LOG_API_KEYS", ALL.entry.as_str())];
    let error = crate::support::refuses_to_start(&redis.url(), &settings).await;
    assert!(
        error.contains("LOG_API_TOKEN_SECRET: is not set"),
        "{error}"
    );
}

#[tokio::test]
async fn the_command_for_keys_refuses_what_is_no_key() {
    for (arguments, expected) in [
        (
            &["--name", "a b", "--scope", "logs:read"][..],
            "a name is 1 to 64",
        ),
        (
            &["--name", "a", "--scope", "logs:write"],
            "a scope is one of",
        ),
        (&["--name", "a"], "--scope"),
        (
            &["--name", "a", "--scope", "logs:read", "--expires", "soon"],
            "`expires=`",
        ),
        (
            &["--name", "a", "--scope", "logs:read", "--prefix", "a/b"],
            "`prefix=`",
        ),
    ] {
        let ended = run(&[&["keys", "new"], arguments].concat(), &[]).await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
        assert!(ended.err.contains(expected), "{arguments:?}: {}", ended.err);
    }
}
