//! Clients that prove who they are by assertions that they sign themselves, at endpoints that are found out.

use super::*;
use crate::shells::OBSERVER;
use evergrant_mock::{RecordedAssertion, Registration};
use evergrant_tests::places::Folder;
use rcgen::KeyPair;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A private key of a client, by a name: what is in its file, and what the server knows of it.
struct Pair {
    private: String,
    public: String,
}

impl Pair {
    fn new(name: &str) -> Self {
        let der = KeyPair::generate().unwrap().serialize_der();
        // RFC 5915 within RFC 5958: 32 bytes of the private key behind 36 that are the same for each key of P-256, the public one at the end.
        let [d, x, y] = [&der[36..68], &der[der.len() - 64..der.len() - 32], &der[der.len() - 32..]]
            .map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        let public = format!(r#""kty":"EC","crv":"P-256","kid":"{name}","x":"{x}","y":"{y}""#);
        hide(&d);
        Self { private: format!(r#"{{{public},"d":"{d}"}}"#), public: format!("{{{public}}}") }
    }
}

/// An assertion as it is for everybody: with its header, and without when it was made, its name, its signature, and the server's port.
pub(crate) fn but_for_the_moment(assertion: &str) -> String {
    let read = |part: &str| -> serde_json::Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let parts: Vec<&str> = assertion.split('.').collect();
    let (header, mut claims) = (read(parts[0]), read(parts[1]));
    let claims = claims.as_object_mut().unwrap();
    let taken = ["iat", "exp", "jti", "aud"].map(|name| claims.remove(name).is_some());
    format!("{header}{claims:?}{taken:?}{}", parts[2].len())
}

/// What is searched for in everything that is printed, where that is searched.
fn hide(secret: &str) {
    if let Some(observer) = OBSERVER.get() {
        (observer.token)(secret);
    }
}

/// A server that knows these keys of its client.
fn knowing(
    pairs: &[&Pair],
    change: impl FnOnce(evergrant_mock::Builder) -> evergrant_mock::Builder,
) -> Server {
    install_tls();
    let keys: Vec<&str> = pairs.iter().map(|pair| pair.public.as_str()).collect();
    let keys = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
    let registration = Registration::private_key_jwt(Server::CLIENT_ID, &keys).unwrap();
    let server = change(Server::builder().registers(registration).lifetime(secs(3600))).start().unwrap();
    if BLIND.get() {
        server.set_style(TokenStyle::Opaque);
    }
    server
}

/// A client that is found out by its issuer, whose key is in this file.
fn signing(server: &Server, key: PathBuf) -> Setup {
    let provider = Provider::discovered(&server.issuer()).unwrap();
    let auth = ClientAuth::private_key_jwt(Server::CLIENT_ID).unwrap();
    let client = Client::builder(provider, auth).jwt_hint(!BLIND.get()).build().unwrap();
    let origins = Origins::parse([server.origin().as_str()]).unwrap();
    Setup { client, key: Some(key), origins, ..Setup::new(server) }
}

fn over(server: &Server, shell: &Arc<dyn Shell>, results: &[u16]) -> Trace {
    server
        .requests()
        .iter()
        .filter_map(|request| request.parameter("client_assertion"))
        .for_each(|text| hide(&text));
    trace(server, results.to_vec(), shell, false)
}

fn assertions(server: &Server) -> Vec<RecordedAssertion> {
    server.requests().iter().filter_map(Recorded::assertion).collect()
}

// Conforms: R-7523-g, R-7523-k, A-32
pub(crate) fn each_request_has_an_assertion_of_its_own_signed_by_the_key_of_that_moment(
    mount: Mount,
) -> Trace {
    let (first, second, folder) = (Pair::new("first"), Pair::new("second"), Folder::new());
    let server = knowing(&[&first, &second], |builder| builder);
    let path = folder.put("key.jwk", &first.private);
    let shell = mount(&signing(&server, path));
    let mut results = vec![shell.call(&get(&server)).status()];
    folder.put("key.jwk", &second.private);
    for _ in 0..2 {
        shell.rotate(ClientAuth::private_key_jwt(Server::CLIENT_ID).unwrap(), Rotation::Drop);
        results.push(shell.call(&get(&server)).status());
    }
    let said = assertions(&server);
    assert_eq!(said.len(), 3);
    let names: BTreeSet<Option<&str>> = said.iter().map(RecordedAssertion::jti).collect();
    assert_eq!(names.len(), 3, "each has its own name");
    let kids: Vec<Option<&str>> = said.iter().map(RecordedAssertion::kid).collect();
    assert_eq!(kids, [Some("first"), Some("second"), Some("second")]);
    for assertion in &said {
        assert_eq!((assertion.alg(), assertion.typ()), (Some("ES256"), Some("client-authentication+jwt")));
        assert_eq!(assertion.aud(), Some(server.issuer().as_str()));
        assert_eq!(assertion.exp().unwrap() - assertion.iat().unwrap(), 60);
    }
    assert_eq!((server.counts().token_granted, server.counts().metadata_requests), (3, 1));
    over(&server, &shell, &results)
}

// I36
pub(crate) fn a_refused_key_is_not_sent_again_until_another_one_is_in_its_place(mount: Mount) -> Trace {
    let (known, unknown, folder) = (Pair::new("known"), Pair::new("unknown"), Folder::new());
    let server = knowing(&[&known], |builder| builder);
    let clock = ManualClock::new();
    let setup = signing(&server, folder.put("key.jwk", &unknown.private));
    let setup = Setup { clock: Some(clock.clone()), policy: quick().with_jitter(false), ..setup };
    let shell = mount(&setup);
    for _ in 0..2 {
        let seen = shell.call(&get(&server));
        assert_eq!(seen.error().refusal().and_then(Refusal::code), Some("invalid_client"), "{seen:?}");
        assert!(seen.error().to_string().contains("key.jwk"), "{seen:?}");
        clock.advance(secs(9));
    }
    assert_eq!(server.counts().token_invalid_client, 1);
    folder.put("key.jwk", &known.private);
    clock.advance(secs(2));
    let healed = shell.call(&get(&server)).status();
    assert_eq!((healed, server.counts().token_invalid_client), (200, 1));
    over(&server, &shell, &[healed])
}

// Conforms: R-7523-j
pub(crate) fn a_clock_that_is_off_costs_one_refused_request(mount: Mount) -> Trace {
    let mut last = None;
    for offset in [140, -140] {
        let (pair, folder) = (Pair::new("one"), Folder::new());
        let server = knowing(&[&pair], |builder| builder.clock_offset(offset));
        let shell = mount(&signing(&server, folder.put("key.jwk", &pair.private)));
        let status = shell.call(&get(&server)).status();
        let counts = server.counts();
        assert_eq!((status, counts.token_requests, counts.token_granted), (200, 2, 1), "{offset}");
        last = Some((server, shell));
    }
    let (server, shell) = last.unwrap();
    over(&server, &shell, &[200])
}

// Conforms: R-8414-3-d
pub(crate) fn an_endpoint_that_has_moved_is_found_out_anew(mount: Mount) -> Trace {
    let (pair, folder) = (Pair::new("one"), Folder::new());
    let server = knowing(&[&pair], |builder| builder);
    let clock = ManualClock::new();
    let setup = signing(&server, folder.put("key.jwk", &pair.private));
    let setup = Setup { clock: Some(clock.clone()), policy: quick().with_jitter(false), ..setup };
    let shell = mount(&setup);
    let mut results = vec![shell.call(&get(&server)).status()];
    server.move_token_endpoint("/new/token");
    clock.advance(secs(3600));
    let seen = shell.call(&get(&server));
    assert_eq!(seen.error().refusal().and_then(Refusal::status), Some(404), "{seen:?}");
    clock.advance(secs(11));
    results.push(shell.call(&get(&server)).status());
    assert_eq!((results.as_slice(), server.counts().metadata_requests), (&[200, 200][..], 2));
    over(&server, &shell, &results)
}

// Conforms: R-8414-3.3-a, A-23
pub(crate) fn metadata_of_another_issuer_gets_no_credential(mount: Mount) -> Trace {
    let (pair, folder) = (Pair::new("one"), Folder::new());
    let server = knowing(&[&pair], |builder| builder);
    let path = folder.put("key.jwk", &pair.private);
    let other = Fault::with_member("issuer", "\"https://as.evil.example\"");
    let _other = server.fault(Endpoint::Metadata, other, Times::UntilCleared);
    let shell = mount(&signing(&server, path));
    let seen = shell.call(&get(&server));
    let told = seen.error().to_string();
    assert!(seen.error().is_permanent() && told.contains("https://as.evil.example"), "{told}");
    assert_eq!((server.counts().metadata_requests, server.counts().token_requests), (1, 0));
    over(&server, &shell, &[])
}
