use super::{Live, Row, Seen};
use crate::tell::terminal::Terminal;
use evergrant_tokio_reqwest::core::{
    Cause, Class, Problem, Reason, Refusal, TransportError, TransportErrorKind,
};
use evergrant_tokio_reqwest::{LastOutcome, RequestStatus, Status, Tokens};
use std::time::Duration;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn status() -> Status {
    let mut status = Tokens::fixed("a-token").unwrap().status();
    let held = status.held.as_mut().unwrap();
    (held.used_for, held.refresh_in) = (s(3000), s(2700));
    status.next_request_in = s(2700);
    status.last_request = Some((Reason::First, s(61)));
    (status.requests, status.waiting, status.deepest_queue) = (1, 0, 7);
    status
}

const fn plain(columns: usize) -> Terminal {
    Terminal { columns: Some(columns), unicode: true, colours: false }
}

/// The lines of the view on such a terminal, without colours.
fn lines(seen: &mut Seen, status: &Status, terminal: Terminal) -> Vec<String> {
    with(seen, status, &[], terminal)
}

/// The same with more rows.
fn with(seen: &mut Seen, status: &Status, rows: &[Row], terminal: Terminal) -> Vec<String> {
    let view = terminal.coloured(seen.view(status, rows, terminal));
    view.lines().map(str::to_owned).collect()
}

#[test]
fn the_view_shows_what_is_held_what_happened_and_what_comes_next() {
    let (mut seen, mut status) = (Seen::default(), status());
    assert_eq!(
        lines(&mut seen, &status, plain(100)),
        [
            "token   ━━━━━━━━━━━━━━━━━━━━━━━━ token 0: used for 50 min, renewed in 45 min",
            "request 1 min 1 s ago: there was none yet; the next is sent in 45 min",
            "counts  1 request, 0 calls wait for a token, 7 at most so far",
            "trouble none so far",
        ],
    );
    let held = status.held.as_mut().unwrap();
    (held.used_for, held.refresh_in) = (s(750), s(0));
    status.request = RequestStatus::InFlight(ms(9300));
    status.last_request = Some((Reason::Early, ms(690)));
    (status.requests, status.waiting) = (2, 1);
    let ascii = Terminal { unicode: false, ..plain(100) };
    assert_eq!(
        lines(&mut seen, &status, ascii)[..3],
        [
            "token   ######------------------ token 0: used for 12 min 30 s more, due for renewal",
            "request 0.6 s ago: the current one expires soon; waiting for the answer, 9.3 s at most",
            "counts  2 requests, 1 call waits for a token, 7 at most so far",
        ],
    );
    (status.held, status.next_request_in, status.request) = (None, Duration::MAX, RequestStatus::Idle);
    assert_eq!(
        lines(&mut seen, &status, plain(100))[..2],
        [
            "token   ──────────────────────── none",
            "request 0.6 s ago: the current one expires soon; no other is planned",
        ],
    );
}

#[test]
fn on_50_columns_all_is_said_in_more_lines() {
    let (mut seen, mut status) = (Seen::default(), status());
    (status.held.as_mut().unwrap().used_for, status.held.as_mut().unwrap().refresh_in) = (ms(9870), ms(4200));
    let words = "the lookup of auth.example.com ended after three name servers did not answer";
    let problem = Problem::Transport(TransportError::new(TransportErrorKind::Resolve, words, &[]));
    let cause = Cause::Refused(Refusal::new(Class::Transient, None, problem).into());
    status.request = RequestStatus::Resting(s(4), cause.clone());
    status.next_request_in = s(4);
    status.last_outcome = Some((LastOutcome::Failed(cause), s(120)));
    let shown = lines(&mut seen, &status, plain(50));
    assert_eq!(
        shown,
        [
            "token   ━━━━━━━━━━━━━━━━━━━━━━━━",
            "        token 0: used for 9.8 s, renewed in 4.2 s",
            "request 1 min 1 s ago: there was none yet; it",
            "        failed, the next is sent in 4.0 s",
            "counts  1 request, 0 calls wait for a token, 7 at",
            "        most so far",
            "trouble 2 min ago: the token endpoint cannot be",
            "        reached: the host name cannot be resolved",
            "        (the lookup of auth.example.com ended",
            "        after three name servers did not answer)",
        ]
    );
    status.last_outcome = None;
    assert_eq!(lines(&mut seen, &status, plain(50)), shown, "a failure is shown until the next one");
}

#[test]
fn a_row_has_its_latest_figures_as_a_curve() {
    let row = Row { name: "calls", figures: (0..100).collect(), text: "5000 a second".into() };
    let rows = [row, Row { name: "server", figures: Vec::new(), text: "up".into() }];
    let shown = |terminal| with(&mut Seen::default(), &status(), &rows, terminal).join("\n");
    let last = |terminal, words: &str| assert!(shown(terminal).ends_with(words), "{}", shown(terminal));
    last(plain(100), "\ncalls   ▇▇▇▇▇▇▇▇▇▇▇█████████████ 5000 a second\nserver  up");
    last(plain(72), "\ncalls   ███████████ 5000 a second\nserver  up");
    let ascii = Terminal { unicode: false, ..plain(30) };
    last(ascii, "\ncalls   *******###############\n        5000 a second\nserver  up");
}

#[test]
fn no_column_is_too_few() {
    for columns in 0..200 {
        let (mut seen, status) = (Seen::default(), status());
        let widest = lines(&mut seen, &status, plain(columns)).iter().map(|line| line.chars().count()).max();
        // Longer than the terminal are single words alone.
        assert!(widest.unwrap() <= columns.max(24), "{columns}: {widest:?}");
    }
}

#[test]
fn what_is_said_stays_and_the_view_goes() {
    let mut written = Vec::new();
    let mut live = Live::on(&mut written);
    live.say("a phase begins");
    live.show(&status(), &[Row { name: "calls", figures: vec![0, 4, 8], text: "many".into() }]);
    live.end();
    let written = String::from_utf8(written).unwrap();
    let (view, end) = written.rsplit_once("\u{1b}[J").unwrap();
    assert!(view.contains("a phase begins\n"), "{view:?}");
    for words in ["used for", "trouble", "calls", "many"] {
        assert!(view.contains(words), "{view:?}");
    }
    assert_eq!(end, "");
}
