//! What the viewers of one job share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use log_hub::Next;

use crate::fixture::{Fixture, create, job, lines, settle};

#[tokio::test(start_paused = true)]
async fn two_viewers_share_one_feed_and_one_encoding() {
    let fixture = Fixture::new().await;
    let (mut a, mut b) = (fixture.live().await, fixture.live().await);
    settle().await;
    let calls = fixture.store.faults().calls();
    fixture.write(1..=3);
    let (Next::Frames(of_a), Next::Frames(of_b)) = (a.viewer.next().await, b.viewer.next().await)
    else {
        panic!("lines were written");
    };
    assert_eq!(of_a, of_b);
    assert_eq!(of_a.as_ptr(), of_b.as_ptr(), "the very same bytes");
    let stats = fixture.stats();
    assert_eq!((stats.feeds, stats.viewers, stats.lines), (1, 2, 3));
    assert_eq!(
        fixture.store.faults().calls(),
        calls + 1,
        "one read for all"
    );
}

#[tokio::test(start_paused = true)]
async fn a_viewer_of_a_running_feed_costs_one_read_to_open_and_none_later() {
    let fixture = Fixture::new().await;
    let mut clients = vec![fixture.live().await];
    settle().await;
    let before = fixture.store.faults().calls();
    for _ in 0..399 {
        clients.push(fixture.live().await);
    }
    assert_eq!(fixture.store.faults().calls(), before + 399);
    fixture.write(1..=100);
    for client in &mut clients {
        assert_eq!(client.now().await, lines(1..=100));
    }
    assert_eq!(fixture.store.faults().calls(), before + 400);
}

#[tokio::test(start_paused = true)]
async fn jobs_do_not_mix() {
    let fixture = Fixture::new().await;
    let other = job("job-2");
    create(fixture.store.inner(), &other).await;
    let mut here = fixture.live().await;
    let opened = fixture.hub.open(&other, log_domain::Start::Live).await;
    let mut there = crate::fixture::Client::new(opened.unwrap().into_viewer().unwrap());
    fixture.write(1..=2);
    assert_eq!(here.now().await, lines(1..=2));
    assert_eq!(there.now().await, []);
    assert_eq!(fixture.stats().feeds, 2);
}

#[tokio::test(start_paused = true)]
async fn an_idle_viewer_is_not_polled() {
    let fixture = Fixture::new().await;
    let polls = Arc::new(AtomicUsize::new(0));
    let mut client = fixture.live().await;
    let task = tokio::spawn({
        let polls = polls.clone();
        std::future::poll_fn(move |cx| {
            polls.fetch_add(1, Ordering::SeqCst);
            client.viewer.poll_next(cx).map(drop)
        })
    });
    tokio::time::sleep(Duration::from_secs(19)).await;
    assert_eq!(polls.load(Ordering::SeqCst), 1);
    let calls = fixture.store.faults().calls();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(polls.load(Ordering::SeqCst), 2, "the heartbeat");
    assert_eq!(fixture.store.faults().calls(), calls, "nothing is read");
    task.await.unwrap();
}
