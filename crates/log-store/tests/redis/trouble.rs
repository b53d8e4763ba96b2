//! A Redis that takes no writes for a while: full (`OOM`), without replicas (`NOREPLICAS`), unable to save (`MISCONF`). Writes
//! wait, reads go on.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use log_domain::{EntryId, JobId, JobStatus, Numbering, Order, Span, UserId};
use log_store::conformance::fresh_job;
use log_store::redis::{RedisStore, WatchMode};
use log_store::{
    CreateJobError, JobWrites, Jobs, LogAppend, LogStore, NewJob, NewLine, NumberedAppend,
    NumberedAppendError, TicketKey, Tickets, Transition, TransitionError,
};
use test_support::{RedisServer, Trouble};
use tokio::time::sleep;

use crate::support::{ALL, MODES, connected, options, soon};

/// Longer than two heartbeats of a connection.
const HEARTBEATS: Duration = Duration::from_millis(2_500);

fn line(text: &str) -> NewLine {
    NewLine {
        text: Some(text.to_owned()),
        ..NewLine::default()
    }
}

fn first() -> Numbering {
    Numbering::new("worker".parse().unwrap(), 0, 0).unwrap()
}

fn job_of_ann() -> NewJob {
    NewJob::new(UserId::new("ann").unwrap(), UNIX_EPOCH)
}

async fn store_on(url: String, mode: WatchMode) -> RedisStore {
    let store = RedisStore::new(options(url, mode)).unwrap();
    connected(&store).await;
    store
}

async fn texts(store: &RedisStore, job: &JobId) -> Vec<String> {
    let tail = store.read_after(job, EntryId::ZERO, ALL).await.unwrap();
    (tail.lines.into_iter())
        .filter_map(|line| line.text)
        .collect()
}

/// Every write fails, in a way that says that it may work later.
async fn writes_wait(store: &RedisStore, job: &JobId) {
    let appended = store.append(job, &[line("too early")]).await;
    assert!(appended.is_err_and(|error| error.is_retryable()));
    let lines = [line("numbered")];
    match store.append_numbered(job, &first(), &lines).await {
        Err(NumberedAppendError::Store(error)) => assert!(error.is_retryable(), "{error}"),
        other => panic!("a numbered append: {other:?}"),
    }
    let step = Transition {
        to: JobStatus::STARTING,
        message: String::new(),
        at: UNIX_EPOCH,
    };
    match store.transition(job, &step).await {
        Err(TransitionError::Store(error)) => assert!(error.is_retryable(), "{error}"),
        other => panic!("a change of status: {other:?}"),
    }
    match store.create(&fresh_job(), &job_of_ann()).await {
        Err(CreateJobError::Store(error)) => assert!(error.is_retryable(), "{error}"),
        other => panic!("a new job: {other:?}"),
    }
    let ticket = TicketKey::new([1; 32]);
    let put = store.put(&ticket, "grant", Duration::from_secs(9)).await;
    assert!(put.is_err_and(|error| error.is_retryable()));
}

/// Everything that was there is read, by every kind of read.
async fn reads_go_on(store: &RedisStore, job: &JobId) {
    assert_eq!(texts(store, job).await, ["before"]);
    let newest = Span::default();
    let page = store.read(job, newest, Order::NewestFirst, ALL).await;
    assert_eq!(page.unwrap().lines.len(), 1);
    assert_eq!(store.bounds(job).await.unwrap().length, 1);
    let read = store.get(job).await.unwrap().unwrap();
    assert_eq!(read.owner.unwrap().as_str(), "ann");
    let details = store.details(job).await.unwrap().unwrap();
    let created_at = details.created_at.map(|at| at.to_string());
    assert_eq!(created_at.as_deref(), Some("1970-01-01T00:00:00.000Z"));
    store.ping_logs().await.unwrap();
    store.check().await.unwrap();
    let mut watch = store.watch_log(job);
    let tail = watch.read_after(EntryId::ZERO, ALL).await.unwrap();
    assert_eq!(tail.lines.len(), 1);
}

async fn through(trouble: Trouble, mode: WatchMode, redis: Arc<RedisServer>) {
    let store = store_on(redis.url(), mode).await;
    let job = fresh_job();
    store.create(&job, &job_of_ann()).await.unwrap();
    store.append(&job, &[line("before")]).await.unwrap();
    let mut watch = store.watch_log(&job);
    let position = watch.read_after(EntryId::ZERO, ALL).await.unwrap();
    let position = position.bounds.last_id;
    let session = LogStore::server(&store, &job);

    redis.be_in(trouble, true).await;
    writes_wait(&store, &job).await;
    reads_go_on(&store, &job).await;
    let fresh = store_on(redis.url(), mode).await;
    reads_go_on(&fresh, &job).await;
    sleep(HEARTBEATS).await;
    reads_go_on(&store, &job).await;
    assert_eq!(LogStore::server(&store, &job), session, "one connection");

    redis.be_in(trouble, false).await;
    let lines = [line("numbered")];
    for _ in 0..2 {
        let sent = store.append_numbered(&job, &first(), &lines).await;
        sent.unwrap();
    }
    fresh.append(&job, &[line("after")]).await.unwrap();
    assert_eq!(texts(&store, &job).await, ["before", "numbered", "after"]);
    soon("both lines at the watch", async {
        loop {
            watch.changed().await;
            let tail = watch.read_after(position, ALL).await.unwrap();
            if tail.lines.len() == 2 {
                return;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_refuses_writes_they_wait_and_reads_go_on() {
    for trouble in Trouble::ALL {
        let redis = Arc::new(RedisServer::start_for_trouble().await);
        for mode in MODES {
            through(trouble, mode, Arc::clone(&redis)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_taken_once_from_a_redis_that_is_full() {
    let redis = RedisServer::start_for_trouble().await;
    let store = store_on(redis.url(), WatchMode::Auto).await;
    let ticket = TicketKey::new([2; 32]);
    let life = Duration::from_secs(60);
    store.put(&ticket, "grant", life).await.unwrap();
    redis.be_in(Trouble::Full, true).await;
    assert_eq!(store.take(&ticket).await.unwrap().as_deref(), Some("grant"));
    assert_eq!(store.take(&ticket).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_echo_reads_wait_until_redis_can_save_again() {
    let redis = RedisServer::start_for_trouble().await;
    let rules = ["on", "nopass", "~*", "&*", "+@all", "-echo"];
    redis
        .command(&[&["ACL", "SETUSER", "mute"][..], &rules].concat())
        .await;
    let store = store_on(redis.url_as("mute", "x"), WatchMode::Auto).await;
    let job = fresh_job();
    store.create(&job, &job_of_ann()).await.unwrap();
    store.append(&job, &[line("before")]).await.unwrap();
    reads_go_on(&store, &job).await;
    redis.be_in(Trouble::CannotSave, true).await;
    let read = store.get(&job).await;
    assert!(read.is_err_and(|error| error.is_retryable()));
    redis.be_in(Trouble::CannotSave, false).await;
    reads_go_on(&store, &job).await;
}
