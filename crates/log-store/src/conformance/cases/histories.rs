//! P1 to P6 by random histories: batches that are cut anew, repeats, lost answers, dropped calls, gaps, restarts in a new
//! epoch and zombies, of several producers at once. The log holds what was sent, once each, in each producer's order.

use std::sync::Arc;

use log_domain::{EntryId, JobId};

use super::numbered::{batch, found, name};
use crate::NumberedAppendError::{Gap, StaleEpoch};
use crate::conformance::subject::NumberedSubject;
use crate::conformance::support::{line, poll_once};
use crate::{NewLine, NumberedAppend};

/// How many histories the suite runs over each store.
const HISTORIES: u64 = 40;

/// How many steps a history has.
const STEPS: u64 = 40;

/// P1 to P6: in any history.
pub async fn in_random_histories_each_line_is_in_the_log_once(subject: Arc<dyn NumberedSubject>) {
    histories(&*subject, 0..HISTORIES).await;
}

/// Runs the histories with these seeds. A failure names its seed.
///
/// # Panics
/// If a log does not hold what was sent.
pub async fn histories(subject: &dyn NumberedSubject, seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let job = subject.fresh_job();
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut producers: Vec<_> = (0..1 + random.below(3)).map(Producer::new).collect();
        for _ in 0..STEPS {
            let at = usize::try_from(random.below(producers.len() as u64)).unwrap();
            producers[at]
                .step(&*subject.numbered(), &job, &mut random)
                .await;
        }
        for producer in &mut producers {
            producer.finish(&*subject.numbered(), &job).await;
        }
        let texts = found(subject, &job).await;
        for producer in &producers {
            producer.check(&texts, seed);
        }
    }
}

/// A producer, and what it knows.
struct Producer {
    name: String,
    epoch: u64,
    /// How many lines of this epoch it has made.
    made: usize,
    /// How many of them were acknowledged.
    acknowledged: usize,
    /// How many lines of each former epoch were acknowledged, and how many were made.
    former: Vec<(usize, usize)>,
}

impl Producer {
    fn new(n: u64) -> Self {
        Self {
            name: format!("p{n}"),
            epoch: 0,
            made: 0,
            acknowledged: 0,
            former: Vec::new(),
        }
    }

    fn lines(&self, epoch: u64, range: std::ops::Range<usize>) -> Vec<NewLine> {
        range
            .map(|n| line(format!("{}/{epoch}/{n}", self.name)))
            .collect()
    }

    async fn step(&mut self, to: &dyn NumberedAppend, job: &JobId, random: &mut Random) {
        let wanted = self.acknowledged + usize::try_from(1 + random.below(9)).unwrap();
        self.made = self.made.max(wanted);
        let from = self.acknowledged;
        let end = from + 1 + usize::try_from(random.below((self.made - from) as u64)).unwrap();
        match random.below(10) {
            // The answer is lost.
            0 | 1 => drop(self.send(to, job, from, end).await),
            // The call is dropped on its way. A further call, so that it is over.
            2 => {
                let (lines, batch) = (
                    self.lines(self.epoch, from..end),
                    batch(&self.name, self.epoch, from),
                );
                poll_once(to.append_numbered(job, &batch, &lines)).await;
                to.append_numbered(job, &batch, &[]).await.ok();
            }
            // Some of what is known already comes again.
            3 => {
                let begin = usize::try_from(random.below(from as u64 + 1)).unwrap();
                self.send_and_learn(to, job, begin, end).await;
            }
            // A gap.
            4 => {
                let sent = self.send(to, job, self.made + 1, self.made + 2).await;
                assert!(matches!(sent, Err(Gap { .. })) || from == 0, "{sent:?}");
                if sent.is_ok() {
                    self.started_in_the_middle();
                }
            }
            // A restart that has lost its count.
            5 if random.below(3) == 0 => {
                self.former.push((self.acknowledged, self.made));
                (self.epoch, self.made, self.acknowledged) = (self.epoch + 1, 0, 0);
            }
            // A zombie.
            6 if self.epoch > 0 && self.acknowledged > 0 => {
                let lines = self.lines(self.epoch - 1, 0..3);
                let zombie = batch(&self.name, self.epoch - 1, 0);
                let refused = to.append_numbered(job, &zombie, &lines).await;
                assert!(matches!(refused, Err(StaleEpoch { .. })), "{refused:?}");
            }
            // It asks where it is.
            7 => {
                let known = to.producer(job, &name(&self.name)).await.unwrap();
                if let Some(known) = known.filter(|known| known.epoch == self.epoch) {
                    self.acknowledged = usize::try_from(known.next).unwrap();
                }
            }
            _ => self.send_and_learn(to, job, from, end).await,
        }
    }

    /// Where nothing is known of a producer, any number is a beginning. So a history only tries a gap behind a beginning.
    fn started_in_the_middle(&mut self) {
        self.former.push((0, self.made + 2));
        (self.epoch, self.made, self.acknowledged) = (self.epoch + 1, 0, 0);
    }

    async fn send(
        &self,
        to: &dyn NumberedAppend,
        job: &JobId,
        from: usize,
        end: usize,
    ) -> Result<crate::NumberedAppended, crate::NumberedAppendError> {
        let batch = batch(&self.name, self.epoch, from);
        to.append_numbered(job, &batch, &self.lines(self.epoch, from..end))
            .await
    }

    async fn send_and_learn(
        &mut self,
        to: &dyn NumberedAppend,
        job: &JobId,
        from: usize,
        end: usize,
    ) {
        let done = self.send(to, job, from, end).await.unwrap();
        self.acknowledged = usize::try_from(done.next).unwrap();
        self.made = self.made.max(self.acknowledged);
        assert!(done.last_id > Some(EntryId::ZERO));
    }

    async fn finish(&mut self, to: &dyn NumberedAppend, job: &JobId) {
        self.made = self.made.max(1);
        self.send_and_learn(to, job, self.acknowledged.min(self.made - 1), self.made)
            .await;
    }

    /// The lines of this epoch are all there, those of former ones at least as far as they were acknowledged.
    fn check(&self, texts: &[String], seed: u64) {
        let numbers = |epoch: u64| {
            let prefix = format!("{}/{epoch}/", self.name);
            let own = texts
                .iter()
                .filter_map(move |text| text.strip_prefix(&prefix));
            own.map(|n| n.parse::<usize>().unwrap()).collect::<Vec<_>>()
        };
        let all: Vec<_> = (0..self.made).collect();
        assert_eq!(numbers(self.epoch), all, "seed {seed}");
        for (epoch, (acknowledged, made)) in (0..).zip(&self.former) {
            let there = numbers(epoch);
            let first = there.first().copied().unwrap_or(0);
            let expected: Vec<_> = (first..first + there.len()).collect();
            assert_eq!(there, expected, "seed {seed}: in order, once each");
            let enough = there.len() >= *acknowledged && first + there.len() <= *made;
            assert!(
                enough,
                "seed {seed}: {there:?}, of {acknowledged} and {made}"
            );
        }
    }
}

/// Numbers that are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}
