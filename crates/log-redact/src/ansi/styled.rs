//! A line with its colours, apart from each other.

use super::style::Style;

/// The text of one line, and how its parts look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StyledLine {
    /// What is shown. It contains no control character except tab.
    pub text: String,
    /// How many bytes more the line had. They were not kept, because they are far beyond its limit.
    pub overflow: u64,
    /// From which byte on the text has which style. Before the first one it has none.
    styles: Vec<(usize, Style)>,
}

impl StyledLine {
    /// The parts of the text, each with its style.
    pub fn parts(&self) -> impl Iterator<Item = (&str, Style)> {
        let starts = std::iter::once((0, Style::DEFAULT)).chain(self.styles.iter().copied());
        let ends = self.styles.iter().map(|(end, _)| *end);
        starts
            .zip(ends.chain([self.text.len()]))
            .map(|((start, style), end)| (&self.text[start..end], style))
            .filter(|(part, _)| !part.is_empty())
    }

    /// The text with a sequence before each part that looks different. A line that ends in a style ends with a reset, so
    /// that no style reaches the next line.
    #[must_use]
    pub fn into_text(self) -> String {
        if self.styles.is_empty() {
            return self.text;
        }
        let mut text = String::with_capacity(self.text.len() + 16 * self.styles.len());
        let mut before = Style::DEFAULT;
        for (part, style) in self.parts() {
            style.write_after(before, &mut text);
            text.push_str(part);
            before = style;
        }
        Style::DEFAULT.write_after(before, &mut text);
        text
    }

    /// Whether it contains anything but white space.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.overflow > 0 || self.text.contains(|c: char| !c.is_whitespace())
    }

    pub(crate) fn push(&mut self, text: &str, style: Style) {
        let last = self
            .styles
            .last()
            .map_or(Style::DEFAULT, |(_, style)| *style);
        if last != style {
            self.styles.push((self.text.len(), style));
        }
        self.text.push_str(text);
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.styles.clear();
        self.overflow = 0;
    }
}
