//! Writers and followers of some logs, while something happens to the servers; and what came of it, as a row of docs/REDIS.md.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use log_domain::{EntryId, JobId, Numbering};
use log_store::redis::RedisStore;
use log_store::{LogStore, NewLine, NumberedAppend as _, NumberedAppendError};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};

use crate::support::ALL;

/// The pause of a writer between two lines.
const PAUSE: Duration = Duration::from_millis(20);

/// What the followers have seen of their logs. Each line was seen in order, by the follower of its job, and once, unless a gap
/// was told before it came again. Anything else is a failed test.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) written: usize,
    pub(crate) delivered: usize,
    pub(crate) gaps: usize,
    /// Lines that came again after a gap. They were shown before they were on a replica, and were lost with their server.
    pub(crate) again: usize,
    /// The longest time without a line, of any follower.
    pub(crate) silence: Duration,
}

impl fmt::Display for Row {
    /// Written, delivered, lost, doubled, foreign, gaps, longest silence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lost = self.written - self.delivered;
        let (written, delivered, gaps) = (self.written, self.delivered, self.gaps);
        let again = self.again;
        let silence = self.silence.as_secs_f64();
        write!(
            f,
            "| {written} | {delivered} | {lost} | {again} | 0 | {gaps} | {silence:.1} s |"
        )
    }
}

/// Writes and follows logs until something has happened, and until everything that was written was seen.
pub(crate) async fn under_load(
    writer: &RedisStore,
    reader: &RedisStore,
    jobs: &[JobId],
    happens: impl Future<Output = ()>,
) -> Row {
    let done = Arc::new(AtomicBool::new(false));
    let mut followers = JoinSet::new();
    for job in jobs {
        let writing = tokio::spawn(write(writer.clone(), job.clone(), done.clone()));
        followers.spawn(follow(reader.clone(), job.clone(), writing));
    }
    sleep(Duration::from_secs(1)).await;
    happens.await;
    sleep(Duration::from_secs(1)).await;
    done.store(true, Ordering::Relaxed);
    let mut row = Row::default();
    while let Some(seen) = followers.join_next().await {
        let seen = seen.unwrap();
        row.written += seen.written;
        row.delivered += seen.delivered;
        row.gaps += seen.gaps;
        row.again += seen.again;
        row.silence = row.silence.max(seen.silence);
    }
    row
}

/// The line of a job with this number.
pub(crate) fn text(job: &JobId, number: usize) -> String {
    format!("{job}:{number}")
}

fn number(text: &str) -> Option<usize> {
    text.rsplit(':').next()?.parse().ok()
}

/// Appends lines until it is told to stop, each until the store says that it is there. Returns how many.
async fn write(store: RedisStore, job: JobId, done: Arc<AtomicBool>) -> usize {
    let mut number = 0;
    while !done.load(Ordering::Relaxed) {
        let batch = Numbering::new("writer".parse().unwrap(), 0, number as u64).unwrap();
        let line = [NewLine {
            text: Some(text(&job, number)),
            ..NewLine::default()
        }];
        while let Err(error) = store.append_numbered(&job, &batch, &line).await {
            let NumberedAppendError::Store(error) = error else {
                panic!("a line that was there is gone: {error}");
            };
            assert!(error.is_retryable(), "{error}");
            sleep(PAUSE).await;
        }
        number += 1;
        sleep(PAUSE).await;
    }
    number
}

/// Follows until the writer has ended and all its lines were seen.
async fn follow(store: RedisStore, job: JobId, mut writer: JoinHandle<usize>) -> Row {
    let mut watch = store.watch_log(&job);
    let (mut position, mut seen, mut written) = (EntryId::ZERO, Row::default(), None);
    let (mut last, mut after_gap) = (Instant::now(), false);
    while written != Some(seen.delivered) {
        tokio::select! {
            count = &mut writer, if written.is_none() => {
                written = Some(count.unwrap());
                continue;
            }
            () = watch.changed() => {}
        }
        let tail = match watch.read_after(position, ALL).await {
            Ok(tail) => tail,
            Err(error) => {
                assert!(error.is_retryable(), "{error}");
                sleep(PAUSE).await;
                continue;
            }
        };
        if let Some(gap) = tail.gap(position) {
            (seen.gaps, position, after_gap) = (seen.gaps + 1, gap.resume_after, true);
        }
        if let Some(first) = tail.lines.first().filter(|_| after_gap) {
            let number = number(first.text.as_deref().unwrap()).unwrap();
            let again = seen.delivered.saturating_sub(number);
            (seen.again, seen.delivered) = (seen.again + again, seen.delivered - again);
            after_gap = false;
        }
        for line in tail.lines {
            let expected = text(&job, seen.delivered);
            assert_eq!(line.text, Some(expected), "its own, in order, once");
            (position, seen.delivered) = (line.id, seen.delivered + 1);
            seen.silence = seen.silence.max(last.elapsed());
            last = Instant::now();
        }
    }
    seen.written = seen.delivered;
    seen
}
