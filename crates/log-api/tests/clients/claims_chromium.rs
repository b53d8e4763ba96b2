//! How many streams of a host Chromium follows at once, as docs/CLIENTS.md says.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::chromium::Chromium;

const PATIENCE: Duration = Duration::from_secs(60);

/// What the seventh source has as well, if it does not wait.
const MOMENT: Duration = Duration::from_secs(3);

const PAGE: &str = "<!doctype html><link rel=icon href=data:,>\
     <script>for (let n = 0; n < 7; n += 1) new EventSource(`/stream/${n}`);</script>";

/// A stream that a page has opened: its path, and the connection.
type Opened = (String, BufReader<TcpStream>);

/// Serves the page, and passes on each stream that is opened.
async fn serve(listener: TcpListener, opened: mpsc::UnboundedSender<Opened>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let opened = opened.clone();
        // A browser opens connections before it needs them.
        tokio::spawn(async move {
            if let Ok(Some(stream)) = answer(BufReader::new(stream)).await {
                let _ = opened.send(stream);
            }
        });
    }
}

async fn answer(mut stream: BufReader<TcpStream>) -> std::io::Result<Option<Opened>> {
    let mut request = String::new();
    stream.read_line(&mut request).await?;
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 2 {
        line.clear();
    }
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    if path.starts_with("/stream/") {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: open\n\n";
        stream.write_all(head.as_bytes()).await?;
        return Ok(Some((path, stream)));
    }
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{PAGE}",
        PAGE.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    Ok(None)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium_follows_six_streams_of_a_host_over_http_1_1_and_the_seventh_waits() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let page = format!("http://{}/page", listener.local_addr().unwrap());
    let (sender, mut opened) = mpsc::unbounded_channel();
    let server = tokio::spawn(serve(listener, sender));
    let _browser = Chromium::open(&[page]);
    let mut streams = Vec::new();
    while streams.len() < 6 {
        streams.push(timeout(PATIENCE, opened.recv()).await.unwrap().unwrap());
    }
    let seventh = timeout(MOMENT, opened.recv()).await;
    assert!(seventh.is_err(), "{seventh:?}");
    let paths: Vec<_> = streams.iter().map(|(path, _)| path.clone()).collect();
    streams.pop();
    let (path, _stream) = timeout(PATIENCE, opened.recv()).await.unwrap().unwrap();
    assert!(!paths.contains(&path), "{path} is new: {paths:?}");
    server.abort();
}
