//! Streams that are opened and followed: one thread, one epoll, one buffer for all of them.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::Receiver;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::chunked::Body;
use crate::clock::now_ns;
use crate::error::BenchError;
use crate::line::Scanner;
use crate::load::control::{self, Command};
use crate::load::tally::Tally;
use crate::load::{Answer, Viewers};

/// Streams that are being opened at a time: below every server's backlog.
const OPENING: usize = 200;

/// Source addresses: each has its own ports, of which the system gives a connection one (28,232 by default).
const SOURCES: u8 = 8;

const CONTROL: Token = Token(usize::MAX);

/// How far a stream is.
#[derive(Debug)]
enum Stage {
    /// Not connected yet.
    Connecting,
    /// The request is out; what has come of the head.
    Head(Vec<u8>),
    /// The head was good.
    Body(Body),
    /// The server has ended it.
    Closed,
}

/// One viewer.
#[derive(Debug)]
struct Stream {
    socket: TcpStream,
    stage: Stage,
    scanner: Scanner,
    /// The number of the line that is to come next.
    next: u64,
}

/// All of them.
struct Crowd<'a> {
    spec: &'a Viewers,
    poll: Poll,
    streams: Vec<Stream>,
    /// Streams whose request is not out or whose head is not in.
    opening: usize,
    tally: Tally,
}

/// Opens the streams and follows them until the input ends.
pub(crate) fn run(spec: &Viewers) -> Result<(), BenchError> {
    let poll = Poll::new().map_err(BenchError::io("make an epoll"))?;
    let waker = Waker::new(poll.registry(), CONTROL).map_err(BenchError::io("make a waker"))?;
    let commands = control::commands(move || {
        // It fails only when the process is ending.
        let _ = waker.wake();
    });
    let mut crowd = Crowd {
        spec,
        poll,
        streams: Vec::with_capacity(spec.count),
        opening: 0,
        tally: Tally::new()?,
    };
    crowd.follow(&commands)
}

impl Crowd<'_> {
    fn follow(&mut self, commands: &Receiver<Command>) -> Result<(), BenchError> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; 256 * 1024];
        let mut is_ready = false;
        loop {
            while self.streams.len() < self.spec.count && self.opening < OPENING {
                self.open_next()?;
            }
            if !is_ready && self.opening == 0 {
                is_ready = true;
                control::tell(&Answer::Ready)?;
            }
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other.map_err(BenchError::io("wait for streams"))?,
            }
            for event in &events {
                if event.token() == CONTROL {
                    self.obey(commands)?;
                } else {
                    self.advance(event.token().0, &mut buffer)?;
                }
            }
        }
    }

    fn open_next(&mut self) -> Result<(), BenchError> {
        let number = self.streams.len();
        let mut socket =
            connect(self.spec.server, number).map_err(BenchError::io("open a connection"))?;
        self.poll
            .registry()
            .register(
                &mut socket,
                Token(number),
                Interest::READABLE | Interest::WRITABLE,
            )
            .map_err(BenchError::io("watch a connection"))?;
        self.streams.push(Stream {
            socket,
            stage: Stage::Connecting,
            scanner: Scanner::default(),
            next: self.spec.first,
        });
        self.opening += 1;
        Ok(())
    }

    fn obey(&mut self, commands: &Receiver<Command>) -> Result<(), BenchError> {
        for command in commands.try_iter() {
            match command {
                Command::Mark => self.tally.mark(),
                Command::Report => {
                    let open = self
                        .streams
                        .iter()
                        .filter(|stream| !matches!(stream.stage, Stage::Closed));
                    let open = u64::try_from(open.count()).unwrap_or(u64::MAX);
                    let lowest = self.streams.iter().map(|stream| stream.next).min();
                    let report = self.tally.report(open, lowest.unwrap_or(0));
                    control::tell(&Answer::Report(Box::new(report)))?;
                }
            }
        }
        Ok(())
    }

    /// Something happened on a stream.
    fn advance(&mut self, number: usize, buffer: &mut [u8]) -> Result<(), BenchError> {
        let Some(stream) = self.streams.get_mut(number) else {
            return Ok(());
        };
        if matches!(stream.stage, Stage::Connecting) {
            if let Some(error) = stream
                .socket
                .take_error()
                .map_err(BenchError::io("look at a connection"))?
            {
                return Err(BenchError::io("connect to the server")(error));
            }
            if stream.socket.peer_addr().is_err() {
                return Ok(());
            }
            let request = self.spec.request.replace("{i}", &number.to_string());
            // A fresh socket's buffer takes a request whole.
            stream
                .socket
                .write_all(request.as_bytes())
                .map_err(BenchError::io("send a request"))?;
            stream.stage = Stage::Head(Vec::new());
        }
        self.read(number, buffer)
    }

    fn read(&mut self, number: usize, buffer: &mut [u8]) -> Result<(), BenchError> {
        let Some(stream) = self.streams.get_mut(number) else {
            return Ok(());
        };
        loop {
            if !self.spec.reads && matches!(stream.stage, Stage::Body(_)) {
                return Ok(());
            }
            let length = match stream.socket.read(buffer) {
                Ok(0) => return self.ended(number),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return self.ended(number),
            };
            let piece = buffer.get(..length).unwrap_or_default();
            self.tally.reads += 1;
            self.tally.bytes += u64::try_from(length).unwrap_or(0);
            if stream.take(piece, &mut self.tally)? {
                self.opening -= 1;
            }
            // A short read has emptied the socket (epoll(7)), and the next arrival is a new event.
            if length < buffer.len() {
                return Ok(());
            }
        }
    }

    fn ended(&mut self, number: usize) -> Result<(), BenchError> {
        let Some(stream) = self.streams.get_mut(number) else {
            return Ok(());
        };
        if matches!(stream.stage, Stage::Connecting | Stage::Head(_)) {
            return Err(BenchError::peer(
                "server",
                "it closed a connection instead of answering",
            ));
        }
        // A second event of the same end is none.
        if !matches!(stream.stage, Stage::Closed) {
            stream.stage = Stage::Closed;
            self.tally.closed += 1;
        }
        Ok(())
    }
}

impl Stream {
    /// Takes what was read. Whether that was the end of the head.
    fn take(&mut self, piece: &[u8], tally: &mut Tally) -> Result<bool, BenchError> {
        let Stage::Head(head) = &mut self.stage else {
            self.lines(piece, tally);
            return Ok(false);
        };
        head.extend_from_slice(piece);
        let Some(end) = memchr::memmem::find(head, b"\r\n\r\n") else {
            return Ok(false);
        };
        let rest = head.split_off(end + 4);
        let text = String::from_utf8_lossy(head).to_ascii_lowercase();
        if !text.starts_with("http/1.1 200") {
            let line = text.lines().next().unwrap_or_default();
            return Err(BenchError::peer(
                "server",
                format!("it answered `{line}` to a viewer"),
            ));
        }
        self.stage = Stage::Body(Body::after(&text));
        self.lines(&rest, tally);
        Ok(true)
    }

    fn lines(&mut self, piece: &[u8], tally: &mut Tally) {
        let Self {
            stage: Stage::Body(body),
            scanner,
            next,
            ..
        } = self
        else {
            return;
        };
        let now = now_ns();
        body.feed(piece, |data| {
            scanner.feed(data, |number, at| {
                *next = tally.line(*next, number, at, now);
            });
        });
        // A clean end on a connection that stays open is an end too.
        if body.is_over() {
            self.stage = Stage::Closed;
            tally.closed += 1;
        }
    }
}

fn connect(server: SocketAddr, number: usize) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    let source = u8::try_from(number % usize::from(SOURCES)).unwrap_or(0);
    socket.bind(&SockAddr::from(SocketAddr::from((
        Ipv4Addr::new(127, 0, 0, 2 + source),
        0,
    ))))?;
    match socket.connect(&SockAddr::from(server)) {
        // EINPROGRESS: the end of it is an event.
        Err(error)
            if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
        other => other?,
    }
    Ok(TcpStream::from_std(socket.into()))
}
