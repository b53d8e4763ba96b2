//! What a setting is: its name, its default, which values it takes, and one sentence that explains it.

use std::ops::RangeInclusive;

/// One setting of the service.
#[derive(Debug)]
pub struct Setting {
    /// The name of the environment variable.
    pub name: &'static str,
    /// What happens if it is not set.
    pub default: DefaultValue,
    /// Which values it takes.
    pub rule: Rule,
    /// What it is for, in plain sentences.
    pub about: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
}

/// What happens if a setting is not set.
#[derive(Debug, Clone, Copy)]
pub enum DefaultValue {
    /// This value is used.
    Value(&'static str),
    /// There is no value; the text says what the service does then.
    Unset(&'static str),
    /// The service does not start. The example is what `.env.example` proposes.
    Required {
        /// A value to begin with; may be empty.
        example: &'static str,
    },
}

/// Which values a setting takes.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// A whole number within these bounds.
    Number {
        /// What it counts.
        unit: Unit,
        /// The smallest value.
        min: u64,
        /// The greatest value.
        max: u64,
    },
    /// A whole number where 0 means "no limit".
    Limit,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Text of a form that is described in words. The words follow "must be".
    Text(&'static str),
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things, for example connections.
    Count,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

/// Settings that belong together.
#[derive(Debug)]
pub struct Group {
    /// The headline.
    pub title: &'static str,
    /// The settings, in the order of the documentation.
    pub settings: &'static [&'static Setting],
}

impl Setting {
    pub(super) const fn new(
        name: &'static str,
        default: DefaultValue,
        rule: Rule,
        about: &'static str,
    ) -> Self {
        Self {
            name,
            default,
            rule,
            about,
            secret: false,
        }
    }

    pub(super) const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
}

impl Rule {
    /// The bounds of a number. Every number is within those of another rule.
    pub(super) const fn bounds(self) -> RangeInclusive<u64> {
        match self {
            Self::Number { min, max, .. } => min..=max,
            Self::Limit | Self::OneOf(_) | Self::Text(_) => 0..=u64::MAX,
        }
    }

    pub(super) const fn unit(self) -> Unit {
        match self {
            Self::Number { unit, .. } => unit,
            Self::Limit | Self::OneOf(_) | Self::Text(_) => Unit::Count,
        }
    }

    /// The rule as it follows the words "must be".
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Number { unit, min, max } => {
                let unit = match unit {
                    Unit::Count => "",
                    Unit::Bytes => " of bytes",
                    Unit::Seconds => " of seconds",
                    Unit::Milliseconds => " of milliseconds",
                };
                format!("a whole number{unit} from {min} to {max}")
            }
            Self::Limit => "a whole number; 0 means no limit".into(),
            Self::OneOf(words) => {
                let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
                match quoted.split_last() {
                    Some((last, [])) => last.clone(),
                    Some((last, others)) => format!("{} or {last}", others.join(", ")),
                    None => String::new(),
                }
            }
            Self::Text(words) => words.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_as_a_sentence() {
        let seconds = Rule::Number {
            unit: Unit::Seconds,
            min: 1,
            max: 23,
        };
        assert_eq!(seconds.words(), "a whole number of seconds from 1 to 23");
        assert_eq!(Rule::OneOf(&["a"]).words(), "`a`");
        assert_eq!(Rule::OneOf(&["a", "b", "c"]).words(), "`a`, `b` or `c`");
    }
}
