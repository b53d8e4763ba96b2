//! Whether a plain address leads to one node of a cluster, which would serve a part of the jobs only.

use fred::types::Value;
use fred::types::config::Server;

use super::decode::Fields;
use super::fault::Fault;
use super::question::Command;
use super::session::Session;
use super::slot_map::{SLOTS, SlotMap};

/// Whether the server is in a cluster in which others serve slots, too.
pub(super) async fn is_one_of_many(session: &Session) -> Result<bool, Fault> {
    let hello = session.call(Command::new("HELLO", [""; 0])).await;
    let mode = match hello.map_err(Fault::from) {
        Ok(reply) => {
            let fields = Fields::from_reply(reply)?;
            fields.get("mode").and_then(Value::as_string)
        }
        Err(fault) if fault.is_answer() => None,
        Err(fault) => return Err(fault),
    };
    if mode.as_deref() != Some("cluster") {
        return Ok(false);
    }
    let slots = session.call(Command::new("CLUSTER", ["SLOTS"])).await;
    match slots.map_err(Fault::from) {
        Ok(slots) => {
            let map = SlotMap::parse(slots, &Server::new("", 0), 0)?;
            Ok(map.masters().len() != 1 || map.count(|_| true) < SLOTS)
        }
        // It does not tell, so nothing is known against it.
        Err(fault) if fault.is_answer() => Ok(false),
        Err(fault) => Err(fault),
    }
}
