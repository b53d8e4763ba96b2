//! W5: readers of a log that drop the future of a wait or of a read.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::watch::{ROUNDS, settle, three_lines};
use crate::conformance::subject::LogSubject;
use crate::conformance::support::{
    ALL, Follower, SHORT, id, ids, line, poll_once, read_after, soon, texts,
};

/// W5: futures of `changed` are dropped at many moments around a change.
pub async fn a_dropped_changed_loses_no_notice(subject: Arc<dyn LogSubject>) {
    let job = subject.fresh_job();
    let mut follower = Follower::new(subject.store().watch_log(&job));
    soon(&*subject, "the first notice", follower.step()).await;
    for count in 1..=ROUNDS {
        let (behind, job) = (Arc::clone(&subject), job.clone());
        let append =
            tokio::spawn(async move { behind.append_at(&job, id(count as u64), &line("x")).await });
        // Whenever the future is dropped, and even if it has returned, the notice stays until a read.
        let mut notified = false;
        for wait in 0..4 {
            let pause = Duration::from_micros(((count * 7 + wait * 13) % 90) as u64 * 10);
            notified |= poll_once(follower.watch.changed()).await.is_some();
            if !notified {
                notified |= timeout(pause, follower.watch.changed()).await.is_ok();
            }
        }
        append.await.unwrap();
        if notified {
            let tail = read_after(&mut *follower.watch, follower.position).await;
            follower.position = tail.lines.last().map_or(follower.position, |last| last.id);
            follower.seen.extend(tail.lines);
        }
        soon(&*subject, "the line", follower.until(count)).await;
    }
    let expected: Vec<_> = (1..=ROUNDS as u64).map(id).collect();
    assert_eq!(ids(&follower.seen), expected);
}

/// W5: the reader has other things to do, and never waits for long. A watch that polls, and begins its pause anew with each
/// future, would never give a notice.
pub async fn a_reader_that_waits_in_short_steps_gets_its_notice(subject: Arc<dyn LogSubject>) {
    let job = three_lines(&*subject).await;
    let mut watch = subject.store().watch_log(&job);
    settle(&*subject, &mut *watch).await;
    subject.append_at(&job, id(4), &line("4")).await;
    let in_short_steps = async { while timeout(SHORT, watch.changed()).await.is_err() {} };
    soon(&*subject, "a notice in short steps", in_short_steps).await;
    let tail = read_after(&mut *watch, id(3)).await;
    assert_eq!(texts(&tail.lines), ["4"]);
}

/// W5 and R8: after a dropped read, later changes are noticed, too.
pub async fn a_dropped_read_loses_no_notice(subject: Arc<dyn LogSubject>) {
    let job = subject.fresh_job();
    let mut follower = Follower::new(subject.store().watch_log(&job));
    soon(&*subject, "the first notice", follower.step()).await;
    for count in 1..=ROUNDS {
        let position = follower.position;
        if count % 2 == 0 {
            poll_once(follower.watch.read_after(position, ALL)).await;
        } else {
            let moment = Duration::from_micros((count % 40) as u64 * 10);
            timeout(moment, follower.watch.read_after(position, ALL))
                .await
                .ok();
        }
        subject.append_at(&job, id(count as u64), &line("x")).await;
        soon(&*subject, "the line", follower.until(count)).await;
    }
}
