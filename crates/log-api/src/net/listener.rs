//! The listening socket. Accepted sockets inherit the options that are set on it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZero;

use socket2::{Domain, Protocol, Socket, Type};

use crate::config::ConnectionSettings;

pub(super) fn listen(addr: SocketAddr, settings: &ConnectionSettings) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // So that a restart need not wait until the kernel has forgotten the old connections.
    socket.set_reuse_address(true)?;
    if let Some(bytes) = settings.send_buffer.map(NonZero::get) {
        socket.set_send_buffer_size(bytes)?;
    }
    // Ends a connection whose client acknowledges nothing, or keeps its window closed, for this long.
    socket.set_tcp_user_timeout(Some(settings.unread))?;
    socket.bind(&addr.into())?;
    socket.listen(i32::try_from(settings.backlog).unwrap_or(i32::MAX))?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accepted_socket_has_the_options_of_the_listener() {
        let settings = ConnectionSettings::default();
        let listener = listen(([127, 0, 0, 1], 0).into(), &settings).unwrap();
        listener.set_nonblocking(false).unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        // Linux doubles the size for its own bookkeeping, and reports the doubled size.
        let asked = settings.send_buffer.unwrap().get();
        let accepted = Socket::from(accepted);
        let has = accepted.send_buffer_size().unwrap();
        assert!((asked..=2 * asked).contains(&has), "{has}");
        assert_eq!(accepted.tcp_user_timeout().unwrap(), Some(settings.unread));
        drop(client);
    }
}
