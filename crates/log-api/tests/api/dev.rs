//! `serve --dev`: one command on a machine without Redis and without settings.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use log_wire::{DEV_KEY, DEV_USER};
use serde_json::json;
use test_support::HttpClient;

/// A service that prints to its terminal. Killed on drop.
struct Dev {
    child: Child,
    printed: Receiver<String>,
}

impl Dev {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_log-api"));
        command.args(["serve", "--dev", "--bind", "127.0.0.1:0"]);
        // No settings, and no program on the PATH.
        let mut child = command.env_clear().stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, printed) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, printed }
    }

    /// The next line that it prints with this text.
    fn line_with(&self, text: &str) -> String {
        loop {
            let line = self.printed.recv_timeout(Duration::from_secs(20));
            let line = line.unwrap_or_else(|_| panic!("it does not print {text}"));
            if line.contains(text) {
                return line;
            }
        }
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn it_prints_a_short_address_for_each_job_that_opens_its_page_once() {
    let dev = Dev::start();
    let listening = dev.line_with("Listening on http://");
    let address = listening.split("http://").nth(1).unwrap();
    let address: SocketAddr = address.split(',').next().unwrap().parse().unwrap();
    dev.line_with(&format!("joblog run --url http://{address} -- make"));
    let worker = HttpClient::new(address).with_bearer(DEV_KEY);
    let body = json!({"user_id": DEV_USER}).to_string();
    let mut pages = Vec::new();
    for job in ["build-1", "build-2"] {
        let created = worker.request("PUT", &format!("/api/jobs/{job}/logs"));
        let created = created.body(body.clone()).send().await;
        assert_eq!(created.status, 201);
        pages.push(created.json()["page"].as_str().unwrap().to_owned());
    }
    let (first, second) = (dev.line_with("#code="), dev.line_with("#code="));
    // The worker's terminal gets the same addresses.
    let at_worker = pages.iter().map(|page| format!("http://{address}{page}"));
    assert!(at_worker.eq([first.clone(), second.clone()]), "{pages:?}");
    let prefix = format!("http://{address}/jobs/build-1#code=");
    let code = first.strip_prefix(&prefix).unwrap();
    assert!(first.len() < 80, "it fits on a line of a terminal: {first}");
    let visitor = HttpClient::new(address);
    assert_eq!(visitor.get("/jobs/build-1").send().await.status, 200);
    let open = async |job: &str, code: &str| {
        let request = visitor.request("POST", &format!("/jobs/{job}/code"));
        request.body(code).send().await
    };
    assert_eq!(
        open("build-2", code).await.status,
        401,
        "another job's code"
    );
    let answer = open("build-1", code).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let logs = visitor
        .clone()
        .with_bearer(&token)
        .get("/api/jobs/build-1/logs");
    assert_eq!(logs.send().await.status, 200);
    assert_eq!(open("build-1", code).await.status, 401, "once");
    let again = dev.line_with("#code=");
    assert_eq!(
        open("build-1", again.strip_prefix(&prefix).unwrap())
            .await
            .status,
        200
    );
    let code = second.rsplit_once('=').unwrap().1;
    assert_eq!(
        open("build-2", code).await.status,
        200,
        "the other job's address still opens"
    );
    // A worker that comes back gets an address that opens.
    let again = json!({"user_id": DEV_USER, "token": true}).to_string();
    let again = worker.request("PUT", "/api/jobs/build-2/logs").body(again);
    let again = again.send().await;
    assert_eq!(again.status, 200);
    let page = again.json()["page"].as_str().unwrap().to_owned();
    let code = page.strip_prefix("/jobs/build-2#code=").unwrap();
    assert_eq!(open("build-2", code).await.status, 200);
}
