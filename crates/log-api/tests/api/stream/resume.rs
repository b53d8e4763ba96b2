//! Resuming with a cursor, and joining history and live lines.

use std::sync::Arc;
use std::time::Duration;

use test_support::{RedisServer, SseReader};
use tokio::time::sleep;

use super::client::{
    Producer, SOON, assert_silent, follow, numbered, resume, texts, try_resume, until_done,
};
use crate::support::{Api, Job};

#[tokio::test]
async fn the_header_resumes_strictly_after_its_id() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let ids = job.append_all(numbered(0..10)).await;

    for (n, id) in ids.iter().enumerate() {
        let mut reader = resume(&api, &job, id).await;
        assert_eq!(texts(&mut reader, 9 - n).await, numbered(n + 1..10));
        assert_silent(&mut reader, Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_parameter_resumes_too_and_the_header_wins() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let ids = job.append_all(numbered(0..4)).await;

    let mut by_parameter = follow(&api, &job, &format!("?after_id={}", ids[0])).await;
    assert_eq!(texts(&mut by_parameter, 3).await, numbered(1..4));
    let both = api.stream(&job, &format!("?after_id={}&from=start", ids[0]));
    let mut by_header = SseReader::open(both.header("Last-Event-ID", &ids[2])).await;
    assert_eq!(texts(&mut by_header, 1).await, numbered(3..4));
    let empty = api.stream(&job, &format!("?after_id={}", ids[1]));
    let mut no_header = SseReader::open(empty.header("Last-Event-ID", "")).await;
    assert_eq!(texts(&mut no_header, 2).await, numbered(2..4));
}

#[tokio::test]
async fn a_polyfills_parameter_resumes_and_every_other_cursor_wins() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let ids = job.append_all(numbered(0..5)).await;
    let [a, b, c, _, _] = &ids[..] else { panic!() };
    for (query, header, first) in [
        (format!("?lastEventId={a}"), "", 1),
        (format!("?last_event_id={a}"), "", 1),
        (format!("?lastEventId={b}&last_event_id={a}"), "", 2),
        (format!("?lastEventId=&last_event_id={a}"), "", 1),
        (format!("?lastEventId={a}&from=start"), "", 1),
        (format!("?lastEventId={a}&after_id={b}"), "", 2),
        (format!("?lastEventId={a}"), c.as_str(), 3),
    ] {
        let request = api.stream(&job, &query).header("Last-Event-ID", header);
        let mut reader = SseReader::open(request).await;
        let rest = texts(&mut reader, 5 - first).await;
        assert_eq!(rest, numbered(first..5), "{query} {header}");
    }
}

#[tokio::test]
async fn of_several_headers_the_greatest_valid_cursor_counts() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    job.append_ids(&["9-9", "9-10", "10-0", "10-1"]).await;
    let rest = ["10-1"];
    for headers in [
        &["9-9", "10-0"][..],
        &["10-0", "9-10"],
        &["10-0", "10-0", "10"],
        &["", "10-0"],
        &["x", "10-0", "1-"],
        // A proxy may join them.
        &["9-9, 10-0"],
        &["10-0 ,9-9", "0-0"],
    ] {
        let request = api.stream(&job, "");
        let request = headers
            .iter()
            .fold(request, |request, id| request.header("Last-Event-ID", id));
        let mut reader = SseReader::open(request).await;
        assert_eq!(reader.status, 200, "{headers:?}");
        assert_eq!(texts(&mut reader, 1).await, rest, "{headers:?}");
    }
}

#[tokio::test]
async fn from_start_is_the_whole_log_and_then_live_and_a_cursor_beats_it() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let ids = job.append_all(numbered(0..1500)).await;

    let mut from_start = follow(&api, &job, "?from=start").await;
    let mut from_zero = follow(&api, &job, "?after_id=0-0").await;
    let mut from_cursor = follow(&api, &job, &format!("?from=start&after_id={}", ids[1498])).await;
    assert_eq!(texts(&mut from_start, 1500).await, numbered(0..1500));
    assert_eq!(texts(&mut from_zero, 1500).await, numbered(0..1500));
    assert_eq!(texts(&mut from_cursor, 1).await, numbered(1499..1500));
    job.append_all(numbered(1500..1510)).await;
    for reader in [&mut from_start, &mut from_zero, &mut from_cursor] {
        assert_eq!(texts(reader, 10).await, numbered(1500..1510));
    }
}

#[tokio::test]
async fn ids_are_compared_as_numbers_and_milliseconds_alone_mean_sequence_zero() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let most = format!("{}-{}", u64::MAX, u64::MAX);
    let ids = ["7-0", "7-9", "7-10", "70-0", "700-1", &most];
    job.append_ids(&ids).await;

    for (cursor, expected) in [
        ("7", &ids[1..]),
        ("7-0", &ids[1..]),
        ("7-9", &ids[2..]),
        ("7-10", &ids[3..]),
        ("8", &ids[3..]),
        ("700", &ids[4..]),
        ("700-1", &ids[5..]),
    ] {
        let mut reader = resume(&api, &job, cursor).await;
        assert_eq!(
            texts(&mut reader, expected.len()).await,
            expected,
            "after {cursor}"
        );
    }
    // Nothing can come after the greatest id, and the stream still stays open.
    let mut reader = resume(&api, &job, &most).await;
    assert_silent(&mut reader, Duration::from_millis(100)).await;
    job.set_status("ready").await;
    assert_eq!(until_done(&mut reader).await, (vec![], "ready".into()));
    assert_eq!(try_resume(&api, &job, &most).await.status, 204);
}

#[tokio::test]
async fn many_cuts_at_random_places_lose_and_repeat_nothing() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Arc::new(Job::new(&redis).await);
    // For part of the time this viewer keeps a feed open.
    let mut warm = None;
    let producer = Producer::start(&job, Duration::from_millis(1));
    let mut seen = Vec::new();
    let mut cursor = "0-0".to_owned();
    for cut in 0..60 {
        if cut % 20 == 10 {
            warm = Some(follow(&api, &job, "").await);
        } else if cut % 20 == 0 {
            drop(warm.take());
        }
        let mut reader = resume(&api, &job, &cursor).await;
        for _ in 0..fastrand::usize(0..40) {
            let event = reader.expect(SOON).await;
            seen.push(text_of(&serde_json::from_str(&event.data).unwrap()));
            cursor = event.last_event_id;
        }
        if cut % 3 == 0 {
            sleep(Duration::from_millis(fastrand::u64(0..30))).await;
        }
    }
    let written = producer.stop().await.len();
    job.set_status("ready").await;
    let mut last = try_resume(&api, &job, &cursor).await;
    if last.status == 200 {
        seen.extend(until_done(&mut last).await.0);
    } else {
        assert_eq!(last.status, 204, "it has everything");
    }
    assert_eq!(seen, numbered(0..written));
}

#[tokio::test]
async fn a_connection_that_is_cut_in_the_middle_of_a_replay_resumes_there() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    // Far more than one read of the store returns, and than a feed keeps.
    let ids = job
        .append_all((0..12_000).map(|n| format!("{n} {}", "x".repeat(100))))
        .await;

    let mut seen = Vec::new();
    let mut cursor = "0-0".to_owned();
    while seen.len() < 12_000 {
        let mut reader = resume(&api, &job, &cursor).await;
        let lines = fastrand::usize(1..1500).min(12_000 - seen.len());
        for text in texts(&mut reader, lines).await {
            seen.push(text.split(' ').next().unwrap().to_owned());
        }
        cursor.clone_from(&ids[seen.len() - 1]);
    }
    assert_eq!(seen, numbered(0..12_000));
}

#[tokio::test]
async fn a_page_and_a_stream_after_its_newest_id_join_without_gap_or_repetition() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Arc::new(Job::new(&redis).await);

    // Before the first line the cursor is `0-0`.
    let page = api.get(&job.path()).await.json();
    assert_eq!(page["newest_id"], serde_json::Value::Null);
    let mut early = follow(&api, &job, "?after_id=0-0").await;
    let producer = Producer::start(&job, Duration::ZERO);
    assert_eq!(texts(&mut early, 50).await, numbered(0..50));

    for _ in 0..15 {
        let page = api.get(&format!("{}?limit=30", job.path())).await.json();
        let newest = page["newest_id"].as_str().unwrap();
        let lines = page["lines"].as_array().unwrap();
        let mut joined: Vec<String> = lines.iter().map(text_of).collect();
        let first: usize = joined[0].parse().unwrap();
        let mut reader = follow(&api, &job, &format!("?after_id={newest}")).await;
        joined.extend(texts(&mut reader, 30).await);
        assert_eq!(joined, numbered(first..first + joined.len()));
    }
    let written = producer.stop().await.len();
    job.set_status("ready").await;
    let (rest, _) = until_done(&mut early).await;
    assert_eq!(rest, numbered(50..written));
}

fn text_of(line: &serde_json::Value) -> String {
    line["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_client_that_is_cut_off_before_the_first_line_knows_where_to_resume() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    for before in [0, 3] {
        let job = Job::new(&redis).await;
        job.append_all(numbered(0..before)).await;
        // The heartbeat that every stream begins with.
        let reader = follow(&api, &job, "").await;
        let cursor = reader.last_event_id().to_owned();
        drop(reader);

        job.append_all(numbered(before..before + 5)).await;

        let mut reader = resume(&api, &job, &cursor).await;
        assert_eq!(texts(&mut reader, 5).await, numbered(before..before + 5));
    }
}

#[tokio::test]
async fn the_first_heartbeat_has_the_cursor_that_the_client_has_come_with() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    job.append_ids(&["5-0", "6-0"]).await;
    for (query, cursor) in [
        ("", "6-0"),
        ("?from=start", "0-0"),
        ("?after_id=5", "5-0"),
        ("?after_id=4-4", "4-4"),
        ("?after_id=9-0", "9-0"),
    ] {
        let reader = follow(&api, &job, query).await;
        assert_eq!(first_id(&reader), cursor, "{query}");
    }
    job.set_status("ready").await;
    let reader = follow(&api, &job, "").await;
    assert_eq!(first_id(&reader), "6-0", "of a log that has ended");
}

/// The `id:` of the first event.
fn first_id(reader: &SseReader) -> String {
    let raw = String::from_utf8_lossy(reader.raw()).into_owned();
    let id = raw.lines().find_map(|line| line.strip_prefix("id: "));
    id.unwrap().to_owned()
}
