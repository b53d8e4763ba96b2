//! `GET …/logs/status`.

use serde_json::json;

use crate::support::{Job, shared};

#[tokio::test]
async fn the_status_of_a_job_is_what_its_producer_wrote() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let path = format!("{}/status", job.path());
    let answer = api.get(&path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let mut expected = json!({
        "job_id": job.id, "status": "code", "terminal": false, "status_message": null,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": null,
    });
    assert_eq!(answer.json(), expected);
    job.set_status("failed").await;
    job.command(&["HSET", &job.key(), "status_message", "It \"broke\""])
        .await;
    expected["status"] = json!("failed");
    expected["terminal"] = json!(true);
    expected["status_message"] = json!("It \"broke\"");
    expected["updated_at"] = json!("2026-01-01T00:01:00Z");
    assert_eq!(api.get(&path).await.json(), expected);
}

#[tokio::test]
async fn the_status_of_somebody_elses_job_is_not_found() {
    let (redis, api) = shared().await;
    let foreign = Job::owned_by(&redis, "user_bob").await;
    let missing = Job::unwritten(&redis);
    for job in [foreign, missing] {
        let answer = api.get(&format!("{}/status", job.path())).await;
        assert_eq!(answer.status, 404, "{}", answer.text());
        assert_eq!(answer.json()["code"], "job-not-found");
    }
    let path = format!("{}/status", Job::new(&redis).await.path());
    assert_eq!(api.anonymous().get(&path).send().await.status, 401);
    let posted = api.anonymous().request("POST", &path).send().await;
    assert_eq!((posted.status, posted.header("allow")), (405, Some("GET")));
}
