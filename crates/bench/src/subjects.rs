//! What is measured, and held by tests: a source with a token, clients, responses, JWTs.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use evergrant_core::{
    AccessToken, Client, ClientAuth, ConfigError, Grant, Mono, Now, Provider, Response, Stored, Wall,
};
use evergrant_tokio_reqwest::{Event, Observer, Tokens, TokensBuilder};
use http::HeaderValue;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A text of so many bytes, as opaque as a token may be.
pub fn opaque(length: usize) -> String {
    "a".repeat(length)
}

/// A JWT of about this length: a header, claims with scopes, and the signature of RS256 or, where that is too long, ES256.
pub fn jwt(length: usize) -> String {
    let encoded = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let (algorithm, signature) = if length < 800 { ("ES256", 64) } else { ("RS256", 256) };
    let header = encoded(format!(r#"{{"typ":"JWT","alg":"{algorithm}"}}"#).as_bytes());
    let signature = encoded(&vec![0x5a; signature]);
    let begin = r#"{"aud":"a-client","jti":"0f3a","iat":1795435200,"nbf":1795435200,"exp":1795438800,"sub":"","scopes":["#;
    let mut payload = String::from(begin);
    while header.len() + signature.len() + (payload.len() + 20) * 4 / 3 + 4 < length {
        payload.push_str(r#""shipments.manage","#);
    }
    payload.push_str("\"*\"]}");
    format!("{header}.{}.{signature}", encoded(payload.as_bytes()))
}

/// When everything happens that takes `now`: Mon, 23 Nov 2026 12:00:00 GMT, and so many seconds.
pub fn noon_and(seconds: u64) -> Now {
    let noon = Now::new(
        Mono::from_origin(Duration::from_secs(1000)),
        Wall::from_epoch(Duration::from_secs(1_795_435_200)),
    );
    noon.after(Duration::from_secs(seconds))
}

/// A client of a server that wants its parameters as RFC 6749 has them.
pub fn client(auth: impl FnOnce(&str, &str) -> Result<ClientAuth, ConfigError>) -> Client {
    client_of(Provider::rfc6749("https://auth.example.com/token").unwrap(), auth)
}

/// A client of this server, which asks for one scope.
pub fn client_of(
    provider: Provider,
    auth: impl FnOnce(&str, &str) -> Result<ClientAuth, ConfigError>,
) -> Client {
    let auth = auth("a-client-of-some-kind", "a secret, 24 bytes long").unwrap();
    Client::builder(provider, auth).scope("shipments.manage").build().unwrap()
}

/// The body of a token response with this token.
pub fn body(token: &str) -> String {
    format!(
        r#"{{"token_type":"Bearer","expires_in":3600,"access_token":"{token}","scope":"shipments.manage"}}"#
    )
}

/// The whole answer with this body.
pub fn response(body: &str) -> Response {
    Response::new(200)
        .with_header("content-type", b"application/json")
        .with_header("date", b"Mon, 23 Nov 2026 12:00:00 GMT")
        .with_body(body.into())
}

/// From a response to what is kept: its grant, and the header as the adapters make it.
pub fn header_of(client: &Client, response: &Response) -> Option<(Grant, HeaderValue)> {
    let grant = client.read(response, noon_and(0)).ok()?;
    let header = HeaderValue::try_from(["Bearer ", grant.token().expose()].concat()).ok()?;
    Some((grant, header))
}

/// A source that holds a token of this length for a day, by the system's clocks.
pub fn held(length: usize) -> Tokens {
    held_by(length, |builder| builder)
}

/// The same, with an observer that counts.
pub fn observed(length: usize) -> Tokens {
    held_by(length, |builder| builder.observer(Arc::<Counting>::default()))
}

#[derive(Default)]
struct Counting(AtomicU64);

impl Observer for Counting {
    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn held_by(length: usize, settled: impl FnOnce(TokensBuilder) -> TokensBuilder) -> Tokens {
    // Whoever was here first has installed the same one.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let provider = Provider::rfc6749("http://127.0.0.1:1/token").unwrap();
    let auth = ClientAuth::post("bench", "secret").unwrap();
    let client = Client::builder(provider, auth).build().unwrap();
    let tokens = settled(Tokens::builder(client)).build().unwrap();
    assert!(tokens.restore(stored(length)), "a fresh source takes a stored token");
    tokens
}

/// A token of this length that was issued now, and lives for a day.
pub fn stored(length: usize) -> Stored {
    let issued = Wall::from_epoch(SystemTime::now().duration_since(UNIX_EPOCH).unwrap());
    Stored::new(AccessToken::new(&opaque(length)).unwrap(), issued, Duration::from_secs(86_400))
}
