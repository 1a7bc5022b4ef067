//! `[[gateway.route]]`: which requests it takes, whose token they get, where they go.

use super::super::reader::{Reader, Value, items};
use super::words::{AuthorizationWord, OnRefusedWord};
use crate::client::folders::located;
use evergrant_gateway::{OnRefused, OwnAuthorization, Route, RoutePath, RoutePathError, Upstream};
use evergrant_tokio_reqwest::Origin;
use http::Method;
use rustls::RootCertStore;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A value, and where it is written.
#[derive(Clone, Debug)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    /// Counted from 1.
    pub(crate) line: usize,
    at: usize,
}

/// Whose token the requests of a route get.
#[derive(Debug)]
pub(crate) enum Whose {
    /// That of the profile of this name.
    Profile(String),
    /// That of the tenant of the caller's name.
    Tenants,
}

/// A route.
#[derive(Debug)]
pub(crate) struct RouteTable {
    pub(crate) path: Placed<RoutePath>,
    /// Whose token the requests get.
    pub(crate) whose: Placed<Whose>,
    pub(crate) upstream: Option<Upstream>,
    pub(crate) callers: Option<Placed<Vec<String>>>,
    pub(crate) ca: Option<Placed<PathBuf>>,
    links: Option<Links>,
    more: More,
}

/// What is said of links in the bodies of answers.
#[derive(Debug)]
enum Links {
    /// They stay.
    Stay,
    /// Those below the upstream are changed, and those below these.
    Change(Vec<Upstream>),
}

/// What else a route says; what it does not say is the library's default.
#[derive(Debug, Default)]
struct More {
    methods: Option<Vec<Method>>,
    origins: Option<Vec<Origin>>,
    authorization: Option<OwnAuthorization>,
    on_refused: Option<OnRefused>,
    strip: Option<bool>,
    cookies: Option<bool>,
    via: Option<bool>,
    encoded_slash: Option<bool>,
    patience: Option<Duration>,
    max_body: Option<u64>,
    replay_body: Option<usize>,
    answer_timeout: Option<Duration>,
    http2: Option<bool>,
    upgrade: Option<Vec<String>>,
}

pub(super) const KEYS: [&str; 20] = [
    "path",
    "profile",
    "upstream",
    "methods",
    "callers",
    "origins",
    "cookies",
    "links",
    "authorization",
    "on_refused",
    "strip",
    "via",
    "encoded_slash",
    "ca",
    "patience",
    "max_body",
    "replay_body",
    "answer_timeout",
    "http2",
    "upgrade",
];

/// Keys that a later version has.
const LATER: [&str; 3] = ["certificate", "certificate_bound", "tls"];

/// Of which none would let nothing pass.
const NEVER_EMPTY: [&str; 3] = ["methods", "callers", "links"];

/// The largest body that can be meant, and the largest copy of one, in bytes.
const MOST: u64 = 1 << 50;
const MOST_COPY: usize = 1 << 30;

/// What a base URL is like.
const BASE: &str = "write one such as \"https://api.example.com/\"";

impl<T> Placed<T> {
    pub(super) fn at(reader: &Reader<'_>, value: &Value<'_>, of: T) -> Self {
        Self { value: of, line: reader.line_of(value), at: value.at() }
    }

    /// Something is wrong with it that shows beside others alone.
    pub(in crate::client::profile) fn wrong(
        &self,
        reader: &mut Reader<'_>,
        happened: String,
        next: impl Into<String>,
    ) {
        reader.problem(self.at, happened, next);
    }
}

pub(super) fn read(reader: &mut Reader<'_>, value: &Value<'_>, folder: &Path) -> Option<RouteTable> {
    let (mut path, mut profile) = (None, None);
    let (mut upstream, mut callers, mut ca, mut links, mut more) = (None, None, None, None, More::default());
    let table = reader.table(value);
    for (key, value) in &table {
        if NEVER_EMPTY.contains(&key.as_str()) && items(value).is_empty() {
            reader.wrong(value, "this is empty", "write one, or remove the line");
        }
        match key.as_str() {
            "path" => {
                let read = reader.read(
                    value,
                    RoutePath::parse,
                    "write one such as \"/\", \"/orders/\" or \"/orders\"",
                );
                path = read.map(|read| Placed::at(reader, value, read));
            }
            "profile" if value.is_table() => {
                profile = tenants(reader, value).map(|whose| Placed::at(reader, value, whose));
            }
            "profile" => {
                let name = reader.text(value).map(Whose::Profile);
                profile = name.map(|whose| Placed::at(reader, value, whose));
            }
            "upstream" => upstream = reader.read(value, Upstream::dangerous_plain_http, BASE),
            "callers" => callers = reader.texts(value).map(|names| Placed::at(reader, value, names)),
            "ca" => ca = reader.text(value).map(|path| Placed::at(reader, value, located(&path, folder))),
            "links" => links = read_links(reader, value),
            later if LATER.contains(&later) => reader.not_yet(key),
            other if KEYS.contains(&other) => more.read(reader, other, value),
            _ => reader.unknown(key, &KEYS),
        }
    }
    for lacking in ["path", "profile"] {
        if value.is_table() && table.iter().all(|(key, _)| key.as_str() != lacking) {
            reader.wrong(value, format!("there is no {lacking}"), format!("write {lacking} = \"…\" into it"));
        }
    }
    if let (Some(true), Some(false)) = (more.http2, more.upgrade.as_ref().map(Vec::is_empty)) {
        reader.wrong(
            value,
            "it has http2 and upgrade, and a connection is upgraded over HTTP/1.1 alone",
            "remove one of them, or write a route of its own for each",
        );
    }
    let (path, whose) = (path?, profile?);
    if matches!(whose.value, Whose::Tenants) && upstream.is_none() {
        whose.wrong(
            reader,
            "profile: a route for tenants must say where it leads".to_owned(),
            "write upstream = \"https://api.example.com/\" into it",
        );
    }
    Some(RouteTable { path, whose, upstream, callers, ca, links, more })
}

/// `true` or `false`, or other URLs by which the API calls itself. To these nothing is sent, so they may be plain http anywhere.
fn read_links(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Links> {
    let next = "write true, false, or other URLs of the API in a list";
    if value.is_text() || value.is_array() {
        // A text alone may be meant for true.
        let next = if value.is_text() { next } else { BASE };
        return Some(Links::Change(reader.read_all(value, Upstream::dangerous_plain_http, next)));
    }
    match reader.flag_or(value, next)? {
        true => Some(Links::Change(Vec::new())),
        false => Some(Links::Stay),
    }
}

/// `{ caller = "tenants" }`: the name of the caller's key picks the client.
fn tenants(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Whose> {
    let mut whose = None;
    for (key, value) in reader.table(value) {
        match key.as_str() {
            "caller" => {
                let is_known = |text: &str| match text {
                    "tenants" => Ok(Whose::Tenants),
                    _ => Err("this is not tenants"),
                };
                whose = reader.read(&value, is_known, "write caller = \"tenants\"");
            }
            _ => reader.unknown(&key, &["caller"]),
        }
    }
    if value.is_empty() {
        reader.wrong(value, "it names nothing", "write { caller = \"tenants\" }, or the name of a profile");
    }
    whose
}

impl More {
    /// Takes what this key says, one of [`KEYS`].
    fn read(&mut self, reader: &mut Reader<'_>, key: &str, value: &Value<'_>) {
        match key {
            "methods" => {
                self.methods =
                    Some(reader.read_all(value, method, "write those such as [\"GET\", \"POST\"]"));
            }
            "origins" => {
                self.origins = Some(reader.read_all(
                    value,
                    // Of a page, to which no token goes.
                    Origin::dangerous_plain_http,
                    "write one such as \"https://app.example.com\"",
                ));
            }
            "cookies" => self.cookies = reader.flag(value),
            "authorization" => {
                self.authorization = reader.choice::<AuthorizationWord>(value).map(Into::into);
            }
            "on_refused" => self.on_refused = reader.choice::<OnRefusedWord>(value).map(Into::into),
            "strip" => self.strip = reader.flag(value),
            "via" => self.via = reader.flag(value),
            "encoded_slash" => self.encoded_slash = reader.flag(value),
            "patience" => self.patience = reader.duration(value),
            "max_body" => self.max_body = reader.bytes(value, 0..=MOST),
            "replay_body" => self.replay_body = reader.bytes(value, 0..=MOST_COPY),
            "answer_timeout" => self.answer_timeout = reader.duration(value),
            "http2" => self.http2 = reader.flag(value),
            "upgrade" => {
                self.upgrade = Some(reader.read_all(value, protocol, "write those such as [\"websocket\"]"));
            }
            _ => {}
        }
    }
}

impl RouteTable {
    /// The name of its profile, if it has one for all callers.
    pub(crate) fn profile(&self) -> Option<&str> {
        match &self.whose.value {
            Whose::Profile(name) => Some(name),
            Whose::Tenants => None,
        }
    }

    /// The route of the library, to this upstream with the tokens that this makes it of. `pages`: origins beside those that it lists.
    pub(crate) fn route(
        &self,
        make: impl FnOnce(&str) -> Result<Route, RoutePathError>,
        roots: Option<Arc<RootCertStore>>,
        pages: &[Origin],
    ) -> Result<Route, RoutePathError> {
        /// What was said, in the library's words.
        fn said<T: Clone>(route: Route, said: &Option<T>, set: impl FnOnce(Route, T) -> Route) -> Route {
            match said {
                Some(value) => set(route, value.clone()),
                None => route,
            }
        }
        let more = &self.more;
        let route = make(self.path.value.as_str())?;
        let route = said(route, &more.methods, Route::methods);
        let route = route.origins(more.origins.iter().flatten().chain(pages).cloned());
        let route = said(route, &more.authorization, Route::authorization);
        let route = said(route, &more.on_refused, Route::on_refused);
        let route = said(route, &more.strip, Route::strip);
        let route = said(route, &more.cookies, Route::cookies);
        let route = said(route, &more.via, Route::via);
        let route = said(route, &more.encoded_slash, Route::encoded_slash);
        let route = said(route, &more.patience, Route::patience);
        let route = said(route, &more.max_body, Route::max_body);
        let route = said(route, &more.replay_body, Route::replay_body);
        let route = said(route, &more.answer_timeout, Route::answer_timeout);
        let route = said(route, &more.http2, Route::http2);
        let route = route.upgrades(more.upgrade.iter().flatten().map(String::as_str));
        let route = said(route, &roots, Route::roots);
        Ok(match &self.callers {
            Some(callers) => route.callers(callers.value.iter().map(String::as_str)),
            None => route,
        })
    }

    /// The same route with links changed as it says, or where it says nothing, as `is_usual` does.
    pub(crate) fn linked(&self, route: Route, is_usual: bool) -> Route {
        match &self.links {
            Some(Links::Change(aliases)) => route.links(aliases.iter().cloned()),
            None if is_usual => route.links([]),
            Some(Links::Stay) | None => route,
        }
    }
}

/// A protocol (RFC 9110 §7.8) that is not another way to say HTTP.
fn protocol(text: &str) -> Result<String, &'static str> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~/".contains(&byte);
    match text.to_ascii_lowercase() {
        _ if text.is_empty() || !text.bytes().all(is_token) => Err("this is not the name of a protocol"),
        name if ["h2c", "h2", "tls"].contains(&name.as_str()) || name.starts_with("http/") => {
            Err("this would be HTTP past the gateway")
        }
        name => Ok(name),
    }
}

/// A token (RFC 9110 §9.1), and none that must never pass.
fn method(text: &str) -> Result<Method, &'static str> {
    let method = Method::from_bytes(text.as_bytes()).map_err(|_| "this is not a method")?;
    match text {
        "CONNECT" | "TRACE" | "TRACK" => Err("this method never passes"),
        _ if text.bytes().any(|byte| byte.is_ascii_lowercase()) => Err("a method is written in capitals"),
        _ => Ok(method),
    }
}
