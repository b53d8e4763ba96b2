//! Waking the many viewers of one thread by one wake-up.
//!
//! A new line wakes every viewer of its job, from the feed's task. Where viewers run on threads with a scheduler of
//! their own (an actix worker), each wake-up from outside is a system call. So the feed hands all wakers of one thread
//! to that thread's [`Relay`] and wakes that alone; the relay wakes the viewers from inside, which is a push onto the
//! scheduler's own queue. A viewer on a thread without a relay is woken directly.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

thread_local! {
    /// The relay of this thread, from its first poll until it is dropped.
    static HERE: RefCell<Option<Arc<Queue>>> = const { RefCell::new(None) };
}

/// Wakes the viewers of its thread. Spawn one on each thread whose viewers never leave it, such as an actix worker; it
/// never ends by itself. Without one everything works, at the price of a system call a viewer and line.
#[must_use = "a relay does nothing unless it is polled"]
#[derive(Default)]
pub struct Relay {
    queue: Arc<Queue>,
}

/// What is handed to a relay.
#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    wakers: Vec<Waker>,
    /// The relay's own.
    relay: Option<Waker>,
    /// The relay is gone: what is handed to it is woken at once.
    closed: bool,
}

/// A viewer that waits: its waker, and the relay of the thread on which it was asked.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    waker: Waker,
    relay: Option<Arc<Queue>>,
}

impl Relay {
    /// The relay of the thread on which it will be polled.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Future for Relay {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        HERE.with_borrow_mut(|here| {
            here.get_or_insert_with(|| Arc::clone(&self.queue));
        });
        let wakers = {
            let mut state = self.queue.state();
            state.relay = Some(cx.waker().clone());
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
        Poll::Pending
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // The thread's own storage may be gone already, where the thread is ending.
        let _ = HERE.try_with(|here| {
            here.borrow_mut()
                .take_if(|here| Arc::ptr_eq(here, &self.queue));
        });
        let wakers = {
            let mut state = self.queue.state();
            state.closed = true;
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").finish_non_exhaustive()
    }
}

impl Queue {
    /// Wakes viewers of this relay's thread by waking the relay.
    fn pass_on(&self, mut wakers: Vec<Waker>) {
        let relay = {
            let mut state = self.state();
            if !state.closed {
                state.wakers.append(&mut wakers);
            }
            state.relay.clone()
        };
        match relay {
            Some(relay) if wakers.is_empty() => relay.wake(),
            _ => wakers.into_iter().for_each(Waker::wake),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Whoever polls with this context waits.
    pub(crate) fn here(cx: &Context<'_>) -> Self {
        Self {
            waker: cx.waker().clone(),
            relay: HERE.try_with(|here| here.borrow().clone()).ok().flatten(),
        }
    }

    /// The same, kept as it is where it is of the same task.
    pub(crate) fn renew(&mut self, cx: &Context<'_>) {
        if !self.waker.will_wake(cx.waker()) {
            *self = Self::here(cx);
        }
    }

    /// Wakes one.
    pub(crate) fn wake(self) {
        self.waker.wake();
    }

    /// Wakes all, each thread that has a relay by one wake-up. One alone on its thread is woken directly.
    pub(crate) fn wake_all(all: impl IntoIterator<Item = Self>) {
        // As many as there are threads: a handful.
        let mut relayed: Vec<(Arc<Queue>, Vec<Waker>)> = Vec::new();
        for Self { waker, relay } in all {
            let Some(relay) = relay else {
                waker.wake();
                continue;
            };
            match relayed
                .iter_mut()
                .find(|(known, _)| Arc::ptr_eq(known, &relay))
            {
                Some((_, wakers)) => wakers.push(waker),
                None => relayed.push((relay, vec![waker])),
            }
        }
        for (relay, mut wakers) in relayed {
            match (wakers.pop(), wakers.is_empty()) {
                (Some(alone), true) => alone.wake(),
                (last, _) => {
                    wakers.extend(last);
                    relay.pass_on(wakers);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Count {
        fn new() -> (Arc<Self>, Waker) {
            let count = Arc::new(Self::default());
            (Arc::clone(&count), count.into())
        }

        fn get(&self) -> usize {
            self.0.load(Ordering::SeqCst)
        }
    }

    fn poll(relay: &mut Relay, waker: &Waker) {
        let polled = Pin::new(relay).poll(&mut Context::from_waker(waker));
        assert_eq!(polled, Poll::Pending);
    }

    #[test]
    fn many_viewers_of_a_thread_are_woken_by_one_wake_up_of_its_relay() {
        let (own, own_waker) = Count::new();
        let (viewers, waker) = Count::new();
        let mut relay = Relay::new();
        poll(&mut relay, &own_waker);
        let cx = Context::from_waker(&waker);
        Waiting::wake_all((0..100).map(|_| Waiting::here(&cx)));
        assert_eq!((own.get(), viewers.get()), (1, 0));
        poll(&mut relay, &own_waker);
        assert_eq!((own.get(), viewers.get()), (1, 100));
    }

    #[test]
    fn a_viewer_that_is_alone_or_has_no_relay_is_woken_directly() {
        let (viewers, waker) = Count::new();
        let cx = Context::from_waker(&waker);
        Waiting::wake_all([Waiting::here(&cx), Waiting::here(&cx)]);
        assert_eq!(viewers.get(), 2);
        let (own, own_waker) = Count::new();
        let mut relay = Relay::new();
        poll(&mut relay, &own_waker);
        Waiting::wake_all([Waiting::here(&cx)]);
        assert_eq!((own.get(), viewers.get()), (0, 3));
    }

    #[test]
    fn a_relay_that_ends_leaves_nobody_asleep() {
        let (_, own_waker) = Count::new();
        let (viewers, waker) = Count::new();
        let cx = Context::from_waker(&waker);
        let mut relay = Relay::new();
        poll(&mut relay, &own_waker);
        let (before, after) = (
            [0; 3].map(|_| Waiting::here(&cx)),
            [0; 3].map(|_| Waiting::here(&cx)),
        );
        Waiting::wake_all(before);
        drop(relay);
        assert_eq!(viewers.get(), 3);
        Waiting::wake_all(after);
        assert_eq!(viewers.get(), 6);
        // And who comes later has none.
        Waiting::wake_all([Waiting::here(&cx), Waiting::here(&cx)]);
        assert_eq!(viewers.get(), 8);
    }
}
