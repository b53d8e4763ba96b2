//! When the state of a line that has not ended becomes a line of its own.

use std::time::Duration;

use crate::line_options::{INTERVAL, Progress};

/// How long a line may be open before its state is shown.
const PATIENCE: Duration = Duration::from_secs(2);

/// Decides when to show the state of the open line of one channel. Times count from any fixed moment.
#[derive(Debug)]
pub(crate) struct OpenClock {
    progress: Progress,
    /// When the line that is open now began. `None` if there is none.
    opened_at: Option<Duration>,
    /// When it last changed.
    changed_at: Duration,
    /// When its state was last looked at, and whether it has changed since.
    looked_at: Option<Duration>,
    changed: bool,
    /// The state that was last shown.
    shown: Option<String>,
}

impl OpenClock {
    pub(crate) const fn new(progress: Progress) -> Self {
        Self {
            progress,
            opened_at: None,
            changed_at: Duration::ZERO,
            looked_at: None,
            changed: false,
            shown: None,
        }
    }

    /// A line has ended.
    pub(crate) fn line_ended(&mut self) {
        *self = Self::new(self.progress);
    }

    /// Output came, and there is an open line now.
    pub(crate) fn line_changed(&mut self, now: Duration) {
        self.opened_at.get_or_insert(now);
        self.changed_at = now;
        self.changed = true;
    }

    /// When to look at the state of the open line. `None` as long as nothing changes.
    pub(crate) fn due(&self) -> Option<Duration> {
        let opened_at = self.opened_at.filter(|_| self.changed)?;
        let since_last = |interval| self.looked_at.map(|last| last.saturating_add(interval));
        match self.progress {
            Progress::Off => None,
            Progress::Last => {
                let silent = self.changed_at.saturating_add(PATIENCE);
                Some(since_last(INTERVAL).map_or(silent, |next| next.max(silent)))
            }
            Progress::Every(interval) => {
                let first = opened_at.saturating_add(PATIENCE);
                Some(since_last(interval).unwrap_or(first))
            }
        }
    }

    /// Takes the state of the open line, which is due. Returns it if it is to be shown.
    pub(crate) fn look(&mut self, state: String, now: Duration) -> Option<String> {
        self.changed = false;
        if state.trim().is_empty() {
            // As if the line were about to begin.
            self.opened_at = None;
            return None;
        }
        self.looked_at = Some(now);
        if self.shown.as_deref() == Some(state.as_str()) {
            return None;
        }
        self.shown = Some(state.clone());
        Some(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// The times at which states are shown, in tenths of a second, of a line that changes at some times.
    fn shown_at(progress: Progress, changes: &[u64]) -> Vec<u64> {
        let mut clock = OpenClock::new(progress);
        let mut shown = Vec::new();
        for tenth in 0..400 {
            let now = ms(100 * tenth);
            if changes.contains(&tenth) {
                clock.line_changed(now);
            }
            if clock.due().is_some_and(|due| due <= now) {
                let state = changes.iter().filter(|change| **change <= tenth).count();
                shown.extend(clock.look(state.to_string(), now).map(|_| tenth));
            }
        }
        shown
    }

    #[test]
    fn a_line_that_hangs_is_shown_once_after_two_seconds() {
        assert_eq!(shown_at(Progress::Every(INTERVAL), &[5]), [25]);
        assert_eq!(shown_at(Progress::Last, &[5]), [25]);
        assert_eq!(shown_at(Progress::Off, &[5]), [0; 0]);
    }

    #[test]
    fn a_line_that_changes_is_shown_every_interval() {
        let always: Vec<u64> = (0..250).collect();
        assert_eq!(
            shown_at(Progress::Every(INTERVAL), &always),
            [20, 120, 220, 320]
        );
        assert_eq!(
            shown_at(Progress::Every(ms(5_000)), &always),
            [20, 70, 120, 170, 220, 270]
        );
        // Its last state, when nothing more comes.
        assert_eq!(shown_at(Progress::Last, &always), [269]);
    }

    #[test]
    fn a_change_long_after_the_last_state_is_shown_at_once_or_after_a_silence() {
        assert_eq!(shown_at(Progress::Every(INTERVAL), &[0, 200]), [20, 200]);
        assert_eq!(shown_at(Progress::Last, &[0, 200]), [20, 220]);
        assert_eq!(shown_at(Progress::Last, &[0, 30]), [20, 120]);
    }

    #[test]
    fn a_state_that_is_the_same_again_is_not_shown() {
        let mut clock = OpenClock::new(Progress::Every(INTERVAL));
        clock.line_changed(ms(0));
        assert_eq!(clock.look("a".into(), ms(2_000)).as_deref(), Some("a"));
        assert_eq!(clock.due(), None);
        clock.line_changed(ms(3_000));
        assert_eq!(clock.due(), Some(ms(12_000)));
        assert_eq!(clock.look("a".into(), ms(12_000)), None);
        clock.line_changed(ms(13_000));
        assert_eq!(clock.look("b".into(), ms(22_000)).as_deref(), Some("b"));
    }

    #[test]
    fn the_next_line_begins_anew_and_so_does_one_after_a_blank_state() {
        let mut clock = OpenClock::new(Progress::Every(INTERVAL));
        clock.line_changed(ms(0));
        clock.look("a".into(), ms(2_000));
        clock.line_ended();
        assert_eq!(clock.due(), None);
        clock.line_changed(ms(2_500));
        assert_eq!(clock.due(), Some(ms(4_500)));
        assert_eq!(clock.look(" ".into(), ms(4_500)), None);
        clock.line_changed(ms(5_000));
        assert_eq!(clock.due(), Some(ms(7_000)));
    }
}
