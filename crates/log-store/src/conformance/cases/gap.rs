//! How a reader learns that it may have missed lines: by the bounds of R6 and [`TailRead::gap`](crate::TailRead::gap).

use std::sync::Arc;

use log_domain::{EntryId, Gap, JobId, LogBounds};

use crate::conformance::subject::LogSubject;
use crate::conformance::support::{ALL, id, ids, line};

async fn append(subject: &dyn LogSubject, job: &JobId, ids: impl IntoIterator<Item = u64>) {
    for ms in ids {
        subject.append_at(job, id(ms), &line(ms.to_string())).await;
    }
}

/// The gap that a read after `cursor` finds.
async fn gap(subject: &dyn LogSubject, job: &JobId, cursor: EntryId) -> Option<Gap> {
    let tail = subject.store().read_after(job, cursor, ALL).await.unwrap();
    tail.gap(cursor)
}

/// A gap up to the first line after the cursor.
const fn a_gap(after: u64, first: u64) -> Option<Gap> {
    Some(Gap {
        after_id: id(after),
        first_id: Some(id(first)),
        resume_after: id(after),
    })
}

/// A gap without a line after it: reading continues after the last id.
const fn a_gap_to_the_end(after: u64, last: u64) -> Option<Gap> {
    Some(Gap {
        after_id: id(after),
        first_id: None,
        resume_after: id(last),
    })
}

/// In a log that was never trimmed there is no gap, for any cursor in it and for its beginning.
pub async fn a_cursor_inside_a_whole_log_is_no_gap(subject: Arc<dyn LogSubject>) {
    let job = subject.fresh_job();
    assert_eq!(
        gap(&*subject, &job, EntryId::ZERO).await,
        None,
        "a log yet to come"
    );
    append(&*subject, &job, 5..=9).await;
    for cursor in [0, 5, 6, 7, 8, 9] {
        assert_eq!(gap(&*subject, &job, id(cursor)).await, None, "{cursor}");
    }
    assert!(
        gap(&*subject, &job, id(4)).await.is_some(),
        "not an id of this log"
    );
}

/// A trim removes lines; the gap has the first id that is left.
pub async fn a_cursor_that_was_trimmed_away_is_a_gap_with_both_ids(subject: Arc<dyn LogSubject>) {
    let job = subject.fresh_job();
    append(&*subject, &job, 1..=10).await;
    subject.trim_to(&job, 6).await;
    for cursor in 0..=4 {
        assert_eq!(gap(&*subject, &job, id(cursor)).await, a_gap(cursor, 5));
    }
    for cursor in 5..=10 {
        assert_eq!(gap(&*subject, &job, id(cursor)).await, None, "{cursor}");
    }
}

/// Lines are deleted one by one.
pub async fn a_deleted_line_is_a_gap_for_cursors_below_it(subject: Arc<dyn LogSubject>) {
    let job = subject.fresh_job();
    append(&*subject, &job, 1..=5).await;
    subject.delete_line(&job, id(3)).await;
    assert_eq!(gap(&*subject, &job, id(2)).await, a_gap(2, 4));
    assert_eq!(gap(&*subject, &job, id(0)).await, a_gap(0, 1));
    assert_eq!(gap(&*subject, &job, id(3)).await, None);
    assert_eq!(gap(&*subject, &job, id(4)).await, None);
    subject.delete_line(&job, id(5)).await;
    assert_eq!(gap(&*subject, &job, id(4)).await, a_gap_to_the_end(4, 5));
    assert_eq!(gap(&*subject, &job, id(5)).await, None);
}

/// The log exists, without lines.
pub async fn an_emptied_log_is_a_gap_for_all_but_its_last_id(subject: Arc<dyn LogSubject>) {
    let job = subject.fresh_job();
    append(&*subject, &job, 1..=3).await;
    subject.trim_to(&job, 0).await;
    assert_eq!(gap(&*subject, &job, id(3)).await, None);
    for cursor in 0..=2 {
        assert_eq!(
            gap(&*subject, &job, id(cursor)).await,
            a_gap_to_the_end(cursor, 3)
        );
    }
}

/// A cursor beyond the end moves to the end.
pub async fn a_deleted_log_is_a_gap_that_moves_to_its_start(subject: Arc<dyn LogSubject>) {
    let job = subject.fresh_job();
    append(&*subject, &job, 1..=3).await;
    subject.delete_log(&job).await;
    let gone = Gap {
        after_id: id(3),
        first_id: None,
        resume_after: EntryId::ZERO,
    };
    assert_eq!(gap(&*subject, &job, id(3)).await, Some(gone));
    assert_eq!(gap(&*subject, &job, EntryId::ZERO).await, None);
    assert_eq!(
        subject.store().bounds(&job).await.unwrap(),
        LogBounds::ABSENT
    );
}

/// An expired log is like a deleted one.
pub async fn an_expired_log_is_a_gap(subject: Arc<dyn LogSubject>) {
    let job = subject.fresh_job();
    append(&*subject, &job, 1..=3).await;
    subject.expire_log(&job).await;
    let found = gap(&*subject, &job, id(2)).await.unwrap();
    assert_eq!((found.first_id, found.resume_after), (None, EntryId::ZERO));
    assert_eq!(
        subject.store().bounds(&job).await.unwrap(),
        LogBounds::ABSENT
    );
}

/// A log is deleted and created again, with ids below, around and above an old cursor.
pub async fn a_log_that_is_created_again_is_a_gap_whatever_its_ids(subject: Arc<dyn LogSubject>) {
    let job = subject.fresh_job();
    append(&*subject, &job, 5..=7).await;
    subject.delete_log(&job).await;
    append(&*subject, &job, 1..=3).await;
    let beyond = Gap {
        after_id: id(7),
        first_id: None,
        resume_after: id(3),
    };
    assert_eq!(gap(&*subject, &job, id(7)).await, Some(beyond));
    subject.delete_log(&job).await;
    append(&*subject, &job, 8..=9).await;
    assert_eq!(gap(&*subject, &job, id(7)).await, a_gap(7, 8));
    assert_eq!(
        gap(&*subject, &job, EntryId::ZERO).await,
        None,
        "whole again"
    );
    let bounds = subject.store().bounds(&job).await.unwrap();
    assert_eq!(
        (bounds.entries_added, bounds.length),
        (2, 2),
        "counted anew"
    );
    let tail = subject
        .store()
        .read_after(&job, EntryId::ZERO, ALL)
        .await
        .unwrap();
    assert_eq!(ids(&tail.lines), [id(8), id(9)]);
}
