//! Requests and responses of the `http` crate.

use std::cell::Cell;
use std::time::Duration;

use ::http::Request;
use ::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use auth::Rejection;

use crate::support::*;
use crate::vectors::*;

fn request(token: &str) -> Request<()> {
    Request::get("/me")
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .body(())
        .unwrap()
}

#[tokio::test]
async fn a_request_and_its_parts_are_authenticated() {
    let verifier = verifier();
    let request = request(&good_token());
    let session = verifier.authenticate(&request).await.unwrap();
    assert_eq!(session.user_id(), USER_ID);
    let (parts, ()) = request.into_parts();
    let session = verifier.authenticate(&parts).await.unwrap();
    assert_eq!(session.user_id(), USER_ID);
}

#[tokio::test]
async fn two_headers_are_ambiguous_here_too() {
    let mut request = request(&good_token());
    let second = request.headers()[AUTHORIZATION].clone();
    request.headers_mut().append(AUTHORIZATION, second);
    let refused = verifier().authenticate(&request).await.unwrap_err();
    assert_eq!(refused, Rejection::MalformedCredentials);
}

#[tokio::test]
async fn a_refusal_is_a_response_with_challenge_and_reason() {
    let refused = verifier()
        .authenticate(&request("nonsense"))
        .await
        .unwrap_err();
    let response = auth::http::response(refused);
    assert_eq!(response.status(), 401);
    assert_eq!(
        response.headers()[WWW_AUTHENTICATE],
        r#"Bearer error="invalid_token""#
    );
    let body: serde_json::Value = serde_json::from_str(response.body()).unwrap();
    assert_eq!(
        body,
        serde_json::json!({
            "status": 401,
            "reason": "token-invalid",
            "detail": "The token is not a well-formed JWT",
        })
    );
}

#[test]
fn an_outage_of_the_keys_says_when_to_come_back() {
    let response = auth::http::response(Rejection::KeysUnavailable {
        retry_after: Duration::from_secs(7),
    });
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()[RETRY_AFTER], "7");
    assert_eq!(response.headers().get(WWW_AUTHENTICATE), None);
}

#[tokio::test]
async fn a_request_whose_body_threads_cannot_share_is_verified_on_another_thread() {
    // As the bodies of axum: `Send`, and not `Sync`.
    let request = request("nonsense").map(|()| Cell::new(0));
    let handler = async move {
        let refused = verifier().authenticate(&request).await.unwrap_err();
        (refused, request.into_body().get())
    };
    let (refused, _) = tokio::spawn(handler).await.unwrap();
    assert_eq!(refused, Rejection::TokenInvalid);
}
