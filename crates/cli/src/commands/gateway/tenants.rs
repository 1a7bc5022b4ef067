//! The clients of tenants while the gateway runs: each is read when its tenant first comes, and again when it has changed.

use crate::client::content::Digest;
use crate::client::settings::Settings;
use crate::client::setup::Setup;
use crate::client::tenants::{Descriptions, Said};
use crate::tell::escaped::Line;
use crate::tell::failure::Failure;
use crate::tell::metrics::Totals;
use crate::tell::stderr;
use evergrant_gateway::UnknownTenant;
use evergrant_tokio_reqwest::{BoxError, Client, Policy, TokensPool};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;

/// What their pool is called in metrics: no label names a tenant.
const NAME: &str = "tenants";

/// The tenants of a gateway. Clones are one.
#[derive(Clone)]
pub(super) struct Tenants {
    pub(super) served: evergrant_gateway::Tenants,
    clients: Arc<Clients>,
    wanted: Arc<Wanted>,
    /// A word to the thread that looks at them. It ends with the last of these.
    looks: SyncSender<()>,
}

/// What the thread that looks at the tenants shall do next.
#[derive(Default)]
struct Wanted {
    /// They are described otherwise.
    described: AtomicBool,
    /// Their routes lead to another API.
    elsewhere: AtomicBool,
    /// It is time to look at the files.
    files: AtomicBool,
    /// Somebody has asked that everything be read again.
    again: AtomicBool,
}

/// What that thread has.
struct Looking {
    pool: TokensPool<String>,
    clients: Arc<Clients>,
    wanted: Arc<Wanted>,
}

struct Clients {
    described: RwLock<Descriptions>,
    made: Mutex<BTreeMap<String, Made>>,
    /// What was said of those that are faulty, once.
    told: Mutex<BTreeMap<String, String>>,
}

/// What a client was made of.
#[derive(Clone)]
struct Made {
    settings: Arc<Settings>,
    content: Content,
    /// What was there at the last look, if it was something else: half of a file may be a good one.
    seen: Option<Content>,
}

/// What was in the file of a tenant, where it has one, and in that of its secret.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Content {
    file: Option<Digest>,
    secret: Option<Digest>,
}

impl Tenants {
    /// Those who are described there.
    pub(super) fn new(
        described: Descriptions,
        policy: Policy,
        totals: &Arc<Totals>,
    ) -> Result<Self, Failure> {
        let clients = Arc::new(Clients {
            described: RwLock::new(described),
            made: Mutex::default(),
            told: Mutex::default(),
        });
        let making = Arc::clone(&clients);
        let pool = TokensPool::builder(move |name: &String| making.client(name))
            .name(NAME)
            .policy(policy)
            .observer(Arc::<Totals>::clone(totals))
            .build()?;
        let wanted = Arc::<Wanted>::default();
        let looking =
            Looking { pool: pool.clone(), clients: Arc::clone(&clients), wanted: Arc::clone(&wanted) };
        let looks = looking.begin()?;
        Ok(Self { served: evergrant_gateway::Tenants::new(pool), clients, wanted, looks })
    }

    pub(super) fn pool(&self) -> &TokensPool<String> {
        self.served.pool()
    }

    /// The variables that secrets are kept in, of those whom the file itself describes.
    pub(super) fn secret_variables(&self) -> Vec<String> {
        let described = self.clients.described.read().unwrap_or_else(PoisonError::into_inner);
        let tables = described.tables().values();
        tables.flat_map(|settings| settings.secret_variables()).cloned().collect()
    }

    /// They are described otherwise from now on: who is described as before keeps its token.
    pub(super) fn are(&self, described: Descriptions) {
        // Whoever's tokens may not go to another API is told so at once.
        let goes_elsewhere = {
            let mut known = self.clients.described.write().unwrap_or_else(PoisonError::into_inner);
            let goes_elsewhere = !known.has_apis_of(&described);
            *known = described;
            goes_elsewhere
        };
        self.wanted.elsewhere.fetch_or(goes_elsewhere, Ordering::SeqCst);
        self.wanted.described.store(true, Ordering::SeqCst);
        self.begin();
    }

    /// Looks at the files of those who are in use, and of their secrets. `again`: takes what is there at once, and runs the commands that print
    /// a secret.
    ///
    /// It waits for none of that: a secret that comes late must not keep a key from being taken away.
    pub(super) fn look(&self, again: bool) {
        self.wanted.again.fetch_or(again, Ordering::SeqCst);
        self.wanted.files.store(true, Ordering::SeqCst);
        self.begin();
    }

    fn begin(&self) {
        // One that waits already stands for this one, too.
        let _begun = self.looks.try_send(());
    }
}

impl Looking {
    /// Looks whenever there is a word, on a thread of its own.
    fn begin(self) -> Result<SyncSender<()>, Failure> {
        let (sender, words) = sync_channel(1);
        let look = move || words.iter().for_each(|()| self.look());
        let started = thread::Builder::new().name("tenants".into()).spawn(look);
        started.map_err(|error| Failure::system("the configuration cannot be looked at", &error))?;
        Ok(sender)
    }

    fn look(&self) {
        if self.wanted.described.swap(false, Ordering::SeqCst) {
            let goes_elsewhere = self.wanted.elsewhere.swap(false, Ordering::SeqCst);
            self.each(|name, made| goes_elsewhere || self.clients.is_described_otherwise(name, made));
        }
        if self.wanted.files.swap(false, Ordering::SeqCst) {
            self.look_at_files(self.wanted.again.swap(false, Ordering::SeqCst));
        }
    }

    fn look_at_files(&self, again: bool) {
        self.each(|name, made| {
            let now = self.clients.content_now(name, &made.settings);
            if now == made.content {
                made.seen = None;
                return again && made.settings.place().is_command();
            }
            let has_settled = again || made.seen == Some(now);
            made.seen = Some(now);
            has_settled
        });
    }

    /// Makes anew the clients of those in use of whom this is true.
    fn each(&self, is_due: impl Fn(&str, &mut Made) -> bool) {
        let mut names = BTreeSet::new();
        self.pool.each(|name, _| {
            names.insert(name.clone());
        });
        let mut made = {
            let mut made = self.clients.made.lock().unwrap_or_else(PoisonError::into_inner);
            made.retain(|name, _| names.contains(name));
            made.clone()
        };
        // Of one that is not known what it was made of, it is made again.
        names.retain(|name| made.get_mut(name).is_none_or(|made| is_due(name, made)));
        let seen = made.into_iter().map(|(name, made)| (name, made.seen));
        self.clients.have_seen(seen);
        for name in names {
            self.renew(&name);
        }
    }

    fn renew(&self, name: &str) {
        let tenant = Line(name);
        match self.clients.client(name) {
            Ok(client) => {
                let before = self.pool.get(name).and_then(|source| source.source().shared().client());
                let is_same = before.is_some_and(|before| *before == client);
                match self.pool.replace(name, client) {
                    Ok(true) if !is_same => {
                        stderr::note(format_args!(
                            "tenant {tenant}: its client has changed, and the new one is used"
                        ));
                    }
                    Ok(_) => {}
                    Err(error) => stderr::warning(format_args!(
                        "tenant {tenant}: {error}; the client that was read before is used"
                    )),
                }
            }
            Err(error) if error.is::<UnknownTenant>() => {
                self.pool.remove(name);
                stderr::note(format_args!("tenant {tenant}: it is not described any more, and gets nothing"));
            }
            // It has been told.
            Err(_) => self.clients.keep(name),
        }
    }
}

impl Clients {
    /// The client of this tenant, as it is described now.
    fn client(&self, name: &str) -> Result<Client, BoxError> {
        let made = self.made_of(name).and_then(|made| match made {
            None => Ok(None),
            Some(made) => Setup::client(&made.settings)
                .map(|client| Some((made, client)))
                .map_err(|failure| vec![failure]),
        });
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match made {
            Ok(Some((made, client))) => {
                told.remove(name);
                drop(told);
                self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), made);
                Ok(client)
            }
            Ok(None) => {
                told.remove(name);
                Err(UnknownTenant.into())
            }
            Err(failures) => {
                let words = failures.iter().map(|failure| failure.parts().0).collect::<Vec<_>>().join("; ");
                if told.get(name) != Some(&words) {
                    stderr::warning(format_args!(
                        "tenant {}: its client cannot be used: {words}",
                        Line(name)
                    ));
                    told.insert(name.to_owned(), words);
                }
                Err("its client cannot be used".into())
            }
        }
    }

    /// What the client of this tenant is to be made of. The files are looked at before the secret is read: what is written meanwhile is
    /// found later.
    fn made_of(&self, name: &str) -> Result<Option<Made>, Vec<Failure>> {
        let said = self.described.read().unwrap_or_else(PoisonError::into_inner).said(name)?;
        let (settings, file) = match said {
            Said::Nothing => return Ok(None),
            Said::Table(settings) => (settings, None),
            Said::File(settings, digest) => (Arc::from(settings), Some(digest)),
        };
        let content = Content { file, secret: secret_of(&settings) };
        Ok(Some(Made { settings, content, seen: None }))
    }

    fn content_now(&self, name: &str, settings: &Settings) -> Content {
        let described = self.described.read().unwrap_or_else(PoisonError::into_inner);
        let is_table = described.tables().contains_key(name);
        let file = if is_table { None } else { Digest::of_file(&described.path(name)) };
        Content { file, secret: secret_of(settings) }
    }

    /// Whether the file says another client of it than the one that was made. What a file of its own says is looked at there.
    fn is_described_otherwise(&self, name: &str, made: &Made) -> bool {
        let described = self.described.read().unwrap_or_else(PoisonError::into_inner);
        match (described.tables().get(name), made.content.file) {
            (Some(now), None) => !is_same(now, &made.settings).unwrap_or(false),
            (None, Some(_)) => false,
            _ => true,
        }
    }

    fn have_seen(&self, seen: impl Iterator<Item = (String, Option<Content>)>) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, seen) in seen {
            if let Some(made) = made.get_mut(&name) {
                made.seen = seen;
            }
        }
    }

    /// What is there now is faulty, and is not read again until it changes.
    fn keep(&self, name: &str) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = made.get_mut(name) {
            made.content = self.content_now(name, &made.settings);
            made.seen = None;
        }
    }
}

/// Whether both describe one client, whose secret is in one place.
fn is_same(one: &Settings, other: &Settings) -> Result<bool, Failure> {
    Ok(one.kind()? == other.kind()? && one.origins()? == other.origins()? && one.place() == other.place())
}

fn secret_of(settings: &Settings) -> Option<Digest> {
    settings.place().content().map(|content| Digest::of(&content))
}
