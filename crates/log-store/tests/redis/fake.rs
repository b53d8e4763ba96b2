//! A server that only pretends to be Redis: of a version, or with a protocol, that is not at hand.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Answers every command with what a function says. Ends with the test's runtime.
pub(crate) async fn server(answer: fn(&[String]) -> String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(client, answer));
        }
    });
    address
}

async fn serve(client: TcpStream, answer: fn(&[String]) -> String) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
    loop {
        let command = command(&mut client).await?;
        let answer = answer(&command);
        client.get_mut().write_all(answer.as_bytes()).await?;
    }
}

/// A command: an array of strings, or, as a client begins RESP3, a line of words.
async fn command(client: &mut BufReader<TcpStream>) -> std::io::Result<Vec<String>> {
    let first = line(client).await?;
    let Some(length) = first.strip_prefix('*') else {
        return Ok(first.split(' ').map(str::to_uppercase).collect());
    };
    let mut command = Vec::new();
    for _ in 0..length.parse().unwrap() {
        let length: usize = line(client).await?[1..].parse().unwrap();
        let mut word = vec![0; length + 2];
        client.read_exact(&mut word).await?;
        word.truncate(length);
        command.push(String::from_utf8_lossy(&word).to_uppercase());
    }
    Ok(command)
}

async fn line(client: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut line = String::new();
    if client.read_line(&mut line).await? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}
