use super::Live;
use evergrant_tokio_reqwest::core::{
    Cause, Class, Problem, Reason, Refusal, TransportError, TransportErrorKind,
};
use evergrant_tokio_reqwest::{LastOutcome, RequestStatus, Status, Tokens};
use indicatif::{InMemoryTerm, ProgressDrawTarget};
use std::time::Duration;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
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

fn terminal() -> (Live, InMemoryTerm) {
    let terminal = InMemoryTerm::new(12, 100);
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 255);
    (Live::on(target), terminal)
}

/// What is on the terminal once it is drawn; drawing is limited in its rate.
#[track_caller]
fn shows(live: &mut Live, terminal: &InMemoryTerm, status: &Status, lines: &[&str]) {
    for _ in 0..600 {
        live.show(status);
        let contents = terminal.contents();
        if lines.iter().all(|line| contents.lines().any(|drawn| drawn == *line)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{lines:#?} are not all in:\n{}", terminal.contents());
}

#[test]
fn the_view_shows_what_is_held_what_happened_and_what_comes_next() {
    let (mut live, terminal) = terminal();
    let mut status = status();
    shows(
        &mut live,
        &terminal,
        &status,
        &[
            "token   ━━━━━━━━━━━━━━━━━━━━━━━━ token 0: used for 50 min, renewed in 45 min",
            "request 1 min 1 s ago: there was none yet; the next is sent in 45 min",
            "counts  1 request, 0 calls wait for a token, 7 at most so far",
            "trouble none so far",
        ],
    );
    let held = status.held.as_mut().unwrap();
    (held.used_for, held.refresh_in) = (s(750), s(0));
    status.request = RequestStatus::InFlight(s(9));
    status.last_request = Some((Reason::Early, s(1)));
    status.requests = 2;
    shows(
        &mut live,
        &terminal,
        &status,
        &[
            "token   ━━━━━━╸───────────────── token 0: used for 12 min 30 s more, due for renewal",
            "request 1 s ago: the current one expires soon; its answer is awaited for 9 s",
            "counts  2 requests, 0 calls wait for a token, 7 at most so far",
        ],
    );
}

#[test]
fn a_failure_is_shown_until_the_next_one_even_when_a_token_came_since() {
    let (mut live, terminal) = terminal();
    let mut status = status();
    status.held = None;
    (status.waiting, status.next_request_in) = (3, s(4));
    let words = "the lookup of auth.example.com ended after three name servers did not answer";
    let problem = Problem::Transport(TransportError::new(TransportErrorKind::Resolve, words, &[]));
    let cause = Cause::Refused(Refusal::new(Class::Transient, None, problem).into());
    status.request = RequestStatus::Resting(s(4), cause.clone());
    status.last_outcome = Some((LastOutcome::Failed(cause), s(120)));
    // Cut where the terminal ends.
    let failure = "trouble 2 min ago: the token endpoint cannot be reached: the host name cannot be resolved (the looku";
    let resting = "request 1 min 1 s ago: there was none yet; it failed, the next is sent in 4 s";
    let empty = "token   ──────────────────────── none";
    shows(&mut live, &terminal, &status, &[empty, resting, failure]);
    status.last_outcome = None;
    live.show(&status);
    assert!(terminal.contents().contains("trouble 2 min ago"), "{}", terminal.contents());
}

#[test]
fn what_is_said_stays_and_the_view_goes() {
    let (mut live, terminal) = terminal();
    live.show(&status());
    live.say("a phase begins");
    shows(&mut live, &terminal, &status(), &["a phase begins", "trouble none so far"]);
    live.end();
    assert_eq!(terminal.contents(), "a phase begins");
}
