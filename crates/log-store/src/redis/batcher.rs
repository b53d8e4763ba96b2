//! Queries that are asked at about the same time are sent together.
//!
//! When lines come for many jobs, the readers of all of them ask at the same moment. A query after a silence is sent at once.
//! Queries that come right after it, or while batches are under way, are collected and sent as one batch. That is one write
//! for us, and one read and one write for Redis, which is most of its work. Queries are sent in the order in which they
//! came. A reader asks again only after its answer, so even a busy reader has at most one query in each batch.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

/// Queries in one batch. Their answers come together, so a batch must not be large.
const BATCH_SIZE: usize = 32;

/// Batches under way at once: the next one is sent while the last one is being answered.
const MAX_SENDERS: usize = 2;

/// The pause between two batches that are not full. At a thousand lines a second over as many jobs it saves a third of the
/// work that reading them is for Redis, and nobody notices that a line comes this much later.
pub(super) const PAUSE: Duration = Duration::from_millis(3);

/// The same for a node of a cluster. It has a part of the reads only, so it takes longer until a batch is as large.
pub(super) const CLUSTER_PAUSE: Duration = Duration::from_millis(9);

/// Sends queries `Q` in batches; each is answered by an `A`.
#[derive(Debug)]
pub(super) struct Batcher<Q, A> {
    state: Mutex<State<Q, A>>,
    /// The pause between two batches that are not full.
    pause: Duration,
    /// The tasks that send batches.
    tasks: TaskTracker,
}

#[derive(Debug)]
struct State<Q, A> {
    waiting: VecDeque<(Q, oneshot::Sender<A>)>,
    /// How many tasks send batches. Each ends when nothing waits.
    senders: usize,
    /// When the next batch may be sent.
    next: Option<Instant>,
}

/// How a query is sent.
enum Dispatch<Q, A> {
    /// At once, by itself.
    Now(Q),
    /// In a batch. The flag says that one more task must send.
    Batched(oneshot::Receiver<A>, bool),
}

impl<Q: Send + 'static, A: Send + 'static> Batcher<Q, A> {
    /// Batches are sent by tasks of this tracker, with this pause between two that are not full.
    pub(super) const fn new(tasks: TaskTracker, pause: Duration) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            senders: 0,
            next: None,
        };
        Self {
            state: Mutex::new(state),
            pause,
            tasks,
        }
    }

    /// Asks by `send`, which answers the queries of a batch in their order. `None` where it gave too few answers.
    pub(super) async fn ask<F, S>(self: &Arc<Self>, query: Q, send: S) -> Option<A>
    where
        S: Fn(Vec<Q>) -> F + Send + Sync + 'static,
        F: Future<Output = Vec<A>> + Send + 'static,
    {
        match self.dispatch(query) {
            Dispatch::Now(query) => send(vec![query]).await.pop(),
            Dispatch::Batched(answer, needs_sender) => {
                if needs_sender {
                    let sender = BatchSender {
                        batcher: Arc::clone(self),
                        is_counted: true,
                    };
                    self.tasks.spawn(send_batches(sender, send));
                }
                answer.await.ok()
            }
        }
    }

    fn dispatch(&self, query: Q) -> Dispatch<Q, A> {
        let mut state = self.state.lock();
        let now = Instant::now();
        let is_silent = state.waiting.is_empty() && state.senders == 0;
        if is_silent && state.next.is_none_or(|next| next <= now) {
            state.next = Some(now + self.pause);
            return Dispatch::Now(query);
        }
        let (sender, answer) = oneshot::channel();
        state.waiting.push_back((query, sender));
        let needs_sender = state.senders < MAX_SENDERS;
        state.senders += usize::from(needs_sender);
        Dispatch::Batched(answer, needs_sender)
    }

    /// When the next batch may be sent.
    fn next_moment(&self) -> Option<Instant> {
        self.state.lock().next
    }

    /// The next batch. Where nothing waits it is `None` and the asking task no longer counts as a sender: under one lock,
    /// or nobody would send a query that came in between.
    fn take_batch(&self) -> Option<Vec<(Q, oneshot::Sender<A>)>> {
        let mut state = self.state.lock();
        // A query whose caller has gone away is dropped.
        state.waiting.retain(|(_, sender)| !sender.is_closed());
        if state.waiting.is_empty() {
            state.senders -= 1;
            return None;
        }
        let count = state.waiting.len().min(BATCH_SIZE);
        if count < BATCH_SIZE {
            state.next = Some(Instant::now() + self.pause);
        }
        Some(state.waiting.drain(..count).collect())
    }
}

/// A task that sends batches. It stops counting as a sender also when it ends early, by a panic or with its runtime.
struct BatchSender<Q, A> {
    batcher: Arc<Batcher<Q, A>>,
    is_counted: bool,
}

impl<Q, A> Drop for BatchSender<Q, A> {
    fn drop(&mut self) {
        if self.is_counted {
            self.batcher.state.lock().senders -= 1;
        }
    }
}

async fn send_batches<Q, A, F, S>(mut sender: BatchSender<Q, A>, send: S)
where
    Q: Send + 'static,
    A: Send + 'static,
    S: Fn(Vec<Q>) -> F,
    F: Future<Output = Vec<A>>,
{
    loop {
        // Readers that were woken at the same moment ask during this pause.
        if let Some(next) = sender.batcher.next_moment() {
            sleep_until(next).await;
        }
        let Some(batch) = sender.batcher.take_batch() else {
            break;
        };
        let (queries, callers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        for (caller, answer) in callers.into_iter().zip(send(queries).await) {
            // A caller may have gone away meanwhile.
            caller.send(answer).ok();
        }
    }
    sender.is_counted = false;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::*;

    /// The batches that were sent, each with its queries. An answer takes ten milliseconds, and is the query.
    #[derive(Clone, Default)]
    struct Wire(Arc<Mutex<Vec<Vec<usize>>>>);

    fn batcher() -> Arc<Batcher<usize, usize>> {
        Arc::new(Batcher::new(TaskTracker::new(), PAUSE))
    }

    impl Wire {
        async fn ask(&self, batcher: &Arc<Batcher<usize, usize>>, query: usize) -> Option<usize> {
            let wire = self.clone();
            let send = move |queries: Vec<usize>| {
                wire.0.lock().push(queries.clone());
                async move {
                    sleep(Duration::from_millis(10)).await;
                    queries
                }
            };
            batcher.ask(query, send).await
        }

        fn sizes(&self) -> Vec<usize> {
            self.0.lock().iter().map(Vec::len).collect()
        }
    }

    async fn all(tasks: Vec<tokio::task::JoinHandle<Option<usize>>>) -> Vec<Option<usize>> {
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        answers
    }

    fn spawn(
        wire: &Wire,
        batcher: &Arc<Batcher<usize, usize>>,
        query: usize,
    ) -> tokio::task::JoinHandle<Option<usize>> {
        let (wire, batcher) = (wire.clone(), batcher.clone());
        tokio::spawn(async move { wire.ask(&batcher, query).await })
    }

    #[tokio::test(start_paused = true)]
    async fn queries_right_after_another_wait_a_moment_and_are_sent_together() {
        let (wire, batcher) = (Wire::default(), batcher());
        let begin = Instant::now();
        let first = spawn(&wire, &batcher, 0);
        sleep(Duration::from_millis(1)).await;
        let after = (1..5).map(|n| spawn(&wire, &batcher, n)).collect();
        assert_eq!(all(after).await.len(), 4);
        // The pause, and the answer.
        assert_eq!(begin.elapsed(), PAUSE + Duration::from_millis(10));
        assert_eq!(first.await.unwrap(), Some(0));
        assert_eq!(wire.sizes(), [1, 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_single_query_is_sent_at_once() {
        let (wire, batcher) = (Wire::default(), batcher());
        let begin = Instant::now();
        assert_eq!(wire.ask(&batcher, 7).await, Some(7));
        assert_eq!(begin.elapsed(), Duration::from_millis(10));
        assert_eq!(wire.ask(&batcher, 8).await, Some(8));
        assert_eq!(wire.sizes(), [1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn queries_of_one_moment_are_sent_together_and_each_gets_its_own_answer() {
        let (wire, batcher) = (Wire::default(), batcher());
        let tasks = (0..201).map(|n| spawn(&wire, &batcher, n)).collect();
        let expected: Vec<_> = (0..201).map(Some).collect();
        assert_eq!(all(tasks).await, expected);
        assert_eq!(wire.sizes(), [1, 32, 32, 32, 32, 32, 32, 8]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_always_asks_again_delays_nobody() {
        let (wire, batcher) = (Wire::default(), batcher());
        let hot = tokio::spawn({
            let (wire, batcher) = (wire.clone(), Arc::clone(&batcher));
            async move {
                loop {
                    wire.ask(&batcher, 1_000).await;
                }
            }
        });
        sleep(Duration::from_millis(95)).await;
        let begin = Instant::now();
        let tasks = (0..100).map(|n| spawn(&wire, &batcher, n)).collect();
        all(tasks).await;
        assert!(
            begin.elapsed() <= Duration::from_millis(30),
            "{:?}",
            begin.elapsed()
        );
        hot.abort();
        for batch in wire.0.lock().iter() {
            let from_hot = batch.iter().filter(|query| **query == 1_000);
            assert!(from_hot.count() <= 1, "{batch:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_query_whose_caller_has_gone_away_is_dropped() {
        let (wire, batcher) = (Wire::default(), batcher());
        let first: Vec<_> = (0..2 * BATCH_SIZE)
            .map(|n| spawn(&wire, &batcher, n))
            .collect();
        sleep(Duration::from_millis(5)).await;
        let gone = spawn(&wire, &batcher, 1_000);
        sleep(Duration::from_millis(1)).await;
        gone.abort();
        all(first).await;
        assert_eq!(wire.ask(&batcher, 2_000).await, Some(2_000));
        let asked: Vec<_> = wire.0.lock().concat();
        assert!(!asked.contains(&1_000), "{asked:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_fails_does_not_affect_the_next_one() {
        let batcher = batcher();
        assert_eq!(batcher.ask(1, |_| async { Vec::new() }).await, None);
        assert_eq!(Wire::default().ask(&batcher, 2).await, Some(2));
        assert_eq!(batcher.state.lock().senders, 0);
    }
}
