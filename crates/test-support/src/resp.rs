//! A tiny Redis client. With it, tests look into Redis without the code under test.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A reply of Redis (RESP2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// No value.
    Nil,
    /// A number.
    Int(i64),
    /// A simple or bulk string.
    Bytes(Vec<u8>),
    /// An error: its code, then its text.
    Error(String),
    /// A list.
    Array(Vec<Value>),
}

impl Value {
    /// The text of a string.
    ///
    /// # Panics
    /// If it is not a string.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => panic!("not a string: {other:?}"),
        }
    }

    /// The value of a number, or of a string that holds one.
    ///
    /// # Panics
    /// If it is not a number.
    #[must_use]
    pub fn int(&self) -> i64 {
        match self {
            Self::Int(number) => *number,
            other => other.text().parse().expect("a number"),
        }
    }

    /// The items of a list.
    ///
    /// # Panics
    /// If it is not a list.
    #[must_use]
    pub fn array(self) -> Vec<Self> {
        match self {
            Self::Array(items) => items,
            other => panic!("not a list: {other:?}"),
        }
    }
}

/// One connection to Redis.
#[derive(Debug)]
pub struct RespClient {
    stream: BufReader<TcpStream>,
}

impl RespClient {
    /// Connects to a server.
    ///
    /// # Errors
    /// If no server is listening.
    pub async fn connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Sends one command and waits for its reply, which may be an error.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn try_command<A: AsRef<[u8]>>(&mut self, command: &[A]) -> std::io::Result<Value> {
        self.send(command).await?;
        read_value(&mut self.stream).await
    }

    /// Sends one command and waits for its reply.
    ///
    /// # Panics
    /// If the connection breaks, or if the reply is an error.
    pub async fn command<A: AsRef<[u8]>>(&mut self, command: &[A]) -> Value {
        match self.try_command(command).await.expect("a reply from Redis") {
            Value::Error(error) => panic!("Redis answered {error}"),
            value => value,
        }
    }

    /// Sends many commands at once and waits for all replies.
    ///
    /// # Panics
    /// The connection broke, or a reply is an error.
    pub async fn pipeline(&mut self, commands: &[Vec<Vec<u8>>]) -> Vec<Value> {
        let request: Vec<u8> = commands.iter().flat_map(|c| encode(c)).collect();
        let writing = self.stream.get_mut().write_all(&request);
        writing.await.expect("a connection to Redis");
        let mut replies = Vec::with_capacity(commands.len());
        for _ in commands {
            let reply = read_value(&mut self.stream).await;
            replies.push(match reply.expect("a reply from Redis") {
                Value::Error(error) => panic!("Redis answered {error}"),
                value => value,
            });
        }
        replies
    }

    /// Sends one command. Read its reply with [`RespClient::next`].
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn send<A: AsRef<[u8]>>(&mut self, command: &[A]) -> std::io::Result<()> {
        let request = encode(command);
        self.stream.get_mut().write_all(&request).await
    }

    /// The next reply, or the next message of a subscription.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn next(&mut self) -> std::io::Result<Value> {
        read_value(&mut self.stream).await
    }
}

fn encode<A: AsRef<[u8]>>(command: &[A]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", command.len()).into_bytes();
    for part in command {
        let part = part.as_ref();
        request.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        request.extend_from_slice(part);
        request.extend_from_slice(b"\r\n");
    }
    request
}

type Reading<'a> = Pin<Box<dyn Future<Output = std::io::Result<Value>> + Send + 'a>>;

fn read_value(stream: &mut BufReader<TcpStream>) -> Reading<'_> {
    Box::pin(async move {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let (kind, rest) = line.trim_end().split_at(1);
        Ok(match (kind, rest) {
            ("+", text) => Value::Bytes(text.into()),
            ("-", error) => Value::Error(error.into()),
            (":", number) => Value::Int(number.parse().unwrap()),
            ("$" | "*", "-1") => Value::Nil,
            ("$", length) => {
                let mut bytes = vec![0; length.parse::<usize>().unwrap() + 2];
                stream.read_exact(&mut bytes).await?;
                bytes.truncate(bytes.len() - 2);
                Value::Bytes(bytes)
            }
            ("*", length) => {
                let mut items = Vec::new();
                for _ in 0..length.parse::<usize>().unwrap() {
                    items.push(read_value(stream).await?);
                }
                Value::Array(items)
            }
            _ => panic!("not RESP2: {line:?}"),
        })
    })
}
