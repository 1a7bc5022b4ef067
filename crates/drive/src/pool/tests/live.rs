//! Tenants whose secrets are read for each request.

use super::*;
use evergrant_core::{ClientAuth, ConfigError, Move, SecretText};

fn live(tenant: u32) -> Client {
    client_of(tenant).with_auth(ClientAuth::post_live(&tenant.to_string()).unwrap())
}

fn at(tenant: u32, text: &'static str) -> PoolClient {
    PoolClient::new(live(tenant)).secret(move || Ok(SecretText::new(text)))
}

fn live_settings() -> (Settings, ManualClock) {
    let clock = ManualClock::new();
    let settings = PoolSettings::new(|tenant: &u32| Ok::<_, BoxError>(at(*tenant, "here")));
    (settings.policy(Policy::new().with_jitter(false)).clock(clock.clone()), clock)
}

/// Its next attempt reads this and, if it sends it, is refused. Returns whether it did.
fn is_sent_and_refused(tenant: &Tenant, text: &str) -> bool {
    let guard = sends(tenant);
    let Move::Ask(asking) = guard.begin() else { panic!("its secret is read") };
    let (next, is_sent) = match asking.answer(SecretText::new(text)) {
        Move::Send(_, sent) => {
            let body = br#"{"error":"invalid_client"}"#.to_vec();
            let answer = Response::new(401).with_header("content-type", b"application/json").with_body(body);
            (guard.received(sent, Ok(answer)), true)
        }
        next => (next, false),
    };
    let Move::Done(outcome, learnt) = next else { panic!("it is over") };
    let flown = guard.flown(outcome, learnt, Vec::new());
    drop(guard.land(flown));
    is_sent
}

/// What an attempt of this flight reads.
fn reads(guard: &FlightGuard<String>) -> String {
    let Move::Ask(asking) = guard.begin() else { panic!("its secret is read") };
    let ticket = guard.read(&asking).unwrap();
    loop {
        if let Some(arrived) = ticket.poll(std::task::Waker::noop()) {
            return arrived.text.unwrap().expose().to_owned();
        }
        std::thread::yield_now();
    }
}

/// What is known of a refused secret goes with the source; the pace at which it may be tried does not.
#[test]
fn i36_the_successor_of_an_evicted_source_rests_until_its_refused_secret_may_be_tried_again() {
    let (settings, clock) = live_settings();
    let pool = pool(settings.max_sources(1));
    let source = pool.tokens(&1).unwrap();
    let mut sent = vec![];
    for _ in 0..4 {
        sent.push(is_sent_and_refused(&source, "wrong"));
        clock.advance(secs(10));
    }
    assert_eq!(sent, [true, true, false, true], "after 0, 10 and 30 s; once more after 70");
    // The source alone would rest no longer now.
    assert!(matches!(source.shared().glance(pool.0.clock.readings()), glance if !glance.is_resting));
    drop(source);
    lands(&pool.tokens(&2).unwrap(), refused(Class::Transient, 503));
    drop(pool.tokens(&3).unwrap());
    assert!(pool.get(&1).is_none());
    let next = pool.tokens(&1).unwrap();
    let Next::Fail(Error::Failed { cause: Cause::Unrecorded { permanent: true }, retry_after }) = ask(&next)
    else {
        panic!("it asks at once")
    };
    assert_eq!(retry_after, secs(30), "until 70 s");
}

#[test]
fn where_the_secret_of_a_tenant_lives_is_changed_with_its_client() {
    let (settings, clock) = live_settings();
    let pool = pool(settings);
    let source = pool.tokens(&1).unwrap();
    let before = sends(&source);
    assert!(pool.replace(&1, at(1, "there")).unwrap());
    assert_eq!(reads(&before), "here");
    drop(before);
    clock.advance(secs(1));
    assert!(is_same(&source, &pool.tokens(&1).unwrap()));
    let after = sends(&source);
    assert_eq!(reads(&after), "there");
    drop(after);
    clock.advance(secs(10));
    let other = live(1).with_auth(ClientAuth::basic_live("1").unwrap());
    assert!(pool.replace(&1, PoolClient::new(other).secret(|| Ok(SecretText::new("by Basic")))).unwrap());
    let rotated = sends(&source);
    assert_eq!((rotated_method(&source), reads(&rotated)), ("client_secret_basic", "by Basic".into()));
}

fn rotated_method(source: &Tenant) -> &'static str {
    source.shared().client().unwrap().auth().method()
}

#[test]
fn a_tenant_without_a_place_to_read_from_is_told_so_and_changes_nothing() {
    let settings = PoolSettings::new(|tenant: &u32| Ok::<_, BoxError>(live(*tenant)));
    let unread = pool(settings);
    let is_lacking = |error: &PoolError| matches!(error, PoolError::Config(ConfigError::NeedsSource { field }) if field.as_str() == "the client secret");
    assert!(unread.tokens(&1).is_err_and(|error| is_lacking(&error)));
    assert_eq!(unread.status().sources, 0);

    let pool = pool(live_settings().0);
    let source = pool.tokens(&1).unwrap();
    assert!(pool.replace(&1, live(1)).is_err_and(|error| is_lacking(&error)));
    assert_eq!(reads(&sends(&source)), "here");
    let unused = PoolClient::new(client_of(1)).secret(|| Ok(SecretText::new("for nobody")));
    let error = pool.replace(&1, unused).unwrap_err();
    assert!(matches!(error, PoolError::Config(ConfigError::UnusedSource { .. })), "{error}");
}

/// What lacks is named, and that it cannot be said here.
#[test]
fn a_pool_of_clients_refuses_one_that_is_not_whole_by_itself_and_names_the_part() {
    let provider = || Provider::rfc6749("https://auth.example/token").unwrap();
    let of =
        |auth: Result<ClientAuth, ConfigError>| Client::builder(provider(), auth.unwrap()).build().unwrap();
    let settings = PoolSettings::new(|client: &Client| Ok::<_, BoxError>(client.clone()));
    let pool = Pool::new(settings, render, |_, shared| Ok(BlockingSource::over(shared, Nowhere)));
    let whole = of(ClientAuth::post("erp", "a secret of some length"));
    let param =
        Client::builder(provider(), whole.auth().clone()).live_param("subject_token").build().unwrap();
    for (client, part) in [
        (of(ClientAuth::post_live("erp")), "the client secret"),
        (of(ClientAuth::assertion("erp", evergrant_core::AssertionKind::JWT_BEARER)), "the client assertion"),
        (of(ClientAuth::private_key_jwt("erp")), "the signing key"),
        (of(ClientAuth::tls("erp")), "the client certificate"),
        (whole.clone().with_certificate().unwrap(), "the client certificate"),
        (param, "the parameter subject_token"),
    ] {
        let Err(PoolError::Config(error @ ConfigError::LiveKey { .. })) = pool.tokens_of(&client) else {
            panic!("{part}")
        };
        assert!(error.to_string().starts_with(&format!("{part} is read for each token request")), "{error}");
    }
    assert_eq!(pool.status().sources, 0);
    assert!(is_same(&pool.tokens_of(&whole).unwrap(), &pool.tokens_of(&whole).unwrap()));
    assert_eq!((pool.status().hits, pool.status().misses), (1, 1));
}

#[test]
fn a_tenant_with_a_certificate_needs_an_identity_which_may_be_another_one_later() {
    let tls = || {
        let provider = Provider::rfc6749("https://auth.example/token").unwrap();
        Client::builder(provider, ClientAuth::tls("1").unwrap()).build().unwrap()
    };
    let own = || crate::Identity::pem(&fixture::issue("own").pem()).unwrap();
    let settings = PoolSettings::new(move |tenant: &u32| {
        let client = PoolClient::new(tls());
        Ok::<_, BoxError>(if *tenant == 1 { client.identity(own()) } else { client })
    });
    let pool = pool(settings);
    assert!(matches!(pool.tokens(&2), Err(PoolError::Config(ConfigError::NeedsIdentity))));
    let source = pool.tokens(&1).unwrap();
    let before = sends(&source);
    assert!(pool.replace(&1, PoolClient::new(tls()).identity(own())).unwrap());
    assert!(is_same(&source, &pool.tokens(&1).unwrap()), "the same client, whose certificate is elsewhere");
    let shared = source.shared().client().unwrap();
    assert!(shared.shows_certificate());
    assert!(before.identity().is_ok());
    let plain = PoolClient::new(client_of(1)).identity(own());
    assert!(matches!(pool.replace(&1, plain), Err(PoolError::Config(ConfigError::TlsRequired))));
}
