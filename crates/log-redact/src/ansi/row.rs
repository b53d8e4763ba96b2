//! The row that is being written.
//!
//! Most lines are only appended to. They are kept as text. A row becomes cells when something is written over.

use super::cells::Cells;
use super::parser::Control;
use super::style::Style;
use super::styled::StyledLine;
use crate::span::floor;

/// The most characters that one sequence repeats. A terminal repeats to the end of the row.
const MAX_REPEAT: usize = 500;

/// The row that is being written.
#[derive(Debug)]
pub(super) struct Row {
    /// The text, as long as it is only appended to.
    line: StyledLine,
    /// Whether the cursor is at the beginning of the text, and not behind it.
    returned: bool,
    /// The row as cells, in place of the text.
    cells: Option<Cells>,
    /// The last character that was shown.
    last: Option<char>,
    /// The most bytes of text, and the most cells, that are kept.
    max: usize,
}

impl Row {
    pub(super) fn new(max: usize) -> Self {
        Self {
            line: StyledLine::default(),
            returned: false,
            cells: None,
            last: None,
            max,
        }
    }

    /// What the row shows.
    pub(super) fn line(&self) -> StyledLine {
        match &self.cells {
            Some(cells) => cells.line(),
            None => self.line.clone(),
        }
    }

    /// Whether there may be something on the row.
    pub(super) fn is_used(&self) -> bool {
        self.cells.is_some() || !self.line.text.is_empty()
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.line.text.capacity() + self.cells.as_ref().map_or(0, Cells::held)
    }

    /// Ends the row. Returns what it shows, and starts a new row.
    pub(super) fn take(&mut self) -> StyledLine {
        let ended = std::mem::replace(self, Self::new(self.max));
        match ended.cells {
            Some(cells) => cells.line(),
            None => ended.line,
        }
    }

    pub(super) fn write(&mut self, text: &str, style: Style) {
        self.last = text.chars().next_back();
        if self.cells.is_none() && (!self.returned || self.line.text.is_empty()) {
            self.returned = false;
            append(&mut self.line, text, style, self.max);
        } else {
            self.cells().write(text, style);
        }
    }

    /// Does what a sequence asks for. `false` if this leads to another row.
    pub(super) fn control(&mut self, control: Control, style: Style) -> bool {
        if self.cells.is_none() {
            // The frequent ones, which need no cells.
            match control {
                Control::LineFeed | Control::OtherRow(_) => return false,
                Control::CarriageReturn | Control::Column(0) => {
                    self.returned = true;
                    return true;
                }
                Control::EraseToEnd if !self.returned => return true,
                Control::EraseToEnd | Control::EraseLine
                    if self.returned || self.line.text.is_empty() =>
                {
                    self.line.clear();
                    return true;
                }
                _ => {}
            }
        }
        if let Control::Repeat(count) = control {
            if let Some(last) = self.last {
                let text = last.to_string().repeat(count.min(MAX_REPEAT));
                self.write(&text, style);
            }
            return true;
        }
        let cells = self.cells();
        let is_same_row = cells.control(control);
        if cells.is_new() {
            self.cells = None;
        }
        is_same_row
    }

    /// The cells of the row. From now on it has some.
    fn cells(&mut self) -> &mut Cells {
        self.cells.get_or_insert_with(|| {
            let mut cells = Cells::new(&self.line, self.max);
            if self.returned {
                cells.control(Control::CarriageReturn);
            }
            self.line.clear();
            self.returned = false;
            cells
        })
    }
}

/// Appends text. As soon as some text is beyond the limit, all later text is.
fn append(line: &mut StyledLine, text: &str, style: Style, max: usize) {
    let room = match line.overflow {
        0 => max.saturating_sub(line.text.len()),
        _ => 0,
    };
    let end = floor(text, room);
    let (kept, overflow) = text.split_at(end);
    if !kept.is_empty() {
        line.push(kept, style);
    }
    line.overflow = line.overflow.saturating_add(overflow.len() as u64);
}
