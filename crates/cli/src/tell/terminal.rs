//! What stdout can show: its columns, its characters, its colours.

use anstream::{AutoStream, ColorChoice};
use console::{Term, measure_text_width};
use std::ffi::OsString;
use std::io::{IsTerminal, stdout};

/// The columns of a terminal that does not say how many it has.
const USUAL_COLUMNS: usize = 80;

/// What stdout can show at this moment: a window may be resized.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    /// `None` where no line is too long: a pipe, a file.
    pub(crate) columns: Option<usize>,
    /// Whether it shows more than ASCII.
    pub(crate) unicode: bool,
    pub(crate) colours: bool,
}

impl Terminal {
    pub(crate) fn stdout() -> Self {
        let columns = stdout().is_terminal().then(|| {
            Term::stdout().size_checked().map_or(USUAL_COLUMNS, |(_, columns)| usize::from(columns))
        });
        let colours = AutoStream::choice(&stdout()) != ColorChoice::Never;
        Self { columns, unicode: cfg!(windows) || is_utf8(|name| std::env::var_os(name)), colours }
    }

    /// The text, without its colours where they are unwanted.
    pub(crate) fn coloured(self, text: String) -> String {
        if self.colours { text } else { anstream::adapter::strip_str(&text).to_string() }
    }

    /// The text after a label of `indent` columns. What does not fit goes on in lines of its own, each as far to the
    /// right; a word is never broken.
    pub(crate) fn hanging(self, label: &str, indent: usize, text: &str) -> String {
        let Some(columns) = self.columns else { return format!("{label}{text}") };
        // On a few columns the lines are short, and not empty.
        let width = columns.saturating_sub(indent).max(8);
        let (mut lines, mut used) = (label.to_owned(), 0);
        for word in text.split(' ') {
            let length = measure_text_width(word);
            if used > 0 && used + 1 + length > width {
                lines.push('\n');
                lines.extend(std::iter::repeat_n(' ', indent));
                used = 0;
            } else if used > 0 {
                lines.push(' ');
                used += 1;
            }
            lines.push_str(word);
            used += length;
        }
        lines
    }
}

/// Whether the locale's characters are those of UTF-8 (POSIX: the first variable that is set and not empty decides).
fn is_utf8(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|name| !name.is_empty());
    locale.is_some_and(|name| {
        let name = name.to_string_lossy().to_ascii_lowercase();
        name.ends_with("utf-8") || name.ends_with("utf8")
    })
}

#[cfg(test)]
mod tests;
