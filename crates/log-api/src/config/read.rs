//! Reads typed values by their settings. It collects every problem, so that one start names them all, and it
//! remembers the value of each setting, for `log-api config`.

use std::fmt::Display;
use std::num::NonZero;
use std::str::FromStr;
use std::time::Duration;

use super::env::Env;
use super::error::Problem;
use super::setting::{DefaultValue, Setting, Unit};

/// Reads settings one by one.
pub(super) struct Reader<'a> {
    env: &'a dyn Env,
    problems: Vec<Problem>,
    values: Vec<(&'static str, String)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(env: &'a dyn Env) -> Self {
        Self {
            env,
            problems: Vec::new(),
            values: Vec::new(),
        }
    }

    /// The text of a setting if it is set.
    pub(super) fn given(&mut self, setting: &'static Setting) -> Option<String> {
        let text = self.env.get(setting.name)?.trim().to_owned();
        if text.contains(char::REPLACEMENT_CHARACTER) {
            self.problem(setting, "is not valid UTF-8");
            return None;
        }
        Some(text)
    }

    /// The text of a setting, or its default; `None` if it has neither.
    pub(super) fn text(&mut self, setting: &'static Setting) -> Option<String> {
        let given = self.given(setting);
        let text = given.or_else(|| match setting.default {
            DefaultValue::Value(value) => Some(value.to_owned()),
            DefaultValue::Unset(_) | DefaultValue::Required { .. } => None,
        });
        self.show(setting, shown(setting, text.as_deref()));
        text
    }

    /// Says which value `log-api config` shows, if it is not the text itself.
    pub(super) fn show(&mut self, setting: &'static Setting, value: impl Into<String>) {
        let value = value.into();
        match self
            .values
            .iter_mut()
            .find(|(name, _)| *name == setting.name)
        {
            Some((_, shown)) => *shown = value,
            None => self.values.push((setting.name, value)),
        }
    }

    pub(super) fn problem(&mut self, setting: &'static Setting, rule: impl Display) {
        let problem = Problem::new(setting.name, rule);
        // Some settings are read twice.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Reports that a value breaks the rule of its setting. The value is not repeated: it may be a secret that was put
    /// in the wrong place.
    pub(super) fn broken_rule(&mut self, setting: &'static Setting) {
        self.problem(setting, format!("must be {}", setting.rule.words()));
    }

    pub(super) fn has_problem(&self, setting: &'static Setting) -> bool {
        let mut problems = self.problems.iter();
        problems.any(|problem| problem.name == setting.name)
    }

    /// A value of any type that can be parsed; `None` if there is neither a value nor a default, or if it is wrong.
    pub(super) fn parsed<T: FromStr>(&mut self, setting: &'static Setting) -> Option<T> {
        let value = self.text(setting)?.parse().ok();
        if value.is_none() {
            self.broken_rule(setting);
        }
        value
    }

    /// A whole number within the bounds of the setting; `None` if there is neither a value nor a default.
    pub(super) fn number(&mut self, setting: &'static Setting) -> Option<u64> {
        let number = self.parsed(setting)?;
        if setting.rule.bounds().contains(&number) {
            return Some(number);
        }
        self.broken_rule(setting);
        None
    }

    /// A whole number of things or bytes. 0 if it is wrong, which has then been reported.
    pub(super) fn count(&mut self, setting: &'static Setting) -> usize {
        let number = self.number(setting).unwrap_or_default();
        usize::try_from(number).unwrap_or(usize::MAX)
    }

    /// A limit; 0 means that there is none.
    pub(super) fn limit(&mut self, setting: &'static Setting) -> Option<NonZero<usize>> {
        NonZero::new(self.count(setting))
    }

    /// A time in the unit of the setting. Zero if it is wrong, which has then been reported.
    pub(super) fn duration(&mut self, setting: &'static Setting) -> Duration {
        let number = self.number(setting).unwrap_or_default();
        match setting.rule.unit() {
            Unit::Milliseconds => Duration::from_millis(number),
            Unit::Seconds | Unit::Count | Unit::Bytes => Duration::from_secs(number),
        }
    }

    /// A comma-separated list; `None` if it is not set.
    pub(super) fn list(&mut self, setting: &'static Setting) -> Option<Vec<String>> {
        let text = self.text(setting)?;
        let items = text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty());
        Some(items.map(str::to_owned).collect())
    }

    /// A JSON array of strings; `None` if it is not set or wrong.
    pub(super) fn json_array(&mut self, setting: &'static Setting) -> Option<Vec<String>> {
        let text = self.given(setting)?;
        let items = serde_json::from_str(&text).ok();
        if items.is_none() {
            self.broken_rule(setting);
        }
        items
    }

    /// The problems, and the value of each setting in the order of reading.
    pub(super) fn finish(self) -> (Vec<Problem>, Vec<(&'static str, String)>) {
        (self.problems, self.values)
    }
}

/// A value as it can be shown to anybody.
fn shown(setting: &Setting, text: Option<&str>) -> String {
    match (text, setting.default) {
        (Some(_), _) if setting.secret => "(set)".into(),
        (Some(text), _) => text.into(),
        (None, DefaultValue::Unset(meaning)) => format!("({meaning})"),
        (None, DefaultValue::Value(_) | DefaultValue::Required { .. }) => "(not set)".into(),
    }
}
