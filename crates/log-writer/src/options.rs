//! The options of a writer, with their defaults and the reasons for them.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};

use crate::line_options::LineOptions;

/// All options of a writer, except the stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct WriterOptions {
    /// How bytes become lines.
    pub lines: LineOptions,
    /// How much may wait for the store, and how long the build waits.
    pub buffer: BufferOptions,
    /// How lines are batched for the store.
    pub batch: BatchOptions,
    /// What happens while the store is unreachable.
    pub retry: RetryOptions,
}

impl WriterOptions {
    /// Sets [`WriterOptions::lines`].
    #[must_use]
    pub const fn lines(mut self, lines: LineOptions) -> Self {
        self.lines = lines;
        self
    }

    /// Sets [`WriterOptions::buffer`].
    #[must_use]
    pub const fn buffer(mut self, buffer: BufferOptions) -> Self {
        self.buffer = buffer;
        self
    }

    /// Sets [`WriterOptions::batch`].
    #[must_use]
    pub const fn batch(mut self, batch: BatchOptions) -> Self {
        self.batch = batch;
        self
    }

    /// Sets [`WriterOptions::retry`].
    #[must_use]
    pub const fn retry(mut self, retry: RetryOptions) -> Self {
        self.retry = retry;
        self
    }
}

/// How much may wait for the store, and how long the build waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BufferOptions {
    /// The most bytes that may wait for the store or for its answer. Each line counts with its overhead. The last write
    /// into the buffer may go beyond this, by at most 8 KiB for each channel.
    pub capacity: usize,
    /// The longest time that a write to a full buffer waits while the store takes nothing. After this time lines are
    /// dropped until half of the buffer is free, and a `system` line in their place says how many are missing. With zero
    /// lines are dropped at once.
    pub max_block: Duration,
}

impl Default for BufferOptions {
    /// 8 MiB, which is the output of a busy build for some minutes, and 30 s.
    fn default() -> Self {
        Self {
            capacity: 8 * 1024 * 1024,
            max_block: Duration::from_secs(30),
        }
    }
}

impl BufferOptions {
    /// Sets [`BufferOptions::capacity`].
    #[must_use]
    pub const fn capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }

    /// Sets [`BufferOptions::max_block`].
    #[must_use]
    pub const fn max_block(mut self, max_block: Duration) -> Self {
        self.max_block = max_block;
        self
    }
}

/// How lines are batched for the store. The first line after a silence is sent at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchOptions {
    /// The most lines in one append.
    pub lines: usize,
    /// The most bytes in one append. A longer line is sent alone.
    pub bytes: usize,
    /// The shortest time between two appends that are not full. A viewer can see this time as a delay.
    pub interval: Duration,
}

impl Default for BatchOptions {
    /// 500 lines, 256 KiB, 50 ms. So a slow build makes at most twenty appends a second.
    fn default() -> Self {
        Self {
            lines: 500,
            bytes: 256 * 1024,
            interval: Duration::from_millis(50),
        }
    }
}

impl BatchOptions {
    /// Sets [`BatchOptions::lines`].
    #[must_use]
    pub const fn lines(mut self, lines: usize) -> Self {
        self.lines = lines;
        self
    }

    /// Sets [`BatchOptions::bytes`].
    #[must_use]
    pub const fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Sets [`BatchOptions::interval`].
    #[must_use]
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }
}

/// What happens while the store is unreachable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryOptions {
    /// The first pause. Each further pause is twice as long.
    pub initial_backoff: Duration,
    /// The longest pause.
    pub max_backoff: Duration,
    /// How long a flush, the end of the writer, and each change of the job's status try before they give up.
    pub give_up_after: Duration,
}

impl Default for RetryOptions {
    /// 100 ms to 2 s, for 90 s. So an outage of a minute costs nothing, even at the end of a build.
    fn default() -> Self {
        Self {
            initial_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(2),
            give_up_after: Duration::from_secs(90),
        }
    }
}

impl RetryOptions {
    /// Sets [`RetryOptions::initial_backoff`].
    #[must_use]
    pub const fn initial_backoff(mut self, initial_backoff: Duration) -> Self {
        self.initial_backoff = initial_backoff;
        self
    }

    /// Sets [`RetryOptions::max_backoff`].
    #[must_use]
    pub const fn max_backoff(mut self, max_backoff: Duration) -> Self {
        self.max_backoff = max_backoff;
        self
    }

    /// Sets [`RetryOptions::give_up_after`].
    #[must_use]
    pub const fn give_up_after(mut self, give_up_after: Duration) -> Self {
        self.give_up_after = give_up_after;
        self
    }
}

impl RetryOptions {
    /// The pauses between attempts. They never end.
    pub(crate) fn pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        ExponentialBuilder::new()
            .with_min_delay(self.initial_backoff.min(self.max_backoff))
            .with_max_delay(self.max_backoff)
            .without_max_times()
            .build()
            .chain(std::iter::repeat(self.max_backoff))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_maximum() {
        let pauses = RetryOptions::default().pauses().take(7);
        let pauses: Vec<u128> = pauses.map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 2000, 2000]);
    }
}
