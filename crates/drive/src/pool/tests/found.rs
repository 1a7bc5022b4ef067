//! What one source has found out about its server, and the others of its pool need not.

use super::*;
use evergrant_core::{ClientAuth, Move, Provider, Response};

fn discovering(realm: &str, tenant: u32) -> Client {
    let provider = Provider::discovered(&format!("https://as.example/{realm}")).unwrap();
    let auth = ClientAuth::post(&tenant.to_string(), "a secret of some length").unwrap();
    Client::builder(provider, auth).build().unwrap()
}

/// Whether its next attempt asks for metadata first, of which this is the answer; a token is granted then.
fn asks(tenant: &Tenant, realm: &str) -> bool {
    let mut guard = sends(tenant);
    guard.begin_span();
    let answer = |body: String| Response::new(200).with_body(body.into());
    let (mut has_asked, mut next) = (false, guard.begin());
    let (outcome, learnt) = loop {
        next = match next {
            Move::Send(request, sent) if request.method() == "GET" => {
                assert!(!std::mem::replace(&mut has_asked, true));
                let body = format!(
                    r#"{{"issuer":"https://as.example/{realm}","token_endpoint":"https://as.example/{realm}/token"}}"#
                );
                guard.received(sent, Ok(answer(body)))
            }
            Move::Send(request, sent) => {
                assert_eq!(request.url(), format!("https://as.example/{realm}/token"));
                let body = r#"{"access_token":"a","expires_in":3600}"#.to_owned();
                guard.received(sent, Ok(answer(body)))
            }
            Move::Done(outcome, learnt) => break (outcome, learnt),
            Move::Ask(asking) => panic!("{asking:?}"),
        };
    };
    let flown = guard.flown(outcome, learnt, Vec::new());
    drop(guard.land(flown));
    has_asked
}

#[test]
fn tenants_of_one_server_ask_for_its_metadata_once() {
    let clock = ManualClock::new();
    let realm = |tenant: u32| if tenant < 10 { "one" } else { "other" };
    let settings =
        PoolSettings::new(move |tenant: &u32| Ok::<_, BoxError>(discovering(realm(*tenant), *tenant)));
    let pool = pool(settings.policy(Policy::new().with_jitter(false)).clock(clock.clone()));
    let asked: Vec<bool> = [1, 2, 3, 10, 11, 4]
        .into_iter()
        .map(|tenant| asks(&pool.tokens(&tenant).unwrap(), realm(tenant)))
        .collect();
    assert_eq!(asked, [true, false, false, true, false, false]);
    // A day later one of them asks again, for all.
    clock.advance(secs(24 * 3600));
    assert!(asks(&pool.tokens(&1).unwrap(), "one"));
    assert!(!asks(&pool.tokens(&2).unwrap(), "one"));
}

#[test]
fn metadata_that_is_kept_leaves_most_of_the_time_to_the_token_request() {
    let clock = ManualClock::new();
    let settings = PoolSettings::new(|tenant: &u32| Ok::<_, BoxError>(discovering("one", *tenant)));
    let pool = pool(settings.policy(Policy::new().with_jitter(false)).clock(clock.clone()));
    let tenant = pool.tokens(&1).unwrap();
    let whole = |tenant: &Tenant| {
        let mut guard = sends(tenant);
        guard.begin_span();
        let Move::Send(request, sent) = guard.begin() else { panic!("metadata is asked for") };
        assert_eq!(request.method(), "GET");
        (guard.time_until(guard.end_of(&sent)), guard.time_left())
    };
    let (first, all) = whole(&tenant);
    assert_eq!(first, all, "there is nothing else to go by");
    clock.advance(secs(10));
    assert!(asks(&tenant, "one"));
    clock.advance(secs(24 * 3600));
    let (again, all) = whole(&tenant);
    assert_eq!(again, all / 4);
}
