//! The figures of a phase, in the order in which a table has them.

use super::report::{Phase, Report, wait};

/// A phase, or all of them.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) cells: [String; 6],
}

impl Row {
    pub(super) fn of(phase: &Phase) -> Self {
        let cells = [
            phase.sum.requests.to_string(),
            phase.sum.failed.to_string(),
            phase.token_requests.to_string(),
            phase.allowed.to_string(),
            wait(phase.sum.longest_wait),
            phase.deepest_queue.to_string(),
        ];
        Self { name: phase.name, cells }
    }

    pub(super) fn total(report: &Report) -> Self {
        let cells = [
            report.requests().to_string(),
            report.failed().to_string(),
            report.token_requests().to_string(),
            // Each phase has its own.
            String::new(),
            wait(report.longest_wait()),
            report.deepest_queue().to_string(),
        ];
        Self { name: "total", cells }
    }
}
