//! Malformed requests of each kind, byte by byte as they come over the wire: each is refused by the status and code of the
//! contract, with a sentence that names what is wrong, and nothing of it is stored.

use serde_json::{Value, json};
use test_support::Answer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::bad_framing::exchange;
use super::malformed_cases::{Case, heads, json_lines, media, new_jobs, packed, routes, steps};
use super::{ALL, append, create, fresh, path, request, service, texts};
use crate::support::Api;

impl Case {
    fn bytes(&self, job: &str, credential: &str) -> Vec<u8> {
        let first = format!(
            "{} {}{} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {credential}\r\nContent-Length: {}\r\n",
            self.method,
            path(job),
            self.target,
            self.body.len()
        );
        [first.as_bytes(), &self.head, b"\r\n", &self.body].concat()
    }

    fn shown(&self) -> String {
        let text =
            |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        let (head, body) = (text(&self.head), text(&self.body));
        format!("{} {} {head:?} {body:?}", self.method, self.target)
    }

    /// Sends it, and says what is wrong with the refusal.
    async fn fault(&self, api: &Api, job: &str, credential: &str) -> Option<String> {
        let answer = exchange(api, &self.bytes(job, credential)).await;
        let (status, body) = answer.unwrap_or_default();
        let text = |name: &str| body[name].as_str().unwrap_or_default();
        let is_right = (status, text("code")) == (self.status, self.code)
            && text("detail").contains(self.names)
            && !text("debug_id").is_empty();
        (!is_right).then(|| format!("{}: {status} {body}", self.shown()))
    }
}

#[tokio::test]
async fn each_malformed_write_is_refused_by_name_and_nothing_of_it_is_stored() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let absent = fresh();
    let on_job = [heads(), media(), json_lines(), packed(), steps(), routes()];
    let on_job = on_job
        .into_iter()
        .flatten()
        .map(|case| (case, &job, &token));
    let new = new_jobs()
        .into_iter()
        .map(|case| (case, &absent, &ALL.text));
    let (mut count, mut faults) = (0, Vec::new());
    for (case, job, credential) in on_job.chain(new) {
        faults.extend(case.fault(&api, job, credential).await);
        count += 1;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    println!("{count} malformed requests were refused");
    assert!(texts(&api, &job).await.is_empty());
    let read = async |job: &str| -> Answer {
        let status = request(&api, &ALL.text, "GET", &format!("{}/status", path(job)));
        status.send().await
    };
    assert_eq!(read(&absent).await.status, 404, "it was not created");
    let status = read(&job).await.json();
    assert_eq!(
        (&status["status"], &status["updated_at"]),
        (&json!("queued"), &Value::Null)
    );
    // The producer of all these appends has written nothing.
    assert_eq!(
        append(&api, &token, &job, 0, "first\n").await.json()["next"],
        1
    );
    assert_eq!(texts(&api, &job).await, ["first"]);
}

/// What looks odd, and is none of a service's business.
#[tokio::test]
async fn odd_bytes_of_a_build_are_lines_like_others() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let lines = format!(
        r#"{{"text":"deep","x":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let request_of_lines = request(&api, &token, "POST", &path(&job));
    let request_of_lines = request_of_lines.header("Content-Type", "application/x-ndjson");
    assert_eq!(request_of_lines.body(lines).send().await.status, 200);
    let bodies: [&[u8]; 6] = [
        b"",
        b"\n\r\n\n",
        b"a\0b\n",
        b"\xff\xfe\n",
        b"\xef\xbb\xbfwith a mark\n",
        b"\x1b[31mred\x1b[0m\r\n",
    ];
    for body in bodies {
        let answer = request(&api, &token, "POST", &path(&job))
            .body(body)
            .send()
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let expected = [
        "deep",
        "",
        "",
        "",
        "a\0b",
        "\u{fffd}\u{fffd}",
        "\u{feff}with a mark",
        "\u{1b}[31mred\u{1b}[0m",
    ];
    assert_eq!(texts(&api, &job).await, expected);
}

/// The length of a body that is wrong: what comes behind it is a request of its own, and what does not come is missed.
#[tokio::test]
async fn a_wrong_length_of_a_body_stores_no_line_that_is_cut() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let head = |length: usize| {
        format!(
            "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n",
            path(&job)
        )
    };
    let ended_early = broken_off(&api, &(head(100) + "a line that is cu")).await;
    assert!(ended_early.is_none_or(|status| (400..500).contains(&status)));
    assert!(texts(&api, &job).await.is_empty());
    // What stands behind a body is a request of its own, and this is none. The connection may end before the first one is
    // answered.
    let mut socket = TcpStream::connect(api.addr).await.unwrap();
    let both = head(0) + "smuggled\n\n";
    socket.write_all(both.as_bytes()).await.unwrap();
    let answer = piece(&mut socket).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 200"),
        "{answer}"
    );
    assert!(texts(&api, &job).await.is_empty());
    let expects = head(2).replace("Content-Length", "Expect: 100-continue\r\nContent-Length");
    let mut socket = TcpStream::connect(api.addr).await.unwrap();
    socket.write_all(expects.as_bytes()).await.unwrap();
    let word = piece(&mut socket).await;
    assert_eq!(word, "HTTP/1.1 100 Continue\r\n\r\n");
    socket.write_all(b"a\n").await.unwrap();
    let answer = piece(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(texts(&api, &job).await, ["a"]);
}

/// Sends bytes and then nothing more, and returns the status of the answer, if there is one.
async fn broken_off(api: &Api, bytes: &str) -> Option<u16> {
    let mut socket = TcpStream::connect(api.addr).await.unwrap();
    socket.write_all(bytes.as_bytes()).await.unwrap();
    socket.shutdown().await.unwrap();
    let mut answer = String::new();
    let _ = socket.read_to_string(&mut answer).await;
    answer
        .split(' ')
        .nth(1)
        .map(|status| status.parse().unwrap())
}

/// What comes next on a connection.
async fn piece(socket: &mut TcpStream) -> String {
    let mut answer = vec![0; 4096];
    let read = socket.read(&mut answer).await.unwrap_or(0);
    String::from_utf8_lossy(&answer[..read]).into_owned()
}
