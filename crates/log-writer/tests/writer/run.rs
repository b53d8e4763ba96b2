//! Real commands, with the real clock.

use std::sync::Arc;
use std::time::Duration;

use log_writer::{Echo, LogWriter, Redaction, RunError};
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::support::{Store, job, lines, numbered, status, store, store_with_job, texts};

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn writer(store: &Arc<Store>) -> LogWriter {
    LogWriter::builder(job(), Arc::clone(store)).start()
}

#[tokio::test]
async fn a_command_writes_the_log_and_its_exit_code_ends_the_job() {
    for (code, ended) in [(0, "ready"), (3, "failed")] {
        let store = store_with_job().await;
        let writer = writer(&store);
        let script = format!("echo out; echo err >&2; printf last; exit {code}");
        let exit = writer.run(shell(&script)).await.unwrap();
        assert_eq!(exit.code(), Some(code));
        writer.finish(exit, "Done").await.unwrap();
        assert_eq!(status(&store).await.as_str(), ended);
        let mut seen: Vec<_> = lines(&store)
            .await
            .into_iter()
            .map(|line| format!("{} {}", line.source.unwrap(), line.text.unwrap()))
            .collect();
        // There is no order between two pipes.
        seen.sort();
        assert_eq!(seen, ["stderr err", "stdout last", "stdout out"]);
    }
}

#[tokio::test]
async fn every_line_of_a_long_output_arrives_in_order() {
    let store = store();
    let writer = writer(&store);
    let exit = writer
        .run(shell(
            "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done",
        ))
        .await;
    assert!(exit.unwrap().success());
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, numbered(0..20_000));
}

#[tokio::test]
async fn the_first_line_is_in_the_log_while_the_command_still_runs() {
    let store = store_with_job().await;
    let writer = writer(&store);
    let mut script = shell("echo first; exec sleep 60");
    script.kill_on_drop(true);
    let mut command = std::pin::pin!(writer.run(script));
    let seen = async {
        while texts(&store).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        exit = &mut command => panic!("the command ended first: {exit:?}"),
        () = seen => {}
    }
    assert_eq!(texts(&store).await, ["first"]);
}

/// The time limits of this are tested with a paused clock, in `output_reader.rs`.
#[tokio::test]
async fn a_command_ends_although_a_process_it_left_behind_holds_its_output_and_that_process_lives_on()
 {
    let store = store();
    let writer = writer(&store);
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    let lived_on = folder.path().join("lived-on");
    // The process waits until the command has ended, writes more, and then proves that it could.
    let script = format!(
        "(while [ ! -e {} ]; do sleep 0.05; done; echo late && echo later && touch {}) & printf 'no newline'",
        go.display(),
        lived_on.display()
    );
    let exit = writer.run(shell(&script)).await.unwrap();
    assert!(exit.success());
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, ["no newline"]);
    drop(writer);
    std::fs::write(&go, "").unwrap();
    let proof = async {
        while !lived_on.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let proved = tokio::time::timeout(Duration::from_secs(30), proof).await;
    assert!(proved.is_ok(), "a broken pipe has killed the process");
}

#[tokio::test]
async fn a_command_that_does_not_start_is_an_error() {
    let store = store();
    let error = writer(&store)
        .run(Command::new("/no/such/command"))
        .await
        .unwrap_err();
    assert!(matches!(error, RunError::Spawn(_)), "{error}");
}

#[tokio::test]
async fn the_echo_is_the_unchanged_output_and_the_log_is_redacted() {
    let store = store();
    let redaction = Redaction::builder().secret("correct horse").unwrap();
    let writer = LogWriter::builder(job(), Arc::clone(&store))
        .redaction(redaction.build().unwrap())
        .start();
    let (out, mut shown) = tokio::io::duplex(1024);
    let (err, mut shown_err) = tokio::io::duplex(1024);
    let script = shell(r"printf '\033[31mred\033[0m \377 correct horse\n\r'; printf err >&2");
    let running = writer.spawn(script, Echo::to(out, err)).unwrap();
    let process = running.process();
    assert!(process.id().is_some());
    assert!(running.wait().await.unwrap().success());
    assert_eq!(
        process.id(),
        None,
        "the id may belong to another process now"
    );
    let (mut bytes, mut text) = (Vec::new(), String::new());
    shown.read_to_end(&mut bytes).await.unwrap();
    shown_err.read_to_string(&mut text).await.unwrap();
    assert_eq!(bytes, b"\x1b[31mred\x1b[0m \xff correct horse\n\r");
    assert_eq!(text, "err");
    let monitor = writer.monitor();
    writer.flush().await.unwrap();
    drop(writer);
    let mut texts = texts(&store).await;
    texts.sort();
    assert_eq!(texts, ["err", "red \u{fffd} [REDACTED]"]);
    assert_eq!(monitor.stats().appended, 2);
}

#[tokio::test]
async fn a_command_and_its_log_continue_when_the_reader_of_the_echo_has_gone() {
    let store = store();
    let writer = writer(&store);
    let (out, shown) = tokio::io::duplex(16);
    drop(shown);
    let script = shell("i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done");
    let running = writer.spawn(script, Echo::to(out, tokio::io::sink()));
    assert!(running.unwrap().wait().await.unwrap().success());
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, numbered(0..500));
}
