//! A server that only pretends to be Redis, of a version that is not at hand; and a proxy that does not know `HELLO`.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy};
use tokio::net::{TcpListener, TcpStream};

/// Answers every command with what a function says. Ends with the test's runtime.
pub(crate) async fn server(answer: fn(&[String]) -> String) -> SocketAddr {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            tokio::spawn(answer_all(client, answer));
        }
    });
    address
}

/// Forwards everything to a Redis, but refuses `HELLO`. Ends with the test's runtime.
pub(crate) async fn proxy_without_hello(redis: SocketAddr) -> SocketAddr {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            tokio::spawn(forward(client, redis));
        }
    });
    address
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn answer_all(client: TcpStream, answer: fn(&[String]) -> String) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
    loop {
        let (words, _) = read_command(&mut client).await?;
        let answer = answer(&words);
        client.get_mut().write_all(answer.as_bytes()).await?;
    }
}

async fn forward(mut client: TcpStream, redis: SocketAddr) -> std::io::Result<()> {
    let mut server = TcpStream::connect(redis).await?;
    let (from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let mut from_client = BufReader::new(from_client);
    let commands = async {
        loop {
            let (words, bytes) = read_command(&mut from_client).await?;
            // Redis answers this one with the error that such a proxy gives, in its turn.
            let refused = b"*1\r\n$10\r\nNOTHELLO42\r\n".as_slice();
            let is_hello = words.first().is_some_and(|word| word == "HELLO");
            let bytes = if is_hello { refused } else { &bytes };
            to_server.write_all(bytes).await?;
        }
    };
    tokio::select! {
        ended = commands => ended,
        ended = copy(&mut from_server, &mut to_client) => ended.map(|_| ()),
    }
}

/// A command as words in capitals, and as it came: an array of strings, or, as a client begins RESP3, a line of words.
async fn read_command(
    client: &mut (impl AsyncBufReadExt + Unpin),
) -> std::io::Result<(Vec<String>, Vec<u8>)> {
    let mut bytes = Vec::new();
    let first = read_line(client, &mut bytes).await?;
    let Some(length) = first.strip_prefix('*') else {
        let words = first.split(' ').map(str::to_uppercase).collect();
        return Ok((words, bytes));
    };
    let mut words = Vec::new();
    for _ in 0..length.parse().unwrap() {
        let length: usize = read_line(client, &mut bytes).await?[1..].parse().unwrap();
        let mut word = vec![0; length + 2];
        client.read_exact(&mut word).await?;
        bytes.extend_from_slice(&word);
        word.truncate(length);
        words.push(String::from_utf8_lossy(&word).to_uppercase());
    }
    Ok((words, bytes))
}

async fn read_line(
    client: &mut (impl AsyncBufReadExt + Unpin),
    bytes: &mut Vec<u8>,
) -> std::io::Result<String> {
    let mut line = String::new();
    if client.read_line(&mut line).await? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    bytes.extend_from_slice(line.as_bytes());
    Ok(line.trim_end().to_owned())
}
