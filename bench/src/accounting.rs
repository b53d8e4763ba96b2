//! What the kernel says about a process: its CPU time, its resident memory, how many files it may open.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::BenchError;

/// The CPU time of a group of processes, at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cpu {
    /// Nanoseconds on a CPU, thread by thread (`schedstat`): exact, but a thread that has ended is no longer there.
    threads: BTreeMap<u32, u64>,
    /// The same of whole processes, ended threads included, in ticks (`stat`, fields 14 and 15).
    ticks: u64,
}

impl Cpu {
    /// Of these processes, now.
    pub(crate) fn for_processes(processes: &[u32]) -> Result<Self, BenchError> {
        let mut cpu = Self::default();
        for process in processes {
            let stat = read(&format!("/proc/{process}/stat"))?;
            // The name in the second field may hold blanks and parentheses.
            let after_name = stat.rsplit(')').next().unwrap_or_default();
            let fields: Vec<&str> = after_name.split_whitespace().collect();
            for field in [11, 12] {
                let ticks = fields.get(field).and_then(|text| text.parse::<u64>().ok());
                cpu.ticks += ticks.unwrap_or(0);
            }
            for thread in numbers_in(&format!("/proc/{process}/task"))? {
                // It may have ended since it was listed.
                let schedstat =
                    fs::read_to_string(format!("/proc/{process}/task/{thread}/schedstat"));
                let time = schedstat.unwrap_or_default();
                let time = time.split(' ').next().and_then(|text| text.parse().ok());
                cpu.threads.insert(thread, time.unwrap_or(0));
            }
        }
        Ok(cpu)
    }

    /// What was used since `before`.
    pub(crate) fn since(&self, before: &Self) -> Duration {
        let exact = self.threads.iter().map(|(thread, time)| {
            time.saturating_sub(before.threads.get(thread).copied().unwrap_or(0))
        });
        let exact = Duration::from_nanos(exact.sum());
        let tick = Duration::from_secs(1) / u32::try_from(clock_ticks_per_second()).unwrap_or(100);
        let ticks = u32::try_from(self.ticks.saturating_sub(before.ticks)).unwrap_or(u32::MAX);
        // Two ticks may be rounding; more are threads that ended in between.
        exact.max((tick * ticks).saturating_sub(tick * 2))
    }
}

/// The process and its children, for servers that fork workers.
pub(crate) fn with_children(process: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let children = children.unwrap_or_default();
    let children = children
        .split_whitespace()
        .filter_map(|text| text.parse().ok());
    std::iter::once(process).chain(children).collect()
}

/// Resident memory in bytes (`VmRSS`), of all these processes.
pub(crate) fn resident(processes: &[u32]) -> Result<u64, BenchError> {
    memory(processes, "VmRSS:")
}

/// The most resident memory that they have had, in bytes (`VmHWM`).
pub(crate) fn peak(processes: &[u32]) -> Result<u64, BenchError> {
    memory(processes, "VmHWM:")
}

fn memory(processes: &[u32], what: &str) -> Result<u64, BenchError> {
    let mut bytes = 0;
    for process in processes {
        let status = read(&format!("/proc/{process}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(what));
        let number = line.and_then(|line| line.split_whitespace().next());
        bytes += number
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(0)
            * 1024;
    }
    Ok(bytes)
}

/// Makes sure that this process and those it starts may open `need` files each.
pub(crate) fn allow_files(need: u64) -> Result<(), BenchError> {
    let limit = getrlimit(Resource::Nofile);
    let have = limit.maximum.unwrap_or(u64::MAX);
    if have < need {
        return Err(BenchError::Files { have, need });
    }
    let raised = Rlimit {
        current: Some(have),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised)
        .map_err(|source| BenchError::io("raise the limit of open files")(source.into()))
}

/// The machine in one line, for the head of a table.
pub(crate) fn machine() -> String {
    let first = |file: &str, key: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key));
        line.and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = first("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unknown CPU".to_owned());
    let memory = first("/proc/meminfo", "MemTotal").unwrap_or_default();
    let memory: u64 = memory
        .split(' ')
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = kernel.trim();
    format!(
        "{cores} cores ({model}), {} GiB, Linux {kernel}",
        memory / 1_048_576
    )
}

/// The load average over a minute: what else the machine does shows here.
pub(crate) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn read(file: &str) -> Result<String, BenchError> {
    fs::read_to_string(file).map_err(BenchError::io(format!("read {file}")))
}

fn numbers_in(folder: &str) -> Result<Vec<u32>, BenchError> {
    let entries = fs::read_dir(folder).map_err(BenchError::io(format!("read {folder}")))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter_map(|name| name.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_seen_to_the_millisecond() {
        let process = [std::process::id()];
        let before = Cpu::for_processes(&process).unwrap();
        let begin = crate::clock::now_ns();
        while crate::clock::now_ns() < begin + 30_000_000 {}
        let used = Cpu::for_processes(&process).unwrap().since(&before);
        assert!(used > Duration::from_millis(1), "{used:?}");
    }

    #[test]
    fn memory_is_seen() {
        assert!(resident(&[std::process::id()]).unwrap() > 100_000);
    }

    #[test]
    fn a_machine_that_allows_too_few_files_says_what_to_do() {
        let Some(hard) = getrlimit(Resource::Nofile).maximum else {
            return;
        };
        let error = allow_files(hard + 1).unwrap_err();
        assert!(error.to_string().contains("ulimit -Hn"), "{error}");
    }
}
