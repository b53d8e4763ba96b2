//! The routes in somebody else's actix application, in one process.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_web::body::to_bytes;
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::test::{TestRequest, call_service, init_service, try_call_service};
use actix_web::{App, HttpResponse, web};
use async_trait::async_trait;
use auth::{StaticKeys, Verifier};
use log_api::{
    AccessStores, AppState, AuthorizedJob, Stores, configure, configure_health, configure_logs,
    envelope, unknown_route,
};
use log_domain::{Job as DomainJob, JobId, PageRequest, Revocation, Revoked, UserId};
use log_store::redis::{RedisOptions, RedisStore};
use log_store::{
    JobWatch, JobWrites as _, Jobs, LogAppend as _, MemoryStore, NewJob, NewLine, Revocations as _,
    StoreError,
};
use serde_json::Value;
use test_support::RedisServer;

use crate::support::{ANN, ISSUER, Job, ORIGIN, token};

const JOB: &str = "build-1";

/// State over a store in memory, which holds one job of Ann's with one line.
async fn state() -> AppState {
    let store = Arc::new(MemoryStore::new());
    let job: JobId = JOB.parse().unwrap();
    let new = NewJob::new(UserId::new(ANN).unwrap(), SystemTime::now());
    store.create(&job, &new).await.unwrap();
    let line = NewLine {
        text: Some("mounted".into()),
        ..NewLine::default()
    };
    store.append(&job, &[line]).await.unwrap();
    let keys = StaticKeys::from_jwks(&ISSUER.jwks_json()).unwrap();
    let verifier = Verifier::builder(Arc::new(keys))
        .issuers([ISSUER.issuer()])
        .authorized_parties([ORIGIN])
        .build()
        .unwrap();
    let mut state = AppState::new(Arc::new(verifier), Stores::one(store)).unwrap();
    state.cors_origins = [ORIGIN.to_owned()].into();
    state
}

fn asking(target: &str) -> TestRequest {
    asking_with(&token(ANN), target)
}

fn asking_with(token: &str, target: &str) -> TestRequest {
    TestRequest::get()
        .uri(target)
        .insert_header((header::AUTHORIZATION, format!("Bearer {token}")))
}

/// A route of the other application, behind the same gate.
async fn own_route(asked: AuthorizedJob<PageRequest>) -> HttpResponse {
    HttpResponse::Ok().body(format!("{} of {}", asked.query.limit.get(), asked.job_id))
}

#[actix_web::test]
async fn each_application_keeps_its_own_routes() {
    let state = state().await;
    let app = App::new()
        .wrap(DefaultHeaders::new().add(("X-Theirs", "1")))
        .route("/", web::get().to(async || "home"))
        .configure(|config| configure(config, &state))
        .route("/api/other", web::get().to(async || "other"))
        .default_service(web::to(async || HttpResponse::NotFound().body("theirs")));
    let app = init_service(app).await;
    for (target, status, part) in [
        ("/", 200, "home"),
        ("/api/other", 200, "other"),
        ("/nowhere", 404, "theirs"),
        ("/api/jobs", 404, "theirs"),
        ("/api/jobs/build-1/logs", 200, "mounted"),
        ("/api/jobs/build-1/logs?limit=0", 422, "`limit` must"),
        ("/api/jobs/build-2/logs", 404, "Job not found"),
        ("/api/jobs/build-1/logs/other", 404, "route-not-found"),
        ("/healthz", 200, "ok"),
        ("/api/ready", 200, "ok"),
    ] {
        let answer = call_service(&app, asking(target).to_request()).await;
        assert_eq!(answer.status().as_u16(), status, "{target}");
        assert_eq!(answer.headers().get("X-Theirs").unwrap(), "1", "{target}");
        let text = to_bytes(answer.into_body()).await.unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(text.contains(part), "{target}: {text}");
    }
}

#[actix_web::test]
async fn mounted_routes_keep_the_contract_on_their_own() {
    let state = state().await;
    let app = init_service(App::new().configure(|config| configure(config, &state))).await;
    let anonymous = TestRequest::get()
        .uri("/api/jobs/build-1/logs")
        .insert_header((header::ORIGIN, ORIGIN));
    let answer = call_service(&app, anonymous.to_request()).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let headers = answer.headers().clone();
    assert_eq!(
        headers.get(header::CONTENT_TYPE).unwrap(),
        "application/problem+json"
    );
    assert_eq!(
        headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).unwrap(),
        ORIGIN
    );
    let body: Value =
        serde_json::from_slice(&to_bytes(answer.into_body()).await.unwrap_or_default()).unwrap();
    assert_eq!(
        body["debug_id"],
        headers.get("x-request-id").unwrap().to_str().unwrap()
    );

    let stream = asking("/api/jobs/build-1/logs/stream").to_request();
    let answer = call_service(&app, stream).await;
    assert_eq!(
        answer.headers().get(header::CONTENT_TYPE).unwrap(),
        "text/event-stream"
    );
}

#[actix_web::test]
async fn the_routes_can_be_mounted_under_a_prefix() {
    let state = state().await;
    let scope = web::scope("/v1").configure(|config| configure(config, &state));
    let app = App::new()
        .service(scope)
        .default_service(web::to(unknown_route));
    let app = init_service(app).await;
    for (target, status) in [
        ("/v1/api/jobs/build-1/logs", 200),
        ("/v1/healthz", 200),
        ("/api/jobs/build-1/logs", 404),
        ("/v1/api/jobs/b%20/logs", 422),
    ] {
        let answer = call_service(&app, asking(target).to_request()).await;
        assert_eq!(answer.status().as_u16(), status, "{target}");
        assert!(answer.headers().contains_key("x-request-id"), "{target}");
    }
}

#[actix_web::test]
async fn another_route_can_use_the_same_gate_and_error_format() {
    let state = state().await;
    let own = web::resource("/api/jobs/{job_id}/summary").route(web::get().to(own_route));
    let app = App::new()
        .configure(|config| configure(config, &state))
        .service(own.wrap(from_fn(envelope)));
    let app = init_service(app).await;
    let answer = call_service(
        &app,
        asking("/api/jobs/build-1/summary?limit=7").to_request(),
    )
    .await;
    assert_eq!(
        to_bytes(answer.into_body()).await.unwrap_or_default(),
        "7 of build-1"
    );
    for (request, status) in [
        (TestRequest::get().uri("/api/jobs/build-1/summary"), 401),
        (asking("/api/jobs/build-1/summary?limit=x"), 422),
        (asking("/api/jobs/build-2/summary"), 404),
    ] {
        let answer = call_service(&app, request.to_request()).await;
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(
            answer.headers().get(header::CONTENT_TYPE).unwrap(),
            "application/problem+json"
        );
    }
}

/// Panics, as a service with a bug does.
struct Broken;

#[async_trait]
impl Jobs for Broken {
    async fn get(&self, _: &JobId) -> Result<Option<DomainJob>, StoreError> {
        panic!("a secret of the service")
    }

    fn watch_job(&self, _: &JobId) -> Box<dyn JobWatch> {
        unreachable!("nobody may read")
    }

    async fn ping_jobs(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[actix_web::test]
async fn a_panic_is_a_500_in_the_shape_of_all_errors_without_details() {
    let mut state = state().await;
    state.jobs = Arc::new(Broken);
    let app = init_service(App::new().configure(|config| configure(config, &state))).await;
    let asked = asking("/api/jobs/build-1/logs").insert_header(("X-Request-ID", "r-1"));
    // Actix answers an error that reaches it with the error's own answer.
    let answer = match try_call_service(&app, asked.to_request()).await {
        Ok(answer) => answer.into_parts().1.map_into_boxed_body(),
        Err(error) => error.error_response(),
    };
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.headers().get("x-request-id").unwrap(), "r-1");
    let body = to_bytes(answer.into_body()).await.unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let expected = serde_json::json!({
        "status": 500, "code": "internal", "detail": "Something went wrong on our side", "debug_id": "r-1",
    });
    assert_eq!(body, expected);
}

#[actix_web::test]
async fn a_scope_of_the_application_keeps_its_routes_and_has_those_of_logs_beside_them() {
    let state = state().await;
    let api = web::scope("/api")
        .route("/builds", web::get().to(async || "theirs"))
        .configure(|scope| configure_logs(scope, &state))
        .default_service(web::to(async || {
            HttpResponse::NotFound().body("theirs too")
        }));
    let app = App::new().service(api);
    let app = init_service(app.configure(|root| configure_health(root, &state))).await;
    for (target, status, part) in [
        ("/api/builds", 200, "theirs"),
        ("/api/nowhere", 404, "theirs too"),
        ("/api/jobs/build-1/logs", 200, "mounted"),
        ("/api/jobs/build-1/logs/status", 200, "queued"),
        ("/api/jobs/build-1/logs/nowhere", 404, "route-not-found"),
        ("/api/jobs/build-2/logs", 404, "Job not found"),
        ("/api/jobs/%20/logs", 422, "job_id"),
        ("/healthz", 200, "ok"),
        ("/readyz", 200, "ok"),
    ] {
        let answer = call_service(&app, asking(target).to_request()).await;
        assert_eq!(answer.status().as_u16(), status, "{target}");
        let text = to_bytes(answer.into_body()).await.unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(text.contains(part), "{target}: {text}");
    }
}

#[actix_web::test]
async fn no_route_comes_unasked_with_those_of_logs() {
    let mut state = state().await;
    state.viewer.enabled = true;
    let api = web::scope("/api").configure(|scope| configure_logs(scope, &state));
    let app = init_service(App::new().service(api)).await;
    for target in [
        "/healthz",
        "/readyz",
        "/api/health",
        "/api/ready",
        "/jobs/build-1",
        "/viewer/page.js",
        "/webhooks/clerk",
    ] {
        let answer = call_service(&app, asking(target).to_request()).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{target}");
        assert!(!answer.headers().contains_key("x-request-id"), "{target}");
    }
}

/// A mount over a Redis, as one of several processes.
async fn mount_on(redis: &RedisServer, stores: impl FnOnce(Arc<RedisStore>) -> Stores) -> AppState {
    let store = Arc::new(RedisStore::new(RedisOptions::new(redis.url())).unwrap());
    let state = AppState::new(state().await.verifier, stores(store)).unwrap();
    // It knows what was revoked before it answers anybody.
    while !state.access.is_ready() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    state
}

/// The status of the answer of a mount, and its body if that is JSON.
async fn asked(state: &AppState, request: TestRequest) -> (u16, Value) {
    let app = init_service(App::new().configure(|config| configure(config, state))).await;
    let answer = call_service(&app, request.to_request()).await;
    let status = answer.status().as_u16();
    let is_stream = answer.headers().get(header::CONTENT_TYPE).unwrap() == "text/event-stream";
    if is_stream {
        return (status, Value::Null);
    }
    let body = to_bytes(answer.into_body()).await.unwrap_or_default();
    (status, serde_json::from_slice(&body).unwrap())
}

#[actix_web::test]
async fn mounts_over_one_redis_know_each_others_tickets() {
    let redis = RedisServer::shared().await;
    let job = Job::new(&redis).await;
    let here = mount_on(&redis, Stores::one).await;
    let there = mount_on(&redis, Stores::one).await;
    let local =
        |store: Arc<RedisStore>| Stores::new(store.clone(), store).access(AccessStores::local());
    let alone = mount_on(&redis, local).await;
    let stream_by_ticket_of = async |state: &AppState| {
        let request = asking(&format!("{}/ticket", job.path())).method(Method::POST);
        let (status, body) = asked(state, request).await;
        assert_eq!(status, 200, "{body}");
        let ticket = body["ticket"].as_str().unwrap();
        TestRequest::get().uri(&format!("{}/stream?ticket={ticket}", job.path()))
    };
    let request = stream_by_ticket_of(&here).await;
    assert_eq!(asked(&there, request).await.0, 200);
    // What is local says so, and is.
    let request = stream_by_ticket_of(&alone).await;
    assert_eq!(asked(&there, request).await.0, 401);
}

#[actix_web::test]
async fn mounts_over_one_redis_know_each_others_revocations() {
    let redis = RedisServer::shared().await;
    let job = Job::new(&redis).await;
    let mounts = [
        mount_on(&redis, Stores::one).await,
        mount_on(&redis, Stores::one).await,
    ];
    let token = token(ANN);
    let session = mounts[0].verifier.verify(&token).await.unwrap();
    let revocation = Revocation {
        what: Revoked::Session(session.session_id().into()),
        issued_until: u64::MAX,
    };
    for mount in &mounts {
        let request = asking_with(&token, &job.path());
        assert_eq!(asked(mount, request).await.0, 200);
    }
    let store = RedisStore::new(RedisOptions::new(redis.url())).unwrap();
    let (message, keep) = (format!("msg_{}", job.id), Duration::from_secs(60));
    assert!(store.revoke(&message, &[revocation], keep).await.unwrap());
    for mount in &mounts {
        let mut status = 200;
        while status == 200 {
            status = asked(mount, asking_with(&token, &job.path())).await.0;
        }
        assert_eq!(status, 401);
    }
}
