//! A connection as its server knows it, so that it can be ended over another connection.

use fred::clients::Client;
use fred::error::Error;
use fred::types::config::Server;
use tokio::time::timeout;

use super::fault::Fault;
use super::question::{Command, call};
use super::session::{PATIENCE, timed_out};

/// One connection at its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Peer {
    server: Server,
    /// The id of `CLIENT INFO`. A restarted server counts anew, so the id alone could be somebody else's connection.
    id: String,
    /// The address of our end, as the server sees it.
    addr: String,
}

impl Peer {
    /// Asks for a client's connection. Nothing is found where the server does not tell.
    pub(super) async fn find(client: &Client, server: &Server) -> Result<Option<Self>, Error> {
        match timeout(PATIENCE, call(client, Command::new("CLIENT", ["INFO"]))).await {
            Ok(Ok(info)) => {
                let info = info.as_str().unwrap_or_default();
                Ok(Self::parse(server.clone(), &info))
            }
            Ok(Err(error)) if !Fault::from(error.clone()).is_answer() => Err(error),
            Ok(Err(error)) => {
                tracing::info!(%error, "the server refuses CLIENT INFO");
                Ok(None)
            }
            Err(_) => Err(timed_out()),
        }
    }

    /// Reads a line of `CLIENT INFO`: `id=7 addr=127.0.0.1:40312 laddr=…`.
    fn parse(server: Server, info: &str) -> Option<Self> {
        let field = |name| {
            info.split_ascii_whitespace()
                .find_map(|word| word.strip_prefix(name))
        };
        Some(Self {
            id: field("id=")?.to_owned(),
            addr: field("addr=")?.to_owned(),
            server,
        })
    }

    /// Ends the connection, over a client of the same server.
    pub(super) async fn end(&self, client: &Client, server: &Server) -> Result<(), Error> {
        if self.server != *server {
            return Ok(());
        }
        let this = ["KILL", "ID", &self.id, "ADDR", &self.addr];
        let ended = call(client, Command::new("CLIENT", this)).await?;
        tracing::debug!(?ended, "the former connection is ended");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_known_by_its_id_and_address() {
        let server = Server::new("localhost", 6379);
        let info = "id=7 addr=127.0.0.1:40312 laddr=127.0.0.1:6379 fd=8 name= age=0\n";
        let peer = Peer::parse(server.clone(), info).unwrap();
        assert_eq!(
            (peer.id.as_str(), peer.addr.as_str()),
            ("7", "127.0.0.1:40312")
        );
        assert_eq!(Peer::parse(server, "OK"), None);
    }
}
