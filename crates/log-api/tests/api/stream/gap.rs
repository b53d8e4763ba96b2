//! Gaps: if lines are gone, the client gets one `gap` with both ids; otherwise it gets none.

use std::time::Duration;

use log_domain::{JobEnd, JobStatus};
use log_wire::sse::Event;
use test_support::{RedisServer, SseReader};
use tokio::time::sleep;

use super::client::{
    SOON, assert_silent, browse, event_and_cursor, follow, gap, numbered, resume, seen, texts,
    try_resume, until_done,
};
use crate::support::{Api, Job};

/// With `warm`, opens another viewer first, so that the job has a feed already.
const COLD_AND_WARM: [bool; 2] = [false, true];

async fn others(api: &Api, job: &Job, warm: bool) -> Option<SseReader> {
    if warm {
        Some(follow(api, job, "").await)
    } else {
        None
    }
}

#[tokio::test]
async fn a_trimmed_cursor_gets_one_gap_first_with_both_ids() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    for warm in COLD_AND_WARM {
        let job = Job::new(&redis).await;
        let ids = job.append_all(numbered(0..10)).await;
        job.command(&["XTRIM", &job.logs_key(), "MAXLEN", "4"])
            .await;
        let _others = others(&api, &job, warm).await;

        let mut reader = resume(&api, &job, &ids[2]).await;

        let (told, cursor) = event_and_cursor(&mut reader).await;
        assert_eq!(told, gap(&ids[2], Some(&ids[6])));
        assert_eq!(cursor, ids[2], "the position has not moved");
        assert_eq!(texts(&mut reader, 4).await, numbered(6..10));
        job.append_all(numbered(10..12)).await;
        assert_eq!(texts(&mut reader, 2).await, numbered(10..12));
        let mut again = resume(&api, &job, &ids[6]).await;
        assert_eq!(texts(&mut again, 5).await, numbered(7..12));
    }
}

/// Only a failover that lost lines leaves a client with such a cursor.
#[tokio::test]
async fn a_cursor_inside_the_log_that_is_no_line_of_it_gets_a_gap_and_a_time_does_not() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    for warm in COLD_AND_WARM {
        let job = Job::new(&redis).await;
        job.append_ids(&["10-0", "20-0", "40-0"]).await;
        let _others = others(&api, &job, warm).await;
        let mut reader = resume(&api, &job, "35-7").await;
        assert_eq!(reader.expect_event(SOON).await, gap("35-7", Some("40-0")));
        assert_eq!(texts(&mut reader, 1).await, ["40-0"]);
        let mut reader = resume(&api, &job, "35").await;
        assert_eq!(texts(&mut reader, 1).await, ["40-0"]);
    }
}

#[tokio::test]
async fn a_log_that_its_producer_trims_gets_a_gap_too() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let key = job.logs_key();
    job.append_ids(&["1-0", "2-0", "3-0"]).await;
    job.command(&["XADD", &key, "MAXLEN", "=", "2", "4-0", "text", "4-0"])
        .await;

    let mut reader = resume(&api, &job, "1-0").await;
    assert_eq!(reader.expect_event(SOON).await, gap("1-0", Some("3-0")));
    assert_eq!(texts(&mut reader, 2).await, ["3-0", "4-0"]);
    let mut reader = follow(&api, &job, "?from=start").await;
    assert_eq!(reader.expect_event(SOON).await, gap("0-0", Some("3-0")));
    assert_eq!(texts(&mut reader, 2).await, ["3-0", "4-0"]);
}

#[tokio::test]
async fn no_gap_from_the_first_retained_line_to_the_last_one() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    for warm in COLD_AND_WARM {
        let job = Job::new(&redis).await;
        let ids = ["10-0", "20-0", "30-0", "40-0", "50-0"];
        job.append_ids(&ids).await;
        job.command(&["XTRIM", &job.logs_key(), "MAXLEN", "3"])
            .await;
        let _others = others(&api, &job, warm).await;
        for (cursor, expected) in [("30-0", &ids[3..]), ("40-0", &ids[4..]), ("50-0", &[][..])] {
            let mut reader = resume(&api, &job, cursor).await;
            assert_eq!(
                texts(&mut reader, expected.len()).await,
                expected,
                "after {cursor}"
            );
            assert_silent(&mut reader, Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn no_gap_from_the_start_of_a_log_that_was_never_trimmed_nor_of_an_empty_one() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    for warm in COLD_AND_WARM {
        let job = Job::new(&redis).await;
        let _others = others(&api, &job, warm).await;
        let mut empty = resume(&api, &job, "0-0").await;
        assert_silent(&mut empty, Duration::from_millis(50)).await;
        job.append_all(numbered(0..3)).await;
        assert_eq!(texts(&mut empty, 3).await, numbered(0..3));
        let mut whole = follow(&api, &job, "?from=start").await;
        assert_eq!(texts(&mut whole, 3).await, numbered(0..3));
        assert_silent(&mut whole, Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_log_that_expired_or_was_deleted_is_a_gap_for_a_client_with_a_cursor() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    for end in [&["DEL"][..], &["PEXPIRE", "1"]] {
        let job = Job::new(&redis).await;
        let ids = job.append_all(numbered(0..3)).await;
        let key = job.logs_key();
        job.command(&[&[end[0], &key], &end[1..]].concat()).await;
        sleep(Duration::from_millis(20)).await;

        let mut reader = resume(&api, &job, &ids[2]).await;
        let told = event_and_cursor(&mut reader).await;
        assert_eq!(
            told,
            (gap(&ids[2], None), "0-0".into()),
            "where reading goes on"
        );
        let mut again = resume(&api, &job, "0-0").await;
        assert_silent(&mut again, Duration::from_millis(50)).await;
        job.append("new").await;
        assert_eq!(texts(&mut reader, 1).await, ["new"]);
        assert_eq!(texts(&mut again, 1).await, ["new"]);
    }
}

#[tokio::test]
async fn a_line_deleted_after_the_cursor_is_a_gap_and_one_before_it_is_none() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    for warm in COLD_AND_WARM {
        let job = Job::new(&redis).await;
        let ids = ["1-0", "2-0", "3-0", "4-0"];
        job.append_ids(&ids).await;
        job.command(&["XDEL", &job.logs_key(), "2-0"]).await;
        let _others = others(&api, &job, warm).await;

        let mut below = resume(&api, &job, "1-0").await;
        assert_eq!(below.expect_event(SOON).await, gap("1-0", Some("3-0")));
        assert_eq!(texts(&mut below, 2).await, &ids[2..]);
        assert_silent(&mut below, Duration::from_millis(50)).await;
        for cursor in ["2-0", "3-0"] {
            let mut above = resume(&api, &job, cursor).await;
            assert_eq!(texts(&mut above, 1).await.len(), 1, "after {cursor}");
        }
    }
}

#[tokio::test]
async fn a_cursor_beyond_the_end_goes_on_after_the_last_line() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    for warm in COLD_AND_WARM {
        let job = Job::new(&redis).await;
        job.append_ids(&["1-0", "2-0"]).await;
        let _others = others(&api, &job, warm).await;

        let mut reader = resume(&api, &job, "9-9").await;
        let told = event_and_cursor(&mut reader).await;
        assert_eq!(
            told,
            (gap("9-9", None), "2-0".into()),
            "the last line there is"
        );
        job.append_ids(&["3-0"]).await;
        assert_eq!(texts(&mut reader, 1).await, ["3-0"]);
        let mut again = resume(&api, &job, "2-0").await;
        assert_eq!(texts(&mut again, 1).await, ["3-0"]);
    }
}

#[tokio::test]
async fn a_trim_behind_a_live_viewer_is_no_gap() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let mut reader = follow(&api, &job, "").await;
    job.append_all(numbered(0..10)).await;
    assert_eq!(texts(&mut reader, 10).await, numbered(0..10));

    job.command(&["XTRIM", &job.logs_key(), "MAXLEN", "1"])
        .await;
    job.append("10").await;
    assert_eq!(texts(&mut reader, 1).await, ["10"]);
    job.command(&["XTRIM", &job.logs_key(), "MAXLEN", "0"])
        .await;
    assert_silent(&mut reader, Duration::from_millis(200)).await;
}

#[tokio::test]
async fn a_live_viewer_gets_a_gap_for_lines_that_nobody_could_read() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let key = job.logs_key();
    job.append_ids(&["1-0"]).await;
    let mut reader = follow(&api, &job, "").await;
    let browser = browse(&api, &job).await;

    let trimmed = &["XTRIM", &key, "MAXLEN", "1"];
    let add = |id| ["XADD", &key, id, "text", id];
    job.atomically(&[&add("2-0"), &add("3-0"), &add("4-0"), trimmed])
        .await;
    assert_eq!(reader.expect_event(SOON).await, gap("1-0", Some("4-0")));
    assert_eq!(texts(&mut reader, 1).await, ["4-0"]);
    job.atomically(&[&add("5-0"), &add("6-0"), &["XDEL", &key, "5-0"]])
        .await;
    assert_eq!(reader.expect_event(SOON).await, gap("4-0", Some("6-0")));
    assert_eq!(texts(&mut reader, 1).await, ["6-0"]);

    job.set_status("ready").await;
    assert_eq!(until_done(&mut reader).await, (vec![], "ready".into()));
    let all = (vec!["4-0".to_owned(), "6-0".into()], "ready".to_owned());
    assert_eq!(
        seen(&browser.read(SOON).await),
        all,
        "the existing client ignores the gaps"
    );
}

#[tokio::test]
async fn a_live_viewer_of_a_deleted_log_gets_a_gap_and_the_next_log_from_its_start() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    job.append_ids(&["5-0"]).await;
    let mut reader = follow(&api, &job, "").await;

    job.command(&["DEL", &job.logs_key()]).await;
    let told = event_and_cursor(&mut reader).await;
    assert_eq!(told, (gap("5-0", None), "0-0".into()));
    job.append_ids(&["1-0", "2-0"]).await;
    assert_eq!(texts(&mut reader, 2).await, ["1-0", "2-0"]);
}

#[tokio::test]
async fn a_live_viewer_gets_a_gap_if_the_log_is_replaced_at_once_by_one_with_any_ids() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    // If the new ids are above the viewer's cursor, it goes on with the new log; if below, after its last line.
    for (anew, told, cursor, next) in [
        ("7-0", Some("7-0"), "5-0", "8-0"),
        ("3-0", None, "3-0", "4-0"),
    ] {
        let job = Job::new(&redis).await;
        let key = job.logs_key();
        job.append_ids(&["5-0"]).await;
        let mut reader = follow(&api, &job, "").await;

        job.atomically(&[&["DEL", &key], &["XADD", &key, anew, "text", anew]])
            .await;
        assert_eq!(
            event_and_cursor(&mut reader).await,
            (gap("5-0", told), cursor.into())
        );
        if told.is_some() {
            assert_eq!(texts(&mut reader, 1).await, [anew]);
        }
        job.append_ids(&[next]).await;
        assert_eq!(texts(&mut reader, 1).await, [next]);
    }
}

#[tokio::test]
async fn a_stalled_reader_of_a_trimmed_log_gets_a_gap_where_lines_are_missing() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_METRICS_BIND", "127.0.0.1:0")]).await;
    let job = Job::new(&redis).await;
    let request = api.stream(&job, "").receive_buffer(4096);
    let mut stalled = SseReader::open(request).await;
    let mut quick = follow(&api, &job, "").await;

    let text = |n| format!("{n} {}", "x".repeat(200));
    let ids = job.append_all((0..20_000).map(text)).await;
    // A viewer that keeps up misses nothing.
    assert_eq!(texts(&mut quick, 20_000).await.len(), 20_000);
    job.command(&["XTRIM", &job.logs_key(), "MAXLEN", "10"])
        .await;
    job.set_status("ready").await;

    let events = stalled.rest(SOON).await;
    let (done, events) = events.split_last().unwrap();
    assert_eq!(
        *done,
        Event::Done {
            end: JobEnd::Status(JobStatus::READY)
        }
    );
    let lines = |events: &[Event]| -> Vec<String> {
        let id = |event: &Event| match event {
            Event::Log(line) => line.id.to_string(),
            other => panic!("{other:?}"),
        };
        events.iter().map(id).collect()
    };
    let gaps: Vec<_> = events
        .iter()
        .enumerate()
        .filter(|(_, e)| matches!(e, Event::Gap { .. }))
        .collect();
    let [(at, told)] = gaps[..] else {
        panic!("{} gaps", gaps.len())
    };
    assert_eq!(lines(&events[..at]), ids[..at]);
    assert_eq!(*told, gap(&ids[at - 1], Some(&ids[19_990])));
    assert_eq!(lines(&events[at + 1..]), ids[19_990..]);
    assert_eq!(api.metric("gaps_total").await, 1);
}

#[tokio::test]
async fn a_cursor_beyond_the_end_of_an_ended_log_gets_one_gap_and_then_204() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    for (ids, last) in [(&["1-0", "2-0"][..], "2-0"), (&[], "0-0")] {
        let job = Job::new(&redis).await;
        job.append_ids(ids).await;
        job.set_status("ready").await;

        let mut reader = resume(&api, &job, "9-0").await;
        let (told, done) = (reader.expect(SOON).await, reader.expect(SOON).await);
        assert_eq!(Event::from_raw(&told).unwrap(), gap("9-0", None));
        assert_eq!(
            Event::from_raw(&done).unwrap(),
            Event::Done {
                end: JobEnd::Status(JobStatus::READY)
            }
        );
        assert_eq!(
            (told.last_event_id, done.last_event_id),
            (last.into(), last.into())
        );
        assert_eq!(reader.next().await, None);
        assert_eq!(try_resume(&api, &job, last).await.status, 204);
    }
}

#[tokio::test]
async fn a_live_viewer_of_an_expired_log_gets_a_gap() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let id = job.append("0").await;
    let mut reader = resume(&api, &job, &id).await;

    job.command(&["PEXPIRE", &job.logs_key(), "50"]).await;

    let told = event_and_cursor(&mut reader).await;
    assert_eq!(told, (gap(&id, None), "0-0".into()));
    job.append("new").await;
    assert_eq!(texts(&mut reader, 1).await, ["new"]);
}

#[tokio::test]
async fn a_redis_that_is_polled_shows_the_same_lines_gaps_and_ends() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_REDIS_WATCH", "poll")]).await;
    for (end, status) in [
        (&["HSET", "status", "ready"][..], "ready"),
        (&["DEL"], "deleted"),
    ] {
        let job = Job::new(&redis).await;
        let (key, logs) = (job.key(), job.logs_key());
        let mut reader = follow(&api, &job, "").await;
        job.append_ids(&["5-0"]).await;
        assert_eq!(texts(&mut reader, 1).await, ["5-0"]);
        job.command(&["DEL", &logs]).await;
        let told = event_and_cursor(&mut reader).await;
        assert_eq!(told, (gap("5-0", None), "0-0".into()));
        job.append_ids(&["1-0", "2-0"]).await;
        assert_eq!(texts(&mut reader, 2).await, ["1-0", "2-0"]);
        let add = |id| ["XADD", &logs, id, "text", id];
        job.atomically(&[&add("3-0"), &add("4-0"), &["XTRIM", &logs, "MAXLEN", "1"]])
            .await;
        assert_eq!(reader.expect_event(SOON).await, gap("2-0", Some("4-0")));
        assert_eq!(texts(&mut reader, 1).await, ["4-0"]);

        let job_ends = [&[end[0], &key], &end[1..]].concat();
        let mut last_words: Vec<&[&str]> = vec![&job_ends];
        let last = ["6-0", "7-0", "8-0"].map(add);
        last_words.extend(last.iter().map(|line| &line[..]));
        job.atomically(&last_words).await;

        let all = ["6-0", "7-0", "8-0"].map(str::to_owned).to_vec();
        assert_eq!(until_done(&mut reader).await, (all, status.into()));
    }
}
