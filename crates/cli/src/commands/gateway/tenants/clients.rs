//! What the clients of tenants are made of, and whether that has changed.

use crate::client::content::Content;
use crate::client::secret;
use crate::client::settings::Settings;
use crate::client::setup::Setup;
use crate::client::tenants::{Descriptions, Faulty, Said};
use crate::tell::escaped::Line;
use crate::tell::failure::Failure;
use crate::tell::stderr;
use evergrant_gateway::UnknownTenant;
use evergrant_tokio_reqwest::{BoxError, Origin, PoolClient};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// The clients of tenants, as they are described.
pub(super) struct Clients {
    described: RwLock<Arc<Descriptions>>,
    made: Mutex<BTreeMap<String, Made>>,
    /// What was said of those that are faulty, once.
    told: Mutex<BTreeMap<String, String>>,
}

/// What the client of a tenant was made of; or was to be made of, where that went wrong.
pub(super) struct Made {
    /// What the configuration file says of it, if it does.
    table: Option<Arc<Settings>>,
    /// Those of the routes for tenants.
    apis: BTreeSet<Origin>,
    /// The tenant's own file, where it has one, and those with its secrets, as they were before they were read: what is written meanwhile
    /// is found later.
    files: Content,
    /// Whether reading it again may give something else, though no file says so: a command prints a secret, or something went wrong.
    is_open: bool,
    /// What was there at the last look, if it was something else: half of a file may be a good one.
    seen: Option<Content>,
    /// It is to be made again. So it stays until it is.
    is_due: bool,
}

/// How a client is to be made.
pub(super) struct Plan {
    settings: Arc<Settings>,
    made: Made,
}

/// What is to be done for a tenant.
pub(super) enum Next {
    /// It is nobody's.
    Nothing,
    Make(Box<Plan>),
    /// What is said of it is faulty, and has been told.
    Faulty(Box<Made>),
}

impl Clients {
    pub(super) fn new(described: Descriptions) -> Self {
        Self { described: RwLock::new(Arc::new(described)), made: Mutex::default(), told: Mutex::default() }
    }

    /// As they are described now. A file is read without holding up whoever describes them otherwise.
    pub(super) fn described(&self) -> Arc<Descriptions> {
        Arc::clone(&self.described.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// They are described otherwise from now on.
    pub(super) fn are(&self, described: Descriptions) {
        *self.described.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(described);
    }

    /// The client of this tenant, for whom there is none yet.
    pub(super) fn client(&self, name: &str) -> Result<PoolClient, BoxError> {
        match self.next(name) {
            Next::Nothing => Err(UnknownTenant.into()),
            Next::Faulty(_) => Err("its client cannot be used".into()),
            Next::Make(plan) => {
                let (made, client) = self.make(name, *plan);
                let client = client.ok_or("its client cannot be used")?;
                self.has(name, made);
                Ok(client)
            }
        }
    }

    /// What is to be done for this tenant, as it is described now. No secret is read.
    pub(super) fn next(&self, name: &str) -> Next {
        let described = self.described();
        let table = described.tables().get(name).cloned();
        let own = table.is_none().then(|| described.path(name));
        let made = Made {
            table,
            apis: described.apis().clone(),
            files: Content::of(own),
            is_open: false,
            seen: None,
            is_due: false,
        };
        let settings = match described.said(name) {
            Ok(Said::Nothing) => {
                let _told = self.is_sound(name);
                return Next::Nothing;
            }
            Ok(Said::Table(settings)) => settings,
            Ok(Said::File(settings)) => Arc::from(settings),
            Err(Faulty { faults, secrets }) => {
                self.is_faulty(name, &faults);
                return Next::Faulty(Box::new(Made {
                    files: made.files.with_all(secrets),
                    is_open: true,
                    ..made
                }));
            }
        };
        let files = made.files.and(secret_files(&settings));
        let is_open = read_once(&settings).any(secret::Source::is_command);
        Next::Make(Box::new(Plan { settings, made: Made { files, is_open, ..made } }))
    }

    /// Makes the client, whose secrets may come late.
    pub(super) fn make(&self, name: &str, Plan { settings, made }: Plan) -> (Made, Option<PoolClient>) {
        match Setup::of(&settings) {
            Ok(Setup { client, proving, certificate, .. }) => {
                if self.is_sound(name) {
                    stderr::note(format_args!("tenant {}: its client can be used again", Line(name)));
                }
                let client = proving.of_client(PoolClient::new(client));
                let client = match certificate {
                    Some(certificate) => client.identity(certificate.identity()),
                    None => client,
                };
                (made, Some(client))
            }
            Err(failure) => {
                self.is_faulty(name, &[failure]);
                (Made { is_open: true, ..made }, None)
            }
        }
    }

    /// The client that is used was made of this, or what there is now has faults.
    pub(super) fn has(&self, name: &str, made: Made) {
        self.made().insert(name.to_owned(), made);
    }

    /// Those of these for whom there is something to do, of whom no others are remembered. `files`: whether those are looked at; `again`:
    /// whether they need not settle, and commands are run.
    pub(super) fn due(&self, names: &BTreeSet<String>, files: bool, again: bool) -> Vec<String> {
        let known: BTreeMap<String, Content> = {
            let mut made = self.made();
            made.retain(|name, _| names.contains(name));
            made.iter().map(|(name, made)| (name.clone(), made.files.clone())).collect()
        };
        // Whoever serves meanwhile does not wait for files.
        let now: BTreeMap<&String, Content> = match files {
            true => known.iter().map(|(name, files)| (name, files.now())).collect(),
            false => BTreeMap::new(),
        };
        let described = self.described();
        let mut made = self.made();
        let is_due = |name: &&String| {
            // Of one that is not known what it was made of, it is made again.
            let Some(made) = made.get_mut(*name) else { return true };
            // It may have been made meanwhile, of other files.
            let looked = known.get(*name).filter(|files| **files == made.files).and(now.get(*name));
            made.is_due |= looked.is_some_and(|now| made.has_changed(now, again));
            made.is_due |= made.is_described_otherwise(&described, name);
            made.is_due
        };
        names.iter().filter(is_due).cloned().collect()
    }

    fn made(&self) -> MutexGuard<'_, BTreeMap<String, Made>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever heard that it cannot be used hears that it can. Returns whether somebody did.
    fn is_sound(&self, name: &str) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).remove(name).is_some()
    }

    /// It is told once.
    fn is_faulty(&self, name: &str, failures: &[Failure]) {
        let words = failures.iter().map(|failure| failure.parts().0).collect::<Vec<_>>().join("; ");
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get(name) != Some(&words) {
            stderr::warning(format_args!("tenant {}: its client cannot be used: {words}", Line(name)));
            told.insert(name.to_owned(), words);
        }
    }
}

impl Made {
    /// Whether there is something else in its files now.
    fn has_changed(&mut self, now: &Content, again: bool) -> bool {
        if *now == self.files {
            self.seen = None;
            return again && self.is_open;
        }
        let has_settled = again || self.seen.as_ref() == Some(now);
        self.seen = Some(now.clone());
        has_settled
    }

    /// Whether the configuration file says another client of it. What a file of its own says is looked at there.
    fn is_described_otherwise(&mut self, described: &Descriptions, name: &str) -> bool {
        let now = described.tables().get(name);
        let is_same = match (now, &self.table) {
            (Some(now), Some(before)) => Arc::ptr_eq(now, before) || is_same(now, before).unwrap_or(false),
            (None, None) => true,
            _ => false,
        };
        if is_same {
            // So that it is not compared again at every look.
            self.table = now.cloned();
        }
        !is_same || *described.apis() != self.apis
    }
}

/// Whether both describe one client, whose secrets are in one place.
fn is_same(one: &Settings, other: &Settings) -> Result<bool, Failure> {
    Ok(one.kind()? == other.kind()?
        && one.origins()? == other.origins()?
        && one.places().eq(other.places())
        && one.is_proven_as(other))
}

fn secret_files(settings: &Settings) -> Vec<PathBuf> {
    read_once(settings).filter_map(secret::Source::file).collect()
}

/// Where those of its secrets are that are not read for each request.
fn read_once(settings: &Settings) -> impl Iterator<Item = &secret::Source> {
    settings.places().skip(usize::from(settings.is_live()))
}
