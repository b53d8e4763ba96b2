//! Redis is killed while `joblog run` runs.

use std::sync::Arc;
use std::time::Duration;

use test_support::{RedisOptions, RedisServer, Trouble};
use tokio::io::{AsyncReadExt as _, BufReader};
use tokio::time::{Instant, sleep};

use crate::support::{Job, SOON, counting, end_of, first_line, numbered, says};

const AWAY: &str = "Redis cannot be reached; the command goes on";
const BACK: &str = "Redis is back";

/// A Redis that writes every line to disk before it answers. So a kill loses no line that it has confirmed.
async fn durable() -> Arc<RedisServer> {
    let options = RedisOptions {
        append_only: true,
        ..RedisOptions::default()
    };
    Arc::new(RedisServer::start_with(options).await)
}

#[tokio::test]
async fn killing_redis_during_a_run_loses_no_line_and_repeats_none() {
    let redis = durable().await;
    let job = Job::on(redis.clone());
    let folder = tempfile::tempdir().unwrap();
    let enough = folder.path().join("enough");
    let script = format!(
        "i=0; while [ ! -e {} ]; do for _ in 1 2 3 4 5 6 7 8 9; do echo line $i; i=$((i+1)); done; sleep 0.01; done",
        enough.display()
    );
    let mut child = job.run(&[], &script).spawn().unwrap();
    // The output must be read all the time, or the command would block.
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let shown = tokio::spawn(async move {
        let mut text = String::new();
        out.read_to_string(&mut text).await.unwrap();
        text
    });
    wait_for_more_lines(&job).await;
    redis.kill().await;
    says(&mut child, AWAY).await;
    redis.start_again().await;
    says(&mut child, BACK).await;
    for _ in 0..3 {
        wait_for_more_lines(&job).await;
        redis.kill().await;
        sleep(Duration::from_millis(300)).await;
        redis.start_again().await;
    }
    wait_for_more_lines(&job).await;
    std::fs::write(&enough, "").unwrap();
    let ended = end_of(child).await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    // On a busy machine a short outage may last long enough to be reported.
    let messages: Vec<_> = ended.err.lines().collect();
    for outage in messages.chunks(2) {
        let is_reported_once =
            matches!(outage, [away, back] if away.contains(AWAY) && back.contains(BACK));
        assert!(is_reported_once, "{messages:?}");
    }
    let shown: Vec<_> = shown.await.unwrap().lines().map(str::to_owned).collect();
    assert_eq!(shown, numbered(0..shown.len()));
    assert_eq!(job.texts().await, shown);
    assert_eq!(job.status().await, "ready");
}

/// Waits until more lines arrive in Redis.
async fn wait_for_more_lines(job: &Job) {
    let before = job.texts().await.len();
    let started = Instant::now();
    while job.texts().await.len() <= before + 20 {
        assert!(started.elapsed() < SOON, "no lines arrive");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_outage_that_ends_right_after_the_command_is_reported_as_over() {
    let redis = durable().await;
    let job = Job::on(redis.clone());
    let mut command = job.run(&[], "echo before; read _");
    command.stdin(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    assert_eq!(first_line(&mut child).await, "before");
    redis.kill().await;
    says(&mut child, AWAY).await;
    // The command ends first; Redis is back before anybody is told of a wait.
    drop(child.stdin.take());
    redis.start_again().await;
    let ended = end_of(child).await;
    assert_eq!(ended.err.matches(BACK).count(), 1, "{}", ended.err);
    assert_eq!(job.texts().await, ["before"]);
}

#[tokio::test]
async fn run_waits_for_redis_after_the_command_has_ended() {
    let redis = durable().await;
    let job = Job::on(redis.clone());
    let script = "echo before; read _; echo after; exit 4";
    let mut command = job.run(&[], script);
    command.stdin(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    assert_eq!(first_line(&mut child).await, "before");
    while job.texts().await.is_empty() {
        sleep(Duration::from_millis(5)).await;
    }
    redis.kill().await;
    drop(child.stdin.take());
    says(&mut child, "waiting for Redis to").await;
    redis.start_again().await;
    let ended = end_of(child).await;
    assert_eq!(ended.code, Some(4));
    assert_eq!(job.texts().await, ["before", "after"]);
    assert_eq!(job.status().await, "failed");
}

#[tokio::test]
async fn run_gives_up_on_redis_and_reports_the_lost_lines() {
    let redis = durable().await;
    let job = Job::on(redis.clone());
    let script = "echo before; read _; seq 1 100; exit 0";
    let mut command = job.run(&["--give-up-after", "1"], script);
    command.stdin(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    assert_eq!(first_line(&mut child).await, "before");
    while job.texts().await.is_empty() {
        sleep(Duration::from_millis(5)).await;
    }
    redis.kill().await;
    drop(child.stdin.take());
    let started = Instant::now();
    let ended = end_of(child).await;
    assert!(started.elapsed() < Duration::from_secs(15));
    assert_eq!(
        ended.code,
        Some(0),
        "the exit code of the command: {}",
        ended.err
    );
    assert!(
        ended.err.contains("the log lacks 100 lines"),
        "{}",
        ended.err
    );
    redis.start_again().await;
    assert_eq!(job.texts().await, ["before"]);
}

#[tokio::test]
async fn a_signal_ends_the_wait_for_redis() {
    let redis = durable().await;
    let job = Job::on(redis.clone());
    let mut command = job.run(&[], "echo before; read _; echo after");
    command.stdin(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    assert_eq!(first_line(&mut child).await, "before");
    while job.texts().await.is_empty() {
        sleep(Duration::from_millis(5)).await;
    }
    redis.kill().await;
    drop(child.stdin.take());
    says(&mut child, "waiting for Redis to").await;
    let process = child.id().unwrap().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-s", "INT", &process])
        .status();
    assert!(sent.unwrap().success());
    let started = Instant::now();
    let ended = end_of(child).await;
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(ended.code, Some(0));
    assert!(ended.err.contains("the log lacks 1 line"), "{}", ended.err);
}

#[tokio::test]
async fn a_permission_that_is_taken_for_three_seconds_costs_a_run_no_line() {
    let redis = Arc::new(RedisServer::start().await);
    let allow = async |rule: &str| {
        let rules = [
            "ACL", "SETUSER", "worker", "on", ">secret", "~*", "&*", "+@all", rule,
        ];
        redis.command(&rules).await;
    };
    allow("+@all").await;
    let job = Job::on(redis.clone());
    let mut command = job.run(&[], &counting(60, 10, "0.5"));
    command.env("JOBLOG_REDIS_URL", redis.url_as("worker", "secret"));
    let child = command.spawn().unwrap();
    wait_for_more_lines(&job).await;
    allow("-xadd").await;
    sleep(Duration::from_secs(3)).await;
    allow("+@all").await;
    let ended = end_of(child).await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(job.texts().await, numbered(0..60));
    assert_eq!(job.status().await, "ready");
}

#[tokio::test]
async fn a_redis_that_refuses_writes_for_three_seconds_costs_a_run_no_line() {
    let [full, alone, cannot_save] = Trouble::ALL.map(run_through);
    tokio::join!(full, alone, cannot_save);
}

async fn run_through(trouble: Trouble) {
    let redis = Arc::new(RedisServer::start_for_trouble().await);
    let job = Job::on(redis.clone());
    let child = job.run(&[], &counting(60, 10, "0.5")).spawn().unwrap();
    wait_for_more_lines(&job).await;
    redis.be_in(trouble, true).await;
    sleep(Duration::from_secs(3)).await;
    redis.be_in(trouble, false).await;
    let ended = end_of(child).await;
    assert_eq!(ended.code, Some(0), "{trouble:?}: {}", ended.err);
    assert_eq!(job.texts().await, numbered(0..60), "{trouble:?}");
    assert_eq!(job.status().await, "ready", "{trouble:?}");
}
