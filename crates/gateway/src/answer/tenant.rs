//! What is wrong with the client of a tenant.

use std::fmt;

/// Why the client of a tenant cannot be used. What it is in particular is for the operator: it may have paths and names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum TenantFault {
    /// What is known of it makes no client.
    Client,
    /// Its tokens may not go to the API of the route.
    Origin,
    /// It could not be read in time.
    Late,
}

impl fmt::Display for TenantFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "the configuration of this caller's client is faulty",
            Self::Origin => "the tokens of this caller's client may not go to the API of this route",
            Self::Late => "the configuration of this caller's client could not be read in time",
        })
    }
}

impl std::error::Error for TenantFault {}
