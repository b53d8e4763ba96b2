//! A connection as its server knows it, so that it can be ended over another connection.

use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::types::config::Server;
use fred::types::{ClusterHash, CustomCommand, FromValue, Value};
use tokio::time::timeout;

use super::fault::Fault;
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
    /// Asks for a client's connections. Nothing is found where the server does not tell.
    pub(super) async fn find_all(client: &Client) -> Result<Vec<Self>, Error> {
        let mut peers = Vec::new();
        for server in client.active_connections() {
            let asked = ask::<String>(client, &server, vec!["INFO".into()]);
            match timeout(PATIENCE, asked).await {
                Ok(Ok(info)) => peers.extend(Self::parse(server, &info)),
                Ok(Err(error))
                    if matches!(Fault::from(error.clone()), Fault::ConnectionLost(_)) =>
                {
                    return Err(error);
                }
                Ok(Err(error)) => {
                    tracing::info!(%error, "the server refuses CLIENT INFO");
                }
                Err(_) => return Err(timed_out()),
            }
        }
        Ok(peers)
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

    /// Ends the connection, if the server still has it and `client` reaches that server.
    pub(super) async fn end(&self, client: &Client) -> Result<(), Error> {
        if !client.active_connections().contains(&self.server) {
            return Ok(());
        }
        let this = ["KILL", "ID", &self.id, "ADDR", &self.addr].map(Value::from);
        let ended: i64 = ask(client, &self.server, this.into()).await?;
        tracing::debug!(ended, "the former connection is ended");
        Ok(())
    }
}

/// Sends a `CLIENT` command to one server. fred's own methods cannot choose the node of a cluster.
async fn ask<T: FromValue>(
    client: &Client,
    server: &Server,
    arguments: Vec<Value>,
) -> Result<T, Error> {
    let command = CustomCommand::new_static("CLIENT", ClusterHash::FirstKey, false);
    if client.is_clustered() {
        let node = client.with_cluster_node(server);
        return node.custom(command, arguments).await;
    }
    client.custom(command, arguments).await
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
