//! The socket of one client connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connections::ConnectionPermit;

/// One accepted connection, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    _permit: ConnectionPermit,
    /// Whether a client that has closed its sending side is served on.
    half_closed: bool,
    /// Whether another request may follow after a stream.
    reusable: bool,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, permit: ConnectionPermit, half_closed: bool) -> Self {
        Self {
            stream,
            _permit: permit,
            half_closed,
            reusable: true,
        }
    }

    /// Makes this connection end with the stream that has it.
    pub(crate) fn allow_no_further_request(&mut self) {
        self.reusable = false;
    }

    /// Whether another request may follow after a stream. If the client has sent something during the stream, that is
    /// lost, so none may.
    pub(crate) fn is_reusable(&self) -> bool {
        self.reusable
    }

    /// Makes the close a reset: the client learns that the body is not complete, even if the body has no end of its own.
    pub(crate) fn close_by_reset(&self) {
        // If the socket refuses, it is closed as usual.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    /// Ready when the client has left. What the client sends is thrown away.
    pub(crate) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; 256];
        loop {
            let mut received = ReadBuf::new(&mut space);
            match self.poll_read(cx, &mut received) {
                Poll::Ready(Ok(())) if !received.filled().is_empty() => self.reusable = false,
                Poll::Ready(Ok(())) if self.half_closed => {
                    self.reusable = false;
                    return Poll::Pending;
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    pub(crate) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
