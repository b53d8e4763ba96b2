//! Jobs of an organisation, which its members may read.

use serde_json::{Value, json};
use test_support::RedisServer;

use super::page_with;
use crate::auth::{now, token_with};
use crate::support::{ANN, Api, Job};

/// A token of Ann's with an organisation, and these permissions of its feature `builds`.
fn member(org: &str, permissions: &str) -> String {
    token_with(|_, claims| {
        claims["fea"] = "o:builds".into();
        claims["o"] = json!({"id": org, "rol": "member", "per": permissions, "fpm": "3"});
    })
}

async fn status(api: &Api, job: &Job, token: &str) -> (u16, Value) {
    let answer = page_with(api, job, token).await;
    let detail = answer.json().get("detail").cloned();
    (answer.status, detail.unwrap_or(Value::Null))
}

#[tokio::test]
async fn a_job_of_an_organisation_is_read_as_the_rule_says_and_looks_absent_else() {
    let redis = RedisServer::shared().await;
    let start = async |rule: &str| Api::start(&redis.url(), &[("LOG_API_ORG_READ", rule)]).await;
    let off = Api::on(&redis).await;
    let (members, permitted) = (start("member").await, start("org:builds:read").await);
    let job = Job::owned_by(&redis, "user_bob").await;
    job.command(&["HSET", &job.key(), "org_id", "org_1"]).await;
    let ownerless = Job::owned_by(&redis, "").await;
    ownerless
        .command(&["HSET", &ownerless.key(), "org_id", "org_1"])
        .await;
    let own = Job::new(&redis).await;
    own.command(&["HSET", &own.key(), "org_id", "org_2"]).await;

    let (reads, cancels) = (member("org_1", "read,cancel"), member("org_1", "cancel"));
    let (elsewhere, none) = (member("org_2", "read"), token_with(|_, _| ()));
    let foreign = (404, Value::from("Job not found"));
    let good = (200, Value::Null);
    let cases = [
        (&off, &reads, &foreign),
        (&members, &reads, &good),
        (&members, &cancels, &good),
        (&members, &elsewhere, &foreign),
        (&members, &none, &foreign),
        (&permitted, &reads, &good),
        (&permitted, &cancels, &foreign),
        (&permitted, &elsewhere, &foreign),
        (&permitted, &none, &foreign),
    ];
    for (n, (api, token, expected)) in cases.into_iter().enumerate() {
        for job in [&job, &ownerless] {
            assert_eq!(&status(api, job, token).await, expected, "case {n}");
        }
        assert_eq!(status(api, &own, token).await, good, "her own: case {n}");
    }
}

#[tokio::test]
async fn an_organisation_of_a_token_before_version_2_counts_too() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_ORG_READ", "org:builds:read")]).await;
    let job = Job::owned_by(&redis, "user_bob").await;
    job.command(&["HSET", &job.key(), "org_id", "org_1"]).await;
    let flat = |permissions: Value| {
        token_with(|_, claims| {
            claims.as_object_mut().unwrap().remove("v");
            claims["org_id"] = "org_1".into();
            claims["org_permissions"] = permissions;
        })
    };
    let reads = flat(json!(["org:builds:read"]));
    assert_eq!(status(&api, &job, &reads).await.0, 200);
    assert_eq!(status(&api, &job, &flat(json!([]))).await.0, 404);
}

#[tokio::test]
async fn a_claim_of_an_organisation_that_cannot_be_read_gives_nothing_and_refuses_nobody() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_ORG_READ", "org:builds:read")]).await;
    let (shared, own) = (
        Job::owned_by(&redis, "user_bob").await,
        Job::new(&redis).await,
    );
    shared
        .command(&["HSET", &shared.key(), "org_id", "org_1"])
        .await;
    for (features, masks) in [
        ("o:builds", "-1"),
        ("o:builds", "1.5"),
        ("o:builds", "1x"),
        ("o:builds", "1,1"),
        ("builds", "1"),
    ] {
        let token = token_with(|_, claims| {
            claims["fea"] = features.into();
            claims["o"] = json!({"id": "org_1", "rol": "x", "per": "read", "fpm": masks});
        });
        assert_eq!(
            status(&api, &shared, &token).await.0,
            404,
            "{features} {masks}"
        );
        assert_eq!(
            status(&api, &own, &token).await.0,
            200,
            "{features} {masks}"
        );
    }
}

#[tokio::test]
async fn who_reads_as_somebody_else_may_and_goes_on_record() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let token = token_with(|_, claims| {
        claims["exp"] = (now() + 50).into();
        claims["act"] = json!({"iss": "https://dashboard", "sid": "sess_x", "sub": "user_support"});
    });
    assert_eq!(status(&api, &job, &token).await.0, 200);
    let log = api.log_with("log_api::audit").await;
    let record = log.lines().find(|line| line.contains("log_api::audit"));
    let record = record.unwrap();
    assert!(
        record.contains("user_support") && record.contains(&job.id),
        "{record}"
    );
    assert!(!record.contains(ANN), "{record}");
}
