//! The id of a request, the privacy headers, and what the server writes to its own log.

use std::time::Duration;

use test_support::{Answer, RedisServer};

use crate::support::{ANN, Api, Job, shared, token};

fn is_new(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn values(answer: &Answer, name: &str) -> Vec<String> {
    let named = answer
        .headers
        .iter()
        .filter(|(n, _)| n.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.clone()).collect()
}

/// One request for each kind of answer, with its status.
async fn every_kind(
    api: &Api,
    job: &Job,
    foreign: &Job,
) -> Vec<(&'static str, test_support::Request, u16)> {
    let ann = api.client(ANN);
    let last = job.append("a line").await;
    job.set_status("ready").await;
    let done = format!("{}/stream?lastEventId={last}", job.path());
    vec![
        ("page", ann.get(&job.path()), 200),
        (
            "stream",
            ann.get(&format!("{}/stream?from=start", job.path())),
            200,
        ),
        ("nothing more", ann.get(&done), 204),
        ("no token", api.anonymous().get(&job.path()), 401),
        (
            "no scheme",
            api.anonymous()
                .get(&job.path())
                .header("Authorization", "x"),
            400,
        ),
        ("foreign job", ann.get(&foreign.path()), 404),
        ("no route", ann.get("/api/nothing"), 404),
        (
            "no route below a job",
            ann.get(&format!("{}/nothing", job.path())),
            404,
        ),
        ("no route at all", ann.get("/"), 404),
        ("wrong method", ann.request("POST", &job.path()), 405),
        (
            "malformed",
            ann.get(&format!("{}?limit=x", job.path())),
            422,
        ),
        ("alive", api.anonymous().get("/healthz"), 200),
        ("ready", api.anonymous().get("/api/ready"), 200),
        (
            "wrong method of health",
            ann.request("DELETE", "/healthz"),
            405,
        ),
    ]
}

#[tokio::test]
async fn every_answer_carries_the_requests_own_id_or_a_new_one() {
    let (redis, api) = shared().await;
    let (job, foreign) = (
        Job::new(&redis).await,
        Job::owned_by(&redis, "user_bob").await,
    );
    for (case, request, status) in every_kind(&api, &job, &foreign).await {
        let own = request
            .clone()
            .header("X-Request-ID", "my-id/1")
            .send()
            .await;
        assert_eq!(
            (own.status, values(&own, "x-request-id")),
            (status, vec!["my-id/1".into()]),
            "{case}"
        );
        let new = request.send().await;
        let ids = values(&new, "x-request-id");
        assert!(
            new.status == status && ids.len() == 1 && is_new(&ids[0]),
            "{case}: {ids:?}"
        );
    }
}

#[tokio::test]
async fn an_id_is_taken_up_to_128_visible_ascii_characters() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let client = api.client(ANN);
    let visible: String = ('!'..='~').collect();
    for id in ["a", &"x".repeat(128), &visible] {
        let answer = client
            .get(&job.path())
            .header("x-request-id", id)
            .send()
            .await;
        assert_eq!(answer.header("X-Request-ID"), Some(id));
    }
    for id in [
        "",
        &"x".repeat(129),
        "a b",
        "a\tb",
        "é",
        "\u{7f}",
        "\u{1b}[31m",
    ] {
        let answer = client
            .get(&job.path())
            .header("X-Request-ID", id)
            .send()
            .await;
        // The HTTP server refuses a control character before our code sees the request.
        if answer.status != 400 {
            assert!(is_new(answer.header("X-Request-ID").unwrap()), "{id:?}");
        }
    }
    let twice = client
        .get(&job.path())
        .header("X-Request-ID", "a")
        .header("X-Request-ID", "b");
    assert!(is_new(twice.send().await.header("X-Request-ID").unwrap()));
}

#[tokio::test]
async fn pages_and_errors_are_private_and_not_to_be_stored() {
    let (redis, api) = shared().await;
    let (job, foreign) = (
        Job::new(&redis).await,
        Job::owned_by(&redis, "user_bob").await,
    );
    for (case, request, _) in every_kind(&api, &job, &foreign).await {
        let answer = request
            .header("Origin", crate::support::ORIGIN)
            .send()
            .await;
        let cache = if case == "stream" {
            "no-cache, no-transform"
        } else {
            "no-store"
        };
        assert_eq!(values(&answer, "cache-control"), [cache], "{case}");
        let vary = values(&answer, "vary");
        assert!(
            vary.len() == 1 && vary[0].starts_with("Origin, Authorization, Cookie"),
            "{case}: {vary:?}"
        );
        assert_eq!(
            values(&answer, "x-content-type-options"),
            ["nosniff"],
            "{case}"
        );
    }
}

/// Sends a server with these settings everything that must not be logged. Returns these texts, and its log.
async fn provoked(filter: &str, format: &str) -> (Vec<String>, String) {
    let redis = RedisServer::shared().await;
    let settings = [("LOG_API_LOG", filter), ("LOG_API_LOG_FORMAT", format)];
    let mut api = Api::start(&redis.url(), &settings).await;
    let job = Job::new(&redis).await;
    job.append("the-text-of-a-line").await;
    let tokens = [
        token(ANN),
        token("user_eve_secret"),
        token(ANN).replace('.', ".A"),
    ];
    for token in &tokens {
        ask_with(&api, &job, token).await;
    }
    for id in [
        "zqx%0Ax",
        "zqx%20x",
        "zqx%22%2C%22level%22:%22ERROR",
        "%1B[31mzqx",
        "zqx*",
        "%7Azqx..",
    ] {
        let target = format!("/api/jobs/{id}/logs");
        assert_eq!(api.get(&target).await.status, 422, "{id}");
        api.anonymous().get(&target).send().await;
    }
    job.set_status("ready").await;
    api.get(&format!("{}/stream?from=start", job.path())).await;
    api.terminate();
    api.ended(Duration::from_secs(20)).await;

    let parts = tokens.iter().flat_map(|token| token.split('.'));
    let others = [
        "cookie-secret",
        "query-secret",
        "the-text-of-a-line",
        "user_eve_secret",
        "zqx",
        "\u{1b}",
    ];
    (parts.chain(others).map(str::to_owned).collect(), api.log())
}

/// Sends a token, valid or not, in every place where a client may put it.
async fn ask_with(api: &Api, job: &Job, token: &str) {
    let client = api
        .anonymous()
        .with_bearer(token)
        .with_header("Cookie", "__session=cookie-secret");
    for target in [
        &job.path(),
        &format!("{}/stream", job.path()),
        "/healthz",
        "/nothing",
    ] {
        let request = client.get(&format!("{target}?token={token}&x=query-secret"));
        drop(request.open().await);
    }
    let ann = api.client(ANN);
    let path = job.path();
    for request in [
        ann.get(&path).header("Authorization", token),
        ann.get(&path).header("Last-Event-ID", token),
        ann.get(&format!("{path}?limit={token}")),
        ann.get(&format!("{path}/stream?after_id={token}")),
    ] {
        request.send().await;
    }
}

#[tokio::test]
async fn neither_tokens_nor_anything_unparsed_from_outside_is_ever_logged() {
    for (filter, format) in [
        ("info,log_api=debug", "json"),
        ("trace", "json"),
        ("debug", "text"),
    ] {
        let (secrets, log) = provoked(filter, format).await;
        assert!(
            log.contains("listening") && log.contains("stopped"),
            "{log}"
        );
        for secret in secrets {
            let found = log.lines().find(|line| line.contains(&secret));
            assert_eq!(found, None, "{filter}: {secret}");
        }
    }
}

#[tokio::test]
async fn a_request_id_that_looks_like_a_log_entry_stays_a_value() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let split = r#"y\n{"level":"WARN"}"#;
    api.client(ANN)
        .get("/x")
        .header("X-Request-ID", split)
        .send()
        .await;
    let forged = r#"x","level":"ERROR","message":"forged"#;
    let answer = api
        .client(ANN)
        .get(&job.path())
        .header("X-Request-ID", forged)
        .send()
        .await;
    assert_eq!(answer.header("X-Request-ID"), Some(forged));
    let log = api.log_with("ERROR").await;
    let entries: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        entries.iter().any(|entry| entry["request_id"] == forged),
        "{log}"
    );
    assert!(
        entries.iter().any(|entry| entry["request_id"] == split),
        "{log}"
    );
    // On a machine with a low limit of open files there is a warning, which does not matter here.
    let of_requests = |entry: &&serde_json::Value| entry["target"] != "log_api::net::file_limit";
    assert!(
        entries
            .iter()
            .filter(of_requests)
            .all(|entry| entry["level"] != "ERROR"
                && entry["level"] != "WARN"
                && entry["message"] != "forged"),
        "{log}"
    );
}

#[tokio::test]
async fn a_request_is_found_in_the_log_by_its_id() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let answer = api.get(&job.path()).await;
    let id = answer.header("X-Request-ID").unwrap();
    let log = api.log_with(id).await;
    let entry = log
        .lines()
        .find(|line| line.contains(id))
        .expect("an entry");
    let entry: serde_json::Value = serde_json::from_str(entry).unwrap();
    assert_eq!(
        (&entry["status"], &entry["route"]),
        (&200.into(), &"/api/jobs/{job_id}/logs".into())
    );
}
