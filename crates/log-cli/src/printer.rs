//! Prints lines to standard output, as text that is safe for a terminal, or as JSON.
//!
//! On a terminal, the state of an open line stays the last row until the next line of its source replaces it. Elsewhere a
//! state is a line like all others.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _, stdout};
use std::time::Duration;

use log_domain::{Line, Source, Timestamp};
use log_writer::{Ansi, LineAssembler, LineLimit, LineOptions};

use crate::environment::Environment;
use crate::style::{Color, Column, Style};

/// Prints lines.
pub(crate) struct LinePrinter {
    out: BufWriter<Stdout>,
    json: bool,
    columns: Vec<Column>,
    colors: bool,
    /// On a terminal: the states of open lines, one for each source. The newest is last.
    open: Option<OpenStates>,
}

#[derive(Default)]
struct OpenStates {
    states: Vec<Line>,
    /// Whether the last row of the terminal shows the newest state.
    is_shown: bool,
}

impl LinePrinter {
    pub(crate) fn new(style: Style, env: Environment) -> Self {
        let is_dumb = env.get("TERM").is_some_and(|term| term == "dumb");
        let can_redraw = stdout().is_terminal() && !is_dumb;
        let colors = match style.color {
            Color::Auto => can_redraw && env.get("NO_COLOR").is_none(),
            Color::Always => true,
            Color::Never => false,
        };
        Self {
            out: BufWriter::new(stdout()),
            json: style.json,
            columns: style.columns,
            colors,
            open: (can_redraw && !style.json).then(OpenStates::default),
        }
    }

    /// Prints a line. If its text contains newlines, it is printed as several lines.
    pub(crate) fn print(&mut self, line: &Line) -> io::Result<()> {
        if self.json {
            let json = log_wire::line_json(line);
            let json = escape_control_characters(&String::from_utf8_lossy(&json));
            return writeln!(self.out, "{json}");
        }
        self.hide_state()?;
        if let Some(open) = &mut self.open {
            open.states.retain(|state| state.source != line.source);
            if line.open {
                open.states.push(line.clone());
                return Ok(());
            }
        }
        self.print_text(line)
    }

    /// Makes room for a message on the terminal, and writes out everything that was printed.
    pub(crate) fn make_room(&mut self) -> io::Result<()> {
        self.hide_state()?;
        self.out.flush()
    }

    /// Ends the output. A state that no line has replaced is printed as a line.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.hide_state()?;
        let states = self
            .open
            .as_mut()
            .map(|open| std::mem::take(&mut open.states));
        for state in states.unwrap_or_default() {
            self.print_text(&state)?;
        }
        self.out.flush()
    }

    /// Writes out everything that was printed, and shows the newest state of an open line.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let state = self.open.as_ref().filter(|open| !open.is_shown);
        if let Some(state) = state.and_then(|open| open.states.last()).cloned() {
            // Without wrapping, a long state takes one row, which can be removed again.
            write!(self.out, "\x1b[?7l")?;
            self.print_columns(&state)?;
            let text = safe_lines(state.text.as_deref().unwrap_or_default(), self.colors);
            let text = text.last().map(String::as_str).unwrap_or_default();
            write!(self.out, "{}\x1b[?7h", self.colored(&state, text))?;
            self.set_shown(true);
        }
        self.out.flush()
    }

    fn hide_state(&mut self) -> io::Result<()> {
        if self.open.as_ref().is_some_and(|open| open.is_shown) {
            write!(self.out, "\r\x1b[K")?;
            self.set_shown(false);
        }
        Ok(())
    }

    fn set_shown(&mut self, is_shown: bool) {
        if let Some(open) = &mut self.open {
            open.is_shown = is_shown;
        }
    }

    fn print_text(&mut self, line: &Line) -> io::Result<()> {
        let text = line.text.as_deref().unwrap_or_default();
        for text in safe_lines(text, self.colors) {
            self.print_columns(line)?;
            writeln!(self.out, "{}", self.colored(line, &text))?;
        }
        Ok(())
    }

    fn colored(&self, line: &Line, text: &str) -> String {
        if self.colors {
            colored(line.source.as_ref(), text)
        } else {
            text.to_owned()
        }
    }

    /// Prints the columns before the text.
    fn print_columns(&mut self, line: &Line) -> io::Result<()> {
        for column in &self.columns {
            let (value, width) = match column {
                Column::Id => (line.id.to_string(), 15),
                Column::Ts => (one_word(line.ts.as_ref().map(Timestamp::as_str)), 24),
                Column::Source => (one_word(line.source.as_ref().map(Source::as_str)), 6),
                Column::Phase => (one_word(line.phase.as_deref()), 8),
            };
            write!(self.out, "{value:width$} ")?;
        }
        Ok(())
    }
}

/// The lines of a text without terminal control sequences, except colours if they are wanted.
fn safe_lines(text: &str, colors: bool) -> Vec<String> {
    let ansi = if colors {
        Ansi::KeepColours
    } else {
        Ansi::Strip
    };
    // A line is printed as it is stored, however long it is.
    let whole = LineLimit::Bytes(usize::MAX);
    let options = LineOptions::default().limit(whole).ansi(ansi);
    let mut lines = Vec::new();
    let mut assembler = LineAssembler::new(options);
    assembler.push(text.as_bytes(), Duration::ZERO, |line| lines.push(line));
    assembler.push(b"\n", Duration::ZERO, |line| lines.push(line));
    lines
}

/// A field for a column. It contains no white space, so that the columns can be told apart.
fn one_word(field: Option<&str>) -> String {
    let field = field.unwrap_or("-");
    let visible = |c: char| {
        if c.is_control() || c.is_whitespace() {
            '_'
        } else {
            c
        }
    };
    field.chars().map(visible).collect()
}

/// Colours a line by its source: lines of standard error and of the producer itself stand out.
fn colored(source: Option<&Source>, text: &str) -> String {
    const RESET: &str = "\x1b[0m";
    let color = match source {
        Some(Source::Stderr) => "\x1b[33m",
        Some(Source::System) => "\x1b[36m",
        Some(Source::Stdout | Source::Other(_)) | None => return text.to_owned(),
    };
    // A text with colours ends with a reset.
    let end = if text.ends_with(RESET) { "" } else { RESET };
    format!("{color}{text}{end}")
}

/// The same JSON without control characters. JSON allows some control characters that a terminal obeys.
fn escape_control_characters(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_control() {
            escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_sequences_are_removed_and_colours_are_kept_if_wanted() {
        let text = "\x1b]0;title\x07a\x1b[31mb\x1b[0m\x1b[2Jc\u{9b}5md\0e";
        assert_eq!(safe_lines(text, false), ["ab", "cde"]);
        let coloured = ["a\x1b[31mb\x1b[0m", "c\u{1b}[5mde\x1b[0m"];
        assert_eq!(safe_lines(text, true), coloured);
    }

    #[test]
    fn a_text_with_newlines_is_several_lines_and_an_empty_text_is_one() {
        assert_eq!(safe_lines("a\nb", false), ["a", "b"]);
        assert_eq!(safe_lines("10%\r99%", false), ["99%"]);
        assert_eq!(safe_lines("", false), [""]);
        let long = "x".repeat(100_000);
        assert_eq!(safe_lines(&long, false), [long]);
    }

    #[test]
    fn a_colour_ends_with_its_line() {
        assert_eq!(colored(Some(&Source::Stdout), "a"), "a");
        assert_eq!(colored(Some(&Source::Stderr), "a"), "\x1b[33ma\x1b[0m");
        let red = "\x1b[31ma\x1b[0m";
        assert_eq!(colored(Some(&Source::Stdout), red), red);
        assert_eq!(
            colored(Some(&Source::Stderr), red),
            format!("\x1b[33m{red}")
        );
    }

    #[test]
    fn json_contains_no_control_characters_and_means_the_same() {
        let json = "{\"text\":\"a\u{9b}31m\u{7f}\"}";
        let safe = escape_control_characters(json);
        assert_eq!(safe, r#"{"text":"a\u009b31m\u007f"}"#);
        assert!(!safe.chars().any(char::is_control));
    }
}
