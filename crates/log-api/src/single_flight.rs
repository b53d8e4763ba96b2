//! One read of the store for all who ask for the same at the same time.
//!
//! A build fails, and a thousand people open its page: each asks who owns the job, and for its last hundred lines. Whoever
//! asks alone is answered by a read of their own. Whoever asks while such a read is under way shares the next one, which
//! begins when that one is answered. So there is at most one read of a thing at a time, whoever asks for it, and:
//!
//! **Invariant:** what is answered was read after it was asked for, as if each had read alone.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use log_store::StoreError;
use parking_lot::Mutex;

/// Reads of `T`s by their `K`s. Cheap to clone: clones share their reads.
#[derive(Debug)]
pub(crate) struct SingleFlight<K: Eq + Hash, T> {
    state: Arc<Mutex<State<K, T>>>,
}

type Answer<T> = Shared<BoxFuture<'static, Result<T, StoreError>>>;

#[derive(Debug)]
struct State<K, T> {
    /// Of each key the read that was asked for last, as long as somebody waits for it.
    flights: HashMap<K, Flight<T>>,
    /// The number of the next one.
    next: u64,
}

#[derive(Debug)]
struct Flight<T> {
    number: u64,
    answer: Answer<T>,
    /// It has asked the store: who comes now may want something newer.
    has_begun: bool,
    /// How many wait for it.
    waiting: usize,
}

impl<K, T> SingleFlight<K, T>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// What `read` reads, or what a read of the same key does that began after this was called.
    ///
    /// # Errors
    /// That of the read. Who waits for another's read to end before their own begins shares its failure: it came after
    /// they asked, and to wait for one more would take twice the store's deadline.
    pub(crate) async fn read<F>(&self, key: K, read: impl FnOnce() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let (answer, _waiting) = self.join(key, read);
        answer.await
    }

    fn join<F>(&self, key: K, read: impl FnOnce() -> F) -> (Answer<T>, Waiting<K, T>)
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let mut state = self.state.lock();
        let newest = state.flights.get_mut(&key);
        if let Some(flight) = newest.filter(|flight| !flight.has_begun) {
            flight.waiting += 1;
            let answer = flight.answer.clone();
            return (answer, self.waiting(key, flight.number));
        }
        let number = state.next;
        state.next += 1;
        let under_way = (state.flights.get(&key).map(|flight| flight.answer.clone()))
            .filter(|answer| answer.peek().is_none());
        let answer = self.fly(&key, number, under_way, read()).boxed().shared();
        let flight = Flight {
            number,
            answer: answer.clone(),
            has_begun: false,
            waiting: 1,
        };
        let before = state.flights.insert(key.clone(), flight);
        // What may be the last hold on a read is not let go under the lock.
        drop(state);
        drop(before);
        (answer, self.waiting(key, number))
    }

    /// Reads when the read under way has been answered.
    fn fly(
        &self,
        key: &K,
        number: u64,
        under_way: Option<Answer<T>>,
        read: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> impl Future<Output = Result<T, StoreError>> + Send + 'static {
        let (state, key) = (Arc::clone(&self.state), key.clone());
        async move {
            let failed = match under_way {
                Some(under_way) => under_way.await.err(),
                None => None,
            };
            if let Some(flight) = state.lock().flights.get_mut(&key)
                && flight.number == number
            {
                flight.has_begun = true;
            }
            match failed {
                Some(error) => Err(error),
                None => read.await,
            }
        }
    }

    fn waiting(&self, key: K, number: u64) -> Waiting<K, T> {
        let state = Arc::clone(&self.state);
        Waiting { state, key, number }
    }
}

impl<K: Eq + Hash, T> Default for SingleFlight<K, T> {
    fn default() -> Self {
        let state = State {
            flights: HashMap::new(),
            next: 0,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }
}

impl<K: Eq + Hash, T> Clone for SingleFlight<K, T> {
    fn clone(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
        }
    }
}

/// Somebody waits. The last one to leave takes the read with them.
struct Waiting<K: Eq + Hash, T> {
    state: Arc<Mutex<State<K, T>>>,
    key: K,
    number: u64,
}

impl<K: Eq + Hash, T> Drop for Waiting<K, T> {
    fn drop(&mut self) {
        let mut state = self.state.lock();
        let flight = state.flights.get_mut(&self.key);
        let Some(flight) = flight.filter(|flight| flight.number == self.number) else {
            return;
        };
        flight.waiting -= 1;
        if flight.waiting > 0 {
            return;
        }
        let last = state.flights.remove(&self.key);
        drop(state);
        drop(last);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use log_store::StoreUnavailable;
    use tokio::task::JoinHandle;
    use tokio::time::{Instant, sleep};

    use super::*;

    const TAKES: Duration = Duration::from_millis(10);

    /// A store whose value is how often it was written, read in ten milliseconds: what it is when a read begins.
    #[derive(Clone, Default)]
    struct Store {
        flights: SingleFlight<&'static str, usize>,
        written: Arc<AtomicUsize>,
        reads: Arc<AtomicUsize>,
        is_away: bool,
    }

    impl Store {
        async fn read(&self, key: &'static str) -> Result<usize, StoreError> {
            let store = self.clone();
            let read = || async move {
                store.reads.fetch_add(1, Ordering::SeqCst);
                let written = store.written.load(Ordering::SeqCst);
                sleep(TAKES).await;
                if store.is_away {
                    return Err(StoreUnavailable::new("away").into());
                }
                Ok(written)
            };
            self.flights.read(key, read).await
        }

        fn ask(&self, key: &'static str) -> JoinHandle<Result<usize, StoreError>> {
            let store = self.clone();
            tokio::spawn(async move { store.read(key).await })
        }

        fn reads(&self) -> usize {
            self.reads.load(Ordering::SeqCst)
        }

        fn is_empty(&self) -> bool {
            self.flights.state.lock().flights.is_empty()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_ask_during_a_read_share_the_next_one_and_see_what_was_written_before() {
        let store = Store::default();
        let first = store.ask("a");
        sleep(TAKES / 2).await;
        store.written.store(1, Ordering::SeqCst);
        let others: Vec<_> = (0..100).map(|_| store.ask("a")).collect();
        let alone = store.ask("b");
        sleep(TAKES / 5).await;
        assert_eq!(store.reads(), 2, "one read of a thing at a time");
        assert_eq!(first.await.unwrap().unwrap(), 0);
        for other in others {
            assert_eq!(other.await.unwrap().unwrap(), 1);
        }
        assert_eq!(alone.await.unwrap().unwrap(), 1);
        assert_eq!(store.reads(), 3);
        assert!(store.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_alone_reads_alone_and_anew() {
        let store = Store::default();
        for written in 0..3 {
            store.written.store(written, Ordering::SeqCst);
            assert_eq!(store.read("a").await.unwrap(), written);
        }
        assert_eq!(store.reads(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_takes_nothing_from_those_who_stay() {
        let store = Store::default();
        let first = store.ask("a");
        sleep(TAKES / 2).await;
        let (second, third) = (store.ask("a"), store.ask("a"));
        sleep(TAKES / 5).await;
        first.abort();
        second.abort();
        assert_eq!(third.await.unwrap().unwrap(), 0);
        let last = store.ask("a");
        sleep(TAKES / 2).await;
        last.abort();
        assert!(last.await.is_err());
        assert!(store.is_empty(), "a read that nobody waits for is let go");
        assert_eq!(store.read("a").await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_told_to_all_who_waited_and_to_nobody_after() {
        let mut store = Store {
            is_away: true,
            ..Store::default()
        };
        let first = store.ask("a");
        sleep(TAKES / 2).await;
        let begin = Instant::now();
        let others: Vec<_> = (0..3).map(|_| store.ask("a")).collect();
        assert!(first.await.unwrap().is_err());
        for other in others {
            assert!(other.await.unwrap().is_err());
        }
        assert_eq!((store.reads(), begin.elapsed()), (1, TAKES / 2));
        store.is_away = false;
        assert_eq!(store.read("a").await.unwrap(), 0);
    }
}
