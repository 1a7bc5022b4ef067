//! The peers, one file each, and the floors beside them. Whatever they retry by themselves is switched off where they let it be: what is compared is the
//! cache.

mod azure;
mod evergrant;
mod floor;
mod gcp_auth;
mod google;
mod huskarl;
mod object_store;
mod smithy;
mod yup;

pub use self::gcp_auth::GcpAuth;
pub use self::huskarl::Huskarl;
pub use self::object_store::ObjectStore;
pub use azure::Azure;
pub use evergrant::{Evergrant, Hasty};
pub use floor::{Bare, Static};
pub use google::{Google, GoogleKept};
pub use smithy::Smithy;
pub use yup::Yup;

use crate::Server;
use ::http::HeaderValue;
use serde_json::Value;
use std::error::Error;

/// What went wrong, in whatever words.
pub type Problem = Box<dyn Error + Send + Sync>;

/// A token cache as a program holds it.
pub trait Peer: Send + Sync + Sized + 'static {
    /// The crate and its version, as the tables name it.
    const NAME: &'static str;
    /// The `expires_in` at which it asks anew about once a second, in seconds.
    const EACH_SECOND: u64;
    /// How many callers are let at it at once without a token. Fewer where each of them makes a request.
    const CALLERS: usize = 10_000;
    /// The token as it hands it out.
    type Token: Send;

    /// One that holds nothing and asks this server. Called on a tokio runtime.
    fn new(server: &Server) -> Result<Self, Problem>;

    /// A token that may be used now.
    fn token(&self) -> impl Future<Output = Result<Self::Token, Problem>> + Send;

    /// The value of an `Authorization` header that may be sent now.
    fn header(&self) -> impl Future<Output = Result<HeaderValue, Problem>> + Send;
}

/// What a program writes whose token cache gives it a text.
fn bearer(token: &str) -> Result<HeaderValue, Problem> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// An HTTP client for the peers that take one: plain, without a proxy.
fn http() -> Result<reqwest::Client, Problem> {
    Ok(reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build()?)
}

/// A token request as a program writes it by hand, for a cache that brings none: the token and its life in seconds.
async fn ask(http: &reqwest::Client, url: &str) -> Result<(String, u64), Problem> {
    let body = "grant_type=client_credentials&client_id=client&client_secret=secret";
    let request = http.post(url).header("content-type", "application/x-www-form-urlencoded").body(body);
    let answer = request.send().await?.error_for_status()?.bytes().await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    let token = answer["access_token"].as_str().ok_or("no access_token")?;
    Ok((token.to_owned(), answer["expires_in"].as_u64().ok_or("no expires_in")?))
}
