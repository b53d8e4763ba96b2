//! `joblog tail` on Redis.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::support::{Job, SOON, counting, end_of, ended, first_line, numbered, says};

#[tokio::test]
async fn tail_prints_every_line_of_a_run_once_and_ends_with_it() {
    let job = Job::with_status("queued").await;
    let tail = job.joblog(&["tail", "--from", "start"]).spawn().unwrap();
    let run = job.run(&[], &counting(2000, 100, "0.02")).spawn().unwrap();
    let (tail, run) = tokio::join!(end_of(tail), end_of(run));
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(tail.code, Some(0), "{}", tail.err);
    let mut expected = vec!["Running sh".to_owned()];
    expected.extend(numbered(0..2000));
    assert_eq!(tail.lines(), expected);
    assert!(tail.err.contains("ended: ready"), "{}", tail.err);
}

#[tokio::test]
async fn the_exit_code_of_tail_says_how_the_job_ended() {
    for (status, code) in [("ready", 0), ("failed", 1)] {
        let job = Job::with_status(status).await;
        job.append("*", "stdout", "last words").await;
        let whole = ended(job.joblog(&["tail", "--from", "start"])).await;
        assert_eq!(whole.code, Some(code), "{whole:?}");
        assert_eq!(whole.lines(), ["last words"]);
        let live = ended(job.joblog(&["tail"])).await;
        assert_eq!(live.code, Some(code));
        assert!(live.out.is_empty());
        assert!(live.err.contains("--from start"), "{live:?}");
    }
}

#[tokio::test]
async fn a_missing_job_and_a_deleted_job_have_exit_code_3() {
    let job = Job::new().await;
    let missing = ended(job.joblog(&["tail"])).await;
    assert_eq!(missing.code, Some(3), "{missing:?}");
    assert!(missing.err.contains(&job.id), "{missing:?}");

    let job = Job::with_status("code").await;
    job.append("*", "stdout", "one").await;
    let mut child = job.joblog(&["tail", "--from", "start"]).spawn().unwrap();
    assert_eq!(first_line(&mut child).await, "one");
    job.command(&["DEL", &job.key()]).await;
    assert_eq!(end_of(child).await.code, Some(3));
}

#[tokio::test]
async fn tail_without_options_prints_new_lines_only() {
    let job = Job::with_status("code").await;
    job.append("*", "stdout", "before").await;
    let mut child = job.joblog(&["tail"]).spawn().unwrap();
    // Nothing says when tail has started, so lines are appended until it prints one.
    let feed = async {
        for n in 0.. {
            job.append("*", "stdout", &format!("line {n}")).await;
            sleep(Duration::from_millis(20)).await;
        }
    };
    let first = tokio::select! {
        line = first_line(&mut child) => line,
        () = feed => unreachable!("it never ends"),
    };
    assert!(first.starts_with("line "), "{first}");
    job.set_status("ready").await;
    let ended = end_of(child).await;
    assert_eq!(ended.code, Some(0));
    assert!(!ended.text().contains("before"));
}

#[tokio::test]
async fn since_starts_with_the_lines_of_a_time_and_reports_no_false_gap() {
    let job = Job::with_status("ready").await;
    for (id, text) in [("1000-0", "old"), ("2000-0", "new"), ("3000-0", "newer")] {
        job.append(id, "stdout", text).await;
    }
    for (since, expected) in [
        ("1970-01-01T00:00:02Z", vec!["new", "newer"]),
        ("1970-01-01T00:00:00Z", vec!["old", "new", "newer"]),
        ("10m", vec![]),
    ] {
        let tail = ended(job.joblog(&["tail", "--since", since])).await;
        assert_eq!(tail.lines(), expected, "{tail:?}");
        assert!(!tail.err.contains("missing"), "{tail:?}");
        let cat = ended(job.joblog(&["cat", "--since", since])).await;
        assert_eq!(cat.lines(), expected, "{cat:?}");
    }
}

#[tokio::test]
async fn missing_lines_are_reported_on_standard_error() {
    let job = Job::with_status("ready").await;
    for id in ["1-0", "2-0", "3-0"] {
        job.append(id, "stdout", id).await;
    }
    let logs = format!("{}:logs", job.key());
    job.command(&["XTRIM", &logs, "MAXLEN", "1"]).await;
    for command in [&["tail", "--from", "start"][..], &["cat"]] {
        let ended = ended(job.joblog(command)).await;
        assert_eq!(ended.lines(), ["3-0"]);
        let missing = "joblog: 2 lines are missing here: everything before 3-0\n";
        assert!(ended.err.contains(missing), "{ended:?}");
        assert_eq!(ended.code, Some(0));
    }
}

#[tokio::test]
async fn tail_begins_with_the_last_lines_on_request() {
    let job = Job::with_status("ready").await;
    for n in 1..=1_200 {
        job.append(&format!("{n}-0"), "stdout", &format!("line {n}"))
            .await;
    }
    for (arguments, first) in [
        (&["-n", "3"][..], 1_198),
        (&["--lines", "1100", "-f"], 101),
        (&["-n", "1200"], 1),
        (&["-n", "100000"], 1),
    ] {
        let expected: Vec<String> = (first..=1_200).map(|n| format!("line {n}")).collect();
        let ended = ended(job.joblog(&[&["tail"], arguments].concat())).await;
        assert_eq!(ended.lines(), expected, "{arguments:?} {}", ended.err);
        assert!(!ended.err.contains("missing"), "{ended:?}");
    }
    for arguments in [&["-n", "0"][..], &["--from", "end"], &[]] {
        let ended = ended(job.joblog(&[&["tail"], arguments].concat())).await;
        assert!(ended.lines().is_empty(), "{ended:?}");
    }
    for arguments in [
        ["-n", "1", "--from", "start"],
        ["-n", "1", "--since", "1d"],
        ["--from", "end", "--since", "1d"],
    ] {
        let refused = ended(job.joblog(&[&["tail"], &arguments[..]].concat())).await;
        assert_eq!(refused.code, Some(2), "{refused:?}");
    }
}

#[tokio::test]
async fn tail_of_a_queued_job_says_that_it_waits() {
    let job = Job::with_status("queued").await;
    let mut child = job.joblog(&["tail"]).spawn().unwrap();
    says(
        &mut child,
        "the job is queued: it has not begun yet, and tail waits for it",
    )
    .await;
    job.append("*", "stdout", "at last").await;
    job.set_status("ready").await;
    let ended = end_of(child).await;
    assert_eq!(ended.lines(), ["at last"]);
    assert_eq!(ended.code, Some(0));
}

#[tokio::test]
async fn printed_lines_are_safe_for_a_terminal_and_the_text_is_the_last_column() {
    let job = Job::with_status("ready").await;
    let evil = "\x1b]0;title\x07a\x1b[?25l\x1b[31mb\u{9b}Kc";
    job.append("5-1", "stderr", evil).await;
    let plain = ended(job.joblog(&["tail", "--from", "start"])).await;
    assert_eq!(plain.text(), "abc\n");
    let colored = ["tail", "--from", "start", "--color", "always"];
    let colored = ended(job.joblog(&colored)).await;
    assert_eq!(colored.text(), "\x1b[33ma\x1b[31mbc\x1b[0m\n");
    let columns = ["cat", "--show", "id,ts,source,phase"];
    let columns = ended(job.joblog(&columns)).await.text();
    let words: Vec<_> = columns.split_whitespace().collect();
    assert_eq!(words, ["5-1", "-", "stderr", "-", "abc"]);
    let json = ended(job.joblog(&["tail", "--from", "start", "--json"])).await;
    assert!(json.text().trim_end().chars().all(|c| !c.is_control()));
    let line: serde_json::Value = serde_json::from_slice(&json.out).unwrap();
    assert_eq!(line["text"], evil);
    assert_eq!((&line["id"], &line["phase"]), (&"5-1".into(), &().into()));
}

#[tokio::test]
async fn tail_ends_without_an_error_when_its_reader_goes_away_even_if_no_line_comes() {
    let job = Job::with_status("code").await;
    job.append("*", "stdout", "one").await;
    let mut child = job.joblog(&["tail", "--from", "start"]).spawn().unwrap();
    assert_eq!(first_line(&mut child).await, "one");
    drop(child.stdout.take());
    let started = Instant::now();
    let ended = end_of(child).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_outage_of_redis_is_reported_once_and_loses_no_line() {
    let redis = test_support::RedisServer::start_with(test_support::RedisOptions {
        append_only: true,
        ..test_support::RedisOptions::default()
    });
    let redis = std::sync::Arc::new(redis.await);
    let job = Job::on(redis.clone());
    job.command(&["HSET", &job.key(), "status", "code", "user_id", "a"])
        .await;
    job.append("*", "stdout", "one").await;
    let mut child = job.joblog(&["tail", "--from", "start"]).spawn().unwrap();
    assert_eq!(first_line(&mut child).await, "one");
    redis.kill().await;
    timeout(SOON, says(&mut child, "cannot be reached"))
        .await
        .unwrap();
    redis.start_again().await;
    job.append("*", "stdout", "two").await;
    assert_eq!(first_line(&mut child).await, "two");
    job.set_status("failed").await;
    assert_eq!(end_of(child).await.code, Some(1));
}
