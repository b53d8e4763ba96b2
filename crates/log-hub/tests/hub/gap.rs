//! Gaps: told live and on joining, each once, with the viewer's own position.

use log_hub::HubOptions;

use crate::held::HeldStore;
use crate::stage::{Event, Stage, events, id, lines, settle};

fn small(options: &mut HubOptions) {
    options.feed_bytes = 1;
    options.read.lines = 10;
}

#[tokio::test(start_paused = true)]
async fn a_trim_under_a_live_feed_is_told_once() {
    let stage = Stage::new().await;
    let mut client = stage.live().await;
    stage.write(1..=3);
    assert_eq!(client.now().await, lines(1..=3));
    stage.write(4..=9);
    stage.trim_to(2);
    assert_eq!(
        client.now().await,
        events([vec![Event::gap(3, 8)], lines(8..=9)])
    );
    stage.write(10..=10);
    assert_eq!(client.now().await, lines(10..=10));
    assert_eq!(stage.stats().gaps, 1);
}

#[tokio::test(start_paused = true)]
async fn a_trim_of_lines_that_were_read_is_no_gap() {
    let stage = Stage::new().await;
    let mut client = stage.live().await;
    stage.write(1..=9);
    assert_eq!(client.now().await, lines(1..=9));
    stage.trim_to(1);
    assert_eq!(client.now().await, []);
    stage.write(10..=10);
    assert_eq!(client.now().await, lines(10..=10));
}

#[tokio::test(start_paused = true)]
async fn a_slow_viewer_tells_its_own_position_when_lines_are_trimmed_away() {
    let stage = Stage::with(small).await;
    let mut slow = stage.live().await;
    stage.write(1..=3);
    assert_eq!(slow.next().await, lines(1..=3));
    for n in 4..=60 {
        stage.write(n..=n);
        settle().await;
    }
    stage.trim_to(20);
    assert_eq!(
        slow.now().await,
        events([vec![Event::gap(3, 41)], lines(41..=60)])
    );
    assert_eq!(stage.stats().gaps, 1);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_log_is_told_once_and_its_cursor_is_the_beginning() {
    let stage = Stage::new().await;
    let mut client = stage.live().await;
    stage.write(1..=3);
    assert_eq!(client.now().await, lines(1..=3));
    stage.delete_log();
    assert_eq!(client.now().await, [Event::gap(3, None)]);
    assert_eq!(client.cursor(), Some(id(0)));
    let mut late = stage.after(3).await;
    assert_eq!(late.now().await, [Event::gap(3, None)]);
    stage.write(1..=2);
    assert_eq!(client.now().await, lines(1..=2));
    assert_eq!(late.now().await, lines(1..=2));
}

#[tokio::test(start_paused = true)]
async fn a_log_made_anew_with_lower_ids_goes_on_after_its_end() {
    let stage = Stage::new().await;
    let mut client = stage.live().await;
    stage.write(101..=103);
    assert_eq!(client.now().await, lines(101..=103));
    stage.delete_log();
    stage.write(1..=2);
    assert_eq!(client.now().await, [Event::gap(103, None)]);
    assert_eq!(client.cursor(), Some(id(2)));
    stage.write(3..=4);
    assert_eq!(client.now().await, lines(3..=4));
}

#[tokio::test(start_paused = true)]
async fn a_log_made_anew_with_higher_ids_goes_on_with_its_first_line() {
    let stage = Stage::new().await;
    let mut client = stage.live().await;
    stage.write(1..=3);
    assert_eq!(client.now().await, lines(1..=3));
    stage.delete_log();
    stage.write(101..=102);
    let expected = events([vec![Event::gap(3, 101)], lines(101..=102)]);
    assert_eq!(client.now().await, expected);
    let mut late = stage.after(2).await;
    let expected = events([vec![Event::gap(2, 101)], lines(101..=102)]);
    assert_eq!(late.now().await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_line_is_told_once_live_and_on_joining() {
    let stage = Stage::with(|options| options.read.lines = 10).await;
    let mut live = stage.live().await;
    settle().await;
    stage.write(1..=100);
    stage.store.inner().delete_line(&stage.job, id(90));
    let expected = |after, first| {
        let gap = vec![Event::gap(after, first)];
        events([gap, lines(first..=89), lines(91..=100)])
    };
    assert_eq!(live.now().await, expected(0, 1));
    drop(live);
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    let mut late = stage.after(5).await;
    assert_eq!(late.now().await, expected(5, 6));
    assert_eq!(stage.stats().gaps, 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_with_a_cursor_before_a_deleted_line_is_told_by_a_warm_feed_too() {
    let stage = Stage::new().await;
    let mut live = stage.live().await;
    settle().await;
    stage.write(1..=9);
    stage.store.inner().delete_line(&stage.job, id(7));
    let expected = events([vec![Event::gap(0, 1)], lines(1..=6), lines(8..=9)]);
    assert_eq!(live.now().await, expected);
    let mut late = stage.after(3).await;
    let expected = events([vec![Event::gap(3, 4)], lines(4..=6), lines(8..=9)]);
    assert_eq!(late.now().await, expected);
    assert_eq!(stage.after(7).await.now().await, lines(8..=9));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_of_the_log_before_is_told_by_a_feed_that_follows_the_log_made_anew() {
    let stage = Stage::new().await;
    let mut live = stage.live().await;
    stage.write(1..=3);
    assert_eq!(live.now().await, lines(1..=3));
    stage.delete_log();
    assert_eq!(live.now().await, [Event::gap(3, None)]);
    stage.write(101..=102);
    assert_eq!(live.now().await, lines(101..=102));
    let expected = events([vec![Event::gap(2, 101)], lines(101..=102)]);
    assert_eq!(stage.after(2).await.now().await, expected);
    assert_eq!(stage.after(0).await.now().await, lines(101..=102));
}

#[tokio::test(start_paused = true)]
async fn a_line_deleted_later_is_a_gap_of_its_own() {
    let stage = Stage::with(|options| options.read.lines = 10).await;
    stage.write(1..=50);
    stage.store.inner().delete_line(&stage.job, id(5));
    let mut client = stage.after(0).await;
    let first = client.next().await;
    assert_eq!(
        first,
        events([vec![Event::gap(0, 1)], lines(1..=4), lines(6..=11)])
    );
    stage.store.inner().delete_line(&stage.job, id(30));
    let expected = events([vec![Event::gap(11, 12)], lines(12..=29), lines(31..=50)]);
    assert_eq!(client.now().await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_that_was_trimmed_away_is_told_first_with_both_ids() {
    let stage = Stage::new().await;
    stage.write(1..=20);
    stage.trim_to(5);
    for after in [0, 3, 14] {
        let mut client = stage.after(after).await;
        let expected = events([vec![Event::gap(after, 16)], lines(16..=20)]);
        assert_eq!(client.now().await, expected);
    }
    assert_eq!(stage.after(16).await.now().await, lines(17..=20));
}

#[tokio::test(start_paused = true)]
async fn a_slow_viewer_learns_of_a_log_made_anew_though_the_gap_has_left_the_ring() {
    let stage = Stage::with(small).await;
    let mut slow = stage.live().await;
    let mut quick = stage.live().await;
    stage.write(101..=103);
    assert_eq!(slow.next().await, lines(101..=103));
    assert_eq!(quick.now().await, lines(101..=103));
    stage.delete_log();
    assert_eq!(quick.now().await, [Event::gap(103, None)]);
    for n in 1..=20 {
        stage.write(n..=n);
        settle().await;
    }
    assert_eq!(quick.now().await, lines(1..=20));
    // Its cursor is beyond the end of the log as it is now.
    assert_eq!(slow.now().await, [Event::gap(103, None)]);
    stage.write(21..=22);
    assert_eq!(slow.now().await, lines(21..=22));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_ahead_of_its_feed_is_told_of_a_log_made_anew_between_the_two() {
    let (stage, held) = HeldStore::stage(|_| ()).await;
    stage.write(1..=3);
    let mut client = stage.after(0).await;
    settle().await;
    held.hold_feeds(true);
    stage.write(4..=8);
    assert_eq!(client.now().await, lines(1..=8));
    stage.delete_log();
    stage.write(5..=6);
    held.hold_feeds(false);
    // For the feed, which is at 3, lines are missing before 5; for the viewer, which is at 8, the log ends below it.
    assert_eq!(client.now().await, [Event::gap(8, None)]);
    stage.write(7..=9);
    assert_eq!(client.now().await, lines(7..=9));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_ahead_of_its_feed_is_not_told_of_a_trim_that_it_was_faster_than() {
    let (stage, held) = HeldStore::stage(|_| ()).await;
    stage.write(1..=3);
    let mut client = stage.after(0).await;
    settle().await;
    held.hold_feeds(true);
    stage.write(4..=8);
    assert_eq!(client.now().await, lines(1..=8));
    stage.trim_to(2);
    held.hold_feeds(false);
    settle().await;
    stage.write(9..=9);
    assert_eq!(client.now().await, lines(9..=9));
    stage.write(10..=10);
    stage.trim_to(0);
    assert_eq!(client.now().await, [Event::gap(9, None)]);
}

#[tokio::test(start_paused = true)]
async fn a_read_from_before_a_log_was_lost_does_not_hide_the_gap() {
    let (stage, held) = HeldStore::stage(|_| ()).await;
    stage.write(1..=8);
    let mut client = stage.after(0).await;
    settle().await;
    held.hold_answers(true);
    assert_eq!(client.now().await, []);
    stage.delete_log();
    stage.write(1..=2);
    settle().await;
    held.hold_answers(false);
    // The read saw the log that is gone; the viewer is at 8, beyond the new one's end.
    assert_eq!(
        client.now().await,
        events([lines(1..=8), vec![Event::gap(8, None)]])
    );
    stage.write(3..=4);
    assert_eq!(client.now().await, lines(3..=4));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_knows_before_its_feed_that_the_log_is_lost_gets_nothing_old() {
    let (stage, held) = HeldStore::stage(|options| options.read.lines = 10).await;
    let mut first = stage.after(0).await;
    stage.write(1..=30);
    assert_eq!(first.now().await, lines(1..=30));
    held.hold_feeds(true);
    stage.delete_log();
    // Beyond the end, so it reads the store, which has lost the log that the ring still shows.
    let mut client = stage.after(31).await;
    assert_eq!(client.now().await, [Event::gap(31, None)]);
    let cursor = client.cursor().unwrap();
    assert_eq!(cursor, id(0));
    // The same client, come back.
    let mut again = stage.after(cursor.ms()).await;
    assert_eq!(again.now().await, []);
    held.hold_feeds(false);
    settle().await;
    stage.write(1..=2);
    assert_eq!(client.now().await, lines(1..=2));
    assert_eq!(again.now().await, lines(1..=2));
    assert_eq!(
        first.now().await,
        events([vec![Event::gap(30, None)], lines(1..=2)])
    );
}

#[tokio::test(start_paused = true)]
async fn a_viewer_ahead_of_a_feed_at_the_beginning_is_told_of_the_log_that_the_feed_never_saw() {
    for anew in [1, 301] {
        let (stage, held) = HeldStore::stage(|_| ()).await;
        let mut live = stage.live().await;
        settle().await;
        held.hold_feeds(true);
        stage.write(101..=103);
        let mut ahead = stage.after(9).await;
        let first = events([vec![Event::gap(9, 101)], lines(101..=103)]);
        assert_eq!(ahead.now().await, first);
        stage.write(104..=105);
        stage.delete_log();
        stage.write(anew..=anew + 1);
        held.hold_feeds(false);
        let seen = ahead.now().await;
        stage.write(anew + 2..=anew + 2);
        let seen = events([seen, ahead.now().await]);
        let expected = match anew {
            1 => events([vec![Event::gap(103, None)], lines(3..=3)]),
            _ => events([vec![Event::gap(103, 301)], lines(301..=303)]),
        };
        assert_eq!(seen, expected);
        assert_eq!(
            live.now().await,
            lines(anew..=anew + 2),
            "it has seen nothing of the other"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_whose_last_lines_are_deleted_costs_no_reads_at_rest() {
    let stage = Stage::new().await;
    let mut live = stage.live().await;
    settle().await;
    stage.write(1..=10);
    stage.store.inner().delete_line(&stage.job, id(10));
    assert_eq!(
        live.now().await,
        events([vec![Event::gap(0, 1)], lines(1..=9)])
    );
    let mut second = stage.live().await;
    assert_eq!(second.now().await, []);
    let calls = stage.store.faults().calls();
    second.during(std::time::Duration::from_secs(15)).await;
    live.during(std::time::Duration::from_secs(15)).await;
    assert_eq!(stage.store.faults().calls(), calls);
    stage.write(11..=11);
    let late = |events: Vec<Event>| {
        events
            .into_iter()
            .filter(|e| *e != Event::Heartbeat)
            .collect::<Vec<_>>()
    };
    assert_eq!(late(second.now().await), lines(11..=11));
    assert_eq!(late(live.now().await), lines(11..=11));
}

#[tokio::test(start_paused = true)]
async fn gaps_alone_do_not_grow_a_feed_for_ever() {
    let stage = Stage::with(|options| options.feed_bytes = 1_000).await;
    let mut slow = stage.live().await;
    for round in 1..=200 {
        stage.write(round * 10..=round * 10);
        stage.delete_log();
        settle().await;
    }
    // What it gets is what the store says of its position, not two hundred gaps.
    assert!(slow.now().await.len() <= 16);
}
