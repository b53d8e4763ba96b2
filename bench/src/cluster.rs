//! A Redis Cluster of three masters, in memory only.

use std::time::Duration;

use crate::bench::Bench;
use crate::error::BenchError;
use crate::resp::{Client, Reply};
use crate::server::{Server, free_address};

/// The first and the last slot of each master.
const SLOTS: [(u16, u16); 3] = [(0, 5_460), (5_461, 10_922), (10_923, 16_383)];

/// A running cluster. Dropping it ends its servers.
#[derive(Debug)]
pub(crate) struct Cluster {
    masters: Vec<Server>,
}

impl Cluster {
    /// Starts it, and waits until each master knows that all slots are served.
    pub(crate) fn start(bench: &Bench) -> Result<Self, BenchError> {
        let mut masters = Vec::new();
        let mut buses = Vec::new();
        for (low, high) in SLOTS {
            let bus = free_address()?.port();
            let options = ["--cluster-enabled", "yes", "--cluster-port"].map(str::to_owned);
            let options = options.into_iter().chain([bus.to_string()]).collect();
            let master = bench.redis_with(options)?;
            let mut client = Client::connect(master.address)?;
            let [low, high] = [low, high].map(|slot| slot.to_string());
            client.call(&["CLUSTER", "ADDSLOTSRANGE", &low, &high])?;
            masters.push(master);
            buses.push(bus);
        }
        if let Some(first) = masters.first() {
            let mut client = Client::connect(first.address)?;
            for (other, bus) in masters.iter().zip(&buses).skip(1) {
                let [port, bus] = [other.address.port(), *bus].map(|port| port.to_string());
                client.call(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus])?;
            }
        }
        let all_know = || {
            for master in &masters {
                let reply = Client::connect(master.address)?.call(&["CLUSTER", "INFO"])?;
                let text = String::from_utf8_lossy(reply.text()).into_owned();
                let is = |line: &str| text.lines().any(|other| other == line);
                if !is("cluster_state:ok") || !is("cluster_known_nodes:3") {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        let stop = &bench.stop;
        stop.until("the cluster", Duration::from_secs(20), all_know)?;
        Ok(Self { masters })
    }

    /// As `REDIS_URL` names it.
    pub(crate) fn url(&self) -> String {
        let nodes: Vec<_> = self
            .masters
            .iter()
            .map(|it| it.address.to_string())
            .collect();
        let first = nodes.first().cloned().unwrap_or_default();
        format!("redis-cluster://{first}?node={}", nodes.join("&node="))
    }

    /// Each master with the jobs whose key it has: the job's own key, or that of its log.
    pub(crate) fn owned(
        &self,
        jobs: &[String],
        key: impl Fn(&str) -> String,
    ) -> Result<Vec<(&Server, Vec<String>)>, BenchError> {
        let mut owned: Vec<_> = self.masters.iter().map(|it| (it, Vec::new())).collect();
        let Some((first, _)) = owned.first() else {
            return Ok(owned);
        };
        let mut client = Client::connect(first.address)?;
        for job in jobs {
            let reply = client.call(&["CLUSTER", "KEYSLOT", &key(job)])?;
            if let Some((_, jobs)) = owned.get_mut(place(&reply)?) {
                jobs.push(job.clone());
            }
        }
        Ok(owned)
    }
}

/// The master that serves a slot.
fn place(slot: &Reply) -> Result<usize, BenchError> {
    let slot = std::str::from_utf8(slot.text()).ok();
    let slot = slot.and_then(|slot| slot.parse::<u16>().ok());
    let serves = |slot: u16| SLOTS.iter().position(|(_, high)| slot <= *high);
    slot.and_then(serves)
        .ok_or_else(|| BenchError::peer("redis-server", "CLUSTER KEYSLOT gives no slot"))
}
