//! A client's socket: a TCP stream that can be ended from outside.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::open::{Place, Streaming};

/// One accepted connection, with its place among all.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    place: Place,
    /// Whether a client that has closed its own half may go on listening.
    half_closed: bool,
    /// Set while it is a stream's.
    _streaming: Option<Streaming>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, place: Place, half_closed: bool) -> Self {
        Self {
            stream,
            place,
            half_closed,
            _streaming: None,
        }
    }

    /// The same, counted as a stream from now on.
    pub(super) fn streaming(self) -> Self {
        let _streaming = Some(self.place.streaming());
        Self { _streaming, ..self }
    }

    /// Ready when there is nobody any more to send to: the client has left, or was given up. What it says is thrown
    /// away.
    pub(crate) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // A client that has closed its own half is given up like any other.
        self.place.switch.wakes(cx.waker());
        if self.check().is_err() {
            return Poll::Ready(());
        }
        let mut space = [0; 256];
        loop {
            let mut said = ReadBuf::new(&mut space);
            match self.poll_read(cx, &mut said) {
                Poll::Ready(Ok(())) if !said.filled().is_empty() => {}
                Poll::Ready(Ok(())) if self.half_closed => return Poll::Pending,
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Whoever serves a connection always waits for input too, so here is where it can be woken to be ended.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_pending() {
            // Before the look, or a moment between the two would be missed.
            self.place.switch.wakes(cx.waker());
            self.check()?;
        }
        read
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

    /// Fails once the connection is given up.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.place.switch.is_off() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::super::open::Connections;
    use super::*;

    #[tokio::test]
    async fn a_client_that_has_closed_its_half_is_kept_where_that_is_set_and_can_be_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let number = rustix::fs::fstat(&stream).unwrap().st_ino;
        let connections = Connections::new(1);
        let place = connections.take(&stream).unwrap().unwrap();
        let mut socket = Socket::new(stream, place, true);
        client.shutdown().await.unwrap();
        let soon = Duration::from_millis(200);
        let gone = timeout(soon, poll_fn(|cx| socket.poll_gone(cx))).await;
        assert!(gone.is_err(), "it may be listening");
        let gone = tokio::spawn(async move { poll_fn(|cx| socket.poll_gone(cx)).await });
        tokio::time::sleep(soon).await;
        connections.give_up(number);
        timeout(Duration::from_secs(5), gone)
            .await
            .unwrap()
            .unwrap();
    }
}
