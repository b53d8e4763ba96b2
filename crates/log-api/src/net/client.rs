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

/// One accepted connection. After a takeover every use of it fails, which makes actix drop it.
#[derive(Debug)]
pub(super) struct Client {
    socket: Option<Socket>,
    takeover: Takeover,
}

impl Client {
    pub(super) fn new(socket: Socket) -> Self {
        Self {
            socket: Some(socket),
            takeover: Takeover::default(),
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
        self.socket()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Client {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.socket()?.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
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
        let socket = self.socket.take().ok_or_else(taken_over)?;
        successor(socket);
        Poll::Ready(Err(taken_over()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_shutdown(cx)
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
