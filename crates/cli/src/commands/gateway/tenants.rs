//! The clients of tenants while the gateway runs: each is read when its tenant first comes, and again when it has changed.

mod clients;

use super::again::try_again;
use crate::client::tenants::Descriptions;
use crate::tell::escaped::Line;
use crate::tell::failure::Failure;
use crate::tell::metrics::Totals;
use crate::tell::news::News;
use crate::tell::stderr;
use clients::{Clients, Next, Plan};
use evergrant_tokio_reqwest::{Policy, TokensPool};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What their pool is called in metrics: no label names a tenant.
const NAME: &str = "tenants";

/// How many clients are made again at once: the secret of each may come late, on a thread of its own.
const AT_ONCE: usize = 64;

/// The tenants of a gateway. Clones are one.
#[derive(Clone)]
pub(super) struct Tenants {
    pub(super) served: evergrant_gateway::Tenants,
    clients: Arc<Clients>,
    wanted: Arc<Wanted>,
    /// A word to the thread that looks at them. It ends with the last of these.
    looks: SyncSender<()>,
}

/// What the thread that looks at the tenants shall do next, beside looking how they are described.
#[derive(Default)]
struct Wanted {
    /// It is time to look at the files.
    files: AtomicBool,
    /// Somebody has asked that everything be read again.
    again: AtomicBool,
}

/// What that thread has.
struct Looking {
    renewing: Arc<Renewing>,
    wanted: Arc<Wanted>,
}

/// The clients that are made again.
struct Renewing {
    pool: TokensPool<String>,
    clients: Arc<Clients>,
    /// The names of their tenants: one secret that comes late is waited for once.
    names: Mutex<BTreeSet<String>>,
}

/// One client is made again, until this is dropped.
struct Turn {
    renewing: Arc<Renewing>,
    name: String,
}

impl Tenants {
    /// Those who are described there.
    pub(super) fn new(
        described: Descriptions,
        policy: Policy,
        totals: &Arc<Totals>,
    ) -> Result<Self, Failure> {
        let clients = Arc::new(Clients::new(described));
        let making = Arc::clone(&clients);
        let pool = TokensPool::builder(move |name: &String| making.client(name))
            .name(NAME)
            .policy(policy)
            .observer(Arc::<Totals>::clone(totals))
            .observer(Arc::new(News))
            .build()?;
        let renewing =
            Renewing { pool: pool.clone(), clients: Arc::clone(&clients), names: Mutex::default() };
        let wanted = Arc::<Wanted>::default();
        let looks = Looking { renewing: Arc::new(renewing), wanted: Arc::clone(&wanted) }.begin()?;
        Ok(Self { served: evergrant_gateway::Tenants::new(pool), clients, wanted, looks })
    }

    pub(super) fn pool(&self) -> &TokensPool<String> {
        self.served.pool()
    }

    /// The variables that secrets are kept in, of those whom the file itself describes.
    pub(super) fn secret_variables(&self) -> Vec<String> {
        let described = self.clients.described();
        let tables = described.tables().values();
        tables.flat_map(|settings| settings.secret_variables()).cloned().collect()
    }

    /// They are described otherwise from now on: who is described as before keeps its token.
    pub(super) fn are(&self, described: Descriptions) {
        self.clients.are(described);
        self.begin();
    }

    /// Looks at the files of those who are in use, and at those with their header fields. `again`: takes what is there at once, runs the commands
    /// that print a header field, and has refused secrets tried.
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
        let files = self.wanted.files.swap(false, Ordering::SeqCst);
        let again = files && self.wanted.again.swap(false, Ordering::SeqCst);
        let Renewing { pool, clients, .. } = &*self.renewing;
        let mut names = BTreeSet::new();
        pool.each(|name, _| {
            names.insert(name.clone());
        });
        if again {
            names.iter().filter_map(|name| pool.get(name)).for_each(|tokens| try_again(&tokens));
        }
        let due = clients.due(&names, files, again);
        // Whoever is nobody any more gets nothing, whatever is to be waited for on behalf of others.
        let described = clients.described();
        let (gone, due): (Vec<_>, Vec<_>) = due.into_iter().partition(|name| described.is_nobody(name));
        for name in gone {
            self.renewing.remove(&name);
        }
        for name in due {
            match clients.next(&name) {
                Next::Nothing => self.renewing.remove(&name),
                Next::Faulty(made) => clients.has(&name, *made),
                Next::Make(plan) => self.renewing.begin(name, *plan),
            }
        }
    }
}

impl Renewing {
    fn remove(&self, name: &str) {
        self.pool.remove(name);
        stderr::note(format_args!("tenant {}: it is not described any more, and gets nothing", Line(name)));
    }

    /// Makes this client on a thread of its own. Where it finds no room, or is being made, it is due again at the next look.
    fn begin(self: &Arc<Self>, name: String, plan: Plan) {
        {
            let mut names = self.names();
            if names.len() >= AT_ONCE || !names.insert(name.clone()) {
                return;
            }
        }
        let turn = Turn { renewing: Arc::clone(self), name };
        // Without a thread the turn ends here.
        let _started =
            thread::Builder::new().name("tenant".into()).spawn(move || turn.renewing.renew(&turn.name, plan));
    }

    fn renew(&self, name: &str, plan: Plan) {
        let tenant = Line(name);
        let (made, client) = self.clients.make(name, plan);
        if let Some(client) = client {
            let before = self.pool.get(name).and_then(|source| source.source().shared().client());
            let is_same = before.is_some_and(|before| *before == *client.client());
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
        // Behind it: what was read meanwhile for one who had gone and came again is older or the same, and is looked at again.
        self.clients.has(name, made);
    }

    fn names(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.renewing.names().remove(&self.name);
    }
}
