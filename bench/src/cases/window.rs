//! A window of a run: what the viewers got in it, and what it cost the servers.

use std::time::Duration;

use crate::accounting::Cpu;
use crate::bench::Bench;
use crate::error::BenchError;
use crate::load::process::Load;
use crate::load::tally::Report;

/// What a window showed.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    /// At the viewers.
    pub(crate) report: Report,
    /// CPU time of each group of processes that was asked for.
    pub(crate) cpu: Vec<Duration>,
    /// CPU time of the load itself: near a core, what is measured is the load.
    load: Duration,
}

impl Window {
    /// Measures for a while.
    pub(crate) fn measure(
        bench: &Bench,
        load: &mut Load,
        groups: &[&[u32]],
        length: Duration,
    ) -> Result<Self, BenchError> {
        let me = [load.process()];
        let before = (times(groups)?, Cpu::for_processes(&me)?);
        load.mark()?;
        bench.stop.pause(length)?;
        let after = (times(groups)?, Cpu::for_processes(&me)?);
        let report = load.report()?;
        let cpu = after.0.iter().zip(&before.0);
        Ok(Self {
            report,
            cpu: cpu.map(|(after, before)| after.since(before)).collect(),
            load: after.1.since(&before.1),
        })
    }

    /// How much of a core the load took, in percent.
    pub(crate) fn load_percent(&self) -> f64 {
        100.0 * self.load.as_secs_f64() / self.report.seconds
    }

    /// CPU nanoseconds of a group for each line that a viewer got.
    pub(crate) fn ns_per_line(&self, group: usize) -> f64 {
        let cpu = self.cpu.get(group).copied().unwrap_or_default();
        cpu.as_secs_f64() * 1e9 / as_f64(self.report.lines)
    }
}

fn times(groups: &[&[u32]]) -> Result<Vec<Cpu>, BenchError> {
    groups
        .iter()
        .map(|group| Cpu::for_processes(group))
        .collect()
}

/// For ratios: a count as a number with fractions; no count here is near 2⁵³.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a run are far below the 53 bits that are kept"
)]
pub(crate) const fn as_f64(count: u64) -> f64 {
    count as f64
}
