//! What a token response may say of a life, and what becomes of it.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_mock::{Endpoint, ExpiresIn, Fault, JwtTimes, Server, Times, TokenStyle};
use evergrant_tests::{builder, secs, server, tokens};
use evergrant_tokio_reqwest::{ManualClock, Tokens};
use std::time::Duration;

const YEAR: Duration = secs(366 * 86_400);
const UNKNOWN: Duration = secs(3600);

async fn life(tokens: &Tokens) -> Duration {
    tokens.token().await.unwrap();
    tokens.export().unwrap().life()
}

async fn life_of(server: &Server, expires_in: &str) -> Duration {
    server.set_expires_in(ExpiresIn::Raw(expires_in.into()));
    life(&tokens(server)).await
}

// Conforms: L-22, Q-04, Q-05
#[tokio::test]
async fn every_expires_in_gives_its_documented_life() {
    let server = server();
    server.set_style(TokenStyle::Opaque);
    for (expires_in, expected) in [
        ("3600", secs(3600)),
        ("\"3600\"", secs(3600)),
        ("3600.5", secs(3600)),
        ("\"3600.5\"", secs(3600)),
        ("18446744073709551615", YEAR),
        ("9223372036854775807", YEAR),
        ("0", UNKNOWN),
        ("-1", UNKNOWN),
        ("null", UNKNOWN),
        ("true", UNKNOWN),
        ("[]", UNKNOWN),
        ("\"soon\"", UNKNOWN),
    ] {
        assert_eq!(life_of(&server, expires_in).await, expected, "expires_in {expires_in}");
    }
    server.set_expires_in(ExpiresIn::Omitted);
    assert_eq!(life(&tokens(&server)).await, UNKNOWN);
}

const SAMPLE: &str = r#"{"token_type":"Bearer","expires_in":86400,"access_token":"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJuYW1lIjoiSm9obiBEb2UiLCJhZG1pbiI6dHJ1ZX0.OLvs36KmqB9cmsUrMpUutfhV52_iSz4bQMYJjkI_TLQ"}"#;

// Conforms: M-12
#[tokio::test]
async fn the_sample_token_of_myparcel_which_has_no_exp_lives_its_expires_in() {
    let server = server();
    let sample = Fault::status_with_body(200, "application/json", SAMPLE);
    let _sample = server.fault(Endpoint::Token, sample, Times::Once);
    assert_eq!(life(&tokens(&server)).await, secs(86_400));
}

/// An `exp` with microseconds, as MyParcel.com's server writes it. Payload: {"exp":1795459644.659588}.
// Conforms: R-7519-b, Q-27
#[tokio::test]
async fn an_exp_with_microseconds_is_read() {
    let server = server();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    // The server's clock says a quarter of an hour before that; ours is nobody's business.
    server.set_clock_offset(1_795_459_644 - 900 - i64::try_from(now).unwrap());
    let body = r#"{"token_type":"Bearer","expires_in":86400,"access_token":"eyJhbGciOiJub25lIn0.eyJleHAiOjE3OTU0NTk2NDQuNjU5NTg4fQ.c2ln"}"#;
    let answer = Fault::status_with_body(200, "application/json", body);
    let _answer = server.fault(Endpoint::Token, answer, Times::Once);
    let life = life(&tokens(&server)).await;
    assert!(life <= secs(901) && life > secs(800), "{life:?}");
}

#[tokio::test]
async fn the_jwt_shortens_what_expires_in_promises_however_it_writes_its_times() {
    let server = server();
    server.set_lifetime(secs(600));
    server.set_expires_in(ExpiresIn::Raw("86400".into()));
    for times in [JwtTimes::Float, JwtTimes::Integer, JwtTimes::Text] {
        server.set_style(TokenStyle::Jwt(times));
        let life = life(&tokens(&server)).await;
        assert!(life <= secs(600) && life > secs(590), "{times:?} {life:?}");
    }
    server.set_style(TokenStyle::Jwt(JwtTimes::Absent));
    assert_eq!(life(&tokens(&server)).await, secs(86_400));
}

// Conforms: R-7519-m, R-9110-6.6.1-a, A-43
#[tokio::test]
async fn neither_clock_being_wrong_by_a_day_changes_the_life() {
    for offset in [-86_400, 86_400] {
        let server = server();
        server.set_clock_offset(offset);
        server.set_lifetime(secs(600));
        let life = life(&tokens(&server)).await;
        assert!(life <= secs(600) && life > secs(590), "{offset} {life:?}");
    }
}

// Conforms: Q-14
#[tokio::test]
async fn a_token_that_is_handed_out_again_until_it_dies_is_not_asked_for_in_a_loop() {
    let server = server();
    server.set_style(TokenStyle::Sticky);
    server.set_lifetime(secs(3600));
    let clock = ManualClock::new();
    let tokens = builder(&server).clock(clock.clone()).build().unwrap();
    let first = tokens.token().await.unwrap();
    clock.advance(secs(3300));
    server.set_clock_offset(3300);
    for _ in 0..50 {
        assert_eq!(tokens.token().await.unwrap().value(), first.value());
    }
    while tokens.status().no_progress == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        tokens.token().await.unwrap();
    }
    assert_eq!(server.counts().token_requests, 2);
    assert!(tokens.status().next_request_in > secs(60));
}
