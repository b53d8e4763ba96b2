//! W1, W2, W4, W6 and W7: watches of logs.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use log_domain::{EntryId, JobId, LogBounds};
use tokio::time::{sleep, timeout};

use crate::conformance::subject::LogSubject;
use crate::conformance::support::{
    ALL, Follower, id, ids, line, numbered, poll_once, read_after, soon, texts,
};
use crate::{LogWatch, NewLine};

/// How often a race is run.
pub(super) const ROUNDS: usize = 200;

/// W1: for a log that is there, and for one that is not.
pub async fn the_first_changed_returns_at_once(subject: Arc<dyn LogSubject>) {
    let job = subject.fresh_job();
    let within = Duration::from_secs(2);
    let mut watch = subject.store().watch_log(&job);
    assert!(
        timeout(within, watch.changed()).await.is_ok(),
        "an absent log"
    );
    subject.append_at(&job, id(1), &line("x")).await;
    let mut watch = subject.store().watch_log(&job);
    assert!(
        timeout(within, watch.changed()).await.is_ok(),
        "a log with a line"
    );
}

/// Reads through a watch until it is at rest. Then changes the log, expects a notice, and returns what the reader sees.
async fn wakes<F>(subject: &dyn LogSubject, job: &JobId, change: F) -> (Vec<String>, LogBounds)
where
    F: Future<Output = ()>,
{
    let mut watch = subject.store().watch_log(job);
    settle(subject, &mut *watch).await;
    change.await;
    let mut before = Vec::new();
    // Notices without a change are allowed. There must be a notice after the change, and its read must see the change.
    soon(subject, "a notice of the change", watch.changed()).await;
    let tail = read_after(&mut *watch, EntryId::ZERO).await;
    before.extend(texts(&tail.lines).into_iter().map(str::to_owned));
    (before, tail.bounds)
}

/// Reads until no notice comes for a moment. So the next notice is about the next change.
///
/// On a busy machine a read can take longer than the interval at which a store polls, so it is the time that is limited, and
/// not the number of notices.
pub(super) async fn settle(subject: &dyn LogSubject, watch: &mut dyn LogWatch) {
    let rest = async {
        // Each line once: a read of a whole log can take longer than such an interval, too.
        let mut position = EntryId::ZERO;
        while timeout(subject.quiet_time(), watch.changed()).await.is_ok() {
            let tail = read_after(watch, position).await;
            position = tail.lines.last().map_or(position, |line| line.id);
        }
    };
    soon(
        subject,
        "rest: notices while nothing happens are a busy loop",
        rest,
    )
    .await;
}

pub(super) async fn three_lines(subject: &dyn LogSubject) -> JobId {
    let job = subject.fresh_job();
    for ms in 1..=3 {
        subject.append_at(&job, id(ms), &line(ms.to_string())).await;
    }
    job
}

/// W2.
pub async fn an_append_wakes_a_watch(subject: Arc<dyn LogSubject>) {
    let job = three_lines(&*subject).await;
    let append = async {
        subject.appender().append(&job, &[line("4")]).await.unwrap();
    };
    let (lines, _) = wakes(&*subject, &job, append).await;
    assert_eq!(lines, ["1", "2", "3", "4"]);
}

/// W2: a watch of a log that does not exist yet.
pub async fn the_first_line_of_a_log_wakes_a_watch(subject: Arc<dyn LogSubject>) {
    let job = subject.fresh_job();
    let append = async {
        subject
            .appender()
            .append(&job, &[line("first")])
            .await
            .unwrap();
    };
    let (lines, bounds) = wakes(&*subject, &job, append).await;
    assert_eq!((lines, bounds.length), (vec!["first".to_owned()], 1));
}

/// W2: other producers write logs without this crate.
pub async fn a_line_of_a_foreign_producer_wakes_a_watch(subject: Arc<dyn LogSubject>) {
    let job = three_lines(&*subject).await;
    let (lines, _) = wakes(&*subject, &job, subject.append_at(&job, id(9), &line("9"))).await;
    assert_eq!(lines, ["1", "2", "3", "9"]);
}

/// W2.
pub async fn a_trim_wakes_a_watch(subject: Arc<dyn LogSubject>) {
    let job = three_lines(&*subject).await;
    let (lines, bounds) = wakes(&*subject, &job, subject.trim_to(&job, 1)).await;
    assert_eq!(
        (lines, bounds.first_id),
        (vec!["3".to_owned()], Some(id(3)))
    );
}

/// W2.
pub async fn a_deleted_line_wakes_a_watch(subject: Arc<dyn LogSubject>) {
    let job = three_lines(&*subject).await;
    let (lines, bounds) = wakes(&*subject, &job, subject.delete_line(&job, id(2))).await;
    assert_eq!((lines.len(), bounds.max_deleted_id), (2, id(2)));
}

/// W2.
pub async fn a_deleted_log_wakes_a_watch(subject: Arc<dyn LogSubject>) {
    let job = three_lines(&*subject).await;
    let (lines, bounds) = wakes(&*subject, &job, subject.delete_log(&job)).await;
    assert_eq!((lines.len(), bounds), (0, LogBounds::ABSENT));
}

/// W2: nobody changes the log; it expires.
pub async fn an_expired_log_wakes_a_watch(subject: Arc<dyn LogSubject>) {
    let job = three_lines(&*subject).await;
    let (lines, bounds) = wakes(&*subject, &job, subject.expire_log(&job)).await;
    assert_eq!((lines.len(), bounds), (0, LogBounds::ABSENT));
}

/// W2: with the same ids, so that only the notice tells.
pub async fn a_log_that_is_created_again_wakes_a_watch(subject: Arc<dyn LogSubject>) {
    let job = three_lines(&*subject).await;
    let anew = async {
        subject.delete_log(&job).await;
        subject.append_at(&job, id(1), &line("new")).await;
    };
    let (lines, bounds) = wakes(&*subject, &job, anew).await;
    // The notice may come after the deletion: then `wakes` saw no log, and another notice follows.
    assert!(lines == ["new"] || bounds == LogBounds::ABSENT, "{lines:?}");
    let mut watch = subject.store().watch_log(&job);
    settle(&*subject, &mut *watch).await;
    subject.delete_log(&job).await;
    subject.append_at(&job, id(2), &line("newer")).await;
    let seen = async {
        loop {
            watch.changed().await;
            let tail = read_after(&mut *watch, EntryId::ZERO).await;
            if texts(&tail.lines) == ["newer"] {
                return;
            }
        }
    };
    soon(&*subject, "the line of the new log", seen).await;
}

/// W2: the change comes after a read and before the reader waits.
pub async fn a_change_between_a_read_and_changed_is_not_missed(subject: Arc<dyn LogSubject>) {
    let job = subject.fresh_job();
    let mut follower = Follower::new(subject.store().watch_log(&job));
    soon(&*subject, "the first notice", follower.step()).await;
    for count in 1..=ROUNDS {
        subject.append_at(&job, id(count as u64), &line("x")).await;
        soon(&*subject, "the line", follower.until(count)).await;
    }
}

/// W2: the change comes during a read. The reader reads without a pause until the append is done, so one read is under way
/// at the change. If that read did not see the change, a notice must come.
pub async fn a_change_that_races_a_read_is_not_missed(subject: Arc<dyn LogSubject>) {
    let job = subject.fresh_job();
    let mut watch = subject.store().watch_log(&job);
    for round in 1..=ROUNDS as u64 {
        let (behind, job) = (Arc::clone(&subject), job.clone());
        let append =
            tokio::spawn(async move { behind.append_at(&job, id(round), &line("x")).await });
        let after = id(round - 1);
        let mut raced = read_after(&mut *watch, after).await;
        while raced.lines.is_empty() {
            if append.is_finished() {
                let notified = watch.changed();
                soon(&*subject, "a notice of a line that raced a read", notified).await;
            }
            raced = read_after(&mut *watch, after).await;
        }
        assert_eq!(ids(&raced.lines), [id(round)]);
        append.await.unwrap();
    }
}

/// W2: each watch has its own notices, and a dropped watch takes none of them.
pub async fn two_watches_of_a_log_each_get_notices(subject: Arc<dyn LogSubject>) {
    let job = subject.fresh_job();
    let store = subject.store();
    let mut followers = [
        Follower::new(store.watch_log(&job)),
        Follower::new(store.watch_log(&job)),
    ];
    for count in 1..=50 {
        subject.append_at(&job, id(count as u64), &line("x")).await;
        for follower in &mut followers {
            soon(&*subject, "the line", follower.until(count)).await;
        }
        let mut third = store.watch_log(&job);
        read_after(&mut *third, EntryId::ZERO).await;
        drop(third);
    }
}

/// W2: many producers at once, each with its own job and follower.
pub async fn changes_of_many_logs_at_once_wake_each_watch(subject: Arc<dyn LogSubject>) {
    const LOGS: usize = 30;
    let jobs: Vec<_> = (0..LOGS).map(|_| subject.fresh_job()).collect();
    let follow = |job: &JobId| {
        let mut follower = Follower::new(subject.store().watch_log(job));
        let subject = Arc::clone(&subject);
        tokio::spawn(async move {
            soon(
                &*subject,
                "all lines of one of many logs",
                follower.until(20),
            )
            .await;
        })
    };
    let followers: Vec<_> = jobs.iter().map(follow).collect();
    let produce = |job: &JobId| {
        let (appender, job) = (subject.appender(), job.clone());
        tokio::spawn(async move {
            for _ in 0..10 {
                appender.append(&job, &numbered("line", 2)).await.unwrap();
            }
        })
    };
    let producers: Vec<_> = jobs.iter().map(produce).collect();
    for producer in producers {
        producer.await.unwrap();
    }
    for follower in followers {
        follower.await.unwrap();
    }
}

/// W4: many changes share notices, and a log at rest causes no notices.
pub async fn a_burst_shares_notices(subject: Arc<dyn LogSubject>) {
    const LINES: usize = 600;
    let job = subject.fresh_job();
    let mut follower = Follower::new(subject.store().watch_log(&job));
    settle(&*subject, &mut *follower.watch).await;
    for new in numbered("line", LINES) {
        subject.appender().append(&job, &[new]).await.unwrap();
    }
    soon(&*subject, "all lines", follower.until(LINES)).await;
    settle(&*subject, &mut *follower.watch).await;
    assert!(
        follower.notices < LINES / 2,
        "{} notices for lines that were all there",
        follower.notices
    );
}

/// W6.
pub async fn a_watch_reads_what_the_store_reads(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    let mut watch = store.watch_log(&job);
    assert_eq!(
        watch.read_after(id(1), ALL).await.unwrap().bounds,
        LogBounds::ABSENT
    );
    subject
        .appender()
        .append(&job, &numbered("line", 20))
        .await
        .unwrap();
    subject
        .put_raw_line(&job, EntryId::new(u64::MAX, 1), &[("text", b"\xff")])
        .await;
    subject.trim_to(&job, 15).await;
    let mut position = EntryId::ZERO;
    loop {
        let limit = log_domain::ReadLimit::lines(4);
        let through = watch.read_after(position, limit).await.unwrap();
        let direct = store.read_after(&job, position, limit).await.unwrap();
        assert_eq!(through, direct);
        if !through.more {
            break;
        }
        position = through.lines.last().unwrap().id;
    }
}

/// W6, and W1 to W5 together: bursts of many sizes, with and without pauses.
pub async fn a_follower_gets_every_line_once_and_in_order(subject: Arc<dyn LogSubject>) {
    const LINES: usize = 2_000;
    let job = subject.fresh_job();
    let (appender, writer_job) = (subject.appender(), job.clone());
    let writer = tokio::spawn(async move {
        let lines: Vec<NewLine> = numbered("line", LINES);
        let mut rest = &lines[..];
        for round in 0.. {
            let (burst, later) = rest.split_at(rest.len().min([1, 40, 3, 250, 1][round % 5]));
            appender.append(&writer_job, burst).await.unwrap();
            rest = later;
            if rest.is_empty() {
                return;
            }
            if round % 3 == 0 {
                sleep(Duration::from_millis(round as u64 % 4)).await;
            }
        }
    });
    let mut follower = Follower::new(subject.store().watch_log(&job));
    while follower.seen.len() < LINES {
        soon(&*subject, "the next lines", follower.step()).await;
    }
    writer.await.unwrap();
    let expected: Vec<_> = (0..LINES).map(|n| format!("line-{n}")).collect();
    assert_eq!(texts(&follower.seen), expected);
    assert!(ids(&follower.seen).is_sorted_by(|a, b| a < b));
}

/// W7.
pub async fn a_dropped_watch_frees_its_resources(subject: Arc<dyn LogSubject>) {
    let before = subject.watched();
    for _ in 0..100 {
        let job = subject.fresh_job();
        let mut watch = subject.store().watch_log(&job);
        watch.read_after(EntryId::ZERO, ALL).await.unwrap();
        poll_once(watch.changed()).await;
    }
    let freed = async {
        while subject.watched() > before {
            sleep(Duration::from_millis(10)).await;
        }
    };
    soon(&*subject, "everything freed", freed).await;
}
