//! Webhooks: what has ended at Clerk ends here soon after, in every process.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    SECRETS, assert_alive, assert_broken_off, delivery, page_with, send_webhook, stream_with,
    token_of, two_processes, unique,
};
use crate::auth::{assert_refused, token_with};
use crate::stream::client::SOON;
use crate::support::{ANN, Api, Job, shared};

fn session_revoked(session: &str) -> Value {
    json!({"object": "event", "type": "session.revoked", "data": {"id": session}})
}

#[tokio::test]
async fn a_session_that_has_ended_loses_its_streams_and_its_tokens_in_every_process() {
    let (redis, [here, there]) = two_processes(&[]).await;
    let job = Job::new(&redis).await;
    for kind in ["session.ended", "session.removed", "session.revoked"] {
        let (ended, other) = (unique("sess"), unique("sess"));
        let (token, other) = (token_of(ANN, &ended), token_of(ANN, &other));
        let mut gone = [
            stream_with(&here, &job, &token, "").await,
            stream_with(&there, &job, &token, "").await,
            stream_with(&there, &job, &token, "?from=start").await,
        ];
        let mut stays = stream_with(&there, &job, &other, "").await;
        send_webhook(&here, kind, json!({"id": ended, "user_id": ANN})).await;
        for reader in &mut gone {
            // Lines that an earlier round has written come before the end.
            reader.rest(SOON).await;
            assert_eq!(reader.end(), Some(test_support::BodyEnd::BrokenOff));
        }
        for api in [&here, &there] {
            let answer = page_with(api, &job, &token).await;
            assert_refused(&answer, 401, "session-revoked", kind);
            assert_eq!(page_with(api, &job, &other).await.status, 200);
        }
        assert_alive(&mut stays, &job).await;
    }
}

#[tokio::test]
async fn a_deleted_user_loses_all_sessions() {
    let (redis, [here, there]) = two_processes(&[]).await;
    let user = unique("user");
    let job = Job::owned_by(&redis, &user).await;
    let tokens = [(); 2].map(|()| token_of(&user, &unique("sess")));
    let mut streams = [
        stream_with(&here, &job, &tokens[0], "").await,
        stream_with(&there, &job, &tokens[1], "").await,
    ];
    send_webhook(&there, "user.deleted", json!({"id": user, "deleted": true})).await;
    for stream in &mut streams {
        assert_broken_off(stream, SOON).await;
    }
    for (api, token) in [(&here, &tokens[1]), (&there, &tokens[0])] {
        let answer = page_with(api, &job, token).await;
        assert_refused(&answer, 401, "session-revoked", "deleted");
    }
}

#[tokio::test]
async fn a_user_who_leaves_an_organisation_loses_its_jobs_and_keeps_their_own() {
    let (redis, [here, there]) = two_processes(&[("LOG_API_ORG_READ", "member")]).await;
    let session = unique("sess");
    let shared_job = Job::owned_by(&redis, "user_bob").await;
    let own = Job::new(&redis).await;
    let org = unique("org");
    for job in [&shared_job, &own] {
        job.command(&["HSET", &job.key(), "org_id", &org]).await;
    }
    let member = |issued: i64| {
        token_with(|_, claims| {
            let iat = claims["iat"].as_i64().unwrap() + issued;
            claims["iat"] = iat.into();
            claims["sid"] = session.as_str().into();
            claims["o"] = json!({"id": org, "rol": "member"});
        })
    };
    let token = member(0);
    for (kind, data) in [
        (
            "organizationMembership.updated",
            json!({"organization": {"id": org}, "public_user_data": {"user_id": ANN}}),
        ),
        (
            "organizationMembership.deleted",
            json!({"organization": {"id": org}, "public_user_data": {"user_id": ANN}}),
        ),
        ("organization.deleted", json!({"id": org})),
    ] {
        // A token that was issued after the last event is valid again.
        let token = if kind == "organizationMembership.updated" {
            token.clone()
        } else {
            tokio::time::sleep(Duration::from_millis(1100)).await;
            member(0)
        };
        let mut loses = stream_with(&there, &shared_job, &token, "").await;
        let mut keeps = stream_with(&there, &own, &token, "").await;
        send_webhook(&here, kind, data).await;
        assert_broken_off(&mut loses, SOON).await;
        assert_alive(&mut keeps, &own).await;
        for api in [&here, &there] {
            assert_eq!(
                page_with(api, &shared_job, &token).await.status,
                404,
                "{kind}"
            );
            assert_eq!(page_with(api, &own, &token).await.status, 200, "{kind}");
        }
    }
}

#[tokio::test]
async fn a_process_that_starts_later_knows_what_was_revoked() {
    let (redis, [api, _]) = two_processes(&[]).await;
    let job = Job::new(&redis).await;
    let session = unique("sess");
    send_webhook(&api, "session.ended", json!({"id": session})).await;
    let settings = [("CLERK_WEBHOOK_SECRET", SECRETS[0])];
    let late = Api::start(&redis.url(), &settings).await;
    let answer = page_with(&late, &job, &token_of(ANN, &session)).await;
    assert_refused(&answer, 401, "session-revoked", "the first request");
}

#[tokio::test]
async fn a_webhook_that_is_forged_or_old_changes_nothing() {
    let (redis, [api, _]) = two_processes(&[]).await;
    let job = Job::new(&redis).await;
    let session = unique("sess");
    let token = token_of(ANN, &session);
    let mut reader = stream_with(&api, &job, &token, "").await;
    let event = session_revoked(&session);
    let (real, id) = (SECRETS[0], unique("msg"));
    let forged = "whsec_Zm9yZ2VkIGZvcmdlZCBmb3JnZWQgZm9yZ2Vk";
    let long_ago = {
        let secret = auth::webhooks::SigningSecret::parse(real).unwrap();
        let at = std::time::SystemTime::now() - Duration::from_secs(360);
        let body = event.to_string();
        let signed = secret.sign(&id, at, body.as_bytes());
        let request = api.anonymous().request("POST", "/webhooks/clerk");
        request
            .header("svix-id", &id)
            .header("svix-timestamp", &signed.timestamp)
            .header("svix-signature", &signed.signature)
            .body(body)
    };
    let unsigned = api.anonymous().request("POST", "/webhooks/clerk");
    let twice = delivery(&api, real, &id, &event).header("svix-id", &id);
    let other_body = delivery(&api, real, &id, &event).body(session_revoked("x").to_string());
    let cases = [
        ("forged", delivery(&api, forged, &id, &event)),
        ("long ago", long_ago),
        ("unsigned", unsigned.body(event.to_string())),
        ("an id twice", twice),
        ("another body", other_body),
        ("no event", delivery(&api, real, &id, &json!([]))),
    ];
    for (case, request) in cases {
        let answer = request.send().await;
        assert_eq!(answer.status, 400, "{case}: {}", answer.text());
        assert_eq!(answer.json()["code"], "invalid-webhook", "{case}");
        assert!(answer.json()["debug_id"].is_string());
    }
    let mut huge = event.clone();
    huge["data"]["x"] = "x".repeat(262_144).into();
    let answer = delivery(&api, real, &id, &huge).send().await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert_eq!(answer.json()["code"], "webhook-too-large");
    let get = api.anonymous().get("/webhooks/clerk").send().await;
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
    assert_eq!(page_with(&api, &job, &token).await.status, 200);
    assert_alive(&mut reader, &job).await;
}

#[tokio::test]
async fn a_webhook_counts_once_under_either_secret_and_a_repeat_gets_the_same_answer() {
    let (redis, [here, there]) = two_processes(&[]).await;
    let job = Job::new(&redis).await;
    for secret in SECRETS {
        let (session, id) = (unique("sess"), unique("msg"));
        let event = session_revoked(&session);
        for api in [&here, &there, &here] {
            let answer = delivery(api, secret, &id, &event).send().await;
            assert_eq!(answer.status, 204, "{}", answer.text());
        }
        let answer = page_with(&there, &job, &token_of(ANN, &session)).await;
        assert_refused(&answer, 401, "session-revoked", secret);
        // A second message with the same id is ignored.
        let other = unique("sess");
        let replayed = delivery(&here, secret, &id, &session_revoked(&other));
        assert_eq!(replayed.send().await.status, 204);
        assert_eq!(
            page_with(&there, &job, &token_of(ANN, &other)).await.status,
            200
        );
    }
    let log = here.log_with("access is withdrawn").await;
    assert!(!log.contains("sess_") && !log.contains("whsec_"), "{log}");
}

#[tokio::test]
async fn the_official_librarys_other_header_names_and_a_byte_order_mark_are_understood() {
    let (redis, [api, _]) = two_processes(&[]).await;
    let job = Job::new(&redis).await;
    let secret = auth::webhooks::SigningSecret::parse(SECRETS[0]).unwrap();
    for (prefix, mark) in [
        ("webhook", ""),
        ("svix", "\u{feff}"),
        ("webhook", "\u{feff}"),
    ] {
        let (session, id) = (unique("sess"), unique("msg"));
        let body = format!("{mark}{}", session_revoked(&session));
        let signed = secret.sign(&id, std::time::SystemTime::now(), body.as_bytes());
        let request = api.anonymous().request("POST", "/webhooks/clerk");
        let answer = request
            .header(&format!("{prefix}-id"), &id)
            .header(&format!("{prefix}-timestamp"), &signed.timestamp)
            .header(&format!("{prefix}-signature"), &signed.signature)
            .body(body)
            .send()
            .await;
        assert_eq!(answer.status, 204, "{prefix}: {}", answer.text());
        let answer = page_with(&api, &job, &token_of(ANN, &session)).await;
        assert_refused(&answer, 401, "session-revoked", prefix);
    }
}

#[tokio::test]
async fn an_event_that_revokes_nothing_is_answered_and_ignored() {
    let (_redis, [api, _]) = two_processes(&[]).await;
    send_webhook(&api, "session.created", json!({"id": "sess_new"})).await;
    send_webhook(
        &api,
        "user.updated",
        json!({"id": "user_x", "banned": false}),
    )
    .await;
}

#[tokio::test]
async fn without_a_secret_there_is_no_such_route() {
    let (_redis, api) = shared().await;
    let event = session_revoked("sess_1");
    let answer = delivery(&api, SECRETS[0], "msg_1", &event).send().await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["code"], "route-not-found");
}

#[tokio::test]
async fn a_redis_that_is_away_makes_clerk_send_the_webhook_again() {
    let redis = test_support::RedisServer::start().await;
    let settings = [("CLERK_WEBHOOK_SECRET", SECRETS[0])];
    let api = Api::start(&redis.url(), &settings).await;
    redis.stop().await;
    let (session, id) = (unique("sess"), unique("msg"));
    let answer = delivery(&api, SECRETS[0], &id, &session_revoked(&session));
    let answer = answer.send().await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("retry-after").is_some());
}
