//! R4 and W3: reads and watches when the connection to the store is lost.
//!
//! Only for stores with a connection; [`crate::FaultyStore`] gives any store one.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use log_domain::{EntryId, JobStatus, Order, Span};
use tokio::time::{Instant, sleep, timeout};

use super::job_writes::step;
use crate::conformance::subject::{ConnectedWhole, Connection, new_job};
use crate::conformance::support::{ALL, Follower, id, ids, line, read_after, soon};
use crate::error::{CreateJobError, StoreError, TransitionError};

/// How much longer than the documented deadline a call may take on a busy machine.
pub(super) const SLACK: Duration = Duration::from_secs(2);

/// Makes a call that must fail in time, because the store is away.
pub(super) async fn fails_in_time<T, E>(
    connection: &dyn Connection,
    what: &str,
    call: impl Future<Output = Result<T, E>>,
    is_away: fn(&E) -> bool,
) {
    let (limit, begin) = (connection.deadline() + SLACK, Instant::now());
    match timeout(limit, call).await {
        Ok(Err(error)) => assert!(is_away(&error), "{what}: another error"),
        Ok(Ok(_)) => panic!("{what}: an answer from a store that is away"),
        Err(_) => panic!("{what}: no answer after {:?}", begin.elapsed()),
    }
}

/// R4: each call of each trait.
pub async fn a_store_that_is_away_is_an_error_within_its_deadline(
    subject: Arc<dyn ConnectedWhole>,
) {
    let connection = subject.connection();
    let (store, jobs, job) = (subject.store(), subject.job_writes(), subject.fresh_job());
    let (appender, new) = (subject.appender(), subject.fresh_job());
    let mut watch = store.watch_log(&job);
    let mut job_watch = jobs.watch_job(&job);
    subject.append_at(&job, id(1), &line("x")).await;
    jobs.create(&job, &new_job("ann")).await.unwrap();
    connection.cut().await;
    let on = &*connection;
    let away = StoreError::is_retryable;
    let create_away =
        |error: &CreateJobError| matches!(error, CreateJobError::Store(StoreError::Unavailable(_)));
    let step_away = |error: &TransitionError| {
        matches!(error, TransitionError::Store(StoreError::Unavailable(_)))
    };
    let (span, order) = (Span::default(), Order::OldestFirst);
    let (lines, ann, starting) = ([line("y")], new_job("ann"), step(JobStatus::STARTING));
    // Twice: the first call may be the one that notices the loss.
    for _ in 0..2 {
        tokio::join!(
            fails_in_time(on, "read", store.read(&job, span, order, ALL), away),
            fails_in_time(on, "read_after", store.read_after(&job, id(0), ALL), away),
            fails_in_time(on, "bounds", store.bounds(&job), away),
            fails_in_time(on, "ping", store.ping_logs(), away),
            fails_in_time(on, "watch.read_after", watch.read_after(id(0), ALL), away),
            fails_in_time(on, "get", jobs.get(&job), away),
            fails_in_time(on, "jobs.ping", jobs.ping_jobs(), away),
            fails_in_time(on, "watch.get", job_watch.get(), away),
            fails_in_time(on, "append", appender.append(&job, &lines), away),
            fails_in_time(on, "create", jobs.create(&new, &ann), create_away),
            fails_in_time(
                on,
                "transition",
                jobs.transition(&job, &starting),
                step_away
            ),
        );
    }
    connection.mend().await;
}

/// R4: within five seconds, with the same answers as before.
pub async fn a_store_that_is_back_answers_again(subject: Arc<dyn ConnectedWhole>) {
    let connection = subject.connection();
    let (store, job) = (subject.store(), subject.fresh_job());
    subject.append_at(&job, id(1), &line("x")).await;
    subject.put_job(&job, "ann").await;
    for _ in 0..3 {
        connection.cut().await;
        sleep(Duration::from_millis(300)).await;
        connection.mend().await;
        let back = async {
            while store.ping_logs().await.is_err() || subject.jobs().ping_jobs().await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let within = timeout(Duration::from_secs(5), back).await;
        assert!(within.is_ok(), "not back within five seconds");
        let tail = store.read_after(&job, EntryId::ZERO, ALL).await.unwrap();
        assert_eq!(ids(&tail.lines), [id(1)]);
        assert!(subject.jobs().get(&job).await.unwrap().is_some());
    }
}

/// W3: the change comes while the store is away.
pub async fn a_change_while_the_store_is_away_is_noticed_when_it_is_back(
    subject: Arc<dyn ConnectedWhole>,
) {
    let connection = subject.connection();
    let job = subject.fresh_job();
    let mut watch = subject.store().watch_log(&job);
    for round in 1..=3_u64 {
        watch.changed().await;
        read_after(&mut *watch, EntryId::ZERO).await;
        connection.cut().await;
        sleep(Duration::from_millis(100 * (round - 1))).await;
        subject.append_at(&job, id(round), &line("x")).await;
        sleep(Duration::from_millis(100 * (3 - round))).await;
        connection.mend().await;
        let seen = async {
            loop {
                watch.changed().await;
                let tail = read_after(&mut *watch, EntryId::new(round - 1, 1)).await;
                if ids(&tail.lines) == [id(round)] {
                    return;
                }
            }
        };
        soon(&*subject, "the line that came meanwhile", seen).await;
        subject
            .append_at(&job, EntryId::new(round, 1), &line("again"))
            .await;
    }
}

/// W3: the notice is on its way when the connection is lost.
pub async fn a_change_right_before_a_loss_is_noticed(subject: Arc<dyn ConnectedWhole>) {
    let connection = subject.connection();
    let job = subject.fresh_job();
    let mut follower = Follower::new(subject.store().watch_log(&job));
    soon(&*subject, "the first notice", follower.step()).await;
    for count in 1..=12 {
        subject.append_at(&job, id(count as u64), &line("x")).await;
        connection.interrupt().await;
        soon(&*subject, "the line", follower.until(count)).await;
    }
}

/// W3: after a failed read, the next change is noticed, too.
pub async fn a_change_after_a_failed_read_is_noticed(subject: Arc<dyn ConnectedWhole>) {
    let connection = subject.connection();
    let job = subject.fresh_job();
    let mut follower = Follower::new(subject.store().watch_log(&job));
    soon(&*subject, "the first notice", follower.step()).await;
    connection.cut().await;
    for _ in 0..2 {
        assert!(follower.watch.read_after(EntryId::ZERO, ALL).await.is_err());
    }
    connection.mend().await;
    let back = async {
        while subject.store().ping_logs().await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    soon(&*subject, "the store", back).await;
    subject.append_at(&job, id(1), &line("x")).await;
    soon(&*subject, "the line", follower.until(1)).await;
}

/// W3, as a whole: a producer goes on while the follower's connection is lost again and again.
pub async fn a_follower_loses_nothing_across_lost_connections(subject: Arc<dyn ConnectedWhole>) {
    const LINES: u64 = 1_500;
    let connection = subject.connection();
    let job = subject.fresh_job();
    let (behind, writer_job) = (Arc::clone(&subject), job.clone());
    let writer = tokio::spawn(async move {
        for ms in 1..=LINES {
            behind.append_at(&writer_job, id(ms), &line("x")).await;
            if ms % 10 == 0 {
                sleep(Duration::from_millis(10)).await;
            }
        }
    });
    let breaker = tokio::spawn(async move {
        for round in 0..8_u64 {
            sleep(Duration::from_millis(70)).await;
            if round % 4 == 3 {
                connection.cut().await;
                sleep(Duration::from_millis(100)).await;
                connection.mend().await;
            } else {
                connection.interrupt().await;
            }
        }
    });
    let mut follower = Follower::new(subject.store().watch_log(&job));
    let all = timeout(
        Duration::from_secs(60),
        follower.until(usize::try_from(LINES).unwrap()),
    )
    .await;
    assert!(all.is_ok(), "stuck after {} lines", follower.seen.len());
    writer.await.unwrap();
    breaker.await.unwrap();
    let expected: Vec<_> = (1..=LINES).map(id).collect();
    assert_eq!(ids(&follower.seen), expected);
}
