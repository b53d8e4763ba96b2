//! The compiled rules that say what to hide.

use std::collections::BTreeSet;
use std::fmt;

use crate::registered::Registered;

/// The compiled rules, shared by all channels.
pub(crate) struct Rules {
    /// What is registered.
    pub(crate) secrets: BTreeSet<String>,
    /// Its automata. `None` if no secret is registered.
    pub(crate) registered: Option<Registered>,
    /// Whether to look for more than registered secrets.
    pub(crate) patterns: bool,
    /// The text that replaces a secret.
    pub(crate) marker: String,
}

/// Never shows a secret.
impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = self
            .registered
            .as_ref()
            .map_or(0, |registered| registered.texts);
        f.debug_struct("Rules")
            .field("texts", &texts)
            .field("patterns", &self.patterns)
            .finish_non_exhaustive()
    }
}
