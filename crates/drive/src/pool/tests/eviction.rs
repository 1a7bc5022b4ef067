//! Who goes, and what is left.

use super::*;

#[test]
fn the_one_that_was_not_used_since_the_hand_came_by_goes() {
    let heard = Arc::new(Heard::default());
    let pool = pool(settings().0.max_sources(3).observer(heard.clone()));
    for tenant in 1..=3 {
        holding(&pool, tenant);
    }
    // 1 is used again, 2 is not.
    drop(pool.tokens(&1).unwrap());
    drop(pool.tokens(&4).unwrap());
    assert!(pool.get(&2).is_none());
    drop(pool.tokens(&5).unwrap());
    assert!(pool.get(&3).is_none() && pool.get(&1).is_some());
    // All are: the hand takes their marks, and then the oldest goes.
    for tenant in [1, 4, 5] {
        drop(pool.tokens(&tenant).unwrap());
    }
    drop(pool.tokens(&6).unwrap());
    assert_eq!(pool.status().sources, 3);
    let status = pool.status();
    assert_eq!((status.sources, status.evicted_for_capacity, status.full), (3, 3, 0));
    assert_eq!(heard.0.lock().unwrap().iter().filter(|what| *what == "capacity pool").count(), 3);
}

// P2
#[test]
fn nobody_goes_who_is_busy_and_a_pool_of_busy_ones_says_so() {
    let heard = Arc::new(Heard::default());
    let (settings, clock) = settings();
    let pool = pool(settings.max_sources(32).observer(heard.clone()));
    // Held by the program, in the air, waited for.
    let mut kept: Vec<_> = (0..32).map(|tenant| holding(&pool, tenant)).collect();
    let flight = sends(&pool.tokens(&32).unwrap());
    let waited_for = pool.tokens(&33).unwrap();
    let mut waiter = waited_for.shared().waiter(None, None);
    let Next::Send(second, report) = waiter.poll(&Waking::new().waker()) else { panic!("nothing sent") };
    drop(report);
    assert!(matches!(waiter.poll(&Waking::new().waker()), Next::Wait(_)));
    let error = pool.tokens(&34).unwrap_err();
    let PoolError::Full(full) = &error else { panic!("{error}") };
    assert_eq!((full.retry_after, full.sources, full.in_flight, full.waiting), (secs(1), 34, 2, 1));
    assert_eq!(full.held_outside, 32, "nobody waits for these");
    assert_eq!(pool.status().full, 1);
    assert!(heard.0.lock().unwrap().contains(&"full pool".to_owned()));
    // It is the same for a second: counting looks at every source.
    kept.clear();
    assert!(pool.tokens(&35).is_ok(), "they are idle now");
    clock.advance(secs(1));
    assert!(pool.status().held_outside <= 2);
    drop((flight, second, waiter));
}

#[test]
fn where_a_whole_shard_is_busy_somebody_goes_elsewhere() {
    let pool = pool(settings().0.max_sources(256));
    let shard = |tenant: u32| pool.0.shards.index(pool.0.hasher.hash_one(tenant));
    assert!((0..256).any(|tenant| shard(tenant) != shard(1000)));
    let sources: Vec<_> = (0..256).map(|tenant| (tenant, pool.tokens(&tenant).unwrap())).collect();
    let kept: Vec<_> = sources.into_iter().filter(|(tenant, _)| shard(*tenant) == shard(1000)).collect();
    assert!(pool.tokens(&1000).is_ok());
    let status = pool.status();
    assert_eq!((status.sources, status.evicted_for_capacity), (256, 1));
    assert!(kept.iter().all(|(tenant, _)| pool.get(tenant).is_some()));
}

#[test]
fn a_pool_that_grew_shrinks_again_as_others_come() {
    let pool = pool(settings().0.max_sources(32));
    let mut kept: Vec<_> = (0..34).map(|tenant| pool.tokens(&tenant).unwrap()).collect();
    assert_eq!(pool.status().sources, 34);
    kept.clear();
    for tenant in 100..102 {
        drop(pool.tokens(&tenant).unwrap());
    }
    assert_eq!(pool.status().sources, 32);
}

#[test]
fn a_rejection_or_a_rotation_that_waits_for_its_request_is_not_forgotten() {
    let (settings, clock) = settings();
    let pool = pool(settings.max_sources(16));
    for tenant in 0..16 {
        let source = holding(&pool, tenant);
        clock.advance(secs(60));
        let generation = source.shared().try_token().unwrap().generation();
        if tenant % 2 == 0 {
            source.shared().reject(generation, &fixture::origin("api"));
        } else {
            source.shared().rotate(auth("new"), Rotation::Keep);
        }
    }
    assert!(pool.tokens(&16).is_ok(), "one in sixteen more");
    drop(pool.tokens(&17).unwrap());
    // 16 went, which waits for nothing.
    assert!(pool.get(&16).is_none() && pool.get(&0).is_some() && pool.get(&1).is_some());
}

// P10
#[test]
fn a_source_that_rests_goes_last_and_whoever_makes_it_anew_rests_on() {
    let (settings, clock) = settings();
    let pool = pool(settings.max_sources(2));
    lands(&pool.tokens(&1).unwrap(), refused(Class::Permanent, 401));
    holding(&pool, 2);
    // 1 is the older one, but it rests.
    drop(pool.tokens(&3).unwrap());
    assert!(pool.get(&1).is_some() && pool.get(&2).is_none());
    // Now both rest.
    lands(&pool.tokens(&3).unwrap(), refused(Class::Transient, 503));
    lands(&pool.tokens(&4).unwrap(), refused(Class::Transient, 503));
    drop(pool.tokens(&5).unwrap());
    assert!(pool.get(&1).is_none() && pool.get(&3).is_none());
    let mut waits = Vec::new();
    for (tenant, permanent) in [(1, true), (3, false)] {
        let source = pool.tokens(&tenant).unwrap();
        let Some(Next::Fail(Error::Failed { cause, retry_after })) = Some(ask_in_no_time(&source)) else {
            panic!("it asks anew")
        };
        assert_eq!(cause, Cause::Unrecorded { permanent });
        waits.push(retry_after);
    }
    assert_eq!(waits, [secs(10), secs(1)]);
    // And goes on counting.
    clock.advance(secs(10));
    let source = pool.tokens(&1).unwrap();
    lands(&source, refused(Class::Permanent, 401));
    assert_eq!(source.shared().status().next_request_in, secs(20));
}

fn ask_in_no_time(source: &Tenant) -> Next<String> {
    source.shared().waiter(Some(ms(1)), None).poll(&Waking::new().waker())
}

#[test]
fn a_source_that_nobody_used_for_long_goes_when_somebody_else_comes() {
    let heard = Arc::new(Heard::default());
    let (settings, clock) = settings();
    let pool = pool(settings.max_sources(100).idle(secs(600)).observer(heard.clone()));
    for tenant in 0..8 {
        holding(&pool, tenant);
    }
    // The broom comes by, and takes the mark of use.
    for _ in 0..4 {
        pool.0.sweep(0, pool.0.clock.readings());
    }
    clock.advance(secs(599));
    let kept = pool.tokens(&0).unwrap();
    drop(pool.tokens(&1).unwrap());
    clock.advance(secs(1));
    for _ in 0..4 {
        pool.0.sweep(0, pool.0.clock.readings());
    }
    let mut there = Vec::new();
    pool.each(|tenant, _| there.push(*tenant));
    there.sort_unstable();
    assert_eq!(there, [0, 1], "one is held by the program, one was used");
    assert_eq!((pool.status().evicted_idle, pool.status().sources), (6, 2));
    assert!(heard.0.lock().unwrap().contains(&"idle pool".to_owned()));
    drop(kept);
}

#[test]
fn a_token_that_has_ended_and_is_not_asked_for_is_dropped_while_its_source_stays() {
    let (settings, clock) = settings();
    let pool = pool(settings.idle(secs(86_400)));
    holding(&pool, 1);
    pool.0.sweep(0, pool.0.clock.readings());
    for shard in 0..16_u64 {
        pool.0.sweep(shard << 40, pool.0.clock.readings());
    }
    clock.advance(secs(7200));
    for shard in 0..16_u64 {
        pool.0.sweep(shard << 40, pool.0.clock.readings());
    }
    let source = pool.tokens(&1).unwrap();
    // Its server hands the ended one out again and says nothing of its life: it is new to the source.
    let again = Outcome::Granted(evergrant_core::Grant::new(AccessToken::new("token-of-1").unwrap(), None));
    lands(&source, again);
    assert!(source.shared().try_token().is_some());
}
