//! What of the secret and of the token is left in a process's memory after its last source is gone. Each test starts itself
//! once more, so that the process it looks through holds one adapter, and no server. And what is left after a token was sealed.
// Other allocators leave other things behind.
#![cfg(all(target_os = "linux", target_env = "gnu"))]
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

#[path = "../crates/http/src/fixture.rs"]
mod memory;

use evergrant_async_std::{AsyncStd, HttpClient, Net, Smol};
use evergrant_crypto::Seal;
use evergrant_mock::{Endpoint, Fault, Server, Times};
use evergrant_tests::install_tls;
use evergrant_tokio_reqwest::core::{
    AccessToken, Algorithm, Attempt, KeyInfo, Known, Move, Now, Policy, Response, Seed, Signature, Token,
    Wall,
};
use evergrant_tokio_reqwest::{Client, ClientAuth, Origins, Provider, Stored};
use memory::{Masked, Sentinel};
use std::env;
use std::process::Command;
use std::time::Duration;

/// Where the one that is started finds the server, and what tells it that it was started.
const ORIGIN: &str = "EVERGRANT_TESTS_ORIGIN";

/// Runs the test of this name once more, with a server.
fn supervise(name: &str) {
    let secret = Sentinel::new("secret");
    let server = Server::builder().client("id", &secret.text()).start().unwrap();
    if name.ends_with("packed") {
        // Not gzip: the tests' ureq unpacks that by itself, with a window of its own.
        server.fault(Endpoint::Token, Fault::Deflate, Times::UntilCleared);
    }
    let mut command = Command::new(env::current_exe().unwrap());
    let output = command.args(["--exact", name]).env(ORIGIN, server.origin()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let counts = server.counts();
    assert_eq!((counts.token_granted + counts.token_faulted, counts.resource_ok), (1, 1));
}

/// What a program does with an adapter: the server, the client, and what to do with the token while it is there.
type Program = fn(&str, Client, &mut dyn FnMut(&Token));

/// What an HTTP library frees without wiping it: the buffer it read the token response into, and the one it wrote the head of the
/// call from.
const BUFFERS: usize = 2;

/// A source is made, asked, used for a call, and dropped. Then nothing is left of the secret, and of the token what is in the
/// HTTP library's buffers at most; so is `written` of the secret, where it writes a body by way of one.
fn what_is_left(name: &str, written: usize, program: Program) {
    let Ok(origin) = env::var(ORIGIN) else { return supervise(name) };
    let secret = Sentinel::new("secret");
    let mut token = None;
    let provider = Provider::rfc6749(&format!("{origin}/access-token")).unwrap();
    let auth = ClientAuth::post("id", &secret.text()).unwrap();
    let client = Client::builder(provider, auth).build().unwrap();
    program(&origin, client, &mut |held| {
        let held = token.insert(Masked::of(held.value().expose().as_bytes()));
        let copies = secret.copies();
        assert!((1..=1 + written).contains(&copies), "{copies} copies of the secret beside the client's own");
        assert!(held.copies() >= 2, "the token's own text and the header's are found");
    });
    let left = token.unwrap().copies();
    let copies = secret.copies();
    assert!(copies <= written, "{copies} copies of the secret are left");
    assert!(left <= BUFFERS, "{left} copies of the token are left");
}

fn on_tokio(origin: &str, client: Client, held: &mut dyn FnMut(&Token)) {
    use evergrant_tokio_reqwest::{Api, Tokens};
    install_tls();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let tokens = Tokens::new(client).unwrap();
        let api = Api::new(reqwest::Client::new(), tokens.clone(), Origins::parse([origin]).unwrap());
        let answer = api.get(format!("{origin}/shipments")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        held(&tokens.token().await.unwrap());
    });
}

async fn on_futures<N: Net>(origin: &str, client: Client, held: &mut dyn FnMut(&Token)) {
    use evergrant_async_std::{Api, Tokens};
    let tokens = Tokens::<N>::new(client).unwrap();
    let api = Api::new(HttpClient::new(), tokens.clone(), Origins::parse([origin]).unwrap());
    let answer = api.get(format!("{origin}/shipments")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    held(&tokens.token().await.unwrap());
}

fn on_async_std(origin: &str, client: Client, held: &mut dyn FnMut(&Token)) {
    async_std::task::block_on(on_futures::<AsyncStd>(origin, client, held));
}

fn on_smol(origin: &str, client: Client, held: &mut dyn FnMut(&Token)) {
    smol::block_on(on_futures::<Smol>(origin, client, held));
}

fn on_threads(origin: &str, client: Client, held: &mut dyn FnMut(&Token)) {
    use evergrant_ureq::{Api, Tokens};
    let tokens = Tokens::new(client).unwrap();
    let api = Api::new(ureq::agent(), tokens.clone(), Origins::parse([origin]).unwrap());
    assert_eq!(api.get(format!("{origin}/shipments")).send().unwrap().status(), 200);
    held(&tokens.token().unwrap());
}

// Conforms: A-07
#[test]
fn after_the_last_source_on_tokio() {
    what_is_left("after_the_last_source_on_tokio", 0, on_tokio);
}

// Conforms: A-07
#[test]
fn after_the_last_source_on_async_std() {
    what_is_left("after_the_last_source_on_async_std", 0, on_async_std);
}

// Conforms: A-07
#[test]
fn after_the_last_source_on_smol() {
    what_is_left("after_the_last_source_on_smol", 0, on_smol);
}

// Conforms: A-07
#[test]
fn after_the_last_source_of_threads() {
    what_is_left("after_the_last_source_of_threads", 1, on_threads);
}

// Conforms: A-07
#[test]
fn on_tokio_where_the_answer_came_packed() {
    what_is_left("on_tokio_where_the_answer_came_packed", 0, on_tokio);
}

// Conforms: A-07
#[test]
fn on_async_std_where_the_answer_came_packed() {
    what_is_left("on_async_std_where_the_answer_came_packed", 0, on_async_std);
}

// Conforms: A-07
#[test]
fn on_smol_where_the_answer_came_packed() {
    what_is_left("on_smol_where_the_answer_came_packed", 0, on_smol);
}

// Conforms: A-07
#[test]
fn of_threads_where_the_answer_came_packed() {
    what_is_left("of_threads_where_the_answer_came_packed", 1, on_threads);
}

// Conforms: A-07
#[test]
fn after_a_token_was_sealed_and_opened() {
    let provider = Provider::rfc6749("https://auth.example/token").unwrap();
    let client = Client::builder(provider, ClientAuth::basic("id", "secret").unwrap()).build().unwrap();
    let sentinel = Sentinel::new("token");
    let seal = Seal::new(&client.key(), b"material").unwrap();
    let token = AccessToken::new(&sentinel.text()).unwrap();
    let sealed = seal.seal(&Stored::new(token, Wall::EPOCH, Duration::from_secs(3600))).unwrap();
    assert_eq!(sentinel.copies(), 0, "after sealing");
    let opened = seal.open(&sealed).unwrap();
    assert_eq!(sentinel.copies(), 1, "the opened token's own");
    drop(opened);
    assert_eq!(sentinel.copies(), 0, "after opening");
}

// Conforms: A-07
#[test]
fn while_a_token_is_sealed_with_a_secret() {
    let provider = Provider::rfc6749("https://auth.example/token").unwrap();
    let client = Client::builder(provider, ClientAuth::basic("id", "secret").unwrap()).build().unwrap();
    let sentinel = Sentinel::new("material");
    let seal = Seal::new(&client.key(), sentinel.text().as_bytes()).unwrap();
    let stored = Stored::new(AccessToken::new("token").unwrap(), Wall::EPOCH, Duration::from_secs(3600));
    assert_eq!(seal.open(&seal.seal(&stored).unwrap()), Ok(stored));
    assert_eq!(sentinel.copies(), 0);
}

// Conforms: A-07
#[test]
fn after_an_assertion_was_signed_and_sent() {
    let sentinel = Sentinel::new("a claim that is a secret");
    let provider = Provider::rfc6749("https://auth.example/token").unwrap();
    let builder = Client::builder(provider, ClientAuth::private_key_jwt("id").unwrap());
    let mut json = zeroize::Zeroizing::new(String::with_capacity(200));
    ["\"", &*sentinel.text(), "\""].into_iter().for_each(|part| json.push_str(part));
    let client = builder.assertion_claim("tenant", &json).build().unwrap();
    drop(json);
    let before = sentinel.copies();
    let known = Known::new(&Policy::new());
    let Move::Ask(asking) = Attempt::begin(&client, Seed::new(Now::default()), &known) else {
        panic!("it is signed")
    };
    let input = asking.unsigned().unwrap().for_key(&KeyInfo::new([Algorithm::Es256]), [7; 16]).unwrap();
    let text = input.signed(&Signature::new([9; 64])).unwrap();
    let assertion = Masked::of(text.expose().as_bytes());
    let Move::Send(request, sent) = asking.answer(text) else { panic!("it is sent") };
    assert!(assertion.copies() >= 2, "in the request and in the client that it is of");
    let refused = Response::new(401).with_body(br#"{"error":"invalid_client"}"#.to_vec());
    let Move::Done(outcome, known) = sent.received(&refused, Now::default()) else { panic!("it is over") };
    drop(request);
    assert_eq!(assertion.copies(), 0, "of the assertion, whatever is known of the refusal");
    assert_eq!(sentinel.copies(), before, "of its claims, beside the client's own");
    drop((outcome, known, client));
    assert_eq!(sentinel.copies(), 0, "of its claims");
}
