//! A key whose client has changed, or which is not wanted any more.

use super::*;
use crate::shared::Watch;
use evergrant_core::ClientAuth;

fn with_secret(tenant: u32, secret: &str) -> Client {
    client_of(tenant).with_auth(ClientAuth::post(&tenant.to_string(), secret).unwrap())
}

fn with_scope(tenant: u32) -> Client {
    let provider = client_of(tenant).provider().clone();
    Client::builder(provider, auth(&tenant.to_string())).scope("other").build().unwrap()
}

fn closed(next: &Next<String>, expected: Closed) -> bool {
    matches!(next, Next::Fail(Error::Closed { reason }) if *reason == expected)
}

#[test]
fn a_client_with_another_secret_is_rotated_and_its_token_is_used_meanwhile() {
    let pool = pool(settings().0);
    let source = holding(&pool, 1);
    assert!(pool.replace(&1, with_secret(1, "another secret of some length")).unwrap());
    assert!(is_same(&source, &pool.tokens(&1).unwrap()));
    assert_eq!(source.shared().client().unwrap(), with_secret(1, "another secret of some length").into());
    assert_eq!(source.shared().try_token().unwrap().value().expose(), "token-of-1");
    // The same once more changes nothing.
    let requests = source.shared().status().next_request_in;
    assert!(pool.replace(&1, with_secret(1, "another secret of some length")).unwrap());
    assert_eq!(source.shared().status().next_request_in, requests);
}

// P1
#[test]
fn a_client_that_asks_for_something_else_has_a_new_source_and_the_old_one_never_sends_again() {
    let (settings, clock) = settings();
    let pool = pool(settings);
    let old = holding(&pool, 1);
    assert!(pool.replace(&1, with_scope(1)).unwrap());
    let new = pool.tokens(&1).unwrap();
    assert!(!is_same(&old, &new));
    lands(&new, grant("new", 3600));
    // To its end the old token serves those who hold the old source.
    clock.advance(secs(3569));
    assert!(matches!(ask(&old), Next::Use(_)));
    clock.advance(secs(1));
    assert!(closed(&ask(&old), Closed::Replaced));
    clock.advance(secs(86_400));
    assert!(closed(&ask(&old), Closed::Replaced));
    drop(sends(&new));
}

#[test]
fn what_is_in_the_air_for_a_replaced_client_serves_those_who_wait_for_it() {
    let pool = pool(settings().0);
    let old = pool.tokens(&1).unwrap();
    let flight = sends(&old);
    let waking = Waking::new();
    let mut waiter = old.shared().waiter(None, None);
    assert!(matches!(waiter.poll(&waking.waker()), Next::Wait(_)));
    assert!(pool.replace(&1, with_scope(1)).unwrap());
    // The new one need not wait for it.
    let other = sends(&pool.tokens(&1).unwrap());
    drop(flight.land(grant("old", 3600)));
    assert!(waking.count() > 0);
    let Next::Use(snapshot) = waiter.poll(&waking.waker()) else { panic!("not served") };
    assert_eq!(snapshot.token().value().expose(), "old");
    drop(other);
}

#[test]
fn whoever_waits_for_nothing_is_woken_and_told_when_its_key_is_removed() {
    let (settings, _clock) = settings();
    let pool = pool(settings.max_flights(1));
    let busy = pool.tokens(&1).unwrap();
    let flight = sends(&busy);
    let held_back = pool.tokens(&2).unwrap();
    let waking = Waking::new();
    let mut waiter = held_back.shared().waiter(None, None);
    assert!(matches!(waiter.poll(&waking.waker()), Next::Wait(_)));
    assert!(pool.remove(&2) && !pool.remove(&2));
    assert_eq!(waking.count(), 1);
    assert!(closed(&waiter.poll(&waking.waker()), Closed::Removed));
    assert_eq!((pool.status().sources, pool.status().waiting), (1, 0));
    drop(flight);
}

#[test]
fn a_key_that_is_not_there_is_neither_replaced_nor_removed() {
    let pool = pool(settings().0);
    assert!(!pool.replace(&1, with_scope(1)).unwrap());
    assert!(!pool.remove(&1));
    assert_eq!(pool.status().sources, 0);
}

#[test]
fn a_client_of_which_no_source_can_be_made_leaves_the_old_one_as_it_is() {
    let pool: Tenants = Pool::new(settings().0, render, |client, shared| {
        let is_bad = !client.scope().is_empty();
        if is_bad { Err(ConfigError::Resource) } else { Ok(BlockingSource::over(shared, Nowhere)) }
    });
    let source = holding(&pool, 1);
    assert!(pool.replace(&1, with_scope(1)).is_err());
    assert!(is_same(&source, &pool.tokens(&1).unwrap()));
    assert!(matches!(ask(&source), Next::Use(_)));
}

#[test]
fn a_removed_key_that_comes_again_is_asked_for_anew() {
    let pool = pool(settings().0.max_sources(1));
    lands(&pool.tokens(&1).unwrap(), refused(Class::Permanent, 401));
    assert!(pool.remove(&1));
    drop(sends(&pool.tokens(&1).unwrap()));
}

#[test]
fn the_rest_of_a_client_is_never_that_of_another_one_of_the_same_key() {
    // As long as the other secret: nothing of it is in the hash of a key.
    let secret = Arc::new(Mutex::new("a secret that is wrong!"));
    let now = Arc::clone(&secret);
    let pool = pool(
        PoolSettings::new(move |tenant: &u32| Ok::<_, BoxError>(with_secret(*tenant, *now.lock().unwrap())))
            .max_sources(1),
    );
    lands(&pool.tokens(&1).unwrap(), refused(Class::Permanent, 401));
    drop(pool.tokens(&2).unwrap());
    assert!(matches!(ask(&pool.tokens(&1).unwrap()), Next::Fail(Error::Failed { .. })), "it rests on");
    drop(pool.tokens(&2).unwrap());
    *secret.lock().unwrap() = "a secret that is right!";
    assert!(!pool.replace(&1, with_secret(1, "a secret that is right!")).unwrap());
    drop(sends(&pool.tokens(&1).unwrap()));

    let settings = PoolSettings::new(|client: &Client| Ok::<_, BoxError>(client.clone())).max_sources(1);
    let clients: Pool<Client, Tenant> =
        Pool::new(settings, render, |_, shared| Ok(BlockingSource::over(shared, Nowhere)));
    let (wrong, right) =
        (with_secret(1, "a secret that is wrong!"), with_secret(1, "a secret that is right!"));
    lands(&clients.tokens(&wrong).unwrap(), refused(Class::Permanent, 401));
    drop(sends(&clients.tokens(&right).unwrap()));
    assert!(matches!(ask(&clients.tokens(&wrong).unwrap()), Next::Fail(Error::Failed { .. })));
}

// P1
#[test]
fn an_old_client_does_not_come_back_after_a_rotation_and_an_eviction() {
    let (again, made) = (Arc::new(std::sync::OnceLock::<Tenants>::new()), AtomicU64::new(0));
    let inner = Arc::clone(&again);
    let new = || with_secret(1, "a new secret of some length");
    let pool = pool(
        PoolSettings::new(move |tenant: &u32| {
            let pool = inner.get().unwrap();
            match made.fetch_add(1, Ordering::SeqCst) {
                // The old client was read. Meanwhile the source comes with the old one, is rotated, and is evicted.
                0 => {
                    drop(pool.tokens(tenant).unwrap());
                    assert!(
                        pool.replace(tenant, with_secret(*tenant, "a new secret of some length")).unwrap()
                    );
                    lands(&pool.tokens(tenant).unwrap(), grant("new", 3600));
                    drop(pool.tokens(&2).unwrap());
                    assert!(pool.get(tenant).is_none());
                    Ok::<_, BoxError>(client_of(*tenant))
                }
                1 => Ok(client_of(*tenant)),
                _ => Ok(with_secret(*tenant, "a new secret of some length")),
            }
        })
        .max_sources(1),
    );
    assert!(again.set(pool.clone()).is_ok());
    assert_eq!(pool.tokens(&1).unwrap().shared().client().unwrap(), new().into());
}

#[test]
fn other_keys_that_come_and_go_make_no_client_anew_and_one_that_always_changes_ends() {
    for own in [false, true] {
        let (again, made) = (Arc::new(std::sync::OnceLock::<Tenants>::new()), Arc::new(AtomicU64::new(0)));
        let (inner, counted) = (Arc::clone(&again), Arc::clone(&made));
        let pool = pool(PoolSettings::new(move |tenant: &u32| {
            counted.fetch_add(1, Ordering::SeqCst);
            inner.get().unwrap().remove(&if own { *tenant } else { *tenant + 1 });
            Ok::<_, BoxError>(client_of(*tenant))
        }));
        assert!(again.set(pool.clone()).is_ok());
        assert!(pool.tokens(&1).is_ok());
        assert_eq!(made.load(Ordering::SeqCst), if own { 8 } else { 1 });
    }
}

#[test]
fn the_client_as_its_own_key_is_compared_with_its_secret() {
    let settings = PoolSettings::new(|client: &Client| Ok::<_, BoxError>(client.clone()));
    let pool: Pool<Client, Tenant> =
        Pool::new(settings, render, |_, shared| Ok(BlockingSource::over(shared, Nowhere)));
    let right = pool.tokens(&with_secret(1, "the secret that is right")).unwrap();
    lands(&right, grant("bought-by-the-right-secret", 3600));
    let wrong = pool.tokens(&with_secret(1, "the secret that is wrong")).unwrap();
    assert!(!is_same(&right, &wrong));
    assert!(wrong.shared().try_token().is_none());
    assert!(is_same(&right, &pool.tokens(&with_secret(1, "the secret that is right")).unwrap()));
}

// P1
#[test]
fn a_client_that_was_made_before_its_key_was_replaced_or_removed_is_made_anew() {
    for removes in [false, true] {
        let (again, made) = (Arc::new(std::sync::OnceLock::<Tenants>::new()), AtomicU64::new(0));
        let inner = Arc::clone(&again);
        let pool = pool(PoolSettings::new(move |tenant: &u32| {
            // The old client was read, and changes before its source is in the pool.
            if made.fetch_add(1, Ordering::SeqCst) > 0 {
                return Ok::<_, BoxError>(with_scope(*tenant));
            }
            let pool = inner.get().unwrap();
            let is_there = if removes {
                pool.remove(tenant)
            } else {
                pool.replace(tenant, with_scope(*tenant)).unwrap()
            };
            assert!(!is_there);
            Ok(client_of(*tenant))
        }));
        assert!(again.set(pool.clone()).is_ok());
        let source = pool.tokens(&1).unwrap();
        assert_eq!(source.shared().client().unwrap(), with_scope(1).into());
        assert_eq!((pool.status().sources, pool.0.count.load(Ordering::Relaxed)), (1, 1));
    }
}

#[test]
fn whoever_watches_a_source_that_is_closed_is_told_that_no_newer_token_comes() {
    let pool = pool(settings().0);
    let source = holding(&pool, 1);
    let (generation, waking) = (source.shared().try_token().unwrap().generation(), Waking::new());
    let mut before = source.shared().watcher(generation);
    assert!(matches!(before.poll(&waking.waker()), Watch::Unchanged));
    assert!(pool.remove(&1));
    assert_eq!(waking.count(), 1);
    let mut after = source.shared().watcher(generation);
    for watcher in [&mut before, &mut after] {
        let watch = watcher.poll(&waking.waker());
        assert!(matches!(watch, Watch::Failed(Error::Closed { reason: Closed::Removed })), "{watch:?}");
    }
    // A request that is in the air may still bring one.
    let source = pool.tokens(&2).unwrap();
    let flight = sends(&source);
    assert!(pool.remove(&2));
    let mut watcher = source.shared().watcher(generation);
    assert!(matches!(watcher.poll(&waking.waker()), Watch::Unchanged));
    drop(flight.land(refused(Class::Transient, 503)));
    assert!(matches!(watcher.poll(&waking.waker()), Watch::Failed(Error::Closed { .. })));
}
