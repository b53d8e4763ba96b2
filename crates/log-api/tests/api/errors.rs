//! Errors: their shape, and which field each of them names.

use serde_json::Value;
use test_support::{Answer, Request};

use crate::support::{ANN, Api, Job, shared};

/// Asserts that an answer has the shape of all errors, and returns its body.
pub(crate) fn problem(answer: &Answer, status: u16, code: &str, case: &str) -> Value {
    assert_eq!(answer.status, status, "{case}: {}", answer.text());
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{case}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{case}");
    let body = answer.json();
    assert_eq!(
        (&body["status"], &body["code"]),
        (&status.into(), &code.into()),
        "{case}"
    );
    assert!(
        body["detail"]
            .as_str()
            .is_some_and(|detail| detail.len() > 5),
        "{case}: {body}"
    );
    assert_eq!(
        body["debug_id"].as_str(),
        answer.header("x-request-id"),
        "{case}"
    );
    let known = ["status", "code", "detail", "debug_id", "field", "reason"];
    let names = body.as_object().unwrap().keys();
    assert!(
        names.into_iter().all(|name| known.contains(&name.as_str())),
        "{case}: {body}"
    );
    assert_eq!(
        answer.header("retry-after").is_some(),
        matches!(status, 429 | 503),
        "{case}"
    );
    body
}

async fn assert_names_field(request: Request, field: &str, rule: &str) {
    let mut case = format!("{request:?}");
    case.truncate(case.find("Bearer").unwrap_or(case.len()));
    let body = problem(&request.send().await, 422, "invalid-parameter", &case);
    assert_eq!(body["field"], field, "{case}");
    let detail = body["detail"].as_str().unwrap();
    assert!(
        detail.starts_with(&format!("`{field}` must")) && detail.contains(rule),
        "{case}: {detail}"
    );
}

#[tokio::test]
async fn every_error_is_a_problem_with_a_sentence_and_the_requests_id() {
    let (redis, api) = shared().await;
    let (job, foreign) = (
        Job::new(&redis).await,
        Job::owned_by(&redis, "user_bob").await,
    );
    let ann = api.client(ANN);
    let cases = [
        (api.anonymous().get(&job.path()), 401, "unauthenticated"),
        (
            api.anonymous()
                .get(&job.path())
                .header("Authorization", "x"),
            400,
            "malformed-credentials",
        ),
        (ann.get(&foreign.path()), 404, "job-not-found"),
        (
            ann.get(&format!("{}?limit=0", job.path())),
            422,
            "invalid-parameter",
        ),
        (ann.request("PUT", &job.path()), 405, "method-not-allowed"),
        (ann.get("/api/nothing"), 404, "route-not-found"),
    ];
    for (request, status, code) in cases {
        let case = format!("{request:?}");
        let body = problem(
            &request.header("X-Request-ID", "r-1").send().await,
            status,
            code,
            &case,
        );
        assert_eq!(body["debug_id"], "r-1", "{case}");
    }
}

#[tokio::test]
async fn an_unknown_route_is_404_in_the_same_shape_with_a_token_or_without() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let beside = [
        "/".to_owned(),
        "/api".into(),
        "/api/jobs".into(),
        format!("/api/jobs/{}", job.id),
        format!("{}/", job.path()),
        format!("{}/stream/", job.path()),
        format!("{}/streams", job.path()),
        format!("/api/jobs//logs/{}", job.id),
        "/API/jobs/x/logs".into(),
        "/healthz/".into(),
        "/metrics".into(),
        "/%ff/%00".into(),
        "/../etc/passwd".into(),
        "//".into(),
    ];
    for target in &beside {
        for client in [api.anonymous(), api.client(ANN)] {
            for method in ["GET", "POST", "OPTIONS"] {
                let answer = client.request(method, target).send().await;
                let body = problem(&answer, 404, "route-not-found", target);
                assert_eq!(body["detail"], "Not found");
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_method_is_405_and_says_which_are_right() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let stream = format!("{}/stream", job.path());
    for (target, allow) in [
        (job.path().as_str(), "GET"),
        (&stream, "GET"),
        ("/healthz", "GET, HEAD"),
        ("/api/ready", "GET, HEAD"),
    ] {
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
            for client in [api.anonymous(), api.client(ANN)] {
                let answer = client.request(method, target).body("{}").send().await;
                problem(
                    &answer,
                    405,
                    "method-not-allowed",
                    &format!("{method} {target}"),
                );
                assert_eq!(answer.header("allow"), Some(allow), "{method} {target}");
            }
        }
    }
    for target in [job.path(), stream] {
        let answer = api.client(ANN).request("HEAD", &target).send().await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("GET")),
            "{target}"
        );
    }
}

const MALFORMED_IDS: [&str; 24] = [
    "x",
    "-",
    "1-",
    "-1",
    "--",
    "1-2-3",
    "1--2",
    "%2B1",
    "1+1",
    "+1",
    "1-%2B1",
    "1.0",
    "0x1",
    "1e3",
    "$",
    "*",
    "%20",
    "1%20",
    "%091-0",
    "1-0%0A",
    "%D9%A1",
    "%FF",
    "18446744073709551616",
    "1-18446744073709551616",
];

#[tokio::test]
async fn every_malformed_cursor_of_a_page_is_422_with_its_name() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let ann = api.client(ANN);
    for field in ["before_id", "after_id"] {
        for id in MALFORMED_IDS {
            let target = format!("{}?{field}={id}", job.path());
            assert_names_field(ann.get(&target), field, "<milliseconds>-<sequence>").await;
        }
        for repeated in ["1-0&{}=1-0", "1-0&{}=", "&{}=", "&limit=5&{}=2"] {
            let target = format!("{}?{field}={}", job.path(), repeated.replace("{}", field));
            assert_names_field(ann.get(&target), field, "once").await;
        }
    }
}

#[tokio::test]
async fn every_malformed_limit_is_422_with_its_name() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let malformed = [
        "",
        "0",
        "00",
        "501",
        "1000",
        "-1",
        "+5",
        "%2B5",
        "1.0",
        "1e2",
        "0x10",
        "ten",
        "%20",
        "5%20",
        "%205",
        "5,5",
        "null",
        "%FF",
        "%D9%A1",
        "18446744073709551617",
        "99999999999999999999999",
    ];
    for limit in malformed {
        let target = format!("{}?limit={limit}", job.path());
        assert_names_field(api.client(ANN).get(&target), "limit", "from 1 to 500").await;
    }
    for query in ["limit", "before_id=1-0&limit="] {
        let target = format!("{}?{query}", job.path());
        assert_names_field(api.client(ANN).get(&target), "limit", "from 1 to 500").await;
    }
    for query in [
        "limit=5&limit=5",
        "limit=5&limit=",
        "limit=1&before_id=&li%6Dit=2",
    ] {
        let target = format!("{}?{query}", job.path());
        assert_names_field(api.client(ANN).get(&target), "limit", "once").await;
    }
}

#[tokio::test]
async fn every_malformed_start_of_a_stream_is_422_with_its_name() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let stream = |query: &str| api.stream(&job, query);
    for id in MALFORMED_IDS {
        assert_names_field(
            stream(&format!("?after_id={id}")),
            "after_id",
            "<milliseconds>-<sequence>",
        )
        .await;
    }
    for id in [
        "x",
        "1-",
        "-1",
        "1-2-3",
        "$",
        "1-, x",
        "\"1-0\"",
        "é",
        "\u{ff}",
        "18446744073709551616",
        "1 0",
        "null",
    ] {
        assert_names_field(
            stream("").header("Last-Event-ID", id),
            "Last-Event-ID",
            "<milliseconds>-<sequence>",
        )
        .await;
        // A valid cursor in another place does not help.
        assert_names_field(
            stream("?after_id=1-0").header("Last-Event-ID", id),
            "Last-Event-ID",
            "<milliseconds>-<sequence>",
        )
        .await;
    }
    for from in [
        "",
        "end",
        "Start",
        "START",
        "0",
        "0-0",
        "start%20",
        "start,start",
    ] {
        assert_names_field(stream(&format!("?from={from}")), "from", "`start`").await;
        assert_names_field(
            stream(&format!("?after_id=1-0&from={from}")),
            "from",
            "`start`",
        )
        .await;
    }
    assert_names_field(stream("?from=start&from=start"), "from", "once").await;
    assert_names_field(stream("?after_id=1-0&after_id=1-0"), "after_id", "once").await;
    for name in ["lastEventId", "last_event_id"] {
        assert_names_field(stream(&format!("?{name}=1-0&{name}=1-0")), name, "once").await;
        let malformed = stream(&format!("?{name}=x"));
        assert_names_field(malformed, name, "<milliseconds>-<sequence>").await;
    }
    let none_valid = stream("")
        .header("Last-Event-ID", "x")
        .header("Last-Event-ID", "1-");
    assert_names_field(none_valid, "Last-Event-ID", "<milliseconds>-<sequence>").await;
    // The header wins over a cursor, but two cursors are still refused.
    let both = stream("?after_id=x").header("Last-Event-ID", "1-0");
    assert_names_field(both, "after_id", "<milliseconds>-<sequence>").await;
}

#[tokio::test]
async fn a_stream_ignores_unknown_parameters() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let last = job.append("a").await;
    job.set_status("ready").await;
    for query in [
        "limit=0&limit=x",
        "before_id=x",
        "token=x",
        "after_id=",
        "after_id=&From=end",
    ] {
        let answer = api.stream(&job, &format!("?{query}")).send().await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    }
    let empty = api
        .stream(&job, "")
        .header("Last-Event-ID", "")
        .send()
        .await;
    assert_eq!(empty.status, 200, "an empty header is absent");
    let cursor = api
        .stream(&job, &format!("?lastEventId={last}"))
        .header("Last-Event-ID", "");
    assert_eq!(cursor.send().await.status, 204, "so the parameter counts");
}

#[tokio::test]
async fn every_bad_job_id_is_422_with_its_name() {
    let (_redis, api) = shared().await;
    let long = "x".repeat(129);
    let bad = [
        "%20", "a%20b", "a.b", "a:b", "..", ".", "%2E%2E", "a%2Fb", "a%5Cb", "{a}", "%7Ba%7D", "*",
        "a*", "a%00", "a%0A", "a%0D%0Ab", "%C3%A9", "%FF", "%", "%zz", "a+b", "a@b", "a;b=1",
        "a,b", "~a", "%25", "a%23b", "a%3Fb", &long,
    ];
    for id in bad {
        for route in ["logs", "logs/stream"] {
            let request = api.client(ANN).get(&format!("/api/jobs/{id}/{route}"));
            assert_names_field(request, "job_id", "1 to 128 characters").await;
        }
    }
}

#[tokio::test]
async fn every_good_job_id_is_looked_up() {
    let (redis, api) = shared().await;
    let longest = "x".repeat(128);
    for id in [
        "a",
        "0",
        "-",
        "_",
        "A-z_09",
        "3f0c5b1e-8a7d-4c56-9a51-0f6f4f0f9d11",
        &longest,
        "%61",
    ] {
        let target = format!("/api/jobs/{id}/logs");
        assert_eq!(api.get(&target).await.status, 404, "{id}");
    }
    let job = Job::new(&redis).await;
    let encoded: String = job.id.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let answer = api.get(&format!("/api/jobs/{encoded}/logs")).await;
    assert_eq!(answer.status, 200, "an encoded id is the same id");
}

#[tokio::test]
async fn a_422_repeats_nothing_of_what_was_sent() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let marks = [
        format!("{}?limit=zqx", job.path()),
        format!("{}?after_id=zqx", job.path()),
        format!("{}/stream?from=zqx", job.path()),
        "/api/jobs/zqx%20/logs".into(),
        "/zqx".into(),
    ];
    for target in marks {
        let text = api.get(&target).await.text().to_owned();
        assert!(!text.contains("zqx"), "{text}");
    }
}

#[tokio::test]
async fn a_request_with_a_body_is_answered_all_the_same() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    for (client, status) in [(api.client(ANN), 200), (api.anonymous(), 401)] {
        let answer = client
            .get(&job.path())
            .body("x".repeat(100_000))
            .send()
            .await;
        assert_eq!(answer.status, status);
    }
}

/// Without this test many tests here would pass even if every request were refused.
#[tokio::test]
async fn the_same_requests_well_formed_are_200() {
    let (redis, api): (_, std::sync::Arc<Api>) = shared().await;
    let job = Job::new(&redis).await;
    job.append("a").await;
    job.set_status("failed").await;
    for target in [
        format!("{}?limit=1&before_id=5-0&after_id=1", job.path()),
        format!("{}/stream?from=start", job.path()),
    ] {
        assert_eq!(api.get(&target).await.status, 200, "{target}");
    }
}
