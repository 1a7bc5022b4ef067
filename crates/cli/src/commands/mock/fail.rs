//! `--fail` and `--fail-api`: which requests fail, and how.

use crate::tell::failure::Failure;
use evergrant_mock::{Endpoint, Fault, Server, Times};
use std::num::NonZeroU32;

/// `503:2`: this status for the next two requests. `503`: for every one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fail {
    status: u16,
    requests: Option<NonZeroU32>,
}

/// Reads one from the command line.
pub(super) fn fail(text: &str) -> Result<Fail, String> {
    let (status, requests) = match text.split_once(':') {
        Some((status, requests)) => (status, requests.parse().ok().map(Some)),
        None => (text, Some(None)),
    };
    let status = status.parse().ok().filter(|status| (400..=599).contains(status));
    match (status, requests) {
        (Some(status), Some(requests)) => Ok(Fail { status, requests }),
        (None, _) => Err("write a status from 400 to 599, such as 503, or 503:2 for two requests".into()),
        (_, None) => Err(
            "write how many requests fail, 1 or more, after the colon, such as 503:2; or no colon for all"
                .into(),
        ),
    }
}

/// Refuses what could never happen: something after a failure of every request.
pub(super) fn check(flag: &str, fails: &[Fail]) -> Result<(), Failure> {
    let Some((_, others)) = fails.split_last() else { return Ok(()) };
    match others.iter().find(|fail| fail.requests.is_none()) {
        Some(Fail { status, .. }) => Err(Failure::usage(
            format!("after {flag} {status}, which fails every request, another {flag} has no effect"),
            format!("say how many requests fail first, such as {flag} {status}:2"),
        )),
        None => Ok(()),
    }
}

/// Lets the requests of an endpoint fail, in this order.
pub(super) fn script(server: &Server, on: Endpoint, fails: &[Fail]) {
    for Fail { status, requests } in fails {
        let times = requests.map_or(Times::UntilCleared, |requests| Times::Next(requests.get()));
        server.fault(on, Fault::status(*status), times);
    }
}

#[cfg(test)]
mod tests;
