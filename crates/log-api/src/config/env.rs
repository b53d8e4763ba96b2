//! Where settings come from. It is a trait, so that tests need no process environment.

use std::collections::HashMap;

/// Environment variables.
pub trait Env {
    /// The value of a variable; `None` if it is not set. A value of white space alone counts as not set.
    fn get(&self, name: &str) -> Option<String>;

    /// The names of all variables, whether or not they have a value.
    fn names(&self) -> Vec<String>;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnv;

impl Env for ProcessEnv {
    /// Bytes that are not UTF-8 are replaced by U+FFFD; the reader refuses them.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    fn get(&self, name: &str) -> Option<String> {
        let value = std::env::var_os(name)?;
        let value = value.to_string_lossy();
        (!value.trim().is_empty()).then(|| value.into_owned())
    }

    fn names(&self) -> Vec<String> {
        // A name that is not UTF-8 is no setting.
        let names = std::env::vars_os().map(|(name, _)| name.into_string());
        names.filter_map(Result::ok).collect()
    }
}

/// An environment in which nothing is set: all settings have their defaults.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoEnv;

impl Env for NoEnv {
    fn get(&self, _name: &str) -> Option<String> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Env for HashMap<&str, &str> {
    fn get(&self, name: &str) -> Option<String> {
        let value = HashMap::get(self, name)?;
        (!value.trim().is_empty()).then(|| (*value).to_owned())
    }

    fn names(&self) -> Vec<String> {
        self.keys().map(|name| (*name).to_owned()).collect()
    }
}
