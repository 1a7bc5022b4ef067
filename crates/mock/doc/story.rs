// The program under test in the examples of this crate: an HTTP client that sends what it is told, and no more.

use evergrant_mock::{Server, Trust};
use ureq::http::Response;
use ureq::{Agent, Body, Error};

fn agent() -> Agent {
    Agent::config_builder().proxy(None).http_status_as_error(false).max_redirects(0).build().into()
}

/// A token request with the credentials that the server accepts by default.
pub fn ask_for_token(server: &Server) -> Result<Response<Body>, Error> {
    ask_as(server, Server::CLIENT_ID, Server::CLIENT_SECRET)
}

/// A request for the metadata, as OpenID Connect Discovery has it.
pub fn ask_for_metadata(server: &Server) -> Result<Response<Body>, Error> {
    agent().get(format!("{}/.well-known/openid-configuration", server.issuer())).call()
}

/// A token request with these credentials.
pub fn ask_as(server: &Server, id: &str, secret: &str) -> Result<Response<Body>, Error> {
    ask_with(server, &[("client_id", id), ("client_secret", secret)])
}

/// A token request with these parameters beside its grant type.
pub fn ask_with(server: &Server, parameters: &[(&str, &str)]) -> Result<Response<Body>, Error> {
    let grant = ("grant_type", "client_credentials");
    agent().post(server.token_endpoint()).send_form([&[grant], parameters].concat())
}

/// A token request with this client assertion (RFC 7523 §2.2).
pub fn ask_by_assertion(server: &Server, assertion: &str) -> Result<Response<Body>, Error> {
    let parameters = [("client_assertion_type", Trust::JWT_BEARER), ("client_assertion", assertion)];
    ask_with(server, &parameters)
}

/// A call of the resource API with this token.
pub fn call_api(server: &Server, token: &str) -> Result<Response<Body>, Error> {
    agent().get(server.resource("/things")).header("Authorization", format!("Bearer {token}")).call()
}
