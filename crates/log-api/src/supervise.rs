//! Background tasks that must not disappear: one that ends or panics is logged and started again.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures_util::FutureExt as _;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// After a task has run for this long, the pauses before its next restarts begin with the shortest one again.
const STABLE: Duration = Duration::from_secs(60);

/// A group of supervised tasks. Dropping it stops them.
#[derive(Debug)]
pub(crate) struct Tasks {
    /// Where they run, whichever thread starts them.
    runtime: Handle,
    tracker: TaskTracker,
    stop: CancellationToken,
}

/// Why a task returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskEnd {
    /// Its work is done.
    #[cfg_attr(
        not(feature = "server"),
        expect(dead_code, reason = "only tasks of the service end")
    )]
    Done,
    /// It should have gone on.
    Unexpected,
}

impl Tasks {
    /// No tasks yet.
    pub(crate) fn new(runtime: Handle) -> Self {
        Self {
            runtime,
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Runs a task that never ends by itself. If it returns or panics, that is logged, and `start` is called again after a
    /// pause that grows from 100 ms to 30 s.
    pub(crate) fn supervise<F>(
        &self,
        name: &'static str,
        start: impl Fn() -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        self.supervise_until_done(name, move || start().map(|()| TaskEnd::Unexpected));
    }

    /// The same for a task that may end: it is not started again after it has returned [`TaskEnd::Done`].
    pub(crate) fn supervise_until_done<F>(
        &self,
        name: &'static str,
        start: impl Fn() -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = TaskEnd> + Send + 'static,
    {
        let stop = self.stop.clone();
        let run = async move {
            stop.run_until_cancelled(run_again_and_again(name, start))
                .await;
        };
        self.tracker.spawn_on(run, &self.runtime);
    }

    /// Returns when all tasks are done.
    #[cfg(feature = "server")]
    pub(crate) async fn done(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn run_again_and_again<F>(name: &'static str, start: impl Fn() -> F)
where
    F: Future<Output = TaskEnd>,
{
    let pauses = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(30))
        .with_jitter()
        .without_max_times();
    let mut pause = pauses.build();
    loop {
        let started = Instant::now();
        let ended = AssertUnwindSafe(async { start().await })
            .catch_unwind()
            .await;
        match ended {
            Ok(TaskEnd::Done) => return,
            Ok(TaskEnd::Unexpected) => {
                tracing::error!(task = name, "a background task ended; starting it again");
            }
            Err(panic) => {
                let panic = message(&*panic);
                tracing::error!(
                    task = name,
                    panic,
                    "a background task panicked; starting it again"
                );
            }
        }
        if started.elapsed() >= STABLE {
            pause = pauses.build();
        }
        sleep(pause.next().unwrap_or(STABLE)).await;
    }
}

/// The text of a panic, if it has one.
fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A task that does what `run` says at its n-th start, and the number of its starts.
    fn supervised<F>(run: impl Fn(usize) -> F + Send + Sync + 'static) -> (Tasks, Arc<AtomicUsize>)
    where
        F: Future<Output = TaskEnd> + Send + 'static,
    {
        let tasks = Tasks::new(Handle::current());
        let starts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&starts);
        tasks.supervise_until_done("test", move || run(counted.fetch_add(1, Ordering::SeqCst)));
        (tasks, starts)
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_or_ends_is_started_again_until_it_stays() {
        let (_tasks, starts) = supervised(|n| async move {
            match n {
                0 => panic!("the first run"),
                1 => TaskEnd::Unexpected,
                2 => panic!("the run number {n}"),
                _ => std::future::pending().await,
            }
        });
        sleep(Duration::from_secs(3600)).await;
        assert_eq!(starts.load(Ordering::SeqCst), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_at_once_is_started_about_twice_a_minute() {
        let (_tasks, starts) = supervised(|_| async { panic!("always") });
        sleep(Duration::from_secs(3600)).await;
        let starts = starts.load(Ordering::SeqCst);
        assert!((50..200).contains(&starts), "{starts} starts in an hour");
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_long_run_the_pause_is_short_again() {
        let (_tasks, starts) = supervised(|n| async move {
            match n {
                0..10 => panic!("early"),
                10 => sleep(2 * STABLE).await,
                _ => std::future::pending().await,
            }
            TaskEnd::Unexpected
        });
        while starts.load(Ordering::SeqCst) < 11 {
            sleep(Duration::from_millis(10)).await;
        }
        sleep(2 * STABLE + Duration::from_secs(1)).await;
        assert_eq!(starts.load(Ordering::SeqCst), 12);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_is_done_is_not_started_again() {
        let (tasks, starts) = supervised(|_| async { TaskEnd::Done });
        tasks.done().await;
        assert_eq!(starts.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn dropping_the_group_stops_its_tasks() {
        struct Held(Arc<AtomicUsize>);
        impl Drop for Held {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let dropped = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&dropped);
        let (tasks, starts) = supervised(move |_| {
            let held = Held(Arc::clone(&seen));
            async move {
                let _held = held;
                std::future::pending().await
            }
        });
        sleep(Duration::from_millis(1)).await;
        drop(tasks);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(starts.load(Ordering::SeqCst), 1);
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
    }
}
