//! Who may read: credentials, ownership, and the order in which they are checked.

use std::time::{SystemTime, UNIX_EPOCH};

use auth::mint::{Issuer, TestKey};
use serde_json::{Value, json};
use test_support::{Answer, HttpClient, RedisServer};

use crate::support::{ANN, Api, ISSUER, Job, ORIGIN, shared, token};

pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// A valid token of Ann's, after `change` has changed its header and claims.
pub(crate) fn token_with(change: impl FnOnce(&mut Value, &mut Value)) -> String {
    let mut header = json!({"alg": "RS256", "typ": "JWT", "kid": ISSUER.key_id()});
    let mut claims = json!({
        "azp": ORIGIN, "exp": now() + 60, "iat": now(), "iss": ISSUER.issuer(), "nbf": now() - 10,
        "sid": "sess_1", "sts": "active", "sub": ANN, "v": 2,
    });
    change(&mut header, &mut claims);
    ISSUER
        .sign(&header.to_string(), &claims.to_string())
        .unwrap()
}

fn claim(name: &str, value: impl Into<Value>) -> String {
    token_with(|_, claims| claims[name] = value.into())
}

fn header(name: &str, value: impl Into<Value>) -> String {
    token_with(|header, _| header[name] = value.into())
}

fn without_claim(name: &str) -> String {
    token_with(|_, claims| {
        claims.as_object_mut().unwrap().remove(name);
    })
}

/// The history and the live stream of a job.
fn routes(job: &Job) -> [String; 2] {
    [job.path(), format!("{}/stream", job.path())]
}

pub(crate) fn assert_refused(answer: &Answer, status: u16, reason: &str, case: &str) {
    assert_eq!(answer.status, status, "{case}: {}", answer.text());
    assert_eq!(answer.json()["reason"], reason, "{case}");
    let challenge = match reason {
        "session-token-missing" => "Bearer",
        "token-malformed-credentials" => r#"Bearer error="invalid_request""#,
        _ => r#"Bearer error="invalid_token""#,
    };
    assert_eq!(answer.header("www-authenticate"), Some(challenge), "{case}");
}

#[tokio::test]
async fn a_valid_token_of_the_owner_is_accepted() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.set_status("ready").await;
    let tokens = [
        token(ANN),
        token_with(|_, _| ()),
        without_claim("sts"),
        without_claim("v"),
        claim("exp", now() + 600),
        claim("aud", "whatever"),
        claim("org_id", "org_1"),
        header("cat", "cl_B7d4PD111AAA"),
    ];
    for token in tokens {
        for route in routes(&job) {
            let answer = api.anonymous().with_bearer(&token).get(&route).send().await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }
    let lower = format!("bearer   {}", token(ANN));
    let request = api
        .anonymous()
        .get(&job.path())
        .header("authorization", &lower);
    assert_eq!(request.send().await.status, 200, "the scheme has no case");
}

#[tokio::test]
async fn a_token_that_does_not_verify_is_401_with_its_reason_and_a_challenge() {
    let long_ago = token_with(|_, claims| {
        claims["iat"] = json!(now() - 120);
        claims["exp"] = json!(now() - 60);
    });
    let ahead = |claims: &mut Value| claims["exp"] = json!(now() + 360);
    let early = token_with(|_, claims| {
        ahead(claims);
        claims["nbf"] = json!(now() + 300);
    });
    let from_the_future = token_with(|_, claims| {
        ahead(claims);
        claims["iat"] = json!(now() + 300);
    });
    let party = "token-invalid-authorized-parties";
    let no_party = "token-missing-authorized-party";
    let claims = "token-verification-failed";
    let cases = [
        ("expired", long_ago, "token-expired"),
        ("not yet valid", early, "token-not-active-yet"),
        ("of the future", from_the_future, "token-iat-in-the-future"),
        ("too long-lived", claim("exp", now() + 601), claims),
        ("of no time at all", claim("exp", now() - 1), claims),
        (
            "another issuer",
            claim("iss", "https://clerk.evil.example"),
            "token-invalid-issuer",
        ),
        (
            "almost the issuer",
            claim("iss", format!("{}/", ISSUER.issuer())),
            "token-invalid-issuer",
        ),
        ("no issuer", without_claim("iss"), "token-invalid-issuer"),
        ("another party", claim("azp", "https://evil.example"), party),
        (
            "a party below",
            claim("azp", "https://app.example.com.evil.example"),
            party,
        ),
        (
            "a party with a slash",
            claim("azp", format!("{ORIGIN}/")),
            party,
        ),
        (
            "a party over http",
            claim("azp", "http://app.example.com"),
            party,
        ),
        ("a list of parties", claim("azp", json!([ORIGIN])), party),
        ("no party", without_claim("azp"), no_party),
        ("a party of null", claim("azp", Value::Null), party),
        ("no user", without_claim("sub"), claims),
        ("not a user", claim("sub", "org_ann"), claims),
        ("no session", without_claim("sid"), "token-type-mismatch"),
        ("no exp", without_claim("exp"), claims),
        ("no nbf", without_claim("nbf"), claims),
        ("no iat", without_claim("iat"), claims),
        (
            "exp as text",
            claim("exp", (now() + 60).to_string()),
            claims,
        ),
        ("pending", claim("sts", "pending"), "session-pending"),
        ("of an unknown status", claim("sts", "revoked"), claims),
    ];
    assert_all_refused(&cases).await;
}

#[tokio::test]
async fn a_token_of_another_kind_is_401_with_its_reason() {
    let algorithm = "token-invalid-algorithm";
    let cases = [
        ("HS256", header("alg", "HS256"), algorithm),
        ("none", header("alg", "none"), algorithm),
        ("RS512", header("alg", "RS512"), algorithm),
        ("no key id", header("kid", Value::Null), "jwk-kid-mismatch"),
        (
            "an access token",
            header("typ", "at+jwt"),
            "token-type-mismatch",
        ),
        (
            "a template's token",
            header("cat", "cl_B7d4PD222AAA"),
            "token-type-mismatch",
        ),
        ("no JWT", "x".into(), "token-invalid"),
        ("no JSON", "a.b.c".into(), "token-invalid"),
        ("a machine's key", "ak_1234".into(), "token-type-mismatch"),
        ("huge", "x".repeat(9_000), "token-too-large"),
    ];
    assert_all_refused(&cases).await;
}

/// Asserts that each of these tokens is refused for its reason when it asks for a job of Ann's.
async fn assert_all_refused(cases: &[(&str, String, &str)]) {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    for (case, token, reason) in cases {
        for route in routes(&job) {
            let answer = api.anonymous().with_bearer(token).get(&route).send().await;
            assert_refused(&answer, 401, reason, case);
        }
    }
}

#[tokio::test]
async fn a_token_without_a_party_is_let_in_where_that_is_allowed_and_one_with_a_wrong_one_never() {
    let redis = RedisServer::shared().await;
    let settings = [("CLERK_ALLOW_MISSING_AZP", "true")];
    let api = Api::start(&redis.url(), &settings).await;
    let job = Job::new(&redis).await;
    let with = |token: &str| api.anonymous().with_bearer(token).get(&job.path());
    let answer = with(&without_claim("azp")).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    for wrong in ["", "null", "https://evil.example"] {
        let answer = with(&claim("azp", wrong)).send().await;
        assert_refused(&answer, 401, "token-invalid-authorized-parties", wrong);
    }
    // A browser always says for whom it asks.
    let cookie = format!("__session={}", without_claim("azp"));
    let cookie = api.anonymous().get(&job.path()).header("Cookie", &cookie);
    let answer = cookie.send().await;
    assert_refused(&answer, 401, "token-missing-authorized-party", "cookie");
}

#[tokio::test]
async fn a_token_whose_signature_does_not_hold_is_401() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let good = token(ANN);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (head, claims) = signed.split_once('.').unwrap();
    let swapped = if signature.as_bytes()[40] == b'A' {
        "B"
    } else {
        "A"
    };
    let other = token("user_eve");
    let other_claims = other.split('.').nth(1).unwrap();
    let stranger =
        Issuer::for_tests_as("other.clerk.invalid", ISSUER.key_id(), TestKey::Second).unwrap();
    let same_claims = json!({
        "azp": ORIGIN, "exp": now() + 60, "iat": now(), "iss": ISSUER.issuer(), "nbf": now(), "sid": "s", "sub": ANN,
    });
    let head_json = json!({"alg": "RS256", "kid": ISSUER.key_id()}).to_string();
    let cases = [
        (
            "a bit of the signature",
            format!("{signed}.{}{swapped}{}", &signature[..40], &signature[41..]),
        ),
        (
            "somebody else's claims",
            format!("{head}.{other_claims}.{signature}"),
        ),
        (
            "half a signature",
            format!("{head}.{claims}.{}", &signature[..172]),
        ),
        (
            "another key",
            stranger.sign(&head_json, &same_claims.to_string()).unwrap(),
        ),
    ];
    for (case, token) in cases {
        let answer = api
            .anonymous()
            .with_bearer(&token)
            .get(&job.path())
            .send()
            .await;
        assert_refused(&answer, 401, "token-invalid-signature", case);
    }
    let unsigned = format!("{signed}.");
    let answer = api
        .anonymous()
        .with_bearer(&unsigned)
        .get(&job.path())
        .send()
        .await;
    assert_refused(&answer, 401, "token-invalid", "no signature");
}

#[tokio::test]
async fn a_token_counts_in_no_query_and_no_other_header() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let token = token(ANN);
    for route in routes(&job) {
        let missing = [
            api.anonymous().get(&route),
            api.anonymous().get(&format!("{route}?token={token}")),
            api.anonymous()
                .get(&format!("{route}?access_token={token}&__session={token}")),
            api.anonymous()
                .get(&route)
                .header("Cookie", &format!("session={token}; __sessions={token}")),
            api.anonymous()
                .get(&route)
                .header("X-Authorization", &format!("Bearer {token}")),
            api.anonymous()
                .get(&route)
                .header("Authorization", "Basic YTpi"),
            api.anonymous()
                .get(&route)
                .header("Authorization", &format!("Token {token}")),
            api.anonymous()
                .get(&route)
                .header("Authorization", "Bearer"),
            api.anonymous().get(&route).header("Authorization", ""),
        ];
        for request in missing {
            let case = format!("{request:?}");
            assert_refused(&request.send().await, 401, "session-token-missing", &case);
        }
    }
}

#[tokio::test]
async fn malformed_credentials_are_400() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let good = token(ANN);
    let twice = |first: &str, second: &str| {
        let client = api.anonymous().with_header("Authorization", first);
        client.with_header("Authorization", second)
    };
    let once = |value: &str| api.anonymous().with_header("Authorization", value);
    let bearer = format!("Bearer {good}");
    let cases: [(&str, HttpClient); 7] = [
        ("the same header twice", twice(&bearer, &bearer)),
        ("two schemes", twice(&bearer, "Basic YTpi")),
        ("an empty one beside it", twice("", &bearer)),
        ("no scheme", once(&good)),
        ("two tokens", once(&format!("Bearer {good} {good}"))),
        (
            "two in a list",
            once(&format!("Bearer {good}, Bearer {good}")),
        ),
        ("quotes", once(&format!("Bearer \"{good}\""))),
    ];
    for (case, client) in cases {
        for route in routes(&job) {
            assert_refused(
                &client.get(&route).send().await,
                400,
                "token-malformed-credentials",
                case,
            );
        }
    }
}

#[tokio::test]
async fn a_job_that_is_absent_ownerless_or_foreign_looks_the_same() {
    let (redis, api) = shared().await;
    let foreign = Job::owned_by(&redis, "user_bob").await;
    foreign.append("a secret").await;
    let longer = Job::owned_by(&redis, "user_ann2").await;
    let shorter = Job::owned_by(&redis, "user_an").await;
    let shouting = Job::owned_by(&redis, "USER_ANN").await;
    let nameless = Job::owned_by(&redis, "").await;
    let ownerless = Job::new(&redis).await;
    ownerless
        .command(&["HDEL", &ownerless.key(), "user_id"])
        .await;
    let bare = Job::unwritten(&redis);
    bare.command(&["HSET", &bare.key(), "project_id", "p"])
        .await;
    let absent = Job::unwritten(&redis);
    let only_lines = Job::unwritten(&redis);
    only_lines.append("orphaned").await;

    for suffix in ["", "/stream", "?limit=5", "/stream?from=start"] {
        let mut seen = Vec::new();
        for job in [
            &foreign,
            &longer,
            &shorter,
            &shouting,
            &nameless,
            &ownerless,
            &bare,
            &absent,
            &only_lines,
        ] {
            let request = api.client(ANN).get(&format!("{}{suffix}", job.path()));
            let answer = request.header("X-Request-ID", "same").send().await;
            assert_eq!(
                (answer.status, answer.json()["detail"].as_str()),
                (404, Some("Job not found"))
            );
            let mut headers = answer.headers;
            headers.retain(|(name, _)| name != "date");
            headers.sort();
            seen.push((headers, answer.body));
        }
        seen.dedup();
        assert_eq!(seen.len(), 1, "{suffix}: {seen:?}");
    }
    let bob = api.client("user_bob").get(&foreign.path()).send().await;
    assert_eq!(bob.status, 200, "its owner sees it");
}

#[tokio::test]
async fn the_owner_is_looked_up_with_every_request() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    assert_eq!(api.get(&job.path()).await.status, 200);
    job.command(&["HSET", &job.key(), "user_id", "user_bob"])
        .await;
    assert_eq!(api.get(&job.path()).await.status, 404);
    job.command(&["DEL", &job.key()]).await;
    assert_eq!(
        api.client("user_bob").get(&job.path()).send().await.status,
        404
    );
}

#[tokio::test]
async fn the_order_is_401_then_422_then_404() {
    let (redis, api) = shared().await;
    let own = Job::new(&redis).await;
    let foreign = Job::owned_by(&redis, "user_bob").await;
    let expired = claim("exp", now() - 60);
    let bad_id = "/api/jobs/no%20job/logs".to_owned();
    for stream in ["", "/stream"] {
        let bad_query = if stream.is_empty() {
            "?limit=0"
        } else {
            "?from=end"
        };
        let own = format!("{}{stream}{bad_query}", own.path());
        let foreign = format!("{}{stream}", foreign.path());
        let foreign_bad = format!("{foreign}{bad_query}");
        let bad_id = format!("{bad_id}{stream}");
        for target in [&own, &foreign, &foreign_bad, &bad_id] {
            assert_eq!(
                api.anonymous().get(target).send().await.status,
                401,
                "{target}"
            );
            let stale = api
                .anonymous()
                .with_bearer(&expired)
                .get(target)
                .send()
                .await;
            assert_eq!(stale.status, 401, "{target}");
            let no_scheme = api.anonymous().get(target).header("Authorization", "x");
            assert_eq!(no_scheme.send().await.status, 400, "{target}");
        }
        for (target, status) in [
            (&own, 422),
            (&foreign_bad, 422),
            (&bad_id, 422),
            (&foreign, 404),
        ] {
            assert_eq!(api.get(target).await.status, status, "{target}");
        }
    }
}

#[tokio::test]
async fn the_audience_is_checked_only_where_audiences_are_configured() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("CLERK_AUDIENCES", "api, logs")]).await;
    let job = Job::new(&redis).await;
    let cases = [
        (token(ANN), 401),
        (claim("aud", "other"), 401),
        (claim("aud", json!(["other", 5, "logs"])), 401),
        (claim("aud", json!([])), 401),
        (claim("aud", "logs"), 200),
        (claim("aud", json!(["other", "api"])), 200),
    ];
    for (token, status) in cases {
        let answer = api
            .anonymous()
            .with_bearer(&token)
            .get(&job.path())
            .send()
            .await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
}

#[tokio::test]
async fn several_parties_and_a_longer_life_can_be_configured() {
    let redis = RedisServer::shared().await;
    let settings = [
        (
            "CLERK_AUTHORIZED_PARTIES",
            "https://a.example, http://localhost:3000",
        ),
        ("LOG_API_MAX_TOKEN_SECS", "3600"),
    ];
    let api = Api::start(&redis.url(), &settings).await;
    let job = Job::new(&redis).await;
    let with = |party: &str, life: u64| {
        token_with(|_, claims| {
            claims["azp"] = party.into();
            claims["exp"] = (now() + life).into();
        })
    };
    for (party, life, status) in [
        ("https://a.example", 60, 200),
        ("http://localhost:3000", 3600, 200),
        ("http://localhost:3000", 3601, 401),
        (ORIGIN, 60, 401),
    ] {
        let token = with(party, life);
        let answer = api
            .anonymous()
            .with_bearer(&token)
            .get(&job.path())
            .send()
            .await;
        assert_eq!(answer.status, status, "{party} {life}");
    }
}
