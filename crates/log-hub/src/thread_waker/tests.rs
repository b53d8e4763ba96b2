//! The thread waker, polled by hand on a paused clock.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use tokio::time::advance;

use super::*;
use crate::waiter::Waiter;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Count {
    /// A waker, and how often it was woken.
    fn new() -> (Arc<Self>, Waker) {
        let count = Arc::new(Self::default());
        (Arc::clone(&count), count.into())
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn poll(thread_waker: &mut ThreadWaker, own_waker: &Waker) {
    let polled = Pin::new(thread_waker).poll(&mut Context::from_waker(own_waker));
    assert_eq!(polled, Poll::Pending);
}

/// One that is polled, with its own waker.
fn started() -> (ThreadWaker, Arc<Count>, Waker) {
    let (own, own_waker) = Count::new();
    let mut thread_waker = ThreadWaker::new();
    poll(&mut thread_waker, &own_waker);
    (thread_waker, own, own_waker)
}

/// What a line does for so many viewers of this thread.
fn wake(waker: &Waker, viewers: usize) {
    let cx = Context::from_waker(waker);
    Waiter::wake_all((0..viewers).map(|_| Waiter::new(&cx)));
}

#[tokio::test(start_paused = true)]
async fn many_viewers_of_a_thread_are_woken_by_one_wake_up() {
    let (mut thread_waker, own, own_waker) = started();
    let (viewers, waker) = Count::new();
    wake(&waker, 100);
    assert_eq!((own.get(), viewers.get()), (1, 0));
    poll(&mut thread_waker, &own_waker);
    assert_eq!(viewers.get(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_is_alone_or_has_no_thread_waker_is_woken_directly() {
    let (viewers, waker) = Count::new();
    wake(&waker, 2);
    assert_eq!(viewers.get(), 2);
    let (_thread_waker, own, _) = started();
    wake(&waker, 1);
    assert_eq!((own.get(), viewers.get()), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn the_next_wake_up_comes_three_times_as_long_after_as_the_writes_took() {
    for (work, wait) in [(1, 3), (2, 6), (4, 8), (40, 8)] {
        let ms = Duration::from_millis;
        let (mut thread_waker, own, own_waker) = started();
        let (viewers, waker) = Count::new();
        wake(&waker, 100);
        poll(&mut thread_waker, &own_waker);
        assert_eq!(viewers.get(), 100, "a line after silence goes out at once");
        assert_eq!(own.get(), 2, "it wants to be polled behind the viewers");
        advance(ms(work)).await;
        poll(&mut thread_waker, &own_waker);
        // Lines that come meanwhile wait.
        wake(&waker, 100);
        poll(&mut thread_waker, &own_waker);
        wake(&waker, 10);
        let before = own.get();
        advance(ms(wait - 1)).await;
        poll(&mut thread_waker, &own_waker);
        assert_eq!((own.get(), viewers.get()), (before, 100), "{work} ms");
        // One that is alone does not wait.
        wake(&waker, 1);
        assert_eq!(viewers.get(), 101);
        sleep(ms(2)).await;
        assert_eq!(own.get(), before + 1, "the timer has woken it");
        poll(&mut thread_waker, &own_waker);
        assert_eq!(viewers.get(), 211);
    }
}

#[tokio::test(start_paused = true)]
async fn few_viewers_never_wait() {
    let (mut thread_waker, _, own_waker) = started();
    let (viewers, waker) = Count::new();
    for line in 1..=100 {
        wake(&waker, 5);
        poll(&mut thread_waker, &own_waker);
        assert_eq!(viewers.get(), line * 5);
        advance(Duration::from_micros(50)).await;
        poll(&mut thread_waker, &own_waker);
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_after_silence_goes_out_at_once() {
    let (mut thread_waker, _, own_waker) = started();
    let (viewers, waker) = Count::new();
    for line in 1..=5 {
        wake(&waker, 1_000);
        poll(&mut thread_waker, &own_waker);
        assert_eq!(viewers.get(), line * 1_000);
        advance(Duration::from_millis(9)).await;
        poll(&mut thread_waker, &own_waker);
        sleep(LONGEST_WAIT + SHORTEST_WAIT).await;
    }
}

#[tokio::test(start_paused = true)]
async fn viewers_that_catch_up_take_turns_in_order_a_few_at_a_time() {
    let (mut thread_waker, own, own_waker) = started();
    let viewers: Vec<_> = (0..2 * TURNS + 1).map(|_| Count::new()).collect();
    for (_, waker) in &viewers {
        ThreadWaker::take_turn(&Context::from_waker(waker));
    }
    let woken = || viewers.iter().map(|(viewer, _)| viewer.get());
    for turns in [1, 2] {
        poll(&mut thread_waker, &own_waker);
        poll(&mut thread_waker, &own_waker);
        assert_eq!(woken().sum::<usize>(), turns * TURNS);
        assert!(woken().take(turns * TURNS).all(|times| times == 1));
        let before = own.get();
        while own.get() == before {
            sleep(Duration::from_micros(100)).await;
        }
    }
    poll(&mut thread_waker, &own_waker);
    assert_eq!(woken().sum::<usize>(), viewers.len());
    drop(thread_waker);
    ThreadWaker::take_turn(&Context::from_waker(&viewers[0].1));
    assert_eq!(viewers[0].0.get(), 2, "no thread waker, no waiting");
}

#[tokio::test(start_paused = true)]
async fn a_thread_waker_that_ends_leaves_nobody_asleep() {
    let (thread_waker, ..) = started();
    let (viewers, waker) = Count::new();
    let cx = Context::from_waker(&waker);
    let (before, after) = (
        [0; 3].map(|_| Waiter::new(&cx)),
        [0; 3].map(|_| Waiter::new(&cx)),
    );
    Waiter::wake_all(before);
    drop(thread_waker);
    assert_eq!(viewers.get(), 3);
    Waiter::wake_all(after);
    assert_eq!(viewers.get(), 6);
    // A viewer that comes later has none.
    wake(&waker, 2);
    assert_eq!(viewers.get(), 8);
}

#[tokio::test(start_paused = true)]
async fn on_an_actix_worker_it_is_polled_again_when_the_viewers_have_written() {
    const VIEWERS: usize = 500;
    let local = tokio::task::LocalSet::new();
    let written = Rc::new(Cell::new(0));
    // How many had written at each poll of the thread waker.
    let polls = Rc::new(RefCell::new(Vec::new()));
    let waiters = Rc::new(RefCell::new(Vec::new()));
    let mut thread_waker = ThreadWaker::new();
    local.spawn_local(poll_fn({
        let (written, polls) = (written.clone(), polls.clone());
        move |cx| {
            polls.borrow_mut().push(written.get());
            Pin::new(&mut thread_waker).poll(cx)
        }
    }));
    for _ in 0..VIEWERS {
        let (written, waiters) = (written.clone(), waiters.clone());
        let mut waits = false;
        local.spawn_local(poll_fn(move |cx| {
            if std::mem::replace(&mut waits, true) {
                written.update(|written| written + 1);
                return Poll::Ready(());
            }
            waiters.borrow_mut().push(Waiter::new(cx));
            Poll::Pending
        }));
    }
    local.run_until(sleep(SHORTEST_WAIT)).await;
    let waiters = waiters.take();
    assert_eq!(waiters.len(), VIEWERS);
    // A line comes from the feed's thread.
    std::thread::spawn(|| Waiter::wake_all(waiters))
        .join()
        .unwrap();
    local.run_until(sleep(SHORTEST_WAIT)).await;
    assert_eq!(*polls.borrow(), [0, 0, VIEWERS]);
}
