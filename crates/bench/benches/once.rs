//! What is done once for each token, for each refusal, or for each caller that has to wait.
#![allow(clippy::unwrap_used)] // A bench that cannot be set up has nothing to measure.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use evergrant_bench::subjects::{self, body, client, client_of, header_of, noon_and, opaque};
use evergrant_bench::{Group, Side, run};
use evergrant_core::bench::has_times;
use evergrant_core::{
    AccessToken, Attempt, BodyFormat, Call, Challenge, ClientAuth, Flight, Grant, Known, Machine, Move, Now,
    Outcome, Policy, Provider, Request, Response, SecretText, Seed, Step,
};
use http::HeaderValue;
use jsonwebtoken::dangerous::{insecure_decode, insecure_decode_claims};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

fn main() {
    run(&[
        jwt("JWT, 300 B", 300),
        jwt("JWT, 1 KiB", 1024),
        jwt("JWT, 4 KiB", 4096),
        response("token response, 1 KiB", 1024),
        response("token response, 4 KiB", 4096),
        request(),
        attempt(),
        challenge(),
        machine(),
    ]);
}

/// The claims of a typed reader.
#[derive(Deserialize)]
#[allow(dead_code)] // Reading them is what is timed.
struct Claims {
    exp: u64,
    iat: Option<u64>,
}

fn jwt(title: &'static str, length: usize) -> Group {
    let token = subjects::jwt(length);
    let [typed, ours, value, claims, full] = [&token; 5].map(String::clone);
    Group::new(
        title,
        [
            Side::new("base64 and typed serde", move || {
                let token = typed.clone();
                move || {
                    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
                    serde_json::from_slice::<Claims>(&payload).ok()
                }
            }),
            Side::new("evergrant", move || {
                let token = ours.clone();
                move || has_times(&token)
            }),
            Side::new("base64 and `serde_json::Value`", move || {
                let token = value.clone();
                move || {
                    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
                    serde_json::from_slice::<Value>(&payload).ok()?.get("exp")?.as_u64()
                }
            }),
            Side::new("jsonwebtoken, claims alone", move || {
                let token = claims.clone();
                move || insecure_decode_claims::<Claims>(&token).ok()
            }),
            Side::new("jsonwebtoken, header and claims", move || {
                let token = full.clone();
                move || insecure_decode::<Claims>(&token).ok()
            }),
        ],
    )
}

/// What a typed reader makes of a token response.
#[derive(Deserialize)]
#[allow(dead_code)] // Reading them is what is timed.
struct Answer {
    access_token: String,
    token_type: String,
    expires_in: Option<u64>,
    scope: Option<String>,
}

fn response(title: &'static str, length: usize) -> Group {
    let (opaque, jwt) = (body(&opaque(length)), body(&subjects::jwt(length)));
    let (typed, ours) = (opaque.clone(), opaque);
    Group::new(
        title,
        [
            Side::new("typed serde, owned, and the header", move || {
                let body = typed.clone().into_bytes();
                move || {
                    let answer: Answer = serde_json::from_slice(&body).ok()?;
                    let header = HeaderValue::try_from(["Bearer ", &answer.access_token].concat()).ok()?;
                    Some((answer, header))
                }
            }),
            Side::new("evergrant, and the header", move || reader(&ours)),
            Side::new("evergrant, and the header; a JWT", move || reader(&jwt)),
        ],
    )
}

/// Reads a response to a client's own request, and makes of its token what is sent.
fn reader(body: &str) -> impl FnMut() -> Option<(Grant, HeaderValue)> + Send + use<> {
    let client = client(ClientAuth::post);
    let response = subjects::response(body);
    move || header_of(&client, &response)
}

fn request() -> Group {
    Group::new(
        "token request",
        [
            Side::new("credentials in a form", || {
                let client = client(ClientAuth::post);
                move || client.request(noon_and(0))
            }),
            Side::new("credentials in the header (Basic)", || {
                let client = client(ClientAuth::basic);
                move || client.request(noon_and(0))
            }),
            Side::new("JSON", || {
                let provider = Provider::rfc6749("https://auth.example.com/token").unwrap();
                let client = client_of(provider.with_body(BodyFormat::Json), ClientAuth::post);
                move || client.request(noon_and(0))
            }),
        ],
    )
}

/// A whole attempt beside its two halves: a request is built, and its answer read. With a fixed secret nothing is read for it; a secret that
/// is costs a copy of the client, and its place in it.
fn attempt() -> Group {
    let body = body(&opaque(1024));
    let [alone, fixed, live] = [&body; 3].map(String::clone);
    Group::new(
        "attempt",
        [
            Side::new("`Client::request` and `Client::read`", move || {
                let (client, response) = (client(ClientAuth::post), subjects::response(&alone));
                move || {
                    let now = noon_and(0);
                    let request = client.request(now).ok()?;
                    Some((request, client.read(&response, now).ok()?))
                }
            }),
            Side::new("`Attempt`, a fixed secret", move || {
                let (client, response) = (client(ClientAuth::post), subjects::response(&fixed));
                let known = Known::new(&Policy::new());
                move || {
                    let now = noon_and(0);
                    attempted(Attempt::begin(&client, Seed::new(now), &known), &response, now)
                }
            }),
            Side::new("`Attempt`, a secret that is read", move || {
                let auth = |id: &str, _: &str| ClientAuth::post_live(id);
                let (client, response) = (client(auth), subjects::response(&live));
                let (known, text) = (Known::new(&Policy::new()), SecretText::new("the secret that was read"));
                move || {
                    let now = noon_and(0);
                    let Move::Ask(asking) = Attempt::begin(&client, Seed::new(now), &known) else {
                        return None;
                    };
                    attempted(asking.answer(text.clone()), &response, now)
                }
            }),
        ],
    )
}

/// The request and what became of it.
fn attempted(next: Move<'_>, response: &Response, now: Now) -> Option<(Request, Outcome)> {
    let Move::Send(request, sent) = next else { return None };
    match sent.received(response, now) {
        Move::Done(outcome, _) => Some((request, outcome)),
        _ => None,
    }
}

fn challenge() -> Group {
    let line = br#"Bearer realm="api", error="invalid_token", error_description="The access token expired""#;
    let read = |lines: Vec<Vec<u8>>| move || Challenge::read(lines.iter().map(Vec::as_slice));
    Group::new(
        "challenge",
        [
            Side::new("Bearer with three parameters, 88 B", move || read(vec![line.to_vec()])),
            Side::new("Basic, Digest and Bearer, 3 lines", move || {
                let digest = br#"Digest realm="api", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv", algorithm=SHA-256"#;
                read(vec![br#"Basic realm="api""#.to_vec(), digest.to_vec(), line.to_vec()])
            }),
            Side::new("8 KiB of commas and quotes", move || read(vec![br#"a, b="\c","#.repeat(820)])),
        ],
    )
}

/// `poll` in every state. What changes the machine is done to a copy: the first side says what that costs.
fn machine() -> Group {
    let (cold, mut held, mut waiting) = (a_machine(), a_machine(), a_machine());
    let flight = sent(&mut held, noon_and(0));
    let grant = Grant::new(AccessToken::new("abc").unwrap(), Some(Duration::from_secs(3600)));
    held.complete(noon_and(0), flight, Outcome::Granted(grant));
    let mut due = held.clone();
    let _in_the_air = [sent(&mut due, noon_and(3300)), sent(&mut waiting, noon_and(0))];
    let [resting, refused] = [503, 401].map(|status| {
        let mut machine = a_machine();
        let flight = sent(&mut machine, noon_and(0));
        let refusal = client(ClientAuth::post).read(&Response::new(status), noon_and(0)).unwrap_err();
        machine.complete(noon_and(0), flight, Outcome::Refused(refusal));
        machine
    });
    let copy = cold.clone();
    let poll = |machine: &Machine, at: u64, patience: u64, fail_fast: bool| {
        let machine = machine.clone();
        move || {
            let (mut machine, mut call) =
                (machine.clone(), Call::new(noon_and(patience).mono).fail_fast(fail_fast));
            move || machine.poll(noon_and(at), &mut call)
        }
    };
    Group::new(
        "`Machine::poll`",
        [
            Side::new("a copy of the machine", move || {
                let machine = copy.clone();
                move || machine.clone()
            }),
            Side::new("nothing held: a copy, and `Send`", move || {
                let machine = cold.clone();
                move || machine.clone().poll(noon_and(0), &mut Call::new(noon_and(30).mono))
            }),
            Side::new("held: `Use`", poll(&held, 0, 30, false)),
            Side::new("held and due, in flight: `Use`", poll(&due, 3300, 3330, false)),
            Side::new("nothing held, in flight: `Wait`", poll(&waiting, 0, 30, false)),
            Side::new("the same, patience over: `Fail`", poll(&waiting, 1, 0, false)),
            Side::new("resting, fails fast: `Fail`", poll(&resting, 0, 30, true)),
            Side::new("refused for good: `Fail`", poll(&refused, 0, 30, false)),
        ],
    )
}

fn a_machine() -> Machine {
    Machine::new(Policy::new(), 1)
}

fn sent(machine: &mut Machine, now: Now) -> Flight {
    match machine.poll(now, &mut Call::new(now.mono)) {
        Step::Send(flight) => flight,
        step => panic!("a request is due, and there is {step:?}"),
    }
}
