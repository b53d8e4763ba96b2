//! The writer of a random history: what happens to the log and to its store.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use log_domain::{Order, ReadLimit, Span};
use log_store::LogStore;
use tokio::time::sleep;

use crate::fixture::Fixture;

/// How far the ids of two logs of a history lie apart.
const LOG_SPACING: u64 = 1_000_000;

/// What has happened so far.
#[derive(Default)]
pub(super) struct Script {
    steps: AtomicU64,
    pub(super) lines: Mutex<Lines>,
}

#[derive(Default)]
pub(super) struct Lines {
    /// The ids in the order in which they were appended.
    pub(super) appended: Vec<u64>,
    /// For each of them, the index of the first line of its log.
    pub(super) log_begin: Vec<usize>,
    /// For each line that was deleted one by one, the step from which on a reader before it may have missed it.
    pub(super) deleted: HashMap<u64, u64>,
    /// Whether the log does not exist.
    pub(super) is_gone: bool,
}

impl Script {
    /// How many steps the writer has taken.
    pub(super) fn steps(&self) -> u64 {
        self.steps.load(Ordering::SeqCst)
    }

    /// How many lines were appended.
    pub(super) fn appended(&self) -> usize {
        self.lines.lock().unwrap().appended.len()
    }
}

pub(super) struct Writer {
    fixture: Arc<Fixture>,
    script: Arc<Script>,
    rng: Rng,
    destroys: bool,
    /// The bases of the logs to come.
    bases: Vec<u64>,
    /// The id of the last line of the present log.
    last: Option<u64>,
    log_begin: usize,
    /// The deletions of the present log: the step, and the id.
    deletions: Vec<(u64, u64)>,
    is_cut: bool,
}

impl Writer {
    pub(super) fn new(
        fixture: Arc<Fixture>,
        script: Arc<Script>,
        mut rng: Rng,
        destroys: bool,
    ) -> Self {
        let mut bases: Vec<_> = (1..=30).map(|n| n * LOG_SPACING).collect();
        rng.shuffle(&mut bases);
        Self {
            fixture,
            script,
            rng,
            destroys,
            bases,
            last: None,
            log_begin: 0,
            deletions: Vec::new(),
            is_cut: false,
        }
    }

    pub(super) async fn run(mut self) {
        for _ in 0..self.rng.u32(20..150) {
            self.script.steps.fetch_add(1, Ordering::SeqCst);
            self.step().await;
            match self.rng.u8(0..20) {
                0..=9 => {}
                10..=14 => tokio::task::yield_now().await,
                15..=18 => sleep(Duration::from_millis(self.rng.u64(0..60))).await,
                _ => sleep(Duration::from_secs(self.rng.u64(0..4))).await,
            }
        }
        self.fixture.set_status("ready");
        sleep(Duration::from_millis(self.rng.u64(0..2_000))).await;
        let faults = self.fixture.store.faults();
        faults.mend();
        faults.set_latency(Duration::ZERO);
        faults.set_spurious_every(None);
        faults.fail_next(0);
    }

    async fn step(&mut self) {
        let fixture = self.fixture.clone();
        let faults = fixture.store.faults();
        match self.rng.u8(0..100) {
            0..=59 => self.append().await,
            60..=69 if self.destroys => fixture.trim_to(self.rng.usize(0..60)),
            70..=74 if self.destroys => self.delete_line().await,
            75..=77 if self.destroys && self.bases.len() > 1 => {
                fixture.delete_log();
                self.last = None;
                self.script.lines.lock().unwrap().is_gone = true;
            }
            78..=82 if self.is_cut => {
                faults.mend();
                self.is_cut = false;
            }
            78..=82 => {
                faults.cut();
                self.is_cut = true;
            }
            83..=87 => faults.interrupt(),
            88..=92 => faults.fail_next(self.rng.u64(1..4)),
            93..=95 => {
                let every = Duration::from_millis(self.rng.u64(1..100));
                faults.set_spurious_every(self.rng.bool().then_some(every));
            }
            _ => faults.set_latency(Duration::from_millis(
                self.rng.u64(0..30) * self.rng.u64(0..2),
            )),
        }
    }

    async fn append(&mut self) {
        for _ in 0..self.rng.u32(1..40) {
            let next = match self.last {
                Some(last) => last + self.rng.u64(1..3),
                None => self.begin_log(),
            };
            self.last = Some(next);
            {
                let mut lines = self.script.lines.lock().unwrap();
                lines.appended.push(next);
                lines.log_begin.push(self.log_begin);
                lines.is_gone = false;
            }
            self.fixture.write(next..=next);
            if self.rng.u8(0..8) == 0 {
                tokio::task::yield_now().await;
            }
        }
    }

    fn begin_log(&mut self) -> u64 {
        self.log_begin = self.script.appended();
        self.deletions.clear();
        self.bases.pop().unwrap()
    }

    /// Deletes one of the lines of the present log.
    async fn delete_line(&mut self) {
        let (job, store) = (&self.fixture.job, self.fixture.store.inner());
        let all = ReadLimit::lines(1_000_000);
        let read = store.read(job, Span::default(), Order::OldestFirst, all);
        let there = read.await.unwrap().lines;
        let Some(line) = self.rng.choice(&there) else {
            return;
        };
        store.delete_line(job, line.id);
        let deleted = line.id.ms();
        let step = self.script.steps();
        self.deletions.push((step, deleted));
        let reached = |(_, up_to): &&(u64, u64)| *up_to >= deleted;
        let since = self
            .deletions
            .iter()
            .find(reached)
            .map_or(step, |(since, _)| *since);
        self.script
            .lines
            .lock()
            .unwrap()
            .deleted
            .insert(deleted, since);
    }
}
