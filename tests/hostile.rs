//! What is malformed, in numbers: inputs made of the vectors by a fixed set of steps, each tried once, and what
//! comes out judged by a second reader. SECURITY.md tells how many; `--nocapture` prints what came of them.

#[path = "hostile/generator.rs"]
mod generator;
#[path = "hostile/readers.rs"]
mod readers;
#[path = "hostile/tally.rs"]
mod tally;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use evergrant_core::{
    Answer, BodyFormat, Challenge, Client, ClientAuth, ErrorFormat, Grant, JwtHint, Mono, Now, Origin,
    Origins, Provider, Refusal, Response, Scope, Verdict, VerdictRule, Wall,
};
use generator::{steps, structures};
use readers::{Claims, Members};
use reqwest::Url;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;
use tally::{Bytes, Tally};

/// Mon, 23 Nov 2026 12:00:00 GMT, when requests are sent here.
const SENT: u64 = 1_795_435_200;
const ENDPOINT: &str = "https://as.example/token";
const SECRET: &str = "s3cr3t/+ value";

type Outcome = Result<&'static str, String>;

/// The vectors of a file of `vectors/wire`.
fn vectors(file: &str) -> Vec<Value> {
    let path = format!("{}/vectors/wire/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let Ok(Value::Array(vectors)) = serde_json::from_str(&text) else { panic!("{path} is no array") };
    assert!(!vectors.is_empty(), "there is no vector in {file}");
    vectors
}

/// The texts at this place of each vector, each once; those that are too long to be written down are left out.
fn texts(file: &str, pointer: &str) -> BTreeSet<String> {
    let vectors = vectors(file);
    let texts = vectors.iter().filter_map(|vector| Some(vector.pointer(pointer)?.as_str()?.to_owned()));
    let texts: BTreeSet<String> = texts.collect();
    assert!(!texts.is_empty(), "there is no {pointer} in {file}");
    texts
}

fn sent() -> Now {
    Now::new(Mono::ZERO, Wall::from_epoch(Duration::from_secs(SENT)))
}

fn ensure(holds: bool, wrong: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(wrong.into()) }
}

/// A client, and the same that does not look inside a token.
struct Clients([Client; 2]);

impl Clients {
    fn new(errors: ErrorFormat) -> Self {
        let client = |jwt_hint| {
            let provider = Provider::rfc6749(ENDPOINT)?.with_errors(errors);
            Client::builder(provider, ClientAuth::basic("client", SECRET)?)
                .scope("a b")
                .jwt_hint(jwt_hint)
                .build()
        };
        Self([true, false].map(|hint| client(hint).unwrap_or_else(|error| panic!("{error}"))))
    }

    fn read(&self, response: &Response, status: u16, body: &[u8]) -> Outcome {
        let [client, blind] = &self.0;
        match client.read(response, sent()) {
            Ok(grant) => is_right(&grant, status, body).and_then(|()| {
                let blind = blind.read(response, sent()).map_err(|_| "the hint decides what a grant is")?;
                let (seen, unseen) = (grant.lifetime().life(), blind.lifetime().life());
                ensure(
                    unseen.is_none_or(|unseen| seen.is_some_and(|seen| seen <= unseen)),
                    "the hint lengthens",
                )?;
                Ok("grants, as the second reader has them")
            }),
            Err(refusal) => is_fit_to_show(&refusal).map(|()| "refusals"),
        }
    }
}

/// Whether the second reader finds the same grant in the body.
fn is_right(grant: &Grant, status: u16, body: &[u8]) -> Result<(), String> {
    let token = grant.token().expose();
    ensure(matches!(status, 200 | 201), "no grant has this status")?;
    let fits = |byte: u8| matches!(byte, 0x21..=0x7e) && !b"\",;\\".contains(&byte);
    ensure((1..=16_384).contains(&token.len()) && token.bytes().all(fits), "no header carries this token")?;
    let members = Members::of(body)?;
    ensure(members.access_token == Some(token.into()), "another token")?;
    let bearer = match &members.token_type {
        None | Some(Value::Null) => true,
        Some(Value::String(word)) => {
            let word = word.trim_matches([' ', '\t']);
            word.is_empty() || word.eq_ignore_ascii_case("bearer")
        }
        Some(_) => false,
    };
    ensure(bearer, "another type")?;
    let no_error = match &members.error {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::String(code)) => matches!(code.trim(), "" | "0"),
        Some(Value::Number(code)) => code.to_string() == "0",
        Some(Value::Array(all)) => all.is_empty(),
        Some(Value::Object(all)) => all.is_empty(),
        Some(Value::Bool(true)) => false,
    };
    ensure(no_error, "an error")?;
    let life = grant.lifetime().life().map(|life| life.as_secs());
    let stated = readers::stated_life(body);
    ensure(
        stated.is_none_or(|stated| life.is_some_and(|life| life <= stated)),
        "a longer life than is stated",
    )
}

/// Whether it may stand in a log: bounded, on one line, without the secret.
fn is_fit_to_show(refusal: &Refusal) -> Result<(), String> {
    let shown = refusal.to_string();
    ensure(shown.len() < 4096, "a refusal without end")?;
    ensure(!shown.chars().any(char::is_control), "a refusal with control characters")?;
    ensure(
        !shown.contains(SECRET) && !shown.contains("s3cr3t%2F%2B+value"),
        "a refusal with the secret in it",
    )
}

/// What a body is full of, up to the bound and beyond.
const GIANTS: [&str; 12] =
    ["[", "{\"a\":", "\"", "\\", "\\u", "9", " ", "a=b&", "%", "\u{feff}", "[1,", "\"access_token\":\"a\","];

#[test]
fn no_malformed_token_response_panics_or_brings_a_wrong_token() {
    let mut tally = Tally::new("token responses");
    let clients = [ErrorFormat::Rfc6749, ErrorFormat::MyParcel].map(Clients::new);
    let mut seeds = BTreeSet::new();
    for vector in ["token-responses", "refusals", "lifetimes"].into_iter().flat_map(vectors) {
        let Some(response) = vector.get("response") else { continue };
        let body = match (&response["body"], &response["body_base64"]) {
            (Value::String(body), _) => body.clone().into_bytes(),
            (_, Value::String(body)) => STANDARD.decode(body).unwrap_or_default(),
            _ => continue,
        };
        let headers: Vec<(String, String)> =
            serde_json::from_value(response["headers"].clone()).unwrap_or_default();
        let is_myparcel = vector.pointer("/client/provider").is_some_and(|provider| provider != "rfc6749");
        // A code is read alike at every status that refuses.
        let status = response["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
        let status = if matches!(status, 400..=499) { 400 } else { status };
        seeds.insert((is_myparcel, status, headers, body));
    }
    for (is_myparcel, status, headers, body) in &seeds {
        let clients = &clients[usize::from(*is_myparcel)];
        let mut attempt = |headers: &[(String, Vec<u8>)], body: &[u8]| {
            let lines: Vec<_> = headers.iter().map(|(name, value)| (name, Bytes(value))).collect();
            tally.try_once(&(is_myparcel, status, lines, Bytes(body)), || {
                let response = headers.iter().fold(Response::new(*status), |response, (name, value)| {
                    response.with_header(name, value)
                });
                clients.read(&response.with_body(body.into()), *status, body)
            });
        };
        let as_sent: Vec<(String, Vec<u8>)> =
            headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect();
        steps(body, &[b"\"", b"\\", b",", b"{", b"\xff", b"&access_token="], |body| attempt(&as_sent, body));
        structures(body, |body| attempt(&as_sent, body));
        for place in 0..as_sent.len() {
            let mut headers = as_sent.clone();
            steps(&as_sent[place].1, &[b"9", b";", b"\0"], |value| {
                headers[place].1 = value.into();
                attempt(&headers, body);
            });
        }
    }
    for piece in GIANTS {
        for length in [Response::MAX_BODY, Response::MAX_BODY + 1] {
            for head in ["", "{\"access_token\":", "{\"access_token\":\"", "access_token="] {
                let mut body = head.as_bytes().to_vec();
                body.extend(piece.bytes().cycle().take(length - head.len()));
                for label in ["application/json", "text/plain"] {
                    tally.try_once(&(label, Bytes(&body)), || {
                        let response = Response::new(200).with_header("Content-Type", label.as_bytes());
                        clients[0].read(&response.with_body(body.clone()), 200, &body)
                    });
                }
            }
        }
    }
    tally.assert_harmless();
}

#[test]
fn no_malformed_jwt_panics_or_lengthens_a_life() {
    let mut tally = Tally::new("JWTs");
    let clients = Clients::new(ErrorFormat::Rfc6749);
    let life = |token: &str, expires_in: &str| {
        let body = format!("{{\"access_token\":{}{expires_in}}}", Value::from(token)).into_bytes();
        let response = Response::new(200).with_body(body.clone());
        match clients.0[0].read(&response, sent()) {
            Ok(grant) => clients.read(&response, 200, &body).map(|_| Some(*grant.lifetime())),
            Err(_) => clients.read(&response, 200, &body).map(|_| None),
        }
    };
    let mut attempt = |token: &[u8]| {
        let token = String::from_utf8_lossy(token).into_owned();
        tally.try_once(&token, || {
            let (Some(alone), Some(stated)) = (life(&token, "")?, life(&token, ",\"expires_in\":3600")?)
            else {
                return Ok("no tokens at all");
            };
            let parts: Vec<&str> = token.split('.').collect();
            let payload = parts.get(1).and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
            let own = payload.and_then(|payload| Claims::of(&payload)).and_then(|claims| claims.life(SENT));
            let is = |life: Option<Duration>, seconds: u64| {
                // The second reader rounds: a double has no room for every fraction.
                life.is_some_and(|life| life.as_secs().abs_diff(seconds) <= 1)
            };
            match (alone.hint(), own) {
                (JwtHint::Absent, _) => ensure(alone.life().is_none(), "a life of nothing")?,
                (JwtHint::Used, Some(own)) => {
                    ensure(parts.len() == 3, "a hint from what is no JWT")?;
                    ensure(is(alone.life(), own), "another life than the second reader's")?;
                }
                (hint, own) => return Err(format!("{hint:?}, where the second reader has {own:?}")),
            }
            match (stated.hint(), own) {
                (JwtHint::Used, Some(own)) => {
                    ensure(own <= 3601 && is(stated.life(), own), "a life of its own")?;
                }
                (JwtHint::Used, None) => return Err("a hint where there is none".into()),
                _ => {
                    ensure(
                        stated.life() == Some(Duration::from_secs(3600)),
                        "the hint changes what is stated",
                    )?;
                }
            }
            ensure(
                (alone.hint() == JwtHint::Absent) == (stated.hint() == JwtHint::Absent),
                "read in two ways",
            )?;
            Ok(if alone.hint() == JwtHint::Absent {
                "tokens without a hint"
            } else {
                "hints, as the second reader has them"
            })
        });
    };
    for token in texts("jwt-hints", "/token") {
        steps(token.as_bytes(), &[b".", b"=", b"A", b"+", b"\""], &mut attempt);
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = parts[..] else { continue };
        for order in [[header, signature, payload], [payload, header, signature], [payload, payload, payload]]
        {
            attempt(order.join(".").as_bytes());
        }
        for place in [0, 1] {
            let Ok(plain) = URL_SAFE_NO_PAD.decode(parts[place]) else { continue };
            let mut with = |plain: &[u8]| {
                let (mut parts, encoded) = (parts.clone(), URL_SAFE_NO_PAD.encode(plain));
                parts[place] = &encoded;
                attempt(parts.join(".").as_bytes());
            };
            steps(&plain, &[b"\"", b"\\", b",", b"9", b"-", b".", b"e", b"\xff"], &mut with);
            structures(&plain, &mut with);
        }
    }
    tally.assert_harmless();
}

// Conforms: Q-49
#[test]
fn no_malformed_challenge_panics_or_changes_a_verdict() {
    let mut tally = Tally::new("challenges");
    let mut seeds: BTreeSet<Vec<String>> = BTreeSet::new();
    for vector in vectors("challenges") {
        seeds.extend(serde_json::from_value::<Vec<String>>(vector["lines"].clone()));
    }
    for vector in vectors("verdicts") {
        let headers: Vec<(String, String)> =
            serde_json::from_value(vector["headers"].clone()).unwrap_or_default();
        seeds.insert(headers.into_iter().map(|(_, value)| value).collect());
    }
    seeds.retain(|lines| !lines.is_empty());
    assert!(seeds.len() > 20, "{}", seeds.len());
    let pieces: [&[u8]; 10] = [
        b"\"",
        b"\\",
        b",",
        b"=",
        b" ",
        b"\t",
        b"Bearer ",
        b"error=invalid_token",
        b"error=\"insufficient_scope\"",
        b"\xff",
    ];
    for lines in &seeds {
        for place in 0..lines.len() {
            let mut lines: Vec<Vec<u8>> = lines.iter().map(|line| line.clone().into_bytes()).collect();
            steps(&lines[place].clone(), &pieces, |line| {
                lines[place] = line.into();
                tally.try_once(&lines.iter().map(|line| Bytes(line)).collect::<Vec<_>>(), || judged(&lines));
            });
        }
    }
    tally.assert_harmless();
}

fn judged(lines: &[Vec<u8>]) -> Outcome {
    let read = Challenge::read(lines.iter().map(Vec::as_slice));
    ensure(read.len() <= Challenge::MAX_CHALLENGES, "too many challenges")?;
    for challenge in &read {
        ensure(challenge.params().count() <= Challenge::MAX_PARAMS, "too many parameters")?;
        let scheme = challenge.scheme();
        ensure(!scheme.is_empty() && *scheme == scheme.to_ascii_lowercase(), "a scheme that is none")?;
    }
    let headers: Vec<(&str, &[u8])> =
        lines.iter().map(|line| ("WWW-Authenticate", line.as_slice())).collect();
    // What can only be told of a token if somebody wrote it.
    let written: Vec<u8> = lines.concat().into_iter().filter(|byte| *byte != b'\\').collect();
    let written = String::from_utf8_lossy(&written).to_ascii_lowercase();
    for status in [400, 401, 403] {
        let holds = match VerdictRule::Rfc6750.judge(&Answer::new(status, &headers, None)) {
            Verdict::TokenRefused if status != 401 => written.contains("invalid_token"),
            Verdict::InsufficientScope => {
                written.contains("bearer") && written.contains("insufficient_scope")
            }
            Verdict::NotOurs => false,
            Verdict::Fine => status != 401,
            Verdict::TokenRefused => true,
            _ => false,
        };
        ensure(holds, "a verdict out of nothing")?;
    }
    let [line] = lines else { return Ok("of several lines") };
    let Some(theirs) = std::str::from_utf8(line).ok().and_then(readers::challenges) else {
        return Ok("that the second reader refuses");
    };
    let ours: Vec<readers::Challenge> = read
        .iter()
        .map(|challenge| {
            let params = challenge.params().map(|(name, value)| (name.to_owned(), value.to_owned()));
            (challenge.scheme().to_owned(), params.collect())
        })
        .collect();
    if ours == theirs {
        Ok("read as the second reader reads them")
    } else {
        Err(format!("{ours:?}, not {theirs:?}"))
    }
}

#[test]
fn no_malformed_date_panics_or_is_another_one() {
    let mut tally = Tally::new("dates");
    let clients = Clients::new(ErrorFormat::Rfc6749);
    let mut seeds = texts("retry-after", "/retry_after/0");
    seeds.extend(texts("retry-after", "/date"));
    let pieces: [&[u8]; 19] = [
        b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9", b" ", b"-", b":", b",", b"GMT", b"Mon",
        b"Feb", b"\xff", b"+",
    ];
    for seed in seeds {
        steps(seed.as_bytes(), &pieces, |value| {
            tally.try_once(&Bytes(value), || {
                // Sent in 1970: a date is as far away as its own seconds.
                let response = Response::new(503).with_header("Retry-After", value);
                let Err(refusal) = clients.0[0].read(&response, Now::default()) else {
                    return Err("a grant".into());
                };
                is_fit_to_show(&refusal)?;
                let text = std::str::from_utf8(value).unwrap_or("?").trim_matches([' ', '\t']);
                let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                let theirs =
                    if is_number { Some(text.parse().unwrap_or(u64::MAX)) } else { readers::date(text) };
                let ours = refusal.retry_after().map(|time| time.as_secs());
                match (ours == theirs, ours) {
                    (true, None) => Ok("no dates"),
                    (true, Some(_)) => Ok("dates or seconds, as the second reader has them"),
                    (false, _) => Err(format!("{ours:?}, not {theirs:?}")),
                }
            });
        });
    }
    tally.assert_harmless();
}

/// URLs of which parts of the world think differently.
const URLS: [&str; 14] = [
    "https://auth.example.com/token",
    "https://auth.example.com:8443/a/token?p=B2C_1%2f&x=y",
    "https://AUTH.Example.COM./token",
    "https://user:pass@auth.example.com/token",
    "https://auth.example.com@evil.example/token",
    "https://auth.example.com\\@evil.example/token",
    "https://auth.example.com%2eevil.example/",
    "https://xn--bcher-kva.example/token#f",
    "http://127.0.0.1:8080/token",
    "http://127.1/token",
    "http://0x7f.0.0.1/token",
    "http://[::1]:8080/token",
    "http://[::ffff:127.0.0.1]/",
    "http://localhost/token",
];

#[test]
fn no_malformed_url_panics_or_names_another_host() {
    let mut tally = Tally::new("URLs");
    let mut seeds = texts("requests", "/client/token_endpoint");
    seeds.extend(URLS.map(String::from));
    let pieces: [&[u8]; 16] = [
        b"/",
        b"\\",
        b"@",
        b":",
        b"?",
        b"#",
        b"%2e",
        b"%6c",
        b".",
        b"[",
        b"]",
        b"\t",
        b"\0",
        b"0x",
        "é".as_bytes(),
        "。".as_bytes(),
    ];
    for seed in seeds {
        steps(seed.as_bytes(), &pieces, |url| {
            let url = String::from_utf8_lossy(url).into_owned();
            tally.try_once(&url, || accepted(&url));
        });
    }
    tally.assert_harmless();
}

fn accepted(url: &str) -> Outcome {
    let Ok(provider) = Provider::rfc6749(url) else {
        let refused = Origins::parse([url]);
        let theirs = Url::parse(url).ok();
        let is_odd = theirs.is_none_or(|theirs| {
            theirs.query().is_some_and(|query| query.contains("secret") || query.contains("token"))
                || theirs.fragment().is_some()
                || !theirs.username().is_empty()
        });
        ensure(refused.is_err() || is_odd, "an origin that is no endpoint")?;
        return Ok("refused");
    };
    let (endpoint, origin) = (provider.server(), provider.server().origin());
    let theirs = match Url::parse(url) {
        Ok(theirs) => theirs,
        // No name that DNS has decodes to this: whoever looks it up finds nothing.
        Err(_) if origin.host().to_string().split('.').any(|label| label.starts_with("xn--")) => {
            return Ok("accepted, with an international label that the second reader cannot decode");
        }
        Err(error) => return Err(error.to_string()),
    };
    ensure(endpoint.url() == url, "another URL")?;
    ensure(theirs.scheme() == origin.scheme(), "another scheme")?;
    let (host, ours) = (theirs.host_str().unwrap_or_default().to_owned(), origin.host().to_string());
    let address = |host: &str| host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().ok();
    ensure(
        host == ours || address(&host).is_some_and(|theirs| Some(theirs) == address(&ours)),
        "another host",
    )?;
    ensure(theirs.port_or_known_default() == Some(origin.port()), "another port")?;
    ensure(theirs.username().is_empty() && theirs.password().is_none(), "userinfo")?;
    ensure(theirs.fragment().is_none(), "a fragment")?;
    let is_loopback = address(&host).is_some_and(|address| address.is_loopback());
    ensure(theirs.scheme() == "https" || is_loopback, "plain http to elsewhere")?;
    ensure(theirs.query_pairs().all(|(name, _)| !name.eq_ignore_ascii_case("client_secret")), "a secret")?;
    let from_parts =
        Origin::from_parts(theirs.scheme(), theirs.host_str().unwrap_or_default(), theirs.port());
    ensure(from_parts.as_ref() == Some(origin), "an origin that differs by the way it is read")?;
    Ok("accepted, as the second reader has them")
}

// Conforms: Q-43
#[test]
fn no_malformed_id_secret_scope_or_parameter_panics_or_is_sent_as_another() {
    let mut tally = Tally::new("ids, secrets, scopes, parameters");
    let pieces: [&[u8]; 12] = [
        b"\0",
        b"\n",
        b"\x7f",
        b":",
        b"%",
        b"+",
        b"&",
        b"=",
        b"\"",
        b"\\",
        "\u{85}".as_bytes(),
        "\u{1f511}".as_bytes(),
    ];
    let mut seeds = texts("basic", "/secret");
    seeds.extend(texts("basic", "/id"));
    seeds.extend(texts("requests", "/client/scope"));
    for seed in seeds {
        steps(seed.as_bytes(), &pieces, |text| {
            let text = String::from_utf8_lossy(text).into_owned();
            tally.try_once(&text, || configured(&text));
        });
    }
    tally.assert_harmless();
}

/// Parameters that the library sets itself.
const RESERVED: [&str; 8] = [
    "grant_type",
    "scope",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "resource",
    "audience",
];

/// The text in every place where a configuration has one.
fn configured(text: &str) -> Outcome {
    let provider = || Provider::rfc6749(ENDPOINT).map_err(|error| error.to_string());
    let may_be_sent = !text.is_empty() && !text.chars().any(char::is_control);
    let mut outcome = "refused everywhere";
    for body in [BodyFormat::Form, BodyFormat::Json] {
        let auth = ClientAuth::post(text, text);
        ensure(auth.is_ok() == may_be_sent, "an id that cannot be sent, or one that can")?;
        if let Ok(auth) = auth {
            let client =
                Client::builder(provider()?.with_body(body), auth).audience(text).param(text, "x").build();
            let is_name = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
            ensure(client.is_ok() == (is_name && !RESERVED.contains(&text)), "a parameter of this name")?;
            let auth = ClientAuth::post(text, text).map_err(|error| error.to_string())?;
            let client =
                Client::builder(provider()?.with_body(body), auth).audience(text).param("x", text).build();
            let request =
                client.and_then(|client| client.request(sent())).map_err(|error| error.to_string())?;
            let sent: Vec<(String, String)> = match body {
                BodyFormat::Form => readers::form(request.body()),
                _ => {
                    let Ok(Value::Object(members)) = serde_json::from_slice(request.body()) else {
                        return Err("a body that is no object".into());
                    };
                    members
                        .into_iter()
                        .map(|(name, value)| (name, value.as_str().unwrap_or_default().into()))
                        .collect()
                }
            };
            for name in ["client_id", "client_secret", "audience", "x"] {
                let values: Vec<_> =
                    sent.iter().filter(|(ours, _)| ours == name).map(|(_, value)| value).collect();
                ensure(values == [text], &format!("{name} is sent as {values:?}"))?;
            }
            outcome = "sent, as the second reader has them";
        }
    }
    for (auth, is_encoded) in
        [(ClientAuth::basic(text, text), true), (ClientAuth::basic_raw(text, text), false)]
    {
        let Ok(auth) = auth else {
            ensure(!may_be_sent || text.contains(':'), "a secret that can be sent")?;
            continue;
        };
        let request = Client::builder(provider()?, auth).build().and_then(|client| client.request(sent()));
        let request = request.map_err(|error| error.to_string())?;
        let value =
            request.headers().find(|(name, _)| *name == "authorization").map(|(_, value)| value.to_owned());
        let pair = value.as_deref().and_then(|value| STANDARD.decode(value.strip_prefix("Basic ")?).ok());
        let pair = pair.and_then(|pair| String::from_utf8(pair).ok()).ok_or("no Basic")?;
        let (id, secret) = pair.split_once(':').ok_or("no pair")?;
        let decoded = |text: &str| match is_encoded {
            true => readers::form(format!("x={text}").as_bytes()).pop().map(|(_, value)| value),
            false => Some(text.to_owned()),
        };
        ensure(
            decoded(id).as_deref() == Some(text) && decoded(secret).as_deref() == Some(text),
            "another secret",
        )?;
    }
    let is_scope = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    let is_set =
        text.is_empty() || text.split(' ').all(|token| !token.is_empty() && token.bytes().all(is_scope));
    match Scope::parse(text) {
        Ok(scope) => {
            let (ours, theirs): (BTreeSet<&str>, BTreeSet<&str>) =
                (scope.tokens().collect(), text.split(' ').filter(|token| !token.is_empty()).collect());
            ensure(is_set && ours == theirs, "another scope")?;
        }
        Err(error) => {
            ensure(!is_set && !error.to_string().chars().any(char::is_control), "a scope that can be sent")?;
        }
    }
    Ok(outcome)
}
