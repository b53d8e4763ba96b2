//! The connections under the API: how they are accepted, how many there may be, and when one is given up.
//!
//! This is `actix_web::HttpServer` for one plain listener, with a socket type of our own ([`Client`]), so that a stream
//! can take its socket over ([`Takeover`]). The kernel gives up a client that acknowledges or reads nothing for
//! `LOG_API_UNREAD_SECS` (`TCP_USER_TIMEOUT`, set on the listener).

mod client;
mod file_limit;
mod listener;
mod open;
mod socket;
mod takeover;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix_http::{HttpService, Request};
use actix_server::Server;
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config,
};
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Response};
use actix_web::rt::net::TcpStream;

use self::client::Client;
pub(crate) use self::open::Connections;
pub(crate) use self::socket::Socket;
pub(crate) use self::takeover::Takeover;
use crate::config::ServerSettings;

/// How many connections above the limit a worker takes to tell them so.
const TOLD_AT_ONCE: usize = 64;

/// What serves connections, where it listens, and what it counts.
pub(crate) struct Bound {
    pub(crate) server: Server,
    pub(crate) addr: SocketAddr,
    pub(crate) connections: Connections,
}

/// Binds the listener and builds the server of an application.
pub(crate) fn bind<F, I, S, B>(
    app: F,
    settings: &ServerSettings,
    closing: Duration,
) -> io::Result<Bound>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let socket = listener::listen(settings.bind, &settings.connection)?;
    let addr = socket.local_addr()?;
    let max = file_limit::connections_that_fit(settings.connection.max);
    let connections = Connections::new(max);

    let builder = Server::build()
        .workers(settings.workers)
        .max_concurrent_connections(max.saturating_add(TOLD_AT_ONCE))
        .disable_signals()
        .shutdown_timeout(closing.as_secs());
    let stopping = builder.graceful_shutdown_signal();
    let (write_buffer, half_closed) = (
        settings.connection.write_buffer,
        settings.connection.half_closed,
    );
    let counted = connections.clone();
    let server = builder.listen("log-api", socket, move || {
        let stopping = stopping.clone();
        let app = app()
            .into_factory()
            .map_err(|error| error.into().error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .h1_allow_half_closed(half_closed)
            .h1_write_buffer_size(write_buffer)
            .local_addr(addr)
            .on_connect_ext(|client: &Client, data| {
                data.insert(client.takeover());
            })
            .h1(map_config(app, |()| AppConfig::default()));
        let counted = counted.clone();
        fn_service(move |stream: TcpStream| admit(stream, counted.clone(), half_closed))
            .and_then(http)
    })?;
    Ok(Bound {
        server: server.run(),
        addr,
        connections,
    })
}

/// Takes a connection in, or tells it that there are too many.
async fn admit(
    stream: TcpStream,
    connections: Connections,
    half_closed: bool,
) -> Result<(Client, Option<SocketAddr>), actix_http::error::DispatchError> {
    let peer = stream.peer_addr().ok();
    // Frames are written whole; waiting for more of them would only delay them.
    stream.set_nodelay(true)?;
    match connections.take() {
        Some(permit) => Ok((Client::new(Socket::new(stream, permit, half_closed)), peer)),
        None => {
            client::refuse(stream).await;
            Err(actix_http::error::DispatchError::Io(
                io::ErrorKind::ConnectionRefused.into(),
            ))
        }
    }
}
