//! P1 to P7: numbered lines.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use log_domain::{EntryId, JobId, LogBounds, Numbering, ProducerName};
use tokio::time::timeout;

use crate::NumberedAppendError::{Gap, StaleEpoch};
use crate::conformance::subject::NumberedSubject;
use crate::conformance::support::{ALL, numbered, poll_once, texts};
use crate::{NewLine, NumberedAppend, NumberedAppendError, NumberedAppended};

pub(super) fn name(text: &str) -> ProducerName {
    text.parse().unwrap()
}

pub(super) fn batch(producer: &str, epoch: u64, first: usize) -> Numbering {
    Numbering::new(name(producer), epoch, first as u64).unwrap()
}

pub(super) fn expected(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}-{n}")).collect()
}

/// The texts in the log.
pub(super) async fn found(subject: &dyn NumberedSubject, job: &JobId) -> Vec<String> {
    let tail = subject.store().read_after(job, EntryId::ZERO, ALL).await;
    texts(&tail.unwrap().lines)
        .into_iter()
        .map(str::to_owned)
        .collect()
}

/// Appends the lines of a range of `lines` as producer `w`.
async fn append(
    to: &dyn NumberedAppend,
    job: &JobId,
    epoch: u64,
    lines: &[NewLine],
    range: std::ops::Range<usize>,
) -> Result<NumberedAppended, NumberedAppendError> {
    let batch = batch("w", epoch, range.start);
    to.append_numbered(job, &batch, &lines[range]).await
}

/// P1: also when further lines have come meanwhile.
pub async fn a_repeated_batch_adds_nothing_and_succeeds(subject: Arc<dyn NumberedSubject>) {
    let (to, job, lines) = (subject.numbered(), subject.fresh_job(), numbered("w", 20));
    let first = append(&*to, &job, 0, &lines, 0..10).await.unwrap();
    assert_eq!((first.next, first.appended, first.duplicate), (10, 10, 0));
    assert!(first.resumed && first.last_id.is_some());
    let again = append(&*to, &job, 0, &lines, 0..10).await.unwrap();
    assert_eq!((again.next, again.appended, again.duplicate), (10, 0, 10));
    assert_eq!((again.last_id, again.resumed), (first.last_id, true));
    append(&*to, &job, 0, &lines, 10..20).await.unwrap();
    let late = append(&*to, &job, 0, &lines, 3..7).await.unwrap();
    assert_eq!((late.next, late.appended, late.duplicate), (20, 0, 4));
    let nothing = append(&*to, &job, 0, &lines, 20..20).await.unwrap();
    assert_eq!((nothing.next, nothing.appended), (20, 0));
    assert_eq!(found(&*subject, &job).await, expected("w", 20));
}

/// P1 and P5: a request is sent again while the first one is still under way, over other connections.
pub async fn of_many_repeats_at_once_one_adds_the_lines(subject: Arc<dyn NumberedSubject>) {
    let job = subject.fresh_job();
    for round in 0..10 {
        let calls = (0..8).map(|_| {
            let (to, job, lines) = (subject.numbered(), job.clone(), numbered("w", 100));
            let range = 10 * round..10 * (round + 1);
            tokio::spawn(async move { append(&*to, &job, 0, &lines, range).await })
        });
        let mut appended = 0;
        for call in calls.collect::<Vec<_>>() {
            appended += call.await.unwrap().unwrap().appended;
        }
        assert_eq!(appended, 10);
    }
    assert_eq!(found(&*subject, &job).await, expected("w", 100));
}

/// P2.
pub async fn an_overlapping_batch_adds_the_rest_once(subject: Arc<dyn NumberedSubject>) {
    let (to, job, lines) = (subject.numbered(), subject.fresh_job(), numbered("w", 20));
    append(&*to, &job, 0, &lines, 0..10).await.unwrap();
    let done = append(&*to, &job, 0, &lines, 4..20).await.unwrap();
    assert_eq!((done.next, done.appended, done.duplicate), (20, 10, 6));
    let state = to.producer(&job, &name("w")).await.unwrap().unwrap();
    assert_eq!((state.epoch, state.next), (0, 20));
    assert_eq!(Some(state.last_id), done.last_id);
    let bounds = subject.store().bounds(&job).await.unwrap();
    assert_eq!(bounds.last_id, state.last_id);
    assert_eq!(found(&*subject, &job).await, expected("w", 20));
}

/// P2: the producer cuts what it sends again into other batches, at every place.
pub async fn batches_that_are_cut_anew_add_each_line_once(subject: Arc<dyn NumberedSubject>) {
    let (to, job, lines) = (subject.numbered(), subject.fresh_job(), numbered("w", 12));
    for end in 1..=12 {
        for begin in 0..end {
            append(&*to, &job, 0, &lines, begin..end).await.unwrap();
        }
    }
    assert_eq!(found(&*subject, &job).await, expected("w", 12));
}

/// P2: more lines than a store takes in one step.
pub async fn a_batch_of_many_lines_is_added_whole(subject: Arc<dyn NumberedSubject>) {
    let (to, job, lines) = (
        subject.numbered(),
        subject.fresh_job(),
        numbered("w", 2_300),
    );
    append(&*to, &job, 0, &lines, 0..700).await.unwrap();
    let done = append(&*to, &job, 0, &lines, 100..2_300).await.unwrap();
    assert_eq!(
        (done.next, done.appended, done.duplicate),
        (2_300, 1_600, 600)
    );
    assert_eq!(found(&*subject, &job).await, expected("w", 2_300));
}

/// P3: with and without lines.
pub async fn a_gap_adds_nothing_and_says_which_line_is_wanted(subject: Arc<dyn NumberedSubject>) {
    let (to, job, lines) = (subject.numbered(), subject.fresh_job(), numbered("w", 20));
    append(&*to, &job, 0, &lines, 0..5).await.unwrap();
    for range in [6..10, 6..6, 19..20] {
        let refused = append(&*to, &job, 0, &lines, range).await;
        assert!(matches!(refused, Err(Gap { next: 5 })), "{refused:?}");
    }
    assert_eq!(found(&*subject, &job).await, expected("w", 5));
}

/// P4: a worker that was replaced and does not know it.
pub async fn an_older_epoch_adds_nothing(subject: Arc<dyn NumberedSubject>) {
    let (to, job, lines) = (subject.numbered(), subject.fresh_job(), numbered("w", 20));
    append(&*to, &job, 2, &lines, 0..5).await.unwrap();
    for range in [0..5, 5..10, 0..0, 19..20] {
        let refused = append(&*to, &job, 1, &lines, range).await;
        assert!(
            matches!(refused, Err(StaleEpoch { epoch: 2 })),
            "{refused:?}"
        );
    }
    assert_eq!(found(&*subject, &job).await, expected("w", 5));
}

/// P4: a line of the new epoch that is not its first would hide that others were lost.
pub async fn a_newer_epoch_counts_from_0(subject: Arc<dyn NumberedSubject>) {
    let (to, job, lines) = (subject.numbered(), subject.fresh_job(), numbered("w", 20));
    append(&*to, &job, 0, &lines, 0..3).await.unwrap();
    let refused = append(&*to, &job, 1, &lines, 3..5).await;
    assert!(matches!(refused, Err(Gap { next: 0 })), "{refused:?}");
    let done = append(&*to, &job, 1, &lines, 0..2).await.unwrap();
    assert_eq!((done.next, done.appended), (2, 2));
    let refused = append(&*to, &job, 0, &lines, 3..5).await;
    assert!(
        matches!(refused, Err(StaleEpoch { epoch: 1 })),
        "{refused:?}"
    );
    let texts = found(&*subject, &job).await;
    assert_eq!(texts, ["w-0", "w-1", "w-2", "w-0", "w-1"]);
}

/// P5: whoever reads the count and then the log finds at least the lines that are counted.
pub async fn lines_and_their_count_change_together(subject: Arc<dyn NumberedSubject>) {
    let (to, job) = (subject.numbered(), subject.fresh_job());
    let (writer, to_job) = (Arc::clone(&to), job.clone());
    let writing = tokio::spawn(async move {
        let lines = numbered("w", 600);
        for n in 0..200 {
            append(&*writer, &to_job, 0, &lines, 3 * n..3 * (n + 1))
                .await
                .unwrap();
        }
    });
    while !writing.is_finished() {
        let before = subject.store().bounds(&job).await.unwrap().entries_added;
        let state = to.producer(&job, &name("w")).await.unwrap();
        let after = subject.store().bounds(&job).await.unwrap().entries_added;
        let next = state.map_or(0, |state| state.next);
        assert!(before <= next && next <= after, "{before} {next} {after}");
        assert_eq!(next % 3, 0, "a batch is added whole");
    }
    writing.await.unwrap();
}

/// P5: the caller drops the future at any moment and sends everything again, as after a lost answer.
pub async fn a_dropped_append_of_numbered_lines_is_repeated_without_loss_or_repeat(
    subject: Arc<dyn NumberedSubject>,
) {
    let (to, lines) = (subject.numbered(), numbered("w", 1_200));
    for round in 0..30_u64 {
        let job = subject.fresh_job();
        if round == 0 {
            poll_once(append(&*to, &job, 0, &lines, 0..1_200)).await;
        } else {
            let moment = Duration::from_micros(round * 100);
            timeout(moment, append(&*to, &job, 0, &lines, 0..1_200))
                .await
                .ok();
        }
        let again = append(&*to, &job, 0, &lines, 0..1_200).await.unwrap();
        assert_eq!(again.appended + again.duplicate, 1_200);
        assert_eq!(found(&*subject, &job).await, expected("w", 1_200));
    }
}

/// P6: each in its own order, and plain appends in between.
pub async fn producers_of_one_log_do_not_wait_for_each_other(subject: Arc<dyn NumberedSubject>) {
    const PRODUCERS: usize = 16;
    let job = subject.fresh_job();
    let producers = (0..PRODUCERS).map(|n| {
        let (to, plain, job) = (subject.numbered(), subject.appender(), job.clone());
        tokio::spawn(async move {
            let (name, lines) = (format!("p{n}"), numbered(&format!("p{n}"), 30));
            for (at, part) in lines.chunks(3).enumerate() {
                let batch = batch(&name, 0, 3 * at);
                to.append_numbered(&job, &batch, part).await.unwrap();
                plain.append(&job, &numbered("plain", 1)).await.unwrap();
            }
        })
    });
    for producer in producers.collect::<Vec<_>>() {
        producer.await.unwrap();
    }
    let mut by_producer: HashMap<String, Vec<String>> = HashMap::new();
    for text in found(&*subject, &job).await {
        let (name, _) = text.split_once('-').unwrap();
        by_producer.entry(name.to_owned()).or_default().push(text);
    }
    assert_eq!(by_producer.remove("plain").unwrap().len(), PRODUCERS * 10);
    assert_eq!(by_producer.len(), PRODUCERS);
    for (name, texts) in by_producer {
        assert_eq!(texts, expected(&name, 30));
    }
}

/// P7: whatever comes first afterwards is a new beginning, which the answer says unless it is line 0.
pub async fn a_log_that_is_gone_takes_its_counts_along(subject: Arc<dyn NumberedSubject>) {
    let (to, lines) = (subject.numbered(), numbered("w", 20));
    for expired in [false, true] {
        let job = subject.fresh_job();
        append(&*to, &job, 3, &lines, 0..5).await.unwrap();
        if expired {
            subject.expire_log(&job).await;
        } else {
            subject.delete_log(&job).await;
        }
        assert_eq!(
            subject.store().bounds(&job).await.unwrap(),
            LogBounds::ABSENT
        );
        assert_eq!(to.producer(&job, &name("w")).await.unwrap(), None);
        let done = append(&*to, &job, 0, &lines, 5..8).await.unwrap();
        assert_eq!((done.next, done.appended, done.resumed), (8, 3, false));
        let next = append(&*to, &job, 0, &lines, 8..9).await.unwrap();
        assert!(next.resumed, "the new beginning is known from then on");
        assert_eq!(found(&*subject, &job).await, ["w-5", "w-6", "w-7", "w-8"]);
    }
}

/// P7: an append without lines does not create the log either.
pub async fn a_producer_that_never_wrote_is_none(subject: Arc<dyn NumberedSubject>) {
    let (to, job, lines) = (subject.numbered(), subject.fresh_job(), numbered("w", 9));
    assert_eq!(to.producer(&job, &name("w")).await.unwrap(), None);
    let nothing = append(&*to, &job, 0, &lines, 4..4).await.unwrap();
    assert_eq!(
        (nothing.next, nothing.appended, nothing.last_id),
        (4, 0, None)
    );
    assert_eq!(
        subject.store().bounds(&job).await.unwrap(),
        LogBounds::ABSENT
    );
    append(&*to, &job, 0, &lines, 0..1).await.unwrap();
    assert_eq!(to.producer(&job, &name("other")).await.unwrap(), None);
}
