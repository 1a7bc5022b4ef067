//! What came of each case: a line when it ends, a table when all have.

use crate::Job;
use crate::cases::Case;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

const DRIVERS: [&str; 8] =
    ["command", "run", "gateway", "tokio-reqwest", "async-std", "smol", "ureq", "by hand"];

struct Line {
    server: &'static str,
    case: &'static str,
    driver: &'static str,
    passed: bool,
}

/// The results so far.
#[derive(Default)]
pub(crate) struct Report(Mutex<Vec<Line>>);

impl Report {
    /// Runs it, and prints its line. What a panic says is on stderr before it, with the name of the case.
    pub(crate) fn run(&self, case: &Case<'_>, driver: &'static str, job: Job<'_>) {
        let began = Instant::now();
        let (server, name) = (case.server.name, case.name);
        let passed = thread::scope(|scope| {
            let thread = thread::Builder::new().name(format!("{server}, {driver}, {name}"));
            thread.spawn_scoped(scope, job).unwrap().join().is_ok()
        });
        let took = began.elapsed().as_secs_f32();
        let verdict = if passed { "ok" } else { "FAILED" };
        let mut lines = self.0.lock().unwrap();
        println!("{verdict:6} {server:13} {driver:13} {name} ({took:.1} s)");
        lines.push(Line { server, case: name, driver, passed });
    }

    /// Prints the table and the sum.
    pub(crate) fn finish(self) -> ExitCode {
        let lines = self.0.into_inner().unwrap();
        let mut rows: Vec<(&str, &str)> = Vec::new();
        for line in &lines {
            if !rows.contains(&(line.server, line.case)) {
                rows.push((line.server, line.case));
            }
        }
        rows.sort_by_key(|(server, _)| *server);
        let width = rows.iter().map(|(_, case)| case.len()).max().unwrap_or_default();
        let head = DRIVERS.map(|driver| format!("{driver:>15}"));
        println!("\n{:13} {:width$}{}", "server", "case", head.concat());
        for (server, case) in rows {
            let cells = DRIVERS.map(|driver| {
                let line =
                    lines.iter().find(|line| (line.server, line.case, line.driver) == (server, case, driver));
                let cell = match line {
                    Some(line) if line.passed => "ok",
                    Some(_) => "FAILED",
                    None => "-",
                };
                format!("{cell:>15}")
            });
            println!("{server:13} {case:width$}{}", cells.concat());
        }
        let passed = lines.iter().filter(|line| line.passed).count();
        let failed = lines.len() - passed;
        println!("\n{passed} passed, {failed} failed");
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
