//! R1: what a read returns, for every span, order and limit.

use std::sync::Arc;

use log_domain::{Batch, EntryId, JobId, Order, ReadLimit, Span};

use crate::LogStore;
use crate::conformance::subject::LogSubject;
use crate::conformance::support::{ALL, id, ids, line, numbered, texts};

/// Ids that have another order as text than as numbers, with small and great sequence numbers.
pub(super) const MODEL: [EntryId; 12] = [
    EntryId::new(0, 1),
    EntryId::new(1, 1),
    EntryId::new(1, 2),
    EntryId::new(1, 10),
    EntryId::new(2, 0),
    EntryId::new(5, u64::MAX),
    EntryId::new(6, 0),
    EntryId::new(9, 0),
    EntryId::new(10, 0),
    EntryId::new(10, 1),
    EntryId::new(10_000_000_000_000, 7),
    EntryId::new(u64::MAX, 3),
];

pub(super) async fn append_model(subject: &dyn LogSubject, job: &JobId) {
    for (n, id) in MODEL.into_iter().enumerate() {
        subject.append_at(job, id, &line(format!("line {n}"))).await;
    }
}

fn inside(span: Span, order: Order) -> Vec<EntryId> {
    let mut found: Vec<_> = MODEL.into_iter().filter(|id| span.contains(*id)).collect();
    if order == Order::NewestFirst {
        found.reverse();
    }
    found
}

/// R1.
pub async fn a_read_returns_exactly_the_lines_strictly_inside_its_span(
    subject: Arc<dyn LogSubject>,
) {
    let (store, job) = (subject.store(), subject.fresh_job());
    for ms in 1..=5 {
        subject.append_at(&job, id(ms), &line(ms.to_string())).await;
    }
    let span = Span {
        after: Some(id(1)),
        before: Some(id(5)),
    };
    let read = |order, limit| store.read(&job, span, order, ReadLimit::lines(limit));
    let batch = read(Order::OldestFirst, 3).await.unwrap();
    assert_eq!(
        (texts(&batch.lines), batch.more),
        (vec!["2", "3", "4"], false)
    );
    let batch = read(Order::OldestFirst, 2).await.unwrap();
    assert_eq!((texts(&batch.lines), batch.more), (vec!["2", "3"], true));
    let batch = read(Order::NewestFirst, 2).await.unwrap();
    assert_eq!((texts(&batch.lines), batch.more), (vec!["4", "3"], true));
    let batch = read(Order::NewestFirst, 3).await.unwrap();
    assert_eq!(
        (texts(&batch.lines), batch.more),
        (vec!["4", "3", "2"], false)
    );
}

/// R1: consecutive reads return the lines of a window, each once and in order: for every limit from 1 to 7, both orders
/// and every window of a log.
pub async fn reads_tile_every_window_for_every_limit_in_both_orders(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    append_model(&*subject, &job).await;
    let absent = [EntryId::ZERO, EntryId::new(1, 5), id(7), EntryId::MAX];
    let bounds: Vec<_> = [2, 5, 8, 10]
        .map(|n| MODEL[n])
        .into_iter()
        .chain(absent)
        .map(Some)
        .collect();
    let windows = std::iter::once(None)
        .chain(bounds.iter().copied())
        .flat_map(|after| {
            std::iter::once(None)
                .chain(bounds.iter().copied())
                .map(move |before| Span { after, before })
        });
    for span in windows {
        for order in [Order::OldestFirst, Order::NewestFirst] {
            let expected = inside(span, order);
            for limit in 1..=7 {
                let tiled = tile(&*store, &job, span, order, limit).await;
                assert_eq!(tiled, expected, "{span:?} {order:?} limit {limit}");
            }
        }
    }
}

async fn tile(
    store: &dyn LogStore,
    job: &JobId,
    mut span: Span,
    order: Order,
    limit: usize,
) -> Vec<EntryId> {
    let mut found = Vec::new();
    loop {
        let batch = store
            .read(job, span, order, ReadLimit::lines(limit))
            .await
            .unwrap();
        assert!(batch.lines.len() <= limit);
        found.extend(ids(&batch.lines));
        if !batch.more {
            return found;
        }
        assert!(
            found.len() <= MODEL.len(),
            "lines are read again: {found:?}"
        );
        assert_eq!(
            batch.lines.len(),
            limit,
            "a read with more lines behind it is full"
        );
        let last = found.last().copied();
        match order {
            Order::OldestFirst => span.after = last,
            Order::NewestFirst => span.before = last,
        }
    }
}

/// R1: the limit of bytes, and a first line that is longer than it.
pub async fn a_read_ends_at_its_limit_of_bytes_with_at_least_one_line(
    subject: Arc<dyn LogSubject>,
) {
    let (store, job) = (subject.store(), subject.fresh_job());
    for (ms, len) in [(1, 100), (2, 400), (3, 100), (4, 5_000), (5, 1)] {
        subject
            .append_at(&job, id(ms), &line("x".repeat(len)))
            .await;
    }
    for bytes in [1, 99, 100, 499, 500, 501, 600, 5_000, 5_600, 5_601] {
        let limit = ReadLimit { lines: 10, bytes };
        for order in [Order::OldestFirst, Order::NewestFirst] {
            let whole = store.read(&job, Span::default(), order, ALL).await.unwrap();
            let expected = Batch::cut(whole.lines, limit);
            let batch = store
                .read(&job, Span::default(), order, limit)
                .await
                .unwrap();
            assert_eq!(ids(&batch.lines), ids(&expected.lines), "{bytes} {order:?}");
            assert_eq!(batch.more, expected.more, "{bytes} {order:?}");
        }
        let tail = store.read_after(&job, id(3), limit).await.unwrap();
        assert_eq!(tail.lines[0].id, id(4), "the long line, whatever the limit");
        assert_eq!(tail.more, bytes < 5_001);
    }
}

/// R1: a limit of no lines, and the greatest limit.
pub async fn a_read_takes_limits_of_any_size(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    subject
        .appender()
        .append(&job, &numbered("line", 10))
        .await
        .unwrap();
    let read = |limit| store.read(&job, Span::default(), Order::OldestFirst, limit);
    let greatest = ReadLimit {
        lines: usize::MAX,
        bytes: usize::MAX,
    };
    let batch = read(greatest).await.unwrap();
    assert_eq!((batch.lines.len(), batch.more), (10, false));
    let batch = read(ReadLimit::lines(0)).await.unwrap();
    assert_eq!((batch.lines.len(), batch.more), (0, true));
}

/// R1: bounds that touch or cross, and bounds at the ends of the id space.
pub async fn a_span_that_holds_no_id_is_an_empty_read(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    append_model(&*subject, &job).await;
    let bounds = [
        (Some(id(5)), Some(id(5))),
        (Some(id(6)), Some(id(2))),
        (Some(EntryId::new(1, 1)), Some(EntryId::new(1, 2))),
        (Some(EntryId::MAX), None),
        (None, Some(EntryId::ZERO)),
        (None, Some(EntryId::new(0, 1))),
        (Some(EntryId::MAX), Some(EntryId::ZERO)),
    ];
    for (after, before) in bounds {
        for order in [Order::OldestFirst, Order::NewestFirst] {
            let span = Span { after, before };
            let batch = store.read(&job, span, order, ALL).await.unwrap();
            assert_eq!(batch, Batch::default(), "{span:?} {order:?}");
        }
    }
    let tail = store.read_after(&job, EntryId::MAX, ALL).await.unwrap();
    assert_eq!((tail.lines.len(), tail.more), (0, false));
}

/// R1: a line with the greatest id.
pub async fn the_ends_of_the_id_space_can_be_read(subject: Arc<dyn LogSubject>) {
    let (store, job) = (subject.store(), subject.fresh_job());
    let ends = [
        EntryId::new(0, 1),
        EntryId::new(u64::MAX, u64::MAX - 1),
        EntryId::MAX,
    ];
    for end in ends {
        subject.append_at(&job, end, &line("end")).await;
    }
    let tail = store.read_after(&job, EntryId::ZERO, ALL).await.unwrap();
    assert_eq!(ids(&tail.lines), ends);
    let tail = store.read_after(&job, ends[1], ALL).await.unwrap();
    assert_eq!(ids(&tail.lines), [EntryId::MAX]);
    assert_eq!(tail.bounds.last_id, EntryId::MAX);
    let span = Span {
        after: None,
        before: Some(EntryId::MAX),
    };
    let batch = store
        .read(&job, span, Order::NewestFirst, ALL)
        .await
        .unwrap();
    assert_eq!(ids(&batch.lines), [ends[1], ends[0]]);
}
