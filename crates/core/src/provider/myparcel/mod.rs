//! MyParcel.com: JSON body, scope `*` when none is given, JSON:API errors. Authenticate with
//! [`ClientAuth::post`](crate::ClientAuth::post).
//!
//! Its hosts can be overridden with [`Provider::with_token_endpoint`] and [`Provider::with_origins`]: the sandbox has
//! changed its name once.

mod code;
pub(crate) mod errors;
pub(crate) mod verdict;

use super::{ErrorFormat, Provider};
use crate::endpoint::Endpoint;
use crate::origin::{Origin, Origins};
use crate::request::BodyFormat;
use crate::verdict::VerdictRule;

/// The real thing: tokens from `https://auth.myparcel.com/access-token` for `https://api.myparcel.com`.
pub fn production() -> Provider {
    provider("https://auth.myparcel.com/access-token", "auth.myparcel.com", "api.myparcel.com")
}

/// The sandbox: tokens from `https://auth.sandbox.myparcel.com/access-token` for `https://api.sandbox.myparcel.com`.
pub fn sandbox() -> Provider {
    provider(
        "https://auth.sandbox.myparcel.com/access-token",
        "auth.sandbox.myparcel.com",
        "api.sandbox.myparcel.com",
    )
}

fn provider(token_endpoint: &str, auth: &str, api: &str) -> Provider {
    Provider {
        body: BodyFormat::Json,
        errors: ErrorFormat::MyParcel,
        default_scope: core::iter::once("*").collect(),
        verdict: VerdictRule::MyParcel,
        origins: Origins::from(Origin::known(api)),
        ..Provider::at(Endpoint::known(token_endpoint, Origin::known(auth)))
    }
}
