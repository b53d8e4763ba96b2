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
        let mut command = Vec::new();
        for _ in 0..number(&mut client).await? {
            let mut word = vec![0; number(&mut client).await? + 2];
            client.read_exact(&mut word).await?;
            word.truncate(word.len() - 2);
            command.push(String::from_utf8_lossy(&word).to_uppercase());
        }
        client
            .get_mut()
            .write_all(answer(&command).as_bytes())
            .await?;
    }
}

/// The number in `*3` or `$5`.
async fn number(client: &mut BufReader<TcpStream>) -> std::io::Result<usize> {
    let mut line = String::new();
    client.read_line(&mut line).await?;
    let number = line
        .trim_end()
        .get(1..)
        .and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
}
