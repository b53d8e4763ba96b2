//! Tests of the queue, with a paused clock.

use std::sync::Arc;
use std::time::Duration;

use super::line::LINE_OVERHEAD;
use super::*;

/// Room for about ten lines of one byte each.
const SMALL: BufferOptions = BufferOptions {
    capacity: 10 * (1 + LINE_OVERHEAD),
    max_block: Duration::from_secs(5),
};

fn queue(buffer: BufferOptions) -> Queue {
    Queue::new(buffer, BatchOptions::default())
}

fn push(queue: &Queue, admission: Admission, lines: usize) {
    queue.push(
        admission,
        &Source::Stdout,
        vec![Text::ended("x".to_owned()); lines],
    );
}

/// Takes a batch and completes it, as if its append had succeeded.
async fn ship(queue: &Queue) -> Vec<String> {
    let batch = queue.next_batch(None).await.unwrap();
    queue.complete(&batch, batch.lines.len());
    batch
        .lines
        .into_iter()
        .filter_map(|line| line.text)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_first_line_is_sent_at_once_and_the_next_ones_are_batched() {
    let queue = queue(BufferOptions::default());
    let started = Instant::now();
    push(&queue, Admission::Accept, 1);
    let first = queue.next_batch(None).await.unwrap();
    queue.complete(&first, 1);
    assert_eq!(started.elapsed(), Duration::ZERO);
    push(&queue, Admission::Accept, 2);
    let second = queue.next_batch(Some(started)).await.unwrap();
    assert_eq!(second.lines.len(), 2);
    assert_eq!(started.elapsed(), BatchOptions::default().interval);
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_a_flush_and_the_end_do_not_wait_for_the_interval() {
    let queue = Arc::new(queue(BufferOptions::default()));
    let started = Instant::now();
    push(&queue, Admission::Accept, 501);
    let batch = queue.next_batch(Some(started)).await.unwrap();
    assert_eq!(batch.lines.len(), 500);
    queue.complete(&batch, 500);

    let flush = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { queue.flushed(Instant::now() + Duration::from_secs(1)).await }
    });
    tokio::task::yield_now().await;
    let batch = queue.next_batch(Some(started)).await.unwrap();
    queue.complete(&batch, 1);
    assert!(flush.await.unwrap());

    push(&queue, Admission::Accept, 1);
    queue.close();
    assert!(queue.next_batch(Some(started)).await.is_some());
    assert!(queue.next_batch(Some(started)).await.is_none());
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_limited_in_bytes_and_a_long_line_is_sent_alone() {
    let queue = queue(BufferOptions::default());
    let long = "x".repeat(300 * 1024);
    let lines = vec!["a".to_owned(), long, "b".to_owned()];
    let lines = lines.into_iter().map(Text::ended).collect();
    queue.push(Admission::Accept, &Source::Stdout, lines);
    let mut sizes = Vec::new();
    for _ in 0..3 {
        sizes.push(ship(&queue).await.len());
    }
    assert_eq!(sizes, [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_full_buffer_blocks_for_a_limited_time() {
    let queue = queue(SMALL);
    push(&queue, Admission::Accept, 10);
    let started = Instant::now();
    assert_eq!(queue.admit().await, Admission::Drop);
    assert_eq!(started.elapsed(), SMALL.max_block);
    // The next write does not wait again.
    assert_eq!(queue.admit().await, Admission::Drop);
    assert_eq!(started.elapsed(), SMALL.max_block);
}

#[tokio::test(start_paused = true)]
async fn a_blocked_write_continues_as_soon_as_the_store_takes_lines() {
    let queue = Arc::new(queue(SMALL));
    push(&queue, Admission::Accept, 10);
    let write = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { queue.admit().await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!write.is_finished());
    ship(&queue).await;
    assert_eq!(write.await.unwrap(), Admission::Accept);
}

#[tokio::test(start_paused = true)]
async fn dropped_lines_are_reported_in_their_place() {
    let queue = queue(SMALL);
    push(&queue, Admission::Accept, 10);
    push(&queue, Admission::Drop, 3);
    push(&queue, Admission::Drop, 4);
    assert_eq!(queue.stats().lost, Amount { lines: 7, bytes: 7 });
    ship(&queue).await;
    push(&queue, Admission::Accept, 1);
    let expected = "[7 lines (7 bytes) are missing here: the log store did not take them]";
    assert_eq!(ship(&queue).await, [expected, "x"]);
}

#[tokio::test(start_paused = true)]
async fn dropped_lines_at_the_end_are_reported_too() {
    let queue = queue(SMALL);
    push(&queue, Admission::Drop, 1);
    queue.close();
    let lines = ship(&queue).await;
    assert!(
        lines[0].starts_with("[1 line (1 bytes) is missing"),
        "{lines:?}"
    );
    assert!(queue.next_batch(None).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_lost_report_is_made_again() {
    let queue = queue(SMALL);
    push(&queue, Admission::Drop, 2);
    push(&queue, Admission::Accept, 1);
    let batch = queue.next_batch(None).await.unwrap();
    queue.complete(&batch, 0);
    push(&queue, Admission::Accept, 1);
    let lines = ship(&queue).await;
    assert!(
        lines[0].starts_with("[3 lines (3 bytes) are missing"),
        "{lines:?}"
    );
    assert_eq!(queue.stats().lost, Amount { lines: 3, bytes: 3 });
}

#[tokio::test(start_paused = true)]
async fn dropping_stops_when_half_of_the_buffer_is_free() {
    let options = BatchOptions {
        lines: 4,
        ..BatchOptions::default()
    };
    let queue = Queue::new(SMALL, options);
    push(&queue, Admission::Accept, 10);
    assert_eq!(queue.admit().await, Admission::Drop);
    ship(&queue).await;
    assert_eq!(queue.admit().await, Admission::Drop);
    ship(&queue).await;
    assert_eq!(queue.admit().await, Admission::Accept);
}

#[tokio::test(start_paused = true)]
async fn lines_in_flight_count_against_the_buffer() {
    let queue = queue(SMALL);
    push(&queue, Admission::Accept, 10);
    let batch = queue.next_batch(None).await.unwrap();
    assert_eq!(queue.admit().await, Admission::Drop);
    queue.complete(&batch, 10);
    assert_eq!(queue.admit().await, Admission::Accept);
}

#[tokio::test(start_paused = true)]
async fn waiting_lines_are_lost_and_nobody_hangs_when_the_shipper_has_ended() {
    let queue = queue(SMALL);
    push(&queue, Admission::Accept, 2);
    let _in_flight = queue.next_batch(None).await.unwrap();
    push(&queue, Admission::Accept, 3);
    queue.abandon();
    let stats = queue.stats();
    assert_eq!((stats.waiting, stats.appended, stats.lost.lines), (0, 0, 5));
    assert!(!queue.flushed(Instant::now() + Duration::from_secs(9)).await);
    assert_eq!(queue.admit().await, Admission::Closed);
}
