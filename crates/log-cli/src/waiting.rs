//! Waiting for a server: silent at first, then shown on a terminal, or said once.

use std::time::Duration;

use tokio::time::Instant;

use crate::say::Say;

/// What takes no longer is nobody's concern.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// How often a waiting command looks at its clock.
pub(crate) const TICK: Duration = Duration::from_millis(500);

/// A wait, while there is one.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    since: Option<Instant>,
    what: String,
    said: bool,
}

impl Waiting {
    /// Something is waited for, or still is.
    pub(crate) fn on(&mut self, what: impl Into<String>) {
        self.since.get_or_insert_with(Instant::now);
        self.what = what.into();
    }

    /// How long it has been.
    pub(crate) fn elapsed(&self) -> Option<Duration> {
        self.since.map(|since| since.elapsed())
    }

    /// Tells of a wait that is long.
    pub(crate) fn tick(&mut self, say: &mut Say) {
        let Some(elapsed) = self.elapsed().filter(|elapsed| *elapsed >= PATIENCE) else {
            return;
        };
        if say.is_terminal() {
            let (what, seconds) = (&self.what, elapsed.as_secs());
            say.progress(format_args!("{what} ({seconds} s)"));
        } else if !self.said {
            say.note(&self.what);
        }
        self.said = true;
    }

    /// It is over. Tells so, where the wait was told.
    pub(crate) fn over(&mut self, say: &mut Say, text: &str) {
        say.clear();
        if self.said && !say.is_terminal() {
            say.note(text);
        }
        *self = Self::default();
    }
}
