//! The follower over the reference store, with faults, on a paused clock.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use async_trait::async_trait;
use log_domain::{Batch, JobEnd, JobStatus, Lifecycle, LogBounds, Order, ReadLimit, Span, UserId};
use tokio::time::{sleep, timeout};

use super::*;
use crate::{
    FaultyStore, JobWrites as _, LogWatch, MemoryStore, NewJob, NewLine, StoreRefused, TailRead,
};

const QUIET: Duration = Duration::from_millis(250);

/// Long enough for everything that needs no clock: on a paused clock it passes when all tasks wait.
const MOMENT: Duration = Duration::from_millis(1);

const fn id(ms: u64) -> EntryId {
    EntryId::new(ms, 0)
}

/// What a test sees of a follower. Lines are numbered by the first half of their id.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Line(u64),
    Gap { after: u64, first: Option<u64> },
    Unavailable,
    Recovered,
    End(JobEnd, u64),
}

fn lines(range: RangeInclusive<u64>) -> Vec<Seen> {
    range.map(Seen::Line).collect()
}

/// A store with faults, and one job that runs.
struct Fixture {
    store: FaultyStore<MemoryStore>,
    job: JobId,
}

impl Fixture {
    async fn new() -> Self {
        Self::on(MemoryStore::new()).await
    }

    async fn on(store: MemoryStore) -> Self {
        let store = FaultyStore::new(store);
        let job: JobId = "job-1".parse().unwrap();
        let new = NewJob::new(UserId::new("user_1").unwrap(), SystemTime::now());
        store.inner().create(&job, &new).await.unwrap();
        Self { store, job }
    }

    /// Appends the lines `n-0`, whether the store can be reached or not.
    fn write(&self, range: RangeInclusive<u64>) {
        for n in range {
            let inner = self.store.inner();
            inner.append_at(&self.job, id(n), &NewLine::default());
        }
    }

    fn set_status(&self, status: &str) {
        self.store.inner().set_status_raw(&self.job, Some(status));
    }

    async fn follow(&self, start: Start) -> Follower {
        self.follow_with(start, FollowOptions::default()).await
    }

    async fn follow_with(&self, start: Start, options: FollowOptions) -> Follower {
        let follower = Follower::open(&self.store, &self.store, &self.job, start, options);
        follower.await.unwrap()
    }

    async fn follow_whole_log(&self) -> Follower {
        self.follow(Start::After(EntryId::ZERO)).await
    }
}

fn small_reads(lines: usize) -> FollowOptions {
    FollowOptions {
        read: ReadLimit::lines(lines),
        ..FollowOptions::default()
    }
}

fn seen(event: FollowEvent) -> Vec<Seen> {
    match event {
        FollowEvent::Lines(new) => {
            let gap = new.gap.map(|found| Seen::Gap {
                after: found.gap.after_id.ms(),
                first: found.gap.first_id.map(EntryId::ms),
            });
            let lines = new.lines.iter().map(|line| Seen::Line(line.id.ms()));
            gap.into_iter().chain(lines).collect()
        }
        FollowEvent::Unavailable(_) => vec![Seen::Unavailable],
        FollowEvent::Recovered { .. } => vec![Seen::Recovered],
        FollowEvent::End { end, position } => vec![Seen::End(end, position.ms())],
    }
}

/// What a follower hands out within a time; less where it ends before.
async fn during(follower: &mut Follower, time: Duration) -> Vec<Seen> {
    let mut all = Vec::new();
    let until_end = async {
        while let Some(event) = follower.next().await.unwrap() {
            all.extend(seen(event));
        }
    };
    let _ = timeout(time, until_end).await;
    all
}

/// What a follower hands out without any time passing.
async fn now(follower: &mut Follower) -> Vec<Seen> {
    during(follower, MOMENT).await
}

/// Everything up to the end.
async fn rest(follower: &mut Follower) -> Vec<Seen> {
    let all = during(follower, Duration::from_secs(3600)).await;
    assert!(matches!(all.last(), Some(Seen::End(..))), "no end: {all:?}");
    all
}

#[tokio::test(start_paused = true)]
async fn it_starts_live_after_a_cursor_or_with_the_whole_log() {
    let fixture = Fixture::new().await;
    fixture.write(1..=3);
    let mut live = fixture.follow(Start::Live).await;
    let mut after = fixture.follow(Start::After(id(2))).await;
    let mut whole = fixture.follow_whole_log().await;
    assert_eq!(now(&mut live).await, []);
    assert_eq!(now(&mut after).await, lines(3..=3));
    assert_eq!(now(&mut whole).await, lines(1..=3));
    fixture.write(4..=5);
    for follower in [&mut live, &mut after, &mut whole] {
        assert_eq!(now(follower).await, lines(4..=5));
        assert_eq!(follower.position(), id(5));
    }
}

#[tokio::test(start_paused = true)]
async fn a_live_start_says_that_the_store_cannot_be_read() {
    let fixture = Fixture::new().await;
    fixture.store.faults().cut();
    let options = FollowOptions::default();
    let opened = Follower::open(
        &fixture.store,
        &fixture.store,
        &fixture.job,
        Start::Live,
        options,
    )
    .await;
    assert!(opened.is_err_and(|error| error.is_retryable()));
}

#[tokio::test(start_paused = true)]
async fn a_long_log_comes_in_batches_each_line_once() {
    let fixture = Fixture::new().await;
    fixture.write(1..=95);
    let start = Start::After(EntryId::ZERO);
    let mut follower = fixture.follow_with(start, small_reads(10)).await;
    let Some(FollowEvent::Lines(first)) = follower.next().await.unwrap() else {
        panic!("lines were there")
    };
    assert_eq!((first.lines.len(), first.position), (10, id(10)));
    assert_eq!(now(&mut follower).await, lines(11..=95));
}

#[tokio::test(start_paused = true)]
async fn a_trimmed_cursor_gets_a_gap_first_and_once() {
    let fixture = Fixture::new().await;
    fixture.write(1..=20);
    fixture.store.inner().trim_to(&fixture.job, 5);
    let mut follower = fixture
        .follow_with(Start::After(id(3)), small_reads(2))
        .await;
    let gap = Seen::Gap {
        after: 3,
        first: Some(16),
    };
    let mut expected = vec![gap];
    expected.extend(lines(16..=20));
    assert_eq!(now(&mut follower).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_deleted_is_a_gap_and_the_next_one_is_read_from_its_start() {
    let fixture = Fixture::new().await;
    fixture.write(1..=3);
    let mut follower = fixture.follow_whole_log().await;
    assert_eq!(now(&mut follower).await, lines(1..=3));
    fixture.store.inner().delete_log(&fixture.job);
    let gap = Seen::Gap {
        after: 3,
        first: None,
    };
    assert_eq!(now(&mut follower).await, [gap]);
    assert_eq!(follower.position(), EntryId::ZERO);
    fixture.write(1..=2);
    assert_eq!(now(&mut follower).await, lines(1..=2));
}

#[tokio::test(start_paused = true)]
async fn lines_that_come_within_the_quiet_period_come_before_the_end() {
    let fixture = Fixture::new().await;
    let mut follower = fixture.follow_whole_log().await;
    fixture.write(1..=2);
    assert_eq!(now(&mut follower).await, lines(1..=2));
    fixture.set_status("ready");
    assert_eq!(during(&mut follower, QUIET / 2).await, []);
    fixture.write(3..=3);
    let last_line = Instant::now();
    let expected = [
        Seen::Line(3),
        Seen::End(JobEnd::Status(JobStatus::READY), 3),
    ];
    assert_eq!(rest(&mut follower).await, expected);
    let waited = last_line.elapsed();
    assert!(waited >= QUIET && waited < QUIET * 2, "{waited:?}");
    fixture.write(4..=4);
    assert!(follower.next().await.unwrap().is_none(), "over for ever");
}

#[tokio::test(start_paused = true)]
async fn a_terminal_status_of_the_hosts_own_ends_a_log() {
    let cancelled = JobStatus::terminal("cancelled").unwrap();
    let lifecycle = Lifecycle::contract().extend().from_all(&cancelled);
    let store = MemoryStore::with_lifecycle(lifecycle.build().unwrap());
    let fixture = Fixture::on(store).await;
    let mut follower = fixture.follow_whole_log().await;
    fixture.set_status("cancelled");
    let end = Seen::End(JobEnd::Status(cancelled), 0);
    assert_eq!(rest(&mut follower).await, [end]);
}

#[tokio::test(start_paused = true)]
async fn each_way_to_end_is_told_apart() {
    for (status, end) in [
        ("ready", JobEnd::Status(JobStatus::READY)),
        ("failed", JobEnd::Status(JobStatus::FAILED)),
    ] {
        let fixture = Fixture::new().await;
        let mut follower = fixture.follow_whole_log().await;
        assert_eq!(now(&mut follower).await, []);
        fixture.set_status(status);
        assert_eq!(rest(&mut follower).await, [Seen::End(end, 0)]);
    }
    let fixture = Fixture::new().await;
    let mut follower = fixture.follow_whole_log().await;
    assert_eq!(now(&mut follower).await, []);
    fixture.store.inner().delete_job(&fixture.job);
    let expected = [Seen::End(JobEnd::Deleted, 0)];
    assert_eq!(rest(&mut follower).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_is_taken_back_ends_nothing() {
    let fixture = Fixture::new().await;
    let mut follower = fixture.follow_whole_log().await;
    fixture.set_status("failed");
    assert_eq!(during(&mut follower, QUIET / 2).await, []);
    fixture.set_status("starting");
    let seen = during(&mut follower, Duration::from_secs(60)).await;
    assert_eq!(seen, []);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_told_with_each_failed_read_and_its_end_before_the_next_line() {
    let fixture = Fixture::new().await;
    let mut follower = fixture.follow_whole_log().await;
    assert_eq!(now(&mut follower).await, []);
    fixture.store.faults().fail_next(5);
    fixture.write(1..=1);
    let begin = Instant::now();
    for (failed, at_ms) in [(1, 0), (2, 50), (3, 150), (4, 350), (5, 750)] {
        let Some(FollowEvent::Unavailable(outage)) = follower.next().await.unwrap() else {
            panic!("the read was to fail")
        };
        assert_eq!((outage.failed_reads, outage.since), (failed, begin));
        let late = begin.elapsed() - Duration::from_millis(at_ms);
        assert!(late < Duration::from_millis(10), "{late:?}");
    }
    let Some(FollowEvent::Recovered { after }) = follower.next().await.unwrap() else {
        panic!("the store is back")
    };
    assert_eq!(after, begin.elapsed());
    assert_eq!(now(&mut follower).await, lines(1..=1));
}

#[tokio::test(start_paused = true)]
async fn it_reads_again_within_a_second_however_long_the_outage_was() {
    let fixture = Fixture::new().await;
    let mut follower = fixture.follow_whole_log().await;
    assert_eq!(now(&mut follower).await, []);
    fixture.store.faults().cut();
    fixture.write(1..=1);
    // The lost connection brings no notice.
    follower.reread();
    let seen = during(&mut follower, Duration::from_secs(600)).await;
    assert!(seen.iter().all(|seen| *seen == Seen::Unavailable));
    assert!(seen.len() > 500, "{} tries", seen.len());
    fixture.store.faults().mend();
    let expected = [Seen::Recovered, Seen::Line(1)];
    assert_eq!(
        during(&mut follower, Follower::LONGEST_RETRY + MOMENT * 2).await,
        expected
    );
}

#[tokio::test(start_paused = true)]
async fn neither_clock_of_the_end_runs_during_an_outage() {
    let fixture = Fixture::new().await;
    let mut follower = fixture.follow_whole_log().await;
    assert_eq!(now(&mut follower).await, []);
    fixture.set_status("ready");
    assert_eq!(during(&mut follower, QUIET / 2).await, []);
    fixture.store.faults().cut();
    let seen = during(&mut follower, Duration::from_secs(60)).await;
    assert!(seen.iter().all(|seen| *seen == Seen::Unavailable));
    fixture.store.faults().mend();
    // The producer's last line, which the outage has held up too.
    sleep(QUIET / 2).await;
    fixture.write(1..=1);
    let expected = [
        Seen::Recovered,
        Seen::Line(1),
        Seen::End(JobEnd::Status(JobStatus::READY), 1),
    ];
    assert_eq!(rest(&mut follower).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_waits_in_short_steps_loses_nothing_and_begins_no_read_twice() {
    let fixture = Fixture::new().await;
    fixture.write(1..=30);
    fixture.set_status("ready");
    fixture
        .store
        .faults()
        .set_latency(Duration::from_millis(30));
    let start = Start::After(EntryId::ZERO);
    let mut follower = fixture.follow_with(start, small_reads(10)).await;
    let before = fixture.store.faults().calls();
    let mut all = Vec::new();
    loop {
        match timeout(Duration::from_millis(7), follower.next()).await {
            Ok(Ok(Some(event))) => all.extend(seen(event)),
            Ok(Ok(None)) => break,
            Ok(Err(error)) => panic!("{error}"),
            Err(_) => {}
        }
    }
    let mut expected = lines(1..=30);
    expected.push(Seen::End(JobEnd::Status(JobStatus::READY), 30));
    assert_eq!(all, expected);
    let calls = fixture.store.faults().calls() - before;
    assert!(calls <= 6, "{calls}: the job, three batches, the quiet end");
}

#[tokio::test(start_paused = true)]
async fn lost_notices_lose_no_line() {
    let fixture = Fixture::new().await;
    let mut follower = fixture.follow_whole_log().await;
    let mut all = Vec::new();
    for n in 1..=50 {
        fixture.store.faults().interrupt();
        fixture.write(n..=n);
        if n % 3 == 0 {
            fixture.store.faults().interrupt();
        }
        if n % 5 == 0 {
            all.extend(now(&mut follower).await);
        }
    }
    all.extend(during(&mut follower, Duration::from_secs(3)).await);
    all.retain(|seen| !matches!(seen, Seen::Unavailable | Seen::Recovered));
    assert_eq!(all, lines(1..=50));
}

#[tokio::test(start_paused = true)]
async fn a_reread_is_handed_out_though_nothing_is_new() {
    let fixture = Fixture::new().await;
    fixture.write(1..=2);
    let mut follower = fixture.follow_whole_log().await;
    assert_eq!(now(&mut follower).await, lines(1..=2));
    follower.reread();
    let Some(FollowEvent::Lines(new)) = follower.next().await.unwrap() else {
        panic!("asked for")
    };
    assert!(new.is_reread && new.lines.is_empty() && new.gap.is_none());
    // A failed one is repeated.
    fixture.store.faults().fail_next(1);
    follower.reread();
    let mut rereads = 0;
    while let Ok(event) = timeout(Duration::from_secs(1), follower.next()).await {
        let event = event.unwrap();
        rereads += usize::from(matches!(event, Some(FollowEvent::Lines(new)) if new.is_reread));
    }
    assert_eq!(rereads, 1);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_written_again_and_again_does_not_put_off_the_end() {
    let fixture = Arc::new(Fixture::new().await);
    let mut follower = fixture.follow_whole_log().await;
    let writer = tokio::spawn({
        let fixture = fixture.clone();
        async move {
            loop {
                fixture.set_status("ready");
                sleep(QUIET / 50).await;
            }
        }
    });
    let begin = Instant::now();
    assert_eq!(
        rest(&mut follower).await,
        [Seen::End(JobEnd::Status(JobStatus::READY), 0)]
    );
    assert!(begin.elapsed() < QUIET * 2, "{:?}", begin.elapsed());
    writer.abort();
}

/// A store in front of another one: a producer writes faster than it can be read, or reads are refused.
struct RacingStore {
    fixture: Arc<Fixture>,
    last: Arc<AtomicU64>,
    refuses: Arc<AtomicBool>,
}

impl RacingStore {
    fn new(fixture: Arc<Fixture>) -> Self {
        Self {
            fixture,
            last: Arc::default(),
            refuses: Arc::default(),
        }
    }
}

#[async_trait]
impl LogStore for RacingStore {
    async fn read(
        &self,
        job: &JobId,
        span: Span,
        order: Order,
        limit: ReadLimit,
    ) -> Result<Batch, StoreError> {
        self.fixture.store.read(job, span, order, limit).await
    }

    async fn read_after(
        &self,
        job: &JobId,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        self.fixture.store.read_after(job, after, limit).await
    }

    async fn bounds(&self, job: &JobId) -> Result<LogBounds, StoreError> {
        self.fixture.store.bounds(job).await
    }

    fn watch_log(&self, job: &JobId) -> Box<dyn LogWatch> {
        Box::new(RacingWatch {
            inner: self.fixture.store.watch_log(job),
            fixture: self.fixture.clone(),
            last: self.last.clone(),
            refuses: self.refuses.clone(),
        })
    }

    async fn ping_logs(&self) -> Result<(), StoreError> {
        self.fixture.store.ping_logs().await
    }
}

struct RacingWatch {
    inner: Box<dyn LogWatch>,
    fixture: Arc<Fixture>,
    last: Arc<AtomicU64>,
    refuses: Arc<AtomicBool>,
}

#[async_trait]
impl LogWatch for RacingWatch {
    async fn changed(&mut self) {
        self.inner.changed().await;
    }

    async fn read_after(
        &mut self,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        if self.refuses.load(Ordering::SeqCst) {
            return Err(StoreRefused::new("not for you").into());
        }
        // Twice as many new lines as one read takes: there is always more.
        sleep(Duration::from_millis(5)).await;
        let new = 2 * limit.lines as u64;
        let first = self.last.fetch_add(new, Ordering::SeqCst) + 1;
        self.fixture.write(first..=first + new - 1);
        self.inner.read_after(after, limit).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_outruns_the_reader_is_cut_at_the_limit_too() {
    let fixture = Arc::new(Fixture::new().await);
    let store = RacingStore::new(fixture.clone());
    let mut follower = Follower::new(
        &store,
        &fixture.store,
        &fixture.job,
        EntryId::ZERO,
        small_reads(10),
    );
    let before = during(&mut follower, Duration::from_secs(2)).await;
    assert!(before.len() > 1_000, "{}", before.len());
    fixture.set_status("failed");
    let begin = Instant::now();
    let mut all = rest(&mut follower).await;
    let took = begin.elapsed();
    // What was there when the status was seen is read in full: as much as was read before.
    let limit = FollowOptions::default().end.limit;
    assert!(took >= limit && took < limit + QUIET, "{took:?}");
    let end = all.pop();
    let last = (before.len() + all.len()) as u64;
    assert_eq!(
        end,
        Some(Seen::End(JobEnd::Status(JobStatus::FAILED), last))
    );
    let read = before.into_iter().chain(all);
    assert!(read.eq(lines(1..=last)), "each line once, in order");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_ends_it_with_the_error() {
    let fixture = Arc::new(Fixture::new().await);
    let store = RacingStore::new(fixture.clone());
    store.refuses.store(true, Ordering::SeqCst);
    let options = FollowOptions::default();
    let mut follower = Follower::new(&store, &fixture.store, &fixture.job, EntryId::ZERO, options);
    let error = follower.next().await.unwrap_err();
    assert!(!error.is_retryable());
    assert!(follower.next().await.unwrap().is_none());
}
