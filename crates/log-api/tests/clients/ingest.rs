//! Writing with a real curl, as docs/INGEST.md has it, and writing onto a disk that is full. A small file system is
//! mounted for that, in a namespace of its own: this needs root, or user namespaces.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::RedisServer;
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, sleep};

use crate::support::{ANN, Api};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A key that may do everything, and its entry.
fn key() -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_log-api"));
    command.args(["keys", "new", "--name", "test"]);
    for scope in ["jobs:create", "jobs:status", "logs:append", "logs:read"] {
        command.args(["--scope", scope]);
    }
    let output = command.output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let (key, entry) = printed.trim().split_once('\n').unwrap();
    (key.to_owned(), entry.to_owned())
}

/// Runs the shell's words of a recipe, with `$KEY`, `$TOKEN` and `$logs`.
async fn shell(script: &str, variables: &[(&str, &str)]) -> String {
    let mut command = tokio::process::Command::new("sh");
    command
        .args(["-eu", "-c", script])
        .envs(variables.iter().copied());
    let output = command.stdin(Stdio::null()).output().await.unwrap();
    assert!(output.status.success(), "{script}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn texts(page: &Value) -> Vec<&str> {
    let lines = page["lines"].as_array().unwrap();
    lines
        .iter()
        .map(|line| line["text"].as_str().unwrap())
        .collect()
}

async fn page(api: &Api, key: &str, job: &str) -> Value {
    let client = api.anonymous().with_bearer(key);
    let answer = client
        .get(&format!("/api/jobs/{job}/logs?limit=500"))
        .send()
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn the_recipes_for_curl_do_what_they_say() {
    let redis = RedisServer::shared().await;
    let (key, entry) = key();
    let settings = [
        ("LOG_API_KEYS", entry.as_str()),
        ("LOG_API_TOKEN_SECRET", SECRET),
    ];
    let api = Api::start(&redis.url(), &settings).await;
    let job = format!("curl-{:032x}", fastrand::u128(..));
    let logs = format!("http://{}/api/jobs/{job}/logs", api.addr);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("build.log");
    std::fs::write(&file, "one\ntwo\r\nthree").unwrap();
    let create =
        r#"curl -sS -X PUT -H "Authorization: Bearer $KEY" -d '{"user_id":"user_ann"}' $logs"#;
    let created = shell(create, &[("KEY", &key), ("logs", &logs)]).await;
    let created: Value = serde_json::from_str(&created).unwrap();
    let token = created["append_token"].as_str().unwrap();
    let variables = [
        ("TOKEN", token),
        ("logs", &logs),
        ("file", file.to_str().unwrap()),
    ];

    let whole = r#"curl -sS -X POST -T "$file" -H "Authorization: Bearer $TOKEN" $logs"#;
    let answer: Value = serde_json::from_str(&shell(whole, &variables).await).unwrap();
    assert_eq!(answer["appended"], 3, "{answer}");

    let running = r#"(echo begin; sleep 3; echo end) 2>&1 |
        curl -sS -X POST -N -T - -H "Authorization: Bearer $TOKEN" "$logs?stream=1""#;
    let running = shell(running, &variables);
    let watching = async {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let page = page(&api, &key, &job).await;
            if texts(&page).last() == Some(&"begin") {
                return;
            }
            assert!(Instant::now() < end, "no line before the end: {page}");
            sleep(Duration::from_millis(50)).await;
        }
    };
    let (answer, ()) = tokio::join!(running, watching);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["appended"], 2, "{answer}");

    let numbered = r#"curl -sS -X POST --data-binary @"$file" -H 'Content-Type: text/plain' -H "Authorization: Bearer $TOKEN" \
        -H 'Log-Producer: worker-7f3a' -H 'Log-Line: 0' $logs"#;
    for (appended, duplicate) in [(3, 0), (0, 3)] {
        let answer: Value = serde_json::from_str(&shell(numbered, &variables).await).unwrap();
        assert_eq!(
            (&answer["appended"], &answer["duplicate"]),
            (&json!(appended), &json!(duplicate))
        );
    }
    let end = r#"curl -sS -X PATCH -H "Authorization: Bearer $TOKEN" -d '{"status":"failed","message":"exit code 2"}' $logs"#;
    assert_eq!(shell(end, &variables).await, r#"{"status":"failed"}"#);
    let all = page(&api, &key, &job).await;
    assert_eq!(
        texts(&all),
        ["one", "two", "three", "begin", "end", "one", "two", "three"]
    );
}

/// A file system of so many bytes at a folder, for the command that follows.
fn with_small_disk(folder: &Path, bytes: u64) -> Command {
    let is_root = std::fs::metadata("/proc/self")
        .is_ok_and(|this| std::os::unix::fs::MetadataExt::uid(&this) == 0);
    let mut command = Command::new("unshare");
    command.arg("--mount");
    if !is_root {
        command.args(["--user", "--map-root-user"]);
    }
    let mount = format!("mount -t tmpfs -o size={bytes} small \"$0\" && exec \"$@\"");
    command.args(["sh", "-c", &mount]).arg(folder);
    command
}

#[tokio::test]
async fn on_a_full_disk_writers_are_told_to_come_back_readers_read_on_and_nothing_is_lost() {
    let (key, entry) = key();
    let folder = TempDir::new().unwrap();
    let settings = [("LOG_API_KEYS", entry.as_str())];
    let wrapper = with_small_disk(folder.path(), 24 * 1024 * 1024);
    let mut api = Api::start_embedded_in(wrapper, folder.path(), &settings).await;
    // The disk as the server sees it.
    let disk = PathBuf::from(format!("/proc/{}/root", api.pid()));
    let disk = disk.join(folder.path().strip_prefix("/").unwrap());
    let client = api.anonymous().with_bearer(&key);
    let logs = "/api/jobs/full/logs";
    let created = client
        .request("PUT", logs)
        .body(json!({"user_id": ANN}).to_string());
    assert_eq!(created.send().await.status, 201);
    let append = async |first: usize| {
        let body: String = (first..first + 50)
            .map(|n| format!("{n} {}\n", "x".repeat(200)))
            .collect();
        let request = client.request("POST", logs).header("Log-Producer", "w");
        request
            .header("Log-Line", &first.to_string())
            .body(body)
            .send()
            .await
    };
    let mut next = 0;
    for round in 0..3 {
        for _ in 0..5 {
            assert_eq!(append(next).await.status, 200, "round {round}");
            next += 50;
        }
        fill(&disk.join("filler")).await;
        let refused = append(next).await;
        assert_eq!(refused.status, 503, "{}", refused.text());
        assert_eq!(refused.json()["code"], "store-unavailable");
        assert!(refused.header("retry-after").is_some());
        let status = client
            .request("PATCH", logs)
            .body(r#"{"status":"starting"}"#);
        assert_eq!(status.send().await.status, 503);
        let there = client
            .get(&format!("{logs}?limit=500&after_id=0-0"))
            .send()
            .await;
        assert_eq!(there.status, 200, "{}", there.text());
        assert_eq!(texts(&there.json()).len(), next.min(500));
        assert_eq!(
            client.get("/readyz").send().await.status,
            200,
            "it serves readers"
        );
        std::fs::remove_file(disk.join("filler")).unwrap();
        let end = Instant::now() + Duration::from_secs(20);
        while append(next).await.status != 200 {
            assert!(Instant::now() < end, "there is room again");
            sleep(Duration::from_millis(100)).await;
        }
        next += 50;
    }
    let download = client.get(&format!("{logs}/download")).send().await;
    check_numbers(download.text(), next);
    assert!(api.log().contains("disk_full"), "{}", api.log());
    api.terminate();
    assert!(api.ended(Duration::from_secs(20)).await.success());
}

/// Each line begins with its number.
fn check_numbers(text: &str, count: usize) {
    let number = |line: &str| line.split_once(' ').unwrap().0.parse::<usize>().unwrap();
    assert_eq!(text.lines().count(), count);
    assert!(text.lines().map(number).eq(0..count), "in order");
}

/// Writes into a file until there is no room left.
async fn fill(path: &Path) {
    let mut file = tokio::fs::File::create(path).await.unwrap();
    let mut size = 1024 * 1024;
    while size >= 4096 {
        let written = async {
            file.write_all(&vec![1; size]).await?;
            file.flush().await
        };
        if written.await.is_err() {
            size /= 4;
        }
    }
}
