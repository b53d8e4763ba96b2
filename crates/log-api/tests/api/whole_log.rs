//! Downloads and searches: routes that read a whole log.

use serde_json::{Value, json};
use test_support::{Answer, BodyEnd};

use crate::support::{ANN, Api, Job, shared};

async fn download(api: &Api, job: &Job, query: &str) -> Answer {
    let answer = api.get(&format!("{}/download{query}", job.path())).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer
}

/// The objects of a search's answer.
async fn search(api: &Api, job: &Job, query: &str) -> Vec<Value> {
    let answer = api.get(&format!("{}/search?{query}", job.path())).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let objects = answer.text().lines().map(serde_json::from_str);
    objects.collect::<Result<_, _>>().unwrap()
}

/// The texts that were found.
fn texts(objects: &[Value]) -> Vec<&str> {
    let found = objects.iter().filter_map(|object| object.get("match"));
    found.map(|found| found["text"].as_str().unwrap()).collect()
}

fn end(objects: &[Value]) -> &Value {
    &objects.last().unwrap()["end"]
}

#[tokio::test]
async fn a_download_is_the_log_as_a_file_of_text() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all(["one", "", "\u{1b}[31mred\u{1b}[0m", "ünï🦀"])
        .await;
    let answer = download(&api, &job, "").await;
    assert_eq!(answer.text(), "one\n\nred\nünï🦀\n");
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    let name = format!("attachment; filename=\"{}.log\"", job.id);
    assert_eq!(answer.header("content-disposition"), Some(name.as_str()));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let kept = download(&api, &job, "?ansi=keep").await;
    assert_eq!(kept.text(), "one\n\n\u{1b}[31mred\u{1b}[0m\nünï🦀\n");
}

#[tokio::test]
async fn an_ndjson_download_has_the_objects_of_a_page() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all(["one", "two"]).await;
    job.append_entry("*", &[b"other", b"field"]).await;
    let answer = download(&api, &job, "?format=ndjson").await;
    let name = format!("attachment; filename=\"{}.ndjson\"", job.id);
    assert_eq!(answer.header("content-disposition"), Some(name.as_str()));
    let lines: Vec<Value> = (answer.text().lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let page = api.get(&job.path()).await.json();
    assert_eq!(Value::from(lines), page["lines"]);
}

#[tokio::test]
async fn bounds_are_exclusive_and_an_absent_log_is_an_empty_file() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    assert_eq!(download(&api, &job, "").await.text(), "");
    job.append_ids(&["1-0", "2-0", "2-1", "3-0"]).await;
    let text = async |query| download(&api, &job, query).await.text().to_owned();
    assert_eq!(text("?after_id=1-0").await, "2-0\n2-1\n3-0\n");
    assert_eq!(text("?before_id=2-1").await, "1-0\n2-0\n");
    assert_eq!(text("?after_id=1-0&before_id=3").await, "2-0\n2-1\n");
    assert_eq!(text("?after_id=9-0").await, "");
    assert_eq!(text("?before_id=0-1").await, "");
}

#[tokio::test]
async fn a_log_of_many_batches_comes_whole() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let lines: Vec<String> = (0..9000)
        .map(|n| format!("{n} {}", "x".repeat(n % 97)))
        .collect();
    job.append_all(&lines).await;
    job.append(&"y".repeat(1_200_000)).await;
    let answer = download(&api, &job, "").await;
    let whole = format!("{}\n{}\n", lines.join("\n"), "y".repeat(1_200_000));
    assert!(answer.text() == whole, "{} bytes", answer.text().len());
}

/// The client stops reading, so that the rest of the log is trimmed before it is read.
#[tokio::test]
async fn what_is_trimmed_meanwhile_breaks_a_download_off() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let line = "z".repeat(10_000);
    job.append_all(vec![&line; 3000]).await;
    let request = api
        .client(ANN)
        .get(&format!("{}/download", job.path()))
        .receive_buffer(4096);
    let mut response = request.open().await;
    assert_eq!(response.status, 200);
    response.body.next().await.unwrap();
    job.command(&["XTRIM", &job.logs_key(), "MAXLEN", "10"])
        .await;
    let mut bytes = 0;
    while let Some(piece) = response.body.next().await {
        bytes += piece.len();
    }
    assert_eq!(response.body.end(), Some(BodyEnd::BrokenOff));
    assert!(bytes < 3000 * 10_001, "{bytes}");
}

#[tokio::test]
async fn a_search_finds_a_text_in_any_case_and_says_where() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let ids = job
        .append_all(["ok", "🦀 \u{1b}[31mError\u{1b}[0m: error", "e.ror"])
        .await;
    let found = search(&api, &job, "q=error").await;
    assert_eq!(
        found,
        [
            json!({"match": {"id": ids[1], "text": "🦀 Error: error", "spans": [[3, 8], [10, 15]]}}),
            json!({"end": {"reason": "end", "scanned_to": ids[2], "lines": 3, "matches": 1}}),
        ]
    );
    assert_eq!(texts(&search(&api, &job, "q=e.ror").await), ["e.ror"]);
    let exact = search(&api, &job, "q=Error%3A&case=1").await;
    assert_eq!(texts(&exact).len(), 1);
    assert_eq!(texts(&search(&api, &job, "q=ERROR&case=1").await).len(), 0);
    let regex = search(&api, &job, "q=%5Ee.r&regex=1").await;
    assert_eq!(texts(&regex), ["e.ror"]);
}

#[tokio::test]
async fn a_search_ends_at_its_limit_and_goes_on_behind_it() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let lines: Vec<String> = (0..20_000).map(|n| format!("line {n}")).collect();
    let ids = job.append_all(&lines).await;
    let (mut after, mut found) = ("0-0".to_owned(), Vec::new());
    loop {
        let query = format!("q=7&limit=1000&after_id={after}");
        let objects = search(&api, &job, &query).await;
        found.extend(texts(&objects).into_iter().map(str::to_owned));
        let end = end(&objects);
        after = end["scanned_to"].as_str().unwrap().to_owned();
        if end["reason"] == "end" {
            break;
        }
        assert_eq!(
            (&end["reason"], &end["matches"]),
            (&json!("limit"), &json!(1000))
        );
    }
    let expected: Vec<_> = lines.iter().filter(|line| line.contains('7')).collect();
    assert!(found.iter().eq(expected.iter().copied()), "{}", found.len());
    assert_eq!(&after, ids.last().unwrap());
    let nothing = search(&api, &job, &format!("q=7&after_id={after}")).await;
    assert_eq!(
        nothing,
        [json!({"end": {"reason": "end", "scanned_to": after, "lines": 0, "matches": 0}})]
    );
}

/// Two sections of a long log are searched at once. The client sees none of that, whatever the ids are.
#[tokio::test]
async fn a_search_of_a_log_of_any_shape_finds_every_line_once_and_in_order() {
    let (redis, api) = shared().await;
    // One in each millisecond; nearly all at the beginning, or at the end; all in one millisecond.
    let shapes: [fn(u64) -> (u64, u64); 4] = [
        |n| (1 + n, 0),
        |n| (if n < 9_500 { 1 + n } else { 1 << 40 }, n),
        |n| (if n < 50 { 1 } else { (1 << 40) + n }, n + 1),
        |n| (7, 1 + n * (1 << 30)),
    ];
    for shape in shapes {
        let job = Job::new(&redis).await;
        let ids: Vec<String> = (0..10_000)
            .map(shape)
            .map(|(ms, seq)| format!("{ms}-{seq}"))
            .collect();
        let (key, texts) = (job.logs_key(), ["hay", "a needle"]);
        for (at, ids) in ids.chunks(1000).enumerate() {
            let add = |(n, id)| {
                [
                    "XADD",
                    &key,
                    id,
                    "text",
                    texts[usize::from((at * 1000 + n) % 500 == 499)],
                ]
            };
            let lines: Vec<[&str; 5]> = ids
                .iter()
                .map(String::as_str)
                .enumerate()
                .map(add)
                .collect();
            let lines: Vec<&[&str]> = lines.iter().map(<[&str; 5]>::as_slice).collect();
            job.atomically(&lines).await;
        }
        let needles: Vec<&String> = ids.iter().skip(499).step_by(500).collect();
        for limit in [1, 10, 13, 20, 1000] {
            let objects = search(&api, &job, &format!("q=needle&limit={limit}")).await;
            let found = objects.iter().filter_map(|object| object.get("match"));
            let found: Vec<_> = found.map(|found| found["id"].as_str().unwrap()).collect();
            let expected = &needles[..limit.min(needles.len())];
            assert_eq!(found, expected, "limit {limit}");
            let is_limit = limit <= needles.len();
            let lines = if is_limit { limit * 500 } else { ids.len() };
            assert_eq!(
                end(&objects),
                &json!({
                    "reason": if is_limit { "limit" } else { "end" },
                    "scanned_to": ids[lines - 1],
                    "lines": lines,
                    "matches": expected.len(),
                }),
                "limit {limit}"
            );
        }
    }
}

#[tokio::test]
async fn bad_parameters_are_refused_by_name() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let long = format!("search?q={}", "x".repeat(513));
    for (target, field) in [
        ("search", "q"),
        ("search?q=", "q"),
        (long.as_str(), "q"),
        ("search?q=a&q=b", "q"),
        ("search?q=(&regex=1", "q"),
        ("search?q=a&regex=yes", "regex"),
        ("search?q=a&case=2", "case"),
        ("search?q=a&limit=0", "limit"),
        ("search?q=a&limit=10001", "limit"),
        ("search?q=a&limit=", "limit"),
        ("search?q=a&after_id=x", "after_id"),
        ("download?format=zip", "format"),
        ("download?ansi=", "ansi"),
        ("download?before_id=x", "before_id"),
    ] {
        let answer = api.get(&format!("{}/{target}", job.path())).await;
        assert_eq!(answer.status, 422, "{target}: {}", answer.text());
        assert_eq!(answer.json()["field"], field, "{target}");
    }
    let answer = api
        .get(&format!("{}/search?q=secret(&regex=1", job.path()))
        .await;
    assert_eq!(
        answer.json()["detail"],
        "`q` must be a regular expression: unclosed group, at character 7"
    );
}

#[tokio::test]
async fn only_the_owner_may_search_and_download() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    for route in ["search?q=a", "download"] {
        let target = format!("{}/{route}", job.path());
        assert_eq!(api.anonymous().get(&target).send().await.status, 401);
        assert_eq!(api.client("user_bob").get(&target).send().await.status, 404);
        let foreign = format!("/api/jobs/none/logs/{route}");
        assert_eq!(api.client(ANN).get(&foreign).send().await.status, 404);
        let wrong = api.client(ANN).request("POST", &target).send().await;
        assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET")));
    }
}

/// Searches whose clients do not read their answers hold their places.
#[tokio::test]
async fn a_search_beyond_the_limit_is_told_to_come_back() {
    let (redis, _) = shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_MAX_SEARCHES", "1")]).await;
    let job = Job::new(&redis).await;
    job.append_all(vec!["w".repeat(10_000); 3000]).await;
    let target = format!("{}/search?q=w&limit=10000", job.path());
    let slow = api.client(ANN).get(&target).receive_buffer(4096);
    let slow = slow.open().await;
    assert_eq!(slow.status, 200);
    let refused = api.client(ANN).get(&target).send().await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["code"], "too-many-searches");
    assert!(refused.header("retry-after").is_some());
    drop(slow);
    let quick = format!("{}/search?q=w&limit=1", job.path());
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    while api.get(&quick).await.status == 429 {
        assert!(tokio::time::Instant::now() < deadline, "the place is back");
    }
}
