//! A tiny Redis client, so that tests look at Redis itself and not through what they test.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A reply (RESP2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Nil,
    /// A number.
    Int(i64),
    /// A simple or bulk string.
    Bytes(Vec<u8>),
    /// An error, its code first.
    Error(String),
    /// A list.
    Array(Vec<Value>),
}

impl Value {
    /// A string as text.
    ///
    /// # Panics
    /// Where it is none.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => panic!("not a string: {other:?}"),
        }
    }

    /// A number, also where it stands in a string.
    ///
    /// # Panics
    /// Where it is none.
    #[must_use]
    pub fn int(&self) -> i64 {
        match self {
            Self::Int(number) => *number,
            other => other.text().parse().expect("a number"),
        }
    }

    /// A list.
    ///
    /// # Panics
    /// Where it is none.
    #[must_use]
    pub fn array(self) -> Vec<Self> {
        match self {
            Self::Array(items) => items,
            other => panic!("not a list: {other:?}"),
        }
    }
}

/// One connection.
#[derive(Debug)]
pub struct RespClient {
    stream: BufReader<TcpStream>,
}

impl RespClient {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens.
    pub async fn connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Sends one command and waits for its reply, whatever it is.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn try_command<A: AsRef<[u8]>>(&mut self, command: &[A]) -> std::io::Result<Value> {
        self.send(command).await?;
        read_value(&mut self.stream).await
    }

    /// Sends one command and waits for its reply.
    ///
    /// # Panics
    /// The connection broke, or the reply is an error.
    pub async fn command<A: AsRef<[u8]>>(&mut self, command: &[A]) -> Value {
        match self.try_command(command).await.expect("a reply of Redis") {
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
            replies.push(match reply.expect("a reply of Redis") {
                Value::Error(error) => panic!("Redis answered {error}"),
                value => value,
            });
        }
        replies
    }

    /// Sends one command. Its reply is to be read with [`RespClient::next`].
    ///
    /// # Errors
    /// The connection broke.
    pub async fn send<A: AsRef<[u8]>>(&mut self, command: &[A]) -> std::io::Result<()> {
        let request = encode(command);
        self.stream.get_mut().write_all(&request).await
    }

    /// The next reply, or message of a subscription.
    ///
    /// # Errors
    /// The connection broke.
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
            _ => panic!("no RESP2: {line:?}"),
        })
    })
}
