//! Where settings come from: a map of names to text, so that tests need no process environment.

use std::collections::HashMap;

/// Looks a setting up by its name.
pub trait Env {
    /// The value; `None` where it is not set. A value of white space alone counts as not set.
    fn get(&self, key: &str) -> Option<String>;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnv;

impl Env for ProcessEnv {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    fn get(&self, key: &str) -> Option<String> {
        std::env::var(key)
            .ok()
            .filter(|value| !value.trim().is_empty())
    }
}

impl Env for HashMap<&str, &str> {
    fn get(&self, key: &str) -> Option<String> {
        let value = HashMap::get(self, key)?;
        (!value.trim().is_empty()).then(|| (*value).to_owned())
    }
}
