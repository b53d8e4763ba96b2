//! R4, W3 and A4: what holds when the connection to the store is lost.
//!
//! A store without a connection keeps these rules by having none; [`crate::FaultyStore`] gives any store one.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use log_domain::{EntryId, JobStatus, Order, Span};
use tokio::time::{Instant, sleep, timeout};

use super::jobs::{new_job, step};
use crate::conformance::subject::{Connection, Subject};
use crate::conformance::support::{
    ALL, Follower, connection, id, ids, line, numbered, read_after, soon, texts,
};
use crate::{CreateJobError, StoreError, TransitionError};

/// What a call may take beyond the documented deadline, on a busy machine.
const SLACK: Duration = Duration::from_secs(1);

async fn in_time<T>(connection: &dyn Connection, what: &str, call: impl Future<Output = T>) -> T {
    let deadline = connection.deadline() + SLACK;
    let begun = Instant::now();
    let answer = timeout(deadline, call).await;
    answer.unwrap_or_else(|_| panic!("{what}: no answer after {:?}", begun.elapsed()))
}

/// R4: each call of each trait.
pub async fn a_store_that_is_away_is_an_error_within_its_deadline(subject: Arc<dyn Subject>) {
    let Some(connection) = connection(&*subject) else {
        return;
    };
    let (store, jobs, job) = (subject.store(), subject.jobs(), subject.fresh_job());
    let mut watch = store.watch(&job);
    let mut job_watch = jobs.watch(&job);
    subject.append_at(&job, id(1), &line("x")).await;
    jobs.create(&job, &new_job("ann")).await.unwrap();
    connection.cut().await;
    // Twice: the first call may be the one that finds out.
    for _ in 0..2 {
        let on = &*connection;
        let away = |error: StoreError| assert!(error.is_retryable(), "{error}");
        let span = Span::default();
        away(
            in_time(on, "read", store.read(&job, span, Order::OldestFirst, ALL))
                .await
                .unwrap_err(),
        );
        away(
            in_time(on, "read_after", store.read_after(&job, EntryId::ZERO, ALL))
                .await
                .unwrap_err(),
        );
        away(in_time(on, "bounds", store.bounds(&job)).await.unwrap_err());
        away(in_time(on, "ping", store.ping()).await.unwrap_err());
        away(
            in_time(on, "watch.read_after", watch.read_after(EntryId::ZERO, ALL))
                .await
                .unwrap_err(),
        );
        away(in_time(on, "get", jobs.get(&job)).await.unwrap_err());
        away(in_time(on, "jobs.ping", jobs.ping()).await.unwrap_err());
        away(in_time(on, "watch.get", job_watch.get()).await.unwrap_err());
        let appended = in_time(on, "append", subject.appender().append(&job, &[line("y")])).await;
        assert!(
            matches!(appended, Err(StoreError::Unavailable(_))),
            "{appended:?}"
        );
        let created = in_time(
            on,
            "create",
            jobs.create(&subject.fresh_job(), &new_job("bob")),
        )
        .await;
        assert!(
            matches!(
                created,
                Err(CreateJobError::Store(StoreError::Unavailable(_)))
            ),
            "{created:?}"
        );
        let moved = in_time(
            on,
            "transition",
            jobs.transition(&job, &step(JobStatus::Starting)),
        )
        .await;
        assert!(
            matches!(
                moved,
                Err(TransitionError::Store(StoreError::Unavailable(_)))
            ),
            "{moved:?}"
        );
    }
    connection.mend().await;
}

/// R4: within five seconds, and as before.
pub async fn a_store_that_is_back_answers_again(subject: Arc<dyn Subject>) {
    let Some(connection) = connection(&*subject) else {
        return;
    };
    let (store, job) = (subject.store(), subject.fresh_job());
    subject.append_at(&job, id(1), &line("x")).await;
    subject.jobs().create(&job, &new_job("ann")).await.unwrap();
    for _ in 0..3 {
        connection.cut().await;
        sleep(Duration::from_millis(300)).await;
        connection.mend().await;
        let back = async {
            while store.ping().await.is_err() || subject.jobs().ping().await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let within = timeout(Duration::from_secs(5), back).await;
        assert!(within.is_ok(), "not back within five seconds");
        let onward = store.read_after(&job, EntryId::ZERO, ALL).await.unwrap();
        assert_eq!(ids(&onward.lines), [id(1)]);
        assert!(subject.jobs().get(&job).await.unwrap().is_some());
    }
}

/// W3: nobody was there to hear of the change.
pub async fn a_change_while_the_store_is_away_is_told_once_it_is_back(subject: Arc<dyn Subject>) {
    let Some(connection) = connection(&*subject) else {
        return;
    };
    let job = subject.fresh_job();
    let mut watch = subject.store().watch(&job);
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
                let onward = read_after(&mut *watch, EntryId::new(round - 1, 1)).await;
                if ids(&onward.lines) == [id(round)] {
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

/// W3: the notice is on its way when the connection goes.
pub async fn a_change_right_before_a_loss_is_told(subject: Arc<dyn Subject>) {
    let Some(connection) = connection(&*subject) else {
        return;
    };
    let job = subject.fresh_job();
    let mut follower = Follower::new(subject.store().watch(&job));
    soon(&*subject, "the first notice", follower.step()).await;
    for count in 1..=12 {
        subject.append_at(&job, id(count as u64), &line("x")).await;
        connection.interrupt().await;
        soon(&*subject, "the line", follower.until(count)).await;
    }
}

/// W3: a read that failed armed nothing, and the watch knows.
pub async fn a_change_after_a_failed_read_is_told(subject: Arc<dyn Subject>) {
    let Some(connection) = connection(&*subject) else {
        return;
    };
    let job = subject.fresh_job();
    let mut follower = Follower::new(subject.store().watch(&job));
    soon(&*subject, "the first notice", follower.step()).await;
    connection.cut().await;
    for _ in 0..2 {
        assert!(follower.watch.read_after(EntryId::ZERO, ALL).await.is_err());
    }
    connection.mend().await;
    let back = async {
        while subject.store().ping().await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    soon(&*subject, "the store", back).await;
    subject.append_at(&job, id(1), &line("x")).await;
    soon(&*subject, "the line", follower.until(1)).await;
}

/// W3 for jobs: a build that ends during an outage is not followed for ever.
pub async fn a_job_that_changes_while_the_store_is_away_is_told(subject: Arc<dyn Subject>) {
    let Some(connection) = connection(&*subject) else {
        return;
    };
    let (jobs, job) = (subject.jobs(), subject.fresh_job());
    jobs.create(&job, &new_job("ann")).await.unwrap();
    let mut watch = jobs.watch(&job);
    for round in 0..3_u64 {
        let status = format!("status-{round}");
        watch.changed().await;
        watch.get().await.ok();
        connection.cut().await;
        subject.set_status_raw(&job, Some(&status)).await;
        sleep(Duration::from_millis(150 * round)).await;
        connection.mend().await;
        let seen = async {
            loop {
                watch.changed().await;
                match watch.get().await {
                    Ok(found) if found.as_ref().is_some_and(|j| j.status.as_str() == status) => {
                        return;
                    }
                    Ok(_) => {}
                    Err(_) => sleep(Duration::from_millis(20)).await,
                }
            }
        };
        soon(&*subject, "the status of meanwhile", seen).await;
        subject.set_status_raw(&job, Some("queued")).await;
    }
}

/// W3, as a whole: a producer goes on, and the follower's connection is lost over and over.
pub async fn a_follower_loses_nothing_across_lost_connections(subject: Arc<dyn Subject>) {
    const LINES: u64 = 1_500;
    let Some(connection) = connection(&*subject) else {
        return;
    };
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
    let mut follower = Follower::new(subject.store().watch(&job));
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

/// A4: an append fails at any moment.
pub async fn an_append_that_fails_leaves_the_first_of_its_lines(subject: Arc<dyn Subject>) {
    let Some(connection) = connection(&*subject) else {
        return;
    };
    let lines = numbered("line", 3_000);
    let expected: Vec<_> = lines
        .iter()
        .map(|line| line.text.as_deref().unwrap())
        .collect();
    for round in 0..6_u64 {
        let job = subject.fresh_job();
        let (appender, lines, to) = (subject.appender(), lines.clone(), job.clone());
        let append = tokio::spawn(async move { appender.append(&to, &lines).await });
        sleep(Duration::from_millis(round * 3)).await;
        connection.cut().await;
        let appended = append.await.unwrap();
        connection.mend().await;
        let back = async {
            while subject.store().ping().await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        soon(&*subject, "the store", back).await;
        let mut watch = subject.store().watch(&job);
        let found = read_after(&mut *watch, EntryId::ZERO).await;
        let found = texts(&found.lines);
        assert_eq!(found, expected[..found.len()], "round {round}");
        if appended.is_ok() {
            assert_eq!(found.len(), expected.len(), "round {round}");
        }
    }
}

/// A5: what a read does not find after an append has failed does not come later.
pub async fn an_append_that_failed_is_seen_or_never_comes(subject: Arc<dyn Subject>) {
    let Some(connection) = connection(&*subject) else {
        return;
    };
    for round in 0..6_u64 {
        let job = subject.fresh_job();
        let (appender, to) = (subject.appender(), job.clone());
        let lines = numbered("line", 2_000);
        let append = tokio::spawn(async move { appender.append(&to, &lines).await });
        sleep(Duration::from_millis(round * 2)).await;
        connection.interrupt().await;
        let failed = append.await.unwrap().is_err();
        let (store, all) = (subject.store(), log_domain::ReadLimit::lines(10_000));
        let found = async {
            loop {
                match store.read_after(&job, EntryId::ZERO, all).await {
                    Ok(onward) => return onward.lines.len(),
                    Err(_) => sleep(Duration::from_millis(20)).await,
                }
            }
        };
        let found = soon(&*subject, "a read", found).await;
        assert!(failed || found == 2_000, "round {round}: {found}");
        sleep(Duration::from_millis(100)).await;
        let later = store.read_after(&job, EntryId::ZERO, all).await.unwrap();
        assert_eq!(later.lines.len(), found, "round {round}");
    }
}
