//! A first connection: its head, its events, and no line from before it.

use std::sync::Arc;
use std::time::Duration;

use log_wire::sse::Event;
use test_support::{BodyEnd, RedisServer, SseReader};
use tokio::time::timeout;

use super::client::{
    Producer, SOON, assert_silent, browse, ends_python_line, follow, numbered, resume, seen, texts,
    until_done,
};
use crate::support::{Api, Job};

#[tokio::test]
async fn the_head_goes_out_at_once_on_an_idle_job() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    // With the first heartbeat, which a proxy may wait for. The second one comes after 20 s.
    let head = timeout(Duration::from_secs(10), follow(&api, &job, "")).await;

    assert_silent(&mut head.unwrap(), Duration::from_millis(300)).await;
}

#[tokio::test]
async fn the_head_says_that_it_is_an_event_stream_without_caching_or_buffering() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;

    let request = api
        .stream(&job, "")
        .header("Accept-Encoding", "gzip, br, zstd");
    let head = request.open().await;

    assert_eq!(head.status, 200);
    assert_eq!(head.header("Content-Type"), Some("text/event-stream"));
    assert_eq!(head.header("Cache-Control"), Some("no-cache, no-transform"));
    assert_eq!(head.header("X-Accel-Buffering"), Some("no"));
    assert_eq!(head.header("Content-Length"), None);
    assert_eq!(head.header("Content-Encoding"), None);
}

#[tokio::test]
async fn the_bytes_of_a_stream_are_events_with_a_blank_line_after_each() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let before = job.append("before").await;
    let mut reader = follow(&api, &job, "").await;

    let id = job.append("a \"b\"").await;
    texts(&mut reader, 1).await;
    job.set_status("failed").await;
    until_done(&mut reader).await;

    let line = format!(
        r#"{{"id":"{id}","ts":"2026-01-01T00:00:00.000Z","source":"stdout","text":"a \"b\"","phase":"install"}}"#
    );
    let expected = format!(
        "event: heartbeat\nid: {before}\ndata: {{}}\n\nevent: log\nid: {id}\ndata: {line}\n\n\
         event: done\nid: {id}\ndata: {{\"status\":\"failed\"}}\n\n"
    );
    assert_eq!(String::from_utf8_lossy(reader.raw()), expected);
}

#[tokio::test]
async fn the_state_of_a_line_that_has_not_ended_says_so_in_the_stream_and_in_a_page() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let browser = browse(&api, &job).await;

    for fields in [
        [b"text".as_slice(), b"50 %", b"open", b"1"],
        [b"text", b"75 %", b"open", b"0"],
        [b"text", b"done", b"other", b"1"],
    ] {
        job.append_entry("*", &fields).await;
    }
    job.set_status("ready").await;
    let streamed = browser.read(SOON).await.lines();
    let page = api.get(&job.path()).await.json();
    assert_eq!(streamed, *page["lines"].as_array().unwrap());
    let open = streamed.iter().map(|line| line.get("open").cloned());
    assert_eq!(open.collect::<Vec<_>>(), [Some(true.into()), None, None]);
}

#[tokio::test]
async fn a_line_of_any_content_is_the_same_object_as_in_history_on_one_line() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let mut reader = follow(&api, &job, "").await;
    let browser = browse(&api, &job).await;

    let odd_texts: [&[u8]; 9] = [
        b"",
        b"\r\n\r\ndata: x\n\nevent: done\n\n",
        b"\0\x1b[31mred\x1b[0m\x7f",
        "\u{2028}\u{2029}\u{feff}ü🦀".as_bytes(),
        b"not \xff\xfe UTF-8 \xf0\x9f\x98",
        b"\"\\/ {}",
        b"]]>\x08\x0b\x0c\t",
        b"\r",
        "\n \r \r\n \u{b} \u{c} \u{1c} \u{1d} \u{1e} \u{85} \u{2028} \u{2029}".as_bytes(),
    ];
    for text in odd_texts {
        let fields = [b"text", text, b"source", b"stderr", b"other", b"o"];
        job.append_entry("*", &fields).await;
    }
    job.append_entry("*", &[b"unknown", b"field"]).await;
    job.append_entry("*", &[b"ts", b"no time", b"phase", b"\xff"])
        .await;
    job.set_status("ready").await;
    let events = reader.rest(SOON).await;
    let view = browser.read(SOON).await;

    let lines = odd_texts.len() + 2;
    let page = api.get(&job.path()).await.json();
    assert_eq!(page["lines"].as_array().unwrap().len(), lines);
    assert_eq!(view.lines(), *page["lines"].as_array().unwrap());
    assert_eq!(page["lines"][lines - 2]["text"], serde_json::Value::Null);
    assert_eq!(
        page["lines"][4]["text"],
        "not \u{fffd}\u{fffd} UTF-8 \u{fffd}"
    );
    assert_eq!(events.len(), lines + 1);
    let raw = String::from_utf8(reader.raw().to_vec()).unwrap();
    assert!(!raw.contains('\r'));
    assert_eq!(raw.matches("\n\n").count(), events.len() + 1);
    // With the heartbeat.
    let lines_of_event = 4;
    assert_eq!(
        raw.matches(ends_python_line).count(),
        lines_of_event * (events.len() + 1)
    );
    let data = raw.lines().filter_map(|line| line.strip_prefix("data: "));
    let objects: Vec<serde_json::Value> = data.map(|d| serde_json::from_str(d).unwrap()).collect();
    assert_eq!(objects[1..=lines], *page["lines"].as_array().unwrap());
}

#[tokio::test]
async fn each_log_event_carries_its_entry_id() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let mut reader = follow(&api, &job, "").await;

    let ids = job.append_all(numbered(0..300)).await;

    for id in ids {
        let event = reader.expect(SOON).await;
        assert_eq!(event.last_event_id, id);
        let Event::Log(line) = Event::from_raw(&event).unwrap() else {
            panic!("{event:?}")
        };
        assert_eq!(line.id.to_string(), id);
    }
}

#[tokio::test]
async fn a_line_without_a_maximum_length_arrives_whole() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let mut reader = follow(&api, &job, "").await;
    let browser = browse(&api, &job).await;

    let long = "äß🦀x".repeat(400_000);
    job.append_all([&long, "short"]).await;
    job.set_status("ready").await;

    let expected = (vec![long, "short".into()], "ready".into());
    assert!(until_done(&mut reader).await == expected);
    assert!(seen(&browser.read(SOON).await) == expected);
}

#[tokio::test]
async fn a_first_connection_gets_no_line_from_before() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    job.append_all(["old", "older"]).await;

    let mut first = follow(&api, &job, "").await;
    job.append("new").await;
    assert_eq!(texts(&mut first, 1).await, ["new"]);

    // Also if another viewer follows already, and the feed holds lines.
    let mut second = follow(&api, &job, "?after_id=").await;
    job.append("newer").await;
    assert_eq!(texts(&mut second, 1).await, ["newer"]);
}

#[tokio::test]
async fn lines_appended_right_after_the_head_are_all_delivered() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    for round in 0..10 {
        let job = Job::new(&redis).await;
        job.append_all(["before"]).await;
        let mut cold = follow(&api, &job, "").await;
        job.append_all(numbered(0..50)).await;
        let mut warm = follow(&api, &job, "").await;
        job.append_all(numbered(50..60)).await;
        assert_eq!(texts(&mut cold, 60).await, numbered(0..60), "round {round}");
        assert_eq!(
            texts(&mut warm, 10).await,
            numbered(50..60),
            "round {round}"
        );
    }
}

#[tokio::test]
async fn a_first_connection_under_a_running_writer_gets_everything_from_its_request_on() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Arc::new(Job::new(&redis).await);
    let producer = Producer::start(&job, Duration::ZERO);
    for round in 0..20 {
        let before = newest(&api, &job).await;
        let mut reader = follow(&api, &job, "").await;
        let after = newest(&api, &job).await;
        let first: i64 = texts(&mut reader, 1).await[0].parse().unwrap();
        assert!(
            before < first && first <= after + 1,
            "{round}: {before} {first} {after}"
        );
        let begin = usize::try_from(first).unwrap() + 1;
        assert_eq!(texts(&mut reader, 20).await, numbered(begin..begin + 20));
    }
    producer.stop().await;
}

/// The number of the newest line; -1 if there is none.
async fn newest(api: &Api, job: &Job) -> i64 {
    let page = api.get(&format!("{}?limit=1", job.path())).await.json();
    page["lines"][0]["text"]
        .as_str()
        .map_or(-1, |text| text.parse().unwrap())
}

#[tokio::test]
async fn a_stream_can_be_opened_before_the_log_exists() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let mut live = follow(&api, &job, "").await;
    let mut from_start = follow(&api, &job, "?from=start").await;
    let mut zero = resume(&api, &job, "0-0").await;
    let browser = browse(&api, &job).await;

    job.append_all(["a", "b"]).await;
    job.set_status("ready").await;

    let expected = (vec!["a".to_owned(), "b".into()], "ready".to_owned());
    for reader in [&mut live, &mut from_start, &mut zero] {
        assert_eq!(until_done(reader).await, expected);
    }
    assert_eq!(seen(&browser.read(SOON).await), expected);
}

#[tokio::test]
async fn an_early_end_is_broken_off_and_an_end_with_done_is_clean() {
    let redis = RedisServer::shared().await;
    let mut api = Api::start(&redis.url(), &[("LOG_API_SHUTDOWN_SECS", "2")]).await;
    let (ends, goes_on) = (Job::new(&redis).await, Job::new(&redis).await);
    let mut done = follow(&api, &ends, "").await;
    let mut early = follow(&api, &goes_on, "").await;
    let browser = browse(&api, &goes_on).await;
    ends.set_status("ready").await;
    assert_eq!(until_done(&mut done).await, (vec![], "ready".into()));
    assert_eq!(done.end(), Some(BodyEnd::Whole));

    goes_on.append("last").await;
    assert_eq!(texts(&mut early, 1).await, ["last"]);
    api.terminate();

    assert_eq!(early.rest(SOON).await, []);
    assert_eq!(early.end(), Some(BodyEnd::BrokenOff));
    assert!(early.retry_ms().is_some(), "it says when to come back");
    let view = browser.read(SOON).await;
    assert_eq!((view.lines().len(), view.done()), (1, None));
    assert_eq!(view.end, Some(BodyEnd::BrokenOff));
    assert!(api.ended(SOON).await.success());
}

#[tokio::test]
async fn each_viewer_of_many_jobs_sees_only_its_own_job() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let mut streams: Vec<(Job, SseReader)> = Vec::new();
    for _ in 0..20 {
        let job = Job::new(&redis).await;
        let reader = follow(&api, &job, "").await;
        streams.push((job, reader));
    }
    for (job, _) in &streams {
        job.append(&job.id).await;
        job.set_status("ready").await;
    }
    for (job, reader) in &mut streams {
        assert_eq!(
            until_done(reader).await,
            (vec![job.id.clone()], "ready".into())
        );
    }
}
