use super::figures;
use crate::commands::demo::report::Report;
use crate::tell::terminal::Terminal;
use std::time::Duration;

fn report() -> Report {
    let phases = [
        ("cold start", 3103, 0, 1, 1, 41, 32),
        ("server down, longer than a token lives", 123_456, 0, 14, 20, 13_750, 1000),
    ];
    Report::of_figures(&phases, Duration::from_millis(20_049))
}

fn lines(report: &Report, columns: Option<usize>) -> Vec<String> {
    let terminal = Terminal { columns, unicode: false, colours: false };
    terminal.coloured(figures(report, terminal)).lines().map(str::to_owned).collect()
}

#[test]
fn a_wide_table_has_a_line_for_each_phase() {
    let wide = lines(&report(), None);
    assert_eq!(
        wide,
        [
            "                                                            token          longest  deepest",
            "phase                                     calls  failed  requests  limit      wait    queue",
            "cold start                                 3103       0         1      1     41 ms       32",
            "server down, longer than a token lives   123456       0        14     20    13.8 s     1000",
            "total                                    126559       0        15           13.8 s     1000",
            "",
            "126559 calls in 20.0 s: 0 failed",
        ]
    );
    assert_eq!(lines(&report(), Some(100)), wide);
}

#[test]
fn on_60_columns_the_names_take_more_lines() {
    assert_eq!(
        lines(&report(), Some(60)),
        [
            "                                token        longest deepest",
            "phase           calls failed requests limit     wait   queue",
            "cold start       3103      0        1     1    41 ms      32",
            "server down,   123456      0       14    20   13.8 s    1000",
            "longer than a",
            "token lives",
            "total          126559      0       15         13.8 s    1000",
            "",
            "126559 calls in 20.0 s: 0 failed",
        ]
    );
}

#[test]
fn every_line_fits_and_the_last_thing_is_whether_a_call_failed() {
    for columns in 16..130 {
        let lines = lines(&report(), Some(columns));
        let longest = lines.iter().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= columns, "{columns}: {lines:#?}");
        assert!(lines.join(" ").ends_with(": 0 failed"));
    }
}
