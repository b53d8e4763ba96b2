//! A load process against a server that does wrong: what is lost, repeated or cut off is told, so that such a run has
//! no figures.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up should fail there"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

const HEAD: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A running `bench-load load`.
struct Load {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Load {
    fn start(server: &TcpListener, viewers: usize) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bench-load"))
            .arg("load")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut commands = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let spec = json!({"Viewers": {
            "server": server.local_addr().unwrap(), "count": viewers, "first": 1, "reads": true,
            "request": "GET /{i} HTTP/1.1\r\n\r\n",
        }});
        writeln!(commands, "{spec}").unwrap();
        Self {
            child,
            commands,
            answers,
        }
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Asks until as many lines as these have come.
    fn report(&mut self, lines: u64) -> Value {
        loop {
            writeln!(self.commands, "report").unwrap();
            let report = self.answer()["Report"].take();
            if report["lines"].as_u64() >= Some(lines) {
                return report;
            }
        }
    }

    /// Ends its input, and with it the process.
    fn end(mut self) {
        drop(self.commands);
        assert!(self.child.wait().unwrap().success());
    }
}

fn accept(server: &TcpListener) -> (TcpStream, String) {
    let (mut socket, _) = server.accept().unwrap();
    let mut request = [0; 64];
    let length = socket.read(&mut request).unwrap();
    socket.write_all(HEAD.as_bytes()).unwrap();
    (
        socket,
        String::from_utf8_lossy(&request[..length]).into_owned(),
    )
}

fn chunk(numbers: &[u64]) -> String {
    let frame = |number| {
        format!(
            "event: log\ndata: {{\"text\":\"@{number:010}:{:019} a\"}}\n\n",
            1
        )
    };
    let frames: String = numbers.iter().map(frame).collect();
    format!("{:x}\r\n{frames}\r\n", frames.len())
}

#[test]
fn every_line_once_in_order_is_right() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut load = Load::start(&server, 2);
    let (mut first, request) = accept(&server);
    let (mut second, _) = accept(&server);
    assert!(
        request.starts_with("GET /0 ") || request.starts_with("GET /1 "),
        "{request}"
    );
    assert_eq!(load.answer(), "Ready");
    for socket in [&mut first, &mut second] {
        socket.write_all(chunk(&[1, 2]).as_bytes()).unwrap();
        socket.write_all(chunk(&[3]).as_bytes()).unwrap();
    }
    let report = load.report(6);
    for wrong in ["missing", "repeated", "closed"] {
        assert_eq!(report[wrong], 0, "{report}");
    }
    assert_eq!(
        (&report["open"], &report["lowest_next"]),
        (&json!(2), &json!(4))
    );
    load.end();
}

#[test]
fn what_a_server_does_wrong_is_told() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut load = Load::start(&server, 3);
    let mut sockets = [accept(&server).0, accept(&server).0, accept(&server).0];
    assert_eq!(load.answer(), "Ready");
    sockets[0].write_all(chunk(&[1, 3]).as_bytes()).unwrap();
    sockets[1].write_all(chunk(&[1, 1, 2]).as_bytes()).unwrap();
    // A clean end, on a connection that stays open.
    sockets[2].write_all(b"0\r\n\r\n").unwrap();
    let report = loop {
        let report = load.report(5);
        if report["closed"] == 1 {
            break report;
        }
    };
    assert_eq!(
        (&report["missing"], &report["repeated"]),
        (&json!(1), &json!(1)),
        "{report}"
    );
    load.end();
}

#[test]
fn a_viewer_that_is_refused_fails_the_load() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut load = Load::start(&server, 1);
    let (mut socket, _) = server.accept().unwrap();
    socket
        .write_all(b"HTTP/1.1 429 Too Many Requests\r\n\r\n")
        .unwrap();
    let failed = load.answer()["Failed"].take();
    assert!(failed.as_str().unwrap().contains("429"), "{failed}");
    assert!(!load.child.wait().unwrap().success());
}
