//! The server under the API: it accepts connections and limits their number.
//!
//! It does what `actix_web::HttpServer` does for one plain listener, but with a socket type of our own ([`Client`]), so
//! that a stream can take its socket over ([`super::takeover`]).

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use actix_http::{HttpService, Request};
use actix_server::Server;
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, fn_factory, fn_service,
    map_config,
};
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Response};
use actix_web::rt::net::TcpStream;
use futures_util::TryFutureExt as _;

use super::client::{self, Client};
use super::connections::Connections;
use super::socket::Socket;
use super::takeover::Takeover;
use super::{file_limit, listener};
use crate::config::ServerSettings;

/// How many connections above the limit a worker accepts at the same time to refuse them with an answer.
const REFUSED_AT_ONCE: usize = 64;

/// A server that listens and does not run yet.
pub(crate) struct Bound {
    pub(crate) server: Server,
    pub(crate) addr: SocketAddr,
    pub(crate) connections: Connections,
}

/// Binds the listener and builds the server of an application.
pub(crate) fn bind<F, I, S, B>(app: F, settings: &ServerSettings) -> io::Result<Bound>
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
        .max_concurrent_connections(max.saturating_add(REFUSED_AT_ONCE))
        .disable_signals()
        // How long connections may take to end at a stop is up to the application.
        .shutdown_timeout(settings.shutdown.as_secs().max(1));
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
        fn_factory(move || {
            let (http, counted) = (http.new_service(()), counted.clone());
            http.map_ok(move |http| {
                let http = Rc::new(http);
                let serve = move |stream: TcpStream| {
                    serve(stream, counted.clone(), half_closed, http.clone())
                };
                fn_service(serve)
            })
        })
    })?;
    Ok(Bound {
        server: server.run(),
        addr,
        connections,
    })
}

/// Serves a connection until its end, or refuses it with an answer if there are too many.
async fn serve<H>(
    stream: TcpStream,
    connections: Connections,
    half_closed: bool,
    http: Rc<H>,
) -> io::Result<()>
where
    H: Service<(Client, Option<SocketAddr>)>,
{
    let peer = stream.peer_addr().ok();
    // Frames are written whole: waiting for more of them would only delay them.
    stream.set_nodelay(true)?;
    let Some(permit) = connections.permit() else {
        client::refuse(stream).await;
        return Ok(());
    };
    let mut socket = Socket::new(stream, permit, half_closed);
    loop {
        let takeover = Takeover::default();
        let client = Client::new(socket, takeover.clone());
        // In a box, so that its memory is free while a stream has the connection. How it ends does not matter: a client
        // that has left is not an error.
        let _ = Box::pin(http.call((client, peer))).await;
        let Some(streaming) = takeover.into_streaming() else {
            return Ok(());
        };
        let Some(given_back) = streaming.await else {
            return Ok(());
        };
        socket = given_back;
    }
}
