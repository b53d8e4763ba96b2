//! A line is appended once, even if answers are lost.

use std::sync::Arc;

use log_store::{LogAppend, NewLine};
use log_writer::LogWriter;
use tokio::io::AsyncWriteExt;

use crate::support::{Fate, Flaky, Store, job, numbered, output, store, texts};

/// Writes ten lines through a flaky store, and returns those that are in the log.
async fn write_ten(store: &Arc<Store>, flaky: Flaky) -> Vec<String> {
    let writer = LogWriter::builder(job(), flaky.stores()).start().unwrap();
    writer.stdout().write_all(&output(0..10)).await.unwrap();
    writer.flush().await.unwrap();
    let mut texts = texts(store).await;
    texts.retain(|text| text.starts_with("line"));
    texts
}

#[tokio::test(start_paused = true)]
async fn an_append_whose_answer_was_lost_is_not_repeated() {
    let store = store();
    let flaky = Flaky::new(&store, [Fate::LoseAnswerAfter(10)]);
    assert_eq!(write_ten(&store, flaky).await, numbered(0..10));
}

#[tokio::test(start_paused = true)]
async fn an_append_that_failed_halfway_is_continued() {
    for reached in 0..10 {
        let store = store();
        let flaky = Flaky::new(&store, [Fate::LoseAnswerAfter(reached)]);
        assert_eq!(
            write_ten(&store, flaky).await,
            numbered(0..10),
            "after {reached}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn several_answers_in_a_row_may_be_lost() {
    let store = store();
    let fates = [0, 3, 0, 1, 5, 1].map(Fate::LoseAnswerAfter);
    assert_eq!(
        write_ten(&store, Flaky::new(&store, fates)).await,
        numbered(0..10)
    );
}

#[tokio::test(start_paused = true)]
async fn lines_of_other_producers_may_be_in_between() {
    let store = store();
    let mut flaky = Flaky::new(&store, [2, 0, 3].map(Fate::LoseAnswerAfter));
    let others = NewLine {
        text: Some("another producer's".to_owned()),
        source: Some("system".into()),
        ..NewLine::default()
    };
    flaky.meanwhile = vec![others; 700];
    assert_eq!(write_ten(&store, flaky).await, numbered(0..10));
}

#[tokio::test(start_paused = true)]
async fn equal_lines_are_all_kept() {
    let store = store();
    let flaky = Flaky::new(&store, [1, 2, 1].map(Fate::LoseAnswerAfter));
    let writer = LogWriter::builder(job(), flaky.stores()).start().unwrap();
    writer.stdout().write_all(b"\n\n\n\n\n").await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, ["", "", "", "", ""]);
}

#[tokio::test(start_paused = true)]
async fn older_equal_lines_are_not_mistaken_for_new_ones() {
    let store = store();
    let old = NewLine {
        text: Some("line 0".to_owned()),
        source: Some("stdout".into()),
        ..NewLine::default()
    };
    store.append(&job(), &[old]).await.unwrap();
    let flaky = Flaky::new(&store, [Fate::LoseAnswerAfter(0)]);
    let mut expected = vec!["line 0".to_owned()];
    expected.extend(numbered(0..10));
    assert_eq!(write_ten(&store, flaky).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_was_deleted_gets_the_remaining_lines() {
    let store = store();
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .start()
        .unwrap();
    let mut out = writer.stdout();
    out.write_all(&output(0..3)).await.unwrap();
    writer.flush().await.unwrap();
    store.faults().cut();
    out.write_all(&output(3..6)).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    store.inner().delete_log(&job());
    store.faults().mend();
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, numbered(3..6));
}

#[tokio::test(start_paused = true)]
async fn refused_lines_are_counted_and_reported() {
    let store = store();
    let flaky = Flaky::new(&store, [Fate::RefuseAfter(4)]);
    let writer = LogWriter::builder(job(), flaky.stores()).start().unwrap();
    let mut out = writer.stdout();
    out.write_all(&output(0..10)).await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(writer.stats().lost.lines, 6);
    out.write_all(&output(10..12)).await.unwrap();
    writer.flush().await.unwrap();
    let mut expected = numbered(0..4);
    expected
        .push("[6 lines (36 bytes) are missing here: the log store did not take them]".to_owned());
    expected.extend(numbered(10..12));
    assert_eq!(texts(&store).await, expected);
}
