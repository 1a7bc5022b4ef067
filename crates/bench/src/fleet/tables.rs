//! The table as text and as CSV, and what lies behind a picture as CSV.

use super::rows::Row;
use super::run::{Run, of, total};
use evergrant_core::ConfigError;
use std::fmt::Write as _;
use std::time::Duration;

/// What came of a row.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The row.
    pub row: Row,
    /// With a store.
    pub shared: Run,
    /// Without.
    pub alone: Run,
}

impl Row {
    /// Simulates it with a store and without.
    ///
    /// # Errors
    /// Those of [`Plan::run`](super::Plan::run).
    pub fn run(self) -> Result<Comparison, ConfigError> {
        Ok(Comparison { shared: self.plan.run()?, alone: self.plan.alone().run()?, row: self })
    }

    /// How many minutes or seconds one line of its CSV stands for.
    const fn step(&self) -> u64 {
        if self.plan.lasts > 4 * 3600 { 60 } else { 1 }
    }
}

/// The table as it stands in the README.
pub fn text(results: &[Comparison]) -> String {
    let mut text = String::from(
        "| | requests | without a store | most in a second | without | commands each | most polls in a second | half have their first within | longest without a token | without a store |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for Comparison { row, shared, alone } in results {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {:.1} | {} | {} | {} | {} |",
            row.title,
            shared.asked(),
            alone.asked(),
            shared.most_asked(),
            alone.most_asked(),
            shared.commands_each(),
            shared.most_polls(),
            time(shared.half_served()),
            time(shared.longest),
            time(alone.longest),
        );
    }
    text
}

fn time(time: Duration) -> String {
    if time.is_zero() {
        "0 s".to_owned()
    } else if time < Duration::from_millis(100) {
        format!("{:.1} ms", time.as_secs_f64() * 1000.0)
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

/// The table, with all that is known of each run.
pub fn csv(results: &[Comparison]) -> String {
    let mut text = String::from(
        "row,store,processes,requests,most requests in a second,commands each,most commands in a second,most polls in a second,half have their first within s,longest without a token s,last served at s,tokens refused,without a token at the end\n",
    );
    for Comparison { row, shared, alone } in results {
        for (store, run) in [("yes", shared), ("no", alone)] {
            let _ = writeln!(
                text,
                "{},{store},{},{},{},{:.3},{},{},{:.4},{:.4},{:.3},{},{}",
                row.name,
                run.processes,
                run.asked(),
                run.most_asked(),
                run.commands_each(),
                run.most_commands(),
                run.most_polls(),
                run.half_served().as_secs_f64(),
                run.longest.as_secs_f64(),
                run.last_served.as_secs_f64(),
                run.refused,
                run.unserved,
            );
        }
    }
    text
}

/// The requests and commands of a row over time: a line for each second or, of a day, each minute in which there was one.
pub fn over_time(Comparison { row, shared, alone }: &Comparison) -> String {
    let step = row.step();
    let unit = if step == 1 { "second" } else { "minute" };
    let mut text =
        format!("{unit},requests with a store,requests without a store,commands,commands told busy\n");
    for start in (0..row.plan.lasts).step_by(usize::try_from(step).unwrap_or(1)) {
        let series = [&shared.requests, &alone.requests, &shared.commands, &shared.polls];
        let [with, without, commands, polls] = series.map(|series| total(of(series, start..start + step)));
        if with + without + commands > 0 {
            let _ = writeln!(text, "{},{with},{without},{commands},{polls}", start / step);
        }
    }
    text
}
