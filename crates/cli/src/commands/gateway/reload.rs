//! A configuration that changes while the gateway runs: its files are looked at, and read again when somebody asks for it.

use super::file::{Again, Followed};
use super::live::Live;
use super::plan::{Moved, Source};
use super::tenants::Tenants;
use crate::client::content::Content;
use crate::tell::failure::Failure;
use crate::tell::metrics::Totals;
use crate::tell::stderr;
use crate::tell::verbose;
use evergrant_gateway::{Address, Issue, Reload, Running};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

/// How often the files are looked at: by content, since what is mounted into a container is swapped above the file.
const LOOK: Duration = Duration::from_secs(5);

/// How long the same must be in the files that have changed before they are read: half of a file that is being written may be a good one,
/// with half of its routes.
const SETTLED: Duration = Duration::from_secs(1);

/// The thread that looks. It ends with this.
pub(super) struct Reloads(Sender<()>);

impl Reloads {
    /// From now on the configuration of this gateway is looked at.
    pub(super) fn watched(
        running: &Arc<Running>,
        file: Option<Followed>,
        (sources, tenants): (Vec<Source>, Option<Tenants>),
        (live, totals): (Live, Arc<Totals>),
    ) -> Result<Self, Failure> {
        let (sender, asked) = channel();
        let mut watched = Watched { running: Arc::downgrade(running), file, sources, tenants, live, totals };
        let look = move || {
            let mut change = Change::default();
            loop {
                let is_asked = match asked.recv_timeout(change.next_look()) {
                    Ok(()) => true,
                    Err(RecvTimeoutError::Timeout) => false,
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                let has_settled = watched.file.as_ref().is_some_and(|file| change.has_settled(&file.content));
                if is_asked || has_settled {
                    watched.reload();
                }
                if is_asked {
                    watched.sources.iter().for_each(Source::try_again);
                }
                if let Some(tenants) = &watched.tenants {
                    tenants.look(is_asked);
                }
            }
        };
        let started = thread::Builder::new().name("configuration".into()).spawn(look);
        started.map_err(|error| Failure::system("the configuration cannot be looked at", &error))?;
        Ok(Self(sender))
    }

    /// Reads the configuration again, and has refused secrets tried at once.
    pub(super) fn again(&self) {
        // The thread is there as long as this is.
        let _asked = self.0.send(());
    }
}

/// Files that say something else than when they were read.
#[derive(Default)]
struct Change(Option<Content>);

impl Change {
    /// When they are to be looked at.
    fn next_look(&self) -> Duration {
        if self.0.is_some() { SETTLED } else { LOOK }
    }

    /// Whether they say something else than this, and said the same at the last look.
    fn has_settled(&mut self, known: &Content) -> bool {
        let now = known.now();
        if now == *known {
            self.0 = None;
            return false;
        }
        let has_settled = self.0.as_ref() == Some(&now);
        self.0 = (!has_settled).then_some(now);
        has_settled
    }
}

/// What is looked at.
struct Watched {
    running: Weak<Running>,
    /// `None` where flags say what is served, which cannot change.
    file: Option<Followed>,
    sources: Vec<Source>,
    tenants: Option<Tenants>,
    live: Live,
    totals: Arc<Totals>,
}

impl Watched {
    /// Reads the file again; what it says is served from then on, unless there is a fault in it.
    fn reload(&mut self) {
        let (Some(file), Some(running)) = (&mut self.file, self.running.upgrade()) else { return };
        match file.again((&self.sources, self.tenants.as_ref()), &self.totals) {
            Ok(again) => self.take(&running, again),
            Err(failures) => refuse(&running, &failures),
        }
    }

    fn take(&mut self, running: &Running, again: Again) {
        let Again { served, listen, issue, has_lost_issue, sources, tenants, moved, needs_restart } = again;
        let count = served.len();
        let reload = Reload::new(served.into_iter().map(|served| served.route).collect());
        let reload = reload.needs_restart(needs_restart.iter().cloned());
        let listed = listen.iter().flatten().chain(issue.iter().flat_map(Issue::listeners));
        let listed: Vec<Address> = listed.map(|listener| listener.address().clone()).collect();
        let reload = match listen {
            Some(listeners) => reload.listeners(listeners),
            None => reload,
        };
        let reload = match issue {
            Some(issue) => reload.issue(issue),
            None if has_lost_issue => reload.no_issue(),
            None => reload,
        };
        // Who looks at them sees those that come as well as those that go.
        let both = self.sources.iter().chain(&sources);
        self.live.are(both.map(|source| source.tokens.clone()));
        let taken = running.reload(reload);
        if taken.is_ok() {
            moved.into_iter().for_each(Moved::take);
            self.sources = sources;
            if let Some((tenants, described)) = tenants {
                if let Some(described) = described {
                    tenants.are(described);
                }
                self.live.has_pool(tenants.pool().clone());
                self.tenants = Some(tenants);
            }
        }
        self.live.are(self.sources.iter().map(|source| source.tokens.clone()));
        if self.sources.len() > 1 {
            verbose::with_sources();
        }
        match taken {
            Ok(addresses) => {
                let s = if count == 1 { "" } else { "s" };
                stderr::note(format_args!(
                    "the configuration has been read again and is used: {count} route{s}"
                ));
                let (kept, others): (Vec<_>, Vec<_>) =
                    addresses.iter().partition(|address| !listed.contains(address));
                let others = others.iter().map(|address| format!("listen ({address})"));
                for what in needs_restart.into_iter().chain(others) {
                    stderr::warning(format_args!(
                        "{what} has changed in the configuration, which needs a restart of the gateway; the rest is used"
                    ));
                }
                for address in kept {
                    stderr::warning(format_args!(
                        "listen ({address}) is no longer in the configuration, which needs a restart of the gateway: until then it goes on as before, but no key that is gone opens it"
                    ));
                }
            }
            Err(error) => stderr::warning(format_args!(
                "the configuration has changed and is not used, the one before is: {error}"
            )),
        }
    }
}

/// There is a fault: told where people look.
fn refuse(running: &Running, failures: &[Failure]) {
    let faults: Vec<String> = failures
        .iter()
        .map(|failure| {
            let (happened, next) = failure.parts();
            stderr::warning(format_args!(
                "the configuration has changed and is not used, the one before is: {happened}; {next}"
            ));
            happened.to_owned()
        })
        .collect();
    running.reload_failed(&faults.join("; "));
}

#[cfg(test)]
mod tests;
