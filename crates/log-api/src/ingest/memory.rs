//! The memory of bodies that are under way, bounded for the whole process.

use std::sync::Arc;

use log_wire::ErrorCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;

/// The smallest amount that is counted.
const UNIT: usize = 4096;

/// What each body may use without being counted. The number of connections bounds the sum.
const FREE: usize = 64 * 1024;

/// What bodies may use together.
#[derive(Debug, Clone)]
pub(super) struct Memory(Arc<Semaphore>);

impl Memory {
    pub(super) fn new(bytes: usize) -> Self {
        let units = (bytes / UNIT).min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Semaphore::new(units)))
    }

    /// The part of one body: nothing yet.
    pub(super) fn part(&self) -> Part {
        Part {
            all: Arc::clone(&self.0),
            used: 0,
            held: None,
        }
    }
}

/// What one body uses. It is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Part {
    all: Arc<Semaphore>,
    used: usize,
    held: Option<OwnedSemaphorePermit>,
}

impl Part {
    /// Takes more.
    ///
    /// # Errors
    /// 503 if the bodies under way use everything: the client comes back.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), ApiError> {
        self.used = self.used.saturating_add(bytes);
        let wanted = self.used.saturating_sub(FREE).div_ceil(UNIT);
        let has = self
            .held
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = wanted.saturating_sub(has);
        if missing == 0 {
            return Ok(());
        }
        let missing = u32::try_from(missing).unwrap_or(u32::MAX);
        let more = Arc::clone(&self.all).try_acquire_many_owned(missing);
        let more = more.map_err(|_| ApiError::Code(ErrorCode::AtCapacity))?;
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
        Ok(())
    }

    /// Gives everything back.
    pub(super) fn give_back(&mut self) {
        self.used = 0;
        self.held = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_what_there_is_and_give_it_back() {
        let memory = Memory::new(1_000_000);
        let (mut one, mut other) = (memory.part(), memory.part());
        one.grow(700_000).unwrap();
        assert!(other.grow(700_000).is_err());
        drop(other);
        let mut small = memory.part();
        small.grow(FREE).unwrap();
        drop(one);
        memory.part().grow(1_000_000).unwrap();
    }
}
