//! Colours and other attributes of text, as `CSI … m` (SGR) sets them.

use std::fmt::Write as _;

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    text: Colour,
    background: Colour,
    underline: Colour,
    /// A bit for each entry of [`ATTRIBUTES`].
    attributes: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Colour {
    #[default]
    Default,
    /// One of the eight named colours, and eight bright ones.
    Named(u8),
    /// One of 256.
    Palette(u8),
    Rgb(u8, u8, u8),
}

/// The code that sets each attribute, and the one that removes it: bold, faint, italic, underlined, blinking, blinking
/// fast, inverse, hidden, crossed out, doubly underlined, overlined.
const ATTRIBUTES: [(u8, u8); 11] = [
    (1, 22),
    (2, 22),
    (3, 23),
    (4, 24),
    (5, 25),
    (6, 25),
    (7, 27),
    (8, 28),
    (9, 29),
    (21, 24),
    (53, 55),
];

impl Style {
    /// How text looks without any sequence.
    pub const DEFAULT: Self = Self {
        text: Colour::Default,
        background: Colour::Default,
        underline: Colour::Default,
        attributes: 0,
    };

    /// Whether it is how text looks without any sequence.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::DEFAULT
    }

    /// Applies the parameters of a `CSI … m`. Private sequences and unknown codes change nothing.
    pub(super) fn apply(&mut self, parameters: &str) {
        if !parameters
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b';' | b':'))
        {
            return;
        }
        let mut codes = parameters.split(';');
        while let Some(code) = codes.next() {
            let mut parts = code.split(':');
            // No code is above 107.
            let number = u8::try_from(value(parts.next())).unwrap_or(u8::MAX);
            match number {
                0 => *self = Self::default(),
                30..=37 => self.text = Colour::Named(number - 30),
                39 => self.text = Colour::Default,
                40..=47 => self.background = Colour::Named(number - 40),
                49 => self.background = Colour::Default,
                59 => self.underline = Colour::Default,
                90..=97 => self.text = Colour::Named(number - 82),
                100..=107 => self.background = Colour::Named(number - 92),
                38 | 48 | 58 => {
                    // `38:2::1:2:3` is one code; `38;2;1;2;3` are five.
                    let colour = if code.contains(':') {
                        colour_from_parts(&parts.map(|part| value(Some(part))).collect::<Vec<_>>())
                    } else {
                        colour_from_codes(&mut codes)
                    };
                    if let Some(colour) = colour {
                        match number {
                            38 => self.text = colour,
                            48 => self.background = colour,
                            _ => self.underline = colour,
                        }
                    }
                }
                // `4:0` is not underlined, `4:2` doubly, and the others are underlined in other forms.
                4 => match parts.next().map(|part| value(Some(part))) {
                    Some(0) => self.attribute(24),
                    Some(2) => self.attribute(21),
                    _ => self.attribute(4),
                },
                _ => self.attribute(number),
            }
        }
    }

    fn attribute(&mut self, code: u8) {
        for (bit, (on, off)) in ATTRIBUTES.iter().enumerate() {
            if *off == code {
                self.attributes &= !(1 << bit);
            } else if *on == code {
                self.attributes |= 1 << bit;
            }
        }
    }

    /// Appends the sequence that changes how the following text looks, from another style to this one.
    pub(super) fn write_after(self, before: Self, out: &mut String) {
        if self == before {
            return;
        }
        let colours = [self.text, self.background, self.underline];
        let previous = [before.text, before.background, before.underline];
        let removes_a_colour = colours
            .iter()
            .zip(previous)
            .any(|(now, then)| *now == Colour::Default && then != Colour::Default);
        out.push_str("\u{1b}[");
        // If something must be removed, everything is, and the rest is set again.
        let from = if removes_a_colour || before.attributes & !self.attributes != 0 {
            out.push_str("0;");
            Self::default()
        } else {
            before
        };
        for (bit, (on, _)) in ATTRIBUTES.iter().enumerate() {
            if (self.attributes & !from.attributes) >> bit & 1 == 1 {
                let _ = write!(out, "{on};");
            }
        }
        self.text.write(from.text, 30, out);
        self.background.write(from.background, 40, out);
        self.underline.write(from.underline, 50, out);
        // The last code has no semicolon after it.
        out.pop();
        out.push('m');
    }
}

impl Colour {
    /// Appends the code that sets it, with a semicolon. `base` is 30 for text, 40 for the background, 50 for the underline.
    fn write(self, before: Self, base: u8, out: &mut String) {
        if self == before {
            return;
        }
        // Writing to a `String` cannot fail.
        let _ = match self {
            Self::Default => Ok(()),
            // An underline is set by `58` only, which knows no named colours.
            Self::Named(n @ 0..8) => write!(out, "{};", base + n),
            Self::Named(n) => write!(out, "{};", base + 52 + n),
            Self::Palette(n) => write!(out, "{};5;{n};", base + 8),
            Self::Rgb(r, g, b) => write!(out, "{};2;{r};{g};{b};", base + 8),
        };
    }
}

/// `5:n`, `2:r:g:b`, or `2:space:r:g:b`.
fn colour_from_parts(parts: &[u16]) -> Option<Colour> {
    let byte = |n: &u16| u8::try_from(*n).ok();
    match parts {
        [5, n, ..] => Some(Colour::Palette(byte(n)?)),
        [2, r, g, b] | [2, _, r, g, b, ..] => Some(Colour::Rgb(byte(r)?, byte(g)?, byte(b)?)),
        _ => None,
    }
}

/// `5;n` or `2;r;g;b`, of which all codes are taken.
fn colour_from_codes<'a>(codes: &mut impl Iterator<Item = &'a str>) -> Option<Colour> {
    let kind = value(codes.next());
    let wanted = match kind {
        5 => 1,
        2 => 3,
        _ => return None,
    };
    let mut parts = vec![kind];
    parts.extend(codes.take(wanted).map(|code| value(Some(code))));
    colour_from_parts(&parts)
}

/// The number of a code. A missing one is zero, and one that is too large means nothing.
fn value(code: Option<&str>) -> u16 {
    match code {
        None | Some("") => 0,
        Some(code) => code.parse().unwrap_or(u16::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(parameters: &[&str]) -> Style {
        let mut style = Style::default();
        for parameters in parameters {
            style.apply(parameters);
        }
        style
    }

    /// The sequence from one style to another.
    fn change(from: &[&str], to: &[&str]) -> String {
        let mut out = String::new();
        after(to).write_after(after(from), &mut out);
        out.replace('\u{1b}', "E")
    }

    #[test]
    fn what_is_set_is_written_as_it_is_usually_written() {
        for parameters in [
            "31",
            "1;31",
            "1",
            "97",
            "104",
            "38;5;196",
            "48;5;17",
            "38;2;1;2;3",
            "4",
            "1;4;32;41",
            "58;5;3",
            "53",
        ] {
            let expected = format!("E[{parameters}m");
            assert_eq!(change(&[], &[parameters]), expected);
        }
        assert_eq!(change(&[], &["01;31"]), "E[1;31m");
        assert_eq!(change(&[], &["38:2::1:2:3"]), "E[38;2;1;2;3m");
        assert_eq!(change(&[], &["38:2:1:2:3"]), "E[38;2;1;2;3m");
        assert_eq!(change(&[], &["38:5:9"]), "E[38;5;9m");
        assert_eq!(change(&[], &["4:3"]), "E[4m");
    }

    #[test]
    fn only_the_difference_is_written() {
        assert_eq!(change(&["31"], &["31"]), "");
        assert_eq!(change(&["1"], &["1;32"]), "E[32m");
        assert_eq!(change(&["32"], &["33"]), "E[33m");
        assert_eq!(change(&["1;32"], &["32"]), "E[0;32m");
        assert_eq!(change(&["31"], &[]), "E[0m");
        assert_eq!(change(&["31;44"], &["31"]), "E[0;31m");
    }

    #[test]
    fn attributes_and_colours_are_removed_by_their_codes() {
        for (on, off) in [
            ("1;2", "22"),
            ("3", "23"),
            ("4", "24"),
            ("21", "24"),
            ("4", "4:0"),
            ("5;6", "25"),
            ("7", "27"),
            ("8", "28"),
            ("9", "29"),
            ("53", "55"),
            ("31", "39"),
            ("91", "39"),
            ("41", "49"),
            ("58;5;1", "59"),
            ("1;31", "0"),
            ("1;31", ""),
            ("1;31", "0;"),
        ] {
            assert!(!after(&[on]).is_default(), "{on}");
            assert!(after(&[on, off]).is_default(), "{on} {off}");
        }
    }

    #[test]
    fn what_is_no_colour_changes_nothing() {
        for parameters in [
            "?1",
            ">4;2",
            "10",
            "73",
            "38",
            "38;5",
            "38;2;1;2",
            "38;5;256",
            "38;2;1;2;300",
            "38;9;1",
            "99999999",
            "38:5",
        ] {
            assert_eq!(
                after(&["31", parameters]).text,
                Colour::Named(1),
                "{parameters}"
            );
        }
    }
}
