//! Where the clients of tenants are described, and what is said of each at this moment.

use crate::client::checked;
use crate::client::content::Content;
use crate::client::profile::gateway::RouteTable;
use crate::client::profile::tenants::File;
use crate::client::profile::{Profile, Profiles, is_name};
use crate::client::settings::Settings;
use crate::tell::escaped::Line;
use crate::tell::failure::Failure;
use evergrant_tokio_reqwest::Origin;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder beside the configuration file that has a file for each tenant.
const FOLDER: &str = "tenants";

/// Where the clients of tenants are described: in tables of the configuration file, and in files of a folder beside it. Who is in both is as
/// the table says.
pub(crate) struct Descriptions {
    tables: BTreeMap<String, Arc<Settings>>,
    folder: PathBuf,
    /// Those of the routes for tenants. A tenant whose tokens may go to none of them is faulty.
    apis: BTreeSet<Origin>,
}

/// What is said of a tenant.
pub(crate) enum Said {
    /// There is none of this name.
    Nothing,
    /// In a table, which is read with the whole file.
    Table(Arc<Settings>),
    /// In a file of its own.
    File(Box<Settings>),
}

/// What is said of a tenant has faults.
pub(crate) struct Faulty {
    pub(crate) faults: Vec<Failure>,
    /// The files of its secrets as they were before: one that comes later may be all it lacked.
    pub(crate) secrets: Content,
}

impl Descriptions {
    /// Those of this file, which has these routes, or everything that is wrong with them. Files of the folder are read when somebody wants one.
    pub(crate) fn of(profiles: &mut Profiles, routes: &[RouteTable], faults: &mut Vec<Failure>) -> Self {
        let of_tenants = routes.iter().filter(|route| route.profile().is_none());
        let apis: BTreeSet<Origin> =
            of_tenants.filter_map(|route| Some(route.upstream.as_ref()?.origin().clone())).collect();
        let path = profiles.path.display().to_string();
        let mut tables = BTreeMap::new();
        for (name, profile, is_faulty) in profiles.take_tenants() {
            let line = profile.line;
            match settings(&name, profile, is_faulty, &apis) {
                Ok(settings) => drop(tables.insert(name, Arc::new(settings))),
                Err(found) => faults.extend(found.into_iter().map(|(at, failure)| {
                    let line = at.or(line).map_or_else(String::new, |line| format!("{line}:"));
                    failure.of(&format_args!("{path}:{line} tenant {}", Line(&name)))
                })),
            }
        }
        let folder = profiles.path.parent().unwrap_or(Path::new("")).join(FOLDER);
        Self { tables, folder, apis }
    }

    /// The APIs of the routes for tenants.
    pub(crate) fn apis(&self) -> &BTreeSet<Origin> {
        &self.apis
    }

    /// The names of those in tables.
    pub(crate) fn tables(&self) -> &BTreeMap<String, Arc<Settings>> {
        &self.tables
    }

    /// The names of those that have files, in order. A file whose name no key can have is nobody's.
    pub(crate) fn files(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let name = name.strip_suffix(".toml")?;
            (is_name(name) && !self.tables.contains_key(name)).then(|| name.to_owned())
        });
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        names
    }

    /// The file of this tenant. A name is never a path.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.toml"))
    }

    /// Whether nothing is said of this tenant now.
    pub(crate) fn is_nobody(&self, name: &str) -> bool {
        let has_file = || is_name(name) && !self.path(name).try_exists().is_ok_and(|exists| !exists);
        !self.tables.contains_key(name) && !has_file()
    }

    /// What is said of this tenant now, or everything that is wrong with it.
    pub(crate) fn said(&self, name: &str) -> Result<Said, Faulty> {
        if let Some(settings) = self.tables.get(name) {
            return Ok(Said::Table(Arc::clone(settings)));
        }
        if self.is_nobody(name) {
            return Ok(Said::Nothing);
        }
        let path = self.path(name);
        let File { profile, mut faults } = File::read(&path, name)
            .map_err(|failure| Faulty { faults: vec![failure], secrets: Content::default() })?;
        let secrets = Content::of(profile.secret_files());
        let settings = settings(name, profile, !faults.is_empty(), &self.apis).map_err(|found| {
            let place = path.display();
            found.into_iter().map(move |(line, failure)| match line {
                Some(line) => failure.of(&format_args!("{place}:{line}")),
                None => failure.of(&place),
            })
        });
        match settings {
            Ok(settings) if faults.is_empty() => Ok(Said::File(Box::new(settings))),
            Ok(_) => Err(Faulty { faults, secrets }),
            Err(more) => {
                faults.extend(more);
                Err(Faulty { faults, secrets })
            }
        }
    }
}

fn settings(
    name: &str,
    profile: Profile,
    is_faulty: bool,
    apis: &BTreeSet<Origin>,
) -> Result<Settings, Vec<(Option<usize>, Failure)>> {
    // What is wrong with them has been said.
    let is_said = is_faulty && profile.origins.is_empty();
    let line = profile.lines.get("origins").copied();
    let settings = checked::settings(Profile { name: Some(name.to_owned()), ..profile }, is_faulty)?;
    let own = settings.origins().map_err(|failure| vec![(line, failure)])?;
    match apis.first() {
        Some(api) if !is_said && !apis.iter().any(|api| own.contains(api)) => {
            let next =
                format!("add the origin of the API to its origins, such as {}", Line(&api.to_string()));
            Err(vec![(line, Failure::usage("its tokens may not go to the API of a route for tenants", next))])
        }
        _ => Ok(settings),
    }
}

#[cfg(test)]
mod tests;
