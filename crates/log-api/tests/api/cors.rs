//! Cross-origin requests: exact origins, with credentials, before authentication.

use test_support::{Answer, HttpClient, RedisServer};

use crate::errors::problem;
use crate::support::{ANN, Api, Job, ORIGIN, shared};

const OTHERS: [&str; 11] = [
    "https://evil.example",
    "https://app.example.com.evil.example",
    "https://sub.app.example.com",
    "https://example.com",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://app.example.com/",
    "https://APP.example.com",
    "https://app.example.comx",
    "null",
    "*",
];

fn from(client: HttpClient, origin: &str) -> HttpClient {
    client.with_header("Origin", origin)
}

/// The preflight that a browser sends before it reads a log.
async fn preflight(api: &Api, target: &str, origin: &str, method: &str, headers: &str) -> Answer {
    let request = from(api.anonymous(), origin).request("OPTIONS", target);
    let request = request.header("Access-Control-Request-Method", method);
    request
        .header("Access-Control-Request-Headers", headers)
        .send()
        .await
}

fn list(answer: &Answer, name: &str) -> Vec<String> {
    let value = answer.header(name).unwrap_or_default();
    let mut items: Vec<_> = value
        .split(',')
        .map(|item| item.trim().to_ascii_lowercase())
        .collect();
    items.sort();
    items
}

fn assert_nothing(answer: &Answer, case: &str) {
    let names = answer
        .headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase());
    let granted: Vec<_> = names
        .filter(|name| name.starts_with("access-control-"))
        .collect();
    assert!(granted.is_empty(), "{case}: {granted:?}");
}

#[tokio::test]
async fn a_preflight_is_answered_before_authentication() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let absent = Job::unwritten(&redis);
    let all = "authorization,baggage,cache-control,content-type,last-event-id,sentry-trace,traceparent,tracestate,\
               x-request-id,x-requested-with";
    for target in [
        job.path(),
        format!("{}/stream", job.path()),
        absent.path(),
        format!("{}?limit=x", job.path()),
    ] {
        for headers in [
            all,
            "authorization",
            "Last-Event-ID",
            "cache-control",
            "traceparent, sentry-trace",
            "x-requested-with",
            "",
            // Not allowed. The browser compares the list with what it asked for.
            "x-evil",
            "authorization, x-evil",
        ] {
            let answer = preflight(&api, &target, ORIGIN, "GET", headers).await;
            assert_eq!(answer.status, 204, "{}", answer.text());
            assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN));
            assert_eq!(
                answer.header("access-control-allow-credentials"),
                Some("true")
            );
            assert_eq!(list(&answer, "access-control-allow-methods"), ["get"]);
            let allowed = list(&answer, "access-control-allow-headers").join(",");
            assert_eq!(allowed, all, "asked for {headers}");
            assert!(list(&answer, "vary").contains(&"origin".to_owned()));
            assert!(answer.header("x-request-id").is_some());
            assert_eq!(answer.body, b"");
        }
    }
}

#[tokio::test]
async fn a_preflight_from_another_origin_grants_nothing() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    for origin in OTHERS {
        let answer = preflight(&api, &job.path(), origin, "GET", "authorization").await;
        assert_eq!(answer.status, 204, "{origin}: {}", answer.text());
        assert_nothing(&answer, origin);
    }
    // Without what makes it a preflight, it is a method that the route does not have.
    let options = from(api.anonymous(), ORIGIN).request("OPTIONS", &job.path());
    problem(
        &options.send().await,
        405,
        "method-not-allowed",
        "no preflight",
    );
}

#[tokio::test]
async fn a_preflight_names_the_one_method_of_the_route_whatever_it_asks_for() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let ticket = format!("{}/ticket", job.path());
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get"] {
        for (target, allowed) in [(job.path(), "get"), (ticket.clone(), "post")] {
            let answer = preflight(&api, &target, ORIGIN, method, "authorization").await;
            assert_eq!(answer.status, 204, "{method} {target}");
            assert_eq!(list(&answer, "access-control-allow-methods"), [allowed]);
        }
    }
}

#[tokio::test]
async fn a_page_of_another_origin_that_writes_gets_no_grant() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let request = from(api.client(ANN), ORIGIN).request(method, &job.path());
        assert_nothing(&request.send().await, method);
    }
}

#[tokio::test]
async fn answers_to_an_allowed_origin_carry_it_exactly_errors_too() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let foreign = Job::owned_by(&redis, "user_bob").await;
    let last = job.append("a").await;
    job.set_status("ready").await;
    let (ann, anonymous) = (from(api.client(ANN), ORIGIN), from(api.anonymous(), ORIGIN));
    let cases = [
        (ann.get(&job.path()), 200),
        (ann.get(&format!("{}/stream?from=start", job.path())), 200),
        (
            ann.get(&format!("{}/stream?lastEventId={last}", job.path())),
            204,
        ),
        (anonymous.get(&job.path()), 401),
        (anonymous.get(&format!("{}/stream", job.path())), 401),
        (anonymous.get(&job.path()).header("Authorization", "x"), 400),
        (ann.get(&foreign.path()), 404),
        (ann.get(&format!("{}?limit=x", job.path())), 422),
        (ann.get(&format!("{}/ticket", job.path())), 405),
        (ann.request("POST", &format!("{}/ticket", job.path())), 200),
        (ann.get(&format!("{}/nothing", job.path())), 404),
    ];
    for (request, status) in cases {
        let case = format!("{request:?}");
        let answer = request.send().await;
        assert_eq!(answer.status, status, "{case}: {}", answer.text());
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some(ORIGIN),
            "{case}"
        );
        assert_eq!(
            answer.header("access-control-allow-credentials"),
            Some("true"),
            "{case}"
        );
        assert_eq!(
            list(&answer, "access-control-expose-headers"),
            ["retry-after", "x-request-id"],
            "{case}"
        );
        assert!(
            list(&answer, "vary").contains(&"origin".to_owned()),
            "{case}"
        );
    }
}

#[tokio::test]
async fn another_origin_and_a_request_without_an_origin_get_no_cors_headers() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    for origin in OTHERS {
        for (client, status) in [(api.client(ANN), 200), (api.anonymous(), 401)] {
            let answer = from(client, origin).get(&job.path()).send().await;
            assert_eq!(answer.status, status, "{origin}: {}", answer.text());
            assert_nothing(&answer, origin);
        }
    }
    assert_nothing(&api.get(&job.path()).await, "no origin");
    let two = from(from(api.client(ANN), ORIGIN), "https://evil.example");
    let answer = two.get(&job.path()).send().await;
    assert_ne!(
        answer.header("access-control-allow-origin"),
        Some("https://evil.example")
    );
}

#[tokio::test]
async fn the_origins_are_those_of_log_api_cors_origins_where_it_is_set() {
    let redis = RedisServer::shared().await;
    let origins = "https://one.example,http://localhost:5173 , https://two.example:8443";
    let api = Api::start(&redis.url(), &[("LOG_API_CORS_ORIGINS", origins)]).await;
    let job = Job::new(&redis).await;
    for origin in [
        "https://one.example",
        "http://localhost:5173",
        "https://two.example:8443",
    ] {
        let answer = from(api.client(ANN), origin).get(&job.path()).send().await;
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        let answer = preflight(&api, &job.path(), origin, "GET", "authorization").await;
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
    }
    for origin in [ORIGIN, "http://localhost", "https://two.example"] {
        let answer = from(api.client(ANN), origin).get(&job.path()).send().await;
        assert_eq!(answer.status, 200);
        assert_nothing(&answer, origin);
    }
}
