//! A source of tokens on the terminal, as it changes: what is held, what happened, what comes next.

mod drawing;
pub(crate) mod words;

use crate::tell::escaped::Escaped;
use crate::tell::failure::why;
use crate::tell::sparkline::sparkline;
use crate::tell::terminal::Terminal;
use crate::tell::when::span;
use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use console::Term;
use drawing::{Drawing, Size};
use evergrant_tokio_reqwest::core::Generation;
use evergrant_tokio_reqwest::{LastOutcome, Status};
use std::io::{IsTerminal, Stdout, Write, stdout};
use std::time::{Duration, Instant};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();

/// The columns of a row's name, and of the space after it.
const NAME: usize = 8;

/// The columns of the longest words about a token that is used for days.
const LONGEST_WORDS: usize = 52;

/// A few lines at the bottom of the terminal.
pub(crate) struct Live<W = AutoStream<Stdout>> {
    drawing: Drawing<W>,
    seen: Seen,
}

/// One row more, below those of every source.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// The figures that are drawn before the words, the latest last; none, or more than there is place for.
    pub(crate) figures: Vec<u64>,
    pub(crate) text: String,
}

/// Where a row's bar or curve stands.
#[derive(Clone, Copy)]
struct Place {
    columns: usize,
    /// Whether the words stand beside it, and not below.
    beside: bool,
}

/// What was seen before, and is still shown.
#[derive(Default)]
struct Seen {
    /// The token that was seen last, and how long it was used for when it was seen first.
    life: Option<(Generation, Duration)>,
    last_failure: Option<(String, Instant)>,
}

impl Live<AutoStream<Stdout>> {
    /// On stdout; `None` if that is no terminal, or one that cannot be drawn on.
    pub(crate) fn on_stdout() -> Option<Self> {
        let dumb = std::env::var_os("TERM").is_some_and(|name| name == "dumb");
        // The lines are written as they are: those of no colour have none.
        (stdout().is_terminal() && !dumb).then(|| Self::on(AutoStream::always(stdout())))
    }
}

impl<W: Write> Live<W> {
    fn on(out: W) -> Self {
        Self { drawing: Drawing::on(out), seen: Seen::default() }
    }

    /// A line above the view, which stays.
    pub(crate) fn say(&mut self, text: &str) {
        self.drawing.say(text, size());
    }

    /// What is the case now, and more rows of whoever has more to show.
    pub(crate) fn show(&mut self, status: &Status, more: &[Row]) {
        let size = size();
        let terminal = Terminal { columns: Some(size.columns), ..Terminal::stdout() };
        let view = self.seen.view(status, more, terminal);
        self.drawing.show(&terminal.coloured(view), size);
    }

    /// Takes the view away; what was said above it stays.
    pub(crate) fn end(mut self) {
        self.drawing.show("", size());
    }
}

/// A window may be resized at any moment.
fn size() -> Size {
    let (rows, columns) = Term::stdout().size();
    Size { columns: columns.into(), rows: rows.into() }
}

impl Seen {
    /// The lines of the view, none of which is longer than the terminal.
    fn view(&mut self, status: &Status, more: &[Row], terminal: Terminal) -> String {
        let place = Place::on(terminal);
        let (bar, held) = self.token(status, terminal, place);
        let mut rows = vec![
            place.row(terminal, "token", &bar, &held),
            row(terminal, "request", &words::request(status)),
            row(terminal, "counts", &words::counts(status)),
            row(terminal, "trouble", &self.trouble(status)),
        ];
        rows.extend(more.iter().map(|more| match more.figures.len() {
            0 => row(terminal, more.name, &more.text),
            count => {
                let latest = more.figures.get(count.saturating_sub(place.columns)..).unwrap_or_default();
                let curve = format!("{:>1$}", sparkline(latest, terminal.unicode), place.columns);
                place.row(terminal, more.name, &curve, &more.text)
            }
        }));
        rows.join("\n")
    }

    /// The bar and the words of what is held.
    fn token(&mut self, status: &Status, terminal: Terminal, place: Place) -> (String, String) {
        let Some(held) = &status.held else {
            return (bar(0.0, place.columns, terminal), format!("{RED}none{RED:#}"));
        };
        let life = match self.life {
            Some((generation, life)) if generation == held.generation => life,
            _ => held.used_for,
        };
        self.life = Some((held.generation, life));
        let share = held.used_for.as_secs_f64() / life.as_secs_f64().max(f64::MIN_POSITIVE);
        (bar(share, place.columns, terminal), words::held(held))
    }

    fn trouble(&mut self, status: &Status) -> String {
        if let Some((LastOutcome::Failed(cause), ago)) = &status.last_outcome {
            let then = Instant::now().checked_sub(*ago);
            self.last_failure = then.map(|then| (why(cause), then));
        }
        match &self.last_failure {
            Some((failure, then)) => format!("{} ago: {}", span(then.elapsed()), Escaped(failure)),
            None => "none so far".into(),
        }
    }
}

impl Place {
    const USUAL: usize = 24;
    const LEAST: usize = 8;

    fn on(terminal: Terminal) -> Self {
        let columns = terminal.columns.unwrap_or(usize::MAX);
        let left = columns.saturating_sub(NAME + 1 + LONGEST_WORDS);
        let beside = left >= Self::LEAST;
        let there = if beside { left } else { columns.saturating_sub(NAME) };
        Self { columns: there.min(Self::USUAL), beside }
    }

    fn row(self, terminal: Terminal, name: &str, drawn: &str, text: &str) -> String {
        if self.beside {
            terminal.hanging(&format!("{}{drawn} ", label(name)), NAME + self.columns + 1, text)
        } else {
            format!("{}{drawn}\n{}", label(name), row(terminal, "", text))
        }
    }
}

fn row(terminal: Terminal, name: &str, text: &str) -> String {
    terminal.hanging(&label(name), NAME, text)
}

fn label(name: &str) -> String {
    format!("{BOLD}{name:<NAME$}{BOLD:#}")
}

/// How much of a life is left: as many columns of `width`.
fn bar(share: f64, width: usize, terminal: Terminal) -> String {
    let [full, half, rest] = if terminal.unicode { ["━", "╸", "─"] } else { ["#", "=", "-"] };
    // A life is never more than it was at first, and what is no number is nothing.
    let halves = (share.clamp(0.0, 1.0) * 2.0 * width as f64).round() as usize;
    let (left, cut) = (halves / 2, halves % 2);
    let spent = width.saturating_sub(left + cut);
    format!("{GREEN}{}{}{GREEN:#}{DIM}{}{DIM:#}", full.repeat(left), half.repeat(cut), rest.repeat(spent))
}

#[cfg(test)]
mod tests;
