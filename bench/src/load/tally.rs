//! Counting what viewers get: every line, once, in order, and how late.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::clock::now_ns;
use crate::error::BenchError;

/// What came in a window. Lines that are wrong are counted from the beginning.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Report {
    /// Streams that are open.
    pub(crate) open: u64,
    /// Lines, over all streams.
    pub(crate) lines: u64,
    /// Bytes, framing included.
    pub(crate) bytes: u64,
    /// How often something was read: lines a read tell how far writes are coalesced.
    pub(crate) reads: u64,
    /// The length of the window.
    pub(crate) seconds: f64,
    /// How long after its beginning the last line came, in seconds.
    pub(crate) until_last: f64,
    /// Half of the lines were not later than this, in microseconds.
    pub(crate) p50_us: f64,
    /// 99 of 100 were not.
    pub(crate) p99_us: f64,
    /// None was.
    pub(crate) max_us: f64,
    /// Lines that did not come.
    pub(crate) missing: u64,
    /// Lines that came again, or after a later one.
    pub(crate) repeated: u64,
    /// Streams that the server ended.
    pub(crate) closed: u64,
    /// The lowest number that a stream waits for next.
    pub(crate) lowest_next: u64,
    /// Answers, for loads that ask.
    pub(crate) answers: u64,
}

impl Report {
    /// An error unless every viewer got every line exactly once, in order, and is still there.
    pub(crate) fn check(&self, who: &str) -> Result<(), BenchError> {
        if self.missing + self.repeated + self.closed == 0 {
            return Ok(());
        }
        Err(BenchError::Lines {
            who: who.to_owned(),
            missing: self.missing,
            repeated: self.repeated,
            closed: self.closed,
        })
    }
}

/// The counters of one load process.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Delays in nanoseconds, of the window.
    delays: Histogram<u32>,
    /// Of the window.
    pub(crate) lines: u64,
    /// Of the window.
    pub(crate) bytes: u64,
    /// Of the window.
    pub(crate) reads: u64,
    /// Of the window.
    pub(crate) answers: u64,
    /// From the beginning.
    pub(crate) missing: u64,
    /// From the beginning.
    pub(crate) repeated: u64,
    /// From the beginning.
    pub(crate) closed: u64,
    /// When the window began.
    began: u64,
    /// When the last line came.
    last: u64,
}

impl Tally {
    /// Counts from now on.
    pub(crate) fn new() -> Result<Self, BenchError> {
        // From a microsecond to two minutes, to one part in a hundred.
        let delays = Histogram::new_with_bounds(1_000, 120_000_000_000, 2)
            .map_err(|error| BenchError::peer("histogram", error.to_string()))?;
        Ok(Self {
            delays,
            lines: 0,
            bytes: 0,
            reads: 0,
            answers: 0,
            missing: 0,
            repeated: 0,
            closed: 0,
            began: now_ns(),
            last: 0,
        })
    }

    /// A line came, now. Returns the number that is to come next.
    pub(crate) fn line(&mut self, expected: u64, number: u64, at: u64, now_ns: u64) -> u64 {
        let late_ns = now_ns.saturating_sub(at);
        self.lines += 1;
        self.last = now_ns;
        self.delays.saturating_record(late_ns);
        if number < expected {
            self.repeated += 1;
            return expected;
        }
        self.missing += number - expected;
        number + 1
    }

    /// Begins a window.
    pub(crate) fn mark(&mut self) {
        self.delays.reset();
        (self.lines, self.bytes, self.reads, self.answers) = (0, 0, 0, 0);
        self.began = now_ns();
    }

    /// What came in the window.
    pub(crate) fn report(&self, open: u64, lowest_next: u64) -> Report {
        let us = |ns: u64| std::time::Duration::from_nanos(ns).as_secs_f64() * 1e6;
        Report {
            open,
            lines: self.lines,
            bytes: self.bytes,
            reads: self.reads,
            seconds: us(now_ns() - self.began) / 1e6,
            until_last: us(self.last.saturating_sub(self.began)) / 1e6,
            p50_us: us(self.delays.value_at_quantile(0.5)),
            p99_us: us(self.delays.value_at_quantile(0.99)),
            max_us: us(self.delays.max()),
            missing: self.missing,
            repeated: self.repeated,
            closed: self.closed,
            lowest_next,
            answers: self.answers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(numbers: &[u64]) -> Report {
        let mut tally = Tally::new().unwrap();
        let last = numbers
            .iter()
            .fold(1, |next, number| tally.line(next, *number, 0, 5_000));
        tally.report(1, last)
    }

    #[test]
    fn lines_in_order_are_right() {
        let report = told(&[1, 2, 3]);
        report.check("a server").unwrap();
        assert_eq!((report.lines, report.lowest_next), (3, 4));
        assert!((4.9..5.2).contains(&report.p50_us), "{report:?}");
    }

    #[test]
    fn a_lost_line_is_missing() {
        let report = told(&[1, 3]);
        assert_eq!((report.missing, report.repeated), (1, 0));
        report.check("a server").unwrap_err();
    }

    #[test]
    fn a_line_that_comes_again_or_late_is_repeated() {
        assert_eq!(told(&[1, 1, 2]).repeated, 1);
        let late = told(&[2, 1]);
        assert_eq!((late.missing, late.repeated), (1, 1));
    }
}
