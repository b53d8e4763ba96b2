//! Each library follows the same log through crashes, restarts and silence, and must see each line once.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use test_support::RedisServer;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::chromium::{self, Following, WAYS};
use crate::cutter::Cutter;
use crate::programs::{LIBRARIES, Program, long_token};
use crate::servers::Server;
use crate::support::Job;

/// Longer than anything that a client has to do here, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(240);

/// Texts at which programs have stumbled.
fn awkward(n: usize) -> String {
    match n % 12 {
        0 => String::new(),
        1 => "\r".to_owned(),
        2 => format!("{n}\r\n\r\ndata: x\n\nevent: done\n\n"),
        3 => format!("{n}\u{2028}{n}\u{2029}{n}\u{85}{n}"),
        4 => format!("{n} \u{b}\u{c}\u{1c}\u{1d}\u{1e}\0\u{7f}"),
        5 => format!("{n} 🦀👩‍👩‍👧‍👦 ü"),
        6 => format!("data: {n}"),
        7 => format!(": {n}"),
        8 => format!("  {n}  "),
        9 => format!("{n} \u{1b}[31mred\u{1b}[0m \"\\"),
        10 if n % 4_800 == 10 => format!("{n}{}", "x".repeat(1024 * 1024)),
        _ => n.to_string(),
    }
}

/// What a library prints of a line. JavaScript counts UTF-16 units, Python characters; the long texts are ASCII.
fn shown(line: &Value) -> Value {
    let text = line["text"].as_str().unwrap();
    let chars = text.chars().count();
    let text = if chars <= 1000 {
        text.to_owned()
    } else {
        format!("{chars} characters")
    };
    json!({"id": line["id"], "text": text})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_library_loses_repeats_or_reorders_a_line() {
    let redis = RedisServer::shared().await;
    let mut server = Server::start(&redis).await;
    let job = Arc::new(Job::new(&redis).await);
    let lines: Vec<_> = (0..20_000).map(awkward).collect();
    for part in lines.chunks(500) {
        job.append_all(part).await;
    }
    let mut followers = follow_by_libraries(server.addr, &job);
    followers.extend(follow_by_chromium(server.addr, &job));

    let writing = tokio::spawn({
        let job = job.clone();
        async move {
            for n in 0..1_500 {
                job.append(&format!("live {n}")).await;
                sleep(Duration::from_millis(20)).await;
            }
        }
    });
    for _ in 0..5 {
        sleep(Duration::from_millis(800)).await;
        server.crash().await;
        sleep(Duration::from_millis(800)).await;
        server.restart().await;
    }
    writing.await.unwrap();
    job.set_status("failed").await;

    let expected: Vec<_> = job.lines().await.iter().map(shown).collect();
    assert_eq!(expected.len(), 21_500);
    assert_each_once(followers, expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_library_sits_out_65_seconds_of_silence() {
    let redis = RedisServer::shared().await;
    let server = Server::start(&redis).await;
    // On a busy machine, on which containers are started, Chromium comes back now and then by itself.
    let for_chromium = Server::start(&redis).await;
    let job = Job::new(&redis).await;
    job.append("before").await;
    let mut followers = follow_by_libraries(server.addr, &job);
    followers.extend(follow_by_chromium(for_chromium.addr, &job));
    sleep(Duration::from_secs(65)).await;
    job.append("after").await;
    job.set_status("failed").await;
    let expected = job.lines().await.iter().map(shown).collect();
    assert_each_once(followers, expected).await;
    let streams = server.api().log().matches("logs/stream").count();
    assert_eq!(streams, LIBRARIES.len(), "nobody came back meanwhile");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_that_is_cut_at_every_byte_costs_no_library_a_line() {
    let redis = RedisServer::shared().await;
    let server = Server::start(&redis).await;
    let job = Job::new(&redis).await;
    let ids = job.append_all((0..20).map(|n| n.to_string())).await;
    job.command(&["XTRIM", &job.logs_key(), "MAXLEN", "10"])
        .await;
    job.set_status("failed").await;
    let expected: Vec<_> = job.lines().await.iter().map(shown).collect();
    let gap = json!({"gap": {"after_id": ids[0], "first_id": ids[10]}});
    let one = |library| {
        let (job, ids, token) = (job.path(), ids.clone(), long_token());
        async move {
            let cutter = Cutter::start(server.addr, "event: gap\n").await;
            let url = format!("http://{}{job}/stream?after_id={}", cutter.addr, ids[0]);
            let seen = Program::follow(library, &url, &token)
                .finish(PATIENCE)
                .await;
            (library, seen, cutter.cuts())
        }
    };
    for (library, (mut seen, success), cuts) in join_all(LIBRARIES.map(one)).await {
        assert!(success, "{library}");
        let before = seen.len();
        seen.retain(|line| *line != gap && line.get("cleanEndWithoutDone").is_none());
        assert!(before > seen.len(), "{library} was told of the gap");
        assert_eq!(seen.pop(), Some(json!({"done": "failed"})), "{library}");
        assert_eq!(seen, expected, "{library}");
        assert!(cuts > 60, "{library}: {cuts}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_that_is_cut_at_every_byte_costs_no_event_source_of_chromium_a_line() {
    let redis = RedisServer::shared().await;
    let server = Server::start(&redis).await;
    let job = Job::new(&redis).await;
    let ids = job.append_all((0..20).map(|n| n.to_string())).await;
    job.command(&["XTRIM", &job.logs_key(), "MAXLEN", "10"])
        .await;
    job.set_status("failed").await;
    let mut expected: Vec<_> = job.lines().await.iter().map(shown).collect();
    expected.push(json!({"done": "failed"}));
    let gap = json!({"gap": {"after_id": ids[0], "first_id": ids[10]}});
    for way in WAYS {
        let cutter = Cutter::start(server.addr, "event: gap\n").await;
        // It waits some seconds before it comes back. So ten share the bytes.
        let (begin, token) = (format!("after_id={}", ids[0]), long_token());
        let following = Following {
            begin: &begin,
            count: 10,
            ..Following::one(&job.id, way, &token)
        };
        for mut seen in chromium::follow(cutter.addr, following).await {
            let before = seen.len();
            seen.retain(|line| *line != gap);
            assert!(before > seen.len(), "{way}: it was told of the gap");
            seen.retain(|line| line.get("closed").is_none());
            assert_eq!(seen, expected, "{way}");
        }
        assert!(cutter.cuts() > 60, "{way}: {}", cutter.cuts());
    }
}

type Followers = Vec<(&'static str, JoinHandle<(Vec<Value>, bool)>)>;

fn follow_by_libraries(server: SocketAddr, job: &Job) -> Followers {
    let token = long_token();
    let url = format!("http://{server}{}/stream?from=start", job.path());
    let follow = |library| tokio::spawn(Program::follow(library, &url, &token).finish(PATIENCE));
    LIBRARIES.map(|library| (library, follow(library))).into()
}

/// Follows a job with a Chromium for each way to show who it is.
fn follow_by_chromium(server: SocketAddr, job: &Job) -> Followers {
    let names = [
        ("Chromium, cookie", "cookie"),
        ("Chromium, ticket", "ticket"),
    ];
    let follow = |(name, way)| {
        let job = job.id.clone();
        let follower = tokio::spawn(async move {
            let token = long_token();
            let seen = chromium::follow(server, Following::one(&job, way, &token)).await;
            let mut seen = seen.concat();
            seen.retain(|line| line.get("closed").is_none());
            (seen, true)
        });
        (name, follower)
    };
    names.map(follow).into()
}

/// Asserts that each client has seen each of these lines once, in order, and the end. Prints the table.
async fn assert_each_once(followers: Followers, mut expected: Vec<Value>) {
    expected.push(json!({"done": "failed"}));
    let mut wrong = Vec::new();
    println!("| client | lost | doubled | reordered | clean ends without done |");
    for (library, follower) in followers {
        let (mut seen, success) = follower.await.unwrap();
        let clean_end = json!({"cleanEndWithoutDone": true});
        let before = seen.len();
        seen.retain(|line| *line != clean_end);
        let clean_ends = before - seen.len();
        let (lost, doubled) = difference(&expected, &seen);
        let reordered = lost + doubled == 0 && seen != expected;
        println!("| {library} | {lost} | {doubled} | {reordered} | {clean_ends} |");
        if seen != expected || !success || clean_ends > 0 {
            wrong.push(library);
        }
    }
    assert_eq!(wrong, Vec::<&str>::new(), "see the table");
}

fn difference(expected: &[Value], seen: &[Value]) -> (usize, usize) {
    // Two objects are the same in whatever order they have their fields.
    let key = |line: &Value| {
        let fields = line.as_object().unwrap();
        let mut fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{name}{value}"))
            .collect();
        fields.sort_unstable();
        fields.concat()
    };
    let mut counts: HashMap<String, i64> = HashMap::new();
    for line in seen {
        *counts.entry(key(line)).or_default() += 1;
    }
    let lost = expected
        .iter()
        .filter(|line| !counts.contains_key(&key(line)));
    let lost = lost.count();
    let doubled: i64 = counts.values().map(|count| count - 1).sum();
    (lost, usize::try_from(doubled).unwrap())
}
