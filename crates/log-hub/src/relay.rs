//! Waking the many viewers of one thread by one wake-up.
//!
//! A new line wakes every viewer of its job, from the feed's task. Where viewers run on threads with a scheduler of
//! their own (an actix worker), each wake-up from outside is a system call. So the feed hands all wakers of one thread
//! to that thread's [`Relay`] and wakes that alone; the relay wakes the viewers from inside, which is a push onto the
//! scheduler's own queue. A viewer on a thread without a relay is woken directly.
//!
//! A wake-up is a write to a client, some microseconds each. As long as there are few of them a line goes out at once; a
//! thread that has woken many **rests** before it wakes the next, and what comes meanwhile leaves as one write a viewer. So
//! an audience of thousands costs a thread a part of its time, whatever the rate of its lines, and leaves the rest of it
//! to everything else.
//!
//! Those who catch up always have more to send. They take **turns**, a few a millisecond, so that a storm of replays takes
//! a thread a part of its time too, and those who follow live do not notice it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// How long a thread rests for each viewer that it has woken: twice what a write takes.
const REST: Duration = Duration::from_micros(15);

/// The same where much came while it rested: five times what a write takes.
const LONG_REST: Duration = Duration::from_micros(36);

/// How often the feeds have to wake viewers during a rest for that to be much.
const MUCH: usize = 3;

/// The longest rest, whatever the audience: nobody sees a line come this much later.
const LONGEST_REST: Duration = Duration::from_millis(25);

/// Shorter ones are not worth a timer, whose grain they are.
const SHORTEST_REST: Duration = Duration::from_millis(1);

/// How many turns a thread gives in a moment to those who catch up, and how long a moment is.
const TURNS: usize = 6;
const MOMENT: Duration = Duration::from_millis(1);

thread_local! {
    /// The relay of this thread, from its first poll until it is dropped.
    static HERE: RefCell<Option<Arc<Queue>>> = const { RefCell::new(None) };
}

/// That of this thread, if there is one.
fn here() -> Option<Arc<Queue>> {
    HERE.try_with(|here| here.borrow().clone()).ok().flatten()
}

/// Wakes the viewers of its thread. Spawn one on each thread whose viewers never leave it, such as an actix worker; it
/// never ends by itself. Without one everything works, at the price of a system call a viewer and line.
#[must_use = "a relay does nothing unless it is polled"]
#[derive(Default)]
pub struct Relay {
    queue: Arc<Queue>,
    /// Set while the thread rests.
    rest: Option<Pin<Box<Sleep>>>,
    /// How many turns were given of this moment's.
    turns_given: usize,
    /// Set from the first of them until there are new ones.
    until_turns: Option<Pin<Box<Sleep>>>,
}

/// What is handed to a relay.
#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    wakers: Vec<Waker>,
    /// How often something was handed on since viewers were woken last.
    times: usize,
    /// Those who wait for a turn.
    turns: VecDeque<Waker>,
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

    /// Wakes a task of this thread when it is its turn among those who catch up; at once where the thread has no relay.
    pub fn take_turn(cx: &Context<'_>) {
        match here() {
            Some(queue) => queue.wait_for_turn(cx.waker().clone()),
            None => cx.waker().wake_by_ref(),
        }
    }

    /// Wakes whom a new line has come for, unless the thread rests.
    fn poll_lines(&mut self, cx: &mut Context<'_>) {
        while is_over(&mut self.rest, cx) {
            let (wakers, times) = {
                let mut state = self.queue.state();
                let times = std::mem::take(&mut state.times);
                (std::mem::take(&mut state.wakers), times)
            };
            let rest = rest_after(wakers.len(), times);
            wakers.into_iter().for_each(Waker::wake);
            let Some(rest) = rest else { return };
            self.rest = Some(Box::pin(sleep(rest)));
        }
    }

    /// Gives turns, as long as some are left of this moment's.
    fn poll_turns(&mut self, cx: &mut Context<'_>) {
        loop {
            if self.until_turns.is_some() && is_over(&mut self.until_turns, cx) {
                self.turns_given = 0;
            }
            let turns: Vec<_> = {
                let mut state = self.queue.state();
                let left = TURNS.saturating_sub(self.turns_given);
                let count = state.turns.len().min(left);
                let turns = state.turns.drain(..count).collect();
                if state.turns.is_empty() {
                    // What ten thousand needed is given back.
                    state.turns = VecDeque::new();
                }
                turns
            };
            self.turns_given += turns.len();
            turns.into_iter().for_each(Waker::wake);
            if self.turns_given == 0 || self.until_turns.is_some() {
                return;
            }
            self.until_turns = Some(Box::pin(sleep(MOMENT)));
        }
    }
}

/// Whether there is nothing, or nothing more, to wait for.
fn is_over(pause: &mut Option<Pin<Box<Sleep>>>, cx: &mut Context<'_>) -> bool {
    let over = (pause.as_mut()).is_none_or(|pause| pause.as_mut().poll(cx).is_ready());
    if over {
        *pause = None;
    }
    over
}

impl Future for Relay {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        HERE.with_borrow_mut(|here| {
            here.get_or_insert_with(|| Arc::clone(&self.queue));
        });
        // First of all, lest what is handed on from now on wakes nobody.
        self.queue.state().relay = Some(cx.waker().clone());
        let relay = &mut *self;
        relay.poll_lines(cx);
        relay.poll_turns(cx);
        Poll::Pending
    }
}

/// How long a thread rests that has woken so many viewers, of which it was told so many times.
fn rest_after(viewers: usize, times: usize) -> Option<Duration> {
    let each = if times < MUCH { REST } else { LONG_REST };
    let rest = each * u32::try_from(viewers).unwrap_or(u32::MAX);
    (rest >= SHORTEST_REST).then_some(rest.min(LONGEST_REST))
}

impl Drop for Relay {
    fn drop(&mut self) {
        // The thread's own storage may be gone already, where the thread is ending.
        let _ = HERE.try_with(|here| {
            here.borrow_mut()
                .take_if(|here| Arc::ptr_eq(here, &self.queue));
        });
        let (wakers, turns) = {
            let mut state = self.queue.state();
            state.closed = true;
            (
                std::mem::take(&mut state.wakers),
                std::mem::take(&mut state.turns),
            )
        };
        wakers.into_iter().chain(turns).for_each(Waker::wake);
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
                state.times += 1;
            }
            state.relay.clone()
        };
        match relay {
            Some(relay) if wakers.is_empty() => relay.wake(),
            _ => wakers.into_iter().for_each(Waker::wake),
        }
    }

    /// Wakes a viewer of this relay's thread when it is its turn.
    fn wait_for_turn(&self, waker: Waker) {
        let relay = {
            let mut state = self.state();
            state.turns.push_back(waker);
            state.relay.clone()
        };
        if let Some(relay) = relay {
            relay.wake();
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
            relay: here(),
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

    #[tokio::test(start_paused = true)]
    async fn many_viewers_of_a_thread_are_woken_by_one_wake_up_of_its_relay() {
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
    fn a_thread_rests_by_the_viewers_it_has_woken_and_longer_where_much_comes() {
        assert_eq!(rest_after(0, 0), None);
        assert_eq!(rest_after(60, 1), None);
        assert_eq!(rest_after(500, 1), Some(Duration::from_micros(7_500)));
        assert_eq!(rest_after(500, MUCH), Some(Duration::from_millis(18)));
        assert_eq!(rest_after(10_000, 1), Some(LONGEST_REST));
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_while_a_thread_rests_wakes_its_viewers_once_when_the_rest_is_over() {
        let (own, own_waker) = Count::new();
        let (viewers, waker) = Count::new();
        let cx = Context::from_waker(&waker);
        let mut relay = Relay::new();
        poll(&mut relay, &own_waker);
        let all = || (0..100).map(|_| Waiting::here(&cx)).collect::<Vec<_>>();

        Waiting::wake_all(all());
        poll(&mut relay, &own_waker);
        assert_eq!(
            viewers.get(),
            100,
            "a line that finds a thread at rest for long goes at once"
        );

        let begin = tokio::time::Instant::now();
        Waiting::wake_all(all());
        poll(&mut relay, &own_waker);
        assert_eq!(viewers.get(), 100);
        let before = own.get();
        while own.get() == before {
            sleep(Duration::from_micros(100)).await;
        }
        assert!(
            begin.elapsed() <= Duration::from_millis(3),
            "{:?}",
            begin.elapsed()
        );
        poll(&mut relay, &own_waker);
        assert_eq!(viewers.get(), 200);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_catch_up_take_turns_in_their_order_a_few_at_a_time() {
        let (own, own_waker) = Count::new();
        let mut relay = Relay::new();
        poll(&mut relay, &own_waker);
        let viewers: Vec<_> = (0..2 * TURNS + 1).map(|_| Count::new()).collect();
        for (_, waker) in &viewers {
            Relay::take_turn(&Context::from_waker(waker));
        }
        let woken = || viewers.iter().map(|(viewer, _)| viewer.get());
        for turns in [1, 2] {
            poll(&mut relay, &own_waker);
            poll(&mut relay, &own_waker);
            assert_eq!(woken().sum::<usize>(), turns * TURNS);
            assert!(woken().take(turns * TURNS).all(|times| times == 1));
            let before = own.get();
            while own.get() == before {
                sleep(Duration::from_micros(100)).await;
            }
        }
        poll(&mut relay, &own_waker);
        assert_eq!(woken().sum::<usize>(), viewers.len());
        drop(relay);
        Relay::take_turn(&Context::from_waker(&viewers[0].1));
        assert_eq!(viewers[0].0.get(), 2, "no relay, no waiting");
    }

    #[tokio::test(start_paused = true)]
    async fn a_relay_that_ends_leaves_nobody_asleep() {
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
