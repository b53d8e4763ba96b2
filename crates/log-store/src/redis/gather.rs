//! Questions that are asked at about the same time go out together.
//!
//! When lines come in for many jobs, each has its own reader that wants to read at the same moment. A question that comes
//! out of a silence goes out at once; what comes right after it, or while the connection is busy, is gathered, and goes out
//! as one batch: one write for us, one read and one write for Redis, whose time is mostly that. First come, first served;
//! and since a reader asks again only when it has its answer, one that always has more to ask takes one place in each
//! batch and no more.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

/// Questions in one batch. Their answers come together, so a batch is not for ever.
const AT_ONCE: usize = 32;

/// Batches under way at once: the next one is on its way while the last one is answered.
const UNDER_WAY: usize = 2;

/// The pause between two batches that are not full. At a thousand lines a second over as many jobs it saves Redis a third
/// of what reading them costs, and nobody sees a line come this much later.
const PAUSE: Duration = Duration::from_millis(2);

/// Gathers questions `Q`, each answered by an `A`.
#[derive(Debug)]
pub(super) struct Gather<Q, A> {
    state: Mutex<State<Q, A>>,
}

#[derive(Debug)]
struct State<Q, A> {
    waiting: VecDeque<(Q, oneshot::Sender<A>)>,
    /// Tasks that send batches. Each ends when nothing waits.
    senders: usize,
    /// When the next batch may go.
    next: Option<Instant>,
}

impl<Q, A> Default for Gather<Q, A> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                senders: 0,
                next: None,
            }),
        }
    }
}

/// How a question goes out.
enum Way<Q, A> {
    /// At once, by itself.
    Alone(Q),
    /// With others; a further task must send where it says so.
    Gathered(oneshot::Receiver<A>, bool),
}

impl<Q: Send + 'static, A: Send + 'static> Gather<Q, A> {
    /// Asks by `send`, which answers a batch in its order. `None` where it gave too few answers.
    pub(super) async fn ask<F, S>(self: &Arc<Self>, question: Q, send: S) -> Option<A>
    where
        S: Fn(Vec<Q>) -> F + Send + Sync + 'static,
        F: Future<Output = Vec<A>> + Send + 'static,
    {
        match self.put(question) {
            Way::Alone(question) => send(vec![question]).await.pop(),
            Way::Gathered(answer, must_send) => {
                if must_send {
                    let sending = Sending {
                        gather: Arc::clone(self),
                        counted: true,
                    };
                    tokio::spawn(send_all(sending, send));
                }
                answer.await.ok()
            }
        }
    }

    fn put(&self, question: Q) -> Way<Q, A> {
        let mut state = self.state();
        let now = Instant::now();
        let is_silent = state.waiting.is_empty() && state.senders == 0;
        if is_silent && state.next.is_none_or(|next| next <= now) {
            state.next = Some(now + PAUSE);
            return Way::Alone(question);
        }
        let (sender, answer) = oneshot::channel();
        state.waiting.push_back((question, sender));
        let must_send = state.senders < UNDER_WAY;
        state.senders += usize::from(must_send);
        Way::Gathered(answer, must_send)
    }

    /// When the next batch may go.
    fn next(&self) -> Option<Instant> {
        self.state().next
    }

    /// The next batch of a task that sends; `None`, and the task no longer counted, where nothing waits: under one
    /// lock, or a question that comes between the two would be sent by nobody.
    fn take(&self) -> Option<Vec<(Q, oneshot::Sender<A>)>> {
        let mut state = self.state();
        // Nobody sends for whoever has given up waiting.
        state.waiting.retain(|(_, sender)| !sender.is_closed());
        if state.waiting.is_empty() {
            state.senders -= 1;
            return None;
        }
        let count = state.waiting.len().min(AT_ONCE);
        if count < AT_ONCE {
            state.next = Some(Instant::now() + PAUSE);
        }
        Some(state.waiting.drain(..count).collect())
    }

    fn state(&self) -> MutexGuard<'_, State<Q, A>> {
        // The state is whole after every statement that changes it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One task that sends; no longer counted where it ends in the middle, by a panic or with its runtime.
struct Sending<Q, A> {
    gather: Arc<Gather<Q, A>>,
    counted: bool,
}

impl<Q, A> Drop for Sending<Q, A> {
    fn drop(&mut self) {
        if self.counted {
            let state = self.gather.state.lock();
            state.unwrap_or_else(PoisonError::into_inner).senders -= 1;
        }
    }
}

async fn send_all<Q, A, F, S>(mut sending: Sending<Q, A>, send: S)
where
    Q: Send + 'static,
    A: Send + 'static,
    S: Fn(Vec<Q>) -> F,
    F: Future<Output = Vec<A>>,
{
    loop {
        // Whoever was woken at the same moment asks meanwhile.
        if let Some(next) = sending.gather.next() {
            sleep_until(next).await;
        }
        let Some(batch) = sending.gather.take() else {
            break;
        };
        let (questions, senders): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        for (sender, answer) in senders.into_iter().zip(send(questions).await) {
            // Somebody may have given up meanwhile.
            let _ = sender.send(answer);
        }
    }
    sending.counted = false;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::*;

    /// The batches that went out, each with its questions. An answer takes ten milliseconds, and is the question.
    #[derive(Clone, Default)]
    struct Wire(Arc<Mutex<Vec<Vec<usize>>>>);

    impl Wire {
        async fn ask(&self, gather: &Arc<Gather<usize, usize>>, question: usize) -> Option<usize> {
            let wire = self.clone();
            let send = move |questions: Vec<usize>| {
                wire.0.lock().unwrap().push(questions.clone());
                async move {
                    sleep(Duration::from_millis(10)).await;
                    questions
                }
            };
            gather.ask(question, send).await
        }

        fn sizes(&self) -> Vec<usize> {
            self.0.lock().unwrap().iter().map(Vec::len).collect()
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
        gather: &Arc<Gather<usize, usize>>,
        question: usize,
    ) -> tokio::task::JoinHandle<Option<usize>> {
        let (wire, gather) = (wire.clone(), gather.clone());
        tokio::spawn(async move { wire.ask(&gather, question).await })
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_right_after_a_question_waits_a_moment_and_goes_out_together() {
        let (wire, gather) = (Wire::default(), Arc::default());
        let begin = Instant::now();
        let first = spawn(&wire, &gather, 0);
        sleep(Duration::from_millis(1)).await;
        let after = (1..5).map(|n| spawn(&wire, &gather, n)).collect();
        assert_eq!(all(after).await.len(), 4);
        // The pause, and the answer.
        assert_eq!(begin.elapsed(), PAUSE + Duration::from_millis(10));
        assert_eq!(first.await.unwrap(), Some(0));
        assert_eq!(wire.sizes(), [1, 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_single_question_goes_out_at_once() {
        let (wire, gather) = (Wire::default(), Arc::default());
        let begin = Instant::now();
        assert_eq!(wire.ask(&gather, 7).await, Some(7));
        assert_eq!(begin.elapsed(), Duration::from_millis(10));
        assert_eq!(wire.ask(&gather, 8).await, Some(8));
        assert_eq!(wire.sizes(), [1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn questions_of_one_moment_go_out_together_and_each_gets_its_own_answer() {
        let (wire, gather) = (Wire::default(), Arc::default());
        let tasks = (0..201).map(|n| spawn(&wire, &gather, n)).collect();
        let expected: Vec<_> = (0..201).map(Some).collect();
        assert_eq!(all(tasks).await, expected);
        assert_eq!(wire.sizes(), [1, 32, 32, 32, 32, 32, 32, 8]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_always_asks_again_holds_up_nobody() {
        let (wire, gather) = (Wire::default(), Arc::default());
        let hot = tokio::spawn({
            let (wire, gather) = (wire.clone(), Arc::clone(&gather));
            async move {
                loop {
                    wire.ask(&gather, 1_000).await;
                }
            }
        });
        sleep(Duration::from_millis(95)).await;
        let begin = Instant::now();
        let tasks = (0..100).map(|n| spawn(&wire, &gather, n)).collect();
        all(tasks).await;
        assert!(
            begin.elapsed() <= Duration::from_millis(30),
            "{:?}",
            begin.elapsed()
        );
        hot.abort();
        for batch in wire.0.lock().unwrap().iter() {
            let of_hot = batch.iter().filter(|question| **question == 1_000);
            assert!(of_hot.count() <= 1, "{batch:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_given_up_is_not_asked_for() {
        let (wire, gather) = (Wire::default(), Arc::default());
        let first: Vec<_> = (0..2 * AT_ONCE).map(|n| spawn(&wire, &gather, n)).collect();
        sleep(Duration::from_millis(5)).await;
        let given_up = spawn(&wire, &gather, 1_000);
        sleep(Duration::from_millis(1)).await;
        given_up.abort();
        all(first).await;
        assert_eq!(wire.ask(&gather, 2_000).await, Some(2_000));
        let asked: Vec<_> = wire.0.lock().unwrap().concat();
        assert!(!asked.contains(&1_000), "{asked:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_fails_leaves_the_next_one_alone() {
        let gather: Arc<Gather<usize, usize>> = Arc::default();
        assert_eq!(gather.ask(1, |_| async { Vec::new() }).await, None);
        assert_eq!(Wire::default().ask(&gather, 2).await, Some(2));
        assert_eq!(gather.state().senders, 0);
    }
}
