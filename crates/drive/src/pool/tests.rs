//! The pool over a clock that stands: what is asked is asked by hand, so that every order can be tried.

use super::*;
use crate::block::BlockingSource;
use crate::clock::ManualClock;
use crate::fixture::{self, Waking, auth, grant, ms, render, secs};
use crate::observer::{Event, EventKind, Observer};
use crate::runtime::BlockingTransport;
use crate::shared::{FlightGuard, Next};
use evergrant_core::{
    Cause, Class, Client, Error, Outcome, Policy, Problem, Provider, Refusal, Request, Response,
    TransportError, TransportErrorKind,
};
use std::time::Duration;

mod eviction;
mod found;
mod keeping;
mod live;
mod permits;
mod replacing;
mod traces;

/// Nothing is sent: flights are landed by hand.
#[derive(Debug)]
struct Nowhere;

impl BlockingTransport for Nowhere {
    fn send(&self, _: Request, _: Duration) -> Result<Response, TransportError> {
        Err(TransportError::ours(TransportErrorKind::Other, "nowhere"))
    }
}

type Tenants = Pool<u32, BlockingSource<Nowhere, String>>;
type Tenant = BlockingSource<Nowhere, String>;
type Settings = PoolSettings<u32>;

/// Of this tenant, at an origin that it shares with all of the same remainder by ten.
fn client_of(tenant: u32) -> Client {
    let provider = Provider::rfc6749(&format!("http://127.0.0.{}:1/token", tenant % 10 + 1)).unwrap();
    Client::builder(provider, auth(&tenant.to_string())).build().unwrap()
}

fn settings() -> (Settings, ManualClock) {
    let clock = ManualClock::new();
    let settings = PoolSettings::new(|tenant: &u32| Ok::<_, BoxError>(client_of(*tenant)));
    (settings.policy(Policy::new().with_jitter(false)).clock(clock.clone()), clock)
}

fn pool(settings: Settings) -> Tenants {
    Pool::new(settings, render, |_, shared| Ok(BlockingSource::over(shared, Nowhere)))
}

/// Asks once, and takes no place that it keeps.
fn ask(tenant: &Tenant) -> Next<String> {
    tenant.shared().waiter(None, None).poll(&Waking::new().waker())
}

/// The flight that is sent for it.
fn sends(tenant: &Tenant) -> FlightGuard<String> {
    match ask(tenant) {
        Next::Send(guard, report) => {
            drop(report);
            guard
        }
        other => panic!("nothing is sent: {other:?}"),
    }
}

fn lands(tenant: &Tenant, outcome: Outcome) {
    drop(sends(tenant).land(outcome));
}

/// A tenant that holds a token for an hour.
fn holding(pool: &Tenants, tenant: u32) -> Tenant {
    let source = pool.tokens(&tenant).unwrap();
    lands(&source, grant(&format!("token-of-{tenant}"), 3600));
    source
}

fn refused(class: Class, status: u16) -> Outcome {
    Outcome::Refused(Refusal::new(class, Some(status), Problem::Status))
}

fn is_same(one: &Tenant, other: &Tenant) -> bool {
    Arc::ptr_eq(one.shared(), other.shared())
}

/// What is heard of, by the names of sources.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Observer for Heard {
    fn event(&self, event: &Event<'_>) {
        let what = match event.kind {
            EventKind::Sent { .. } => "sent",
            EventKind::Evicted { reason } => reason.as_str(),
            EventKind::PoolFull {} => "full",
            _ => return,
        };
        self.0.lock().unwrap().push(format!("{what} {}", event.source));
    }
}

#[test]
fn a_key_has_one_source_and_its_client_is_made_once() {
    let made = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&made);
    let settings = PoolSettings::new(move |tenant: &u32| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok::<_, BoxError>(client_of(*tenant))
    });
    let pool = pool(settings);
    assert!(pool.get(&1).is_none());
    let first = pool.tokens(&1).unwrap();
    let again = pool.clone().tokens(&1).unwrap();
    assert!(is_same(&first, &again) && is_same(&first, &pool.get(&1).unwrap()));
    drop(pool.tokens(&1).unwrap());
    assert!(!is_same(&first, &pool.tokens(&2).unwrap()));
    assert_eq!(first.shared().client().unwrap().client_id(), "1");
    assert_eq!(made.load(Ordering::SeqCst), 2);
    let status = pool.status();
    assert_eq!((status.sources, status.hits, status.misses), (2, 2, 2));
}

#[test]
fn a_client_that_cannot_be_made_is_an_error_and_is_kept_for_nobody() {
    let attempts = AtomicU64::new(0);
    let pool = pool(PoolSettings::new(move |tenant: &u32| {
        if attempts.fetch_add(1, Ordering::SeqCst) == 0 {
            Err("the database is down")
        } else {
            Ok(client_of(*tenant))
        }
    }));
    assert_eq!(pool.tokens(&1).unwrap_err().to_string(), "no client for this key: the database is down");
    assert_eq!(pool.status().sources, 0);
    assert!(pool.tokens(&1).is_ok());
}

#[test]
fn a_source_that_cannot_be_made_takes_no_place() {
    let pool: Tenants = Pool::new(settings().0.max_sources(1), render, |client, shared| {
        let is_bad = client.client_id() == "13";
        if is_bad { Err(ConfigError::Resource) } else { Ok(BlockingSource::over(shared, Nowhere)) }
    });
    for _ in 0..3 {
        assert!(matches!(pool.tokens(&13), Err(PoolError::Config(ConfigError::Resource))));
    }
    assert!(pool.tokens(&1).is_ok());
}

#[test]
fn two_that_make_one_key_at_once_make_one_source() {
    let (again, made) = (Arc::new(std::sync::OnceLock::<Tenants>::new()), AtomicU64::new(0));
    let inner = Arc::clone(&again);
    let pool = pool(PoolSettings::new(move |tenant: &u32| {
        if made.fetch_add(1, Ordering::SeqCst) == 0 {
            // While this one is made another thread comes first.
            drop(inner.get().unwrap().tokens(tenant).unwrap());
        }
        Ok::<_, BoxError>(client_of(*tenant))
    }));
    assert!(again.set(pool.clone()).is_ok());
    let source = pool.tokens(&1).unwrap();
    assert!(is_same(&source, &pool.get(&1).unwrap()));
    assert_eq!((pool.status().sources, pool.0.count.load(Ordering::Relaxed)), (1, 1));
    assert_eq!(pool.status().misses, 2);
}

#[test]
fn a_callback_that_panics_harms_nobody() {
    let pool = pool(
        PoolSettings::new(|tenant: &u32| {
            assert_ne!(*tenant, 13, "of the program's own");
            Ok::<_, BoxError>(client_of(*tenant))
        })
        .max_sources(2)
        .label(|tenant| {
            assert_ne!(*tenant, 14, "of the program's own");
            "tenant".into()
        }),
    );
    for tenant in [13, 14] {
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pool.tokens(&tenant)));
        assert!(panicked.is_err());
    }
    assert_eq!(pool.status().sources, 0);
    let (one, two) = (pool.tokens(&1).unwrap(), pool.tokens(&2).unwrap());
    assert!(!is_same(&one, &two));
}

// P9
#[test]
fn what_is_seen_of_a_source_names_no_tenant_unless_the_label_does() {
    let heard = Arc::new(Heard::default());
    let observer: Arc<dyn Observer> = heard.clone();
    let plain = pool(settings().0.name("carriers").observer(Arc::clone(&observer)));
    let labelled = pool(settings().0.label(|tenant| format!("plan {}", tenant % 2)).observer(observer));
    for pool in [&plain, &labelled] {
        for tenant in [4711, 4712] {
            holding(pool, tenant);
        }
    }
    assert_eq!(*heard.0.lock().unwrap(), ["sent carriers", "sent carriers", "sent plan 1", "sent plan 0"]);
    assert_eq!((plain.name(), labelled.name()), ("carriers", "pool"));
    let shown = format!("{plain:?} {:?} {:?}", plain.status(), plain.tokens(&4711).unwrap());
    assert!(!shown.contains("4711"), "{shown}");
}

#[test]
fn every_source_is_shown_with_its_key_and_the_one_that_loops_comes_first() {
    let (settings, clock) = settings();
    let pool = pool(settings);
    for tenant in 1..=5 {
        let source = holding(&pool, tenant);
        for _ in 0..tenant {
            source.shared().rotate(auth("new"), Rotation::Keep);
            clock.advance(secs(2));
            lands(&source, grant("next", 3600));
        }
    }
    let mut seen = Vec::new();
    // The pool may be used meanwhile.
    pool.each(|tenant, status| {
        assert!(pool.tokens(tenant).is_ok() && pool.remove(&99) == pool.get(&99).is_some());
        seen.push((*tenant, status.requests));
    });
    seen.sort_unstable();
    assert_eq!(seen, [(1, 2), (2, 3), (3, 4), (4, 5), (5, 6)]);
    assert_eq!(pool.top(2), [(5, 6), (4, 5)]);
    assert_eq!((pool.top(0), pool.top(100).len()), (vec![], 5));
    let status = pool.status();
    assert_eq!((status.sources, status.held, status.resting, status.held_outside), (5, 5, 0, 0));
}

#[test]
fn tokens_survive_a_restart_key_by_key() {
    let (settings, clock) = settings();
    let before = pool(settings);
    for tenant in 1..=3 {
        holding(&before, tenant);
    }
    pool_is_restored(&before, &clock);
}

fn pool_is_restored(before: &Tenants, clock: &ManualClock) {
    let after = pool(settings().0.clock(clock.clone()));
    before.export(|tenant, stored| assert!(after.restore(tenant, stored).unwrap()));
    for tenant in 1..=3 {
        let token = after.get(&tenant).unwrap().shared().try_token().unwrap();
        assert_eq!(token.value().expose(), format!("token-of-{tenant}"));
    }
    assert!(matches!(ask(&after.tokens(&1).unwrap()), Next::Use(_)));
}

#[test]
fn a_small_pool_has_few_shards_and_a_large_one_16() {
    for (max_sources, shards) in [(0, 1), (1, 1), (127, 1), (128, 2), (1024, 16), (1 << 30, 16)] {
        let pool = pool(settings().0.max_sources(max_sources));
        assert_eq!(pool.0.shards.iter().count(), shards, "{max_sources}");
    }
}
