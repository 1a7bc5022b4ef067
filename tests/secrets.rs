//! Nothing secret leaves: every scenario on every shell, and every wrong answer and configuration we could think of,
//! with known secrets, and everything that could be printed searched for them in every form in which they could
//! stand there.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod scenarios;
mod shells;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use evergrant_mock::{Endpoint, Fault, Server, Times};
use evergrant_tests::{api, builder, ms, quick, server, time_for};
use evergrant_tokio_reqwest::{Client, ClientAuth, Provider, Tokens, VerdictRule};
use scenarios::{Call, KEY, OWN_AUTHORIZATION, SECOND_SECRET, SECRET, Setup, Trace};
use shells::{ADAPTERS, Mount, OBSERVER, Observer, SHELLS};
use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use tracing_subscriber::fmt::MakeWriter;

/// A token that wrong answers bring along.
const TOKEN: &str = "sentinel.token/of+the~server=";

/// How every JWT of the mock server begins, which holds its own secret: `{"alg":"HS256","typ":"JWT"}`, then
/// `{"iss":"evergrant-mock"`.
const JWT: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJldmVyZ3JhbnQtbW9jayIs";

/// The longest piece of a secret that is searched for: what was cut off still shows a piece of it.
const PIECE: usize = 24;

/// What a text that went by says: everything a program on these crates could print.
static PRINTED: Mutex<String> = Mutex::new(String::new());
/// The tokens that sources handed out since the last search.
static TOKENS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn print(text: &str) {
    let mut printed = PRINTED.lock().unwrap_or_else(PoisonError::into_inner);
    printed.push_str(text);
    printed.push('\n');
}

const WATCH: Observer = Observer {
    printed: print,
    token: |token| {
        TOKENS.lock().unwrap_or_else(PoisonError::into_inner).insert(token.into());
    },
};

/// Where tracing writes, at TRACE.
struct Events;

impl io::Write for Events {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        print(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Events {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

/// Where the libraries below us log, which know no tracing: as SECURITY.md tells people to set them, everything at
/// TRACE and ureq at DEBUG.
struct Records;

/// Whether ureq would have dumped what it sends and receives: once it does not, SECURITY.md need not speak of it.
static UREQ_DUMPS: AtomicBool = AtomicBool::new(false);

impl log::Log for Records {
    fn enabled(&self, record: &log::Metadata<'_>) -> bool {
        let is_ureq = record.target().starts_with("ureq::") || record.target().starts_with("ureq_proto::");
        !is_ureq || record.level() <= log::Level::Debug
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            UREQ_DUMPS.fetch_or(record.target() == "ureq_proto::util", Ordering::Relaxed);
            return;
        }
        print(&format!("log {} {}: {}", record.level(), record.target(), record.args()));
    }

    fn flush(&self) {}
}

fn percent_encoded(text: &str, space: &str, hex: fn(u8) -> String) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => char::from(byte).to_string(),
        b' ' => space.into(),
        _ => hex(byte),
    };
    text.bytes().map(byte).collect()
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// The characters of the base64 of anything with `text` in it that depend on `text` alone, at each of the three
/// places at which it can begin.
fn base64(text: &str) -> impl Iterator<Item = String> {
    let (text, engines) = (text.to_owned(), [STANDARD_NO_PAD, URL_SAFE_NO_PAD]);
    engines.into_iter().flat_map(move |engine| {
        let text = text.clone();
        (0..3).map(move |before: usize| {
            let encoded = engine.encode([vec![0; before], text.as_bytes().to_vec()].concat());
            let ambiguous = usize::from(!(before + text.len()).is_multiple_of(3));
            encoded[[0, 2, 3][before]..encoded.len() - ambiguous].to_owned()
        })
    })
}

/// Every form in which a piece of a secret could stand in a text.
fn forms(secret: &str) -> BTreeSet<String> {
    let upper = |byte: u8| format!("%{byte:02X}");
    let lower = |byte: u8| format!("%{byte:02x}");
    let json = serde_json::to_string(secret).unwrap();
    let debug = format!("{secret:?}");
    let as_sent = [
        secret.to_owned(),
        percent_encoded(secret, "+", upper),
        percent_encoded(secret, "%20", upper),
        percent_encoded(secret, "+", lower),
        percent_encoded(secret, "%20", lower),
        json[1..json.len() - 1].to_owned(),
    ];
    let mut forms: BTreeSet<String> = as_sent.iter().flat_map(|text| base64(text)).collect();
    forms.extend(as_sent.iter().flat_map(|text| [hex(text), hex(text).to_uppercase()]));
    forms.extend(as_sent);
    // Debug of a text, of bytes, and of a slice of bytes.
    forms.insert(debug[1..debug.len() - 1].to_owned());
    forms.insert(secret.as_bytes().escape_ascii().to_string());
    let slice = format!("{:?}", secret.as_bytes());
    forms.insert(slice[1..slice.len() - 1].to_owned());
    forms
}

/// The forms of a token: its first, middle and last piece in every form, and every piece as it is.
fn forms_of_token(token: &str) -> BTreeSet<String> {
    let piece = |at: usize| &token[at..(at + PIECE).min(token.len())];
    let last = token.len().saturating_sub(PIECE);
    let mut forms: BTreeSet<String> =
        [0, last / 2, last].into_iter().flat_map(|at| forms(piece(at))).collect();
    forms.extend((0..=last).step_by(PIECE).map(|at| piece(at).to_owned()));
    forms
}

/// Where the first of these stands in a text, in one pass however many there are: they are sorted by their first two
/// bytes.
fn first_of<'a>(text: &str, forms: &'a BTreeSet<String>) -> Option<(usize, &'a str)> {
    let place = |bytes: &[u8]| usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
    let mut by_start = vec![Vec::new(); 1 << 16];
    for form in forms {
        by_start[place(form.as_bytes())].push(form.as_str());
    }
    let bytes = text.as_bytes();
    (1..bytes.len()).map(|end| end - 1).find_map(|at| {
        let here = by_start[place(&bytes[at..])].iter();
        here.copied().find(|form| bytes[at..].starts_with(form.as_bytes())).map(|form| (at, form))
    })
}

/// Takes what was printed since the last search and looks for secrets in it. The number of bytes searched.
#[track_caller]
fn search(during: &str, secrets: &BTreeSet<String>) -> usize {
    let text = std::mem::take(&mut *PRINTED.lock().unwrap_or_else(PoisonError::into_inner));
    let tokens = std::mem::take(&mut *TOKENS.lock().unwrap_or_else(PoisonError::into_inner));
    let forms =
        tokens.iter().flat_map(|token| forms_of_token(token)).chain(secrets.iter().cloned()).collect();
    if let Some((at, form)) = first_of(&text, &forms) {
        let line = text[..at].rfind('\n').map_or(0, |start| start + 1);
        let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
        panic!("{during}: {form} stands in: {}", &text[line..end]);
    }
    text.len()
}

macro_rules! named {
    ($($scenario:ident)*) => {
        [$((stringify!($scenario), scenarios::$scenario as fn(Mount) -> Trace)),*]
    };
}

/// What a server could say that has the client's secret, or a token, in it.
fn echoes() -> Vec<Fault> {
    let secret = &serde_json::to_string(SECRET).unwrap();
    let secret = &secret[1..secret.len() - 1];
    let form = percent_encoded(SECRET, "+", |byte| format!("%{byte:02X}"));
    let lower = percent_encoded(SECRET, "%20", |byte| format!("%{byte:02x}"));
    let [standard, url_safe] = [STANDARD_NO_PAD, URL_SAFE_NO_PAD].map(|engine| engine.encode(SECRET));
    let basic = STANDARD_NO_PAD.encode(format!("{}:{SECRET}", Server::CLIENT_ID));
    let basic_of_form = STANDARD_NO_PAD.encode(format!("{}:{form}", Server::CLIENT_ID));
    let echo = |what: &str| format!(r#"{{"error":"invalid_client","error_description":"{what}"}}"#);
    let json = |status, body: String| Fault::status_with_body(status, "application/json", body);
    let mut echoes: Vec<Fault> = [secret, &form, &lower, &standard, &url_safe, &basic, &basic_of_form]
        .into_iter()
        .map(|what| json(401, echo(&format!("no {what} here"))))
        .collect();
    echoes.extend([
        json(503, echo(secret)),
        json(401, echo(&format!("the key {KEY} is unknown"))),
        json(400, echo(&percent_encoded(KEY, "+", |byte| format!("%{byte:02X}")))),
        json(200, echo(secret)),
        json(400, format!(r#"{{"error":"{secret}","error_description":"{form}"}}"#)),
        json(400, format!(r#"{{"error":"invalid_client","message":"{secret}","hint":"{form}"}}"#)),
        json(401, format!(r#"{{"code":"{secret}","message":"{form}"}}"#)),
        json(403, format!(r#"{{"title":"{}","detail":"{}"}}"#, hex(SECRET), hex(&form).to_uppercase())),
        json(404, format!(r#"{{"fault":{{"faultstring":"{TOKEN} {secret}"}},"access_token":"{TOKEN}"}}"#)),
        json(200, format!(r#"{{"errors":[{{"code":"{secret}","message":"{}"}}]}}"#, hex(&basic))),
        json(
            400,
            format!(r#"{{"error":"invalid_scope","error_description":"{TOKEN}","access_token":"{TOKEN}"}}"#),
        ),
        json(200, format!(r#"{{"access_token":["{TOKEN}"]}}"#)),
        json(200, format!(r#"{{"access_token":"{TOKEN} {secret}"}}"#)),
        json(200, format!(r#"{{"access_token":"{TOKEN}""#)),
        json(200, format!(r#"{{"access_token":"{TOKEN}","token_type":"{secret}"}}"#)),
        json(200, format!(r#"{{"access_token":"{TOKEN}","scope":"{TOKEN} a","expires_in":"{TOKEN}"}}"#)),
        json(200, format!(r#"{{"errors":[{{"code":"{secret}","detail":"{TOKEN}"}}],"access_token":1}}"#)),
        Fault::status_with_body(200, "text/html", format!("<p>{TOKEN} {SECRET}</p>")),
        Fault::status_with_body(400, "text/plain", format!("{TOKEN} {SECRET}")),
        Fault::status_with_body(200, "text/plain", format!("{TOKEN}={form}&error={form}")),
        Fault::status_with_retry_after(503, form.clone()),
        Fault::redirect(302, format!("https://client:{form}@elsewhere.example/{form}?{TOKEN}#{TOKEN}")),
        Fault::redirect(307, format!("/{basic}/{lower}?{form}")),
        Fault::raw(format!("HTTP/1.1 200 {TOKEN}\r\n{SECRET}\r\n\r\n")),
        Fault::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {TOKEN}{form}\r\n\r\n")),
        Fault::raw(format!("{SECRET} {TOKEN}\r\n\r\n")),
        Fault::Reset,
        Fault::Hang,
        Fault::TruncatedBody,
        Fault::Garbage,
    ]);
    echoes
}

/// Token requests that meet each echo, by each way to authenticate; then calls whose resource server goes away.
fn echoes_on(mount: Mount) {
    let server = Server::builder().client(Server::CLIENT_ID, SECRET).start().unwrap();
    let [post, basic, raw] = [ClientAuth::post, ClientAuth::basic, ClientAuth::basic_raw]
        .map(|method| method(Server::CLIENT_ID, SECRET).unwrap());
    let call = Call::get(server.resource("/shipments"));
    for (place, fault) in echoes().into_iter().enumerate() {
        let auth = [&post, &basic, &raw][place % 3].clone();
        let client = Client::builder(Provider::rfc6749(&server.token_endpoint()).unwrap(), auth).scope("*");
        let client = client.header("x-api-key", KEY);
        let policy = quick().with_attempt_timeout(time_for(&fault));
        let setup = Setup { client: client.build().unwrap(), policy, fail_fast: true, ..Setup::new(&server) };
        print(&format!("{setup:?}"));
        let struck = server.fault(Endpoint::Token, fault, Times::UntilCleared);
        let shell = mount(&setup);
        WATCH.debug(&(shell.call(&call), shell.status()));
        struck.clear();
    }
    let opaque = format!(r#"{{"access_token":"{TOKEN}","expires_in":3600}}"#);
    let _granted =
        server.fault(Endpoint::Token, Fault::status_with_body(200, "", opaque), Times::UntilCleared);
    for fault in [Fault::Reset, Fault::Garbage, Fault::CloseBeforeAnswer, Fault::status(401), Fault::Html] {
        let _struck = server.fault(Endpoint::Resource, fault, Times::UntilCleared);
        let shell = mount(&Setup::new(&server));
        WATCH.debug(&(shell.call(&call), shell.status()));
    }
}

/// What only the tokio adapter's own API shows, and a panic in the program's code in the middle of a call.
async fn by_hand() {
    let server = server();
    let opaque = format!(r#"{{"access_token":"{TOKEN}","expires_in":3600}}"#);
    let granted = Fault::status_with_body(200, "application/json", opaque);
    let _granted = server.fault(Endpoint::Token, granted, Times::UntilCleared);
    let tokens = builder(&server).build().unwrap();
    let token = tokens.token().await.unwrap();
    assert_eq!(token.value().expose(), TOKEN);
    tokio::time::sleep(ms(3)).await;
    WATCH.debug(&(&token, tokens.export(), tokens.authorization().await, builder(&server)));
    let panics =
        api(&server, &tokens).with_verdict(VerdictRule::custom(|answer| panic!("judged {answer:?}")));
    let request = reqwest::Request::new(reqwest::Method::GET, server.resource("/").parse().unwrap());
    WATCH.error(&tokio::spawn(async move { panics.execute(request).await.map(drop) }).await.unwrap_err());
    let fixed = Tokens::fixed(TOKEN).unwrap();
    WATCH.debug(&(&fixed, fixed.status(), fixed.export()));
    WATCH.error(&Tokens::fixed(&format!("{TOKEN} {SECRET}")).unwrap_err());
}

/// Wrong configuration with a secret in it.
fn configuration() {
    let form = percent_encoded(SECRET, "+", |byte| format!("%{byte:02X}"));
    for url in [
        format!("https://client:{form}@host/"),
        format!("http://client:{form}@host/"),
        format!("https://host/?client_secret={form}"),
        format!("https://host/?access_token={TOKEN}"),
        format!("https://host/#{form}"),
        format!("ftp://{form}/"),
        form,
        SECRET.into(),
    ] {
        WATCH.error(&Provider::rfc6749(&url).unwrap_err());
        WATCH.error(&evergrant_tokio_reqwest::Origins::parse([url.as_str()]).unwrap_err());
    }
    for auth in [
        ClientAuth::post("client", &format!("{SECRET}\n")),
        ClientAuth::basic("", SECRET),
        ClientAuth::basic_raw("a:b", SECRET),
    ] {
        WATCH.error(&auth.unwrap_err());
    }
    let provider = Provider::rfc6749("https://host.example/").unwrap();
    let builder = Client::builder(provider, ClientAuth::post("client", SECRET).unwrap());
    let client = builder.param("acr", SECRET).header("x-api-key", KEY).build().unwrap();
    WATCH.debug(&(&client, client.request(evergrant_tokio_reqwest::core::Now::default()).unwrap()));
    let builder = Client::builder(client.provider().clone(), client.auth().clone());
    WATCH.debug(&builder);
    WATCH.error(&builder.param("client_secret", SECRET).build().unwrap_err());
    for (name, value) in [("cookie", KEY), ("x-api-key", &format!("{KEY}\n")), ("x-api key", KEY)] {
        let builder = Client::builder(client.provider().clone(), client.auth().clone());
        WATCH.error(&builder.header(name, value).build().unwrap_err());
    }
}

/// Everything of the process goes to the search: it is the file's one test that runs code of ours.
// Conforms: Q-46, A-01, A-02, A-03, A-05
#[test]
fn i29_no_debug_no_display_no_error_no_event_no_log_and_no_panic_contains_a_secret() {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(Events);
    tracing_subscriber::util::SubscriberInitExt::init(subscriber.finish());
    log::set_logger(&Records).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let shown = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(&format!("{panic}\n{panic:?}"));
        shown(panic);
    }));
    assert!(OBSERVER.set(WATCH).is_ok());

    let own = OWN_AUTHORIZATION.trim_start_matches("Basic ");
    let mut secrets: BTreeSet<String> =
        [SECRET, SECOND_SECRET, TOKEN, KEY, own].into_iter().flat_map(forms).collect();
    secrets.extend([JWT.to_owned(), STANDARD_NO_PAD.encode(JWT), hex(JWT)]);

    let scenarios = scenarios::every_scenario!(named);
    let on_every_shell = |run: &(dyn Fn(Mount) + Sync)| {
        std::thread::scope(|scope| {
            SHELLS.iter().for_each(|(shell, mount)| {
                std::thread::Builder::new()
                    .name((*shell).into())
                    .spawn_scoped(scope, || run(*mount))
                    .unwrap();
            });
        });
    };
    let mut bytes = 0;
    for (name, scenario) in scenarios {
        on_every_shell(&|mount| drop(scenario(mount)));
        // With opaque tokens as well.
        for place in ADAPTERS {
            scenarios::blind(scenario, SHELLS[place].1);
        }
        bytes += search(name, &secrets);
    }
    on_every_shell(&echoes_on);
    {
        let printed = PRINTED.lock().unwrap();
        for (seen, what) in [
            ("a resource server refused the token", "events"),
            ("log TRACE", "what libraries log"),
            ("invalid_client", "the words of servers"),
        ] {
            assert!(printed.contains(seen), "{what} are seen");
        }
    }
    assert!(UREQ_DUMPS.load(Ordering::Relaxed), "SECURITY.md says that ureq dumps what it sends at TRACE");
    bytes += search("echoes", &secrets);
    configuration();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(by_hand());
    assert!(PRINTED.lock().unwrap().contains("judged Answer"), "panics are seen");
    bytes += search("by hand", &secrets);
    println!(
        "{} scenarios and {} echoes on each of {} shells: {bytes} bytes searched for {} forms of the constant secrets, and for \
         those of every token: 0 hits",
        scenarios.len(),
        echoes().len(),
        SHELLS.len(),
        secrets.len(),
    );
}

/// The search itself: each form of a secret is found wherever it stands.
#[test]
fn a_secret_is_found_in_every_form() {
    let secret = forms(SECRET);
    let found = |text: &str| first_of(text, &secret).is_some();
    let around = format!("before {SECRET} behind");
    for text in [
        around.clone(),
        format!("{around:?}"),
        format!("{:?}", around.as_bytes()),
        around.as_bytes().escape_ascii().to_string(),
        serde_json::to_string(&around).unwrap(),
        hex(&around),
        percent_encoded(&around, "+", |byte| format!("%{byte:02x}")),
    ] {
        assert!(found(&text), "{text}");
    }
    for before in 0..6 {
        let text = format!("{}{SECRET}{}", "x".repeat(before), "y".repeat(before));
        assert!(found(&STANDARD_NO_PAD.encode(&text)) && found(&URL_SAFE_NO_PAD.encode(&text)), "{before}");
    }
    assert!(!found("sentinel") && !found("evergrant-mock-client"));
    let token = format!("{JWT}{}", "abcdefgh0123".repeat(20));
    let cut = &token[..100];
    assert_eq!(first_of(cut, &forms_of_token(&token)).map(|(at, _)| at), Some(0));
}
