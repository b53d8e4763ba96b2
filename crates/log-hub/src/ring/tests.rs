//! The ring, without a feed or viewers.

use log_domain::Gap;

use super::*;

const fn id(ms: u64) -> EntryId {
    EntryId::new(ms, 0)
}

fn lines(range: std::ops::RangeInclusive<u64>) -> Vec<Line> {
    let line = |ms| Line {
        id: id(ms),
        ts: None,
        source: None,
        text: None,
        phase: None,
    };
    range.map(line).collect()
}

fn missing(after: u64, first: Option<u64>, resume: u64) -> FoundGap {
    FoundGap {
        gap: Gap {
            after_id: id(after),
            first_id: first.map(id),
            resume_after: id(resume),
        },
        deleted_up_to: EntryId::ZERO,
    }
}

fn ids(frames: &Bytes) -> Vec<String> {
    let events = sse::Decoder::new().feed(frames);
    events
        .into_iter()
        .map(|event| event.last_event_id)
        .collect()
}

#[test]
fn a_reader_takes_what_is_after_its_position_even_inside_a_segment() {
    let mut ring = Ring::new(id(0), 1 << 20);
    ring.push_lines(&lines(1..=3));
    let Taken::Frames {
        frames,
        position,
        next,
    } = ring.take(0, id(1))
    else {
        panic!()
    };
    assert_eq!(
        (ids(&frames), position),
        (vec!["2-0".into(), "3-0".into()], id(3))
    );
    assert_eq!(ring.take(next, position), Taken::Nothing { next: 1 });
    assert_eq!(ring.take(0, id(3)), Taken::Nothing { next: 1 });
}

#[test]
fn eviction_moves_the_floor_and_keeps_the_newest_segment() {
    let mut ring = Ring::new(id(0), 1);
    ring.push_lines(&lines(1..=1));
    ring.push_lines(&lines(2..=2));
    assert_eq!(ring.take(0, id(0)), Taken::Evicted);
    assert_eq!(ring.join(id(0), Some(0)), None);
    assert_eq!(ring.join(id(1), Some(0)), Some(1));
    assert!(matches!(ring.take(1, id(1)), Taken::Frames { .. }));
}

#[test]
fn a_reader_joins_where_it_is_and_not_before_the_feed_is_there() {
    let mut ring = Ring::new(id(10), 1 << 20);
    ring.push_lines(&lines(11..=12));
    ring.push_lines(&lines(13..=14));
    let all = [None, Some(0), Some(0), Some(1), Some(1), Some(2), None];
    for confirmed in [None, Some(0)] {
        let joined = [9, 10, 11, 12, 13, 14, 20].map(|ms| ring.join(id(ms), confirmed));
        assert_eq!(joined, all);
    }
    ring.skip_to(id(20));
    assert_eq!(ring.join(id(20), None), Some(2));
}

#[test]
fn a_position_is_known_from_the_first_line_of_a_log_made_anew_on() {
    let mut ring = Ring::new(id(5), 1 << 20);
    ring.push_gap(missing(5, None, 0));
    ring.push_lines(&lines(8..=9));
    let joined = [0, 5, 7, 8, 9].map(|ms| ring.join(id(ms), None));
    assert_eq!(joined, [Some(1), None, None, Some(1), Some(2)]);
}

#[test]
fn a_position_is_not_known_before_a_line_that_was_deleted() {
    let mut ring = Ring::new(id(0), 1 << 20);
    ring.push_gap(FoundGap {
        deleted_up_to: id(7),
        ..missing(0, Some(1), 0)
    });
    ring.push_lines(&lines(1..=6));
    ring.push_lines(&lines(8..=9));
    let joined = [1, 6, 7, 8].map(|ms| ring.join(id(ms), None));
    assert_eq!(joined, [None, None, Some(2), Some(2)]);
}

#[test]
fn a_reader_of_an_earlier_stretch_has_a_gap_to_be_told_of() {
    let mut ring = Ring::new(id(0), 1 << 20);
    ring.push_lines(&lines(1..=2));
    ring.push_gap(missing(2, None, 0));
    ring.push_lines(&lines(1..=2));
    assert_eq!(ring.join(id(2), Some(0)), None);
    assert_eq!(ring.join(id(2), Some(2)), Some(3));
}

#[test]
fn nobody_joins_a_log_that_is_known_to_be_lost_until_the_feed_has_read_on() {
    let mut ring = Ring::new(id(0), 1 << 20);
    ring.push_lines(&lines(1..=9));
    let before = ring.horizon();
    assert!(!ring.note_end(before, None, id(9)));
    assert!(ring.join(id(5), None).is_some());
    assert!(ring.note_end(before, None, id(8)));
    assert_eq!(ring.join(id(5), None), None);
    ring.push_gap(missing(9, None, 8));
    ring.found();
    assert!(ring.join(id(8), None).is_some());
    // A read that began before the gap says nothing of what came after.
    assert!(!ring.note_end(before, None, id(0)));
    assert!(ring.join(id(8), None).is_some());
    // A reader that was ahead of the feed knows more than the feed.
    assert!(ring.note_end(ring.horizon(), Some(id(10)), id(8)));
}

#[test]
fn nobody_joins_behind_a_gap_that_they_must_be_told_of() {
    let mut ring = Ring::new(id(0), 1 << 20);
    ring.push_lines(&lines(1..=2));
    let missing = missing(2, Some(7), 2);
    ring.push_gap(missing);
    ring.push_lines(&lines(7..=8));
    let joined = [1, 2, 6, 7, 8].map(|ms| ring.join(id(ms), None));
    assert_eq!(joined, [None, None, None, Some(2), Some(3)]);
    assert_eq!(ring.take(1, id(2)), Taken::Gap { missing, next: 2 });
}

#[test]
fn a_log_made_anew_counts_from_below_again() {
    let mut ring = Ring::new(id(0), 1 << 20);
    ring.push_lines(&lines(100..=100));
    ring.push_gap(missing(100, None, 0));
    assert_eq!(ring.tip(), EntryId::ZERO);
    ring.push_lines(&lines(1..=2));
    assert_eq!(ring.join(EntryId::ZERO, None), Some(2));
    let Taken::Frames { position, .. } = ring.take(2, EntryId::ZERO) else {
        panic!()
    };
    assert_eq!(position, id(2));
}

fn frames(taken: Taken) -> (Bytes, EntryId, u64) {
    let Taken::Frames {
        frames,
        position,
        next,
    } = taken
    else {
        panic!("{taken:?}")
    };
    (frames, position, next)
}

#[test]
fn what_came_in_many_pieces_is_handed_out_as_one_and_shared() {
    let mut ring = Ring::new(id(0), 1 << 20);
    for ms in 1..=50 {
        ring.push_lines(&lines(ms..=ms));
    }
    let (piece, position, next) = frames(ring.take(0, id(0)));
    assert_eq!((ids(&piece).len(), position, next), (50, id(50), 50));
    let (again, ..) = frames(ring.take(0, id(0)));
    assert_eq!(again.as_ptr(), piece.as_ptr(), "one copy for all");
    ring.push_lines(&lines(51..=51));
    let (more, ..) = frames(ring.take(0, id(0)));
    assert_eq!(ids(&more).len(), 51, "whoever comes later gets more");
    let (one, ..) = frames(ring.take(next, position));
    assert_eq!(ids(&one), ["51-0"]);
}

#[test]
fn a_piece_ends_before_a_gap_and_at_its_size() {
    let mut ring = Ring::new(id(0), 1 << 20);
    ring.push_lines(&lines(1..=1));
    ring.push_lines(&lines(2..=2));
    ring.push_gap(missing(2, Some(7), 2));
    for ms in 7..2000 {
        ring.push_lines(&lines(ms..=ms));
    }
    let (piece, position, next) = frames(ring.take(0, id(0)));
    assert_eq!(
        (ids(&piece), position, next),
        (vec!["1-0".into(), "2-0".into()], id(2), 2)
    );
    let (mut ordinal, mut position) = (3, id(6));
    let mut seen = 0;
    while let Taken::Frames {
        frames,
        position: p,
        next,
    } = ring.take(ordinal, position)
    {
        assert!(frames.len() < PIECE_BYTES + 1024);
        seen += ids(&frames).len();
        (ordinal, position) = (next, p);
    }
    assert_eq!((seen, position), (1993, id(1999)));
}

#[test]
fn a_burst_makes_segments_of_bounded_size() {
    let mut ring = Ring::new(id(0), 1 << 20);
    ring.push_lines(&lines(1..=1000));
    let mut ordinal = 0;
    let mut position = id(0);
    while let Taken::Frames {
        frames,
        position: p,
        next,
    } = ring.take(ordinal, position)
    {
        assert!(frames.len() < SEGMENT_BYTES + 1024);
        (ordinal, position) = (next, p);
    }
    assert_eq!(position, id(1000));
}
