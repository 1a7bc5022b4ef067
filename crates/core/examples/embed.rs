//! The core alone, driven by hand: no runtime, no HTTP library, a socket of the standard library.
//!
//!     cargo run -p evergrant-core --example embed
//!     cargo run -p evergrant-core --example embed -- signed
//!
//! It asks a server on loopback that it starts itself. What a program that embeds the core has to bring stands in
//! `main`: a clock, a way to read the client secret and a way to send, and two loops: over the four steps of the machine, and over the
//! moves of an attempt. With `signed` it brings a signature in place of the secret.

// An example shows what it does.
#![allow(clippy::print_stdout)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use evergrant_core::{
    Algorithm, Attempt, Call, Client, ClientAuth, KeyInfo, Known, Machine, Mono, Move, Now, Policy, Provider,
    Request, Response, SecretText, Seed, Signature, SourceError, Step, TransportError, TransportErrorKind,
    Unready, UnsignedAssertion, Wall,
};
use evergrant_mock::{Registration, Server};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start()?;
    server.set_lifetime(Duration::from_secs(2));

    // The issuer is whom an assertion is for.
    let provider = Provider::rfc6749(&server.token_endpoint())?.with_issuer(&server.issuer())?;
    let key = key()?;
    let auth = if env::args().nth(1).is_some_and(|method| method == "signed") {
        server.register(Registration::private_key_jwt("orders", &public_jwk(&key))?);
        ClientAuth::private_key_jwt("orders")?
    } else {
        // Its secret is read for each request: what renews the file need tell nobody.
        ClientAuth::basic_live(Server::CLIENT_ID)?
    };
    let secret = env::temp_dir().join(format!("evergrant-embed-{}", std::process::id()));
    fs::write(&secret, format!("{}\n", Server::CLIENT_SECRET))?;
    let client = Client::builder(provider, auth).scope("shipments:read").build()?;
    let mut machine = Machine::new(Policy::new(), seed());
    let mut known = Known::new(machine.policy());

    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(4) {
        let call = &mut Call::new(now(started).mono.after(Duration::from_secs(5)));
        let token = loop {
            match machine.poll(now(started), call) {
                Step::Use(token) => break token,
                Step::Fail(error) => return Err(error.into()),
                Step::Wait(until) => thread::sleep(until.since(now(started).mono)),
                Step::Send(flight) => {
                    println!("asking for a token: {}", flight.reason().as_str());
                    let limit = machine.policy().attempt_timeout();
                    // The attempt's `Seed` is a moment, when the flight was sent; the machine's seed is a random number.
                    let mut next = Attempt::begin(&client, Seed::new(flight.sent_at()), &known);
                    let outcome = loop {
                        next = match next {
                            Move::Ask(asking) => {
                                let (from, had) = match asking.unsigned() {
                                    // The ask is `Ask::Signature`.
                                    Some(unsigned) => ("a key in memory".into(), sign(unsigned, &key)),
                                    None => (secret.to_string_lossy(), read(&secret)),
                                };
                                match had {
                                    // Errors say where it was read, also that of a server that refuses it.
                                    Ok(text) => asking.answer(text.read_from(&from)),
                                    Err(error) => {
                                        let unready = Unready::new(asking.ask().clone(), error);
                                        asking.unanswered(unready.read_from(&from))
                                    }
                                }
                            }
                            Move::Send(request, sent) => match send(&request, limit) {
                                Ok(response) => sent.received(&response, now(started)),
                                Err(error) => sent.failed(transport(&error)),
                            },
                            Move::Done(outcome, learnt) => {
                                known = learnt;
                                break outcome;
                            }
                        };
                    };
                    println!("  {:?}", machine.complete(now(started), flight, outcome));
                }
            }
        };
        println!("calling the API with token {}", token.generation().number());
        thread::sleep(Duration::from_millis(400));
    }
    fs::remove_file(secret)?;
    Ok(())
}

/// One text, of which the line break at its end is no part. A program whose files may hang reads them on another thread.
fn read(path: &Path) -> Result<SecretText, SourceError> {
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => SourceError::Missing,
        kind => SourceError::failed(&kind.to_string()),
    })?;
    SecretText::from_bytes(&bytes)
}

/// The client assertion. Each has 16 random bytes of its own, its `jti`: a server takes it once.
fn sign(unsigned: &UnsignedAssertion, key: &EcdsaKeyPair) -> Result<SecretText, SourceError> {
    let (random, mut jti) = (SystemRandom::new(), [0; 16]);
    random.fill(&mut jti).map_err(|_| SourceError::failed("the system has no random bytes"))?;
    let input = unsigned.for_key(&KeyInfo::new([Algorithm::Es256]), jti)?;
    let signature = key.sign(&random, input.as_bytes());
    let signature = signature.map_err(|_| SourceError::failed("the key gives no signature"))?;
    input.signed(&Signature::new(signature.as_ref()))
}

/// A new key. A program has one in a file, or in a key service.
fn key() -> Result<EcdsaKeyPair, Box<dyn Error>> {
    let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|_| "no random bytes")?;
    Ok(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).map_err(|_| "no key")?)
}

/// What the server is told of it (RFC 7518 §6.2.1): behind a byte for its format, x and y are 32 bytes each.
fn public_jwk(key: &EcdsaKeyPair) -> String {
    let point = key.public_key().as_ref();
    let member = |range| URL_SAFE_NO_PAD.encode(point.get(range).unwrap_or_default());
    format!(r#"{{"kty":"EC","crv":"P-256","x":"{}","y":"{}"}}"#, member(1..33), member(33..65))
}

/// One reading of both clocks. `Instant` stands still during a suspend on some systems; the wall clock shows it.
fn now(origin: Instant) -> Now {
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Now::new(Mono::from_origin(origin.elapsed()), Wall::from_epoch(wall))
}

/// Any number that differs between processes.
fn seed() -> u64 {
    u64::from(std::process::id())
}

/// What the system said is shown with the client's secrets masked, by whoever takes it.
fn transport(error: &io::Error) -> TransportError {
    let kind = match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => TransportErrorKind::Timeout,
        io::ErrorKind::ConnectionRefused => TransportErrorKind::Connect,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => TransportErrorKind::Closed,
        _ => TransportErrorKind::Other,
    };
    TransportError::new(kind, &error.to_string(), &[])
}

/// HTTP/1.1 as far as one request to one known server needs it. A program uses its HTTP library here.
fn send(request: &Request, timeout: Duration) -> io::Result<Response> {
    let authority = request.url().split('/').nth(2).unwrap_or_default();
    let path = request.url().splitn(4, '/').nth(3).unwrap_or_default();
    let mut stream = TcpStream::connect(authority)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    write!(stream, "{} /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n", request.method())?;
    for (name, value) in request.headers() {
        write!(stream, "{name}: {value}\r\n")?;
    }
    stream.write_all(b"\r\n")?;
    stream.write_all(request.body())?;

    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let mut response = Response::new(status.ok_or(io::ErrorKind::InvalidData)?);
    let mut length = None;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
        }
        response = response.with_header(name, value.trim().as_bytes());
    }
    let mut body = Vec::new();
    let bound = Response::MAX_BODY + 1;
    reader.take(length.unwrap_or(bound).min(bound) as u64).read_to_end(&mut body)?;
    if length.is_some_and(|length| body.len() < length.min(bound)) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(response.with_body(body))
}
