//! A minimal HTTP/1.1 client that shows requests and answers exactly as they are on the wire.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

/// Makes requests to one server, each over a new connection.
#[derive(Debug, Clone)]
pub struct HttpClient {
    server: SocketAddr,
    headers: Vec<(String, String)>,
}

impl HttpClient {
    /// Makes a client for a server.
    #[must_use]
    pub const fn new(server: SocketAddr) -> Self {
        Self {
            server,
            headers: Vec::new(),
        }
    }

    /// Adds a header to every request of this client.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds a bearer token to every request of this client.
    #[must_use]
    pub fn with_bearer(self, token: &str) -> Self {
        self.with_header("Authorization", &format!("Bearer {token}"))
    }

    /// Begins a `GET`.
    #[must_use]
    pub fn get(&self, target: &str) -> Request {
        self.request("GET", target)
    }

    /// Begins a request with any method.
    #[must_use]
    pub fn request(&self, method: &str, target: &str) -> Request {
        Request {
            server: self.server,
            method: method.into(),
            target: target.into(),
            headers: self.headers.clone(),
            body: Vec::new(),
            receive_buffer: None,
        }
    }
}

/// A request that has not been sent yet.
#[derive(Debug, Clone)]
pub struct Request {
    server: SocketAddr,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// The size of the socket's receive buffer, in bytes; `None` is the system's default.
    receive_buffer: Option<u32>,
}

impl Request {
    /// Adds a header, even if the request already has one with this name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Limits the socket's receive buffer. With a small one, a test behaves like a slow client; by default the system
    /// buffers megabytes on loopback.
    #[must_use]
    pub const fn receive_buffer(mut self, bytes: u32) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// Sends the request and waits for the whole answer.
    ///
    /// # Panics
    /// If the server cannot be reached, does not speak HTTP, or breaks the body off.
    pub async fn send(self) -> Answer {
        let mut response = self.open().await;
        let mut body = Vec::new();
        while let Some(piece) = response.body.next().await {
            body.extend(piece);
        }
        assert_eq!(
            response.body.end(),
            Some(BodyEnd::Whole),
            "the body was broken off"
        );
        Answer {
            status: response.status,
            headers: response.headers,
            body,
        }
    }

    /// Sends the request and waits for the head of the answer.
    ///
    /// # Panics
    /// If the server cannot be reached or does not speak HTTP.
    pub async fn open(self) -> Response {
        self.try_open()
            .await
            .expect("an answer from the server under test")
    }

    /// Sends the request and waits for the head of the answer.
    ///
    /// # Errors
    /// If the server cannot be reached, or the connection breaks before the whole head has arrived.
    pub async fn try_open(self) -> std::io::Result<Response> {
        let mut stream = self.connect().await?;
        stream.set_nodelay(true)?;
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let is_set = |name: &str| {
            self.headers
                .iter()
                .any(|(n, _)| n.eq_ignore_ascii_case(name))
        };
        if !is_set("host") {
            head += &format!("Host: {}\r\n", self.server);
        }
        if !self.body.is_empty() && !is_set("content-length") {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&self.body).await?;
        read_head(BufReader::new(stream), &self.method).await
    }

    async fn connect(&self) -> std::io::Result<TcpStream> {
        let socket = match self.server {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        if let Some(bytes) = self.receive_buffer {
            // This must come before connecting: the window is negotiated then.
            socket.set_recv_buffer_size(bytes)?;
        }
        socket.connect(self.server).await
    }
}

/// A complete answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, in the order of the answer.
    pub headers: Vec<(String, String)>,
    /// The body, without the framing of its chunks.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of the first header with this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The body as text.
    ///
    /// # Panics
    /// If it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body of text")
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is not JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let json = serde_json::from_slice(&self.body);
        json.unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text()))
    }
}

/// An answer whose body has not been read yet.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers, in the order of the answer.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

impl Response {
    /// The value of the first header with this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEnd {
    /// With its final chunk, or with all bytes of its `Content-Length`.
    Whole,
    /// The connection ended before that. `fetch()` would report an error.
    BrokenOff,
}

/// A body that is being read. Dropping it closes the connection.
#[derive(Debug)]
pub struct Body {
    stream: BufReader<TcpStream>,
    framing: Framing,
    end: Option<BodyEnd>,
}

#[derive(Debug)]
enum Framing {
    Chunked,
    Length(usize),
    UntilClosed,
}

impl Body {
    /// The next piece, or `None` at the end.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        if self.end.is_some() {
            return None;
        }
        match self.piece().await {
            Ok(Some(piece)) => Some(piece),
            Ok(None) => {
                self.end = Some(BodyEnd::Whole);
                None
            }
            Err(_) => {
                self.end = Some(BodyEnd::BrokenOff);
                None
            }
        }
    }

    /// How the body ended; `None` while it goes on.
    #[must_use]
    pub const fn end(&self) -> Option<BodyEnd> {
        self.end
    }

    async fn piece(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        match &mut self.framing {
            Framing::Length(0) => Ok(None),
            Framing::Length(rest) => {
                let piece = some_bytes(&mut self.stream, *rest).await?;
                *rest -= piece.len();
                Ok(Some(piece))
            }
            Framing::UntilClosed => match some_bytes(&mut self.stream, usize::MAX).await {
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
                piece => piece.map(Some),
            },
            Framing::Chunked => {
                let size = line(&mut self.stream).await?;
                let size = size.split(';').next().unwrap_or_default();
                let size = usize::from_str_radix(size.trim(), 16).map_err(std::io::Error::other)?;
                let mut piece = vec![0; size];
                self.stream.read_exact(&mut piece).await?;
                // The end of the chunk. After the final chunk: the end of the (empty) trailers.
                line(&mut self.stream).await?;
                Ok((size > 0).then_some(piece))
            }
        }
    }
}

async fn read_head(mut stream: BufReader<TcpStream>, method: &str) -> std::io::Result<Response> {
    let status_line = line(&mut stream).await?;
    let status = status_line.split(' ').nth(1).and_then(|s| s.parse().ok());
    let status =
        status.ok_or_else(|| std::io::Error::other(format!("not HTTP: {status_line:?}")))?;
    let mut headers = Vec::new();
    loop {
        let header = line(&mut stream).await?;
        let Some((name, value)) = header.split_once(':') else {
            break;
        };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let chunked = find(&headers, "transfer-encoding").is_some_and(|v| v.contains("chunked"));
    let length = find(&headers, "content-length").and_then(|v| v.parse().ok());
    let framing = match (chunked, length) {
        _ if method == "HEAD" || matches!(status, 100..=199 | 204 | 304) => Framing::Length(0),
        (true, _) => Framing::Chunked,
        (false, Some(length)) => Framing::Length(length),
        (false, None) => Framing::UntilClosed,
    };
    Ok(Response {
        status,
        headers,
        body: Body {
            stream,
            framing,
            end: None,
        },
    })
}

async fn line(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line).await?;
    if line.pop() != Some(b'\n') {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    line.pop_if(|byte| *byte == b'\r');
    Ok(String::from_utf8_lossy(&line).into_owned())
}

async fn some_bytes(stream: &mut BufReader<TcpStream>, most: usize) -> std::io::Result<Vec<u8>> {
    let buffered = stream.fill_buf().await?;
    let piece = buffered[..buffered.len().min(most)].to_vec();
    stream.consume(piece.len());
    if piece.is_empty() {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(piece)
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let named = headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A server that answers one request with these bytes and then closes the connection.
    async fn server_answering(bytes: &'static [u8]) -> HttpClient {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = HttpClient::new(listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            assert!(request[..read].ends_with(b"\r\n\r\n"));
            stream.write_all(bytes).await.unwrap();
        });
        client
    }

    #[tokio::test]
    async fn a_body_of_known_length_and_repeated_headers_are_read() {
        let bytes = b"HTTP/1.1 404 Not Found\r\nVary: A\r\nVary: B\r\nContent-Length: 2\r\n\r\n{}";
        let answer = server_answering(bytes).await.get("/x").send().await;
        assert_eq!((answer.status, answer.text()), (404, "{}"));
        assert_eq!(
            answer.headers.iter().filter(|(n, _)| n == "Vary").count(),
            2
        );
    }

    #[tokio::test]
    async fn a_chunked_body_is_whole_only_with_its_final_chunk() {
        let whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        assert_eq!(
            server_answering(whole).await.get("/").send().await.text(),
            "abc"
        );
        let broken = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
        let mut response = server_answering(broken).await.get("/").open().await;
        assert_eq!(response.body.next().await.unwrap(), b"abc");
        assert_eq!(response.body.end(), None);
        assert_eq!(response.body.next().await, None);
        assert_eq!(response.body.end(), Some(BodyEnd::BrokenOff));
    }
}
