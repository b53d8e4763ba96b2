//! A server that answers each connection with the next reply of a script, and records the requests.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use log_client::{Client, ClientBuilder, ClientOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with one connection.
pub(crate) enum Reply {
    /// Sends these bytes and closes the connection.
    Bytes(String),
    /// Sends an event stream with this body, and ends it properly.
    Stream(&'static str),
    /// Sends an event stream with this body, and closes the connection before its end.
    Broken(&'static str),
    /// Sends an event stream with this body, and leaves it open.
    Open(&'static str),
}

/// A response with a status, headers and a body.
pub(crate) fn response(status: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Bytes(format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    ))
}

/// The running server.
pub(crate) struct ScriptedServer {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl ScriptedServer {
    pub(crate) async fn play(replys: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let recorded = Arc::clone(&requests);
        let replys: Vec<_> = replys.into_iter().collect();
        tokio::spawn(async move {
            let mut open = Vec::new();
            for reply in replys {
                let (mut client, _) = listener.accept().await.unwrap();
                let head = head(&mut client).await;
                recorded.lock().unwrap().push(head);
                if let Some(client) = play(reply, client).await {
                    open.push(client);
                }
            }
            // Later connections get no answer.
            std::future::pending::<()>().await;
        });
        Self { address, requests }
    }

    /// The heads of all requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// A header of a request.
    pub(crate) fn header(&self, request: usize, name: &str) -> Option<String> {
        let requests = self.requests();
        requests[request].lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found
                .eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    }

    /// A client that retries after a short pause.
    pub(crate) fn builder(&self) -> ClientBuilder {
        let options = ClientOptions::default()
            .initial_backoff(Duration::from_millis(20))
            .max_backoff(Duration::from_millis(100));
        Client::builder(format!("http://{}", self.address)).options(options)
    }
}

async fn head(client: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// Plays a reply. Returns the connection if it must stay open.
async fn play(reply: Reply, mut client: TcpStream) -> Option<TcpStream> {
    let stream = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n",
            body.len()
        )
    };
    let (bytes, stays_open) = match reply {
        Reply::Bytes(bytes) => (bytes, false),
        Reply::Stream(body) => (stream(body) + "0\r\n\r\n", false),
        Reply::Broken(body) => (stream(body), false),
        Reply::Open(body) => (stream(body), true),
    };
    client.write_all(bytes.as_bytes()).await.unwrap();
    client.flush().await.unwrap();
    stays_open.then_some(client)
}
