//! The application as a process: its routes, and how it stops.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

struct App {
    child: Child,
    address: SocketAddr,
    token: String,
}

impl App {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_actix-mount"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let (address, token) = line.trim().split_once(' ').unwrap();
        Self {
            child,
            address: address.parse().unwrap(),
            token: token.to_owned(),
        }
    }

    fn ask(&self, target: &str) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let token = &self.token;
        write!(
            socket,
            "GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
        )
        .unwrap();
        socket
    }

    /// The status of an answer, and a part of its body.
    fn status(&self, target: &str, part: &str) -> u16 {
        let (text, _) = read_until(&mut self.ask(target), |text| text.contains(part));
        text.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What comes until it is enough, and whether the other side has closed.
fn read_until(socket: &mut TcpStream, is_enough: impl Fn(&str) -> bool) -> (String, bool) {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    while !is_enough(&text) {
        match socket.read(&mut buffer) {
            Ok(0) => return (text, true),
            Ok(count) => text.push_str(std::str::from_utf8(&buffer[..count]).unwrap()),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                return (text, true);
            }
            Err(error) => panic!("{error}; so far: {text}"),
        }
    }
    (text, false)
}

#[test]
fn the_routes_of_logs_are_beside_those_of_the_application() {
    let app = App::start();
    assert_eq!(app.status("/api/builds", "build-1"), 200);
    assert_eq!(
        app.status("/api/jobs/build-1/logs", "a line from before"),
        200
    );
    assert_eq!(app.status("/api/jobs/build-2/logs", "Job not found"), 404);
    assert_eq!(app.status("/readyz", "ok"), 200);
    assert_eq!(app.status("/nowhere", "\r\n\r\n"), 404);
}

#[test]
fn after_sigterm_streams_are_broken_off_over_the_window_and_the_process_ends_in_seconds() {
    let mut app = App::start();
    let mut streams: Vec<_> = (0..20)
        .map(|_| app.ask("/api/jobs/build-1/logs/stream?from=start"))
        .collect();
    for stream in &mut streams {
        read_until(stream, |text| text.contains("a line from before"));
    }
    // A client that has asked for nothing.
    let idle = TcpStream::connect(app.address).unwrap();

    let begin = Instant::now();
    let pid = app.child.id().to_string();
    assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    let ends: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            std::thread::spawn(move || {
                let (rest, is_closed) = read_until(&mut stream, |_| false);
                assert!(is_closed);
                assert!(
                    rest.contains("retry: "),
                    "it is told when to come back: {rest}"
                );
                let is_whole = rest.contains("event: done") || rest.ends_with("0\r\n\r\n");
                assert!(!is_whole, "{rest}");
                begin.elapsed()
            })
        })
        .collect();
    let ends: Vec<_> = ends.into_iter().map(|end| end.join().unwrap()).collect();
    let (first, last) = (ends.iter().min().unwrap(), ends.iter().max().unwrap());
    assert!(
        *last - *first > Duration::from_millis(500),
        "not all at once: {ends:?}"
    );
    let status = app.child.wait().unwrap();
    assert!(status.success(), "{status}");
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(15), "it took {took:?}");
    drop(idle);
}
