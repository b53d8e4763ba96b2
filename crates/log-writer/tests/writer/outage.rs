//! The store cannot be reached: which lines wait, who is blocked, and what is reported.

use std::sync::Arc;
use std::time::Duration;

use log_writer::{LogWriter, Outcome};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};

use crate::support::{job, numbered, output, status, store, store_with_job, texts};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn an_outage_of_a_minute_loses_no_line_and_blocks_no_write() {
    let store = store();
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .start()
        .unwrap();
    let mut out = writer.stdout();
    out.write_all(&output(0..5)).await.unwrap();
    writer.flush().await.unwrap();

    store.faults().cut();
    let started = Instant::now();
    for n in 5..1205 {
        out.write_all(&output(n..n + 1)).await.unwrap();
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(started.elapsed(), MINUTE, "no write waited");
    assert_eq!(writer.stats().waiting, 1200);
    store.faults().mend();
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, numbered(0..1205));
    assert_eq!(writer.stats().lost.lines, 0);
}

#[tokio::test(start_paused = true)]
async fn repeated_connection_losses_lose_no_line_and_repeat_none() {
    let store = store();
    store.faults().set_latency(Duration::from_millis(3));
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .start()
        .unwrap();
    let mut out = writer.stdout();
    for n in 0..400 {
        out.write_all(&output(n * 10..(n + 1) * 10)).await.unwrap();
        sleep(Duration::from_millis(7)).await;
        if n % 3 == 0 {
            store.faults().interrupt();
        }
    }
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, numbered(0..4000));
}

#[tokio::test(start_paused = true)]
async fn the_writer_waits_for_a_store_that_is_unreachable_at_the_start() {
    let store = store();
    store.faults().cut();
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .start()
        .unwrap();
    writer.stdout().write_all(&output(0..5)).await.unwrap();
    sleep(MINUTE).await;
    store.faults().mend();
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, numbered(0..5));
}

#[tokio::test(start_paused = true)]
async fn a_full_buffer_blocks_the_build_for_the_configured_time_and_the_log_reports_dropped_lines()
{
    let store = store();
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .buffer_bytes(64 * 1024)
        .max_block(Duration::from_secs(10))
        .start()
        .unwrap();
    let mut out = writer.stdout();
    store.faults().cut();
    let started = Instant::now();
    for n in 0..2000 {
        out.write_all(&output(n..n + 1)).await.unwrap();
    }
    assert_eq!(started.elapsed(), Duration::from_secs(10));
    let lost = writer.stats().lost;
    assert!(lost.lines > 1000, "{lost:?}");

    store.faults().mend();
    writer.flush().await.unwrap();
    out.write_all(&output(2000..2001)).await.unwrap();
    writer.flush().await.unwrap();
    let kept = 2000 - usize::try_from(lost.lines).unwrap();
    let mut expected = numbered(0..kept);
    expected.push(format!(
        "[{} lines ({} bytes) are missing here: the log store did not take them]",
        lost.lines, lost.bytes
    ));
    expected.extend(numbered(2000..2001));
    assert_eq!(texts(&store).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_must_not_block_drops_lines_at_once() {
    let store = store();
    store.faults().cut();
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .buffer_bytes(64 * 1024)
        .max_block(Duration::ZERO)
        .start()
        .unwrap();
    let started = Instant::now();
    writer.stdout().write_all(&output(0..5000)).await.unwrap();
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert!(writer.stats().lost.lines > 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_slows_the_build_and_loses_no_line() {
    let store = store();
    store.faults().set_latency(Duration::from_secs(2));
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .buffer_bytes(64 * 1024)
        .max_block(Duration::from_secs(5))
        .start()
        .unwrap();
    writer.stdout().write_all(&output(0..20_000)).await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(writer.stats().lost.lines, 0);
    assert_eq!(texts(&store).await, numbered(0..20_000));
}

#[tokio::test(start_paused = true)]
async fn a_flush_gives_up_in_time_and_loses_no_line() {
    let store = store();
    store.faults().cut();
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .give_up_after(Duration::from_secs(5))
        .start()
        .unwrap();
    writer.stdout().write_all(&output(0..3)).await.unwrap();
    let started = Instant::now();
    assert_eq!(writer.flush().await.unwrap_err().waiting, 3);
    assert_eq!(started.elapsed(), Duration::from_secs(5));
    store.faults().mend();
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, numbered(0..3));
}

#[tokio::test(start_paused = true)]
async fn a_finish_waits_for_the_store_and_then_ends_the_job() {
    let store = store_with_job().await;
    store.faults().cut();
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .start()
        .unwrap();
    writer.stdout().write_all(&output(0..3)).await.unwrap();
    let mend = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            sleep(MINUTE).await;
            store.faults().mend();
        }
    });
    let stats = writer.finish(Outcome::Ready, "Built").await.unwrap();
    mend.await.unwrap();
    assert_eq!((stats.appended, stats.waiting, stats.lost.lines), (3, 0, 0));
    assert_eq!(texts(&store).await, numbered(0..3));
    assert_eq!(status(&store).await.as_str(), "ready");
}

#[tokio::test(start_paused = true)]
async fn a_finish_gives_up_in_time_and_reports_lost_lines() {
    let store = store_with_job().await;
    store.faults().cut();
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .give_up_after(Duration::from_secs(5))
        .start()
        .unwrap();
    writer.stdout().write_all(&output(0..3)).await.unwrap();
    let started = Instant::now();
    let error = writer.finish(Outcome::Ready, "Built").await.unwrap_err();
    assert!(
        started.elapsed() <= Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
    assert_eq!((error.stats.lost.lines, error.stats.waiting), (3, 0));
    assert!(error.to_string().contains("cannot be reached"), "{error}");
}
