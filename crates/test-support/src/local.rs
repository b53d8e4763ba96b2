//! A Redis as a process of this machine.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::time::sleep;

/// The guard: a shell that starts the server, prints its process id, and kills it when its standard input is closed. The
/// test process holds the other end, so the server ends with the test, however the test ends. The guard ends with the
/// server.
const GUARD: &str = r#"
exec 3<&0 2>/dev/null
redis-server "$@" </dev/null >redis.log 2>&1 3<&- &
server=$!
echo $server
(cat <&3 >/dev/null; kill -9 $server) >/dev/null 2>&1 &
watcher=$!
wait $server
kill $watcher 2>/dev/null
"#;

/// A `redis-server` that keeps its port and its folder when it is started again.
#[derive(Debug)]
pub(crate) struct Process {
    /// A file in the folder of the server.
    configuration: Option<&'static str>,
    pub(crate) port: u16,
    arguments: Vec<String>,
    folder: TempDir,
    running: Mutex<Option<Guarded>>,
}

/// A running server and its guard.
#[derive(Debug)]
struct Guarded {
    guard: Child,
    /// Closing it ends the server.
    pipe: Option<ChildStdin>,
    server: u32,
}

impl Process {
    /// Whether there is a `redis-server` on the PATH.
    pub(crate) fn can_start() -> bool {
        let version = Command::new("redis-server")
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        version.is_ok_and(|status| status.success())
    }

    pub(crate) fn start(arguments: Vec<String>) -> Self {
        let process = Self::prepare(arguments);
        process.start_again();
        process
    }

    /// Writes a file into the folder of the server.
    pub(crate) fn write(&self, name: &str, content: &str) {
        std::fs::write(self.folder.path().join(name), content).expect("a file in our own folder");
    }

    /// Starts a Sentinel, which keeps what it learns in its configuration file.
    pub(crate) fn start_sentinel(configuration: &str) -> Self {
        let mut process = Self::prepare(vec!["--sentinel".to_owned()]);
        process.write("sentinel.conf", configuration);
        process.configuration = Some("sentinel.conf");
        process.start_again();
        process
    }

    /// A server that is not started yet.
    pub(crate) fn prepare(arguments: Vec<String>) -> Self {
        Self {
            configuration: None,
            port: free_port(),
            arguments,
            folder: TempDir::new().expect("a temporary folder"),
            running: Mutex::new(None),
        }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), self.port)
    }

    pub(crate) fn start_again(&self) {
        let port = self.port.to_string();
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard"]).args(self.configuration);
        let mut guard = guard
            .args(["--port", &port, "--bind", "127.0.0.1"])
            .args(&self.arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut line = String::new();
        let stdout = guard.stdout.take().expect("a pipe");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("a process id");
        let pipe = guard.stdin.take();
        let server = line.trim().parse().expect("a process id");
        *self.running.lock() = Some(Guarded {
            guard,
            pipe,
            server,
        });
    }

    /// Whether it was started and not ended since, by us.
    pub(crate) fn is_running(&self) -> bool {
        self.running.lock().is_some()
    }

    /// Sends a signal to the server.
    pub(crate) fn signal(&self, name: &str) {
        let server = self.running.lock().as_ref().map(|guarded| guarded.server);
        send(name, server.expect("the server runs"));
    }

    /// Sends a signal that ends the server, and waits for its end.
    pub(crate) async fn signal_and_wait(&self, name: &str) {
        let Some(mut guarded) = self.running.lock().take() else {
            return;
        };
        send(name, guarded.server);
        while guarded.guard.try_wait().expect("our own child").is_none() {
            sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.pipe.take());
        self.guard.wait().ok();
    }
}

fn send(signal: &str, process: u32) {
    let sent = Command::new("kill")
        .args(["-s", signal, &process.to_string()])
        .status();
    assert!(
        sent.is_ok_and(|status| status.success()),
        "a signal to our own process"
    );
}

/// An address on loopback at which nobody listens now, and which the system gives to no client.
///
/// # Panics
/// If there is no free port.
#[must_use]
pub fn free_address() -> SocketAddr {
    bind_free_port().local_addr().expect("its address")
}

/// A port on which nobody listens now.
pub(crate) fn free_port() -> u16 {
    free_address().port()
}

/// Listens on a loopback port below the range from which the system takes the ports of clients. With a port from that
/// range, a client that tries a closed port again and again may get the same port for itself, and connect to itself.
///
/// No other test gets this port while this process lives. A server that is started later, or again, finds it free.
pub(crate) fn bind_free_port() -> TcpListener {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const PORTS: u16 = 12_000;
    // Processes that start at the same time try different ports first.
    let begin = std::process::id().wrapping_mul(997) % u32::from(PORTS);
    for _ in 0..PORTS {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + (u32::from(step) + begin) % u32::from(PORTS);
        let port = u16::try_from(port).expect("below 32,000");
        if reserve(port)
            && let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        {
            return listener;
        }
    }
    panic!("no free port on loopback");
}

/// Takes a port for this process, among all test processes: by a name that only one socket can have. The system gives it
/// back at the end of the process, however it ends.
#[cfg(target_os = "linux")]
fn reserve(port: u16) -> bool {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr as Name, UnixListener};

    static RESERVED: Mutex<Vec<UnixListener>> = Mutex::new(Vec::new());
    let name = Name::from_abstract_name(format!("joblog-test-port-{port}"));
    let Ok(reserved) = name.and_then(|name| UnixListener::bind_addr(&name)) else {
        return false;
    };
    RESERVED.lock().push(reserved);
    true
}

/// Where there are no such names, a port is as free as it looks.
#[cfg(not(target_os = "linux"))]
const fn reserve(_port: u16) -> bool {
    true
}
