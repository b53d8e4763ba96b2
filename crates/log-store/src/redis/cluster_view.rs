//! Keeping the map of a cluster's slots: who is asked, how often, and which of several answers is right.

use std::sync::Arc;
use std::time::Duration;

use fred::error::Error;
use fred::types::config::{Config, Server};
use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use super::client::single_client;
use super::cluster_nodes::ClusterInner;
use super::fault::Fault;
use super::question::{Command, call};
use super::slot_map::{SLOTS, SlotMap};

/// How often the map is asked for while all is well.
const EVERY: Duration = Duration::from_secs(2);

/// How often while a master is away, or a slot has none.
const EVERY_IN_TROUBLE: Duration = Duration::from_millis(250);

/// At least this long between two times, whatever happens.
const PAUSE: Duration = Duration::from_millis(50);

/// How long one node may take to answer.
const PATIENCE: Duration = Duration::from_millis(700);

/// How many nodes are asked at once.
const ASKED: usize = 5;

/// Keeps the map for ever.
pub(super) async fn keep(cluster: Arc<ClusterInner>) {
    loop {
        match best_view(&cluster).await {
            Some(view) => cluster.set_map(view),
            None => tracing::debug!("no node of the cluster answers"),
        }
        sleep(PAUSE).await;
        let connected = cluster.connected();
        let map = Arc::clone(&cluster.map.borrow());
        let serves = |server: &Server| connected.iter().any(|(other, _)| other == server);
        let pause = if map.count(serves) == SLOTS {
            EVERY
        } else {
            EVERY_IN_TROUBLE
        };
        timeout(pause, cluster.refresh.notified()).await.ok();
    }
}

/// The newest view that some node has. The masters that are connected are asked; where none of them answers, everybody
/// else is.
async fn best_view(cluster: &ClusterInner) -> Option<SlotMap> {
    let mut connected = cluster.connected();
    fastrand_order(&mut connected);
    let views = connected
        .into_iter()
        .take(ASKED)
        .map(|(server, node)| async move {
            let session = node.connection(super::node::Purpose::Commands).current()?;
            let view = timeout(PATIENCE, view(&session.client, &server)).await;
            view.ok()?.ok()
        });
    let best = newest(join_all(views).await);
    if best.is_some() {
        return best;
    }
    let map = Arc::clone(&cluster.map.borrow());
    let mut others = [cluster.seeds.clone(), map.masters(), map.replicas.clone()].concat();
    others.sort();
    others.dedup();
    let config = &cluster.options.config;
    let views = others.into_iter().map(|server| async move {
        let asked = ask_once(config.clone(), server);
        timeout(2 * PATIENCE, asked).await.ok()?.ok()
    });
    newest(join_all(views).await)
}

/// Shuffles, so that over time every node is asked.
fn fastrand_order<T>(items: &mut [T]) {
    let len = items.len();
    if len > ASKED {
        let start = std::collections::hash_map::RandomState::new();
        let turn = std::hash::BuildHasher::hash_one(&start, len);
        let turn = usize::try_from(turn % len as u64).unwrap_or(0);
        items.rotate_left(turn);
    }
}

fn newest(views: Vec<Option<SlotMap>>) -> Option<SlotMap> {
    // A node that was just started knows no slots.
    let views = views.into_iter().flatten();
    let views = views.filter(|view| view.count(|_| true) > 0);
    views.max_by_key(|view| (view.epoch, view.count(|_| true)))
}

/// Asks a node over a connection made for this.
async fn ask_once(config: Config, server: Server) -> Result<SlotMap, Fault> {
    let (client, _task) = single_client(config, &server).await?;
    view(&client, &server).await
}

/// What one node says.
async fn view(client: &fred::clients::Client, server: &Server) -> Result<SlotMap, Fault> {
    let slots = call(client, Command::new("CLUSTER", ["SLOTS"])).await?;
    let info = call(client, Command::new("CLUSTER", ["INFO"])).await;
    SlotMap::parse(slots, server, epoch(info))
}

/// The epoch that a node has reached. Where it does not tell, its view counts less than any other.
fn epoch(info: Result<fred::types::Value, Error>) -> u64 {
    let info = info.ok().and_then(|info| info.as_string());
    let mut lines = info.iter().flat_map(|info| info.lines());
    let epoch = lines.find_map(|line| line.strip_prefix("cluster_current_epoch:"));
    epoch
        .and_then(|epoch| epoch.trim().parse().ok())
        .unwrap_or(0)
}
