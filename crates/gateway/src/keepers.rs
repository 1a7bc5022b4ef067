//! The jobs that keep tokens fresh: one for each source of the table, which end when the source is not in the table any more.

use crate::health::Health;
use crate::table::Sources;
use evergrant_tokio_reqwest::Tokens;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::sleep;

/// How often is looked whether a first token has come: nobody starts what depends on it sooner.
const FIRST_LOOK: Duration = Duration::from_millis(50);

/// All of them, on one runtime: they end with it at the latest.
#[derive(Debug)]
pub(crate) struct Keepers {
    runtime: Handle,
    health: Arc<Health>,
    jobs: Mutex<Jobs>,
}

#[derive(Debug, Default)]
struct Jobs {
    /// By the numbers of their sources.
    keeping: BTreeMap<u64, AbortHandle>,
    /// Waits until it is ready.
    waiting: Option<AbortHandle>,
}

impl Keepers {
    pub(crate) fn new(runtime: Handle, health: Arc<Health>) -> Arc<Self> {
        Arc::new(Self { runtime, health, jobs: Mutex::default() })
    }

    /// These are kept fresh from now on, beside those that are already: they ask for their first tokens.
    pub(crate) fn keep(&self, sources: &Sources) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        for source in &sources.single {
            let keep = || self.runtime.spawn(source.tokens.keep_fresh()).abort_handle();
            jobs.keeping.entry(source.number).or_insert_with(keep);
        }
        for source in &sources.tenants {
            let keep = || self.runtime.spawn(source.tenants.pool().keep_fresh()).abort_handle();
            jobs.keeping.entry(source.number).or_insert_with(keep);
        }
    }

    /// These alone are, and it is ready when each of them has had a token, if it was not before. Those of tenants are not waited for: nobody
    /// knows which of them will come.
    pub(crate) fn keep_alone(&self, sources: &Sources) {
        self.keep(sources);
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.keeping.retain(|number, job| {
            let is_kept = sources.single.iter().any(|source| source.number == *number)
                || sources.tenants.iter().any(|source| source.number == *number);
            if !is_kept {
                job.abort();
            }
            is_kept
        });
        if !self.health.lacks_tokens() {
            return;
        }
        let sources = sources.single.iter().map(|source| source.tokens.clone()).collect();
        let waiting = self.runtime.spawn(first_tokens(sources, Arc::clone(&self.health)));
        if let Some(before) = jobs.waiting.replace(waiting.abort_handle()) {
            before.abort();
        }
    }

    /// None is any more.
    pub(crate) fn end(&self) {
        let jobs = std::mem::take(&mut *self.jobs.lock().unwrap_or_else(PoisonError::into_inner));
        jobs.keeping.into_values().chain(jobs.waiting).for_each(|job| job.abort());
    }
}

/// Looks until each has had a first token, which whoever keeps it fresh asks for. It waits in no queue: each place there is a caller's.
async fn first_tokens(sources: Vec<Tokens>, health: Arc<Health>) {
    let mut lacking = sources;
    while !lacking.is_empty() {
        lacking.retain(|source| source.status().held.is_none());
        if !lacking.is_empty() {
            sleep(FIRST_LOOK).await;
        }
    }
    health.has_tokens();
}
