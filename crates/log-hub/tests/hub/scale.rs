//! Many viewers: what each one costs, and that no viewer delays the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use log_domain::{JobId, Start};
use log_store::NewLine;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::controlled_store::ControlledStore;
use crate::fixture::{Client, Event, Fixture, create, id, job, lines, settle};

/// When a client was broken off, counted from `begin`, and how long it was told to stay away.
fn until_broken_off(mut client: Client, begin: Instant) -> JoinHandle<(Duration, Duration)> {
    tokio::spawn(async move {
        let Some(Event::BrokenOff(retry)) = client.rest().await.pop() else {
            panic!("not broken off")
        };
        (begin.elapsed(), retry)
    })
}

#[tokio::test(start_paused = true)]
async fn a_drain_of_two_thousand_viewers_of_many_jobs_is_spread_and_in_time() {
    const WINDOW: Duration = Duration::from_secs(5);
    let fixture = Fixture::new().await;
    fixture.write(1..=50);
    let mut clients = Vec::new();
    for n in 0..2_000 {
        let job = job(&format!("one-of-many-{}", n % 40));
        if n < 40 {
            create(fixture.store.inner(), &job).await;
        }
        let viewer = fixture.hub.open(&job, Start::Live).await.unwrap();
        let viewer = viewer.into_viewer().unwrap();
        clients.push(Client::new(viewer));
    }
    settle().await;
    let begin = Instant::now();
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|client| until_broken_off(client, begin))
        .collect();
    fixture.hub.drain(WINDOW).await;
    assert!(begin.elapsed() <= WINDOW, "{:?}", begin.elapsed());
    let mut per_second = [0; 5];
    let mut per_retry_second = [0; 5];
    for task in tasks {
        let (when, retry) = task.await.unwrap();
        assert!(when <= WINDOW, "{when:?}");
        let second = usize::try_from(when.as_millis().saturating_sub(1) / 1000).unwrap();
        per_second[second] += 1;
        per_retry_second[usize::try_from(retry.as_secs()).unwrap()] += 1;
    }
    assert!(
        per_second.iter().all(|n| (300..=500).contains(n)),
        "{per_second:?}"
    );
    let retries = &per_retry_second[1..];
    assert!(retries.iter().all(|n| *n > 300), "{per_retry_second:?}");
}

#[tokio::test(start_paused = true)]
async fn two_thousand_idle_viewers_cost_no_task_and_one_wake_up_for_each_heartbeat() {
    let fixture = Fixture::new().await;
    let mut clients = vec![fixture.live().await];
    settle().await;
    let tasks = || {
        let handle = tokio::runtime::Handle::current();
        handle.metrics().num_alive_tasks()
    };
    let before = tasks();
    for _ in 1..2_000 {
        clients.push(fixture.live().await);
    }
    assert_eq!(tasks(), before, "a viewer has no task of its own");
    let polls = Arc::new(AtomicUsize::new(0));
    for mut client in clients {
        let polls = polls.clone();
        tokio::spawn(std::future::poll_fn(move |cx| {
            polls.fetch_add(1, Ordering::Relaxed);
            // Until it waits: a heartbeat was handed out.
            while client.viewer.poll_next(cx).is_ready() {}
            std::task::Poll::<()>::Pending
        }));
    }
    sleep(Duration::from_secs(15)).await;
    assert_eq!(polls.load(Ordering::Relaxed), 2_000);
    let calls = fixture.store.faults().calls();
    sleep(Duration::from_secs(60)).await;
    // Three heartbeats of 20 s in a minute, or a little more, as the ticks fall.
    let woken = polls.load(Ordering::Relaxed) - 2_000;
    assert!((4_000..=8_000).contains(&woken), "{woken}");
    assert_eq!(fixture.store.faults().calls(), calls, "nothing is read");
}

#[tokio::test(start_paused = true)]
async fn live_lines_do_not_wait_for_viewers_that_catch_up() {
    let (fixture, controls) = ControlledStore::fixture(|options| options.catch_up_reads = 2).await;
    fixture.write(1..=100);
    let mut live = fixture.live().await;
    settle().await;
    controls.hold_answers(true);
    let mut behind = Vec::new();
    for _ in 0..200 {
        let mut client = fixture.after(0).await;
        behind.push(tokio::spawn(async move { client.now().await }));
        tokio::task::yield_now().await;
    }
    assert_eq!(controls.in_flight(), 1, "one for each job");
    fixture.write(101..=101);
    assert_eq!(live.now().await, lines(101..=101));
    controls.hold_answers(false);
}

#[tokio::test(start_paused = true)]
async fn viewers_that_catch_up_on_one_job_leave_turns_to_other_jobs() {
    let (fixture, controls) = ControlledStore::fixture(|options| options.catch_up_reads = 3).await;
    let jobs: Vec<_> = (0..5).map(|n| job(&format!("job-of-many-{n}"))).collect();
    for job in &jobs {
        create(fixture.store.inner(), job).await;
        let line = NewLine::default();
        fixture.store.inner().append_at(job, id(1), &line);
    }
    controls.hold_answers(true);
    let mut behind = Vec::new();
    let mut begin = async |job: &JobId| {
        let start = Start::After(id(0));
        let opened = fixture.hub.open(job, start).await.unwrap();
        let mut client = Client::new(opened.into_viewer().unwrap());
        behind.push(tokio::spawn(async move { client.now().await }));
        tokio::task::yield_now().await;
    };
    for _ in 0..50 {
        begin(&jobs[0]).await;
    }
    assert_eq!(controls.in_flight(), 1, "one for each job");
    for job in &jobs[1..] {
        begin(job).await;
    }
    assert_eq!(controls.in_flight(), 3, "and a bounded number in all");
    controls.hold_answers(false);
    for behind in behind {
        assert_eq!(behind.await.unwrap(), lines(1..=1));
    }
}

#[tokio::test(start_paused = true)]
async fn viewers_who_replay_together_read_the_store_as_often_as_one_of_them() {
    let fixture = Fixture::with(|options| options.catch_up_read.lines = 10).await;
    fixture.write(1..=500);
    let mut clients = Vec::new();
    for _ in 0..100 {
        clients.push(fixture.after(0).await);
    }
    let replays: Vec<_> = clients
        .into_iter()
        .map(|mut client| tokio::spawn(async move { client.now().await }))
        .collect();
    for replay in replays {
        assert_eq!(replay.await.unwrap(), lines(1..=500));
    }
    let reads = fixture.stats().catch_up_reads;
    // The last batch is not shared: the log may have more lines a moment later.
    assert!((50..=50 + 100).contains(&reads), "{reads}");
}

#[tokio::test(start_paused = true)]
async fn a_recent_batch_is_forgotten_after_a_moment() {
    let fixture = Fixture::with(|options| options.catch_up_read.lines = 10).await;
    fixture.write(1..=15);
    let mut first = fixture.after(0).await;
    assert_eq!(first.now().await, lines(1..=15));
    let reads = fixture.stats().catch_up_reads;
    sleep(Duration::from_secs(4)).await;
    let mut second = fixture.after(0).await;
    assert_eq!(second.now().await, lines(1..=15));
    assert_eq!(fixture.stats().catch_up_reads, 2 * reads);
}

#[tokio::test(start_paused = true)]
async fn a_recent_batch_of_a_lost_log_is_shown_to_nobody() {
    let fixture = Fixture::with(|options| options.catch_up_read.lines = 10).await;
    fixture.write(11..=45);
    let mut first = fixture.after(0).await;
    assert_eq!(first.now().await, lines(11..=45));
    fixture.delete_log();
    settle().await;
    fixture.write(1..=2);
    settle().await;
    let mut second = fixture.after(0).await;
    assert_eq!(second.now().await, lines(1..=2));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_far_behind_takes_turns_with_one_that_is_nearly_live() {
    let (fixture, controls) = ControlledStore::fixture(|options| {
        options.catch_up_reads = 1;
        options.read.lines = 10;
        options.feed_bytes = 1;
    })
    .await;
    fixture.write(1..=5_000);
    let mut far = fixture.after(0).await;
    fixture.store.faults().set_latency(Duration::from_millis(1));
    let far = tokio::spawn(async move { far.during(Duration::from_secs(60)).await });
    tokio::task::yield_now().await;
    let mut near = fixture.after(4_990).await;
    assert_eq!(near.next().await, lines(4_991..=5_000));
    let reads = controls.cursors().len();
    assert!(reads <= 4, "{reads} reads before its turn");
    let mut seen = far.await.unwrap();
    seen.retain(|event| *event != Event::Heartbeat);
    assert_eq!(seen, lines(1..=5_000));
}

#[tokio::test(start_paused = true)]
async fn lines_that_come_while_a_viewer_is_busy_are_handed_out_together() {
    let fixture = Fixture::new().await;
    let (mut busy, mut quick) = (fixture.live().await, fixture.live().await);
    for n in 1..=20 {
        fixture.write(n..=n);
        assert_eq!(quick.next().await, lines(n..=n), "at once");
    }
    assert_eq!(busy.next().await, lines(1..=20));
}
