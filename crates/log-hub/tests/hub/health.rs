//! What is told to those who run the service: log lines of an outage, and whether the hub's tasks run.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake};
use std::time::Duration;

use log_domain::Start;
use tokio::time::sleep;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::fixture::{Client, Fixture, create, job, lines, settle};

/// Keeps what the hub logs, as texts.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<(Level, String)>>>);

impl Logged {
    /// What was logged since it was asked last.
    fn take(&self) -> Vec<(Level, String)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Subscriber for Logged {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("log_hub")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let logged = (*event.metadata().level(), text.0);
        self.0.lock().unwrap().push(logged);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{field}={value:?} ");
        self.0.push_str(&text);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_logged_once_and_once_when_it_is_over_however_many_feeds_it_affects() {
    const JOBS: usize = 200;
    let logged = Logged::default();
    let _guard = tracing::subscriber::set_default(logged.clone());
    let fixture = Fixture::new().await;
    let mut clients = Vec::new();
    for n in 0..JOBS {
        let job = job(&format!("one-of-many-{n}"));
        create(fixture.store.inner(), &job).await;
        let viewer = fixture.hub.open(&job, Start::Live).await.unwrap();
        let viewer = viewer.into_viewer().unwrap();
        clients.push(Client::new(viewer));
    }
    settle().await;
    for _ in 0..2 {
        fixture
            .store
            .faults()
            .set_latency(Duration::from_millis(10));
        fixture.store.faults().notify_all();
        settle().await;
        // All feeds read now.
        fixture.store.faults().cut();
        sleep(Duration::from_secs(60)).await;
        assert!(fixture.stats().failed_reads > JOBS as u64);
        let during = logged.take();
        assert_eq!(during.len(), 1, "{during:?}");
        assert_eq!(during[0].0, Level::WARN, "{during:?}");
        fixture.store.faults().mend();
        sleep(Duration::from_secs(2)).await;
        let after = logged.take();
        assert_eq!(after.len(), 1, "{after:?}");
        let (level, text) = &after[0];
        assert_eq!(*level, Level::INFO, "{text}");
        assert!(text.contains(&format!("feeds={JOBS} ")), "{text}");
        fixture.store.faults().set_latency(Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_nobody_waits_for_any_more_is_closed() {
    let logged = Logged::default();
    let _guard = tracing::subscriber::set_default(logged.clone());
    let fixture = Fixture::new().await;
    let client = fixture.live().await;
    settle().await;
    fixture.store.faults().fail_next(u64::MAX);
    fixture.write(1..=1);
    settle().await;
    assert_eq!(logged.take().len(), 1);
    drop(client);
    sleep(Duration::from_secs(10)).await;
    let closed = logged.take();
    assert!(matches!(&closed[..], [(Level::INFO, _)]), "{closed:?}");
    // The next outage is logged again.
    fixture.store.faults().fail_next(0);
    let mut client = fixture.after(0).await;
    assert_eq!(client.now().await, lines(1..=1));
    fixture.store.faults().fail_next(1);
    fixture.write(2..=2);
    assert_eq!(client.during(Duration::from_secs(1)).await, lines(2..=2));
    let levels: Vec<_> = logged.take().iter().map(|(level, _)| *level).collect();
    assert_eq!(levels, [Level::WARN, Level::INFO]);
}

/// A waker that must not be woken.
struct PanicsWhenWoken;

impl Wake for PanicsWhenWoken {
    fn wake(self: Arc<Self>) {
        panic!("a waker of a test panics on purpose");
    }
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_clock_that_panics_is_noticed() {
    let logged = Logged::default();
    let _guard = tracing::subscriber::set_default(logged.clone());
    let fixture = Fixture::new().await;
    let mut client = fixture.live().await;
    let waker = Arc::new(PanicsWhenWoken).into();
    let polled = client.viewer.poll_next(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    sleep(Duration::from_secs(15)).await;
    assert!(fixture.hub.is_healthy());
    // The heartbeat that is due wakes the viewer.
    sleep(Duration::from_secs(15)).await;
    assert!(!fixture.hub.is_healthy());
    let logged = logged.take();
    assert!(matches!(&logged[..], [(Level::ERROR, _)]), "{logged:?}");
}

#[tokio::test(start_paused = true)]
async fn a_drain_leaves_no_task_behind() {
    let fixture = Fixture::new().await;
    let clients = [fixture.live().await, fixture.after(0).await];
    settle().await;
    let tasks = || {
        let handle = tokio::runtime::Handle::current();
        handle.metrics().num_alive_tasks()
    };
    assert!(fixture.hub.is_healthy() && tasks() > 0);
    fixture.hub.drain(Duration::from_secs(1)).await;
    assert_eq!((tasks(), fixture.stats().feeds), (0, 0));
    assert!(!fixture.hub.is_healthy());
    for mut client in clients {
        let last = client.now().await.pop();
        assert!(matches!(last, Some(crate::fixture::Event::BrokenOff(_))));
    }
}
