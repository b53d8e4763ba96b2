//! The nodes of a cluster that there are connections to, and the map of slots.

use std::collections::HashMap;
use std::sync::Arc;

use fred::types::config::Server;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::fault::Fault;
use super::node::Node;
use super::node_options::NodeOptions;
use super::share::{Share, SlotShare};
use super::slot_map::SlotMap;

/// What the operations and the task that keeps the map share.
#[derive(Debug)]
pub(super) struct ClusterInner {
    pub(super) options: NodeOptions,
    /// The nodes of the address: where to ask when no other is known.
    pub(super) seeds: Vec<Server>,
    pub(super) map: watch::Sender<Arc<SlotMap>>,
    /// Every master, and nodes to which slots move. An entry ends some time after its node has lost its last slot.
    nodes: Mutex<HashMap<Server, ClusterNode>>,
    /// Asks for a new map.
    pub(super) refresh: Notify,
}

/// A node of ours, and what keeps its connections going.
#[derive(Debug, Clone)]
pub(super) struct ClusterNode {
    pub(super) node: Arc<Node>,
    pub(super) share: Arc<SlotShare>,
    _target: Arc<watch::Sender<Option<Server>>>,
}

impl ClusterInner {
    /// No node is known yet but the seeds.
    pub(super) fn new(seeds: Vec<Server>, options: NodeOptions) -> Self {
        Self {
            options,
            seeds,
            map: watch::Sender::new(Arc::default()),
            nodes: Mutex::default(),
            refresh: Notify::new(),
        }
    }

    /// The node of a server. It is made when it is needed first.
    pub(super) fn node(&self, server: &Server) -> ClusterNode {
        let mut nodes = self.nodes.lock();
        if let Some(entry) = nodes.get(server) {
            return entry.clone();
        }
        let share = Arc::new(SlotShare {
            server: server.clone(),
            map: self.map.subscribe(),
            arriving: Mutex::default(),
        });
        let target = watch::Sender::new(Some(server.clone()));
        let share_of_node = Share::Slots(Arc::clone(&share));
        let node = Node::start(&self.options, &target.subscribe(), &share_of_node);
        let entry = ClusterNode {
            node: Arc::new(node),
            share,
            _target: Arc::new(target),
        };
        nodes.insert(server.clone(), entry.clone());
        entry
    }

    pub(super) fn nodes(&self) -> Vec<ClusterNode> {
        self.nodes.lock().values().cloned().collect()
    }

    /// The servers that there are connections to, and the connections for commands.
    pub(super) fn connected(&self) -> Vec<(Server, Arc<Node>)> {
        let nodes = self.nodes();
        let entries = nodes.into_iter().filter(|entry| entry.node.is_connected());
        entries
            .map(|entry| (entry.share.server.clone(), entry.node))
            .collect()
    }

    /// Takes a new map: connects to its masters, and flags what is watched in slots whose master has changed.
    pub(super) fn set_map(&self, map: SlotMap) {
        let masters = map.masters();
        masters.iter().for_each(|master| {
            self.node(master);
        });
        let map = Arc::new(map);
        let before = self.map.send_replace(Arc::clone(&map));
        let changed = map.changed_slots(&before);
        if !changed.is_empty() {
            tracing::info!(slots = changed.len(), "slots have another master");
            self.options.registry.flag_slots(&changed);
        }
        self.nodes.lock().retain(|server, entry| {
            let is_used = masters.contains(server) || !entry.share.arriving.lock().is_empty();
            let arrived = |slot: &u16| map.master(*slot).is_some_and(|master| **master == *server);
            entry.share.arriving.lock().retain(|slot| !arrived(slot));
            is_used
        });
    }

    /// Notes what a node said by `MOVED`.
    pub(super) fn note_moved(&self, slot: u16, to: Server) {
        let map = Arc::clone(&self.map.borrow());
        if map.master(slot).is_none_or(|master| **master != to) {
            self.set_map(map.with_master(slot, to));
        }
        self.refresh.notify_one();
    }

    pub(super) fn no_map(&self) -> Fault {
        Fault::DeadlineExceeded {
            after: self.options.deadline,
            last: Some("no node of the cluster says who serves the key".to_owned()),
        }
    }
}
