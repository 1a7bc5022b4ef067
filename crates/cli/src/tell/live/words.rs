//! What the view says of a status, in words.

use crate::tell::when::span;
use evergrant_tokio_reqwest::{Held, RequestStatus, Status};
use std::time::Duration;

/// `token 3: used for 4.2 s, renewed in 1.3 s`.
pub(crate) fn held(held: &Held) -> String {
    let number = held.generation.number();
    let used_for = match held.used_for {
        Duration::MAX => return format!("token {number}: never expires"),
        left => span(left),
    };
    match held.refresh_in {
        Duration::ZERO => format!("token {number}: used for {used_for} more, due for renewal"),
        Duration::MAX => format!("token {number}: used for {used_for}, never renewed"),
        due => format!("token {number}: used for {used_for}, renewed in {}", span(due)),
    }
}

pub(super) fn request(status: &Status) -> String {
    let Some((reason, ago)) = &status.last_request else { return "none was made".into() };
    let last = format!("{} ago: {reason}", span(*ago));
    // What never comes has no time.
    let next = match status.next_request_in {
        Duration::MAX => "no other is planned".to_owned(),
        next => format!("the next is sent in {}", span(next)),
    };
    match &status.request {
        RequestStatus::InFlight(left) => format!("{last}; waiting for the answer, {} at most", span(*left)),
        RequestStatus::Resting(..) => format!("{last}; it failed, {next}"),
        _ => format!("{last}; {next}"),
    }
}

pub(super) fn counts(status: &Status) -> String {
    let Status { requests, waiting, deepest_queue, .. } = status;
    let requests_plural = if *requests == 1 { "" } else { "s" };
    let calls = if *waiting == 1 { "call waits" } else { "calls wait" };
    format!(
        "{requests} request{requests_plural}, {waiting} {calls} for a token, {deepest_queue} at most so far"
    )
}
