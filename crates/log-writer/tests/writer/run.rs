//! Real commands, with the real clock.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

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
async fn a_command_writes_the_log_and_its_end_is_the_jobs() {
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
        // Two pipes have no order between them.
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
async fn the_first_line_is_there_while_the_command_still_runs() {
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

#[tokio::test]
async fn a_process_left_behind_does_not_hold_the_command_and_lives_on() {
    let store = store();
    let writer = writer(&store);
    let began = SystemTime::now();
    // What is left behind writes once more, later, and says by its own end whether it could.
    let folder = tempfile::tempdir().unwrap();
    let proof = folder.path().join("lived-on");
    let script = format!(
        "(sleep 2; echo late && echo later && touch {}) & printf 'no newline'",
        proof.display()
    );
    let exit = writer.run(shell(&script)).await.unwrap();
    assert!(exit.success());
    assert!(began.elapsed().unwrap() < Duration::from_millis(1900));
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, ["no newline"]);
    drop(writer);
    for _ in 0..100 {
        if proof.exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(proof.exists(), "the process was killed by a broken pipe");
}

#[tokio::test]
async fn a_process_left_behind_that_never_stops_writing_does_not_hold_the_command() {
    let store = store();
    let writer = writer(&store);
    let began = SystemTime::now();
    let script = "(i=0; while [ $i -lt 90 ]; do echo x; sleep 0.1; i=$((i+1)); done) & echo done";
    writer.run(shell(script)).await.unwrap();
    let took = began.elapsed().unwrap();
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert!(took > Duration::from_secs(4), "{took:?}");
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
async fn what_is_shown_is_what_the_command_wrote_byte_for_byte_and_the_log_is_as_ever() {
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
    assert_eq!(process.id(), None, "the id may be somebody else's now");
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
async fn a_command_and_its_log_go_on_when_nobody_looks_any_more() {
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
