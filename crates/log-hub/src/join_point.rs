//! What a feed looked like before a read of the store began.

use crate::feed::FeedState;
use crate::ring::RingSnapshot;

/// What a feed looked like at a moment. A read of the store that begins afterwards knows of everything up to it, and may
/// know of nothing that came later.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JoinPoint {
    pub(crate) ring: RingSnapshot,
    pub(crate) version: u64,
    pub(crate) has_ended: bool,
}

impl JoinPoint {
    pub(crate) fn new(state: &FeedState) -> Self {
        Self {
            ring: state.ring.snapshot(),
            version: state.version,
            has_ended: state.end.is_some(),
        }
    }
}
