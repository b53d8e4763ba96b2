//! Real commands, with the real clock.

use std::sync::Arc;
use std::time::Duration;

use log_domain::Source;
use log_writer::{Echo, LogWriter, Redaction, RunError, SpawnOptions};
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::support::{Store, job, lines, numbered, status, store, store_with_job, texts};

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn writer(store: &Arc<Store>) -> LogWriter {
    LogWriter::builder(job(), Arc::clone(store))
        .start()
        .unwrap()
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
        let seen: Vec<_> = lines(&store)
            .await
            .into_iter()
            .map(|line| format!("{} {}", line.source.unwrap(), line.text.unwrap()))
            .collect();
        // `last` is written behind `err`, but before this process has read `out`, perhaps.
        assert!(
            seen == ["stdout out", "stderr err", "stdout last"]
                || seen == ["stdout out", "stdout last", "stderr err"],
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn the_output_that_was_written_first_comes_first() {
    let store = store();
    let writer = writer(&store);
    // Each line is written by a process of its own, and the two outputs take turns.
    let script = "for n in 1 2 3 4 5 6 7 8 9; do /bin/echo err $n >&2; sleep 0.05; /bin/echo out $n; sleep 0.05; done";
    assert!(writer.run(shell(script)).await.unwrap().success());
    writer.flush().await.unwrap();
    let expected: Vec<_> = (1..10)
        .flat_map(|n| [format!("err {n}"), format!("out {n}")])
        .collect();
    assert_eq!(texts(&store).await, expected);
    // Of two lines that are ready at once, the first one is known.
    for _ in 0..50 {
        let store = super::support::store();
        let writer = self::writer(&store);
        let exit = writer.run(shell("echo first >&2; echo second")).await;
        assert!(exit.unwrap().success());
        writer.flush().await.unwrap();
        assert_eq!(texts(&store).await, ["first", "second"]);
    }
}

#[tokio::test]
async fn merged_output_has_the_exact_order_and_one_source() {
    let script = "i=0; while [ $i -lt 1000 ]; do echo line $i >&2; i=$((i+1)); echo line $i; i=$((i+1)); done";
    let store = store();
    let writer = writer(&store);
    let (out, mut shown) = tokio::io::duplex(64 * 1024);
    let options = SpawnOptions::from(Echo::to(out, tokio::io::sink())).merged();
    let running = writer.spawn(shell(script), options).unwrap();
    assert!(running.wait().await.unwrap().success());
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, numbered(0..1000));
    let lines = lines(&store).await;
    assert!(lines.iter().all(|line| line.source == Some(Source::Stdout)));
    let mut text = String::new();
    shown.read_to_string(&mut text).await.unwrap();
    assert_eq!(text.lines().count(), 1000);
}

#[tokio::test]
async fn nothing_is_lost_of_two_fast_outputs_and_of_slow_ones() {
    let store = store();
    let writer = writer(&store);
    let fast = "seq -f 'out %.0f' 1 20000 & seq -f 'err %.0f' 1 20000 >&2; wait";
    let slow = "for n in 1 2 3; do printf 'out '; sleep 0.02; printf 'err ' >&2; sleep 0.02; echo $n; echo $n >&2; done";
    for (script, count) in [(fast, 20_000), (slow, 3)] {
        let before = texts(&store).await.len();
        assert!(writer.run(shell(script)).await.unwrap().success());
        writer.flush().await.unwrap();
        let texts = texts(&store).await.split_off(before);
        for name in ["out", "err"] {
            let mine: Vec<_> = texts.iter().filter(|text| text.starts_with(name)).collect();
            assert_eq!(mine.len(), count);
            let expected = (1..=count).map(|n| format!("{name} {n}"));
            assert!(expected.eq(mine.into_iter().cloned()), "{name} is in order");
        }
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
        .start()
        .unwrap();
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

#[test]
fn a_thread_of_no_runtime_can_start_a_command() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = store();
    let writer = runtime.block_on(async { writer(&store) });
    let running = writer.spawn(shell("echo hello"), Echo::default()).unwrap();
    runtime.block_on(async {
        assert!(running.wait().await.unwrap().success());
        writer.flush().await.unwrap();
        assert_eq!(texts(&store).await, ["hello"]);
    });
}
