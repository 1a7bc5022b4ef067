//! The demonstration as it is told: its story, and below it on a terminal the source as it changes.

use super::report::Phase;
use super::timeline::{STEP, Timeline, What};
use crate::tell::live::{Live, Row};
use crate::tell::stdout;
use crate::tell::terminal::Terminal;
use anstyle::{AnsiColor, Style};
use evergrant_tokio_reqwest::Status;
use std::time::{Duration, Instant};

pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
const ODD: Style = AnsiColor::Yellow.on_default().bold();
pub(super) const BOLD: Style = Style::new().bold();

/// How far the story of a phase stands to the right of its number.
pub(super) const INDENT: usize = 4;

pub(super) struct View {
    live: Option<Live>,
    /// Whether the story is told where there is nothing to draw on.
    told: bool,
    drawn: Instant,
}

impl View {
    pub(super) fn on_stdout() -> Self {
        Self { live: Live::on_stdout(), told: true, drawn: Instant::now() }
    }

    /// For those who want the report alone.
    pub(super) fn none() -> Self {
        Self { live: None, told: false, drawn: Instant::now() }
    }

    /// What is said about the phase of the moment.
    pub(super) fn say(&mut self, text: &str) {
        self.labelled(&" ".repeat(INDENT), text);
    }

    /// A text after its label, which has [`INDENT`] columns or none.
    pub(super) fn labelled(&mut self, label: &str, text: &str) {
        let terminal = Terminal::stdout();
        let lines = terminal.hanging(label, INDENT, text);
        match &mut self.live {
            Some(live) => live.say(&terminal.coloured(lines)),
            None if self.told => {
                // Whoever cannot read the story is told by the report, if by anything.
                let _told = stdout::line(lines);
            }
            None => {}
        }
    }

    /// What a phase came to: in one line where that has place for the largest figures.
    pub(super) fn came_to(&mut self, phase: &Phase) {
        let (style, verdict) = if phase.fault().is_none() { (GOOD, "ok") } else { (BAD, "fault") };
        let counts = format!("{style}{verdict}{style:#}: {}", phase.counts());
        if Terminal::stdout().columns.is_none_or(|columns| columns >= 100) {
            self.say(&format!("{counts}, {}", phase.waits()));
        } else {
            self.say(&counts);
            self.say(&phase.waits());
        }
    }

    pub(super) fn show(&mut self, status: &Status, timeline: &Timeline) {
        // The eye sees no more, and the workers need the processor.
        const FRAME: Duration = Duration::from_millis(50);
        if let Some(live) = &mut self.live
            && self.drawn.elapsed() >= FRAME
        {
            live.show(status, &[server(timeline), calls(timeline)]);
            self.drawn = Instant::now();
        }
    }

    pub(super) fn end(self) {
        if let Some(live) = self.live {
            live.end();
        }
    }
}

/// The name of a phase, in the colour of what happens in it.
pub(super) fn name(name: &str, trouble: Option<What>) -> String {
    let style = match trouble {
        Some(What::Down) => BAD,
        Some(What::Revoked) => ODD,
        None => BOLD,
    };
    format!("{style}{name}{style:#}")
}

fn server(timeline: &Timeline) -> Row {
    let text = match timeline.trouble() {
        Some(What::Down) => format!("{BAD}down:{BAD:#} answers every token request with 503"),
        Some(What::Revoked) => format!("{ODD}revoked:{ODD:#} the API answers 401 to every token so far"),
        None => format!("{GOOD}up:{GOOD:#} grants every token request"),
    };
    Row { name: "server", figures: Vec::new(), text }
}

/// The calls a second, now and lately: a curve that a refresh does not dent.
fn calls(timeline: &Timeline) -> Row {
    const STEPS: usize = (1000 / STEP.as_millis()) as usize;
    // More than the curve has place for.
    const LATEST: usize = 50;
    let samples = timeline.samples();
    let latest = samples.get(samples.len().saturating_sub(LATEST)..).unwrap_or_default();
    let mut figures: Vec<u64> = latest.iter().map(|sample| sample.calls).collect();
    let second: u64 = figures.iter().rev().take(STEPS).sum();
    let rate = second.saturating_mul(STEPS as u64) / figures.len().clamp(1, STEPS) as u64;
    if figures.is_empty() {
        // The curve has its place from the start.
        figures.push(0);
    }
    Row { name: "calls", figures, text: format!("{rate} a second") }
}
