//! R2, R3 and R5 to R8: lines and bounds.

use std::sync::Arc;

use log_domain::{Batch, EntryId, Line, LogBounds, Order, ReadLimit, Span};

use super::reads::{MODEL, append_model};
use crate::NewLine;
use crate::conformance::subject::LogSubject;
use crate::conformance::support::{ALL, id, ids, line, numbered, poll_once};

/// R2.
pub async fn ids_grow_strictly_along_a_log(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    let mut given = Vec::new();
    for size in [1, 1, 200, 3, 1] {
        given.extend(
            subject
                .appender()
                .append(&job, &numbered("line", size))
                .await
                .unwrap(),
        );
    }
    assert!(given.is_sorted_by(|a, b| a < b), "{given:?}");
    assert!(given[0] > EntryId::ZERO);
    let tail = store.read_after(&job, EntryId::ZERO, ALL).await.unwrap();
    assert_eq!(ids(&tail.lines), given);
}

/// R2: as numbers, also if a producer's ids are far ahead of the clock.
pub async fn ids_are_ordered_as_numbers(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    append_model(&*subject, &job).await;
    let tail = store.read_after(&job, EntryId::ZERO, ALL).await.unwrap();
    assert_eq!(ids(&tail.lines), MODEL);
    let after = subject
        .appender()
        .append(&job, &[line("own")])
        .await
        .unwrap();
    assert!(after[0] > MODEL[11], "{after:?}");
}

/// R3.
pub async fn a_log_that_does_not_exist_reads_as_empty(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let batch = store.read(&job, Span::default(), order, ALL).await.unwrap();
        assert_eq!(batch, Batch::default());
    }
    let tail = store.read_after(&job, id(7), ALL).await.unwrap();
    assert_eq!((tail.lines.len(), tail.more), (0, false));
    assert_eq!(tail.bounds, LogBounds::ABSENT);
    assert_eq!(store.bounds(&job).await.unwrap(), LogBounds::ABSENT);
    store.ping_logs().await.unwrap();
}

/// R5.
pub async fn a_line_is_read_once_its_append_has_returned(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    let mut position = EntryId::ZERO;
    for n in 0..200 {
        let given = subject
            .appender()
            .append(&job, &[line(n.to_string())])
            .await
            .unwrap();
        let tail = store.read_after(&job, position, ALL).await.unwrap();
        assert_eq!(ids(&tail.lines), given);
        assert_eq!(store.bounds(&job).await.unwrap().last_id, given[0]);
        let newest = store
            .read(
                &job,
                Span::default(),
                Order::NewestFirst,
                ReadLimit::lines(1),
            )
            .await
            .unwrap();
        assert_eq!(ids(&newest.lines), given);
        position = given[0];
    }
}

/// R6: after appends, a trim, deletions at both ends, and without lines.
pub async fn bounds_say_what_is_retained_and_what_was_ever_added(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    let check = async |first: u64, deleted: u64, length: u64| {
        let bounds = store.bounds(&job).await.unwrap();
        let expected = LogBounds {
            first_id: (first > 0).then(|| id(first)),
            last_id: id(10),
            max_deleted_id: id(deleted),
            entries_added: 10,
            length,
        };
        assert_eq!(bounds, expected);
        let tail = store.read_after(&job, id(3), ALL).await.unwrap();
        assert_eq!(tail.bounds, expected);
    };
    for ms in 1..=10 {
        subject.append_at(&job, id(ms), &line("x")).await;
    }
    check(1, 0, 10).await;
    subject.trim_to(&job, 7).await;
    check(4, 0, 7).await;
    subject.delete_line(&job, id(6)).await;
    check(4, 6, 6).await;
    subject.delete_line(&job, id(4)).await;
    check(5, 6, 5).await;
    subject.delete_line(&job, id(10)).await;
    check(5, 10, 4).await;
    subject.trim_to(&job, 0).await;
    check(0, 10, 0).await;
}

/// R6.
pub async fn bounds_are_never_older_than_the_read(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    let (appender, writer_job) = (subject.appender(), job.clone());
    let writer = tokio::spawn(async move {
        for _ in 0..200 {
            appender
                .append(&writer_job, &numbered("line", 3))
                .await
                .unwrap();
        }
    });
    while !writer.is_finished() {
        let before = store.bounds(&job).await.unwrap();
        let tail = store.read_after(&job, EntryId::ZERO, ALL).await.unwrap();
        let after = tail.bounds;
        assert!(after.last_id >= before.last_id && after.entries_added >= before.entries_added);
        assert!(
            tail.lines
                .last()
                .is_none_or(|last| last.id <= after.last_id)
        );
        assert!(after.length >= tail.lines.len() as u64);
    }
    writer.await.unwrap();
}

/// R6: a reader that is slower than the trimming gets each line, or learns that lines are missing.
pub async fn a_trim_that_races_a_read_is_never_hidden(subject: Arc<dyn LogSubject>) {
    const LINES: u64 = 1_500;
    let (store, job) = (subject.store(), subject.fresh_job());
    let (behind, writer_job) = (Arc::clone(&subject), job.clone());
    let writer = tokio::spawn(async move {
        for ms in 1..=LINES {
            behind.append_at(&writer_job, id(ms), &line("x")).await;
            if ms % 5 == 0 {
                behind.trim_to(&writer_job, 4).await;
            }
        }
    });
    let mut position = EntryId::ZERO;
    while position < id(LINES) {
        let tail = store
            .read_after(&job, position, ReadLimit::lines(3))
            .await
            .unwrap();
        let is_gap = tail.gap(position).is_some();
        for line in &tail.lines {
            let follows = line.id == id(position.ms() + 1);
            assert!(
                follows || is_gap,
                "{position:?} → {:?}, {:?}",
                line.id,
                tail.bounds
            );
            assert!(line.id > position);
            position = line.id;
        }
    }
    writer.await.unwrap();
}

/// R7.
pub async fn bytes_that_are_not_utf8_read_as_replacement_characters(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    let fields: [(&str, &[u8]); 4] = [
        ("ts", b"\xff"),
        ("source", b"std\xc3("),
        ("text", b"ok \xf0\x9f\x98 end\0\r\n\x1b[0m"),
        ("phase", "p\u{e9}".as_bytes()),
    ];
    subject.put_raw_line(&job, id(1), &fields).await;
    let tail = store.read_after(&job, EntryId::ZERO, ALL).await.unwrap();
    let expected = Line {
        id: id(1),
        ts: Some("\u{fffd}".into()),
        source: Some("std\u{fffd}(".into()),
        text: Some("ok \u{fffd} end\0\r\n\x1b[0m".into()),
        phase: Some("p\u{e9}".into()),
        open: false,
    };
    assert_eq!(tail.lines, [expected]);
}

/// R7: also with fields in another order, and with unknown fields.
pub async fn a_missing_field_reads_as_none_and_an_empty_one_as_empty(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    let sparse: [(&str, &[u8]); 3] = [("phase", b""), ("level", b"info"), ("text", b"t")];
    subject.put_raw_line(&job, id(1), &sparse).await;
    subject.put_raw_line(&job, id(2), &[("other", b"x")]).await;
    let none = Line {
        id: id(2),
        ts: None,
        source: None,
        text: None,
        phase: None,
        open: false,
    };
    let some = Line {
        id: id(1),
        text: Some("t".into()),
        phase: Some(String::new()),
        ..none.clone()
    };
    let tail = store.read_after(&job, EntryId::ZERO, ALL).await.unwrap();
    assert_eq!(tail.lines, [some, none]);
}

/// R7: `open` with another value than `1` means nothing.
pub async fn only_the_field_open_with_the_value_1_makes_a_line_open(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    let values: [(&[u8], bool); 5] = [
        (b"1", true),
        (b"0", false),
        (b"", false),
        (b"true", false),
        (b"\xff", false),
    ];
    for (ms, (value, _)) in (1..).zip(values) {
        let fields: [(&str, &[u8]); 2] = [("text", b"50 %"), ("open", value)];
        subject.put_raw_line(&job, id(ms), &fields).await;
    }
    let tail = store.read_after(&job, EntryId::ZERO, ALL).await.unwrap();
    let open: Vec<bool> = tail.lines.iter().map(|line| line.open).collect();
    assert_eq!(open, values.map(|(_, open)| open));
}

/// R7: with any content, and in both orders.
pub async fn a_line_reads_back_as_it_was_written(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    let full = NewLine {
        ts: Some("2026-01-02T03:04:05.678Z".into()),
        source: Some("stderr".into()),
        text: Some("a\0b\n\r\u{2028}\u{1f600} \"quoted\" \\ data: x".into()),
        phase: Some("checks".into()),
        open: false,
    };
    let state = NewLine {
        open: true,
        ..full.clone()
    };
    let long = line("y".repeat(3 << 20));
    let written = [full, state, long, line(""), line("\n\n"), line("last")];
    let given = subject.appender().append(&job, &written).await.unwrap();
    let expected: Vec<_> = written
        .into_iter()
        .zip(given)
        .map(|(new, id)| stored(new, id))
        .collect();
    let tail = store.read_after(&job, EntryId::ZERO, ALL).await.unwrap();
    assert!(tail.lines == expected, "lines differ from what was written");
    let mut batch = store
        .read(&job, Span::default(), Order::NewestFirst, ALL)
        .await
        .unwrap();
    batch.lines.reverse();
    assert!(
        batch.lines == expected,
        "lines differ from what was written"
    );
}

fn stored(new: NewLine, id: EntryId) -> Line {
    let NewLine {
        ts,
        source,
        text,
        phase,
        open,
    } = new;
    Line {
        id,
        ts,
        source,
        text,
        phase,
        open,
    }
}

/// R8.
pub async fn a_dropped_read_leaves_the_store_working(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    let given = subject
        .appender()
        .append(&job, &numbered("line", 50))
        .await
        .unwrap();
    for _ in 0..300 {
        poll_once(store.read(&job, Span::default(), Order::NewestFirst, ALL)).await;
        poll_once(store.read_after(&job, EntryId::ZERO, ALL)).await;
        poll_once(store.bounds(&job)).await;
    }
    let tail = store.read_after(&job, EntryId::ZERO, ALL).await.unwrap();
    assert_eq!(ids(&tail.lines), given);
}

/// R9: between two lines, at a line, at a line that was deleted, and outside.
pub async fn a_position_inside_the_log_that_is_no_line_of_it_is_lost(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    for ms in [3, 5, 7, 9] {
        subject.append_at(&job, id(ms), &line(ms.to_string())).await;
    }
    subject.delete_line(&job, id(5)).await;
    for (position, lost) in [
        (0, false),
        (2, false),
        (3, false),
        (4, false),
        (5, false),
        (6, true),
        (7, false),
        (8, true),
        (9, false),
        (10, false),
    ] {
        let position = id(position);
        let tail = store.read_after(&job, position, ALL).await.unwrap();
        assert_eq!(tail.lost, lost, "{position}");
        let mut watch = store.watch_log(&job);
        let tail = watch.read_after(position, ALL).await.unwrap();
        assert_eq!(tail.lost, lost, "{position}, by a watch");
        if lost {
            let gap = tail.gap(position).unwrap();
            assert_eq!(gap.after_id, position);
            assert_eq!(gap.first_id, tail.lines.first().map(|line| line.id));
        }
    }
}
