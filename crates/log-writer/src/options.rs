//! What a writer can be told, with the defaults and their reasons.

use std::time::Duration;

use crate::lines::LineOptions;

/// Everything a writer can be told but where it writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriterOptions {
    /// How bytes become lines.
    pub lines: LineOptions,
    /// How much waits, and who waits for it.
    pub buffer: BufferOptions,
    /// How lines are gathered for the store.
    pub batch: BatchOptions,
    /// What happens while the store is away.
    pub retry: RetryOptions,
}

/// How much waits for the store, and how long the build waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferOptions {
    /// Most bytes that wait for the store or for its answer, each line counted with its overhead. What one
    /// write brings, at most 8 KiB a channel, may go beyond.
    pub capacity: usize,
    /// Longest time a write to a full buffer waits while the store takes nothing. Then lines are dropped until
    /// half the buffer is free, and a `system` line in their place says how many. Zero drops at once.
    pub max_block: Duration,
}

impl Default for BufferOptions {
    /// 8 MiB, which is some minutes of a busy build, and 30 s.
    fn default() -> Self {
        Self {
            capacity: 8 * 1024 * 1024,
            max_block: Duration::from_secs(30),
        }
    }
}

/// How lines are gathered for the store. The first line after a silence goes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchOptions {
    /// Most lines of one append.
    pub lines: usize,
    /// Most bytes of one append; a longer line goes alone.
    pub bytes: usize,
    /// Shortest time between two appends that are not full: what a viewer can see as delay.
    pub interval: Duration,
}

impl Default for BatchOptions {
    /// 500 lines, 256 KiB, 50 ms: at most twenty appends a second of a build that trickles.
    fn default() -> Self {
        Self {
            lines: 500,
            bytes: 256 * 1024,
            interval: Duration::from_millis(50),
        }
    }
}

/// What happens while the store is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryOptions {
    /// The first pause; each further one is twice as long.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// How long a flush, the end of the writer and each change of the job's status try before they give up.
    pub give_up: Duration,
}

impl Default for RetryOptions {
    /// 100 ms to 2 s, for 90 s: an outage of a minute costs nothing even at the end of a build.
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(2),
            give_up: Duration::from_secs(90),
        }
    }
}

/// The pauses between attempts.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    pub(crate) const fn new(options: &RetryOptions) -> Self {
        Self {
            next: options.first,
            longest: options.longest,
        }
    }

    /// The pause to make now.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.next.min(self.longest);
        self.next = pause.saturating_mul(2);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut backoff = Backoff::new(&RetryOptions::default());
        let pauses: Vec<u128> = (0..7).map(|_| backoff.pause().as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 2000, 2000]);
    }
}
