//! A Redis Cluster: one node of ours for each master, the map of slots, and the ways of a question through both.
//!
//! fred has a router for clusters, which is not used: where a slot moves, it gives replies to the wrong question
//! ([ADR 24](../../../../docs/adr/0024-cluster-connections.md)).
//!
//! - `MOVED` changes the map at once and asks for a new one. `ASK` is followed for this one operation: each command goes to
//!   the node named with an `ASKING` right before it.
//! - A master that is away concerns its own slots only. An operation that waits for it goes elsewhere as soon as the map
//!   says that another node has its slot.

use std::sync::Arc;
use std::time::Duration;

use fred::types::config::Server;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::cluster_nodes::ClusterInner;
use super::cluster_view;
use super::fault::{Fault, Redirection};
use super::node::{Node, Purpose};
use super::node_options::NodeOptions;
use super::session::Session;
use super::slot_map::{named, slot_of};
use super::tasks::spawn_background;
use super::verdict::{Served, Verdict, unusable_because};

/// The pause before an operation is tried again that the cluster has not carried out.
const RETRY_PAUSE: Duration = Duration::from_millis(30);

/// After so many redirections of one operation there is a pause between them.
const QUICK_REDIRECTIONS: u32 = 4;

/// The masters of a cluster. Cheap to clone.
#[derive(Debug)]
pub(super) struct Cluster {
    inner: Arc<ClusterInner>,
    /// Keeps the map up to date.
    _task: AbortOnDropHandle<()>,
}

impl Cluster {
    /// Begins to ask for the map.
    pub(super) fn start(seeds: Vec<Server>, options: NodeOptions) -> Self {
        let inner = Arc::new(ClusterInner::new(seeds, options));
        let task = cluster_view::keep(Arc::clone(&inner));
        Self {
            inner,
            _task: spawn_background("cluster map", task),
        }
    }

    pub(super) async fn read<T, F, A>(
        &self,
        purpose: Purpose,
        key: &str,
        mut attempt: A,
    ) -> Result<T, Fault>
    where
        A: FnMut(Session) -> F,
        F: Future<Output = Result<T, Fault>>,
    {
        let mut route = Route::new(&self.inner, key);
        loop {
            let (node, asks) = route.next(purpose).await?;
            let connection = node.connection(purpose);
            let outcome = if asks {
                let asking = |session: Session| attempt(session.asking());
                connection.read_until(route.end, asking).await
            } else {
                tokio::select! {
                    biased;
                    outcome = connection.read_until(route.end, &mut attempt) => outcome,
                    () = route.has_moved() => continue,
                }
            };
            if let Some(done) = route.next_step(outcome).await {
                return done;
            }
        }
    }

    pub(super) async fn write<T, F, A>(&self, key: &str, mut attempt: A) -> Result<T, Fault>
    where
        A: FnMut(Session) -> F,
        F: Future<Output = Result<T, Fault>>,
    {
        let mut route = Route::new(&self.inner, key);
        loop {
            let (node, asks) = route.next(Purpose::Commands).await?;
            let connection = node.connection(Purpose::Commands);
            // Until it is sent, it may go elsewhere.
            tokio::select! {
                biased;
                () = connection.wait_until_connected() => {}
                () = route.has_moved(), if !asks => continue,
                () = tokio::time::sleep_until(route.end) => {}
            }
            let outcome = if asks {
                let asking = |session: Session| attempt(session.asking());
                connection.write_until(route.end, asking).await
            } else {
                connection.write_until(route.end, &mut attempt).await
            };
            if let Some(done) = route.next_step(outcome).await {
                return done;
            }
        }
    }

    /// Asks a node that is connected, or, while there is none, any other.
    pub(super) async fn read_anywhere<T, F, A>(
        &self,
        purpose: Purpose,
        attempt: A,
    ) -> Result<T, Fault>
    where
        A: FnMut(Session) -> F,
        F: Future<Output = Result<T, Fault>>,
    {
        let inner = &self.inner;
        let end = Instant::now() + inner.options.deadline;
        let mut map = inner.map.subscribe();
        let known = map.wait_for(|map| !map.masters().is_empty());
        if timeout_at(end, known).await.is_err() {
            return Err(inner.no_map());
        }
        let node = loop {
            let nodes = inner.nodes();
            let mut connected = nodes.iter().filter(|entry| entry.node.is_connected());
            if let Some(entry) = connected.next() {
                break Arc::clone(&entry.node);
            }
            if let Some(entry) = nodes.first()
                && Instant::now() + RETRY_PAUSE >= end
            {
                break Arc::clone(&entry.node);
            }
            sleep(RETRY_PAUSE).await;
        };
        node.connection(purpose).read_until(end, attempt).await
    }

    /// The node that serves a key, as far as is known.
    pub(super) fn master_of(&self, key: &str) -> Option<Arc<Node>> {
        let map = Arc::clone(&self.inner.map.borrow());
        let master = map.master(slot_of(key))?;
        Some(self.inner.node(master).node)
    }

    pub(super) fn served(&self) -> Served {
        let map = Arc::clone(&self.inner.map.borrow());
        let nodes = self.inner.nodes();
        let connected: Vec<_> = nodes
            .iter()
            .filter(|entry| entry.node.is_connected())
            .collect();
        let serves = |server: &Server| connected.iter().any(|entry| entry.share.server == *server);
        let tracks = connected
            .iter()
            .filter_map(|entry| entry.node.connection(Purpose::Watching).tracks())
            .reduce(|all, tracks| all && tracks);
        Served {
            slots: map.count(serves),
            tracks,
        }
    }

    pub(super) fn notices_flushes(&self) -> bool {
        let nodes = self.inner.nodes();
        nodes
            .iter()
            .all(|entry| entry.node.server_watch.notices_flushes())
    }

    pub(super) fn last_error(&self, purpose: Purpose) -> Option<fred::error::Error> {
        let nodes = self.inner.nodes();
        nodes
            .iter()
            .find_map(|entry| unusable_because(entry.node.connection(purpose)))
    }
}

/// The way of one operation through the cluster.
struct Route<'a> {
    inner: &'a ClusterInner,
    slot: u16,
    /// When the operation must be over.
    end: Instant,
    /// Where the operation goes, or went last.
    server: Option<Server>,
    /// The node that `ASK` has named.
    ask: Option<Server>,
    redirections: u32,
}

impl<'a> Route<'a> {
    fn new(inner: &'a ClusterInner, key: &str) -> Self {
        Self {
            inner,
            slot: slot_of(key),
            end: Instant::now() + inner.options.deadline,
            server: None,
            ask: None,
            redirections: 0,
        }
    }

    /// The node to ask next, and whether it must be asked with `ASKING`.
    async fn next(&mut self, purpose: Purpose) -> Result<(Arc<Node>, bool), Fault> {
        if let Some(server) = self.ask.take() {
            let entry = self.inner.node(&server);
            if purpose == Purpose::Watching {
                entry.share.arriving.lock().insert(self.slot);
            }
            self.server = Some(server);
            return Ok((entry.node, true));
        }
        let mut map = self.inner.map.subscribe();
        let slot = self.slot;
        let known = map.wait_for(|map| map.master(slot).is_some());
        let found = timeout_at(self.end, known).await;
        let master = found.ok().and_then(Result::ok);
        let master = master.and_then(|map| map.master(slot).cloned());
        let master = master.ok_or_else(|| self.inner.no_map())?;
        self.server = Some((*master).clone());
        Ok((self.inner.node(&master).node, false))
    }

    /// Returns when the map names another master than the one that is asked.
    async fn has_moved(&self) {
        let mut map = self.inner.map.subscribe();
        let moved = map
            .wait_for(|map| map.master(self.slot).map(|master| &**master) != self.server.as_ref());
        // The sender lives as long as the cluster.
        if moved.await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// What comes after an outcome: an answer, or another round.
    async fn next_step<T>(&mut self, outcome: Result<T, Fault>) -> Option<Result<T, Fault>> {
        let pause_fits = Instant::now() + RETRY_PAUSE < self.end;
        match Verdict::new(outcome) {
            Verdict::Done(done) => {
                if done.as_ref().is_err_and(|fault| !fault.is_answer()) {
                    self.inner.refresh.notify_one();
                }
                Some(done)
            }
            Verdict::Redirected(to) if pause_fits => {
                self.redirections += 1;
                if self.redirections > QUICK_REDIRECTIONS {
                    sleep(RETRY_PAUSE).await;
                }
                self.follow(to);
                None
            }
            Verdict::Redirected(to) => Some(Err(Fault::Redirected(to))),
            Verdict::NotYet(_) if pause_fits => {
                self.inner.refresh.notify_one();
                sleep(RETRY_PAUSE).await;
                None
            }
            Verdict::NotYet(fault) => Some(Err(fault)),
        }
    }

    fn follow(&mut self, to: Redirection) {
        let Some(asked) = &self.server else {
            return;
        };
        // A node that does not know the other's name means its own.
        let host = if to.host.is_empty() {
            &*asked.host
        } else {
            &to.host
        };
        let server = named(host, to.port, asked);
        if to.asks {
            self.ask = Some(server);
        } else {
            self.inner.note_moved(to.slot, server);
        }
    }
}
