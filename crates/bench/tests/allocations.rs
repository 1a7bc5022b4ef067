//! Allocations repeat exactly, so they can be held: what has none, and how many the rest may have.
#![allow(clippy::unwrap_used)] // A failed unwrap is a failed test, in its helpers too.

use evergrant_bench::allocations::{Count, count};
use evergrant_bench::at_once;
use evergrant_bench::subjects::{body, client, header_of, held, jwt, noon_and, opaque, response};
use evergrant_bench::tenants;
use evergrant_core::bench::has_times;
use evergrant_core::{AccessToken, Call, ClientAuth, Grant, Machine, Outcome, Policy, Response, Step};
use http::HeaderValue;
use std::hint::black_box;
use std::time::Duration;

/// What one more time allocates, once everything is warm.
fn once<T>(mut job: impl FnMut() -> T) -> Count {
    black_box(job());
    count(|| black_box(job())).1
}

#[test]
fn a_held_token_and_its_header_cost_nothing() {
    let tokens = held(1024);
    assert!(at_once(tokens.authorization()).unwrap().is_ok());
    assert_eq!(once(|| at_once(tokens.authorization())), Count::default());
    assert_eq!(once(|| at_once(tokens.with_authorization(HeaderValue::len))), Count::default());
    assert_eq!(once(|| at_once(tokens.token())), Count::default());
    assert_eq!(once(|| tokens.try_token()), Count::default());
}

#[test]
fn finding_a_tenants_source_in_a_pool_costs_nothing() {
    let (pool, key) = (tenants::pool(16, 1024), tenants::key(7));
    assert_eq!(once(|| pool.tokens(&key).is_ok()), Count::default());
    assert_eq!(once(|| pool.get(&key).is_some()), Count::default());
}

#[test]
fn a_token_response_costs_four_allocations_with_its_header_whatever_its_length() {
    let client = client(ClientAuth::post);
    for token in [opaque(1024), opaque(4096), jwt(300), jwt(1024), jwt(4096)] {
        let response = response(&body(&token));
        assert!(header_of(&client, &response).is_some());
        let Count { calls, .. } = once(|| header_of(&client, &response));
        assert!(calls <= 4, "{calls} for {} bytes", token.len());
    }
}

#[test]
fn the_times_of_a_jwt_cost_one_allocation_whatever_its_length() {
    for length in [300, 1024, 4096] {
        let token = jwt(length);
        assert!(has_times(&token));
        assert_eq!(once(|| has_times(&token)).calls, 1, "{length} bytes");
    }
    let opaque = opaque(1024);
    assert_eq!(once(|| has_times(&opaque)), Count::default(), "what is no JWT costs nothing");
}

#[test]
fn a_machine_takes_half_a_kilobyte_beside_its_token() {
    let text = opaque(1024);
    let (token, held) = count(|| AccessToken::new(&text).unwrap());
    let mut machine = Machine::new(Policy::new(), 1);
    let Step::Send(flight) = machine.poll(noon_and(0), &mut Call::new(noon_and(10).mono)) else {
        panic!("the first request is due")
    };
    let grant = Grant::new(token, Some(Duration::from_secs(3600)));
    let (_, more) = count(|| machine.complete(noon_and(0), flight, Outcome::Granted(grant)));
    assert!(machine.held(noon_and(0)).is_some());
    let bytes = size_of::<Machine>() as u64 + held.bytes - 1024 + more.bytes;
    assert!(bytes <= 512, "{bytes}");
}

#[test]
fn no_poll_of_the_machine_allocates_in_any_state() {
    let mut machine = Machine::new(Policy::new(), 1);
    let poll = |machine: &mut Machine, at| {
        let mut call = Call::new(noon_and(10).mono).fail_fast(true);
        let (step, count) = count(|| machine.poll(noon_and(at), &mut call));
        assert_eq!(count, Count::default(), "{step:?}");
        machine.leave(&mut call);
        step
    };
    let Step::Send(flight) = poll(&mut machine, 0) else { panic!("the first request is due") };
    assert!(matches!(poll(&mut machine, 1), Step::Wait(_)));
    assert!(matches!(poll(&mut machine, 10), Step::Fail(_)));
    let refusal = client(ClientAuth::post).read(&Response::new(503), noon_and(1)).unwrap_err();
    machine.complete(noon_and(1), flight, Outcome::Refused(refusal));
    assert!(matches!(poll(&mut machine, 1), Step::Fail(_)));
    let Step::Send(flight) = poll(&mut machine, 9) else { panic!("the rest is over") };
    let grant = Grant::new(AccessToken::new("abc").unwrap(), Some(Duration::from_secs(3600)));
    machine.complete(noon_and(9), flight, Outcome::Granted(grant));
    assert!(matches!(poll(&mut machine, 9), Step::Use(_)));
    let Step::Send(_flight) = poll(&mut machine, 3500) else { panic!("its replacement is due") };
    assert!(matches!(poll(&mut machine, 3500), Step::Use(_)));
}
