//! The sweep: from time to time every watch is flagged without a reason.
//!
//! It bounds how long a change stays unseen that Redis does not push.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::registry::Registry;
use super::servers::Servers;
use super::share::Share;

/// A sweep has this many parts. They are small, because all keys of one part are read at once.
const PARTS: u32 = 256;

/// How many times longer a sweep takes while flushes are detected otherwise.
const SLOWDOWN: u32 = 10;

/// Sweeps for ever; one sweep takes `every`.
pub(super) async fn run(registry: Arc<Registry>, every: Duration, servers: Arc<Servers>) {
    loop {
        for part in 0..PARTS {
            let slowdown = if servers.notices_flushes() {
                SLOWDOWN
            } else {
                1
            };
            sleep(every / PARTS * slowdown).await;
            registry.flag_slices(&Share::Everything, part.into(), 1, PARTS.into());
        }
    }
}
