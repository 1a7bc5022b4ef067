//! Whose token a request gets.

use crate::access::Caller;
use crate::answer::{Problem, TenantFault};
use crate::inbound::Inbound;
use crate::rules::Denied;
use crate::settings::Lent;
use crate::table::Placed;
use crate::tenants::{Tenants, UnknownTenant};
use evergrant_core::Generation;
use evergrant_drive::{CertifiedKey, Snapshot};
use evergrant_http::Guard;
use evergrant_tokio_reqwest::{PoolError, Tokens};
use http::HeaderValue;
use std::borrow::Cow;
use std::time::Duration;
use tokio::time::timeout;

/// Whose token a request gets, and what tells that the API refuses it.
pub(super) struct Lender<'a> {
    pub(super) tokens: Cow<'a, Tokens>,
    pub(super) guard: Cow<'a, Guard>,
    /// Whether its token requests show a certificate, and the API is spoken to by TLS.
    shows_certificate: bool,
}

/// What a request is made with, of one moment.
pub(super) struct Authorized {
    pub(super) authorization: HeaderValue,
    pub(super) generation: Generation,
    /// The certificate that brought the token, where the API may be shown it.
    pub(super) shown: Option<CertifiedKey>,
}

impl<'a> Lender<'a> {
    /// That of the route, or of the tenant whose key the caller has shown: nothing else of a request takes part in choosing it.
    pub(super) async fn of(
        caller: &Inbound,
        placed: &'a Placed,
        who: &Caller,
        patience: Duration,
    ) -> Result<Self, Problem> {
        let tenants = match &placed.route.tokens {
            Lent::Of(tokens) => {
                let (tokens, guard) = (Cow::Borrowed(tokens), Cow::Borrowed(&placed.guard));
                return Ok(Self { tokens, guard, shows_certificate: placed.shows_certificate });
            }
            Lent::Tenants(tenants) => tenants,
        };
        let name = who.name().ok_or_else(|| Problem::denied(&Denied::Tenant))?;
        let found = match tenants.known(name) {
            Some(known) => known,
            None => made(caller, tenants, name, patience).await?,
        };
        let tokens = found.map_err(|error| problem(&error))?;
        let guard = guard(placed, &tokens)?;
        let shows_certificate = placed.shows(&tokens);
        Ok(Self { tokens: Cow::Owned(tokens), guard: Cow::Owned(guard), shows_certificate })
    }

    /// What of this snapshot a request is made with.
    pub(super) fn lent(&self, snapshot: &Snapshot<HeaderValue>) -> Authorized {
        Authorized {
            authorization: snapshot.value().clone(),
            generation: snapshot.token().generation(),
            shown: snapshot.identity().filter(|_| self.shows_certificate).cloned(),
        }
    }
}

async fn made(
    caller: &Inbound,
    tenants: &Tenants,
    name: &str,
    patience: Duration,
) -> Result<Result<Tokens, PoolError>, Problem> {
    let made = caller.watch.unless_gone(timeout(patience, tenants.made(name))).await;
    made.map_err(|_late| Problem::tenant(TenantFault::Late))
}

/// What tells that the API refuses a token of this client, which may go there.
fn guard(placed: &Placed, tokens: &Tokens) -> Result<Guard, Problem> {
    // The API of a fixed token is for the route alone to say.
    let Some(client) = tokens.source().shared().client() else { return Ok(placed.guard.clone()) };
    if !client.provider().origins().contains(placed.route.upstream.origin()) {
        return Err(Problem::tenant(TenantFault::Origin));
    }
    Ok(placed.guard.clone().with_verdict(client.provider().verdict().clone()))
}

/// Why there is no source for the caller, without what is the operator's to know.
fn problem(error: &PoolError) -> Problem {
    match error {
        PoolError::Client(error) if error.is::<UnknownTenant>() => Problem::denied(&Denied::Tenant),
        PoolError::Full(full) => Problem::tenants_full(full.retry_after),
        _ => Problem::tenant(TenantFault::Client),
    }
}
