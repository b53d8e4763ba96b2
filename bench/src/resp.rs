//! As much of Redis's protocol as a load needs: commands out, replies in. Its own, and blocking: what is measured
//! against a bare client must be one.

use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::error::BenchError;

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A status, an integer or a bulk string, as bytes.
    Text(Vec<u8>),
    /// An array.
    Array(Vec<Reply>),
    /// Null.
    Null,
    /// An error.
    Error(String),
}

impl Reply {
    /// The members of an array; of anything else, none.
    pub(crate) fn array(&self) -> &[Self] {
        match self {
            Self::Array(items) => items,
            Self::Text(_) | Self::Null | Self::Error(_) => &[],
        }
    }

    /// Its text; of anything else, none.
    pub(crate) fn text(&self) -> &[u8] {
        match self {
            Self::Text(text) => text,
            Self::Array(_) | Self::Null | Self::Error(_) => &[],
        }
    }
}

/// A command as it goes over the wire.
pub(crate) fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + words.iter().map(|word| word.len() + 16).sum::<usize>());
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// A line as an existing producer appends it.
pub(crate) fn append(key: &str, text: &str) -> Vec<u8> {
    let words = [
        "XADD",
        key,
        "*",
        "ts",
        "2026-01-01T00:00:00.000Z",
        "source",
        "stdout",
        "text",
        text,
        "phase",
        "install",
    ];
    command(&words.map(str::as_bytes))
}

/// The key of a job.
pub(crate) fn job_key(job: &str) -> String {
    format!("job:{job}")
}

/// The key of a job's log.
pub(crate) fn log_key(job: &str) -> String {
    format!("job:{job}:logs")
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Client {
    out: TcpStream,
    replies: BufReader<TcpStream>,
}

impl Client {
    /// Connects.
    pub(crate) fn connect(address: SocketAddr) -> Result<Self, BenchError> {
        let connect = || -> std::io::Result<Self> {
            let out = TcpStream::connect(address)?;
            out.set_nodelay(true)?;
            out.set_read_timeout(Some(Duration::from_secs(60)))?;
            let replies = BufReader::with_capacity(64 * 1024, out.try_clone()?);
            Ok(Self { out, replies })
        };
        connect().map_err(BenchError::io(format!("connect to Redis at {address}")))
    }

    /// Sends a command and reads its reply; an error reply is an error.
    pub(crate) fn call(&mut self, words: &[&str]) -> Result<Reply, BenchError> {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        self.send(&command(&words))?;
        self.reply()
    }

    /// Sends bytes that are whole commands.
    pub(crate) fn send(&mut self, commands: &[u8]) -> Result<(), BenchError> {
        self.out
            .write_all(commands)
            .map_err(BenchError::io("send to Redis"))
    }

    /// Reads one reply; an error reply is an error.
    pub(crate) fn reply(&mut self) -> Result<Reply, BenchError> {
        match read_reply(&mut self.replies).map_err(BenchError::io("read from Redis"))? {
            Reply::Error(said) => Err(BenchError::peer("redis-server", said)),
            reply @ (Reply::Text(_) | Reply::Array(_) | Reply::Null) => Ok(reply),
        }
    }

    /// Sends the commands in slices, pipelined, and reads all replies.
    pub(crate) fn pipeline(
        &mut self,
        commands: impl Iterator<Item = Vec<u8>>,
    ) -> Result<(), BenchError> {
        let mut commands = commands.peekable();
        while commands.peek().is_some() {
            let slice: Vec<Vec<u8>> = commands.by_ref().take(500).collect();
            self.send(&slice.concat())?;
            for _ in &slice {
                self.reply()?;
            }
        }
        Ok(())
    }

    /// A number from `INFO`.
    pub(crate) fn info(&mut self, section: &str, key: &str) -> Result<f64, BenchError> {
        let reply = self.call(&["INFO", section])?;
        let text = String::from_utf8_lossy(reply.text()).into_owned();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        let number = value.and_then(|value| value.trim().parse().ok());
        number
            .ok_or_else(|| BenchError::peer("redis-server", format!("INFO {section} has no {key}")))
    }
}

/// Reads one reply from a stream of them.
pub(crate) fn read_reply(from: &mut impl BufRead) -> std::io::Result<Reply> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let line = line.trim_end();
    let rest = line.get(1..).unwrap_or_default();
    Ok(match line.bytes().next() {
        Some(b'-') => Reply::Error(rest.to_owned()),
        Some(b'$') => match rest.parse::<usize>() {
            Ok(length) => {
                let mut text = vec![0; length + 2];
                from.read_exact(&mut text)?;
                text.truncate(length);
                Reply::Text(text)
            }
            Err(_) => Reply::Null,
        },
        Some(b'*') => match rest.parse::<usize>() {
            Ok(count) => {
                let items: std::io::Result<Vec<Reply>> =
                    (0..count).map(|_| read_reply(from)).collect();
                Reply::Array(items?)
            }
            Err(_) => Reply::Null,
        },
        _ => Reply::Text(rest.as_bytes().to_vec()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_an_array_of_bulk_strings() {
        assert_eq!(command(&[b"GET", b"k"]), b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    }

    #[test]
    fn replies_of_each_kind_are_read() {
        let wire = b"*3\r\n$2\r\nab\r\n:7\r\n$-1\r\n-ERR no\r\n";
        let mut from = BufReader::new(&wire[..]);
        let text = |text: &str| Reply::Text(text.as_bytes().to_vec());
        let array = Reply::Array(vec![text("ab"), text("7"), Reply::Null]);
        assert_eq!(read_reply(&mut from).unwrap(), array);
        assert_eq!(
            read_reply(&mut from).unwrap(),
            Reply::Error("ERR no".to_owned())
        );
    }
}
