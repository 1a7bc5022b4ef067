//! Client certificates (RFC 8705): as the proof of who the client is, and beside another one.

use super::keys::{discovered, private_key};
use super::{HOUR, Run, permanently};
use crate::credentials::{agent_showing, placed};
use crate::placed::{Placed, WRITERS};
use crate::servers::{PARCELS, Server};
use crate::shells::{Mount, Setup, Shell};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use evergrant_crypto::KeyFile;
use evergrant_tests::{LONG, quick};
use evergrant_tokio_reqwest::{
    Binding, Client, ClientAuth, ClientBuilder, ConfigError, Identity, Thumbprint, Token,
};
use serde_json::{Value, json};
use std::fs;
use std::sync::Arc;

pub(super) fn one_by_one<'a>(server: &'a Server, case: &mut impl FnMut(&'a Server, &'static str, &[Run])) {
    case(server, "a certificate that is registered", &[Run::Shell(self_signed)]);
    case(server, "a certificate of an authority", &[Run::Shell(of_the_authority)]);
    case(server, "no certificate, and another one", &[Run::Shell(no_certificate)]);
    case(server, "a certificate beside a secret", &[Run::Shell(beside_a_secret)]);
    case(server, "a certificate beside a key", &[Run::Shell(beside_a_key)]);
    case(server, "a certificate that is renewed in its files", &[Run::Shell(renewed)]);
}

// What the cases are made of

fn identity(name: &str) -> Identity {
    Identity::files(placed(&format!("{name}.crt")), placed(&format!("{name}.key")))
}

fn thumbprint(name: &str) -> Thumbprint {
    identity(name).read(LONG).unwrap().thumbprint()
}

/// A source that takes the first outcome of a request, of a client that shows this certificate.
fn showing(server: &Server, identity: Option<Identity>, client: ClientBuilder) -> Setup {
    let policy = quick().with_attempt_timeout(LONG).with_gate(HOUR, HOUR);
    let setup = Setup::new(client.scope("read").build().unwrap(), policy);
    Setup { fail_fast: true, identity, root: server.root.clone(), ..setup }
}

/// The token of this source, which resources take, and at https from the connection with this certificate alone.
#[track_caller]
fn bound(server: &Server, shell: &Arc<dyn Shell>, name: &str) -> Token {
    assert_eq!(shell.call(&server.resource), 200);
    let token = shell.token().unwrap();
    assert_eq!(token.binding(), Binding::Certificate(thumbprint(name)));
    let value = token.value().expose();
    assert_eq!(server.bound_to(value).as_deref(), Some(&*thumbprint(name).to_string()));
    for shown in ["one", "two", name] {
        let request = agent_showing(shown).get(format!("{}/parcels", server.base()));
        let answer = request.header("authorization", format!("Bearer {value}")).call().unwrap();
        assert_eq!(answer.status().as_u16(), if shown == name { 200 } else { 401 }, "{shown}");
    }
    token
}

/// What the server saw of this client's last request.
fn seen(server: &Server, id: &str) -> (Value, Value) {
    let seen = server.seen(id);
    (seen["path"].clone(), seen["certificate"].clone())
}

// On every adapter

/// At its own place where the metadata says so, and in the body nothing but the client's id.
// Conforms: R-8705-a, R-8705-b, R-8705-d, R-8705-f
fn self_signed(server: &Server, mount: Mount) {
    let id = "self-signed";
    for (provider, path) in [(server.provider(), "/token"), (discovered(server), "/mtls/token")] {
        let client = || Client::builder(provider.clone(), ClientAuth::tls(id).unwrap());
        let shell = mount(showing(server, Some(identity("one")), client().certificate_bound(true)));
        bound(server, &shell, "one");
        assert_eq!(seen(server, id), (json!(path), json!("CN=client one")));
        assert_eq!(server.seen(id)["client_id"], id);
        // Of a JWT everybody can see it.
        let shell = mount(showing(server, Some(identity("one")), client().resource(PARCELS).jwt_hint(true)));
        let token = shell.token().unwrap();
        let claims = URL_SAFE_NO_PAD.decode(token.value().expose().split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["cnf"], json!({ "x5t#S256": thumbprint("one").to_string() }));
        assert_eq!(token.binding(), Binding::Certificate(thumbprint("one")));
    }
    // Whoever shows none stays with the rest.
    let client = Client::builder(discovered(server), ClientAuth::post("post", &server.secret).unwrap());
    let shell = mount(showing(server, None, client));
    assert_eq!(shell.call(&server.resource), 200);
    assert_eq!(seen(server, "post"), (json!("/token"), Value::Null));
    assert_eq!(shell.token().unwrap().binding(), Binding::None);
}

fn of_the_authority(server: &Server, mount: Mount) {
    let id = "of the authority";
    let client = Client::builder(server.provider(), ClientAuth::tls(id).unwrap()).certificate_bound(true);
    let shell = mount(showing(server, Some(identity("leaf")), client));
    bound(server, &shell, "leaf");
    assert_eq!(seen(server, id), (json!("/token"), json!("CN=leaf client")));
}

// Conforms: R-8705-a
fn no_certificate(server: &Server, mount: Mount) {
    for id in ["self-signed", "of the authority"] {
        let client = Client::builder(server.provider(), ClientAuth::none(id).unwrap());
        let error = mount(showing(server, None, client)).token().unwrap_err();
        permanently(error.refusal().unwrap(), 401, Some("invalid_client"));
        let client = Client::builder(server.provider(), ClientAuth::tls(id).unwrap());
        let error = mount(showing(server, Some(identity("stranger")), client)).token().unwrap_err();
        permanently(error.refusal().unwrap(), 401, Some("invalid_client"));
        let said = format!("{error} {error:?}");
        assert!(said.contains("which certificate it expects") && said.contains("stranger.crt"), "{said}");
    }
    // A client that would have nothing to show is no client.
    let client = Client::builder(server.provider(), ClientAuth::tls("self-signed").unwrap()).build().unwrap();
    let built = evergrant_tokio_reqwest::Tokens::builder(client).build();
    assert_eq!(built.unwrap_err(), ConfigError::NeedsIdentity);
}

/// The tokens are bound all the same.
fn beside_a_secret(server: &Server, mount: Mount) {
    let id = "bound beside a secret";
    let auth = || ClientAuth::basic(id, &server.secret).unwrap();
    let client = Client::builder(server.provider(), auth()).certificate_bound(true);
    let shell = mount(showing(server, Some(identity("one")), client));
    bound(server, &shell, "one");
    assert_eq!(seen(server, id), (json!("/token"), json!("CN=client one")));
    // The client is known then: its certificate is what this server calls the grant.
    let client = Client::builder(server.provider(), auth());
    let error = mount(showing(server, None, client)).token().unwrap_err();
    permanently(error.refusal().unwrap(), 400, Some("invalid_grant"));
}

fn beside_a_key(server: &Server, mount: Mount) {
    let id = "bound beside a key";
    let client = Client::builder(discovered(server), private_key(id)).certificate_bound(true);
    let setup = showing(server, Some(identity("two")), client);
    let shell = mount(Setup { key: Some(KeyFile::new(placed("ES256.pem"))), ..setup });
    bound(server, &shell, "two");
    assert_eq!(seen(server, id), (json!("/mtls/token"), json!("CN=client two")));
    assert_eq!(server.seen(id)["claims"]["aud"], json!(server.audience));
}

/// No connection and no TLS session of before speaks for the new one.
// Conforms: R-8705-c, R-8705-e
fn renewed(server: &Server, mount: Mount) {
    let id = "self-signed";
    let text = |name: &str| fs::read_to_string(placed(name)).unwrap();
    for writer in WRITERS {
        let (certificate, key) =
            (Placed::new(writer, &text("one.crt")), Placed::new(writer, &text("one.key")));
        let client = Client::builder(server.provider(), ClientAuth::tls(id).unwrap()).certificate_bound(true);
        let files = Identity::files(certificate.path(), key.path());
        let shell = mount(showing(server, Some(files), client));
        let first = bound(server, &shell, "one");
        assert_eq!(shell.identity_changed(None).thumbprint(), thumbprint("one"));
        certificate.put(&text("two.crt"));
        key.put(&text("two.key"));
        assert_eq!((shell.call(&server.resource), shell.status().requests), (200, 1));
        shell.forget();
        let second = bound(server, &shell, "two");
        assert!(second.generation() > first.generation());
        assert_eq!(seen(server, id).1, json!("CN=client two"));
        assert_eq!(shell.identity_changed(Some(thumbprint("one"))).thumbprint(), thumbprint("two"));
    }
}
