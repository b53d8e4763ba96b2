//! A process is killed while it appends: acknowledged lines are still there.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

use log_domain::{EntryId, JobId, JobStatus, Line, ReadLimit, UserId};
use log_store::{
    EmbeddedOptions, EmbeddedStore, JobWrites, Jobs, LogAppend, LogStore, NewJob, NewLine,
    Transition,
};

/// Tells the child process its directory.
const DIR: &str = "LOG_STORE_KILL_TEST_DIR";

const JOBS: [&str; 3] = ["a", "b", "c"];

/// What the child process does until it is killed. Several producers, each with its own job, append in calls of many sizes
/// and print what was acknowledged. As a test by itself it ends after some calls.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn producers_append_side_by_side() {
    #[expect(
        clippy::disallowed_methods,
        reason = "the child of the kill test learns its directory so"
    )]
    let given = std::env::var_os(DIR);
    let own = tempfile::tempdir().unwrap();
    let dir = given.as_deref().map_or_else(|| own.path(), Path::new);
    let calls = if given.is_some() { usize::MAX } else { 20 };
    let store = EmbeddedStore::open(dir, EmbeddedOptions::default())
        .await
        .unwrap();
    let producers = JOBS.map(|job| {
        let store = store.clone();
        tokio::spawn(async move { produce(&store, job, calls).await })
    });
    for producer in producers {
        producer.await.unwrap();
    }
    for job in JOBS {
        let bounds = store.bounds(&job.parse().unwrap()).await.unwrap();
        assert_eq!(
            bounds.length,
            (0..20).map(|call| call * 7 % 40 + 1).sum::<u64>()
        );
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the child of the kill test says what was acknowledged"
)]
async fn produce(store: &EmbeddedStore, name: &str, calls: usize) {
    let job: JobId = name.parse().unwrap();
    let new = NewJob::new(UserId::new(name).unwrap(), SystemTime::now());
    if store.create(&job, &new).await.is_ok() {
        let step = Transition {
            to: JobStatus::STARTING,
            message: String::new(),
            at: SystemTime::now(),
        };
        store.transition(&job, &step).await.unwrap();
        println!("started {name}");
    }
    let mut next = store.bounds(&job).await.unwrap().entries_added;
    for call in 0..calls as u64 {
        let size = call * 7 % 40 + 1;
        let lines: Vec<_> = (next..next + size).map(new_line).collect();
        let ids = store.append(&job, &lines).await.unwrap();
        for (n, id) in (next..).zip(ids) {
            println!("stored {name} {n} {id}");
        }
        next += size;
    }
}

fn new_line(n: u64) -> NewLine {
    let len = usize::try_from(n * 37 % 200).unwrap();
    NewLine {
        text: Some(format!("{n} {}", "x".repeat(len))),
        ..NewLine::default()
    }
}

#[tokio::test]
async fn every_acknowledged_line_survives_a_kill_in_its_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: BTreeMap<String, Vec<(u64, EntryId)>> = BTreeMap::new();
    let mut started = Vec::new();
    for life in 1..=4 {
        let path = dir.path().to_owned();
        let said = tokio::task::spawn_blocking(move || run_and_kill(&path, life * 400));
        for line in said.await.unwrap() {
            let words: Vec<_> = line.split(' ').collect();
            match words[..] {
                ["started", job] => started.push(job.to_owned()),
                ["stored", job, n, id] => {
                    let stored = (n.parse().unwrap(), id.parse().unwrap());
                    acknowledged.entry(job.to_owned()).or_default().push(stored);
                }
                _ => {}
            }
        }
        let store = EmbeddedStore::open(dir.path(), EmbeddedOptions::default())
            .await
            .unwrap();
        for (job, acknowledged) in &mut acknowledged {
            *acknowledged = check(&store, job, acknowledged).await;
        }
        for job in &started {
            let found = store.get(&job.parse().unwrap()).await.unwrap().unwrap();
            assert_eq!(found.status, JobStatus::STARTING);
        }
        store.close().await;
    }
    assert_eq!(acknowledged.len(), JOBS.len());
    assert_eq!(started.len(), JOBS.len());
}

/// Checks the file: every acknowledged line has its id, and all lines are in order. There may be more lines, which were on
/// disk before the kill and whose answer came too late.
async fn check(
    store: &EmbeddedStore,
    job: &str,
    acknowledged: &[(u64, EntryId)],
) -> Vec<(u64, EntryId)> {
    let job = job.parse().unwrap();
    let tail = store
        .read_after(&job, EntryId::ZERO, ReadLimit::lines(1_000_000))
        .await
        .unwrap();
    let found: Vec<_> = tail
        .lines
        .iter()
        .map(|line| (number(line), line.id))
        .collect();
    assert!(
        found.len() >= acknowledged.len(),
        "{} < {}",
        found.len(),
        acknowledged.len()
    );
    assert_eq!(found[..acknowledged.len()], *acknowledged);
    assert!(
        found.iter().map(|(n, _)| *n).eq(0..found.len() as u64),
        "whole calls, in order"
    );
    assert!(found.is_sorted_by(|a, b| a.1 < b.1));
    let bounds = tail.bounds;
    assert_eq!(
        (bounds.entries_added, bounds.length),
        (found.len() as u64, found.len() as u64)
    );
    assert_eq!(bounds.last_id, found[found.len() - 1].1);
    assert_eq!(bounds.first_id, Some(found[0].1));
    found
}

fn number(line: &Line) -> u64 {
    let text = line.text.as_deref().unwrap();
    let n = text.split(' ').next().unwrap().parse().unwrap();
    assert_eq!(line.text, new_line(n).text);
    n
}

/// Starts a child, kills it (SIGKILL) after so many lines of output, and returns its output.
fn run_and_kill(dir: &Path, lines: usize) -> Vec<String> {
    let mut child = start(dir);
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut said = Vec::new();
    for line in output.lines() {
        said.push(line.unwrap());
        if said.len() == lines {
            child.kill().unwrap();
        }
    }
    assert!(
        !child.wait().unwrap().success(),
        "it was to be killed, and ended"
    );
    assert!(said.len() >= lines, "it said only {said:?}");
    // The last line may be incomplete.
    said.pop();
    said
}

fn start(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kill::producers_append_side_by_side",
            "--nocapture",
        ])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}
