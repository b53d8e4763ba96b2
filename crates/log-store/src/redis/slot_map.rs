//! Which node of a cluster serves which slot.

use std::sync::Arc;

use fred::types::Value;
use fred::types::config::Server;
use fred::util::redis_keyslot;

use super::fault::Fault;

/// How many slots a cluster has.
pub(super) const SLOTS: u16 = 16_384;

/// The slot of a key.
pub(super) fn slot_of(key: &str) -> u16 {
    redis_keyslot(key.as_bytes())
}

/// The masters of all slots, and the other nodes that are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SlotMap {
    /// The master of each slot, as far as there is one.
    masters: Vec<Option<Arc<Server>>>,
    /// The replicas: nodes that can be asked for the map.
    pub(super) replicas: Vec<Server>,
    /// How new the view is. Of two views the one with the greater epoch is right.
    pub(super) epoch: u64,
}

impl Default for SlotMap {
    /// The map of a cluster that nobody has asked yet.
    fn default() -> Self {
        Self {
            masters: vec![None; SLOTS.into()],
            replicas: Vec::new(),
            epoch: 0,
        }
    }
}

impl SlotMap {
    /// Reads the reply of `CLUSTER SLOTS` of the node `asked`: `[first, last, [host, port, …] of the master, … of each
    /// replica]` for each range.
    pub(super) fn parse(reply: Value, asked: &Server, epoch: u64) -> Result<Self, Fault> {
        let odd = || Fault::garbled("CLUSTER SLOTS is not a list of ranges");
        let Value::Array(ranges) = reply else {
            return Err(odd());
        };
        let mut map = Self {
            epoch,
            ..Self::default()
        };
        for range in ranges {
            let Value::Array(parts) = range else {
                return Err(odd());
            };
            let [first, last, nodes @ ..] = parts.as_slice() else {
                return Err(odd());
            };
            let slot = |value: &Value| value.as_u64().and_then(|slot| u16::try_from(slot).ok());
            let (Some(first), Some(last)) = (slot(first), slot(last)) else {
                return Err(odd());
            };
            let mut nodes = nodes.iter().map(|node| address(node, asked));
            let master = nodes.next().flatten().map(Arc::new);
            let slots = map.masters.iter_mut().take(usize::from(last) + 1);
            slots
                .skip(first.into())
                .for_each(|slot| slot.clone_from(&master));
            map.replicas.extend(nodes.flatten());
        }
        map.replicas.sort();
        map.replicas.dedup();
        Ok(map)
    }

    /// The master of a slot.
    pub(super) fn master(&self, slot: u16) -> Option<&Arc<Server>> {
        self.masters.get(usize::from(slot))?.as_ref()
    }

    /// This map with another master of one slot.
    pub(super) fn with_master(&self, slot: u16, master: Server) -> Self {
        let mut map = self.clone();
        if let Some(entry) = map.masters.get_mut(usize::from(slot)) {
            *entry = Some(Arc::new(master));
        }
        map
    }

    /// All masters, each once.
    pub(super) fn masters(&self) -> Vec<Server> {
        let mut masters: Vec<Server> = Vec::new();
        for master in self.masters.iter().flatten() {
            // Neighbours mostly have the same one.
            if masters.last() != Some(&**master) && !masters.contains(master) {
                masters.push((**master).clone());
            }
        }
        masters
    }

    /// The slots whose master is not the same in another map.
    pub(super) fn changed_slots(&self, other: &Self) -> Vec<u16> {
        let differs = |slot: &u16| self.master(*slot) != other.master(*slot);
        (0..SLOTS).filter(differs).collect()
    }

    /// How many slots have a master for which this holds.
    pub(super) fn count(&self, holds: impl Fn(&Server) -> bool) -> u16 {
        let masters = self.masters();
        let good: Vec<_> = masters.iter().filter(|master| holds(master)).collect();
        let is_good = |master: &&Arc<Server>| good.contains(&&***master);
        let count = self.masters.iter().flatten().filter(is_good).count();
        u16::try_from(count).unwrap_or(SLOTS)
    }
}

/// The address of a node. A node that does not know its own name means the one it was asked by.
fn address(node: &Value, asked: &Server) -> Option<Server> {
    let Value::Array(parts) = node else {
        return None;
    };
    let port = u16::try_from(parts.get(1)?.as_u64()?).ok()?;
    let host = match parts.first()? {
        Value::Null => asked.host.to_string(),
        host => host.as_string()?,
    };
    match host.as_str() {
        // An unknown name.
        "?" => None,
        "" => Some(named(&asked.host, port, asked)),
        host => Some(named(host, port, asked)),
    }
}

/// A server beside another one, with what that one's certificate is to say.
pub(super) fn named(host: &str, port: u16, beside: &Server) -> Server {
    let mut server = beside.clone();
    server.host = host.into();
    server.port = port;
    server
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array<const N: usize>(items: [Value; N]) -> Value {
        Value::Array(items.into())
    }

    fn node(host: Value, port: i64) -> Value {
        array([host, port.into(), "id".into()])
    }

    #[test]
    fn each_slot_has_the_master_of_its_range() {
        let asked = Server::new("asked", 1);
        let reply = array([
            array([
                0.into(),
                99.into(),
                node("a".into(), 7),
                node("b".into(), 8),
            ]),
            array([200.into(), 16_383.into(), node(Value::Null, 9)]),
        ]);
        let map = SlotMap::parse(reply, &asked, 4).unwrap();
        let (a, own) = (Server::new("a", 7), Server::new("asked", 9));
        assert_eq!(map.master(99).map(|master| &**master), Some(&a));
        assert_eq!(map.master(100), None);
        assert_eq!(map.master(16_383).map(|master| &**master), Some(&own));
        assert_eq!(map.replicas, [Server::new("b", 8)]);
        assert_eq!(map.masters(), [a.clone(), own.clone()]);
        assert_eq!(map.count(|master| *master == a), 100);
        let moved = map.with_master(3, own);
        assert_eq!(moved.changed_slots(&map), [3]);
    }

    #[test]
    fn a_reply_that_is_no_list_of_ranges_is_no_map() {
        let asked = Server::new("asked", 1);
        for reply in ["OK".into(), array([0.into()]), array([array([0.into()])])] {
            assert!(matches!(
                SlotMap::parse(reply, &asked, 1),
                Err(Fault::Garbled(_))
            ));
        }
    }

    #[test]
    fn a_hash_tag_decides_the_slot() {
        assert_eq!(slot_of("job:{a}:logs"), slot_of("a"));
        assert_ne!(slot_of("job:a:logs"), slot_of("job:a"));
    }
}
