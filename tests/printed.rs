//! Everything that a program on these crates could print, and the search for secrets in it: in every form in which they
//! could stand there.

use crate::scenarios::{KEY, OWN_AUTHORIZATION, SCOPE, SECOND_SECRET, SECRET, SIGNATURE};
use crate::shells::{OBSERVER, Observer};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use evergrant_core::fleet::{Name, Operation};
use evergrant_mock::Server;
use evergrant_tests::stores::GIVEN;
use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use tracing_subscriber::fmt::MakeWriter;

/// A token that wrong answers bring along.
pub(crate) const TOKEN: &str = "sentinel.token/of+the~server=";

/// The key of a tenant, which nobody is told without a label.
pub(crate) const TENANT: &str = "sentinel-tenant/+ of%the~pool=";

/// How every JWT of the mock server begins, which holds its own secret: `{"alg":"HS256","typ":"JWT"}`, then
/// `{"iss":"evergrant-mock"`.
pub(crate) const JWT: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJldmVyZ3JhbnQtbW9jayIs";

/// The longest piece of a secret that is searched for: what was cut off still shows a piece of it.
const PIECE: usize = 24;

/// What went by since the last search.
struct Printed {
    text: String,
    /// What stores were given.
    given: String,
    /// The tokens that sources handed out.
    tokens: BTreeSet<String>,
    /// What runs, and what has run since.
    running: usize,
    during: Vec<&'static str>,
}

static PRINTED: Mutex<Printed> = Mutex::new(Printed {
    text: String::new(),
    given: String::new(),
    tokens: BTreeSet::new(),
    running: 0,
    during: Vec::new(),
});

fn printed() -> MutexGuard<'static, Printed> {
    PRINTED.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn print(text: &str) {
    let mut printed = printed();
    printed.text.push_str(text);
    printed.text.push('\n');
}

/// Everything that an engine gets, as whoever watches it sees that: each number and each byte.
fn given(name: &Name, operation: &Operation) {
    let mut printed = printed();
    let all = &mut printed.given;
    all.push_str(&format!("{name} {name:?} {operation:?} {operation:#?}\n"));
    all.push_str(&String::from_utf8_lossy(name.as_bytes()));
    match operation {
        Operation::Put(put) => {
            all.push_str(&String::from_utf8_lossy(put.print.as_bytes()));
            all.push_str(&String::from_utf8_lossy(put.sealed.as_bytes()));
        }
        Operation::Claim(claim) => {
            for print in claim.held.iter().chain(&claim.dropped) {
                all.push_str(&String::from_utf8_lossy(print.as_bytes()));
            }
        }
        Operation::Fail(fail) => all.extend(fail.said.map(|said| said.to_string())),
    }
    all.push('\n');
}

/// Whether this was printed since the last search.
pub(crate) fn was_printed(text: &str) -> bool {
    printed().text.contains(text)
}

/// Whether a store was given this since the last search.
pub(crate) fn was_given(text: &str) -> bool {
    printed().given.contains(text)
}

pub(crate) const WATCH: Observer = Observer {
    printed: print,
    token: |token| {
        printed().tokens.insert(token.into());
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

/// Whether ureq logged at TRACE, which [`Records`] leaves out.
pub(crate) fn ureq_dumps() -> bool {
    UREQ_DUMPS.load(Ordering::Relaxed)
}

/// From here on everything of the process is kept for the search: events, logs, panics, and what the shells show.
fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
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
        assert!(GIVEN.set(given).is_ok());
    });
}

/// One of what runs at once.
struct Running;

impl Drop for Running {
    fn drop(&mut self) {
        printed().running -= 1;
    }
}

/// Runs this, and searches what was printed. Of what runs at once the last to end does that for all: a token may stand in
/// what was printed before its source has shown it.
#[track_caller]
pub(crate) fn with_no_secret<T>(name: &'static str, run: impl FnOnce() -> T) -> T {
    watch();
    {
        let mut all = printed();
        all.running += 1;
        all.during.push(name);
    }
    let running = Running;
    let outcome = run();
    drop(running);
    let mut all = printed();
    if all.running == 0 {
        let (text, tokens) = (std::mem::take(&mut all.text), std::mem::take(&mut all.tokens));
        let (given, during) = (std::mem::take(&mut all.given), std::mem::take(&mut all.during).join(", "));
        drop(all);
        let secrets = search(&during, &text, &tokens);
        search_store(&during, &given, secrets);
    }
    outcome
}

pub(crate) fn percent_encoded(text: &str, space: &str, hex: fn(u8) -> String) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => char::from(byte).to_string(),
        b' ' => space.into(),
        _ => hex(byte),
    };
    text.bytes().map(byte).collect()
}

pub(crate) fn hex(text: &str) -> String {
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
pub(crate) fn forms(secret: &str) -> BTreeSet<String> {
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
pub(crate) fn forms_of_token(token: &str) -> BTreeSet<String> {
    let piece = |at: usize| &token[at..(at + PIECE).min(token.len())];
    let last = token.len().saturating_sub(PIECE);
    let mut forms: BTreeSet<String> =
        [0, last / 2, last].into_iter().flat_map(|at| forms(piece(at))).collect();
    forms.extend((0..=last).step_by(PIECE).map(|at| piece(at).to_owned()));
    forms
}

/// Where the first of these stands in a text, in one pass however many there are: they are sorted by a number made of
/// their first four bytes.
pub(crate) fn first_of<'a>(text: &str, forms: &'a BTreeSet<String>) -> Option<(usize, &'a str)> {
    let place = |start: u32| (start.wrapping_mul(0x9E37_79B1) >> 12) as usize;
    let start = |bytes: &[u8]| bytes[..4].iter().fold(0, |start, byte| start << 8 | u32::from(*byte));
    let mut by_start = vec![Vec::new(); 1 << 20];
    for form in forms {
        by_start[place(start(form.as_bytes()))].push(form.as_str());
    }
    let bytes = text.as_bytes();
    let mut last_four = 0;
    for (end, byte) in bytes.iter().enumerate() {
        last_four = last_four << 8 | u32::from(*byte);
        let here = &by_start[place(last_four)];
        if end < 3 || here.is_empty() {
            continue;
        }
        let found = here.iter().find(|form| bytes[end - 3..].starts_with(form.as_bytes()));
        if let Some(form) = found {
            return Some((end - 3, form));
        }
    }
    None
}

/// Looks for secrets in what was printed.
#[track_caller]
fn search(during: &str, text: &str, tokens: &BTreeSet<String>) -> BTreeSet<String> {
    for (seen, what) in [(" evergrant: ", "events"), ("log TRACE ", "what libraries log")] {
        assert!(text.contains(seen), "{during}: {what} are seen");
    }
    let own = OWN_AUTHORIZATION.trim_start_matches("Basic ");
    let mut all: BTreeSet<String> =
        [SECRET, SECOND_SECRET, SIGNATURE, TOKEN, TENANT, KEY, own].into_iter().flat_map(forms).collect();
    all.extend([JWT.to_owned(), STANDARD_NO_PAD.encode(JWT), hex(JWT)]);
    all.extend(tokens.iter().flat_map(|token| forms_of_token(token)));
    none_of(&all, text, during);
    eprintln!(
        "{} bytes searched for {} forms of the secrets and of {} tokens: 0 hits",
        text.len(),
        all.len(),
        tokens.len()
    );
    all
}

/// Looks for the same in what stores were given, and there for whatever tells whose token it is (F9).
#[track_caller]
fn search_store(during: &str, given: &str, mut secrets: BTreeSet<String>) {
    secrets
        .extend([Server::CLIENT_ID, SCOPE, "127.0.0.1", "http://", "https://"].into_iter().flat_map(forms));
    none_of(&secrets, given, &format!("{during}, in a store"));
    eprintln!("{} bytes that stores were given: 0 hits", given.len());
}

#[track_caller]
fn none_of(forms: &BTreeSet<String>, text: &str, during: &str) {
    if let Some((at, form)) = first_of(text, forms) {
        let line = text[..at].rfind('\n').map_or(0, |start| start + 1);
        let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
        panic!("{during}: {form} stands in: {}", &text[line..end]);
    }
}
