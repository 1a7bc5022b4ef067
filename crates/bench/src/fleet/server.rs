//! The authorization server, the API, and what both know of a token.

use super::plan::{Api, Plan};
use evergrant_core::AccessToken;
use evergrant_core::Response;
use evergrant_core::fleet::{Print, Sealed};
use std::time::Duration;

/// The tokens that were issued, the first with the number 0, and when each ends: from the start of the fleet.
#[derive(Debug, Default)]
pub(super) struct Server {
    ends: Vec<Duration>,
    revoked: usize,
}

impl Server {
    /// The answer to a request that arrived at this time.
    pub(super) fn answer(&mut self, plan: &Plan, time: Duration) -> Response {
        if plan.outage.contains(&time.as_secs()) {
            return Response::new(503);
        }
        let current = self.ends.last().filter(|end| plan.repeats && **end > time + Duration::from_secs(1));
        let left = match current {
            Some(end) => (*end - time).as_secs(),
            None => {
                self.ends.push(time + Duration::from_secs(plan.life));
                plan.life
            }
        };
        let number = self.ends.len() - 1;
        let body = format!(r#"{{"access_token":"t{number}","token_type":"Bearer","expires_in":{left}}}"#);
        Response::new(200).with_header("Content-Type", b"application/json").with_body(body.into())
    }

    /// All that was issued so far is revoked.
    pub(super) fn revoke(&mut self) {
        self.revoked = self.ends.len();
    }

    /// Whether the API answers 401.
    pub(super) fn refuses(&self, plan: &Plan, token: &AccessToken) -> bool {
        match plan.api {
            Api::Takes => false,
            Api::Revoked { .. } => number(token).is_some_and(|number| number < self.revoked),
            Api::Refuses => true,
        }
    }

    pub(super) fn end(&self, token: &AccessToken) -> Duration {
        number(token).and_then(|number| self.ends.get(number)).copied().unwrap_or_default()
    }
}

fn number(token: &AccessToken) -> Option<usize> {
    token.expose().strip_prefix('t')?.parse().ok()
}

/// What names a token in the store: its number, where a real one is a keyed digest.
pub(super) fn print(token: &AccessToken) -> Print {
    Print::new((number(token).unwrap_or(usize::MAX) as u64).to_be_bytes())
}

/// The token as it lies in the store, where a real one is encrypted.
pub(super) fn seal(token: &AccessToken) -> Sealed {
    Sealed::new(token.expose().as_bytes())
}

pub(super) fn open(sealed: &Sealed) -> Option<AccessToken> {
    AccessToken::new(std::str::from_utf8(sealed.as_bytes()).ok()?).ok()
}
