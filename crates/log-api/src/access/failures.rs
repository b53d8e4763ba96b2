//! Refused keys and tokens, counted by address. A key cannot be guessed; this keeps one who tries from costing much, and
//! shows the operator that somebody does.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How many refusals an address gets in a [`WINDOW`] before it is told to wait.
const ALLOWED: u32 = 60;

const WINDOW: Duration = Duration::from_secs(60);

/// How many addresses are remembered. Beyond it, addresses are told to wait at once: somebody uses very many.
const MAX_ADDRESSES: usize = 10_000;

/// The counts of this process.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    total: AtomicU64,
    addresses: Mutex<HashMap<IpAddr, Count>>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    since: Instant,
    failures: u32,
}

impl Failures {
    /// Counts one refusal. False if the address has had enough of them.
    pub(super) fn count(&self, from: Option<IpAddr>) -> bool {
        self.total.fetch_add(1, Ordering::Relaxed);
        let Some(from) = from else {
            return true;
        };
        let now = Instant::now();
        let mut addresses = self.addresses.lock();
        if addresses.len() >= MAX_ADDRESSES && !addresses.contains_key(&from) {
            addresses.retain(|_, count| now < count.since + WINDOW);
            if addresses.len() >= MAX_ADDRESSES {
                return false;
            }
        }
        let count = addresses.entry(from).or_insert(Count {
            since: now,
            failures: 0,
        });
        if now >= count.since + WINDOW {
            *count = Count {
                since: now,
                failures: 0,
            };
        }
        count.failures = count.failures.saturating_add(1);
        count.failures <= ALLOWED
    }

    /// How many credentials were refused since the start.
    #[cfg(feature = "server")]
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u32) -> Option<IpAddr> {
        Some(IpAddr::from(n.to_be_bytes()))
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_is_told_to_wait_until_its_minute_is_over() {
        let failures = Failures::default();
        for _ in 0..ALLOWED {
            assert!(failures.count(address(1)));
        }
        assert!(!failures.count(address(1)));
        assert!(failures.count(address(2)), "another address");
        tokio::time::advance(WINDOW).await;
        assert!(failures.count(address(1)));
        assert_eq!(failures.total(), u64::from(ALLOWED) + 3);
    }

    #[tokio::test(start_paused = true)]
    async fn the_memory_for_addresses_is_bounded() {
        let failures = Failures::default();
        for n in 0..20_000 {
            failures.count(address(n));
        }
        assert!(failures.addresses.lock().len() <= MAX_ADDRESSES);
        tokio::time::advance(WINDOW).await;
        assert!(failures.count(address(30_000)));
    }
}
