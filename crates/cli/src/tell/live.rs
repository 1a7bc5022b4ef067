//! A source of tokens on the terminal, as it changes: what is held, what happened, what comes next.

use crate::tell::when;
use evergrant_tokio_reqwest::core::{Generation, Span};
use evergrant_tokio_reqwest::{LastOutcome, RequestStatus, Status};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::{Duration, Instant};

/// The steps of the bar: more than any terminal has columns.
const STEPS: u64 = 1000;

/// A few lines at the bottom of the terminal.
pub(crate) struct Live {
    lines: MultiProgress,
    token: ProgressBar,
    request: ProgressBar,
    counts: ProgressBar,
    trouble: ProgressBar,
    /// The token that was seen last, and how long it was used for when it was seen first.
    life: Option<(Generation, Duration)>,
    last_failure: Option<(String, Instant)>,
}

impl Live {
    /// On stdout; `None` if that is no terminal, or one that cannot be drawn on.
    pub(crate) fn on_stdout() -> Option<Self> {
        let target = ProgressDrawTarget::stdout();
        let dumb = std::env::var_os("TERM").is_some_and(|name| name == "dumb");
        (!target.is_hidden() && !dumb).then(|| Self::on(target))
    }

    fn on(target: ProgressDrawTarget) -> Self {
        let lines = MultiProgress::with_draw_target(target);
        let line = |template: &str, name: &'static str| {
            // The templates are ours and are tried by the tests: without one a line shows in indicatif's own style.
            let style = ProgressStyle::with_template(template).unwrap_or(ProgressStyle::default_bar());
            let line = ProgressBar::new(STEPS).with_style(style.progress_chars("━╸─")).with_prefix(name);
            lines.add(line)
        };
        let plain = "{prefix:.bold} {wide_msg}";
        let token = line("{prefix:.bold} {bar:24.green/dim} {wide_msg}", "token  ");
        let request = line(plain, "request");
        let counts = line(plain, "counts ");
        let trouble = line(plain, "trouble");
        Self { lines, token, request, counts, trouble, life: None, last_failure: None }
    }

    /// A line above the view, which stays.
    pub(crate) fn say(&self, text: &str) {
        // What cannot be drawn cannot be told either.
        let _drawn = self.lines.println(text);
    }

    /// What is the case now.
    pub(crate) fn show(&mut self, status: &Status) {
        match &status.held {
            Some(held) => {
                let life = match self.life {
                    Some((generation, life)) if generation == held.generation => life,
                    _ => held.used_for,
                };
                self.life = Some((held.generation, life));
                let share = held.used_for.as_secs_f64() / life.as_secs_f64().max(f64::MIN_POSITIVE);
                self.token.set_position((share * STEPS as f64) as u64);
                self.token.set_message(held.to_string());
            }
            None => {
                self.token.set_position(0);
                self.token.set_message("none");
            }
        }
        if let Some((LastOutcome::Failed(cause), ago)) = &status.last_outcome {
            let then = Instant::now().checked_sub(*ago);
            self.last_failure = then.map(|then| (cause.summary().to_string(), then));
        }
        self.request.set_message(request_words(status));
        self.counts.set_message(counts_words(status));
        self.trouble.set_message(match &self.last_failure {
            Some((failure, then)) => format!("{}: {failure}", when::ago(then.elapsed())),
            None => "none so far".into(),
        });
    }

    /// Takes the view away; what was said above it stays.
    pub(crate) fn end(self) {
        for line in [&self.token, &self.request, &self.counts, &self.trouble] {
            line.finish_and_clear();
        }
        // What cannot be drawn need not be taken away.
        let _cleared = self.lines.clear();
    }
}

fn request_words(status: &Status) -> String {
    let Some((reason, ago)) = &status.last_request else { return "none was made".into() };
    let last = format!("{}: {}", when::ago(*ago), reason);
    let next = Span(status.next_request_in);
    match &status.request {
        RequestStatus::InFlight(left) => format!("{last}; its answer is awaited for {}", Span(*left)),
        RequestStatus::Resting(..) => format!("{last}; it failed, the next is sent in {next}"),
        _ => format!("{last}; the next is sent in {next}"),
    }
}

fn counts_words(status: &Status) -> String {
    let Status { requests, waiting, deepest_queue, .. } = status;
    let plural = if *requests == 1 { "" } else { "s" };
    format!("{requests} request{plural}, {waiting} calls wait for a token, {deepest_queue} at most so far")
}

#[cfg(test)]
mod tests;
