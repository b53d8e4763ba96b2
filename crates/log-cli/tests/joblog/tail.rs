//! `joblog tail`, straight on Redis.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::support::{Job, SOON, counting, end_of, ended, first_line, numbered, says};

#[tokio::test]
async fn a_tail_beside_a_run_prints_every_line_once_and_ends_with_it() {
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
async fn a_tail_says_by_its_exit_code_how_the_job_ended() {
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
async fn a_job_that_is_not_there_and_one_that_vanishes_are_3() {
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
async fn a_live_tail_prints_what_comes_and_nothing_from_before() {
    let job = Job::with_status("code").await;
    job.append("*", "stdout", "before").await;
    let mut child = job.joblog(&["tail"]).spawn().unwrap();
    // It says nothing before the first line, so lines come until one is seen.
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
async fn since_begins_with_the_lines_of_a_time_and_tells_of_no_gap_that_is_none() {
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
async fn lines_that_are_gone_are_told_on_standard_error() {
    let job = Job::with_status("ready").await;
    for id in ["1-0", "2-0", "3-0"] {
        job.append(id, "stdout", id).await;
    }
    let logs = format!("{}:logs", job.key());
    job.command(&["XTRIM", &logs, "MAXLEN", "1"]).await;
    for command in [&["tail", "--from", "start"][..], &["cat"]] {
        let ended = ended(job.joblog(command)).await;
        assert_eq!(ended.lines(), ["3-0"]);
        assert!(ended.err.contains("missing"), "{ended:?}");
        assert_eq!(ended.code, Some(0));
    }
}

#[tokio::test]
async fn what_a_log_holds_cannot_harm_a_terminal_and_the_text_stands_last() {
    let job = Job::with_status("ready").await;
    let evil = "\x1b]0;title\x07a\x1b[2J\x1b[31mb\u{9b}Kc";
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
async fn a_reader_that_goes_away_ends_a_tail_without_an_error_even_where_nothing_comes() {
    let job = Job::with_status("code").await;
    job.append("*", "stdout", "one").await;
    let mut child = job.joblog(&["tail", "--from", "start"]).spawn().unwrap();
    assert_eq!(first_line(&mut child).await, "one");
    drop(child.stdout.take());
    let began = Instant::now();
    let ended = end_of(child).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_redis_that_is_away_for_a_while_is_told_once_and_costs_nothing() {
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
