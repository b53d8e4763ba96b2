//! The ring, without a feed or viewers.

use std::ops::RangeInclusive;

use log_domain::{Gap, Line};
use log_wire::sse;

use super::segment::SEGMENT_BYTES;
use super::*;

const fn id(ms: u64) -> EntryId {
    EntryId::new(ms, 0)
}

/// A ring that never evicts anything here, of a feed that begins at a position.
fn large_ring(position: u64) -> Ring {
    Ring::new(id(position), 1 << 20)
}

/// Pushes lines as one read.
fn push(ring: &mut Ring, range: RangeInclusive<u64>) {
    let line = |ms| Line {
        id: id(ms),
        ts: None,
        source: None,
        text: None,
        phase: None,
        open: false,
    };
    ring.push_lines(encode(&range.map(line).collect::<Vec<_>>()));
}

fn gap(after: u64, first: Option<u64>, resume: u64) -> FoundGap {
    FoundGap {
        gap: Gap {
            after_id: id(after),
            first_id: first.map(id),
            resume_after: id(resume),
        },
        deleted_up_to: EntryId::ZERO,
    }
}

fn ids(frames: &Bytes) -> Vec<EntryId> {
    let events = sse::Decoder::new().feed(frames);
    let id = |event: sse::RawEvent| event.last_event_id.parse().unwrap();
    events.into_iter().map(id).collect()
}

fn chunk(read: RingRead) -> Chunk {
    match read {
        RingRead::Frames(chunk) => chunk,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reader_gets_what_is_after_its_position_even_inside_a_segment() {
    let mut ring = large_ring(0);
    push(&mut ring, 1..=3);
    let chunk = chunk(ring.read(0, id(1)));
    assert_eq!(ids(&chunk.frames), [id(2), id(3)]);
    assert_eq!(chunk.position, id(3));
    let nothing = RingRead::Nothing { next: 1 };
    assert_eq!(ring.read(chunk.next, chunk.position), nothing);
    assert_eq!(ring.read(0, id(3)), nothing);
}

#[test]
fn eviction_moves_the_floor_and_keeps_the_newest_segment() {
    let mut ring = Ring::new(id(0), 1);
    push(&mut ring, 1..=1);
    push(&mut ring, 2..=2);
    assert_eq!(ring.read(0, id(0)), RingRead::Evicted);
    assert_eq!(ring.join(id(0), Some(0)), None);
    assert_eq!(ring.join(id(1), Some(0)), Some(1));
    assert!(matches!(ring.read(1, id(1)), RingRead::Frames(_)));
}

#[test]
fn a_reader_joins_where_it_is_and_not_before_the_feed_is_there() {
    let mut ring = large_ring(10);
    push(&mut ring, 11..=12);
    push(&mut ring, 13..=14);
    let all = [None, Some(0), Some(0), Some(1), Some(1), Some(2), None];
    for confirmed in [None, Some(0)] {
        let joined = [9, 10, 11, 12, 13, 14, 20].map(|ms| ring.join(id(ms), confirmed));
        assert_eq!(joined, all);
    }
    ring.skip_to(id(20));
    assert_eq!(ring.join(id(20), None), Some(2));
}

#[test]
fn of_a_log_made_anew_only_positions_from_its_first_line_on_are_known() {
    let mut ring = large_ring(5);
    ring.push_gap(gap(5, None, 0));
    push(&mut ring, 8..=9);
    let joined = [0, 5, 7, 8, 9].map(|ms| ring.join(id(ms), None));
    assert_eq!(joined, [Some(1), None, None, Some(1), Some(2)]);
}

#[test]
fn a_position_before_a_deleted_line_is_not_known() {
    let mut ring = large_ring(0);
    ring.push_gap(FoundGap {
        deleted_up_to: id(7),
        ..gap(0, Some(1), 0)
    });
    push(&mut ring, 1..=6);
    push(&mut ring, 8..=9);
    let joined = [1, 6, 7, 8].map(|ms| ring.join(id(ms), None));
    assert_eq!(joined, [None, None, Some(2), Some(2)]);
}

#[test]
fn a_position_between_two_lines_is_not_known_unless_the_store_has_confirmed_it() {
    let mut ring = large_ring(0);
    push(&mut ring, 1..=2);
    push(&mut ring, 5..=6);
    let joined = [2, 4, 5].map(|ms| ring.join(id(ms), None).is_some());
    assert_eq!(joined, [true, false, true]);
    assert!(ring.join(id(4), Some(0)).is_some());
}

#[test]
fn a_reader_of_an_earlier_generation_must_be_told_of_a_gap() {
    let mut ring = large_ring(0);
    push(&mut ring, 1..=2);
    ring.push_gap(gap(2, None, 0));
    push(&mut ring, 1..=2);
    assert_eq!(ring.join(id(2), Some(0)), None);
    assert_eq!(ring.join(id(2), Some(2)), Some(3));
}

#[test]
fn nobody_joins_a_log_that_is_known_to_be_lost_until_the_feed_has_read_again() {
    let mut ring = large_ring(0);
    push(&mut ring, 1..=9);
    let before = ring.snapshot();
    assert!(!ring.note_last_id(before, None, id(9)));
    assert!(ring.join(id(5), None).is_some());
    assert!(ring.note_last_id(before, None, id(8)));
    assert_eq!(ring.join(id(5), None), None);
    ring.push_gap(gap(9, None, 8));
    ring.mark_found();
    assert!(ring.join(id(8), None).is_some());
    // A read that began before the gap says nothing of what came after it.
    assert!(!ring.note_last_id(before, None, id(0)));
    assert!(ring.join(id(8), None).is_some());
    // A reader that was ahead of the feed knows more than the feed.
    assert!(ring.note_last_id(ring.snapshot(), Some(id(10)), id(8)));
}

#[test]
fn nobody_joins_behind_a_gap_that_they_must_be_told_of() {
    let mut ring = large_ring(0);
    push(&mut ring, 1..=2);
    let found = gap(2, Some(7), 2);
    ring.push_gap(found);
    push(&mut ring, 7..=8);
    let joined = [1, 2, 6, 7, 8].map(|ms| ring.join(id(ms), None));
    assert_eq!(joined, [None, None, None, Some(2), Some(3)]);
    assert_eq!(ring.read(1, id(2)), RingRead::Gap { found, next: 2 });
}

#[test]
fn a_log_made_anew_counts_from_below_again() {
    let mut ring = large_ring(0);
    push(&mut ring, 100..=100);
    ring.push_gap(gap(100, None, 0));
    assert_eq!(ring.snapshot().tip, EntryId::ZERO);
    push(&mut ring, 1..=2);
    assert_eq!(ring.join(EntryId::ZERO, None), Some(2));
    assert_eq!(chunk(ring.read(2, EntryId::ZERO)).position, id(2));
}

#[test]
fn many_small_segments_are_handed_out_in_one_chunk_that_readers_share() {
    let mut ring = large_ring(0);
    for ms in 1..=50 {
        push(&mut ring, ms..=ms);
    }
    let first = chunk(ring.read(0, id(0)));
    assert_eq!(ids(&first.frames).len(), 50);
    assert_eq!((first.position, first.next), (id(50), 50));
    let again = chunk(ring.read(0, id(0)));
    let pointers = [first, again.clone()].map(|chunk| chunk.frames.as_ptr());
    assert_eq!(pointers[0], pointers[1], "one copy for all");
    push(&mut ring, 51..=51);
    let more = chunk(ring.read(0, id(0)));
    assert_eq!(ids(&more.frames).len(), 51, "a later reader gets more");
    let one = chunk(ring.read(again.next, again.position));
    assert_eq!(ids(&one.frames), [id(51)]);
}

#[test]
fn a_chunk_ends_before_a_gap_and_at_its_size() {
    let mut ring = large_ring(0);
    push(&mut ring, 1..=1);
    push(&mut ring, 2..=2);
    ring.push_gap(gap(2, Some(7), 2));
    for ms in 7..2000 {
        push(&mut ring, ms..=ms);
    }
    let first = chunk(ring.read(0, id(0)));
    assert_eq!(ids(&first.frames), [id(1), id(2)]);
    assert_eq!((first.position, first.next), (id(2), 2));
    let (mut ordinal, mut position, mut seen) = (3, id(6), 0);
    while let RingRead::Frames(chunk) = ring.read(ordinal, position) {
        assert!(chunk.frames.len() < CHUNK_BYTES + 1024);
        seen += ids(&chunk.frames).len();
        (ordinal, position) = (chunk.next, chunk.position);
    }
    assert_eq!((seen, position), (1993, id(1999)));
}

#[test]
fn a_burst_makes_segments_of_bounded_size() {
    let mut ring = large_ring(0);
    push(&mut ring, 1..=1000);
    let (mut ordinal, mut position) = (0, id(0));
    while let RingRead::Frames(chunk) = ring.read(ordinal, position) {
        assert!(chunk.frames.len() < SEGMENT_BYTES + 1024);
        (ordinal, position) = (chunk.next, chunk.position);
    }
    assert_eq!(position, id(1000));
}
