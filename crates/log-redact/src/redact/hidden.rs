//! The ranges of a text that are hidden.

use std::ops::Range;

/// Ranges in order that do not touch each other.
#[derive(Debug, Clone, Default)]
pub(super) struct HiddenRanges(Vec<Range<u64>>);

impl HiddenRanges {
    /// Adds a range. Merges it with the ranges that it touches.
    pub(super) fn add(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let first = self.0.partition_point(|hidden| hidden.end < range.start);
        let last = self.0.partition_point(|hidden| hidden.start <= range.end);
        let touched = &self.0[first..last];
        let start = touched
            .first()
            .map_or(range.start, |hidden| hidden.start.min(range.start));
        let end = touched
            .last()
            .map_or(range.end, |hidden| hidden.end.max(range.end));
        drop(self.0.splice(first..last, std::iter::once(start..end)));
    }

    /// The first range that ends after a position.
    pub(super) fn first_after(&self, position: u64) -> Option<&Range<u64>> {
        let index = self.0.partition_point(|hidden| hidden.end <= position);
        self.0.get(index)
    }

    /// Forgets the ranges before a position.
    pub(super) fn forget_before(&mut self, position: u64) {
        if self.0.first().is_some_and(|first| first.end <= position) {
            self.0.retain(|hidden| hidden.end > position);
        }
    }
}
