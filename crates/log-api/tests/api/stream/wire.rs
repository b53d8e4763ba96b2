//! The bytes of a stream, as libraries that nobody here wrote read them.

use std::collections::BTreeSet;
use std::time::Duration;

use test_support::{RedisServer, SseReader};
use tokio::time::sleep;

use super::client::{SOON, assert_blocks, ends_python_line};
use crate::support::{Api, Job};

#[tokio::test]
async fn every_kind_of_event_has_a_cursor_and_no_line_end_inside_of_a_line() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_HEARTBEAT_SECS", "1")]).await;
    let job = Job::new(&redis).await;
    let ends: String = ('\0'..='\u{2fff}')
        .filter(|c| ends_python_line(*c))
        .collect();
    let ids = job.append_all(["0", "1", "2", ends.as_str()]).await;
    job.command(&["XTRIM", &job.logs_key(), "MAXLEN", "2"])
        .await;
    let request = api.stream(&job, "").header("Last-Event-ID", &ids[0]);
    let answer = request.open().await;
    // A proxy may compress what says that it is not compressed, and node takes a broken body for a whole one.
    for absent in ["content-encoding", "connection"] {
        assert_eq!(answer.header(absent), None, "{absent}");
    }
    let mut reader = SseReader::from_response(answer);
    while reader.last_event_id() != ids[3] {
        reader.expect(SOON).await;
    }
    // A heartbeat comes.
    sleep(Duration::from_millis(1500)).await;
    job.set_status("ready").await;
    reader.rest(SOON).await;
    assert_blocks(&reader);
    let raw = String::from_utf8(reader.raw().to_vec()).unwrap();
    let kinds = raw.lines().filter_map(|line| line.strip_prefix("event: "));
    let kinds: BTreeSet<_> = kinds.collect();
    assert_eq!(kinds, BTreeSet::from(["done", "gap", "heartbeat", "log"]));
    let cursors = raw.lines().filter_map(|line| line.strip_prefix("id: "));
    let cursors: Vec<_> = cursors.collect();
    // The first heartbeat and the gap have moved nothing.
    assert_eq!(cursors[..4], [&ids[0], &ids[0], &ids[2], &ids[3]]);
    assert!(cursors[4..].iter().all(|cursor| *cursor == ids[3]));
}
