//! What the command shows on terminals of several widths, and to a pipe.
#![cfg(target_os = "linux")]
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::terminal::{Terminal, cut, rearranged, resized_screen, screen, styled};
use fixture::{evergrant, run};
use regex::{Captures, Regex};
use snapbox::assert::DEFAULT_ACTION_ENV;
use snapbox::{Assert, Data};
use std::path::Path;

/// With tokens of 2 s: those of 1 s expire on their way where the machine is very slow.
const DEMO: [&str; 5] = ["demo", "--seconds", "10", "--workers", "4"];

/// The figures, which differ each time, as N: in a table as wide as before, in a sentence alone.
fn redacted(shown: &str) -> String {
    let cell = Regex::new(r" {2,}\d+( ms|\.\d s)?").unwrap();
    let inline = Regex::new(r"\d+(?<calls> calls)|\d+(?<requests> token request)s?|(?<what>wait |queue |in )[\d.]+(?<unit> ms| s)?").unwrap();
    let as_wide = |cell: &Captures<'_>| {
        // On a very slow machine a wait is told in seconds.
        let unit = cell.get(1).map_or("", |_| " ms");
        format!("{:>1$}{unit}", 'N', cell[0].len() - unit.len())
    };
    let alone = |found: &Captures<'_>| {
        let part = |name| found.name(name).map_or("", |part| part.as_str());
        match part("what") {
            "" => format!("N{}{}", part("calls"), part("requests")),
            "wait " => "wait N ms".to_owned(),
            what => format!("{what}N{}", part("unit")),
        }
    };
    let lines = shown.lines().map(|line| {
        let line = inline.replace_all(line, alone);
        let (first, rest) = line.split_at(line.find(|c| c != ' ').unwrap_or(0));
        format!("{first}{}\n", cell.replace_all(rest, as_wide))
    });
    lines.collect()
}

fn assert_shown(name: &str, shown: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/columns").join(name);
    Assert::new().action_env(DEFAULT_ACTION_ENV).eq(redacted(shown), Data::read_from(&path, None).raw());
}

/// It succeeds on so many columns, and shows what it showed before. Returns everything that was written.
#[track_caller]
fn assert_readable(terminal: Terminal, columns: u16) -> String {
    let (status, shown) = terminal.end();
    assert_eq!(status, Some(0), "{shown}");
    let screen = screen(columns, shown.as_bytes());
    assert!(screen.ends_with(" 0 failed"), "the last thing one sees: {screen}");
    assert_shown(&format!("demo-{columns}.txt"), &screen);
    shown
}

#[test]
fn the_demonstration_on_60_columns_with_a_curve_of_the_calls_and_what_the_server_does() {
    let terminal = Terminal::of(60, &DEMO, &[]);
    for words in ["up: grants every token request", "down: answers every token request with 503"] {
        terminal.when(|shown| {
            let screen = screen(60, shown.as_bytes());
            screen.contains(words) && screen.contains(" a second") && screen.contains('█')
        });
    }
    assert_readable(terminal, 60);
}

#[test]
fn the_demonstration_on_80_columns_with_red_for_trouble_and_green_for_what_is_good() {
    let shown = assert_readable(Terminal::of(80, &DEMO, &[]), 80);
    let [red, green, yellow] = [1, 2, 3].map(vt100::Color::Idx);
    for (words, wanted) in [
        ("server down, token alive:", red),
        ("revoked:", yellow),
        ("ok: ", green),
        ("everyone needs a token", vt100::Color::Default),
        ("server down, token alive  ", vt100::Color::Default),
    ] {
        assert_eq!(colour(&shown, 80, words), Some(wanted), "{words}");
    }
    assert!(shown.trim_end().ends_with("\u{1b}[1m\u{1b}[32m0 failed\u{1b}[0m"), "{shown:?}");
}

#[test]
fn the_demonstration_on_100_columns() {
    assert_readable(Terminal::of(100, &DEMO, &[]), 100);
}

#[test]
fn what_the_demonstration_has_said_outlives_other_widths_of_its_terminal() {
    let terminal = Terminal::of(100, &DEMO, &[]);
    let mut sizes = vec![(0, 100)];
    for (phase, columns) in [("2/6 ", 60), ("3/6 ", 20), ("4/6 ", 100), ("5/6 ", 40), ("expired: ", 120)] {
        terminal.until(phase);
        sizes.push((terminal.resize(columns), columns));
    }
    let (status, shown) = terminal.end();
    assert_eq!(status, Some(0), "{shown}");
    for resize in [cut, rearranged] {
        let screen = resized_screen(&sizes, shown.as_bytes(), resize);
        let mut lines = screen.lines();
        // What was on its way when the width changed may stay before it, and the rest of a line may be cut off.
        for words in [
            "4 workers call an AP",
            "1/6 cold",
            "2/6 ref",
            "3/6 rev",
            "4/6 server",
            "5/6 server",
            "6/6 through",
        ] {
            assert!(lines.any(|line| line.contains(words)), "{words:?} is not in its place: {screen}");
        }
        assert_eq!(screen.matches("ok: ").count(), 6, "{screen}");
        assert!(screen.ends_with(" 0 failed"), "{screen}");
    }
}

#[test]
fn the_demonstration_on_120_columns() {
    assert_readable(Terminal::of(120, &DEMO, &[]), 120);
}

#[test]
fn the_demonstration_in_a_pipe_has_no_colours_and_whole_lines() {
    let piped = run(&mut evergrant(&DEMO));
    assert_eq!((piped.status, piped.stderr.as_str()), (0, ""));
    assert!(piped.stdout.is_ascii() && !piped.stdout.contains('\u{1b}'), "{:?}", piped.stdout);
    assert_shown("demo-piped.txt", &piped.stdout);
}

/// The colour in which a terminal shows the first letter of these words.
fn colour(shown: &str, columns: u16, words: &str) -> Option<vt100::Color> {
    let mut parser = vt100::Parser::new(200, columns, 0);
    parser.process(shown.as_bytes());
    let screen = parser.screen();
    let (row, line) = screen.rows(0, columns).enumerate().find(|(_, row)| row.contains(words))?;
    let column = line[..line.find(words)?].chars().count();
    Some(screen.cell(u16::try_from(row).unwrap(), u16::try_from(column).unwrap())?.fgcolor())
}

#[test]
fn colours_can_be_unwanted_and_a_locale_can_be_without_utf_8() {
    for variables in [[("NO_COLOR", "1"), ("LC_ALL", "C")], [("TERM", "dumb"), ("LC_ALL", "POSIX")]] {
        let terminal = Terminal::of(80, &DEMO, &variables);
        if variables[0].0 == "NO_COLOR" {
            // The view, with its curve.
            let curve = |line: &str| line.starts_with("calls   ") && line.contains('#');
            terminal.when(|shown| screen(80, shown.as_bytes()).lines().any(curve));
        }
        let (status, shown) = terminal.end();
        assert_eq!(status, Some(0), "{shown}");
        assert!(shown.is_ascii() && !styled(&shown), "{shown:?}");
    }
}
