//! Channels: how bytes become lines, and the fields of a line.

use std::sync::Arc;
use std::time::Duration;

use log_domain::{JobStatus, UserId};
use log_store::CreateJobError;
use log_writer::{Ansi, LogWriter, Preset, Progress, create_job};
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use crate::support::{job, lines, status, store, store_with_job, texts};

#[tokio::test(start_paused = true)]
async fn a_line_has_its_time_channel_and_phase() {
    let store = store();
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .phase("install")
        .start()
        .unwrap();
    writer.stdout().write_all(b"out\n").await.unwrap();
    writer.stderr().write_all(b"err\n").await.unwrap();
    writer.set_phase(None);
    writer.system("two\nlines").await;
    writer.flush().await.unwrap();

    let lines = lines(&store).await;
    let seen: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                line.source.clone().unwrap(),
                line.text.clone().unwrap(),
                line.phase.as_deref(),
            )
        })
        .map(|(source, text, phase)| format!("{source} {text} {phase:?}"))
        .collect();
    let expected = [
        "stdout out Some(\"install\")",
        "stderr err Some(\"install\")",
        "system two None",
        "system lines None",
    ];
    assert_eq!(seen, expected);
    for line in lines {
        let ts = line.ts.unwrap().to_string();
        assert_eq!(
            (ts.len(), &ts[10..11], &ts[19..20], &ts[23..]),
            (24, "T", ".", "Z"),
            "{ts}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn each_channel_has_its_own_state() {
    let store = store();
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .ansi(Ansi::KeepColours)
        .start()
        .unwrap();
    let (mut out, mut err) = (writer.stdout(), writer.stderr());
    out.write_all(b"o\xe2\x82").await.unwrap();
    err.write_all(b"e\x1b[3").await.unwrap();
    out.write_all(b"\xac\n").await.unwrap();
    err.write_all(b"1mr\n").await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, ["o€", "e\x1b[31mr\x1b[0m"]);
}

#[tokio::test(start_paused = true)]
async fn the_last_line_ends_with_its_channel() {
    let store = store();
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .start()
        .unwrap();
    let mut out = writer.stdout();
    out.write_all(b"shut down").await.unwrap();
    out.shutdown().await.unwrap();
    let mut err = writer.stderr();
    err.write_all(b"dropped").await.unwrap();
    drop(err);
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, ["shut down", "dropped"]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_writer_still_ships_the_waiting_lines() {
    let store = store_with_job().await;
    store.faults().cut();
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .start()
        .unwrap();
    writer.stdout().write_all(b"a\nb\n").await.unwrap();
    drop(writer);
    sleep(Duration::from_secs(30)).await;
    store.faults().mend();
    sleep(Duration::from_secs(30)).await;
    assert_eq!(texts(&store).await, ["a", "b"]);
    assert_eq!(status(&store).await.as_str(), "queued");
}

#[tokio::test(start_paused = true)]
async fn a_write_after_the_end_fails_with_a_broken_pipe() {
    let store = store();
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .start()
        .unwrap();
    let mut out = writer.stdout();
    out.write_all(b"a\n").await.unwrap();
    drop(writer);
    let error = out.write_all(b"b\n").await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
}

#[tokio::test(start_paused = true)]
async fn a_job_is_created_once() {
    let store = store_with_job().await;
    assert_eq!(status(&store).await.as_str(), "queued");
    let again = create_job(&*store, &job(), UserId::new("user_bob").unwrap()).await;
    assert!(matches!(again, Err(CreateJobError::Exists)));
}

#[tokio::test(start_paused = true)]
async fn the_preset_writes_the_same_lines_as_the_existing_producer() {
    let store = store_with_job().await;
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .preset(Preset::existing_producer())
        .start()
        .unwrap();
    writer.enter(JobStatus::STARTING, "Starting").await.unwrap();
    writer
        .enter(JobStatus::SCAFFOLD, "Laying out")
        .await
        .unwrap();
    let long = "é".repeat(2_001);
    let output = format!("\x1b[1mbold\x1b[0m\n\n  \n{}\n{long}\n", &long[2..]);
    writer.stdout().write_all(output.as_bytes()).await.unwrap();
    writer.flush().await.unwrap();
    let whole = "é".repeat(2_000);
    let cut = format!("{whole}...[truncated]");
    assert_eq!(
        texts(&store).await,
        ["Starting", "Laying out", "bold", &whole, &cut]
    );
    let phases: Vec<_> = lines(&store)
        .await
        .into_iter()
        .map(|line| line.phase)
        .collect();
    let scaffold = Some("scaffold".to_owned());
    assert_eq!(phases[..2], [None, scaffold.clone()]);
    assert!(phases[2..].iter().all(|phase| *phase == scaffold));
}

#[tokio::test(start_paused = true)]
async fn the_state_of_an_open_line_is_in_the_log_and_says_that_it_is_open() {
    let store = store();
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .start()
        .unwrap();
    let (mut out, mut err) = (writer.stdout(), writer.stderr());
    out.write_all(b"before\ncontinue? [y/N] ").await.unwrap();
    err.write_all(b"quick").await.unwrap();
    sleep(Duration::from_millis(1_900)).await;
    err.write_all(b" enough\n").await.unwrap();
    sleep(Duration::from_secs(30)).await;
    assert_eq!(
        texts(&store).await,
        ["before", "quick enough", "continue? [y/N] "]
    );
    out.write_all(b"y\n").await.unwrap();
    // A progress bar that changes all the time, for 25 seconds.
    for percent in 0..100 {
        out.write_all(format!("\r{percent} %").as_bytes())
            .await
            .unwrap();
        sleep(Duration::from_millis(250)).await;
    }
    out.write_all(b"\rdone\x1b[K\n").await.unwrap();
    writer.flush().await.unwrap();

    let lines = lines(&store).await;
    let seen: Vec<_> = lines
        .iter()
        .map(|line| (line.text.as_deref().unwrap(), line.open))
        .collect();
    let expected = [
        ("before", false),
        ("quick enough", false),
        ("continue? [y/N] ", true),
        ("continue? [y/N] y", false),
        ("8 %", true),
        ("48 %", true),
        ("88 %", true),
        ("done", false),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn an_open_line_is_shown_only_at_its_end_if_progress_is_off() {
    let store = store();
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .progress(Progress::Off)
        .start()
        .unwrap();
    let mut out = writer.stdout();
    out.write_all(b"continue? [y/N] ").await.unwrap();
    sleep(Duration::from_secs(60)).await;
    assert!(texts(&store).await.is_empty());
    drop(out);
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, ["continue? [y/N] "]);
}
