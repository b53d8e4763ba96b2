//! Redis is away, the network breaks, the server is killed: no line is lost or repeated, and streams stay open.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use log_domain::JobEnd;
use log_wire::sse::Event;
use test_support::{BodyEnd, RedisOptions, RedisServer, SseReader, TcpProxy};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::stream::client::{
    Producer, SOON, assert_silent, browse, follow, gap, numbered, seen, texts, texts_within,
    until_done,
};
use crate::support::{ANN, Api, Job, token};

/// How soon lines must come after Redis answers again.
const BACK: Duration = Duration::from_secs(5);

/// The two ways to notice changes. Both must keep the same promises.
const TRACKING: (&str, &str) = ("LOG_API_REDIS_WATCH", "tracking");
const POLLING: (&str, &str) = ("LOG_API_REDIS_WATCH", "poll");

/// A Redis that keeps everything it has acknowledged.
async fn durable_redis() -> Arc<RedisServer> {
    let options = RedisOptions {
        append_only: true,
        ..RedisOptions::default()
    };
    Arc::new(RedisServer::start_with(options).await)
}

#[tokio::test]
async fn redis_killed_three_times_under_twenty_viewers_loses_and_repeats_nothing() {
    killed_three_times(TRACKING).await;
}

#[tokio::test]
async fn redis_killed_three_times_under_twenty_viewers_loses_and_repeats_nothing_when_polled() {
    killed_three_times(POLLING).await;
}

async fn killed_three_times(watch: (&str, &str)) {
    let redis = durable_redis().await;
    let api = Api::start(&redis.url(), &[watch]).await;
    let job = Job::new(&redis).await;
    let mut viewers = Vec::new();
    for n in 0..18 {
        let query = if n % 3 == 0 { "?from=start" } else { "" };
        viewers.push(follow(&api, &job, query).await);
    }
    let browsers = [browse(&api, &job).await, browse(&api, &job).await];
    let mut written = 0;
    for _ in 0..3 {
        job.append_all(numbered(written..written + 20)).await;
        redis.kill().await;
        sleep(Duration::from_millis(300)).await;
        redis.start_again().await;
        let answers_since = Instant::now();
        job.append_all(numbered(written + 20..written + 40)).await;
        for viewer in &mut viewers {
            let rest = BACK.saturating_sub(answers_since.elapsed());
            let lines = texts_within(viewer, 40, rest).await;
            assert_eq!(lines, numbered(written..written + 40));
        }
        written += 40;
    }
    job.set_status("ready").await;
    for viewer in &mut viewers {
        assert_eq!(until_done(viewer).await, (vec![], "ready".into()));
    }
    for browser in browsers {
        let expected = (numbered(0..written), "ready".into());
        assert_eq!(seen(&browser.read(SOON).await), expected);
    }
}

#[tokio::test]
async fn a_frozen_redis_delays_streams_and_ends_none() {
    let redis = durable_redis().await;
    let settings = [TRACKING, ("LOG_API_HEARTBEAT_SECS", "1")];
    let api = Api::start(&redis.url(), &settings).await;
    let job = Job::new(&redis).await;
    let mut viewers = [
        follow(&api, &job, "").await,
        follow(&api, &job, "?from=start").await,
    ];
    job.append_all(numbered(0..5)).await;
    for viewer in &mut viewers {
        assert_eq!(texts(viewer, 5).await, numbered(0..5));
    }

    // Redis has these lines. Whether the server has noticed them is open.
    job.append_all(numbered(5..10)).await;
    redis.pause().await;
    sleep(Duration::from_secs(4)).await;
    redis.unpause().await;
    let answers_since = Instant::now();
    job.append_all(numbered(10..15)).await;
    for viewer in &mut viewers {
        let rest = BACK.saturating_sub(answers_since.elapsed());
        assert_eq!(texts_within(viewer, 10, rest).await, numbered(5..15));
    }
}

#[tokio::test]
async fn heartbeats_go_on_through_an_outage_and_lines_after_it() {
    let redis = durable_redis().await;
    let api = Api::start(&redis.url(), &[("LOG_API_HEARTBEAT_SECS", "1")]).await;
    let job = Job::new(&redis).await;
    let mut open = follow(&api, &job, "").await;
    job.append("before").await;
    assert_eq!(texts(&mut open, 1).await, ["before"]);

    redis.kill().await;
    for _ in 0..2 {
        let event = open.expect(SOON).await;
        assert_eq!(
            (event.event.as_str(), event.data.as_str()),
            ("heartbeat", "{}")
        );
    }
    redis.start_again().await;

    job.append("after").await;
    assert_eq!(texts_within(&mut open, 1, BACK).await, ["after"]);
}

#[tokio::test]
async fn connections_dropped_again_and_again_under_a_writer_lose_and_repeat_nothing() {
    dropped_again_and_again(TRACKING).await;
}

#[tokio::test]
async fn connections_dropped_again_and_again_under_a_writer_lose_and_repeat_nothing_when_polled() {
    dropped_again_and_again(POLLING).await;
}

async fn dropped_again_and_again(watch: (&str, &str)) {
    let redis = RedisServer::shared().await;
    let network = TcpProxy::start(redis.address()).await;
    let api = Api::start(&format!("redis://{}", network.address()), &[watch]).await;
    let job = Arc::new(Job::new(&redis).await);
    let mut viewers = Vec::new();
    for _ in 0..5 {
        viewers.push(follow(&api, &job, "").await);
    }
    let producer = Producer::start(&job, Duration::from_millis(3));
    for _ in 0..8 {
        sleep(Duration::from_millis(fastrand::u64(50..250))).await;
        network.drop_connections().await;
    }
    let written = producer.stop().await.len();
    job.set_status("ready").await;
    for viewer in &mut viewers {
        assert_eq!(
            until_done(viewer).await,
            (numbered(0..written), "ready".into())
        );
    }
}

#[tokio::test]
async fn a_client_kill_loses_and_repeats_nothing() {
    for watch in [TRACKING, POLLING] {
        let redis = Arc::new(RedisServer::start().await);
        let api = Api::start(&redis.url(), &[watch]).await;
        let job = Job::new(&redis).await;
        let mut viewers = [
            follow(&api, &job, "").await,
            follow(&api, &job, "?from=start").await,
        ];
        for round in 0..3 {
            let begin = round * 20;
            job.append_all(numbered(begin..begin + 10)).await;
            job.command(&["CLIENT", "KILL", "TYPE", "normal"]).await;
            job.append_all(numbered(begin + 10..begin + 20)).await;
            for viewer in &mut viewers {
                let lines = texts_within(viewer, 20, BACK).await;
                assert_eq!(lines, numbered(begin..begin + 20));
            }
        }
    }
}

#[tokio::test]
async fn a_status_that_turned_terminal_while_redis_was_out_of_reach_ends_after_every_line() {
    for watch in [TRACKING, POLLING] {
        let redis = RedisServer::shared().await;
        let network = TcpProxy::start(redis.address()).await;
        let api = Api::start(&format!("redis://{}", network.address()), &[watch]).await;
        let job = Job::new(&redis).await;
        let mut reader = follow(&api, &job, "").await;
        let browser = browse(&api, &job).await;
        job.append("0").await;
        assert_eq!(texts(&mut reader, 1).await, ["0"]);

        network.refuse().await;
        job.append_all(numbered(1..30)).await;
        job.set_status("failed").await;
        assert_silent(&mut reader, Duration::from_millis(500)).await;
        network.mend().await;

        let done = timeout(BACK, until_done(&mut reader)).await.unwrap();
        assert_eq!(done, (numbered(1..30), "failed".into()));
        assert_eq!(
            seen(&browser.read(SOON).await),
            (numbered(0..30), "failed".into())
        );
    }
}

#[tokio::test]
async fn neither_clock_of_the_end_runs_while_redis_cannot_be_read() {
    let redis = RedisServer::shared().await;
    let network = TcpProxy::start(redis.address()).await;
    let settings = [
        ("LOG_API_END_QUIET_MS", "2500"),
        ("LOG_API_END_LIMIT_MS", "3000"),
        ("LOG_API_METRICS_BIND", "127.0.0.1:0"),
    ];
    let api = Api::start(&format!("redis://{}", network.address()), &settings).await;
    let job = Job::new(&redis).await;
    let mut reader = follow(&api, &job, "").await;

    job.set_status("ready").await;
    sleep(Duration::from_millis(300)).await;
    network.refuse().await;
    // Longer than both clocks.
    assert_silent(&mut reader, Duration::from_millis(3500)).await;
    job.append("in the outage").await;
    network.mend().await;
    while api.metric("store_connected").await == 0 {
        sleep(Duration::from_millis(10)).await;
    }
    sleep(Duration::from_millis(400)).await;
    job.append("in the quiet period").await;

    let (lines, status) = timeout(BACK, until_done(&mut reader)).await.unwrap();
    assert_eq!(lines, ["in the outage", "in the quiet period"]);
    assert_eq!(status, "ready");
}

#[tokio::test]
async fn a_slow_viewer_of_an_ended_log_gets_the_rest_through_an_outage() {
    let redis = RedisServer::shared().await;
    let network = TcpProxy::start(redis.address()).await;
    let settings = [
        ("LOG_API_HEARTBEAT_SECS", "1"),
        ("LOG_API_METRICS_BIND", "127.0.0.1:0"),
    ];
    let api = Api::start(&format!("redis://{}", network.address()), &settings).await;
    let job = Job::new(&redis).await;
    let mut slow = SseReader::open(api.stream(&job, "").receive_buffer(4096)).await;
    let mut quick = follow(&api, &job, "").await;
    job.append_all((0..20_000).map(|n| format!("{n} {}", "x".repeat(200))))
        .await;
    job.set_status("ready").await;
    assert_eq!(until_done(&mut quick).await.0.len(), 20_000);

    // The log has ended. What the slow viewer still needs has left the feed, and cannot be read now.
    network.refuse().await;
    let mut got = Vec::new();
    while let Ok(event) = timeout(Duration::from_millis(600), slow.next()).await {
        got.extend(
            event
                .filter(|event| event.event == "log")
                .map(|event| event.data),
        );
    }
    assert!(got.len() < 20_000, "the whole log came through an outage");
    assert_eq!(slow.expect(Duration::from_secs(2)).await.event, "heartbeat");
    network.mend().await;

    got.extend(timeout(SOON, until_done(&mut slow)).await.unwrap().0);
    assert_eq!(got.len(), 20_000);
}

#[tokio::test]
async fn a_flush_is_a_gap_as_soon_as_the_connection_is_back() {
    let redis = Arc::new(RedisServer::start().await);
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let id = job.append("0").await;
    let mut reader = follow(&api, &job, &format!("?after_id={id}")).await;

    job.command(&["FLUSHDB"]).await;
    job.command(&["CLIENT", "KILL", "TYPE", "normal"]).await;

    assert_eq!(reader.expect_event(BACK).await, gap(&id, None));
    assert_eq!(until_done(&mut reader).await, (vec![], "deleted".into()));
    assert_eq!(reader.last_event_id(), "0-0");
}

#[tokio::test]
async fn a_flush_without_a_notice_is_found_within_half_a_minute() {
    let redis = Arc::new(RedisServer::start().await);
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let id = job.append("0").await;
    let mut reader = follow(&api, &job, &format!("?after_id={id}")).await;

    job.command(&["FLUSHDB"]).await;

    // The log and the job are two keys, and a sweep visits each at its own time.
    let events = reader.rest(2 * Duration::from_secs(35)).await;
    let end = JobEnd::Deleted;
    assert_eq!(events, [gap(&id, None), Event::Done { end }]);
}

#[tokio::test]
async fn lines_lost_by_a_restart_of_redis_are_a_gap() {
    // This Redis keeps nothing on disk, so a restart is like a failover to an empty replica.
    let redis = Arc::new(RedisServer::start().await);
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let mut reader = follow(&api, &job, "").await;
    let id = job.append("lost").await;
    assert_eq!(texts(&mut reader, 1).await, ["lost"]);

    redis.kill().await;
    redis.start_again().await;
    job.command(&["HSET", &job.key(), "status", "code", "user_id", ANN])
        .await;
    assert_eq!(reader.expect_event(BACK).await, gap(&id, None));
    job.append("anew").await;
    assert_eq!(texts(&mut reader, 1).await, ["anew"]);
}

#[tokio::test]
async fn the_server_killed_four_times_under_a_writer_loses_and_repeats_nothing() {
    let redis = RedisServer::shared().await;
    let start = async || {
        let metrics = ("LOG_API_METRICS_BIND", "127.0.0.1:0");
        Api::start(&redis.url(), &[metrics]).await
    };
    let mut api = start().await;
    let job = Arc::new(Job::new(&redis).await);
    let address = watch::Sender::new(api.addr);
    let viewers: Vec<_> = (0..10).map(|_| Returning::start(&job, &address)).collect();
    let producer = Producer::start(&job, Duration::from_millis(2));
    for _ in 0..4 {
        // A viewer that is still reconnecting would not notice the kill.
        while api.metric("viewers").await < 10 {
            sleep(Duration::from_millis(10)).await;
        }
        sleep(Duration::from_millis(fastrand::u64(0..300))).await;
        api.kill();
        api = start().await;
        address.send_replace(api.addr);
    }
    sleep(Duration::from_millis(300)).await;
    let written = producer.stop().await.len();
    job.set_status("ready").await;
    for viewer in viewers {
        let (lines, cuts) = timeout(SOON, viewer).await.unwrap().unwrap();
        assert_eq!(lines, numbered(0..written));
        assert_eq!(cuts, 4, "each saw each kill");
    }
}

/// A client that reconnects with its cursor until it has seen `done`.
struct Returning {
    job: Arc<Job>,
    cursor: String,
    lines: Vec<String>,
    /// How often its stream was broken off.
    cuts: usize,
}

impl Returning {
    fn start(
        job: &Arc<Job>,
        server: &watch::Sender<SocketAddr>,
    ) -> JoinHandle<(Vec<String>, usize)> {
        let cursor = "0-0".to_owned();
        let mut client = Self {
            job: job.clone(),
            cursor,
            lines: Vec::new(),
            cuts: 0,
        };
        let mut server = server.subscribe();
        tokio::spawn(async move {
            loop {
                let address = *server.borrow_and_update();
                if client.read(address).await {
                    return (client.lines, client.cuts);
                }
                sleep(Duration::from_millis(10)).await;
            }
        })
    }

    /// Follows until the stream ends. Returns whether it ended with `done`.
    async fn read(&mut self, server: SocketAddr) -> bool {
        let client = test_support::HttpClient::new(server).with_bearer(&token(ANN));
        let request = client.get(&format!("{}/stream", self.job.path()));
        let Ok(response) = request
            .header("Last-Event-ID", &self.cursor)
            .try_open()
            .await
        else {
            return false;
        };
        assert_eq!(response.status, 200);
        let mut reader = SseReader::from_response(response);
        while let Some(event) = reader.next().await {
            self.cursor = event.last_event_id;
            match event.event.as_str() {
                "log" => {
                    let line: serde_json::Value = serde_json::from_str(&event.data).unwrap();
                    self.lines.push(line["text"].as_str().unwrap().to_owned());
                }
                "heartbeat" => {}
                "done" => return true,
                other => panic!("{other}: {}", event.data),
            }
        }
        assert_eq!(reader.end(), Some(BodyEnd::BrokenOff));
        self.cuts += 1;
        false
    }
}
