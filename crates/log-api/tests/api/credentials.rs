//! Where a token may be: in the `Authorization` header, or in the session cookie of the API's own pages.

use auth::PublishableKey;
use auth::mint::{Issuer, TestKey};
use serde_json::json;
use test_support::{Answer, SseReader};

use crate::auth::{assert_refused, now, token_with};
use crate::support::{ANN, Api, ISSUER, Job, ORIGIN, shared, token};

/// The name that Clerk gives the session cookie of this instance, in addition to the plain name.
fn suffixed(key: &str) -> String {
    let key = PublishableKey::parse(key).unwrap();
    format!("__session_{}", key.cookie_suffix())
}

async fn get(api: &Api, target: &str, headers: &[(&str, &str)]) -> Answer {
    let request = api.anonymous().get(target);
    let add =
        |request: test_support::Request, (name, value): &(&str, &str)| request.header(name, value);
    headers.iter().fold(request, add).send().await
}

#[tokio::test]
async fn a_session_cookie_is_accepted_for_reading_from_our_own_pages() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    for name in ["__session".to_owned(), suffixed(&ISSUER.publishable_key())] {
        let cookie = format!("theme=dark; {name}={}; other=1", token(ANN));
        let own = [
            vec![("Cookie", cookie.as_str())],
            vec![("Cookie", &cookie), ("Sec-Fetch-Site", "same-origin")],
            vec![("Cookie", &cookie), ("Origin", ORIGIN)],
        ];
        for headers in own {
            let answer = get(&api, &job.path(), &headers).await;
            assert_eq!(answer.status, 200, "{headers:?}: {}", answer.text());
        }
        let request = api.anonymous().get(&format!("{}/stream", job.path()));
        let reader = SseReader::open(request.header("Cookie", &cookie)).await;
        assert_eq!(reader.status, 200, "an EventSource of the same origin");
    }
}

#[tokio::test]
async fn a_session_cookie_from_elsewhere_or_with_a_change_is_403() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let cookie = format!("__session={}", token(ANN));
    for (name, value) in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Sec-Fetch-Site", "none"),
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
    ] {
        let answer = get(&api, &job.path(), &[("Cookie", &cookie), (name, value)]).await;
        assert_eq!(answer.status, 403, "{name}: {value}");
        assert_eq!(answer.json()["reason"], "cookie-cross-site");
        assert_eq!(answer.header("www-authenticate"), None);
    }
    let target = format!("{}/ticket", job.path());
    let request = api.anonymous().request("POST", &target);
    let answer = request.header("Cookie", &cookie).send().await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn a_bad_bearer_token_is_not_made_up_for_by_a_good_cookie() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let cookie = format!("__session={}", token(ANN));
    for (bearer, reason) in [
        ("Bearer a.b.c", "token-invalid"),
        ("Bearer ", "session-token-missing"),
    ] {
        let headers = [("Authorization", bearer), ("Cookie", cookie.as_str())];
        let answer = get(&api, &job.path(), &headers).await;
        assert_refused(&answer, 401, reason, bearer);
    }
    let expired = token_with(|_, claims| {
        claims["iat"] = (now() - 120).into();
        claims["exp"] = (now() - 60).into();
    });
    let bearer = format!("Bearer {expired}");
    let headers = [("Authorization", bearer.as_str()), ("Cookie", &cookie)];
    let answer = get(&api, &job.path(), &headers).await;
    assert_refused(&answer, 401, "token-expired", "an expired one");
}

#[tokio::test]
async fn the_cookie_of_another_instance_is_passed_over_for_ours() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let other =
        Issuer::for_tests_as("other.clerk.invalid", ISSUER.key_id(), TestKey::Second).unwrap();
    let header = json!({"alg": "RS256", "kid": ISSUER.key_id()}).to_string();
    let claims = json!({
        "azp": ORIGIN, "exp": now() + 60, "iat": now(), "iss": other.issuer(), "nbf": now(), "sid": "s", "sub": ANN,
    });
    let foreign = other.sign(&header, &claims.to_string()).unwrap();
    let ours = suffixed(&ISSUER.publishable_key());
    let both = format!("__session={foreign}; {ours}={}", token(ANN));
    assert_eq!(
        get(&api, &job.path(), &[("Cookie", &both)]).await.status,
        200
    );
    let theirs = suffixed(&other.publishable_key());
    let alone = format!("{theirs}={}", token(ANN));
    let answer = get(&api, &job.path(), &[("Cookie", &alone)]).await;
    assert_refused(&answer, 401, "session-token-missing", "another instance's");
}

#[tokio::test]
async fn a_machines_token_is_refused_by_its_class() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let cat = |cat: &str| token_with(|header, _| header["cat"] = cat.into());
    let typ = |typ: &str| token_with(|header, _| header["typ"] = typ.into());
    let tokens = [
        "ak_0123456789".to_owned(),
        "oat_0123456789".into(),
        "mt_0123456789".into(),
        "m2m_0123456789".into(),
        cat("cl_B7d4PD222AAA"),
        cat("cl_B7d4PD333AAA"),
        cat("x"),
        typ("at+jwt"),
        typ("application/at+jwt"),
        token_with(|_, claims| claims["sub"] = "mch_1".into()),
    ];
    for token in tokens {
        let bearer = format!("Bearer {token}");
        for path in ["", "/stream"] {
            let target = format!("{}{path}", job.path());
            let answer = get(&api, &target, &[("Authorization", &bearer)]).await;
            assert_refused(&answer, 401, "token-type-mismatch", &token);
            assert!(!answer.text().contains(&token));
        }
    }
}
