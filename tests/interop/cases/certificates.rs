//! Client certificates (RFC 8705): as the proof of who the client is, and beside another one.

use super::keys::{discovered, private_key};
use super::{HOUR, Run, permanently};
use crate::command::{Asking, Command};
use crate::credentials::{agent_showing, placed};
use crate::placed::{Placed, WRITERS, Writer};
use crate::program::{Kind, Program};
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
    use Run::{Command, Shell};
    let command = Command(the_command_shows_one);
    case(server, "a certificate that is registered", &[command, Shell(self_signed)]);
    let command = Command(the_command_shows_one_of_the_authority);
    case(server, "a certificate of an authority", &[command, Shell(of_the_authority)]);
    let command = Command(the_command_shows_none);
    case(server, "no certificate, and another one", &[command, Shell(no_certificate)]);
    let command = Command(the_command_shows_one_beside_a_secret);
    case(server, "a certificate beside a secret", &[command, Shell(beside_a_secret)]);
    let command = Command(the_command_shows_one_beside_a_key);
    case(server, "a certificate beside a key", &[command, Shell(beside_a_key)]);
    case(server, "a certificate that is renewed in its files", &[Shell(renewed)]);
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

// With the command

/// As this client, who shows this certificate and trusts the server's authority.
fn asking(server: &Server, command: &Command, id: &str, name: &str) -> Asking {
    let file = |end: &str| placed(&format!("{name}.{end}")).to_str().unwrap().to_owned();
    let ask = trusting(server, command, id);
    ask.with(&["--certificate", &file("crt"), "--certificate-key", &file("key")])
}

fn trusting(server: &Server, command: &Command, id: &str) -> Asking {
    command.vouched(server).with(&["--client-id", id, "--ca-file", placed("ca.crt").to_str().unwrap()])
}

/// The printed token is bound to this certificate, which was shown there.
#[track_caller]
fn prints_a_bound_token(server: &Server, ask: Asking, id: &str, name: &str, path: &str) {
    let token = ask.prints_a_token();
    assert_eq!(server.bound_to(&token), Some(thumbprint(name).to_string()));
    assert_eq!(seen(server, id).0, json!(path));
}

// Conforms: R-8705-a, R-8705-b
fn the_command_shows_one(server: &Server, command: &Command) {
    let id = "self-signed";
    prints_a_bound_token(server, asking(server, command, id, "one"), id, "one", "/token");
    let found = asking(server, command, id, "two").without("EVERGRANT_TOKEN_ENDPOINT");
    prints_a_bound_token(server, found.with(&["--issuer", &server.audience]), id, "two", "/mtls/token");
}

fn the_command_shows_one_of_the_authority(server: &Server, command: &Command) {
    let id = "of the authority";
    prints_a_bound_token(server, asking(server, command, id, "leaf"), id, "leaf", "/token");
}

fn the_command_shows_none(server: &Server, command: &Command) {
    let id = "self-signed";
    trusting(server, command, id).with(&["--auth", "none"]).fails(3, &["invalid_client", "http 401"]);
    trusting(server, command, id).with(&["--auth", "tls"]).fails(2, &["--certificate"]);
    let expects = "which certificate it expects of this client";
    asking(server, command, id, "stranger")
        .fails(3, &["invalid_client", "http 401", expects, "stranger.crt"]);
}

fn the_command_shows_one_beside_a_secret(server: &Server, command: &Command) {
    let id = "bound beside a secret";
    let secret = Placed::new(Writer::Rename, &server.secret);
    let with = |ask: Asking| ask.with(&["--client-secret-file", &secret.path()]).hiding(&server.secret);
    prints_a_bound_token(server, with(asking(server, command, id, "one")), id, "one", "/token");
    with(trusting(server, command, id)).fails(3, &["invalid_grant", "http 400"]);
}

fn the_command_shows_one_beside_a_key(server: &Server, command: &Command) {
    let id = "bound beside a key";
    let ask = asking(server, command, id, "one").without("EVERGRANT_TOKEN_ENDPOINT");
    let ask = ask.with(&["--issuer", &server.audience, "--key-file", placed("ES256.pem").to_str().unwrap()]);
    prints_a_bound_token(server, ask, id, "one", "/mtls/token");
}

/// A certificate that nobody knows is in the files, and then one that the server knows beside the first.
// Conforms: R-8705-c
pub(super) fn wrong_then_new(server: &Server, command: &Command, kind: Kind) {
    let id = if kind == Kind::Run { "brief certificate of run" } else { "brief certificate of gateway" };
    let writer = if kind == Kind::Run { Writer::Projected } else { Writer::Rename };
    let text = |name: &str| fs::read_to_string(placed(name)).unwrap();
    let (certificate, key) = (Placed::new(writer, &text("one.crt")), Placed::new(writer, &text("one.key")));
    let put = |name: &str| {
        certificate.put(&text(&format!("{name}.crt")));
        key.put(&text(&format!("{name}.key")));
    };
    let profile = format!(
        "client_id = \"{id}\"\nca_file = \"{}\"\ncertificate = \"{}\"\ncertificate_key = \"{}\"",
        placed("ca.crt").display(),
        certificate.path(),
        key.path()
    );
    let program = Program::start(kind, command, server, &profile, &[]);
    assert!(program.body().contains(&thumbprint("one").to_string()));
    put("stranger");
    program.until(|program| program.call() != 200 && program.said().contains("was shown"));
    let (granted, refused) = server.ended(id);
    assert_eq!(refused, 1, "one request with the wrong certificate");
    put("two");
    super::heals(&program, server, id, (granted, refused));
    assert!(program.body().contains(&thumbprint("two").to_string()));
    let said = program.said();
    assert!(said.contains(&certificate.path()) && !said.contains("PRIVATE KEY"), "{said}");
}
