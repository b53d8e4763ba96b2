//! A tiny client of a cluster, for tests that look into it often: it keeps its connections, and knows where keys are.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::resp::{RespClient, Value};

/// How long a command may be sent to and fro.
const LIMIT: Duration = Duration::from_secs(30);

/// Connections to the nodes of a cluster. They belong to the runtime in which they were made.
#[derive(Debug)]
pub struct ClusterClient {
    /// Where a key is asked for that is not known yet.
    first: SocketAddr,
    /// The nodes that have served a key.
    known: HashMap<String, SocketAddr>,
    connections: HashMap<SocketAddr, RespClient>,
}

impl ClusterClient {
    pub(crate) fn new(first: SocketAddr) -> Self {
        Self {
            first,
            known: HashMap::new(),
            connections: HashMap::new(),
        }
    }

    /// Runs a command where its key is served, following redirections.
    ///
    /// # Panics
    /// It fails.
    pub async fn command<A: AsRef<[u8]>>(&mut self, key: &str, command: &[A]) -> Value {
        let begin = Instant::now();
        let mut node = self.known.get(key).copied().unwrap_or(self.first);
        let mut asks = false;
        loop {
            let connection = self.connection(node).await;
            if asks {
                connection.command(&["ASKING"]).await;
            }
            let error = match connection.try_command(command).await.expect("a reply") {
                Value::Error(error) => error,
                value => {
                    if !asks {
                        self.known.insert(key.to_owned(), node);
                    }
                    return value;
                }
            };
            assert!(begin.elapsed() < LIMIT, "{error}");
            let words: Vec<_> = error.split(' ').collect();
            asks = words[0] == "ASK";
            match words[0] {
                "MOVED" | "ASK" => node = words[2].parse().expect("an address"),
                "TRYAGAIN" | "CLUSTERDOWN" => sleep(Duration::from_millis(20)).await,
                _ => panic!("{error}"),
            }
        }
    }

    async fn connection(&mut self, node: SocketAddr) -> &mut RespClient {
        match self.connections.entry(node) {
            Entry::Occupied(connection) => connection.into_mut(),
            Entry::Vacant(place) => {
                let client = RespClient::connect(node).await.expect("a node listens");
                place.insert(client)
            }
        }
    }
}
