//! Waking the many viewers of one thread by one wake-up.
//!
//! A new line wakes every viewer of its job, from the feed's task. Where viewers run on threads with a scheduler of
//! their own (an actix worker), each wake-up from outside is a system call. So the feed hands all wakers of one thread
//! to that thread's [`ThreadWaker`] and wakes that alone; the relay wakes the viewers from inside, which is a push onto the
//! scheduler's own queue. A viewer on a thread without a relay is woken directly.
//!
//! A wake-up is a write to a client, some microseconds each. A line goes to all at once as long as its thread has **earned**
//! their wake-ups: one by each 26 µs that pass, a tenth of a second of them saved at most. Where lines come faster than they
//! can be paid for, those whom one could not wake are the first to be woken at the next one, and get both by one write. Where
//! lines come faster than even two of them by one write, a wake-up has to be paid for longer. So an audience of thousands
//! costs a thread a part of its time, whatever the rate of its lines, and leaves the rest of it to everything else.
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

use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// What a thread earns by the time that passes: a viewer to wake for each of these, some three times what a write takes.
const EACH: Duration = Duration::from_micros(26);

/// The same for a viewer for whom news has come more than twice: a log that grows so fast is read in pages, not in lines.
const EACH_IN_A_RUSH: Duration = Duration::from_micros(44);

/// What it saves at most while it wakes nobody, so that a line that comes now and then goes to all at once.
const SAVED: Duration = Duration::from_millis(100);

/// How long those wait for the next line who could not be woken for this one: to go with that, by one write for both.
const HOLD: Duration = Duration::from_millis(12);

/// The longest that a viewer waits, earned or not: nobody sees a line come this much later. What was not earned is not
/// owed either, or a storm would slow down all that comes after it.
const LONGEST_WAIT: Duration = Duration::from_millis(25);

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
pub struct ThreadWaker {
    queue: Arc<Queue>,
    /// Until when what the thread has earned is spent.
    spent_until: Option<Instant>,
    /// Set while viewers wait for more to be earned.
    until_earned: Option<Pin<Box<Sleep>>>,
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
    /// Those for whom something has come, in its order.
    due: VecDeque<Due>,
    /// How often something was handed on.
    news: u64,
    /// Something was handed on since viewers were woken last.
    has_news: bool,
    /// Those who wait for a turn.
    turns: VecDeque<Waker>,
    /// The relay's own.
    relay: Option<Waker>,
    /// The relay is gone: what is handed to it is woken at once.
    closed: bool,
}

/// A viewer that is to be woken.
#[derive(Debug)]
struct Due {
    waker: Waker,
    since: Instant,
    /// The first news it waits for.
    news: u64,
}

/// A viewer that waits: its waker, and the relay of the thread on which it was asked.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    waker: Waker,
    relay: Option<Arc<Queue>>,
}

impl ThreadWaker {
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

    /// Wakes whom something has come for, as many as the thread has earned: when there is news, which the others get by
    /// the same write as what they wait for, or when they have waited for that.
    fn poll_lines(&mut self, cx: &mut Context<'_>) {
        loop {
            let has_news = std::mem::take(&mut self.queue.state().has_news);
            if !has_news && (self.until_earned.is_none() || !is_over(&mut self.until_earned, cx)) {
                return;
            }
            let now = Instant::now();
            let saved = now.checked_sub(SAVED).unwrap_or(now);
            let mut spent_until = self.spent_until.unwrap_or(saved).max(saved);
            let (wakers, left_since) = self.queue.state().take_due(now, has_news, &mut spent_until);
            self.spent_until = Some(spent_until);
            wakers.into_iter().for_each(Waker::wake);
            self.until_earned = left_since.map(|since| {
                let until = (since + HOLD).max(now + MOMENT);
                Box::pin(sleep_until(until))
            });
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

impl Future for ThreadWaker {
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

impl Drop for ThreadWaker {
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
                std::mem::take(&mut state.due),
                std::mem::take(&mut state.turns),
            )
        };
        let wakers = wakers.into_iter().map(|due| due.waker);
        wakers.chain(turns).for_each(Waker::wake);
    }
}

impl fmt::Debug for ThreadWaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadWaker").finish_non_exhaustive()
    }
}

impl Queue {
    /// Wakes viewers of this relay's thread by waking the relay.
    fn pass_on(&self, mut wakers: Vec<Waker>) {
        let relay = {
            let mut state = self.state();
            if !state.closed {
                let since = Instant::now();
                state.news += 1;
                state.has_news = true;
                let news = state.news;
                let due = |waker| Due { waker, since, news };
                state.due.extend(wakers.drain(..).map(due));
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

impl State {
    /// Those for whom something has come, as many as were earned since all was spent, if there is news or they have
    /// waited for it; and since when the first of the others waits.
    fn take_due(
        &mut self,
        now: Instant,
        has_news: bool,
        spent_until: &mut Instant,
    ) -> (Vec<Waker>, Option<Instant>) {
        let mut wakers = Vec::new();
        while let Some(Due { since, news, .. }) = self.due.front() {
            let each = match self.news - news {
                0 | 1 => EACH,
                _ => EACH_IN_A_RUSH,
            };
            let is_held = !has_news && *since + HOLD > now;
            let is_earned = *spent_until + each <= now;
            if (is_held || !is_earned) && *since + LONGEST_WAIT > now {
                return (wakers, Some(*since));
            }
            if is_earned {
                *spent_until += each;
            }
            wakers.extend(self.due.pop_front().map(|due| due.waker));
        }
        // What ten thousand needed is given back.
        self.due = VecDeque::new();
        (wakers, None)
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

    fn poll(relay: &mut ThreadWaker, waker: &Waker) {
        let polled = Pin::new(relay).poll(&mut Context::from_waker(waker));
        assert_eq!(polled, Poll::Pending);
    }

    #[tokio::test(start_paused = true)]
    async fn many_viewers_of_a_thread_are_woken_by_one_wake_up_of_its_relay() {
        let (own, own_waker) = Count::new();
        let (viewers, waker) = Count::new();
        let mut relay = ThreadWaker::new();
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
        let mut relay = ThreadWaker::new();
        poll(&mut relay, &own_waker);
        Waiting::wake_all([Waiting::here(&cx)]);
        assert_eq!((own.get(), viewers.get()), (0, 3));
    }

    fn pays_for(time: Duration) -> usize {
        usize::try_from(time.as_nanos() / EACH.as_nanos()).unwrap()
    }

    /// A relay that has nothing saved, when it is polled by this waker.
    async fn poor(own_waker: &Waker) -> ThreadWaker {
        let mut relay = ThreadWaker::new();
        poll(&mut relay, own_waker);
        let all = pays_for(SAVED);
        let (rich, waker) = Count::new();
        hand_on(&waker, all);
        poll(&mut relay, own_waker);
        assert_eq!(
            rich.get(),
            all,
            "a line that comes now and then goes to all at once"
        );
        relay
    }

    /// What a line does for so many viewers of this thread.
    fn hand_on(waker: &Waker, viewers: usize) {
        let cx = Context::from_waker(waker);
        Waiting::wake_all((0..viewers).map(|_| Waiting::here(&cx)));
    }

    /// Polls a relay whenever it is woken, for a while.
    async fn run(relay: &mut ThreadWaker, time: Duration) {
        assert!(tokio::time::timeout(time, relay).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn whom_a_line_could_not_wake_the_next_one_wakes_first() {
        let (_, own_waker) = Count::new();
        let mut relay = poor(&own_waker).await;
        let poor_since = Instant::now();
        let earned = || pays_for(SAVED + poor_since.elapsed()) - pays_for(SAVED);
        let (first, first_waker) = Count::new();
        let (second, second_waker) = Count::new();
        sleep(Duration::from_millis(2)).await;
        hand_on(&first_waker, 100);
        poll(&mut relay, &own_waker);
        let woken = earned();
        assert_eq!(first.get(), woken, "as many as were earned");
        run(&mut relay, Duration::from_millis(3)).await;
        assert_eq!(first.get(), woken, "the others wait for the next line");
        hand_on(&second_waker, 100);
        poll(&mut relay, &own_waker);
        assert_eq!((first.get(), second.get()), (100, earned() - 100));
    }

    #[tokio::test(start_paused = true)]
    async fn for_whom_many_lines_wait_more_has_to_be_earned() {
        let (_, own_waker) = Count::new();
        for (lines, each) in [(1, EACH), (2, EACH), (3, EACH_IN_A_RUSH)] {
            let mut relay = poor(&own_waker).await;
            let poor_since = Instant::now();
            let (viewers, waker) = Count::new();
            let (_, other) = Count::new();
            hand_on(&waker, 100);
            for _ in 1..lines {
                hand_on(&other, 2);
            }
            sleep(Duration::from_millis(2)).await;
            poll(&mut relay, &own_waker);
            let earned = poor_since.elapsed().as_nanos() / each.as_nanos();
            let woken = viewers.get() as u128;
            assert!((earned..=earned + 1).contains(&woken), "{lines}: {woken}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_no_line_comes_nobody_waits_for_it_for_long() {
        let (_, own_waker) = Count::new();
        let mut relay = poor(&own_waker).await;
        let (viewers, waker) = Count::new();
        let later = HOLD + Duration::from_millis(2);
        let all = pays_for(later) + 50;
        hand_on(&waker, all);
        run(&mut relay, HOLD - Duration::from_millis(1)).await;
        assert_eq!(viewers.get(), 0);
        run(&mut relay, Duration::from_millis(3)).await;
        let earned = pays_for(HOLD)..=pays_for(later);
        assert!(earned.contains(&viewers.get()), "{}", viewers.get());
        run(&mut relay, 100 * EACH).await;
        assert_eq!(viewers.get(), all);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_the_longest_however_many_there_are() {
        let (_, own_waker) = Count::new();
        let mut relay = poor(&own_waker).await;
        let (viewers, waker) = Count::new();
        hand_on(&waker, 10_000);
        run(&mut relay, LONGEST_WAIT - Duration::from_millis(2)).await;
        assert!(viewers.get() < 1_000, "{}", viewers.get());
        run(&mut relay, Duration::from_millis(4)).await;
        assert_eq!(viewers.get(), 10_000);
        // And nothing is owed for it.
        sleep(SAVED).await;
        hand_on(&waker, 1_000);
        poll(&mut relay, &own_waker);
        assert_eq!(viewers.get(), 11_000);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_catch_up_take_turns_in_their_order_a_few_at_a_time() {
        let (own, own_waker) = Count::new();
        let mut relay = ThreadWaker::new();
        poll(&mut relay, &own_waker);
        let viewers: Vec<_> = (0..2 * TURNS + 1).map(|_| Count::new()).collect();
        for (_, waker) in &viewers {
            ThreadWaker::take_turn(&Context::from_waker(waker));
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
        ThreadWaker::take_turn(&Context::from_waker(&viewers[0].1));
        assert_eq!(viewers[0].0.get(), 2, "no relay, no waiting");
    }

    #[tokio::test(start_paused = true)]
    async fn a_relay_that_ends_leaves_nobody_asleep() {
        let (_, own_waker) = Count::new();
        let (viewers, waker) = Count::new();
        let cx = Context::from_waker(&waker);
        let mut relay = ThreadWaker::new();
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
