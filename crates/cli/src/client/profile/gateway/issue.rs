//! `[gateway.issue]`: where programs of this machine get tokens, and whose.
//!
//! ```toml
//! [gateway.issue]
//! listen = [{ address = "unix:issue.sock", peers = { uids = [1000] } }]
//! profiles = ["sandbox"]
//! ```

use super::super::reader::{Key, Reader, Value, items};
use super::listen::{self, Listen};
use super::route::{Placed, RouteTable};
use crate::tell::escaped::Line;
use evergrant_gateway::{Access, Address, Issue};
use std::path::Path;
use std::time::Duration;

/// Where tokens are given out, and whose.
#[derive(Debug)]
pub(crate) struct IssueTable {
    pub(crate) listen: Vec<Listen>,
    /// Empty: those of the routes.
    pub(crate) profiles: Vec<Placed<String>>,
    /// How long a caller waits for a token; `None`: the library's default.
    pub(crate) patience: Option<Duration>,
}

pub(super) const KEYS: [&str; 3] = ["listen", "profiles", "patience"];

const NEXT: &str = "write a list of names, such as [\"orders\"]";

pub(super) fn read(reader: &mut Reader<'_>, name: &Key, value: &Value<'_>, folder: &Path) -> IssueTable {
    let (mut listen, mut profiles, mut patience) = (None, Vec::new(), None);
    for (key, value) in reader.table(value) {
        match key.as_str() {
            "listen" => listen = Some(listen::read(reader, &value, folder, fault).0),
            "profiles" => profiles = named(reader, &value),
            "patience" => patience = reader.duration(&value),
            _ => reader.unknown(&key, &KEYS),
        }
    }
    if listen.is_none() && value.is_table() {
        const NEXT: &str = "write listen = \"unix:PATH\", or an address of loopback with keys";
        reader.problem(name.at(), "issue: there is no listen", NEXT);
    }
    IssueTable { listen: listen.unwrap_or_default(), profiles, patience }
}

/// Profiles by names that can be part of a path, each once.
fn named(reader: &mut Reader<'_>, value: &Value<'_>) -> Vec<Placed<String>> {
    let items = items(value);
    if items.is_empty() {
        reader.wrong(value, "this is empty", "write the name of one, or remove the line");
    }
    let mut profiles: Vec<Placed<String>> = Vec::new();
    for item in &items {
        let read = |text: &str| Issue::check_name(text).map(|()| text.to_owned());
        let Some(name) = reader.read(item, read, NEXT) else { continue };
        if profiles.iter().any(|known| known.value == name) {
            reader.wrong(item, "this profile is repeated", "remove it");
        }
        profiles.push(Placed::at(reader, item, name));
    }
    profiles
}

impl IssueTable {
    /// The names of the profiles, each once: those that it names, or those of the routes.
    pub(crate) fn names(&self, routes: &[RouteTable]) -> Vec<String> {
        let own = self.profiles.iter().map(|name| name.value.as_str());
        let of_routes = routes.iter().filter_map(RouteTable::profile);
        let mut names: Vec<String> = Vec::new();
        for name in own.chain(of_routes.filter(|_| self.profiles.is_empty())) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// What whoever reads this should know, where the tokens of this profile are bound to its certificate (RFC 8705 §3).
    pub(crate) fn bound(profile: &str) -> String {
        format!(
            "issue gives out tokens of profile {}, which are bound to its certificate: an API takes them over connections alone that show \
             it, which a program can do that has its key as well; a route of the gateway shows it by itself",
            Line(profile)
        )
    }

    /// What is wrong with it beside the rest of `[gateway]`, where it is called `name`.
    pub(super) fn judge(
        &self,
        reader: &mut Reader<'_>,
        name: &Key,
        routes: &[RouteTable],
        of_routes: &[Listen],
    ) {
        if self.names(routes).is_empty() {
            reader.problem(
                name.at(),
                "issue: there is no profile, and no route that has one",
                "write profiles = [\"…\"] into it",
            );
        }
        // A name that is a route's only may be one that is no part of a path.
        if self.profiles.is_empty()
            && let Some(other) = self.names(routes).iter().find(|other| Issue::check_name(other).is_err())
        {
            let happened = format!("issue: the name of profile {} cannot be part of a path", Line(other));
            reader.problem(
                name.at(),
                happened,
                "rename the profile (a-z, 0-9, dot, underscore, hyphen), or write profiles = [\"…\"]",
            );
        }
        if let Some(same) =
            self.listen.iter().find(|own| of_routes.iter().any(|other| other.address == own.address))
        {
            let happened =
                format!("issue: it listens at {}, as the routes do", Line(&same.address.to_string()));
            reader.problem(
                name.at(),
                happened,
                "write another address: every path beside a route is its API's",
            );
        }
    }
}

/// Why tokens are not given out there, and what to do next.
fn fault(listen: &Listen) -> Option<(&'static str, &'static str)> {
    let is_socket = matches!(listen.address, Address::Unix(_));
    match &listen.access {
        Some(Access::Peers(_) | Access::Keys(_)) | None if is_socket => None,
        Some(Access::Keys(_)) if listen.address.is_local() => None,
        Some(Access::Peers(_)) => {
            Some(("users are known over a Unix socket alone", "use unix:PATH, or keys in place of peers"))
        }
        _ if !listen.address.is_local() => Some((
            "tokens are given out on this machine alone",
            "use unix:PATH, or an address of loopback with keys",
        )),
        _ => Some((
            "whoever gets a token here must be known",
            "use unix:PATH with peers, or add keys (evergrant gateway key NAME makes one)",
        )),
    }
}
