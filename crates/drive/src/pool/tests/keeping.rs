//! The one job that keeps the pool fresh.

use super::super::keeper::{PoolKeep, PoolKeeper};
use super::*;

fn keeper(pool: &Tenants) -> PoolKeeper<u32, Tenant> {
    PoolKeeper::new(&pool.0)
}

/// For whom it sends now.
fn sent(keeper: &mut PoolKeeper<u32, Tenant>, waking: &Waking) -> Vec<(String, FlightGuard<String>)> {
    let mut sent = Vec::new();
    while let PoolKeep::Send(source, guard, report) = keeper.poll(&waking.waker()) {
        drop(report);
        sent.push((source.shared().client().unwrap().client_id().to_owned(), guard));
    }
    sent
}

fn clients(sent: &[(String, FlightGuard<String>)]) -> Vec<&str> {
    let mut clients: Vec<_> = sent.iter().map(|(client, _)| client.as_str()).collect();
    clients.sort_unstable();
    clients
}

// P8
#[test]
fn a_token_that_was_used_since_it_came_is_replaced_before_it_ends_and_no_other() {
    let (settings, clock) = settings();
    let pool = pool(settings);
    // Of before the keeper, and of after it came.
    holding(&pool, 1);
    let (mut keeper, waking) = (keeper(&pool), Waking::new());
    assert!(matches!(keeper.poll(&waking.waker()), PoolKeep::Wait(time) if time == secs(3270)));
    holding(&pool, 2);
    holding(&pool, 3);
    // 1 and 3 are used once more, 2 is not.
    for tenant in [1, 3] {
        drop(pool.tokens(&tenant).unwrap());
    }
    clock.advance(secs(3270));
    let flights = sent(&mut keeper, &waking);
    assert_eq!(clients(&flights), ["1", "3"]);
    for (_, guard) in flights {
        drop(guard.land(grant("next", 3600)));
    }
    // Nobody uses them for a life: nobody asks.
    clock.advance(secs(3270));
    assert_eq!(clients(&sent(&mut keeper, &waking)), [] as [&str; 0]);
    // Whoever comes back asks by itself, and is kept fresh again.
    let back = pool.tokens(&1).unwrap();
    lands(&back, grant("again", 3600));
    drop(back);
    drop(pool.tokens(&1).unwrap());
    clock.advance(secs(3270));
    assert_eq!(clients(&sent(&mut keeper, &waking)), ["1"]);
}

// P8
#[test]
fn a_token_that_is_due_when_the_keeper_comes_is_replaced() {
    let (settings, clock) = settings();
    let pool = pool(settings);
    for tenant in [1, 2] {
        drop(holding(&pool, tenant));
    }
    drop(pool.tokens(&1).unwrap());
    clock.advance(secs(3400));
    let (mut keeper, waking) = (keeper(&pool), Waking::new());
    assert_eq!(clients(&sent(&mut keeper, &waking)), ["1"]);
    assert!(matches!(keeper.poll(&waking.waker()), PoolKeep::Wait(_)), "and once");
}

#[test]
fn the_token_of_a_rotated_client_is_replaced_at_once() {
    let (settings, clock) = settings();
    let pool = pool(settings);
    let (mut keeper, waking) = (keeper(&pool), Waking::new());
    let tenant = holding(&pool, 1);
    clock.advance(secs(60));
    assert!(sent(&mut keeper, &waking).is_empty());
    let before = waking.count();
    tenant.shared().rotate(auth("rotated"), Rotation::Keep);
    assert_eq!(waking.count(), before + 1);
    assert_eq!(clients(&sent(&mut keeper, &waking)), ["rotated"]);
    assert!(matches!(keeper.poll(&waking.waker()), PoolKeep::Wait(_)), "and once");
}

#[test]
fn one_whose_clone_the_program_holds_is_used() {
    let (settings, clock) = settings();
    let pool = pool(settings);
    let (mut keeper, waking) = (keeper(&pool), Waking::new());
    let _clone = holding(&pool, 1);
    assert!(matches!(keeper.poll(&waking.waker()), PoolKeep::Wait(_)));
    clock.advance(secs(3270));
    assert_eq!(clients(&sent(&mut keeper, &waking)), ["1"]);
}

#[test]
fn it_is_woken_by_a_token_that_wants_its_successor_earlier_than_all_others() {
    let (settings, clock) = settings();
    let pool = pool(settings);
    let (mut keeper, waking) = (keeper(&pool), Waking::new());
    assert!(matches!(keeper.poll(&waking.waker()), PoolKeep::Wait(time) if time == secs(60)));
    holding(&pool, 1);
    assert_eq!(waking.count(), 1);
    assert!(matches!(keeper.poll(&waking.waker()), PoolKeep::Wait(time) if time == secs(3270)));
    clock.advance(secs(11));
    assert!(matches!(keeper.poll(&waking.waker()), PoolKeep::Wait(time) if time == secs(3259)));
    let flight = sends(&pool.tokens(&2).unwrap());
    assert_eq!(waking.count(), 2);
    assert!(matches!(keeper.poll(&waking.waker()), PoolKeep::Wait(time) if time == secs(11)));
    drop(flight.land(grant("short", 10)));
    assert_eq!(waking.count(), 3);
    holding(&pool, 3);
    assert_eq!(waking.count(), 3);
}

#[test]
fn a_failed_renewal_is_tried_again_and_after_the_end_once_unless_somebody_comes() {
    let (settings, clock) = settings();
    let pool = pool(settings);
    let (mut keeper, waking) = (keeper(&pool), Waking::new());
    drop(holding(&pool, 1));
    drop(pool.tokens(&1).unwrap());
    drop(sent(&mut keeper, &waking));
    let mut requests = 0;
    for _ in 0..86_400 / 10 {
        for (_, guard) in sent(&mut keeper, &waking) {
            requests += 1;
            drop(guard.land(refused(Class::Transient, 503)));
        }
        clock.advance(secs(10));
    }
    // By backoff through the last 300 s of its life, and once after it: not for the whole day.
    assert!((5..=16).contains(&requests), "{requests}");
    drop(pool.tokens(&1).unwrap());
    clock.advance(secs(60));
    assert!(pool.get(&1).is_some());
}

#[test]
fn it_waits_for_permits_like_everybody() {
    let (settings, clock) = settings();
    let pool = pool(settings.max_flights(2).max_flights_per_origin(2));
    let (mut keeper, waking) = (keeper(&pool), Waking::new());
    for tenant in 1..=3 {
        drop(holding(&pool, tenant));
        drop(pool.tokens(&tenant).unwrap());
    }
    assert!(sent(&mut keeper, &waking).is_empty());
    clock.advance(secs(3270));
    let mut flights = sent(&mut keeper, &waking);
    assert_eq!(flights.len(), 2);
    assert!(matches!(keeper.poll(&waking.waker()), PoolKeep::Wait(time) if time == secs(1)));
    let before = waking.count();
    let (_, guard) = flights.pop().unwrap();
    drop(guard.land(grant("next", 3600)));
    assert!(waking.count() > before);
    assert_eq!(sent(&mut keeper, &waking).len(), 1);
}

// P8
#[test]
fn it_ends_with_the_pool_and_holds_nobody_while_it_waits() {
    let (settings, _clock) = settings();
    let pool = pool(settings);
    let (mut keeper, waking) = (keeper(&pool), Waking::new());
    let source = Arc::downgrade(holding(&pool, 1).shared());
    assert!(matches!(keeper.poll(&waking.waker()), PoolKeep::Wait(_)));
    let before = waking.count();
    assert!(format!("{keeper:?}").starts_with("PoolKeeper { number: Some(1)"), "{keeper:?}");
    drop(pool);
    assert_eq!(waking.count(), before + 1);
    assert!(source.upgrade().is_none());
    assert!(matches!(keeper.poll(&waking.waker()), PoolKeep::Ended));
}

#[test]
fn the_calendar_stays_as_small_as_the_pool_however_many_come_and_go() {
    let (settings, clock) = settings();
    let pool = pool(settings.max_sources(50));
    let (mut keeper, waking) = (keeper(&pool), Waking::new());
    for tenant in 0..3000 {
        drop(holding(&pool, tenant));
        if tenant % 10 == 0 {
            clock.advance(ms(1));
            drop(sent(&mut keeper, &waking));
        }
        assert!(pool.0.commons.calendar.len() <= 53);
    }
    drop(keeper);
    assert_eq!(pool.0.commons.calendar.len(), 0);
    drop(holding(&pool, 9999));
    assert_eq!(pool.0.commons.calendar.len(), 0, "nobody reads it");
}

// P6
#[test]
fn tenants_of_a_silent_origin_keep_no_others_from_being_kept_fresh() {
    let (settings, clock) = settings();
    let pool = pool(settings.max_flights(64).max_flights_per_origin(16));
    let (mut keeper, waking) = (keeper(&pool), Waking::new());
    for tenant in (0..200).map(|n| n * 10).chain([1, 11, 21]) {
        let life = if tenant % 10 == 0 { 3590 } else { 3600 };
        let source = pool.tokens(&tenant).unwrap();
        lands(&source, grant("a", life));
        drop(source);
        drop(pool.tokens(&tenant).unwrap());
    }
    assert!(sent(&mut keeper, &waking).is_empty());
    clock.advance(secs(3265));
    // They are sent, and nobody answers.
    let silent = sent(&mut keeper, &waking);
    assert_eq!(silent.len(), 16);
    clock.advance(secs(5));
    let healthy = sent(&mut keeper, &waking);
    assert_eq!(clients(&healthy), ["1", "11", "21"]);
}

#[test]
fn what_a_keeper_held_back_when_it_went_is_taken_on_by_another() {
    let (settings, clock) = settings();
    let pool = pool(settings.max_flights_per_origin(1));
    let (mut one, mut other, waking) = (keeper(&pool), keeper(&pool), Waking::new());
    for tenant in [1, 11] {
        drop(holding(&pool, tenant));
        drop(pool.tokens(&tenant).unwrap());
    }
    assert!(sent(&mut one, &waking).is_empty() && sent(&mut other, &waking).is_empty());
    clock.advance(secs(3270));
    let flights = sent(&mut one, &waking);
    assert_eq!(flights.len(), 1);
    drop(one);
    assert!(sent(&mut other, &waking).is_empty(), "it waits for a permit");
    for (_, guard) in flights {
        drop(guard.land(grant("next", 3600)));
    }
    assert_eq!(sent(&mut other, &waking).len(), 1);
}

#[test]
fn a_second_keeper_asks_for_nothing_twice() {
    let (settings, clock) = settings();
    let pool = pool(settings);
    let (mut one, mut other, waking) = (keeper(&pool), keeper(&pool), Waking::new());
    drop(holding(&pool, 1));
    drop(pool.tokens(&1).unwrap());
    assert!(sent(&mut one, &waking).is_empty() && sent(&mut other, &waking).is_empty());
    clock.advance(secs(3270));
    let both = [sent(&mut one, &waking), sent(&mut other, &waking)];
    assert_eq!(both.iter().map(Vec::len).sum::<usize>(), 1);
}
