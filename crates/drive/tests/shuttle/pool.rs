//! Many sources in one pool: one that sends for each key, permits that are never lost, a keeper that ends.

use super::*;
use evergrant_drive::{BoxError, Pool, PoolError, PoolSettings};
use std::collections::BTreeMap;

/// A pool takes more steps than a source does: fewer schedules in the same time.
fn try_some(test: impl Fn() + Send + Sync + Clone + 'static) {
    shuttle::check_random(test.clone(), SCHEDULES / 8);
    shuttle::check_pct(test, SCHEDULES / 8, 3);
}

type Tenants = Pool<u32, Source<Stage, Endpoint, u64>>;

/// Counts the requests that are in the air, for each client and in all.
#[derive(Clone, Default)]
struct Endpoint {
    stage: Stage,
    in_the_air: Arc<Mutex<BTreeMap<Vec<u8>, u32>>>,
    most: usize,
    /// Whether a key's source was closed with its request in the air.
    has_closed: bool,
}

impl Transport for Endpoint {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let client = request.body().to_vec();
        let (mine, all) = {
            let mut in_the_air = self.in_the_air.lock().unwrap();
            *in_the_air.entry(client.clone()).or_default() += 1;
            (in_the_air[&client], in_the_air.values().sum::<u32>())
        };
        assert!(mine == 1 || self.has_closed, "P1: two sources of one key send");
        assert!(all as usize <= self.most, "P5: {all} requests at once");
        yield_now().await;
        *self.in_the_air.lock().unwrap().get_mut(&client).unwrap() -= 1;
        Ok(self.stage.grant())
    }
}

fn client(tenant: u32, scope: &str) -> Client {
    let provider = Provider::rfc6749("http://127.0.0.1:1/token").unwrap();
    let auth = ClientAuth::post(&tenant.to_string(), "secret").unwrap();
    Client::builder(provider, auth).scope(scope).build().unwrap()
}

fn up_to(most: usize) -> Endpoint {
    Endpoint { most, ..Endpoint::default() }
}

/// With so many sources, and so many requests at once as the endpoint expects.
fn pool(max_sources: usize, endpoint: Endpoint) -> (Tenants, Endpoint) {
    let most = endpoint.most;
    let settings = PoolSettings::new(|tenant: &u32| Ok::<_, BoxError>(client(*tenant, "a")))
        .policy(Policy::new().with_jitter(false))
        .patience(PATIENT)
        .clock(ManualClock::new())
        .max_sources(max_sources)
        .max_flights(most)
        .max_flights_per_origin(8 * most);
    let theirs = endpoint.clone();
    let render = |token: &AccessToken| token.expose().parse().unwrap();
    let pool = Pool::new(settings, render, move |_, shared| {
        Ok(Source::over(shared, theirs.stage.clone(), theirs.clone()))
    });
    (pool, endpoint)
}

/// The source of a tenant, once there is a place for it.
async fn tokens(pool: &Tenants, tenant: u32) -> Source<Stage, Endpoint, u64> {
    loop {
        match pool.tokens(&tenant) {
            Ok(source) => return source,
            Err(PoolError::Full(_)) => yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Nobody waits, and every permit is free once the last jobs have ended: one that is lost is waited for in vain.
fn is_empty(pool: &Tenants) {
    assert_eq!(pool.status().waiting, 0);
    while pool.status().in_flight > 0 {
        thread::yield_now();
    }
}

// P1, P2
#[test]
fn whoever_comes_and_goes_at_once_one_source_of_a_key_sends_and_nobody_busy_is_put_away() {
    try_some(|| {
        // Two places for three tenants, each of which is asked for twice.
        let (pool, endpoint) = pool(2, up_to(2));
        let tasks: Vec<_> = (0..6)
            .map(|task| {
                let pool = pool.clone();
                spawn(async move {
                    let source = tokens(&pool, task % 3).await;
                    number(&source.token(None).await.unwrap())
                })
            })
            .collect();
        for task in tasks {
            assert!(block_on(task).unwrap() > 0);
        }
        assert!(pool.status().sources <= 2);
        is_empty(&pool);
        assert!(endpoint.stage.sent.load(Ordering::SeqCst) >= 3);
    });
}

// P1
#[test]
fn a_source_that_is_replaced_or_removed_at_any_moment_never_sends_again() {
    try_some(|| {
        let (pool, _endpoint) = pool(8, Endpoint { has_closed: true, ..up_to(8) });
        let old = pool.tokens(&1).unwrap();
        let asking = {
            let old = old.clone();
            spawn(async move { drop(old.token(None).await) })
        };
        let changing = {
            let (pool, old) = (pool.clone(), old.clone());
            let removes = thread_rng().gen_range(0..2_u32) == 0;
            spawn(async move {
                if removes {
                    assert!(pool.remove(&1));
                } else {
                    assert!(pool.replace(&1, client(1, "b")).unwrap());
                }
                let requests = old.shared().status().requests;
                (requests, pool.tokens(&1).unwrap().token(None).await.is_ok())
            })
        };
        let (requests, is_served) = block_on(changing).unwrap();
        block_on(asking).unwrap();
        drop(block_on(old.token(None)));
        assert!(is_served);
        assert_eq!(old.shared().status().requests, requests, "it was closed");
        is_empty(&pool);
    });
}

// P5
#[test]
fn one_permit_reaches_everybody_although_callers_go_at_any_moment() {
    try_some(|| {
        let (pool, _endpoint) = pool(8, up_to(1));
        let leaving: Vec<_> = (0..2)
            .map(|tenant| {
                let source = pool.tokens(&tenant).unwrap();
                spawn(async move {
                    let polls = thread_rng().gen_range(0..4_u32);
                    let mut call = Box::pin(source.token(None));
                    for _ in 0..polls {
                        let done =
                            std::future::poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_ready())).await;
                        if done {
                            return;
                        }
                        yield_now().await;
                    }
                })
            })
            .collect();
        let staying: Vec<_> = (1..4)
            .map(|tenant| {
                let source = pool.tokens(&tenant).unwrap();
                spawn(async move { source.token(None).await.is_ok() })
            })
            .collect();
        for task in staying {
            assert!(block_on(task).unwrap());
        }
        for task in leaving {
            block_on(task).unwrap();
        }
        is_empty(&pool);
    });
}

// P8
#[test]
fn the_last_pool_dropped_at_any_moment_ends_its_keeper() {
    try_some(|| {
        let (pool, endpoint) = pool(8, up_to(8));
        let keeping = spawn(pool.keep_fresh(endpoint.stage.clone()));
        let asking = {
            let source = pool.tokens(&1).unwrap();
            spawn(async move { source.token(None).await.is_ok() })
        };
        thread::yield_now();
        drop(pool);
        assert!(block_on(asking).unwrap());
        block_on(keeping).unwrap();
    });
}
