//! The tables `[gateway]` and `[[gateway.route]]`: where the gateway listens, who may use it, where its routes lead, its bounds.
//!
//! ```toml
//! [gateway]
//! listen = ["localhost:8484", { address = "unix:api.sock", peers = { uids = [1000] } }]
//!
//! [[gateway.route]]
//! path = "/"
//! profile = "sandbox"
//! ```

mod bounds;
mod issue;
mod listen;
mod route;
mod words;

use super::problem::About;
use super::reader::{Key, Reader, Value, items};
use crate::tell::escaped::Line;
use bounds::KEYS as BOUNDS;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub(crate) use bounds::Bounds;
pub(crate) use issue::IssueTable;
pub(crate) use listen::{Listen, SHA256, TlsFiles};
pub(crate) use route::{Placed, RouteTable};
pub(crate) use words::{AdminAt, LogWord, Ready};

/// What the tables say; what they do not say is empty or the default.
#[derive(Debug)]
pub(crate) struct GatewayTable {
    pub(crate) listen: Vec<Listen>,
    pub(crate) admin: Option<AdminAt>,
    pub(crate) ready: Ready,
    pub(crate) log: Option<LogWord>,
    pub(crate) instance: Option<String>,
    pub(crate) bounds: Bounds,
    pub(crate) routes: Vec<RouteTable>,
    pub(crate) issue: Option<IssueTable>,
    /// What cannot be changed while it runs, as it is written, by its keys.
    settled: BTreeMap<String, String>,
}

impl GatewayTable {
    /// The names of profiles.
    pub(crate) fn profiles(&self) -> impl Iterator<Item = &str> {
        let of_routes = self.routes.iter().filter_map(RouteTable::profile);
        of_routes.chain(self.issued().map(|name| name.value.as_str()))
    }

    /// Those that issue names, where they are written.
    pub(crate) fn issued(&self) -> impl Iterator<Item = &Placed<String>> {
        self.issue.iter().flat_map(|issue| &issue.profiles)
    }

    /// All places to listen at.
    pub(crate) fn listens(&self) -> impl Iterator<Item = &Listen> {
        self.listen.iter().chain(self.issue.iter().flat_map(|issue| &issue.listen))
    }
}

impl GatewayTable {
    /// The keys that say something else than in that table and cannot be changed while the gateway runs.
    pub(crate) fn needs_restart(&self, before: &BTreeMap<String, String>) -> Vec<String> {
        let keys: BTreeSet<&String> = self.settled.keys().chain(before.keys()).collect();
        keys.into_iter().filter(|key| self.settled.get(*key) != before.get(*key)).cloned().collect()
    }

    /// What cannot be changed while it runs.
    pub(crate) fn settled(&self) -> &BTreeMap<String, String> {
        &self.settled
    }
}

/// The keys of `[gateway]` whose changes are taken while it runs.
const CHANGING: [&str; 3] = ["listen", "route", "issue"];

/// The keys of `[gateway]` beside its bounds, for whoever wrote another.
const KEYS: [&str; 7] = ["listen", "route", "issue", "admin", "ready", "log", "instance"];

/// Keys that a later version has.
const LATER: [&str; 3] = ["store", "tls", "http2"];

pub(super) fn read(reader: &mut Reader<'_>, name: &Key, value: &Value<'_>, folder: &Path) -> GatewayTable {
    reader.enter(About::Gateway);
    let mut table = GatewayTable {
        listen: Vec::new(),
        admin: None,
        ready: Ready::default(),
        log: None,
        instance: None,
        bounds: Bounds::default(),
        routes: Vec::new(),
        settled: BTreeMap::new(),
        issue: None,
    };
    let (mut says_route, mut issue, mut names) = (false, None, Vec::new());
    for (key, value) in reader.table(value) {
        if !CHANGING.contains(&key.as_str()) {
            table.settled.insert(key.as_str().to_owned(), reader.written(&value).to_owned());
        }
        match key.as_str() {
            "listen" => (table.listen, names) = listen::read(reader, &value, folder, Listen::fault),
            "route" => {
                says_route = true;
                table.routes = routes(reader, &value, folder);
            }
            "issue" => issue = Some((issue::read(reader, &key, &value, folder), key)),
            "admin" => table.admin = reader.read(&value, AdminAt::parse, AdminAt::FORMS),
            "ready" => table.ready = reader.choice(&value).unwrap_or_default(),
            "log" => table.log = reader.choice(&value),
            "instance" => table.instance = reader.read(&value, instance, "write one word, such as \"blue\""),
            bound if BOUNDS.contains(&bound) => table.bounds.read(reader, bound, &value),
            later if LATER.contains(&later) => reader.not_yet(&key),
            _ => reader.unknown(&key, &[&KEYS[..], &BOUNDS].concat()),
        }
    }
    if let Some((read, key)) = issue {
        read.judge(reader, &key, &table.routes, &table.listen);
        table.issue = Some(read);
    } else if !says_route {
        reader.problem(
            name.at(),
            "gateway: there is no route",
            "write a [[gateway.route]] with path and profile, or [gateway.issue]",
        );
    }
    if !says_route && !table.listen.is_empty() {
        const NEXT: &str = "write a [[gateway.route]], or remove listen";
        reader.problem(name.at(), "gateway: it listens, and there is no route", NEXT);
    }
    callers(reader, &table.routes, &names);
    reader.enter(About::File);
    table
}

/// Each route, and no two of one path.
fn routes(reader: &mut Reader<'_>, value: &Value<'_>, folder: &Path) -> Vec<RouteTable> {
    let mut routes: Vec<RouteTable> = Vec::new();
    for item in items(value) {
        let Some(route) = route::read(reader, &item, folder) else { continue };
        if let Some(other) = routes.iter().find(|other| other.path.value == route.path.value) {
            let happened = format!("path: it is that of line {}", other.path.line);
            route.path.wrong(reader, happened, "write another path, or remove one of the two routes");
        }
        routes.push(route);
    }
    routes
}

/// A caller is known by the name of its key.
fn callers(reader: &mut Reader<'_>, routes: &[RouteTable], names: &[String]) {
    for callers in routes.iter().filter_map(|route| route.callers.as_ref()) {
        for name in callers.value.iter().filter(|name| !names.contains(name)) {
            let happened = format!("callers: no listener has a key of the name {}", Line(name));
            callers.wrong(reader, happened, "add the key to keys of a listener, or remove the name");
        }
    }
    // Who has no key has no name.
    for route in routes.iter().filter(|route| route.profile().is_none() && names.is_empty()) {
        let happened =
            "profile: tenants are known by the names of their keys, and no listener has keys".to_owned();
        route.whose.wrong(reader, happened, "add keys to a listener (evergrant gateway key NAME makes one)");
    }
}

/// What Via and Proxy-Status can say (RFC 9110 §5.6.2) without being quoted.
fn instance(text: &str) -> Result<String, &'static str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.len() <= 64 && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("this has more than 64 characters, or others than letters, digits, dot, underscore and hyphen")
    }
}

#[cfg(test)]
mod tests;
