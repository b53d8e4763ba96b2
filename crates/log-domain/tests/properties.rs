//! What is true for every log: pages cover it without gaps and repeats, and so does resuming.

use log_domain::{
    Batch, EntryId, Gap, Line, LogBounds, Order, Page, PageLimit, PageRequest, ReadLimit, Span,
    Start, gap_after,
};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

/// Ids that are close together, so that bounds are often equal to them or right beside them.
fn id() -> impl Strategy<Value = EntryId> {
    (
        1_u64..6,
        prop_oneof![0_u64..4, Just(9), Just(10), Just(u64::MAX)],
    )
        .prop_map(|(ms, seq)| EntryId::new(ms, seq))
}

fn log() -> impl Strategy<Value = Vec<Line>> {
    let line = |id| Line {
        id,
        ts: None,
        source: None,
        text: Some(id.to_string()),
        phase: None,
        open: false,
    };
    btree_set(id(), 0..20).prop_map(move |ids| ids.into_iter().map(line).collect())
}

fn limit() -> impl Strategy<Value = PageLimit> {
    (1_usize..=8).prop_filter_map("in range", |lines| PageLimit::new(lines).ok())
}

/// A read of a store, in its simplest form.
fn read(log: &[Line], span: Span, order: Order, limit: ReadLimit) -> Batch {
    let inside = log.iter().filter(|line| span.contains(line.id)).cloned();
    match order {
        Order::OldestFirst => Batch::cut(inside, limit),
        Order::NewestFirst => Batch::cut(inside.rev(), limit),
    }
}

fn page(log: &[Line], request: PageRequest) -> Page {
    let (span, order, limit) = request.read();
    Page::new(&request, read(log, span, order, limit))
}

fn ids(lines: &[Line]) -> Vec<EntryId> {
    lines.iter().map(|line| line.id).collect()
}

/// The bounds of a log that once had the lines `all`, and whose first `trimmed` lines are gone.
fn bounds(all: &[Line], trimmed: usize) -> LogBounds {
    LogBounds {
        first_id: all.get(trimmed).map(|line| line.id),
        last_id: all.last().map_or(EntryId::ZERO, |line| line.id),
        max_deleted_id: EntryId::ZERO,
        entries_added: all.len() as u64,
        length: (all.len() - trimmed) as u64,
    }
}

proptest! {
    #[test]
    fn pages_back_from_the_end_cover_the_log(log in log(), limit in limit()) {
        let mut seen = Vec::new();
        let mut before = None;
        loop {
            let page = page(&log, PageRequest { after: None, before, limit });
            prop_assert!(page.lines.len() <= limit.get());
            seen.splice(0..0, ids(&page.lines));
            if !page.has_more {
                break;
            }
            before = page.oldest_id();
        }
        prop_assert_eq!(seen, ids(&log));
    }

    #[test]
    fn pages_back_from_any_bound_cover_all_lines_before_it(log in log(), bound in id(), limit in limit()) {
        let mut seen = Vec::new();
        let mut before = Some(bound);
        loop {
            let page = page(&log, PageRequest { after: None, before, limit });
            seen.splice(0..0, ids(&page.lines));
            if !page.has_more {
                break;
            }
            before = page.oldest_id();
        }
        let below: Vec<_> = ids(&log).into_iter().filter(|id| *id < bound).collect();
        prop_assert_eq!(seen, below);
    }

    #[test]
    fn pages_forward_in_any_span_cover_it(
        log in log(),
        low in id(),
        high in prop::option::of(id()),
        limit in limit(),
    ) {
        let mut seen = Vec::new();
        let mut after = low;
        loop {
            let request = PageRequest { after: Some(after), before: high, limit };
            let page = page(&log, request);
            seen.extend(ids(&page.lines));
            if !page.has_more {
                break;
            }
            after = page.newest_id().unwrap();
        }
        let inside = |id: &EntryId| *id > low && high.is_none_or(|high| *id < high);
        let window: Vec<_> = ids(&log).into_iter().filter(inside).collect();
        prop_assert_eq!(seen, window);
    }

    #[test]
    fn has_more_is_true_exactly_if_there_is_another_line(
        log in log(),
        after in prop::option::of(id()),
        before in prop::option::of(id()),
        limit in limit(),
    ) {
        let request = PageRequest { after, before, limit };
        let inside = log.iter().filter(|line| request.read().0.contains(line.id)).count();
        let page = page(&log, request);
        prop_assert_eq!(page.has_more, inside > limit.get());
        prop_assert_eq!(page.oldest_id(), page.lines.first().map(|line| line.id));
        prop_assert_eq!(page.newest_id(), page.lines.last().map(|line| line.id));
    }

    #[test]
    fn a_limit_of_bytes_ends_pages_early_and_loses_nothing(
        lengths in vec(0_usize..50, 0..20),
        bytes in 1_usize..100,
    ) {
        let line = |(n, len): (usize, &usize)| Line {
            id: EntryId::new(1, n as u64),
            ts: None,
            source: None,
            text: Some("x".repeat(*len)),
            phase: None,
            open: false,
        };
        let log: Vec<_> = lengths.iter().enumerate().map(line).collect();
        let limit = ReadLimit { lines: 7, bytes };
        let mut seen = Vec::new();
        let mut span = Span::default();
        loop {
            let batch = read(&log, span, Order::OldestFirst, limit);
            let weight: usize = batch.lines.iter().map(Line::bytes).sum();
            prop_assert!(weight <= bytes || batch.lines.len() == 1);
            span.after = batch.lines.last().map(|line| line.id).or(span.after);
            seen.extend(ids(&batch.lines));
            if !batch.more {
                break;
            }
        }
        prop_assert_eq!(seen, ids(&log));
    }

    /// A client reads, loses its connection, and comes back with its last id, again and again. Between the reads the log
    /// grows.
    #[test]
    fn resuming_never_repeats_or_skips(log in log(), cuts in vec((1_usize..5, 0_usize..6), 1..40)) {
        let mut there = 0;
        let mut cursor = EntryId::ZERO;
        let mut seen = Vec::new();
        for (take, grow) in cuts {
            there = (there + grow).min(log.len());
            let start = Start::from_request(Some(cursor), Some(EntryId::MAX), true);
            let after = start.cursor().unwrap();
            let limit = ReadLimit::lines(take);
            let batch = read(&log[..there], Span::after(after), Order::OldestFirst, limit);
            prop_assert_eq!(gap_after(after, &batch.lines, &bounds(&log[..there], 0)), None);
            cursor = batch.lines.last().map_or(cursor, |line| line.id);
            seen.extend(ids(&batch.lines));
        }
        prop_assert_eq!(seen.as_slice(), &ids(&log)[..seen.len()]);
    }

    /// On a trimmed log, either no line after the cursor is missing, or there is a gap that covers all missing lines.
    #[test]
    fn a_loss_is_never_silent(log in log(), share in 0.0_f64..1.0, cursor in id()) {
        let trimmed = part_of(log.len(), share);
        let bounds = bounds(&log, trimmed);
        let batch = read(&log[trimmed..], Span::after(cursor), Order::OldestFirst, ReadLimit::lines(100));
        let lost: Vec<_> = ids(&log[..trimmed]).into_iter().filter(|id| *id > cursor).collect();
        match gap_after(cursor, &batch.lines, &bounds) {
            None => prop_assert_eq!(lost, []),
            Some(Gap { after_id, first_id, resume_after }) => {
                prop_assert_eq!(after_id, cursor);
                prop_assert_eq!(first_id, batch.lines.first().map(|line| line.id));
                let end = first_id.unwrap_or(EntryId::MAX);
                prop_assert!(lost.iter().all(|id| *id < end));
                // A read from there finds the rest, and there is no second gap.
                let rest = read(&log[trimmed..], Span::after(resume_after), Order::OldestFirst, ReadLimit::lines(100));
                prop_assert_eq!(ids(&rest.lines), ids(&batch.lines));
                if rest.lines.is_empty() {
                    prop_assert_eq!(gap_after(resume_after, &[], &bounds), None);
                }
            }
        }
    }

    #[test]
    fn an_entry_id_reads_back_as_it_was_written(ms in any::<u64>(), seq in any::<u64>()) {
        let id = EntryId::new(ms, seq);
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert_eq!(ms.to_string().parse(), Ok(EntryId::new(ms, 0)));
        prop_assert!(id.next().is_none_or(|next| next > id));
    }

    #[test]
    fn no_text_is_an_entry_id_but_its_own(text in "\\PC{0,24}") {
        if let Ok(id) = text.parse::<EntryId>() {
            let (ms, seq) = text.split_once('-').unwrap_or((&text, "0"));
            prop_assert_eq!(ms.parse(), Ok(id.ms()));
            prop_assert_eq!(seq.parse(), Ok(id.seq()));
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a small number"
)]
fn part_of(total: usize, share: f64) -> usize {
    (total as f64 * share) as usize
}
