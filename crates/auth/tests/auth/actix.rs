//! The extractors for actix-web: which requests reach a handler, and the answers to all others.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, ResponseError, web};
use auth::actix::{Auth, AuthError, OptionalAuth};
use auth::{PublishableKey, Rejection, Verifier};
use serde_json::{Value, json};

use crate::fake_server::{Answer, FakeServer};
use crate::support::*;
use crate::vectors::*;

async fn me(auth: Auth) -> String {
    auth.user_id().to_owned()
}

async fn hello(auth: OptionalAuth) -> String {
    match auth.session() {
        Some(session) => session.session_id().to_owned(),
        None => "nobody".to_owned(),
    }
}

struct Answered {
    status: u16,
    challenge: Option<String>,
    retry_after: Option<String>,
    body: String,
}

impl Answered {
    fn reason(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(body["status"], json!(self.status));
        body["reason"].as_str().unwrap().to_owned()
    }
}

async fn ask_of(verifier: Verifier, request: TestRequest) -> Answered {
    let app = App::new()
        .app_data(web::Data::new(verifier))
        .route("/me", web::to(me))
        .route("/", web::to(hello));
    let app = init_service(app).await;
    let response = call_service(&app, request.to_request()).await;
    let header = |name| {
        let value = response.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let (challenge, retry_after) = (header(WWW_AUTHENTICATE), header(RETRY_AFTER));
    let status = response.status().as_u16();
    if status >= 400 {
        assert_eq!(header(CACHE_CONTROL).as_deref(), Some("no-store"));
    }
    let body = read_body(response).await;
    Answered {
        status,
        challenge,
        retry_after,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

async fn ask(request: TestRequest) -> Answered {
    let key = PublishableKey::parse(PUBLISHABLE_KEY).unwrap();
    let verifier = verifier_with(|builder| builder.session_cookies(&key));
    ask_of(verifier, request).await
}

fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path)
}

fn with_token(path: &str, token: &str) -> TestRequest {
    get(path).insert_header(("Authorization", format!("Bearer {token}")))
}

#[actix_web::test]
async fn a_signed_in_request_reaches_the_handler() {
    let answered = ask(with_token("/me", &good_token())).await;
    assert_eq!((answered.status, answered.body.as_str()), (200, USER_ID));
    let cookie = get("/me").insert_header(("Cookie", format!("__session={}", good_token())));
    assert_eq!(ask(cookie).await.status, 200);
}

/// Cases 7 and 9 over HTTP.
#[actix_web::test]
async fn a_request_without_a_token_gets_a_challenge_without_error() {
    for request in [
        get("/me"),
        get("/me").insert_header(("Authorization", "Basic YTpi")),
    ] {
        let answered = ask(request).await;
        assert_eq!(answered.status, 401);
        assert_eq!(answered.reason(), "session-token-missing");
        assert_eq!(answered.challenge.as_deref(), Some("Bearer"));
    }
}

/// Case 12 over HTTP.
#[actix_web::test]
async fn a_token_in_the_url_is_ignored() {
    for name in ["token", "access_token", "__session"] {
        let answered = ask(get(&format!("/me?{name}={}", good_token()))).await;
        assert_eq!(answered.reason(), "session-token-missing");
        assert!(!answered.body.contains(&good_token()));
    }
}

#[actix_web::test]
async fn a_refusal_has_a_reason_and_a_constant_text() {
    for (token, reason) in [
        (token_with("exp", T - 100), "token-expired"),
        (
            token_with("azp", "https://evil.example"),
            "token-invalid-authorized-parties",
        ),
        (
            unsigned_token(&header(), &claims()),
            "token-invalid-signature",
        ),
        ("ak_secret".to_owned(), "token-type-mismatch"),
    ] {
        let answered = ask(with_token("/me", &token)).await;
        assert_eq!((answered.status, answered.reason().as_str()), (401, reason));
        let challenge = answered.challenge.as_deref();
        assert_eq!(challenge, Some(r#"Bearer error="invalid_token""#));
        for secret in [token.as_str(), KEY_ID, USER_ID, "evil.example"] {
            assert!(!answered.body.contains(secret), "{}", answered.body);
        }
    }
}

/// Cases 10 and 14 over HTTP.
#[actix_web::test]
async fn malformed_and_cross_site_credentials_have_their_own_statuses() {
    let twice = get("/me")
        .append_header(("Authorization", "Bearer a.b.c"))
        .append_header(("Authorization", "Bearer a.b.c"));
    let answered = ask(twice).await;
    assert_eq!(answered.status, 400);
    assert_eq!(answered.reason(), "token-malformed-credentials");
    let cookie = ("Cookie", format!("__session={}", good_token()));
    for request in [
        get("/me").insert_header(("Sec-Fetch-Site", "cross-site")),
        TestRequest::post().uri("/me"),
    ] {
        let answered = ask(request.insert_header(cookie.clone())).await;
        assert_eq!(answered.status, 403);
        assert_eq!(answered.reason(), "cookie-cross-site");
        assert_eq!(answered.challenge, None);
    }
}

/// Case 50 over HTTP.
#[actix_web::test]
async fn unavailable_keys_are_503_with_retry_after() {
    let keys = FakeServer::new(Answer::Fails).keys();
    let verifier = builder(keys).build().unwrap();
    for path in ["/me", "/"] {
        let answered = ask_of(verifier.clone(), with_token(path, &good_token())).await;
        assert_eq!(answered.status, 503);
        assert_eq!(answered.reason(), "jwk-remote-failed-to-load");
        assert_eq!(answered.challenge, None);
        let seconds: u64 = answered.retry_after.unwrap().parse().unwrap();
        assert!((1..=30).contains(&seconds));
    }
}

#[actix_web::test]
async fn a_bad_token_is_refused_for_an_optional_session_too() {
    let anonymous = ask(get("/")).await;
    assert_eq!((anonymous.status, anonymous.body.as_str()), (200, "nobody"));
    let known = ask(with_token("/", &good_token())).await;
    assert_eq!((known.status, known.body.as_str()), (200, SESSION_ID));
    let expired = ask(with_token("/", &token_with("exp", T - 100))).await;
    assert_eq!(
        (expired.status, expired.reason().as_str()),
        (401, "token-expired")
    );
    let raw = ask(get("/").insert_header(("Authorization", "a.b.c"))).await;
    assert_eq!(raw.status, 400);
}

#[actix_web::test]
async fn an_app_without_a_verifier_answers_500() {
    let app = init_service(
        App::new()
            .route("/me", web::to(me))
            .route("/", web::to(hello)),
    )
    .await;
    for path in ["/me", "/"] {
        let response = call_service(&app, with_token(path, &good_token()).to_request()).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
    assert_eq!(AuthError::NoVerifier.reason(), "internal");
}

#[test]
fn an_error_has_the_status_and_text_of_its_rejection() {
    let retry_after = Duration::from_secs(7);
    for rejection in [
        Rejection::Expired,
        Rejection::CookieCrossSite,
        Rejection::MalformedCredentials,
        Rejection::KeysUnavailable { retry_after },
    ] {
        let error = AuthError::Rejected(rejection);
        assert_eq!(error.status_code().as_u16(), rejection.kind().status());
        assert_eq!(error.reason(), rejection.reason());
        assert_eq!(error.to_string(), rejection.to_string());
    }
    let _: Arc<dyn std::error::Error> = Arc::new(AuthError::NoVerifier);
}
