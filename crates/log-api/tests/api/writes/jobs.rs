//! `PUT` creates jobs, `PATCH` changes their status.

use serde_json::json;

use super::{ALL, append, assert_error, create, fresh, path, request, service, texts};
use crate::support::ANN;

async fn put(
    api: &crate::support::Api,
    job: &str,
    body: serde_json::Value,
) -> test_support::Answer {
    let request = request(api, &ALL.text, "PUT", &path(job));
    request.body(body.to_string()).send().await
}

async fn patch(
    api: &crate::support::Api,
    credential: &str,
    job: &str,
    body: serde_json::Value,
) -> test_support::Answer {
    let request = request(api, credential, "PATCH", &path(job));
    request.body(body.to_string()).send().await
}

#[tokio::test]
async fn a_job_is_created_as_existing_producers_write_it() {
    let (redis, api) = service().await;
    let job = fresh();
    let body = json!({"user_id": ANN, "org_id": "org_1", "status": "scheduled",
        "fields": {"project_id": "p-1", "tier": 3, "paid": true}});
    let answer = put(&api, &job, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.json()["job_id"], job);
    assert_eq!(answer.json()["expires_in"], 86_400);
    let names = ["status", "user_id", "org_id", "project_id", "tier", "paid"];
    let key = format!("job:{job}");
    let read = redis
        .command(&[&["HMGET", &key], &names[..]].concat())
        .await
        .array();
    let read: Vec<_> = read.iter().map(test_support::Value::text).collect();
    assert_eq!(read, ["scheduled", ANN, "org_1", "p-1", "3", "true"]);
    let status = api.get(&format!("{}/status", path(&job))).await.json();
    assert_eq!(status["status"], "scheduled");
    assert!(status["created_at"].is_string() && status["updated_at"].is_null());
}

#[tokio::test]
async fn creating_a_job_again_changes_nothing_and_another_owner_is_refused() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    patch(&api, &token, &job, json!({"status": "starting"})).await;
    let again = put(&api, &job, json!({"user_id": ANN, "status": "queued"})).await;
    assert_eq!((again.status, again.json()), (200, json!({"job_id": job})));
    let again = put(&api, &job, json!({"user_id": ANN, "token": true})).await;
    assert_eq!(again.status, 200);
    let new_token = again.json()["append_token"].as_str().unwrap().to_owned();
    assert_eq!(append(&api, &new_token, &job, 0, "a\n").await.status, 200);
    let other = put(&api, &job, json!({"user_id": "user_bob", "token": true})).await;
    assert_error(&other, 409, "job-exists");
    assert!(other.json().get("append_token").is_none());
    let status = api.get(&format!("{}/status", path(&job))).await.json();
    assert_eq!(status["status"], "starting");
}

#[tokio::test]
async fn a_status_moves_by_the_allowed_steps_alone_and_the_refusal_names_both() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    for status in ["starting", "scaffold", "code", "deps", "checks"] {
        let answer = patch(
            &api,
            &token,
            &job,
            json!({"status": status, "message": "On it"}),
        )
        .await;
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({"status": status}))
        );
    }
    let refused = patch(&api, &token, &job, json!({"status": "queued"})).await;
    assert_error(&refused, 409, "status-conflict");
    assert_eq!(
        (&refused.json()["from"], &refused.json()["to"]),
        (&json!("checks"), &json!("queued"))
    );
    assert_eq!(
        refused.json()["allowed"],
        json!(["ready", "scaffold", "failed"])
    );
    assert_eq!(
        refused.json()["detail"],
        "A job that is `checks` cannot become `queued`, only `ready`, `scaffold` or `failed`"
    );
    patch(&api, &token, &job, json!({"status": "ready"})).await;
    let refused = patch(&api, &token, &job, json!({"status": "failed"})).await;
    assert_error(&refused, 409, "status-conflict");
    let body = refused.json();
    assert_eq!(
        (&body["from"], &body["allowed"]),
        (&json!("ready"), &json!([]))
    );
    let status = api.get(&format!("{}/status", path(&job))).await.json();
    assert_eq!(
        (&status["status"], &status["terminal"]),
        (&json!("ready"), &json!(true))
    );
}

#[tokio::test]
async fn of_many_steps_at_once_from_one_status_one_is_taken() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let steps = (0..8).map(|_| {
        let request = request(&api, &token, "PATCH", &path(&job)).body(r#"{"status":"starting"}"#);
        tokio::spawn(async move { request.send().await.status })
    });
    let mut statuses = Vec::new();
    for step in steps.collect::<Vec<_>>() {
        statuses.push(step.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [[200].as_slice(), &[409; 7]].concat());
}

#[tokio::test]
async fn a_job_ends_when_the_lines_that_it_counts_on_are_there() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    append(&api, &token, &job, 0, "0\n1\n").await;
    let end = json!({"status": "failed", "producers": {"w": 4}});
    let ending = request(&api, &token, "PATCH", &path(&job)).body(end.to_string());
    let ending = tokio::spawn(async move { ending.send().await });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(!ending.is_finished(), "it waits for two more lines");
    append(&api, &token, &job, 2, "2\n3\n").await;
    assert_eq!(ending.await.unwrap().status, 200);
    assert_eq!(texts(&api, &job).await, ["0", "1", "2", "3"]);
}

#[tokio::test]
async fn a_job_does_not_end_while_lines_are_missing_and_the_refusal_says_what_is_there() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    append(&api, &token, &job, 0, "0\n1\n").await;
    let end = json!({"status": "failed", "producers": {"w": 4, "never": 1}});
    let refused = patch(&api, &token, &job, end).await;
    assert_error(&refused, 409, "lines-missing");
    assert_eq!(refused.json()["producers"], json!({"w": 2, "never": 0}));
    let status = api.get(&format!("{}/status", path(&job))).await.json();
    assert_eq!(status["status"], "queued");
}

#[tokio::test]
async fn every_malformed_body_is_refused_by_the_name_of_its_field() {
    let (_redis, api) = service().await;
    let job = fresh();
    let long = "x".repeat(5000);
    for (body, field) in [
        ("", "body"),
        ("{", "body"),
        ("[]", "body"),
        ("{}", "body"),
        (r#"{"user_id":5}"#, "body"),
        (r#"{"user_id":""}"#, "user_id"),
        (r#"{"user_id":"  "}"#, "user_id"),
        (&json!({"user_id": long}).to_string(), "user_id"),
        (r#"{"user_id":"u","org_id":""}"#, "org_id"),
        (r#"{"user_id":"u","status":"done"}"#, "status"),
        (r#"{"user_id":"u","status":"ready"}"#, "status"),
        (r#"{"user_id":"u","fields":{"status":"ready"}}"#, "fields"),
        (r#"{"user_id":"u","fields":{"a":[]}}"#, "fields"),
        (r#"{"user_id":"u","fields":{"":"a"}}"#, "fields"),
        (r#"{"user_id":"u","fields":"a"}"#, "body"),
    ] {
        let answer = request(&api, &ALL.text, "PUT", &path(&job))
            .body(body)
            .send()
            .await;
        assert_error(&answer, 422, "invalid-parameter");
        assert_eq!(answer.json()["field"], field, "{body}");
    }
    let huge = format!(r#"{{"user_id":"u","x":"{}"}}"#, "x".repeat(70_000));
    let answer = request(&api, &ALL.text, "PUT", &path(&job))
        .body(huge)
        .send()
        .await;
    assert_error(&answer, 413, "body-too-large");
    assert_eq!(
        api.get(&path(&job)).await.status,
        404,
        "nothing was created"
    );
    let (job, token) = create(&api).await;
    for (body, field) in [
        ("{}", "body"),
        (r#"{"status":"paused"}"#, "status"),
        (r#"{"status":"failed","producers":{"a b":1}}"#, "producers"),
        (r#"{"status":"failed","producers":{"a":-1}}"#, "body"),
        (
            &json!({"status": "failed", "message": long}).to_string(),
            "message",
        ),
    ] {
        let answer = request(&api, &token, "PATCH", &path(&job))
            .body(body)
            .send()
            .await;
        assert_error(&answer, 422, "invalid-parameter");
        assert_eq!(answer.json()["field"], field, "{body}");
    }
    let missing = patch(&api, &ALL.text, &fresh(), json!({"status": "failed"})).await;
    assert_error(&missing, 404, "job-not-found");
}
