//! A line as cells, one for each column, so that it can be written over.

use unicode_width::UnicodeWidthChar as _;

use super::parser::Control;
use super::style::Style;
use super::styled::StyledLine;

/// The distance between tab stops.
const TAB: usize = 8;

/// The number of columns that moves can reach. A program that wants to reach the end of the line moves by 999 columns. Text may go
/// beyond it.
const RIGHT_END: usize = 500;

/// On longer rows, which no terminal has, columns are not inserted, deleted, or erased from the beginning. Each of these
/// takes time for each column, and a short sequence must not take long.
const MAX_EDITED: usize = 2 * RIGHT_END;

/// A row of cells with a cursor.
#[derive(Debug)]
pub(super) struct Cells {
    cells: Vec<Cell>,
    /// Where the next character comes: a column, counted from zero. It may be behind the last cell.
    cursor: usize,
    /// The column that was remembered.
    saved: Option<usize>,
    /// The most cells, and the most bytes of characters that were combined with others.
    max: usize,
    /// The bytes of characters that were combined with others.
    combined: usize,
    /// The bytes beyond the last cell: since the cursor last went back, and before that.
    overflow: [u64; 2],
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Cell {
    glyph: Glyph,
    style: Style,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Glyph {
    /// Never written, or erased.
    Blank,
    One(char),
    /// A character with those that are combined with it.
    Many(Box<str>),
    Tab,
    /// A further column of the wide character or tab before it.
    Tail,
}

const BLANK: Cell = Cell {
    glyph: Glyph::Blank,
    style: Style::DEFAULT,
};

impl Cells {
    /// The cells of a line, with the cursor behind it.
    pub(super) fn new(line: &StyledLine, max: usize) -> Self {
        let mut cells = Self {
            cells: Vec::with_capacity(line.text.len().min(max)),
            cursor: 0,
            saved: None,
            max,
            combined: 0,
            overflow: [0, 0],
        };
        for (text, style) in line.parts() {
            cells.write(text, style);
        }
        cells.overflow[0] += line.overflow;
        cells
    }

    /// Whether nothing is on the row, and the cursor is at its beginning.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.cells.capacity() * size_of::<Cell>() + self.combined
    }

    pub(super) const fn is_new(&self) -> bool {
        self.cells.is_empty() && self.cursor == 0 && self.saved.is_none()
    }

    /// The line that the cells show. Blank cells at its end are not part of it.
    pub(super) fn line(&self) -> StyledLine {
        let mut line = StyledLine::default();
        let mut blanks = 0;
        for cell in &self.cells {
            if cell.glyph == Glyph::Blank {
                blanks += 1;
                continue;
            }
            for _ in 0..std::mem::take(&mut blanks) {
                line.push(" ", Style::DEFAULT);
            }
            match &cell.glyph {
                Glyph::One(character) => line.push(character.encode_utf8(&mut [0; 4]), cell.style),
                Glyph::Many(text) => line.push(text, cell.style),
                Glyph::Tab => line.push("\t", cell.style),
                Glyph::Blank | Glyph::Tail => {}
            }
        }
        line.overflow = self.overflow[0].max(self.overflow[1]);
        line
    }

    /// Writes text at the cursor.
    pub(super) fn write(&mut self, text: &str, style: Style) {
        for character in text.chars() {
            match character {
                '\t' => self.tab(style),
                ' '..='~' => self.put(Glyph::One(character), 1, style),
                _ => match character.width() {
                    Some(0) => self.combine(character),
                    width => self.put(Glyph::One(character), width.unwrap_or(1), style),
                },
            }
        }
    }

    /// Moves the cursor, or changes cells. `false` if this leads to another row.
    pub(super) fn control(&mut self, control: Control) -> bool {
        match control {
            Control::LineFeed | Control::OtherRow(_) => return false,
            Control::Restore => match self.saved {
                Some(column) => self.move_to(column),
                None => return false,
            },
            Control::Save => self.saved = Some(self.cursor),
            Control::CarriageReturn => self.move_to(0),
            Control::Backspace => self.move_to(self.cursor.saturating_sub(1)),
            Control::Left(columns) => self.move_to(self.cursor.saturating_sub(columns)),
            Control::Right(columns) => self.move_to(self.cursor.saturating_add(columns)),
            Control::Column(column) => self.move_to(column),
            Control::TabsRight(tabs) => {
                self.move_to((self.cursor / TAB).saturating_add(tabs).saturating_mul(TAB));
            }
            Control::TabsLeft(tabs) => {
                self.move_to(self.cursor.div_ceil(TAB).saturating_sub(tabs) * TAB);
            }
            Control::EraseToEnd => {
                self.separate(self.cursor);
                self.cells.truncate(self.cursor);
                self.overflow = [0, 0];
            }
            Control::EraseLine => {
                self.cells.clear();
                self.overflow = [0, 0];
            }
            Control::EraseToCursor => {
                if self.cells.len() <= MAX_EDITED {
                    self.erase(0, self.cursor + 1);
                }
            }
            Control::EraseColumns(columns) => {
                self.erase(self.cursor, columns.min(RIGHT_END));
            }
            Control::DeleteColumns(columns) => self.delete(columns),
            Control::InsertColumns(columns) => self.insert(columns.min(RIGHT_END)),
            // The row above knows the last character.
            Control::Repeat(_) => {}
        }
        true
    }

    fn move_to(&mut self, column: usize) {
        let column = column.min(RIGHT_END.max(self.cells.len() + 1) - 1);
        if column < self.cursor {
            self.overflow = [0, self.overflow[0].max(self.overflow[1])];
        }
        self.cursor = column;
    }

    fn tab(&mut self, style: Style) {
        let stop = (self.cursor / TAB + 1) * TAB;
        if self.cursor < self.cells.len() {
            // Over text, a tab only moves.
            self.cursor = stop;
        } else {
            self.put(Glyph::Tab, stop - self.cursor, style);
        }
    }

    /// Writes one character at the cursor, and moves the cursor behind it.
    fn put(&mut self, glyph: Glyph, width: usize, style: Style) {
        let (start, end) = (self.cursor, self.cursor.saturating_add(width));
        if end > self.max {
            let bytes = match &glyph {
                Glyph::One(character) => character.len_utf8(),
                Glyph::Many(_) | Glyph::Tab | Glyph::Blank | Glyph::Tail => 1,
            };
            self.overflow[0] = self.overflow[0].saturating_add(bytes as u64);
            // Whatever follows is beyond the end too.
            self.cursor = self.max;
            return;
        }
        self.separate(start);
        self.separate(end);
        if self.cells.len() < end {
            self.cells.resize(end, BLANK);
        }
        self.cells[start] = Cell { glyph, style };
        for cell in &mut self.cells[start + 1..end] {
            cell.glyph = Glyph::Tail;
        }
        self.cursor = end;
    }

    /// Combines a character without a width (an accent, a variation selector) with the one before the cursor.
    fn combine(&mut self, character: char) {
        let Some(mut at) = self.cursor.checked_sub(1) else {
            return;
        };
        if self.cells.len() <= at {
            self.cells.resize(at + 1, BLANK);
        }
        let lead = self.cells[..=at]
            .iter()
            .rposition(|cell| cell.glyph != Glyph::Tail);
        match lead {
            // On white space, it is combined with the last column.
            Some(lead) if self.cells[lead].glyph == Glyph::Tab => self.separate(at),
            Some(lead) => at = lead,
            None => return,
        }
        let cell = &mut self.cells[at];
        let mut text = match &cell.glyph {
            Glyph::One(base) => base.to_string(),
            Glyph::Many(text) => text.to_string(),
            Glyph::Blank | Glyph::Tab | Glyph::Tail => " ".to_owned(),
        };
        if self.combined + character.len_utf8() > self.max {
            self.overflow[0] = self.overflow[0].saturating_add(character.len_utf8() as u64);
            return;
        }
        text.push(character);
        self.combined += character.len_utf8();
        cell.glyph = Glyph::Many(text.into());
    }

    /// If a wide character or a tab is on both sides of a column's beginning, it is erased: half of it cannot be shown.
    fn separate(&mut self, column: usize) {
        let is_tail = |cell: Option<&Cell>| cell.is_some_and(|cell| cell.glyph == Glyph::Tail);
        if !is_tail(self.cells.get(column)) {
            return;
        }
        let mut end = column;
        while is_tail(self.cells.get(end)) {
            self.cells[end] = BLANK;
            end += 1;
        }
        for cell in self.cells[..column].iter_mut().rev() {
            let was_tail = cell.glyph == Glyph::Tail;
            *cell = BLANK;
            if !was_tail {
                return;
            }
        }
    }

    fn erase(&mut self, start: usize, columns: usize) {
        let end = start.saturating_add(columns).min(self.cells.len());
        if start < end {
            self.separate(start);
            self.separate(end);
            self.cells[start..end].fill(BLANK);
        }
    }

    /// Turns the tabs after the cursor into blank columns, because they are about to move.
    fn untab(&mut self) {
        let mut in_tab = false;
        for cell in self.cells.iter_mut().skip(self.cursor) {
            in_tab = cell.glyph == Glyph::Tab || (in_tab && cell.glyph == Glyph::Tail);
            if in_tab {
                *cell = BLANK;
            }
        }
    }

    fn delete(&mut self, columns: usize) {
        let end = self.cursor.saturating_add(columns).min(self.cells.len());
        if self.cursor < end && self.cells.len() <= MAX_EDITED {
            self.separate(self.cursor);
            self.separate(end);
            self.untab();
            self.cells.drain(self.cursor..end);
        }
    }

    fn insert(&mut self, columns: usize) {
        if self.cursor < self.cells.len() && self.cells.len() <= MAX_EDITED {
            self.separate(self.cursor);
            self.untab();
            let blanks = std::iter::repeat_n(BLANK, columns);
            self.cells.splice(self.cursor..self.cursor, blanks);
        }
    }
}
