use super::*;
use crate::auth::ClientAuth;
use crate::client::Client;
use crate::error::{Class, Excerpt, Malformed, Problem, Refusal, TransportErrorKind};
use crate::lifetime::JwtHint;
use crate::provider::{Provider, myparcel};
use crate::time::{Mono, Now, Wall};
use alloc::format;
use alloc::string::{String, ToString};
use proptest::prelude::*;

mod body;
mod grant;
mod refusal;
mod words;

/// Mon, 23 Nov 2026 12:00:00 GMT
const W0: u64 = 1_795_435_200;
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn sent() -> Now {
    Now::new(Mono::ZERO, Wall::from_epoch(Duration::from_secs(W0)))
}

fn auth() -> ClientAuth {
    ClientAuth::basic("client", "s3cr3t/+ value").unwrap()
}

fn client() -> Client {
    let provider = Provider::rfc6749("https://as.example/token").unwrap();
    Client::builder(provider, auth()).scope("a b").build().unwrap()
}

fn myparcel_client() -> Client {
    Client::builder(myparcel::production(), ClientAuth::post("client", "s3cr3t").unwrap()).build().unwrap()
}

fn answer(status: u16, content_type: &str, body: impl AsRef<[u8]>) -> Response {
    Response::new(status).with_header("Content-Type", content_type.as_bytes()).with_body(body.as_ref().into())
}

fn read(response: &Response) -> Result<Grant, Refusal> {
    client().read(response, sent())
}

fn ok(body: impl AsRef<[u8]>) -> Result<Grant, Refusal> {
    read(&answer(200, JSON, body))
}

fn refused(status: u16, body: &str) -> Refusal {
    read(&answer(status, JSON, body)).unwrap_err()
}

fn myparcel_refused(status: u16, body: &str) -> Refusal {
    myparcel_client().read(&answer(status, "application/vnd.api+json", body), sent()).unwrap_err()
}

fn malformed(result: Result<Grant, Refusal>) -> Malformed {
    let refusal = result.unwrap_err();
    match refusal.problem() {
        Problem::Malformed(why) => {
            assert_eq!(refusal.class(), Class::Transient, "{refusal}");
            *why
        }
        _ => panic!("{refusal}"),
    }
}

/// The life of a token with this `expires_in` (the text of a JSON value), in seconds.
fn life(expires_in: &str) -> Option<u64> {
    life_of(&format!("\"expires_in\":{expires_in}"))
}

fn life_of(members: &str) -> Option<u64> {
    let grant = ok(format!("{{\"access_token\":\"t\",\"token_type\":\"Bearer\",{members}}}")).unwrap();
    grant.lifetime().life.map(|life| life.as_secs())
}
