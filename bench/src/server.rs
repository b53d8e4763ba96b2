//! A server as a process of its own, with a folder of its own, on a loopback port that is free.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::accounting::with_children;
use crate::clock::{Stop, pause};
use crate::error::BenchError;

/// A running server. Dropping it ends it, with all that it has started.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    folder: TempDir,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a program that `command` gives for an address and a folder, and waits until something listens there.
    pub(crate) fn start(
        name: &'static str,
        stop: &Stop,
        command: impl FnOnce(SocketAddr, &TempDir) -> Result<Command, BenchError>,
    ) -> Result<Self, BenchError> {
        let folder = TempDir::new().map_err(BenchError::io("make a folder"))?;
        let address = free_address()?;
        let log =
            File::create(folder.path().join("output")).map_err(BenchError::io("make a file"))?;
        let errors = log.try_clone().map_err(BenchError::io("share a file"))?;
        let child = command(address, &folder)?
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(BenchError::io(format!("start {name}")))?;
        let mut server = Self {
            name,
            child,
            folder,
            address,
        };
        stop.until(
            &format!("the start of {name}"),
            Duration::from_secs(20),
            || {
                server.check()?;
                Ok(TcpStream::connect(address).is_ok())
            },
        )?;
        Ok(server)
    }

    /// Its processes: itself, and workers that it has started.
    pub(crate) fn processes(&self) -> Vec<u32> {
        with_children(self.child.id())
    }

    /// An error, with the end of what it wrote, if it has ended.
    pub(crate) fn check(&mut self) -> Result<(), BenchError> {
        let status = self
            .child
            .try_wait()
            .map_err(BenchError::io("look at a process"))?;
        let Some(status) = status else {
            return Ok(());
        };
        let wrote = std::fs::read_to_string(self.folder.path().join("output")).unwrap_or_default();
        let lines: Vec<&str> = wrote.lines().rev().take(5).collect();
        let lines: Vec<&str> = lines.into_iter().rev().collect();
        Err(BenchError::peer(
            self.name,
            format!("ended ({status}):\n{}", lines.join("\n")),
        ))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let processes = self.processes();
        // Politely first: a master process ends its workers.
        send(self.child.id(), Signal::TERM);
        for _ in 0..20 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                break;
            }
            pause(Duration::from_millis(25));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        for process in processes.into_iter().skip(1) {
            // A worker that its master has left behind; its number is not given to others within half a second.
            send(process, Signal::KILL);
        }
    }
}

fn send(process: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        // It fails only where the process has ended.
        let _ = kill_process(pid, signal);
    }
}

/// A loopback address below the range that the system gives to clients, on which nothing listens. Each call gives another.
pub(crate) fn free_address() -> Result<SocketAddr, BenchError> {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    for _ in 0..9_000 {
        let place = std::process::id() + GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = 21_000 + u16::try_from(place % 9_000).unwrap_or(0);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let is_quiet = TcpStream::connect(address).is_err();
        if is_quiet && TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    Err(BenchError::peer("this machine", "no loopback port is free"))
}
