//! How much a job may append: so many lines and bytes each second, and ten seconds' worth of them at once.

use std::collections::HashMap;
use std::num::NonZero;
use std::time::Duration;

use log_domain::JobId;
use parking_lot::Mutex;
use tokio::time::Instant;

/// How many seconds' worth a job that was quiet may append at once.
const BURST: f64 = 10.0;

/// With so many jobs, those that have been quiet are forgotten. It grows with the map.
const FIRST_SWEEP: usize = 1024;

/// The allowance of each job of this process.
#[derive(Debug)]
pub(super) struct Pacing {
    /// Lines, and bytes, for each second; `None` is no limit.
    rates: [Option<f64>; 2],
    jobs: Mutex<Jobs>,
}

#[derive(Debug)]
struct Jobs {
    allowances: HashMap<JobId, Allowance>,
    sweep_at: usize,
}

/// What a job may still append. It may go below zero once, so that any one request gets through in the end.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    left: [f64; 2],
    at: Instant,
}

impl Pacing {
    pub(super) fn new(lines: Option<NonZero<usize>>, bytes: Option<NonZero<usize>>) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a rate need not be exact")]
        let rate = |limit: NonZero<usize>| limit.get() as f64;
        Self {
            rates: [lines.map(rate), bytes.map(rate)],
            jobs: Mutex::new(Jobs {
                allowances: HashMap::new(),
                sweep_at: FIRST_SWEEP,
            }),
        }
    }

    /// Takes so many lines and bytes off the job's allowance.
    ///
    /// # Errors
    /// The allowance is used up: how long to wait until it is not.
    pub(super) fn take(&self, job: &JobId, lines: usize, bytes: usize) -> Result<(), Duration> {
        if self.rates == [None, None] {
            return Ok(());
        }
        let now = Instant::now();
        let mut jobs = self.jobs.lock();
        if jobs.allowances.len() >= jobs.sweep_at {
            jobs.allowances
                .retain(|_, allowance| !self.is_full(&self.refilled(allowance, now)));
            jobs.sweep_at = FIRST_SWEEP.max(2 * jobs.allowances.len());
        }
        let full = self.rates.map(|rate| rate.unwrap_or(0.0) * BURST);
        let allowance = jobs.allowances.entry(job.clone()).or_insert(Allowance {
            left: full,
            at: now,
        });
        *allowance = self.refilled(allowance, now);
        let waits = self.rates.iter().zip(allowance.left);
        let wait = waits
            .filter_map(|(rate, left)| rate.filter(|_| left <= 0.0).map(|rate| -left / rate))
            .fold(None, |longest: Option<f64>, wait| {
                Some(longest.unwrap_or(0.0).max(wait))
            });
        if let Some(seconds) = wait {
            return Err(Duration::from_secs_f64(seconds.clamp(0.001, 3600.0)));
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate need not be exact")]
        for (left, used) in allowance.left.iter_mut().zip([lines, bytes]) {
            *left -= used as f64;
        }
        Ok(())
    }

    fn refilled(&self, allowance: &Allowance, now: Instant) -> Allowance {
        let seconds = now.saturating_duration_since(allowance.at).as_secs_f64();
        let refill = |(left, rate): (f64, Option<f64>)| {
            let rate = rate.unwrap_or(0.0);
            (left + rate * seconds).min(rate * BURST)
        };
        let [lines, bytes] = allowance.left;
        let [line_rate, byte_rate] = self.rates;
        Allowance {
            left: [refill((lines, line_rate)), refill((bytes, byte_rate))],
            at: now,
        }
    }

    fn is_full(&self, allowance: &Allowance) -> bool {
        let full = self.rates.map(|rate| rate.unwrap_or(0.0) * BURST);
        allowance
            .left
            .iter()
            .zip(full)
            .all(|(left, full)| *left >= full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pacing(lines: usize, bytes: usize) -> Pacing {
        Pacing::new(NonZero::new(lines), NonZero::new(bytes))
    }

    fn job(text: &str) -> JobId {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_waits_as_it_is_told_gets_its_rate() {
        let (pacing, job) = (pacing(100, 0), job("a"));
        let (begin, mut lines) = (Instant::now(), 0);
        while begin.elapsed() < Duration::from_secs(60) {
            match pacing.take(&job, 50, 1) {
                Ok(()) => lines += 50,
                Err(wait) => tokio::time::advance(wait + Duration::from_millis(1)).await,
            }
        }
        assert!(
            (6_900..=7_150).contains(&lines),
            "60 s and the burst: {lines}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_job_takes_nothing_from_another() {
        let pacing = pacing(10, 0);
        assert!(pacing.take(&job("a"), 1_000, 0).is_ok());
        assert!(pacing.take(&job("a"), 1, 0).is_err());
        assert!(pacing.take(&job("b"), 1, 0).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_are_limited_as_lines_are_and_0_is_no_limit() {
        let limited = pacing(0, 10);
        assert!(limited.take(&job("a"), 1, 200).is_ok());
        let wait = limited.take(&job("a"), 1, 1).unwrap_err();
        assert_eq!(wait.as_secs(), 10);
        let free = pacing(0, 0);
        for _ in 0..1000 {
            assert!(free.take(&job("a"), 20_000, 8_000_000).is_ok());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn jobs_that_have_been_quiet_are_forgotten() {
        let pacing = pacing(10, 10);
        for n in 0..10_000 {
            pacing.take(&job(&n.to_string()), 1, 1).ok();
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        assert!(pacing.jobs.lock().allowances.len() <= 2 * FIRST_SWEEP);
    }
}
