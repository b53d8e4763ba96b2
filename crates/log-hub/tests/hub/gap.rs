//! Gaps: reported live and on joining, each once, with the viewer's own position.

use log_hub::HubOptions;

use crate::controlled_store::ControlledStore;
use crate::fixture::{Event, Fixture, events, id, lines, settle};

fn small(options: &mut HubOptions) {
    options.feed_bytes = 1;
    options.read.lines = 10;
}

#[tokio::test(start_paused = true)]
async fn a_trim_under_a_live_feed_is_one_gap() {
    let fixture = Fixture::new().await;
    let mut client = fixture.live().await;
    fixture.write(1..=3);
    assert_eq!(client.now().await, lines(1..=3));
    fixture.write(4..=9);
    fixture.trim_to(2);
    assert_eq!(
        client.now().await,
        events([vec![Event::gap(3, 8)], lines(8..=9)])
    );
    fixture.write(10..=10);
    assert_eq!(client.now().await, lines(10..=10));
    assert_eq!(fixture.stats().gaps, 1);
}

#[tokio::test(start_paused = true)]
async fn a_trim_of_lines_that_were_read_is_no_gap() {
    let fixture = Fixture::new().await;
    let mut client = fixture.live().await;
    fixture.write(1..=9);
    assert_eq!(client.now().await, lines(1..=9));
    fixture.trim_to(1);
    assert_eq!(client.now().await, []);
    fixture.write(10..=10);
    assert_eq!(client.now().await, lines(10..=10));
}

#[tokio::test(start_paused = true)]
async fn the_gap_of_a_slow_viewer_names_its_own_position() {
    let fixture = Fixture::with(small).await;
    let mut slow = fixture.live().await;
    fixture.write(1..=3);
    assert_eq!(slow.next().await, lines(1..=3));
    for n in 4..=60 {
        fixture.write(n..=n);
        settle().await;
    }
    fixture.trim_to(20);
    assert_eq!(
        slow.now().await,
        events([vec![Event::gap(3, 41)], lines(41..=60)])
    );
    assert_eq!(fixture.stats().gaps, 1);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_log_is_one_gap_and_moves_the_cursor_to_the_start() {
    let fixture = Fixture::new().await;
    let mut client = fixture.live().await;
    fixture.write(1..=3);
    assert_eq!(client.now().await, lines(1..=3));
    fixture.delete_log();
    assert_eq!(client.now().await, [Event::gap(3, None)]);
    assert_eq!(client.cursor(), Some(id(0)));
    let mut late = fixture.after(3).await;
    assert_eq!(late.now().await, [Event::gap(3, None)]);
    fixture.write(1..=2);
    assert_eq!(client.now().await, lines(1..=2));
    assert_eq!(late.now().await, lines(1..=2));
}

#[tokio::test(start_paused = true)]
async fn a_log_made_anew_with_lower_ids_goes_on_after_its_end() {
    let fixture = Fixture::new().await;
    let mut client = fixture.live().await;
    fixture.write(101..=103);
    assert_eq!(client.now().await, lines(101..=103));
    fixture.delete_log();
    fixture.write(1..=2);
    assert_eq!(client.now().await, [Event::gap(103, None)]);
    assert_eq!(client.cursor(), Some(id(2)));
    fixture.write(3..=4);
    assert_eq!(client.now().await, lines(3..=4));
}

#[tokio::test(start_paused = true)]
async fn a_log_made_anew_with_higher_ids_goes_on_with_its_first_line() {
    let fixture = Fixture::new().await;
    let mut client = fixture.live().await;
    fixture.write(1..=3);
    assert_eq!(client.now().await, lines(1..=3));
    fixture.delete_log();
    fixture.write(101..=102);
    let expected = events([vec![Event::gap(3, 101)], lines(101..=102)]);
    assert_eq!(client.now().await, expected);
    let mut late = fixture.after(2).await;
    let expected = events([vec![Event::gap(2, 101)], lines(101..=102)]);
    assert_eq!(late.now().await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_line_is_one_gap_live_and_on_joining() {
    let fixture = Fixture::with(|options| options.read.lines = 10).await;
    let mut live = fixture.live().await;
    settle().await;
    fixture.write(1..=100);
    fixture.store.inner().delete_line(&fixture.job, id(90));
    let expected = |after, first| {
        let gap = vec![Event::gap(after, first)];
        events([gap, lines(first..=89), lines(91..=100)])
    };
    assert_eq!(live.now().await, expected(0, 1));
    drop(live);
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    let mut late = fixture.after(5).await;
    assert_eq!(late.now().await, expected(5, 6));
    assert_eq!(fixture.stats().gaps, 2);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_before_a_deleted_line_gets_a_gap_from_a_running_feed_too() {
    let fixture = Fixture::new().await;
    let mut live = fixture.live().await;
    settle().await;
    fixture.write(1..=9);
    fixture.store.inner().delete_line(&fixture.job, id(7));
    let expected = events([vec![Event::gap(0, 1)], lines(1..=6), lines(8..=9)]);
    assert_eq!(live.now().await, expected);
    let mut late = fixture.after(3).await;
    let expected = events([vec![Event::gap(3, 4)], lines(4..=6), lines(8..=9)]);
    assert_eq!(late.now().await, expected);
    assert_eq!(fixture.after(7).await.now().await, lines(8..=9));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_of_an_earlier_log_gets_a_gap_from_the_feed_of_the_new_log() {
    let fixture = Fixture::new().await;
    let mut live = fixture.live().await;
    fixture.write(1..=3);
    assert_eq!(live.now().await, lines(1..=3));
    fixture.delete_log();
    assert_eq!(live.now().await, [Event::gap(3, None)]);
    fixture.write(101..=102);
    assert_eq!(live.now().await, lines(101..=102));
    let expected = events([vec![Event::gap(2, 101)], lines(101..=102)]);
    assert_eq!(fixture.after(2).await.now().await, expected);
    assert_eq!(fixture.after(0).await.now().await, lines(101..=102));
}

#[tokio::test(start_paused = true)]
async fn a_line_deleted_later_is_a_gap_of_its_own() {
    let fixture = Fixture::with(|options| options.read.lines = 10).await;
    fixture.write(1..=50);
    fixture.store.inner().delete_line(&fixture.job, id(5));
    let mut client = fixture.after(0).await;
    let first = client.next().await;
    assert_eq!(
        first,
        events([vec![Event::gap(0, 1)], lines(1..=4), lines(6..=11)])
    );
    fixture.store.inner().delete_line(&fixture.job, id(30));
    let expected = events([vec![Event::gap(11, 12)], lines(12..=29), lines(31..=50)]);
    assert_eq!(client.now().await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_trimmed_cursor_gets_a_gap_first_with_both_ids() {
    let fixture = Fixture::new().await;
    fixture.write(1..=20);
    fixture.trim_to(5);
    for after in [0, 3, 14] {
        let mut client = fixture.after(after).await;
        let expected = events([vec![Event::gap(after, 16)], lines(16..=20)]);
        assert_eq!(client.now().await, expected);
    }
    assert_eq!(fixture.after(16).await.now().await, lines(17..=20));
}

#[tokio::test(start_paused = true)]
async fn a_slow_viewer_learns_of_a_log_made_anew_though_the_gap_has_left_the_ring() {
    let fixture = Fixture::with(small).await;
    let mut slow = fixture.live().await;
    let mut quick = fixture.live().await;
    fixture.write(101..=103);
    assert_eq!(slow.next().await, lines(101..=103));
    assert_eq!(quick.now().await, lines(101..=103));
    fixture.delete_log();
    assert_eq!(quick.now().await, [Event::gap(103, None)]);
    for n in 1..=20 {
        fixture.write(n..=n);
        settle().await;
    }
    assert_eq!(quick.now().await, lines(1..=20));
    // Its cursor is beyond the end of the log as it is now.
    assert_eq!(slow.now().await, [Event::gap(103, None)]);
    fixture.write(21..=22);
    assert_eq!(slow.now().await, lines(21..=22));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_ahead_of_its_feed_gets_a_gap_where_the_log_was_made_anew() {
    let (fixture, controls) = ControlledStore::fixture(|_| ()).await;
    fixture.write(1..=3);
    let mut client = fixture.after(0).await;
    settle().await;
    controls.hold_feeds(true);
    fixture.write(4..=8);
    assert_eq!(client.now().await, lines(1..=8));
    fixture.delete_log();
    fixture.write(5..=6);
    controls.hold_feeds(false);
    // The feed is at 3: lines are missing before 5. The viewer is at 8: the log ends below its position.
    assert_eq!(client.now().await, [Event::gap(8, None)]);
    fixture.write(7..=9);
    assert_eq!(client.now().await, lines(7..=9));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_ahead_of_its_feed_gets_no_gap_for_lines_that_it_read_before_a_trim() {
    let (fixture, controls) = ControlledStore::fixture(|_| ()).await;
    fixture.write(1..=3);
    let mut client = fixture.after(0).await;
    settle().await;
    controls.hold_feeds(true);
    fixture.write(4..=8);
    assert_eq!(client.now().await, lines(1..=8));
    fixture.trim_to(2);
    controls.hold_feeds(false);
    settle().await;
    fixture.write(9..=9);
    assert_eq!(client.now().await, lines(9..=9));
    fixture.write(10..=10);
    fixture.trim_to(0);
    assert_eq!(client.now().await, [Event::gap(9, None)]);
}

#[tokio::test(start_paused = true)]
async fn a_read_from_before_a_log_was_lost_does_not_hide_the_gap() {
    let (fixture, controls) = ControlledStore::fixture(|_| ()).await;
    fixture.write(1..=8);
    let mut client = fixture.after(0).await;
    settle().await;
    controls.hold_answers(true);
    assert_eq!(client.now().await, []);
    fixture.delete_log();
    fixture.write(1..=2);
    settle().await;
    controls.hold_answers(false);
    // The read has seen the log that is gone. The viewer is at 8, beyond the end of the new log.
    assert_eq!(
        client.now().await,
        events([lines(1..=8), vec![Event::gap(8, None)]])
    );
    fixture.write(3..=4);
    assert_eq!(client.now().await, lines(3..=4));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_knows_before_its_feed_that_the_log_is_lost_gets_no_old_line() {
    let (fixture, controls) = ControlledStore::fixture(|options| options.read.lines = 10).await;
    let mut first = fixture.after(0).await;
    fixture.write(1..=30);
    assert_eq!(first.now().await, lines(1..=30));
    controls.hold_feeds(true);
    fixture.delete_log();
    // Its cursor is beyond the end, so it reads the store. The store has lost the log that the ring still shows.
    let mut client = fixture.after(31).await;
    assert_eq!(client.now().await, [Event::gap(31, None)]);
    let cursor = client.cursor().unwrap();
    assert_eq!(cursor, id(0));
    // The same client comes back.
    let mut again = fixture.after(cursor.ms()).await;
    assert_eq!(again.now().await, []);
    controls.hold_feeds(false);
    settle().await;
    fixture.write(1..=2);
    assert_eq!(client.now().await, lines(1..=2));
    assert_eq!(again.now().await, lines(1..=2));
    assert_eq!(
        first.now().await,
        events([vec![Event::gap(30, None)], lines(1..=2)])
    );
}

#[tokio::test(start_paused = true)]
async fn a_viewer_ahead_of_its_feed_gets_a_gap_for_a_log_that_the_feed_never_saw() {
    for anew in [1, 301] {
        let (fixture, controls) = ControlledStore::fixture(|_| ()).await;
        let mut live = fixture.live().await;
        settle().await;
        controls.hold_feeds(true);
        fixture.write(101..=103);
        let mut ahead = fixture.after(9).await;
        let first = events([vec![Event::gap(9, 101)], lines(101..=103)]);
        assert_eq!(ahead.now().await, first);
        fixture.write(104..=105);
        fixture.delete_log();
        fixture.write(anew..=anew + 1);
        controls.hold_feeds(false);
        let seen = ahead.now().await;
        fixture.write(anew + 2..=anew + 2);
        let seen = events([seen, ahead.now().await]);
        let expected = match anew {
            1 => events([vec![Event::gap(103, None)], lines(3..=3)]),
            _ => events([vec![Event::gap(103, 301)], lines(301..=303)]),
        };
        assert_eq!(seen, expected);
        assert_eq!(
            live.now().await,
            lines(anew..=anew + 2),
            "it has seen no line of the other log"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_whose_last_lines_are_deleted_costs_no_reads_at_rest() {
    let fixture = Fixture::new().await;
    let mut live = fixture.live().await;
    settle().await;
    fixture.write(1..=10);
    fixture.store.inner().delete_line(&fixture.job, id(10));
    assert_eq!(
        live.now().await,
        events([vec![Event::gap(0, 1)], lines(1..=9)])
    );
    let mut second = fixture.live().await;
    assert_eq!(second.now().await, []);
    let calls = fixture.store.faults().calls();
    second.during(std::time::Duration::from_secs(15)).await;
    live.during(std::time::Duration::from_secs(15)).await;
    assert_eq!(fixture.store.faults().calls(), calls);
    fixture.write(11..=11);
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
async fn gaps_alone_do_not_grow_a_feed_without_bound() {
    let fixture = Fixture::with(|options| options.feed_bytes = 1_000).await;
    let mut slow = fixture.live().await;
    for round in 1..=200 {
        fixture.write(round * 10..=round * 10);
        fixture.delete_log();
        settle().await;
    }
    // It gets what the store says of its position, not two hundred gaps.
    assert!(slow.now().await.len() <= 16);
}
