//! A1 to A4: appends, and how long their lines are kept.

use std::sync::Arc;
use std::time::Duration;

use log_domain::{EntryId, LogBounds, Order, ReadLimit, Span};
use tokio::time::timeout;

use crate::conformance::subject::LogSubject;
use crate::conformance::support::{ALL, ids, line, numbered, poll_once, read_after, soon, texts};

/// How many lines a log keeps.
const KEPT_LINES: usize = 50_000;

const HOUR: Duration = Duration::from_secs(3600);

/// A1.
pub async fn lines_of_one_call_stand_in_their_order(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    let given = subject
        .appender()
        .append(&job, &numbered("line", 1_000))
        .await
        .unwrap();
    let tail = store.read_after(&job, EntryId::ZERO, ALL).await.unwrap();
    assert_eq!(
        ids(&tail.lines),
        given,
        "each line has the id that was returned"
    );
    let expected: Vec<_> = (0..1_000).map(|n| format!("line-{n}")).collect();
    assert_eq!(texts(&tail.lines), expected);
}

/// A1: several producers of one log.
pub async fn appends_at_once_keep_each_call_in_order(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    let producers = ["a", "b", "c", "d"].map(|name| {
        let (appender, job) = (subject.appender(), job.clone());
        tokio::spawn(async move {
            for call in 0..20 {
                let prefix = format!("{name}-{call}");
                appender.append(&job, &numbered(&prefix, 5)).await.unwrap();
            }
        })
    });
    for producer in producers {
        producer.await.unwrap();
    }
    let tail = store.read_after(&job, EntryId::ZERO, ALL).await.unwrap();
    for name in ["a", "b", "c", "d"] {
        let expected: Vec<_> = (0..20)
            .flat_map(|call| (0..5).map(move |n| format!("{name}-{call}-{n}")))
            .collect();
        let own: Vec<_> = texts(&tail.lines)
            .into_iter()
            .filter(|text| text.starts_with(name))
            .collect();
        assert_eq!(own, expected);
    }
    assert_eq!(tail.bounds.entries_added, 400);
}

/// A1: the log is not created.
pub async fn an_append_without_lines_does_nothing(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    assert_eq!(subject.appender().append(&job, &[]).await.unwrap(), []);
    assert_eq!(store.bounds(&job).await.unwrap(), LogBounds::ABSENT);
}

/// A2.
pub async fn an_append_is_seen_by_every_reader_when_it_returns(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    let mut watch = store.watch_log(&job);
    read_after(&mut *watch, EntryId::ZERO).await;
    let given = subject
        .appender()
        .append(&job, &numbered("line", 3))
        .await
        .unwrap();
    let forward = store
        .read(&job, Span::default(), Order::OldestFirst, ALL)
        .await
        .unwrap();
    assert_eq!(ids(&forward.lines), given);
    assert_eq!(store.bounds(&job).await.unwrap().entries_added, 3);
    soon(&*subject, "a notice", watch.changed()).await;
    let tail = read_after(&mut *watch, EntryId::ZERO).await;
    assert_eq!(ids(&tail.lines), given);
}

/// A3: older lines may be removed, and the counts are right.
pub async fn the_newest_50_000_lines_are_kept(subject: Arc<dyn LogSubject>) {
    // Small enough for a slow machine to read within a deadline.
    const PAGE: usize = 2_000;
    let (store, job) = (subject.store(), subject.fresh_job());
    let mut newest = Vec::new();
    for batch in numbered("line", KEPT_LINES + 300).chunks(900) {
        newest = subject.appender().append(&job, batch).await.unwrap();
    }
    let bounds = store.bounds(&job).await.unwrap();
    assert_eq!(bounds.entries_added, (KEPT_LINES + 300) as u64);
    assert!(bounds.length >= KEPT_LINES as u64, "{bounds:?}");
    assert_eq!(bounds.last_id, newest[newest.len() - 1]);
    let mut before = None;
    for n in (300..KEPT_LINES + 300).rev().step_by(PAGE) {
        let span = Span {
            after: None,
            before,
        };
        let batch = store
            .read(&job, span, Order::NewestFirst, ReadLimit::lines(PAGE))
            .await
            .unwrap();
        assert_eq!(batch.lines.len(), PAGE);
        assert_eq!(texts(&batch.lines[..1]), [format!("line-{n}")]);
        assert_eq!(
            texts(&batch.lines[PAGE - 1..]),
            [format!("line-{}", n - (PAGE - 1))]
        );
        before = Some(batch.lines[PAGE - 1].id);
    }
    let first = store
        .read(
            &job,
            Span::default(),
            Order::OldestFirst,
            ReadLimit::lines(1),
        )
        .await
        .unwrap();
    assert_eq!(first.lines.first().map(|line| line.id), bounds.first_id);
}

/// A3: an append gives the log another 24 hours.
pub async fn a_log_is_kept_for_24_hours_after_its_last_append(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    for count in 1..=3 {
        subject.appender().append(&job, &[line("x")]).await.unwrap();
        subject
            .age_log(&job, 24 * HOUR - Duration::from_secs(60))
            .await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(store.bounds(&job).await.unwrap().length, count);
    }
}

/// A3: with everything of the log, including its ids and counts.
pub async fn a_log_expires_at_some_time(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    subject
        .appender()
        .append(&job, &numbered("line", 5))
        .await
        .unwrap();
    subject.expire_log(&job).await;
    assert_eq!(store.bounds(&job).await.unwrap(), LogBounds::ABSENT);
    let tail = store.read_after(&job, EntryId::ZERO, ALL).await.unwrap();
    assert_eq!((tail.lines.len(), tail.more), (0, false));
    let given = subject
        .appender()
        .append(&job, &[line("anew")])
        .await
        .unwrap();
    let tail = store.read_after(&job, EntryId::ZERO, ALL).await.unwrap();
    assert_eq!(ids(&tail.lines), given);
    assert_eq!(tail.bounds.entries_added, 1);
}

/// A4 and R8: the caller drops the future in the middle.
pub async fn a_dropped_append_leaves_the_first_of_its_lines(subject: Arc<dyn LogSubject>) {
    let (store, appender) = (subject.store(), subject.appender());
    let lines = numbered("line", 300);
    let expected: Vec<_> = lines
        .iter()
        .map(|line| line.text.as_deref().unwrap())
        .collect();
    for round in 0..40_u64 {
        let job = subject.fresh_job();
        if round == 0 {
            poll_once(appender.append(&job, &lines)).await;
        } else {
            let moment = Duration::from_micros(round * 50);
            timeout(moment, appender.append(&job, &lines)).await.ok();
        }
        // Lines under way may still arrive, but not after this append.
        appender.append(&job, &[line("end")]).await.unwrap();
        let tail = store.read_after(&job, EntryId::ZERO, ALL).await.unwrap();
        let found: Vec<_> = texts(&tail.lines)
            .into_iter()
            .filter(|text| *text != "end")
            .collect();
        assert_eq!(found, expected[..found.len()], "round {round}");
    }
}
