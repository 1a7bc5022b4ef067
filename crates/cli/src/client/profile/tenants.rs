//! The clients of tenants: the tables `[tenants.NAME]`, or a file for each in the folder `tenants` beside the file, `NAME.toml`, which has the
//! keys of a profile.

use super::file;
use super::problem::About;
use super::reader::{Reader, Table, Value};
use super::{Profile, members};
use crate::client::args::Auth;
use crate::client::content::Digest;
use crate::tell::failure::Failure;
use evergrant_gateway::Keys;
use std::collections::BTreeMap;
use std::path::Path;

/// What a tenant cannot have of its own: all of them send their token requests in one way, and keep their tokens in memory.
const SHARED: [&str; 4] = ["ca_file", "proxy", "timeout", "cache"];

pub(super) fn read(reader: &mut Reader<'_>, value: &Value<'_>, folder: &Path) -> BTreeMap<String, Profile> {
    let mut tenants = BTreeMap::new();
    for (name, value) in reader.table(value) {
        reader.enter(About::Tenant(name.as_str().to_owned()));
        if !is_name(name.as_str()) {
            const NEXT: &str = "write a name of small letters, digits, dot, underscore and hyphen, up to 64, beginning with a letter or a digit";
            reader.problem(name.at(), "no key can have this name, which picks the client", NEXT);
        }
        let table = reader.table(&value);
        let mut tenant = tenant(reader, table, folder);
        tenant.line = Some(reader.line(&name));
        tenants.insert(name.as_str().to_owned(), tenant);
        reader.enter(About::File);
    }
    tenants
}

fn tenant(reader: &mut Reader<'_>, table: Table<'_>, folder: &Path) -> Profile {
    for (key, _) in table.iter().filter(|(key, _)| SHARED.contains(&key.as_str())) {
        let happened = format!("a tenant has no {} of its own", key.as_str());
        reader.problem(
            key.at(),
            happened,
            "remove the line: the token requests of all tenants are sent in one way",
        );
    }
    let says = |wanted: &str| table.iter().any(|(key, _)| key.as_str() == wanted);
    let (has_secret, at) = (says("client_secret"), table.first().map_or(0, |(key, _)| key.at()));
    let tenant = members(reader, table, folder);
    // The variable that every other command looks at would be the secret of them all.
    if !has_secret && tenant.auth != Some(Auth::None) {
        reader.problem(
            at,
            "there is no client_secret",
            "say where it is: { file = \"PATH\" }, or that there is none with auth = \"none\"",
        );
    }
    tenant
}

/// Whether it is the name of a key, and so never a path.
pub(crate) fn is_name(name: &str) -> bool {
    Keys::new([(name.to_owned(), [0; 32])]).is_ok()
}

/// The client of a tenant, out of a file of its own.
pub(crate) struct File {
    pub(crate) profile: Profile,
    /// Of its text.
    pub(crate) digest: Digest,
    /// What is wrong with its lines.
    pub(crate) faults: Vec<Failure>,
}

impl File {
    /// What the file of this tenant says.
    pub(crate) fn read(path: &Path, name: &str) -> Result<Self, Failure> {
        let text = file::text(path)?;
        let digest = Digest::of(text.as_bytes());
        let mut reader = Reader::new(&text);
        reader.enter(About::Tenant(name.to_owned()));
        let table = reader.document();
        let profile = tenant(&mut reader, table, path.parent().unwrap_or(Path::new("")));
        let fault = |line: usize, happened: &str, next: &str| {
            Failure::usage(format!("{}:{line}: {happened}", path.display()), next)
        };
        let problems = reader.problems();
        let faults = problems.iter().map(|problem| fault(problem.line, &problem.happened, &problem.next));
        Ok(Self { faults: faults.collect(), profile, digest })
    }
}
