//! So many at once: who is told, who waits, and who does not.

use super::*;

/// Who waits, and is woken.
fn waits<'a>(tenant: &'a Tenant, waking: &Waking) -> crate::shared::Waiter<'a, String> {
    let mut waiter = tenant.shared().waiter(None, None);
    assert!(matches!(waiter.poll(&waking.waker()), Next::Wait(_)));
    waiter
}

#[test]
fn a_tenant_beyond_the_bound_waits_as_if_a_request_were_in_the_air_and_is_next() {
    let pool = pool(settings().0.max_flights(2));
    let tenants: Vec<_> = (0..4).map(|tenant| pool.tokens(&tenant).unwrap()).collect();
    // Of two permits one is for origins that never answered.
    let first = sends(&tenants[0]);
    let waking = [Waking::new(), Waking::new()];
    let mut waiters = [waits(&tenants[1], &waking[0]), waits(&tenants[2], &waking[1])];
    assert_eq!(pool.status().in_flight, 1);
    drop(first.land(grant("a", 3600)));
    assert_eq!((waking[0].count(), waking[1].count()), (1, 0));
    let Next::Send(second, report) = waiters[0].poll(&waking[0].waker()) else { panic!("not sent") };
    drop(report);
    assert!(matches!(waiters[1].poll(&waking[1].waker()), Next::Wait(_)));
    drop(second);
    assert_eq!(waking[1].count(), 1);
    assert!(matches!(waiters[1].poll(&waking[1].waker()), Next::Send(..)));
    assert_eq!(pool.status().in_flight, 0, "dropped with its flight");
}

// I15, P5
#[test]
fn a_tenant_with_a_usable_token_never_waits_for_a_permit() {
    let (settings, clock) = settings();
    let pool = pool(settings.max_flights(1));
    let held = holding(&pool, 0);
    clock.advance(secs(3600 - 30 - 300));
    let flight = sends(&pool.tokens(&1).unwrap());
    assert!(matches!(ask(&held), Next::Use(_)), "it is due, and used");
    drop(flight);
    // It had its place in the queue: nobody waited for it, and it asks again.
    assert_eq!(pool.status().in_flight, 0);
    drop(sends(&held));
}

#[test]
fn a_permit_for_somebody_who_went_goes_on_to_the_next() {
    let pool = pool(settings().0.max_flights(1));
    let tenants: Vec<_> = (0..200).map(|tenant| pool.tokens(&(tenant * 10)).unwrap()).collect();
    let flight = sends(&tenants[0]);
    let waking: Vec<_> = tenants.iter().map(|_| Waking::new()).collect();
    let mut waiters: Vec<_> =
        tenants.iter().zip(&waking).skip(1).map(|(tenant, waking)| waits(tenant, waking)).collect();
    let mut last = waiters.pop().unwrap();
    // One is told, and goes before it looks; the others went earlier.
    let told = waiters.remove(0);
    drop(waiters);
    drop(flight.land(refused(Class::Transient, 503)));
    assert_eq!((waking[1].count(), waking[199].count()), (1, 0));
    drop(told);
    assert_eq!(waking[199].count(), 1);
    assert!(matches!(last.poll(&waking[199].waker()), Next::Send(..)));
    drop(last);
    assert_eq!((pool.status().in_flight, pool.status().waiting), (0, 0));
}

#[test]
fn a_caller_that_is_never_polled_again_keeps_its_permit_for_a_second() {
    let (settings, clock) = settings();
    let pool = pool(settings.max_flights(1));
    let tenants: Vec<_> = (0..3).map(|tenant| pool.tokens(&tenant).unwrap()).collect();
    let flight = sends(&tenants[0]);
    let waking = [Waking::new(), Waking::new()];
    let _forgotten = waits(&tenants[1], &waking[0]);
    let mut patient = waits(&tenants[2], &waking[1]);
    drop(flight);
    assert_eq!((waking[0].count(), waking[1].count()), (1, 0));
    clock.advance(secs(1));
    // It looks once a second, and so finds what lies.
    assert!(matches!(patient.poll(&waking[1].waker()), Next::Wait(time) if time <= secs(1)));
    assert_eq!(waking[1].count(), 1);
    assert!(matches!(patient.poll(&waking[1].waker()), Next::Send(..)));
}

#[test]
fn a_source_that_was_dropped_while_it_waited_is_passed_over() {
    let pool = pool(settings().0.max_flights(1));
    let flight = sends(&pool.tokens(&0).unwrap());
    let gone = pool.tokens(&1).unwrap();
    assert!(matches!(ask(&gone), Next::Wait(_)));
    drop(gone);
    assert!(pool.remove(&1));
    let waking = Waking::new();
    let last = pool.tokens(&2).unwrap();
    let mut waiter = waits(&last, &waking);
    drop(flight);
    assert_eq!(waking.count(), 1);
    assert!(matches!(waiter.poll(&waking.waker()), Next::Send(..)));
}

#[test]
fn patience_ends_for_who_is_held_back_and_the_error_says_why() {
    let (settings, clock) = settings();
    let pool = pool(settings.max_flights(1));
    let flight = sends(&pool.tokens(&0).unwrap());
    let tenant = pool.tokens(&1).unwrap();
    let mut waiter = tenant.shared().waiter(Some(secs(5)), None);
    assert!(matches!(waiter.poll(&Waking::new().waker()), Next::Wait(_)));
    clock.advance(secs(5));
    let Next::Fail(error) = waiter.poll(&Waking::new().waker()) else { panic!("it waits on") };
    assert_eq!(
        error.to_string(),
        "no access token before the caller's deadline: the token request was held back while those of other clients were being \
         sent; try again later"
    );
    drop(flight);
}

// P6
#[test]
fn origins_that_swallow_every_request_leave_half_of_the_permits_to_those_that_answer() {
    let settings = PoolSettings::new(|tenant: &u32| {
        let provider = Provider::rfc6749(&format!("http://127.0.0.1:{}/token", 1 + tenant / 100)).unwrap();
        Ok::<_, BoxError>(Client::builder(provider, auth(&tenant.to_string())).build().unwrap())
    });
    let pool = pool(settings.clock(ManualClock::new()));
    // One origin that has answered, and a hundred that do not.
    let known = holding(&pool, 0);
    let mut in_the_air = Vec::new();
    for tenant in 100..10_100 {
        if let Next::Send(guard, report) = ask(&pool.tokens(&tenant).unwrap()) {
            drop(report);
            in_the_air.push(guard);
        }
    }
    assert_eq!(in_the_air.len(), 128);
    let healthy: Vec<_> = (1..=64).map(|tenant| sends(&pool.tokens(&tenant).unwrap())).collect();
    assert_eq!(pool.status().in_flight, 192);
    drop((known, healthy));
    // Their time is up: each of them is as unproven as before.
    let silent = || Outcome::Refused(TransportError::ours(TransportErrorKind::Timeout, "none").into());
    in_the_air.into_iter().for_each(|guard| drop(guard.land(silent())));
    assert_eq!(pool.status().in_flight, 0);
}

#[test]
fn a_told_rest_is_its_clients_own_unless_the_pool_shares_it() {
    for shared in [false, true] {
        let (settings, clock) = settings();
        let pool = pool(settings.share_rest(shared));
        // The tenants of one origin, and one of another.
        let (first, second, other) =
            (pool.tokens(&0).unwrap(), pool.tokens(&10).unwrap(), pool.tokens(&1).unwrap());
        let throttled = Refusal::new(Class::Transient, Some(429), Problem::Status).with_retry_after(secs(60));
        lands(&first, Outcome::Refused(throttled));
        assert_eq!(matches!(ask(&second), Next::Fail(Error::Failed { .. })), shared);
        drop(sends(&other));
        clock.advance(secs(61));
        drop(sends(&second));
    }
}

#[test]
fn a_tenant_that_waits_through_a_shared_rest_keeps_its_one_place_and_holds_no_thread() {
    let (settings, clock) = settings();
    let pool = pool(settings.share_rest(true).max_flights(4));
    // Two origins that have answered; two requests of each in the air, and a tenant of the first that waits.
    let tenant = |number| pool.tokens(&number).unwrap();
    for number in [0, 1] {
        lands(&tenant(number), grant("known", 3600));
    }
    let of_first: Vec<_> = [10, 20].iter().map(|number| sends(&tenant(*number))).collect();
    let mut of_second: Vec<_> = [11, 21].iter().map(|number| sends(&tenant(*number))).collect();
    let (waking, waits_long) = (Waking::new(), tenant(30));
    let others: Vec<_> = [31, 41].iter().map(|number| tenant(*number)).collect();
    let mut other_waiters: Vec<_> = others.iter().map(|other| waits(other, &waking)).collect();
    let mut waiter = waits(&waits_long, &waking);
    for flight in of_first {
        let told = Refusal::new(Class::Transient, Some(429), Problem::Status).with_retry_after(secs(2));
        drop(flight.land(Outcome::Refused(told)));
        for other in &mut other_waiters {
            if let Next::Send(guard, report) = other.poll(&waking.waker()) {
                drop(report);
                of_second.push(guard);
            }
        }
        for _ in 0..2 {
            clock.advance(ms(1500));
            assert!(!matches!(waiter.poll(&waking.waker()), Next::Use(_)));
        }
    }
    // Whatever it was granted meanwhile, the others land.
    while let Some(flight) = of_second.pop() {
        drop(flight.land(refused(Class::Transient, 503)));
    }
    drop((waiter, other_waiters));
    assert_eq!((pool.status().in_flight, pool.status().waiting), (0, 0));
}

#[test]
fn who_waited_and_was_evicted_leaves_nothing_behind() {
    let pool = pool(settings().0.max_flights(1).max_sources(4));
    let flight = sends(&pool.tokens(&0).unwrap());
    let mut gone = Vec::new();
    for tenant in 1..100 {
        let source = pool.tokens(&tenant).unwrap();
        assert!(matches!(ask(&source), Next::Wait(_)));
        gone.push(Arc::downgrade(source.shared()));
    }
    assert!(gone.iter().filter(|source| source.upgrade().is_some()).count() <= 4);
    assert!(gone.iter().filter(|source| source.weak_count() > 1).count() <= 4, "a queue keeps their memory");
    drop(flight);
}

#[test]
fn a_client_that_is_refused_for_good_makes_no_other_one_rest() {
    let pool = pool(settings().0.share_rest(true));
    let forever = Refusal::new(Class::Permanent, Some(401), Problem::Status).with_retry_after(secs(60));
    lands(&pool.tokens(&0).unwrap(), Outcome::Refused(forever));
    drop(sends(&pool.tokens(&10).unwrap()));
}

#[test]
fn as_many_wait_in_all_sources_as_may() {
    let pool = pool(settings().0.max_waiters(1000));
    let (one, other) = (pool.tokens(&0).unwrap(), pool.tokens(&1).unwrap());
    let flights = (sends(&one), sends(&other));
    let waking = Waking::new();
    let mut waiters: Vec<_> = (0..600).map(|_| waits(&one, &waking)).collect();
    waiters.extend((600..1000).map(|_| waits(&other, &waking)));
    let Next::Fail(Error::Saturated { max_waiters, .. }) = ask(&other) else { panic!("one more waits") };
    assert_eq!((max_waiters, pool.status().waiting), (1000, 1000));
    // Whoever waits stays.
    assert!(matches!(waiters[0].poll(&waking.waker()), Next::Wait(_)));
    waiters.truncate(100);
    assert!(matches!(ask(&other), Next::Wait(_)));
    drop(waiters);
    assert_eq!(pool.status().waiting, 0);
    drop(flights);
}
