//! Reading typed values, and gathering everything that is wrong, so that one start names all of it.

use std::fmt::Display;
use std::num::NonZero;
use std::str::FromStr;
use std::time::Duration;

use super::env::Env;

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The name of the variable.
    pub key: &'static str,
    /// What is wrong, and what to do.
    pub rule: String,
}

/// The settings cannot be used; all that is wrong is named at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration cannot be used:{}", list(.problems))]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}

fn list(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(|Problem { key, rule }| format!("\n  {key}: {rule}"))
        .collect()
}

/// Reads settings one by one and remembers what is wrong with them.
pub(super) struct Reader<'a> {
    env: &'a dyn Env,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(env: &'a dyn Env) -> Self {
        Self {
            env,
            problems: Vec::new(),
        }
    }

    pub(super) fn text(&self, key: &'static str) -> Option<String> {
        self.env.get(key).map(|value| value.trim().to_owned())
    }

    pub(super) fn problem(&mut self, key: &'static str, rule: impl Display) {
        self.problems.push(Problem {
            key,
            rule: rule.to_string(),
        });
    }

    /// A value that parses, or its default.
    pub(super) fn parsed<T: FromStr>(&mut self, key: &'static str, default: T, rule: &str) -> T {
        self.optional(key, rule).unwrap_or(default)
    }

    /// A value that parses, if it is set.
    pub(super) fn optional<T: FromStr>(&mut self, key: &'static str, rule: &str) -> Option<T> {
        let text = self.text(key)?;
        let value = text.parse().ok();
        if value.is_none() {
            // The value itself is not repeated: it may be a secret in the wrong place.
            self.problem(key, rule);
        }
        value
    }

    /// A number of seconds or milliseconds within bounds, both included.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
        default: Duration,
        unit: Unit,
        bounds: std::ops::RangeInclusive<u64>,
    ) -> Duration {
        let (min, max) = (bounds.start(), bounds.end());
        let rule = format!(
            "must be a whole number of {} from {min} to {max}",
            unit.name()
        );
        match self.optional::<u64>(key, &rule) {
            Some(n) if bounds.contains(&n) => unit.of(n),
            Some(_) => {
                self.problem(key, rule);
                default
            }
            None => default,
        }
    }

    /// A whole number within bounds, both included.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        default: usize,
        bounds: std::ops::RangeInclusive<usize>,
    ) -> usize {
        let rule = format!(
            "must be a whole number from {} to {}",
            bounds.start(),
            bounds.end()
        );
        match self.optional::<usize>(key, &rule) {
            Some(n) if bounds.contains(&n) => n,
            Some(_) => {
                self.problem(key, rule);
                default
            }
            None => default,
        }
    }

    /// A limit; 0 means that there is none.
    pub(super) fn limit(&mut self, key: &'static str, default: usize) -> Option<NonZero<usize>> {
        let rule = "must be a whole number, 0 for no limit";
        NonZero::new(self.parsed(key, default, rule))
    }

    /// A comma-separated list; `None` where it is not set.
    pub(super) fn commas(&self, key: &'static str) -> Option<Vec<String>> {
        let text = self.text(key)?;
        let items = text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty());
        Some(items.map(str::to_owned).collect())
    }

    /// A JSON array of strings, as the service this one replaces reads it.
    pub(super) fn json_array(&mut self, key: &'static str) -> Option<Vec<String>> {
        let text = self.text(key)?;
        let items = serde_json::from_str(&text).ok();
        if items.is_none() {
            self.problem(
                key,
                r#"must be a JSON array of strings, for example ["https://app.example.com"]"#,
            );
        }
        items
    }

    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, ConfigError> {
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(ConfigError {
                problems: self.problems,
            }),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Unit {
    Seconds,
    Milliseconds,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Milliseconds => "milliseconds",
        }
    }

    const fn of(self, n: u64) -> Duration {
        match self {
            Self::Seconds => Duration::from_secs(n),
            Self::Milliseconds => Duration::from_millis(n),
        }
    }
}
