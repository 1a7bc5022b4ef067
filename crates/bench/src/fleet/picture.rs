//! A picture of a row, as SVG.

use super::run::most;
use super::tables::Comparison;
use std::fmt::{Error, Write as _};
use std::ops::Range;

const LEFT: u64 = 70;
const WIDTH: u64 = 900;
const TOP: u64 = 56;
const PANEL: u64 = 130;
const GAP: u64 = 46;
/// What lasts so long is told in hours.
const HOURS: u64 = 12 * 3600;

/// What happens a second in this time: requests without a store and with one, and the commands to it, on one logarithmic scale.
///
/// # Errors
/// None: a text takes whatever is written.
pub fn picture(result: &Comparison, window: Range<u64>) -> Result<String, Error> {
    let Comparison { row, shared, alone } = result;
    let panels = [
        ("token requests a second without a store", &alone.requests),
        ("token requests a second with a store", &shared.requests),
        ("commands to the store a second", &shared.commands),
    ];
    let height = TOP + panels.len() as u64 * (PANEL + GAP);
    let full = LEFT + WIDTH + 40;
    let lasts = (window.end - window.start).max(1);
    let x = |second: u64| LEFT as f64 + (second - window.start) as f64 * WIDTH as f64 / lasts as f64;
    let step = lasts.div_ceil(WIDTH);
    let each = if step == 1 {
        "a stroke a second".into()
    } else {
        format!("each stroke is the busiest of {step} seconds")
    };
    let mut svg = String::new();
    writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {full} {height}" font-family="sans-serif" font-size="12" fill="#333">
<rect width="{full}" height="{height}" fill="#fff"/>
<text x="{LEFT}" y="24" font-size="16">{} processes, tokens of an hour: {}</text>
<text x="{LEFT}" y="42">{each}; logarithmic scale</text>"##,
        shared.processes, row.title
    )?;
    for (index, (name, series)) in panels.into_iter().enumerate() {
        let top = TOP + index as u64 * (PANEL + GAP) + 16;
        let base = top + PANEL;
        // One is a stroke of this height; above it are four decades, and room for a word.
        let one = 10.0;
        let y = |count: u32| base as f64 - one - f64::from(count.max(1)).log10() / 4.8 * (PANEL as f64 - one);
        writeln!(svg, r#"<text x="{LEFT}" y="{}" font-weight="bold">{name}</text>"#, top - 5)?;
        for (during, word) in result.marked() {
            let (from, to) = (during.start.max(window.start), during.end.min(window.end));
            if from < to {
                writeln!(
                    svg,
                    r##"<rect x="{:.1}" y="{top}" width="{:.1}" height="{PANEL}" fill="#f6d5cf"/><text x="{:.1}" y="{}">{word}</text>"##,
                    x(from),
                    x(to) - x(from),
                    x(from) + 4.0,
                    top + 14
                )?;
            }
        }
        for count in [1, 10, 100, 1000, 10_000] {
            let line = y(count);
            writeln!(
                svg,
                r##"<path d="M{LEFT} {line:.1}H{}" stroke="#ddd"/><text x="{}" y="{:.1}" text-anchor="end">{count}</text>"##,
                LEFT + WIDTH,
                LEFT - 6,
                line + 4.0
            )?;
        }
        for twelfth in 0..=12 {
            let second = window.start + lasts * twelfth / 12;
            writeln!(
                svg,
                r#"<text x="{:.1}" y="{}" text-anchor="middle">{}</text>"#,
                x(second),
                base + 15,
                told(second, lasts)
            )?;
        }
        let wide = (WIDTH as f64 / lasts as f64 * 0.8).clamp(1.0, 24.0);
        let mut strokes = String::new();
        for second in window.clone().step_by(usize::try_from(step).unwrap_or(1)) {
            let most = most(series, second..second + step);
            if most > 0 {
                write!(strokes, "M{:.1} {base}V{:.1}", x(second) + wide / 2.0, y(most))?;
            }
        }
        writeln!(svg, r##"<path d="{strokes}" stroke="#1f5f99" stroke-width="{wide:.1}"/>"##)?;
    }
    writeln!(svg, "</svg>")?;
    Ok(svg)
}

fn told(second: u64, lasts: u64) -> String {
    match lasts {
        HOURS.. => format!("{} h", second / 3600),
        720.. => format!("{} min", second / 60),
        _ => format!("{second} s"),
    }
}

impl Comparison {
    /// What is to be seen behind the strokes.
    fn marked(&self) -> Vec<(Range<u64>, &'static str)> {
        let plan = &self.row.plan;
        let mut marked = vec![(plan.outage.clone(), "down")];
        if let super::Api::Revoked { at, within } = plan.api {
            marked.push((at..at + within, "everyone calls"));
        }
        if let Some(stores) = &plan.stores {
            marked.extend([(stores.down.clone(), "store down"), (stores.split.clone(), "two stores")]);
        }
        marked
    }
}
