//! Random histories: one writer, a store that comes and goes, and viewers that pause, drop and come back.
//!
//! No two lines of a history have the same id, even where a log is lost and made anew: the new log counts from a base of its
//! own, above or below the old one. So what a viewer has seen can be compared with the order in which lines were appended.

mod check;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use log_domain::Start;
use tokio::time::{sleep, timeout};

use self::check::{Journal, Opened};
use self::writer::{Script, Writer};
use crate::controlled_store::ControlledStore;
use crate::fixture::{Client, Event, Fixture, id};

const VIEWERS: u64 = 6;

/// Far longer than a history, in virtual time.
const PATIENCE: Duration = Duration::from_secs(10_000);

#[test]
fn viewers_of_a_log_that_only_grows_see_each_line_once() {
    play_all(40, false);
}

#[test]
fn viewers_of_a_log_that_is_trimmed_and_lost_see_each_line_once_or_a_gap() {
    play_all(160, true);
}

/// Plays so many histories, on two threads.
fn play_all(histories: u64, destroys: bool) {
    std::thread::scope(|scope| {
        for first in 0..2 {
            scope.spawn(move || {
                for seed in (first..histories).step_by(2) {
                    play(seed, destroys);
                }
            });
        }
    });
}

fn play(seed: u64, destroys: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(history(seed, destroys));
}

async fn history(seed: u64, destroys: bool) {
    let mut rng = Rng::with_seed(seed);
    let fixture = ControlledStore::fixture(|options| {
        options.feed_bytes = rng.usize(1..8_000);
        options.feeds_bytes = rng.usize(1..16_000);
        options.read.lines = rng.usize(1..20);
        options.catch_up_reads = rng.usize(1..4);
        options.heartbeat = Duration::from_secs(rng.u64(1..20));
        options.linger = Duration::from_millis(rng.u64(0..3_000));
    });
    let (fixture, controls) = fixture.await;
    let fixture = Arc::new(fixture);
    if rng.bool() {
        controls.set_lateness(Duration::from_millis(rng.u64(1..1_500)), rng.fork());
    }
    let script = Arc::new(Script::default());
    let viewers: Vec<_> = (0..VIEWERS)
        .map(|n| {
            let rng = Rng::with_seed(seed << 8 | n);
            tokio::spawn(watch(fixture.clone(), script.clone(), rng))
        })
        .collect();
    Writer::new(fixture.clone(), script.clone(), rng, destroys)
        .run()
        .await;
    for (n, viewer) in viewers.into_iter().enumerate() {
        let journal = timeout(PATIENCE, viewer).await;
        let journal = journal.unwrap_or_else(|_| panic!("seed {seed}: viewer {n} has no end"));
        let checked = script.check(&journal.unwrap(), destroys);
        checked.unwrap_or_else(|wrong| panic!("seed {seed}, viewer {n}: {wrong}"));
    }
    sleep(Duration::from_secs(10)).await;
    let stats = fixture.stats();
    let left = (stats.viewers, stats.feeds, fixture.store.inner().watched());
    assert_eq!(left, (0, 0, 0), "seed {seed}");
}

/// Watches as one client until `done`, and returns what the client has seen.
async fn watch(fixture: Arc<Fixture>, script: Arc<Script>, mut rng: Rng) -> Journal {
    sleep(Duration::from_millis(rng.u64(0..2_000))).await;
    let start = if rng.bool() {
        Start::Live
    } else {
        Start::After(id(0))
    };
    let (mut client, opened) = open(&fixture, &script, start).await;
    let mut journal = Journal::new(opened);
    loop {
        let limit = Duration::from_millis(rng.u64(1..3_000));
        if let Ok(events) = timeout(limit, client.next_with_cursors()).await {
            let over = events
                .iter()
                .any(|(event, _)| matches!(event, Event::Done(_)));
            journal.saw(events, script.steps());
            if over {
                return journal;
            }
        }
        match rng.u8(0..100) {
            0..=14 => sleep(Duration::from_millis(rng.u64(0..1))).await,
            15 => sleep(Duration::from_secs(rng.u64(1..5))).await,
            16..=19 => {
                if let Some(cursor) = client.cursor() {
                    drop(client);
                    sleep(Duration::from_millis(rng.u64(0..400) * rng.u64(0..2))).await;
                    client = open(&fixture, &script, Start::After(cursor)).await.0;
                    client.set_cursor(cursor);
                    journal.reopened();
                }
            }
            _ => {}
        }
    }
}

/// Opens a client, and tries until the store lets it.
async fn open(fixture: &Fixture, script: &Script, start: Start) -> (Client, Opened) {
    loop {
        let before = script.appended();
        if let Ok(client) = fixture.open(start).await {
            let opened = Opened {
                cursor: start.cursor(),
                position: client.viewer.position(),
                before,
                after: script.appended(),
            };
            return (client, opened);
        }
        sleep(Duration::from_millis(50)).await;
    }
}
