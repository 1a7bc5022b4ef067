//! The figures of a demonstration on a terminal of any width.

use super::report::Report;
use super::row::Row;
use super::view::{BAD, BOLD, GOOD};
use crate::tell::terminal::Terminal;
use anstyle::Style;
use std::fmt::Write as _;

/// What stands at the right of a phase's name: the head of its column in two lines, and how wide it is.
const COLUMNS: [([&str; 2], usize); 6] = [
    (["", "calls"], 7),
    (["", "failed"], 6),
    (["token", "requests"], 8),
    (["", "limit"], 5),
    (["longest", "wait"], 8),
    (["deepest", "queue"], 7),
];

/// Below this many columns a table says less than a list.
const NARROWEST: usize = 60;

/// The figures, the last line being whether a call failed.
pub(super) fn figures(report: &Report, terminal: Terminal) -> String {
    let rows: Vec<Row> = report.phases.iter().map(Row::of).chain([Row::total(report)]).collect();
    let narrow = terminal.columns.is_some_and(|columns| columns < NARROWEST);
    let mut text = if narrow { list(&rows, terminal) } else { table(&rows, terminal) };
    let (failed, took) = (report.failed(), report.took.as_secs_f64());
    let style = if failed == 0 { GOOD } else { BAD };
    let last = format!("{} calls in {took:.1} s: {style}{failed} failed{style:#}", report.requests());
    text.push('\n');
    text.push_str(&terminal.hanging("", 0, &last));
    text
}

fn list(rows: &[Row], terminal: Terminal) -> String {
    let names = ["calls", "failed", "token requests", "limit of these", "longest wait", "deepest queue"];
    let mut text = String::new();
    for Row { name, cells } in rows {
        let _infallible = writeln!(text, "{BOLD}{}{BOLD:#}", terminal.hanging("", 0, name));
        for (name, cell) in names.iter().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
            let _infallible = writeln!(text, "{}", terminal.hanging("  ", 4, &format!("{name}: {cell}")));
        }
    }
    text
}

fn table(rows: &[Row], terminal: Terminal) -> String {
    let gap = if terminal.columns.is_some_and(|columns| columns < 80) { 1 } else { 2 };
    let cells: usize = COLUMNS.iter().map(|(_, width)| width + gap).sum();
    let longest = rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
    let first = terminal.columns.map_or(longest, |columns| columns.saturating_sub(cells)).min(longest);
    let mut text = String::new();
    let mut line = |name: &str, style: Style, cells: [&str; 6]| {
        let mut line = format!("{name:<first$}");
        for (cell, (_, width)) in cells.iter().zip(COLUMNS) {
            let _infallible = write!(line, "{:gap$}{cell:>width$}", "");
        }
        let _infallible = writeln!(text, "{style}{}{style:#}", line.trim_end());
    };
    let head = |at: usize| COLUMNS.map(|(head, _)| head.get(at).copied().unwrap_or_default());
    line("", BOLD, head(0));
    line("phase", BOLD, head(1));
    for Row { name, cells } in rows {
        let style = if *name == "total" { BOLD } else { Style::new() };
        let name = Terminal { columns: Some(first), ..terminal }.hanging("", 0, name);
        let mut parts = name.lines();
        line(parts.next().unwrap_or_default(), style, cells.each_ref().map(String::as_str));
        for part in parts {
            line(part, style, [""; 6]);
        }
    }
    text
}

#[cfg(test)]
mod tests;
