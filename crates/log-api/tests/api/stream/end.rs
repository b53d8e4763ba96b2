//! The end of a job: every line, then `done`.

use std::sync::Arc;
use std::time::Duration;

use log_wire::sse::{Event, RawEvent};
use test_support::{BodyEnd, RedisServer, SseReader};
use tokio::time::{Instant, sleep};

use super::client::{
    Producer, SOON, assert_silent, browse, follow, numbered, resume, seen, texts, try_resume,
    until_done,
};
use crate::support::{Api, Job};

#[tokio::test]
async fn five_thousand_lines_and_the_status_right_after_reach_ten_viewers_before_done() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let mut readers = Vec::new();
    for query in ["", "", "", "", "?from=start", "?after_id=0-0"] {
        readers.push(follow(&api, &job, query).await);
    }
    let mut browsers = Vec::new();
    for _ in 0..4 {
        browsers.push(browse(&api, &job).await);
    }

    job.append_all(numbered(0..5000)).await;
    job.set_status("ready").await;

    let expected = (numbered(0..5000), "ready".to_owned());
    for reader in &mut readers {
        assert_eq!(until_done(reader).await, expected);
    }
    for browser in browsers {
        assert_eq!(seen(&browser.read(SOON).await), expected);
    }
}

#[tokio::test]
async fn lines_right_after_the_status_come_before_done() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    for status in ["ready", "failed"] {
        let job = Job::new(&redis).await;
        let mut reader = follow(&api, &job, "").await;
        let browser = browse(&api, &job).await;
        job.append("0").await;
        job.set_status(status).await;
        for n in numbered(1..4) {
            sleep(Duration::from_millis(15)).await;
            job.append(&n).await;
        }
        let expected = (numbered(0..4), status.to_owned());
        assert_eq!(until_done(&mut reader).await, expected);
        assert_eq!(seen(&browser.read(SOON).await), expected);
    }
}

#[tokio::test]
async fn a_producer_that_never_stops_is_read_until_the_end_limit_and_then_done_comes() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_END_LIMIT_MS", "2000")]).await;
    let job = Arc::new(Job::new(&redis).await);
    let mut reader = follow(&api, &job, "").await;
    let producer = Producer::start(&job, Duration::from_millis(5));
    texts(&mut reader, 5).await;

    job.set_status("failed").await;
    let status_at = Instant::now();
    let (lines, status) = until_done(&mut reader).await;

    let took = status_at.elapsed();
    assert!(took > Duration::from_millis(1900), "{took:?}");
    assert_eq!(status, "failed");
    assert_eq!(lines, numbered(5..5 + lines.len()));

    // Later lines are in the history, and reach a client that resumes.
    let cursor = reader.last_event_id().to_owned();
    let mut again = resume(&api, &job, &cursor).await;
    let next = 5 + lines.len();
    assert_eq!(texts(&mut again, 5).await, numbered(next..next + 5));
    let written = producer.stop().await;
    assert_eq!(
        until_done(&mut again).await.0,
        numbered(next + 5..written.len())
    );
    let page = api.get(&format!("{}?limit=1", job.path())).await.json();
    assert_eq!(page["newest_id"], *written.last().unwrap());
}

#[tokio::test]
async fn an_unknown_status_and_one_that_is_not_terminal_end_nothing() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let mut reader = follow(&api, &job, "").await;
    for status in [
        "deps",
        "checks",
        "scheduled",
        "",
        "READY",
        "ready ",
        "cancelled",
    ] {
        job.set_status(status).await;
        assert_silent(&mut reader, Duration::from_millis(50)).await;
    }
    // The message is only a hint: without a changed status it ends nothing.
    job.command(&[
        "PUBLISH",
        &format!("{}:events", job.key()),
        r#"{"status":"ready"}"#,
    ])
    .await;
    assert_silent(&mut reader, Duration::from_millis(500)).await;
    job.append("still here").await;
    assert_eq!(texts(&mut reader, 1).await, ["still here"]);
}

#[tokio::test]
async fn a_status_alone_is_noticed_without_a_message() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let mut reader = follow(&api, &job, "").await;
    let at = Instant::now();
    job.command(&["HSET", &job.key(), "status", "ready"]).await;
    assert_eq!(until_done(&mut reader).await, (vec![], "ready".into()));
    let took = at.elapsed();
    assert!(took >= Duration::from_millis(250), "{took:?}");
}

#[tokio::test]
async fn a_job_that_is_already_terminal_gives_the_lines_after_the_cursor_and_done() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let ids = job.append_all(numbered(0..700)).await;
    job.set_status("ready").await;

    let mut live = follow(&api, &job, "").await;
    assert_eq!(until_done(&mut live).await, (vec![], "ready".into()));
    assert_eq!(
        live.last_event_id(),
        ids[699],
        "`done` carries the end of the log"
    );
    let mut whole = follow(&api, &job, "?from=start").await;
    assert_eq!(
        until_done(&mut whole).await,
        (numbered(0..700), "ready".into())
    );
    let mut rest = resume(&api, &job, &ids[9]).await;
    assert_eq!(
        until_done(&mut rest).await,
        (numbered(10..700), "ready".into())
    );
    let view = browse(&api, &job).await.read(SOON).await;
    assert_eq!(seen(&view), (vec![], "ready".into()));
}

#[tokio::test]
async fn a_cursor_with_nothing_after_it_on_a_terminal_job_is_answered_204_after_the_quiet_period() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let ids = job.append_all(numbered(0..3)).await;
    job.set_status("failed").await;

    let at = Instant::now();
    let answer = api
        .stream(&job, "")
        .header("Last-Event-ID", &ids[2])
        .send()
        .await;
    assert!(
        at.elapsed() >= Duration::from_millis(250),
        "{:?}",
        at.elapsed()
    );
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    for name in ["lastEventId", "last_event_id"] {
        let query = format!("?{name}={}", ids[2]);
        assert_eq!(api.stream(&job, &query).send().await.status, 204, "{name}");
    }

    let empty = Job::new(&redis).await;
    empty.set_status("failed").await;
    assert_eq!(try_resume(&api, &empty, "0-0").await.status, 204);
}

#[tokio::test]
async fn a_page_that_asks_for_a_cursor_of_an_ended_log_learns_how_it_ended() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let (job, empty) = (Job::new(&redis).await, Job::new(&redis).await);
    let last = job.append("only").await;
    for job in [&job, &empty] {
        job.set_status("failed").await;
    }
    let after_last = format!("?after_id={last}");
    // With a polyfill's parameter next to it, the cursor is one that was asked for, too.
    let both = format!("?after_id={last}&lastEventId={last}");
    for (job, query) in [
        (&job, after_last.as_str()),
        (&job, &both),
        (&job, ""),
        (&empty, "?after_id=0-0"),
        (&empty, "?from=start"),
        (&empty, ""),
    ] {
        let mut reader = follow(&api, job, query).await;
        assert_eq!(
            until_done(&mut reader).await,
            (vec![], "failed".into()),
            "{query}"
        );
        // An `EventSource` comes back with what `done` said, and then it stops.
        let cursor = reader.last_event_id().to_owned();
        assert_eq!(try_resume(&api, job, &cursor).await.status, 204, "{query}");
    }
}

#[tokio::test]
async fn a_line_inside_the_quiet_period_makes_it_a_stream_instead_of_204() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_END_QUIET_MS", "800")]).await;
    let job = Job::new(&redis).await;
    let id = job.append("0").await;
    job.set_status("ready").await;

    let late = async {
        sleep(Duration::from_millis(200)).await;
        job.append("late").await;
    };
    let (mut reader, ()) = tokio::join!(try_resume(&api, &job, &id), late);

    assert_eq!(reader.status, 200);
    assert_eq!(
        until_done(&mut reader).await,
        (vec!["late".into()], "ready".into())
    );
}

#[tokio::test]
async fn an_event_source_that_reconnects_after_every_end_gets_everything_once_and_stops() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let first = follow(&api, &job, "").await;
    job.append_all(numbered(0..5)).await;
    job.set_status("ready").await;

    let (events, requests) = event_source(&api, &job, first).await;

    assert_eq!(requests, 2, "the stream, and the one that is answered 204");
    let names: Vec<_> = events.iter().map(|event| event.event.as_str()).collect();
    assert_eq!(names, ["log", "log", "log", "log", "log", "done"]);

    // Lines after the end reach it too, and then it stops.
    let first = follow(&api, &job, "?from=start").await;
    job.append("5").await;
    let (events, _) = event_source(&api, &job, first).await;
    let texts: Vec<_> = events.iter().filter_map(text_of).collect();
    assert_eq!(texts, numbered(0..6));
}

fn text_of(event: &RawEvent) -> Option<String> {
    match Event::from_raw(event).unwrap() {
        Event::Log(line) => line.text,
        _ => None,
    }
}

/// Does what an `EventSource` does: reconnects after every end with the last id it has seen, until it gets 204.
async fn event_source(api: &Api, job: &Job, mut reader: SseReader) -> (Vec<RawEvent>, usize) {
    let mut events = Vec::new();
    for request in 1..10 {
        if reader.status == 204 {
            return (events, request);
        }
        while let Some(event) = reader.next().await {
            events.push(event);
        }
        let cursor = reader.last_event_id().to_owned();
        reader = try_resume(api, job, &cursor).await;
    }
    panic!("it would come back for ever: {events:?}");
}

#[tokio::test]
async fn a_job_whose_record_disappears_ends_as_deleted_after_every_line() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let mut reader = follow(&api, &job, "").await;
    let browser = browse(&api, &job).await;

    job.append_all(numbered(0..100)).await;
    job.command(&["DEL", &job.key()]).await;
    sleep(Duration::from_millis(50)).await;
    job.append("100").await;

    let expected = (numbered(0..101), "deleted".to_owned());
    assert_eq!(until_done(&mut reader).await, expected);
    assert_eq!(seen(&browser.read(SOON).await), expected);
    assert_eq!(try_resume(&api, &job, "0-0").await.status, 404);
}

#[tokio::test]
async fn lines_after_the_end_are_in_the_history_and_reach_a_client_that_resumes() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let mut reader = follow(&api, &job, "").await;
    job.append("0").await;
    job.set_status("ready").await;
    assert_eq!(
        until_done(&mut reader).await,
        (numbered(0..1), "ready".into())
    );
    let cursor = reader.last_event_id().to_owned();

    job.append_all(numbered(1..4)).await;

    let mut again = resume(&api, &job, &cursor).await;
    assert_eq!(
        until_done(&mut again).await,
        (numbered(1..4), "ready".into())
    );
    let page = api
        .get(&format!("{}?after_id={cursor}", job.path()))
        .await
        .json();
    assert_eq!(page["lines"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_viewer_that_reads_nothing_for_two_seconds_gets_every_line_and_then_done() {
    let redis = RedisServer::shared().await;
    let settings = [
        ("LOG_API_METRICS_BIND", "127.0.0.1:0"),
        ("LOG_API_END_LIMIT_MS", "500"),
    ];
    let api = Api::start(&redis.url(), &settings).await;
    let job = Job::new(&redis).await;
    let mut slow = SseReader::open(api.stream(&job, "").receive_buffer(4096)).await;
    let mut quick = follow(&api, &job, "").await;

    job.append_all((0..20_000).map(|n| format!("{n} {}", "x".repeat(300))))
        .await;
    job.set_status("ready").await;
    sleep(Duration::from_secs(2)).await;

    let (lines, status) = until_done(&mut slow).await;
    let numbers: Vec<_> = lines
        .iter()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(numbers, numbered(0..20_000));
    assert_eq!(status, "ready");
    assert_eq!(until_done(&mut quick).await.0.len(), 20_000);
    assert!(
        api.metric("catch_up_reads_total").await > 0,
        "it had left what the feed keeps"
    );
}

#[tokio::test]
async fn viewers_that_join_during_the_end_get_the_same_end() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let mut early = follow(&api, &job, "").await;
    job.append_all(numbered(0..50)).await;
    job.set_status("ready").await;
    let mut late = Vec::new();
    for _ in 0..8 {
        late.push(follow(&api, &job, "?from=start").await);
        sleep(Duration::from_millis(50)).await;
    }
    let expected = (numbered(0..50), "ready".to_owned());
    assert_eq!(until_done(&mut early).await, expected);
    for reader in &mut late {
        assert_eq!(until_done(reader).await, expected);
        assert_eq!(reader.end(), Some(BodyEnd::Whole));
    }
}
