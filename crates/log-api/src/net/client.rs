//! A connection as the HTTP server sees it: a socket, until a stream takes it over.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use log_wire::{ErrorCode, ProblemBody};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::timeout;

use super::socket::Socket;
use super::takeover::Takeover;
use crate::error::ApiError;

/// How long a refused connection may take to read the answer.
const REFUSAL: Duration = Duration::from_secs(1);

/// A connection while the HTTP server has it. After a takeover every use of it fails, which makes actix drop it.
#[derive(Debug)]
pub(super) struct Client {
    socket: Option<Socket>,
    takeover: Takeover,
    received: Received,
}

impl Client {
    pub(super) fn new(socket: Socket, takeover: Takeover) -> Self {
        Self {
            socket: Some(socket),
            takeover,
            received: Received::default(),
        }
    }

    /// The handle by which a request on this connection can take it over.
    pub(super) fn takeover(&self) -> Takeover {
        self.takeover.clone()
    }

    fn socket(&mut self) -> io::Result<&mut Socket> {
        self.socket.as_mut().ok_or_else(taken_over)
    }
}

fn taken_over() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotConnected,
        "a stream has taken the connection over",
    )
}

impl AsyncRead for Client {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = self.socket()?.poll_read(cx, buf);
        self.received.note(&buf.filled()[before..]);
        read
    }
}

impl AsyncWrite for Client {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.received.answered = true;
        self.socket()?.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.received.answered = true;
        self.socket()?.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Actix flushes when it has written everything it has. At that moment the head of an answer is out.
    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(successor) = self.takeover.successor() else {
            return Poll::Ready(Ok(()));
        };
        let mut socket = self.socket.take().ok_or_else(taken_over)?;
        if !self.received.is_one_request() {
            socket.allow_no_further_request();
        }
        self.takeover.begin(successor(socket));
        Poll::Ready(Err(taken_over()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_shutdown(cx)
    }
}

/// What has come since the last answer. A client may send its next requests early; then actix has read them, and they are
/// lost at a takeover.
#[derive(Debug, Default)]
struct Received {
    /// How many heads of requests have ended.
    heads: usize,
    /// Whether the last bytes were the end of a head.
    ends_in_head: bool,
    /// Whether something was written since.
    answered: bool,
}

impl Received {
    fn note(&mut self, bytes: &[u8]) {
        const HEAD_END: &[u8] = b"\r\n\r\n";
        if bytes.is_empty() {
            return;
        }
        if std::mem::take(&mut self.answered) {
            self.heads = 0;
        }
        self.heads += bytes
            .windows(HEAD_END.len())
            .filter(|end| *end == HEAD_END)
            .count();
        self.ends_in_head = bytes.ends_with(HEAD_END);
    }

    /// Whether certainly nothing came but the head of one request.
    fn is_one_request(&self) -> bool {
        self.heads == 1 && self.ends_in_head
    }
}

/// Answers 503 without reading the request first, and closes the connection.
pub(super) async fn refuse(mut stream: TcpStream) {
    let error = ApiError::Code(ErrorCode::AtCapacity);
    let body = ProblemBody::new(ErrorCode::AtCapacity, "-").json();
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: {}\r\n\
         cache-control: no-store\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        error.retry_after().unwrap_or(1),
        body.len()
    );
    let answered = async {
        stream.write_all(&[head.as_bytes(), &body].concat()).await?;
        stream.shutdown().await?;
        // If there were unread input at the close, the kernel would throw the answer away.
        let mut request = [0; 1024];
        while stream.read(&mut request).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    // It does not matter if the client does not read the answer.
    let _ = timeout(REFUSAL, answered).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_behind_a_request_is_noticed() {
        let is_one = |reads: &[&str]| {
            let mut received = Received::default();
            for read in reads {
                received.note(read.as_bytes());
            }
            received.is_one_request()
        };
        let head = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        assert!(is_one(&[head]));
        assert!(is_one(&["GET / HTTP/1.1\r\nhost", ": x\r\n\r\n", ""]));
        assert!(!is_one(&[head, head]));
        assert!(!is_one(&[&head.repeat(2)]));
        assert!(!is_one(&[&format!("{head}body")]));
        assert!(!is_one(&[head, "GET"]));
    }

    #[test]
    fn each_request_of_a_kept_connection_counts_for_itself() {
        let mut received = Received::default();
        for _ in 0..3 {
            received.note(b"GET / HTTP/1.1\r\n\r\n");
            assert!(received.is_one_request());
            received.answered = true;
        }
    }
}
