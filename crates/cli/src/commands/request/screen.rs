//! An answer on a terminal.

use crate::tell::escaped::Escaped;

/// What comes in pieces, made fit for a terminal. Into a pipe it goes as it is.
#[derive(Default)]
pub(super) struct Screen {
    /// The beginning of a character that is not whole yet.
    begun: Vec<u8>,
    /// Whether the last line has ended.
    ended: bool,
}

impl Screen {
    pub(super) fn show(&mut self, piece: &[u8]) -> String {
        self.begun.extend_from_slice(piece);
        let cut = match std::str::from_utf8(&self.begun) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.begun.len(),
        };
        let rest = self.begun.split_off(cut);
        let whole = std::mem::replace(&mut self.begun, rest);
        self.text(&whole)
    }

    /// What is left; what is said next begins a line.
    pub(super) fn end(mut self) -> String {
        let rest = std::mem::take(&mut self.begun);
        let text = self.text(&rest);
        if self.ended { text } else { text + "\n" }
    }

    fn text(&mut self, bytes: &[u8]) -> String {
        // A header line ends with both, and columns are no harm.
        let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
        let columns: Vec<String> = text.split('\t').map(|column| Escaped(column).to_string()).collect();
        let text = columns.join("\t");
        self.ended = if text.is_empty() { self.ended } else { text.ends_with('\n') };
        text
    }
}
