//! Lines at the bottom of a terminal that are drawn again in their place, and lines above them that stay.
//!
//! Every line has a line break of its own. When the width changes, a terminal may cut lines, leave them, or spread each over more
//! rows; none joins two of them. So a view has at least as many rows as lines, and nothing above it is lost if the cursor goes up
//! by the lines alone: at worst, the upper rows of a view that was spread stay behind.

use console::measure_text_width;
use std::io::Write;

/// The size of a terminal, as it is when something is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// What was drawn, and where to.
pub(super) struct Drawing<W> {
    out: W,
    /// The lines of the view, above the last of which the others are.
    view: Vec<String>,
    /// How wide the terminal was then.
    columns: usize,
}

impl<W: Write> Drawing<W> {
    pub(super) const fn on(out: W) -> Self {
        Self { out, view: Vec::new(), columns: 0 }
    }

    /// A text above the view, which stays.
    pub(super) fn say(&mut self, text: &str, size: Size) {
        let view = self.view.clone();
        self.draw(Some(text), view, size);
    }

    /// The view in the place of the one before; as many of its lines as the terminal has rows for.
    pub(super) fn show(&mut self, view: &str, size: Size) {
        let mut left = size.rows;
        let fits = |line: &&str| {
            let rest = left.checked_sub(rows(line, size.columns));
            left = rest.unwrap_or_default();
            rest.is_some()
        };
        let view: Vec<String> = view.lines().take_while(fits).map(str::to_owned).collect();
        if view != self.view || size.columns != self.columns {
            self.draw(None, view, size);
        }
    }

    fn draw(&mut self, said: Option<&str>, view: Vec<String>, size: Size) {
        let mut frame = String::from("\r");
        // The cursor is at the end of the last row.
        let up = self.rows(size.columns).saturating_sub(1);
        if up > 0 {
            frame.push_str(&format!("\u{1b}[{up}A"));
        }
        // All below is the view.
        frame.push_str("\u{1b}[J");
        for line in said.into_iter().flat_map(str::lines) {
            frame.push_str(line);
            frame.push('\n');
        }
        frame.push_str(&view.join("\n"));
        (self.view, self.columns) = (view, size.columns);
        // What cannot be drawn cannot be told either. In one piece, so that no half of it is seen.
        let _drawn = self.out.write_all(frame.as_bytes()).and_then(|()| self.out.flush());
    }

    /// How many rows the view has at least, on as many columns.
    fn rows(&self, columns: usize) -> usize {
        if columns == self.columns {
            self.view.iter().map(|line| rows(line, columns)).sum()
        } else {
            self.view.len()
        }
    }
}

/// How many rows a line is written into: a single word may be longer than a row.
fn rows(line: &str, columns: usize) -> usize {
    measure_text_width(line).div_ceil(columns.max(1)).max(1)
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
