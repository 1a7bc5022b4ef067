//! What a value must be by itself: the rules are the library's, and are found by making a client of it.

use crate::client::args::RFC8414;
use evergrant_tokio_reqwest::core::{ClientBuilder, Endpoint};
use evergrant_tokio_reqwest::{AssertionForm, Client, ClientAuth, ConfigError, Origin, Provider};

type Judged = Result<(), ConfigError>;

/// Whether plain http is meant is not said by the URL.
pub(super) fn token_endpoint(url: &str) -> Judged {
    Endpoint::dangerous_plain_http(url).map(drop)
}

/// Whether plain http is meant is not said by the URL.
pub(super) fn issuer(issuer: &str) -> Judged {
    Provider::discovered_dangerous_plain_http(issuer).map(drop)
}

/// An address, or the word for the form of RFC 8414.
pub(super) fn metadata_url(url: &str) -> Judged {
    if url == RFC8414 {
        return Ok(());
    }
    Provider::discovered_dangerous_plain_http("https://server.example")?.with_metadata_at(url).map(drop)
}

pub(super) fn client_id(id: &str) -> Judged {
    ClientAuth::none(id).map(drop)
}

pub(super) fn header_type(text: &str) -> Judged {
    AssertionForm::new().with_type(text).map(drop)
}

pub(super) fn claim(name: &str, json: &str) -> Judged {
    let provider = Provider::rfc6749("https://server.example/token")?;
    let client = Client::builder(provider, ClientAuth::private_key_jwt("any")?);
    client.assertion_claim(name, json).build().map(drop)
}

pub(super) fn scope(scope: &str) -> Judged {
    client(|client| client.scope(scope))
}

pub(super) fn resource(uri: &str) -> Judged {
    client(|client| client.resource(uri))
}

pub(super) fn audience(audience: &str) -> Judged {
    client(|client| client.audience(audience))
}

pub(super) fn param(name: &str, value: &str) -> Judged {
    client(|client| client.param(name, value))
}

/// Whether plain http is meant is not said by the origin.
pub(super) fn origin(origin: &str) -> Judged {
    Origin::dangerous_plain_http(origin).map(drop)
}

pub(super) fn user_agent(text: &str) -> Judged {
    header("User-Agent", text)
}

pub(super) fn header(name: &str, value: &str) -> Judged {
    client(|client| client.header(name, value))
}

/// A client of which this is said and nothing else.
fn client(say: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Judged {
    let provider = Provider::rfc6749("https://server.example/token")?;
    say(Client::builder(provider, ClientAuth::none("any")?)).build().map(drop)
}
