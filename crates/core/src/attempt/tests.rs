use super::*;
use crate::jwt::tests::jwt;
use crate::{
    AssertionKind, BodyFormat, Cause, Class, ClientAuth, ClientBuilder, ConfigError, Mono, Policy, Problem,
    Provider, TransportErrorKind, Wall,
};
use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;

mod discovered;
mod search;
mod search_discovered;
mod signed;

/// 2026-11-23T12:00:00Z.
const NOON: u64 = 1_795_435_200;

/// So many seconds after noon, on both clocks.
fn at(seconds: u64) -> Now {
    let mono = Mono::from_origin(Duration::from_secs(1000 + seconds));
    Now::new(mono, Wall::from_epoch(Duration::from_secs(NOON + seconds)))
}

fn builder(auth: ClientAuth) -> ClientBuilder {
    Client::builder(Provider::rfc6749("https://as.example/token").unwrap(), auth)
}

fn live() -> Client {
    builder(ClientAuth::post_live("id").unwrap()).build().unwrap()
}

fn asserting() -> Client {
    builder(ClientAuth::assertion("id", AssertionKind::JWT_BEARER).unwrap()).build().unwrap()
}

fn json(status: u16, body: &str) -> Response {
    Response::new(status).with_header("Content-Type", b"application/json").with_body(body.into())
}

fn token() -> Response {
    json(200, r#"{"access_token":"a-token","token_type":"Bearer","expires_in":3600}"#)
}

fn invalid_client() -> Response {
    json(401, r#"{"error":"invalid_client","error_description":"wrong secret"}"#)
}

fn asking(next: Move<'_>) -> Asking<'_> {
    match next {
        Move::Ask(asking) => asking,
        other => panic!("expected Ask, got {other:?}"),
    }
}

fn sending(next: Move<'_>) -> (Request, Sent<'_>) {
    match next {
        Move::Send(request, sent) => (request, sent),
        other => panic!("expected Send, got {other:?}"),
    }
}

fn over(next: Move<'_>) -> (Outcome, Known) {
    match next {
        Move::Done(outcome, known) => (outcome, known),
        other => panic!("expected Done, got {other:?}"),
    }
}

fn refusal(outcome: Outcome) -> Refusal {
    match outcome {
        Outcome::Refused(refusal) => refusal,
        other => panic!("expected Refused, got {other:?}"),
    }
}

fn unready(outcome: Outcome) -> Unready {
    match outcome {
        Outcome::NotSent(unready) => unready,
        other => panic!("expected NotSent, got {other:?}"),
    }
}

/// The attempts of one client, one after the other.
struct Attempts {
    client: Client,
    known: Known,
}

impl Attempts {
    fn new(client: Client) -> Self {
        Self { client, known: Known::new(&Policy::new()) }
    }

    fn begin(&self, seconds: u64) -> Move<'_> {
        Attempt::begin(&self.client, Seed::new(at(seconds)), &self.known)
    }

    /// An attempt in which this is read, and answered so if it is sent, at once.
    fn reads(&mut self, seconds: u64, text: impl Into<Text>, response: &Response) -> Outcome {
        let next = asking(self.begin(seconds)).answer(text.into().0);
        let (outcome, known) = over(match next {
            Move::Send(request, sent) => {
                assert!(!request.body().is_empty());
                sent.received(response, at(seconds))
            }
            next => next,
        });
        self.known = known;
        outcome
    }

    /// Whether the same would be sent then.
    fn sends(&self, seconds: u64, text: impl Into<Text>) -> bool {
        match asking(self.begin(seconds)).answer(text.into().0) {
            Move::Send(..) => true,
            Move::Done(Outcome::HeldBack(_), known) => {
                assert_eq!(known, self.known, "nothing is learnt from what was not sent");
                false
            }
            other => panic!("{other:?}"),
        }
    }
}

struct Text(SecretText);

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(SecretText::new(text))
    }
}

impl From<SecretText> for Text {
    fn from(text: SecretText) -> Self {
        Self(text)
    }
}

fn assert_same(one: &Request, other: &Request) {
    assert_eq!((one.url(), one.body()), (other.url(), other.body()));
    assert!(one.headers().eq(other.headers()));
}

#[test]
fn a_client_to_whom_nothing_is_lacking_sends_at_once_what_the_short_form_says() {
    let auths = [ClientAuth::basic("id", "s3cr3t"), ClientAuth::post("id", "s3cr3t"), ClientAuth::none("id")];
    for auth in auths {
        let client = builder(auth.unwrap()).scope("a").param("more", "1").build().unwrap();
        assert!(client.asks().next().is_none() && !client.is_live());
        let attempts = Attempts::new(client);
        let (request, sent) = sending(attempts.begin(0));
        assert_same(&request, &attempts.client.request(at(0)).unwrap());
        assert_eq!(sent.client(), &attempts.client);
        let (outcome, known) = over(sent.received(&token(), at(1)));
        assert!(matches!(outcome, Outcome::Granted(_)));
        assert_eq!(known, attempts.known);
    }
}

#[test]
fn five_things_are_asked_for_one_after_the_other_and_the_credential_first() {
    let params = ["one", "two", "three", "four"];
    let builder = builder(ClientAuth::post_live("id").unwrap()).param("fixed", "0");
    let client = params.iter().fold(builder, |builder, name| builder.live_param(name)).build().unwrap();
    let attempts = Attempts::new(client);
    let mut next = attempts.begin(0);
    let mut asked = Vec::new();
    while let Move::Ask(asking) = next {
        asked.push(asking.ask().clone());
        assert!(asked.len() <= 5, "{asked:?}");
        let text = format!("text {}", asked.len());
        next = asking.answer(SecretText::new(&text));
    }
    let wanted: Vec<Ask> = attempts.client.asks().collect();
    assert_eq!((asked.len(), &asked[0], &asked), (5, &Ask::ClientSecret, &wanted));
    let (request, sent) = sending(next);
    assert_eq!(
        core::str::from_utf8(request.body()),
        Ok("grant_type=client_credentials&client_id=id&client_secret=text+1&fixed=0&one=text+2&two=text+3\
            &three=text+4&four=text+5")
    );
    assert!(!sent.client().is_live());
    let words: Vec<String> = asked.iter().take(2).map(ToString::to_string).collect();
    assert_eq!(words, ["the client secret", "the parameter one"]);
    assert_eq!(Ask::Assertion.to_string(), "the client assertion");
}

#[test]
fn a_fifth_parameter_that_is_read_is_one_too_many() {
    let params = ["one", "two", "three", "four", "five"];
    let builder = builder(ClientAuth::none("id").unwrap());
    let builder = params.iter().fold(builder, |builder, name| builder.live_param(name));
    let name = Excerpt::new("five", &[]).unwrap();
    assert_eq!(builder.build().unwrap_err(), ConfigError::LiveParameters { name });
}

#[test]
fn the_life_of_a_token_begins_when_the_flight_was_sent_and_not_when_a_slow_source_came() {
    let attempts = Attempts::new(live());
    let next = asking(attempts.begin(0)).answer(SecretText::new("s3cr3t"));
    // What is left until its end, on our clock.
    let token = jwt(&format!(r#"{{"exp":{}}}"#, NOON + 60));
    let body = format!(r#"{{"access_token":"{token}","token_type":"Bearer"}}"#);
    let (outcome, _) = over(sending(next).1.received(&json(200, &body), at(9)));
    let Outcome::Granted(grant) = outcome else { panic!("{outcome:?}") };
    assert_eq!(grant.lifetime().life, Some(Duration::from_secs(60)));
}

// I36
#[test]
fn a_refused_text_is_held_back_for_the_cooldown_which_doubles_while_it_is_the_same() {
    let mut attempts = Attempts::new(live());
    let mut now = 0;
    for rest in [10, 20, 40, 80, 160, 300, 300] {
        let refused = refusal(attempts.reads(now, "stale", &invalid_client()));
        assert!(refused.is_live() && refused.class() == Class::Permanent);
        assert_eq!(attempts.known.refused_until(), Some(at(now + rest).mono));
        for held in [now, now + 1, now + rest - 1] {
            assert!(!attempts.sends(held, "stale"), "after {} s of {rest}", held - now);
            let outcome = attempts.reads(held, "stale", &token());
            assert!(matches!(&outcome, Outcome::HeldBack(kept) if *kept == refused), "{outcome:?}");
        }
        now += rest;
        assert!(attempts.sends(now, "stale"), "after {rest} s");
    }
}

#[test]
fn the_policy_says_how_long_a_refused_text_is_held_back() {
    let policy = Policy::new().with_cooldown(Duration::from_secs(3), Duration::from_secs(5));
    let mut attempts = Attempts { known: Known::new(&policy), client: live() };
    for (now, rest) in [(0, 3), (3, 5), (8, 5)] {
        attempts.reads(now, "stale", &invalid_client());
        assert!(!attempts.sends(now + rest - 1, "stale") && attempts.sends(now + rest, "stale"), "{now}");
    }
}

#[test]
fn the_rest_of_a_refused_text_begins_when_the_answer_came() {
    let attempts = Attempts::new(live());
    let next = asking(attempts.begin(0)).answer(SecretText::new("stale"));
    let (_, known) = over(sending(next).1.received(&invalid_client(), at(7)));
    assert_eq!(known.refused_until(), Some(at(17).mono));
}

// I36
#[test]
fn a_changed_text_is_sent_at_once_and_the_refused_one_as_well_after_another_was_refused() {
    let mut attempts = Attempts::new(live());
    for (now, text) in [(0, "first"), (1, "other"), (2, "first")] {
        assert!(attempts.sends(now, text), "{text}");
        attempts.reads(now, text, &invalid_client());
        assert!(!attempts.sends(now, text), "{text}");
        // It begins anew, since it is another text than the one before.
        assert_eq!(attempts.known.refused_until(), Some(at(now + 10).mono));
    }
    for almost in ["First", "first ", "firs", "firstt"] {
        assert!(attempts.sends(3, almost), "{almost:?}");
    }
}

// I36
#[test]
fn who_makes_another_text_each_time_is_slowed_down_as_with_the_same_one() {
    let mut attempts = Attempts::new(live());
    let mut now = 0;
    for (number, rest) in [0, 0, 0, 10, 20, 40, 80, 160, 300, 300].into_iter().enumerate() {
        let text = || SecretText::new(&format!("text {number}"));
        assert!(attempts.sends(now, text()), "{number}");
        let refused = refusal(attempts.reads(now, text(), &invalid_client()));
        let held = rest > 0 && !attempts.sends(now + rest - 1, "another");
        assert_eq!(held, rest > 0, "{number}");
        if held {
            let outcome = attempts.reads(now + rest - 1, "another", &token());
            assert!(matches!(&outcome, Outcome::HeldBack(kept) if *kept == refused), "{outcome:?}");
        }
        now += rest;
    }
    // What no request can carry is told all the same.
    let outcome = attempts.reads(now - 1, "a\nb", &token());
    assert!(matches!(outcome, Outcome::NotSent(_)), "{outcome:?}");
    attempts.reads(now, "the right one", &token());
    assert!(attempts.sends(now, "another"), "a grant takes it out");
}

#[test]
fn a_grant_takes_the_refused_text_out() {
    let mut attempts = Attempts::new(live());
    attempts.reads(0, "stale", &invalid_client());
    attempts.reads(10, "stale", &invalid_client());
    assert!(matches!(attempts.reads(11, "fresh", &token()), Outcome::Granted(_)));
    assert_eq!(attempts.known.refused_until(), None);
    // The doubling is over, too.
    attempts.reads(12, "stale", &invalid_client());
    assert_eq!(attempts.known.refused_until(), Some(at(22).mono));
}

#[test]
fn what_is_costly_to_read_is_sent_each_time_and_its_refusal_is_counted() {
    let mut attempts = Attempts::new(live());
    let costly = || SecretText::new("stale").costly().read_from("vault");
    for now in 0..3 {
        let refused = refusal(attempts.reads(now, costly(), &invalid_client()));
        assert!(!refused.is_live());
        assert!(refused.to_string().contains("the client secret in vault"), "{refused}");
        assert_eq!(attempts.known.refused_until(), None);
    }
    // It is not held back for one that is read for nothing, either.
    attempts.reads(3, "stale", &invalid_client());
    assert!(!attempts.sends(4, "stale") && attempts.sends(4, costly()));
}

#[test]
fn every_refusal_that_stays_while_the_credential_is_the_same_counts_and_no_other() {
    for (response, counts) in [
        (json(401, r#"{"error":"invalid_client"}"#), true),
        (json(400, r#"{"error":"invalid_client"}"#), true),
        (json(400, r#"{"error":"unauthorized_client"}"#), true),
        (json(403, r#"{"error":"unauthorized_client"}"#), true),
        (Response::new(401), true),
        (json(401, r#"{"message":"who are you?"}"#), true),
        (json(401, r#"{"error":"invalid_scope"}"#), true),
        (json(400, r#"{"error":"invalid_scope"}"#), true),
        (json(400, r#"{"error":"invalid_grant"}"#), true),
        (json(401, r#"{"error":"access_denied"}"#), true),
        (json(400, r#"{"message":"no"}"#), true),
        (Response::new(403), true),
        (Response::new(429), false),
        (Response::new(503), false),
        (json(429, r#"{"error":"invalid_client"}"#), false),
        (json(503, r#"{"error":"invalid_client"}"#), false),
        (json(200, r#"{"error":"invalid_client"}"#), true),
        (json(200, "{}"), false),
        // Nobody has looked at it there.
        (Response::new(302), false),
        (Response::new(404), false),
        (Response::new(405), false),
        (Response::new(410), false),
        (json(404, r#"{"error":"invalid_client"}"#), true),
    ] {
        let mut attempts = Attempts::new(live());
        let refused = refusal(attempts.reads(0, "text", &response));
        assert_eq!(attempts.known.refused_until().is_some(), counts, "{refused}");
        assert_eq!(refused.is_live(), counts, "{refused}");
        assert_eq!(attempts.sends(1, "text"), !counts, "{refused}");
        assert!(!counts || refused.class() == Class::Permanent, "{refused}");
    }
}

#[test]
fn a_failure_that_is_not_for_good_leaves_the_refused_text_where_it_is() {
    let mut attempts = Attempts::new(live());
    attempts.reads(0, "stale", &invalid_client());
    let until = attempts.known.refused_until();
    attempts.reads(1, "other", &json(400, r#"{"error":"slow_down"}"#));
    attempts.reads(2, "other", &Response::new(503));
    let failed = sending(asking(attempts.begin(3)).answer(SecretText::new("other"))).1;
    let (outcome, known) = over(failed.failed(TransportError::ours(TransportErrorKind::Closed, "reset")));
    assert_eq!(refusal(outcome).class(), Class::Transient);
    assert_eq!(known, attempts.known);
    assert_eq!(known.refused_until(), until);
    assert!(!attempts.sends(9, "stale"));
}

// I40
#[test]
fn what_cannot_be_read_ends_the_attempt_and_leaves_what_is_known() {
    let mut attempts = Attempts::new(live());
    attempts.reads(0, "stale", &invalid_client());
    for problem in [SourceError::Missing, SourceError::TimedOut, SourceError::NotText] {
        let asking = asking(attempts.begin(1));
        let cannot = Unready::new(asking.ask().clone(), problem).read_from("/run/secrets/a");
        let (outcome, known) = over(asking.unanswered(cannot.clone()));
        assert_eq!(unready(outcome), cannot);
        assert_eq!(known, attempts.known);
    }
}

#[test]
fn what_no_request_can_carry_says_where_it_was_read_and_not_what() {
    for (client, ask, field) in [
        (live(), Ask::ClientSecret, "client_secret"),
        (asserting(), Ask::Assertion, "client_assertion"),
        (
            builder(ClientAuth::none("id").unwrap()).live_param("password").build().unwrap(),
            Ask::Parameter("password".into()),
            "a parameter's value",
        ),
    ] {
        let mut attempts = Attempts::new(client);
        let torn = || SecretText::new("SENTINEL\nSENTINEL").read_from("/run/secrets/a");
        let cannot = unready(attempts.reads(0, torn(), &token()));
        assert_eq!(cannot.ask(), Some(&ask));
        assert_eq!(cannot.source_name().map(Excerpt::as_str), Some("/run/secrets/a"));
        assert_eq!(cannot.config(), Some(&ConfigError::ControlCharacter { field, at: 8 }));
        assert!(cannot.class() == Class::Permanent && cannot.is_live());
        let costly = unready(attempts.reads(0, torn().costly(), &token()));
        assert!(!costly.is_live());
        assert!(!format!("{cannot} {cannot:?} {costly}").contains("SENTINEL"));
        let empty = unready(attempts.reads(0, "", &token()));
        assert_eq!(empty.config(), Some(&ConfigError::Empty { field }));
        assert_eq!(attempts.known, Known::new(&Policy::new()));
    }
}

#[test]
fn a_parameter_that_was_read_is_no_credential() {
    let auth = ClientAuth::basic("id", "s3cr3t").unwrap();
    let mut attempts = Attempts::new(builder(auth).live_param("password").build().unwrap());
    let refused = refusal(attempts.reads(0, "text", &invalid_client()));
    assert!(!refused.is_live());
    assert_eq!(attempts.known.refused_until(), None);
    assert!(attempts.sends(0, "text"));
}

#[test]
fn a_kept_refusal_says_nothing_of_when_to_ask_again() {
    let mut attempts = Attempts::new(live());
    let response = invalid_client().with_header("Retry-After", b"60");
    let refused = refusal(attempts.reads(0, "stale", &response));
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(60)));
    let Outcome::HeldBack(kept) = attempts.reads(1, "stale", &token()) else { panic!("it is sent") };
    assert_eq!(kept.retry_after(), None);
    assert_eq!(kept.to_string(), refused.to_string());
    assert!(kept.is_live() && kept.class() == Class::Permanent);
}

#[test]
fn the_refusal_of_the_held_back_text_is_told_whatever_failed_in_between() {
    let mut attempts = Attempts::new(live());
    let refused = refusal(attempts.reads(0, "stale", &invalid_client()));
    let asking = asking(attempts.begin(1));
    let missing = Unready::new(Ask::ClientSecret, SourceError::Missing);
    let (_, known) = over(asking.unanswered(missing));
    attempts.known = known;
    attempts.reads(2, "other", &Response::new(503));
    let outcome = attempts.reads(3, "stale", &token());
    assert!(matches!(&outcome, Outcome::HeldBack(kept) if *kept == refused), "{outcome:?}");
}

#[test]
fn a_refused_assertion_says_what_it_says_of_itself_by_the_servers_clock() {
    let claims = format!(r#"{{"exp":{},"aud":["https://other.example","b"],"sub":"job:1"}}"#, NOON + 100);
    let assertion = || SecretText::new(&jwt(&claims)).read_from("/var/run/token");
    let trust = "check with the server's operator that it trusts whoever signs the client assertion, with this \
                 audience and this subject";
    let renew = "see to it that a new client assertion is written in time, and check this machine's clock";
    for (date, advice, says) in [
        // This machine's clock is right.
        (
            "Mon, 23 Nov 2026 12:00:00 GMT",
            trust,
            "has the audience https://other.example, b and the subject job:1",
        ),
        // It is five minutes behind the server's, for which the assertion has ended.
        ("Mon, 23 Nov 2026 12:05:00 GMT", renew, "ended 3 min 20 s ago: its writer seems to have stopped"),
    ] {
        let mut attempts = Attempts::new(asserting());
        let response = json(401, r#"{"error":"invalid_client"}"#).with_header("Date", date.as_bytes());
        let refused = refusal(attempts.reads(0, assertion(), &response));
        assert_eq!(
            refused.to_string(),
            format!(
                "the authorization server refused with invalid_client (http 401); {advice}; the client assertion in \
                 /var/run/token {says}"
            )
        );
    }
    let refused = refusal(Attempts::new(asserting()).reads(0, "opaque", &invalid_client()));
    assert!(refused.to_string().ends_with("; the client assertion is no JWT that can be read"), "{refused}");
    // A secret is no JWT, whatever it looks like.
    let refused = refusal(Attempts::new(live()).reads(0, assertion(), &invalid_client()));
    assert_eq!(
        refused.to_string(),
        "the authorization server refused with invalid_client (http 401): wrong secret; check the client id, the client \
         secret and the authentication method with the server's operator; the client secret in /var/run/token is read \
         again for each request"
    );
}

#[test]
fn no_claim_of_an_assertion_repeats_another_secret() {
    let auth = ClientAuth::assertion("id", AssertionKind::JWT_BEARER).unwrap();
    let client = builder(auth).param("password", "SENTINEL-1").header("x-key", "SENTINEL-2").build().unwrap();
    let claims = r#"{"aud":"for SENTINEL-1","sub":"SENTINEL-2"}"#;
    let refused = refusal(Attempts::new(client).reads(0, &*jwt(claims), &invalid_client()));
    assert!(!format!("{refused} {refused:?}").contains("SENTINEL"), "{refused}");
    assert!(
        refused.to_string().contains("the audience for [redacted] and the subject [redacted]"),
        "{refused}"
    );
}

#[test]
fn an_assertion_is_sent_without_a_secret_and_without_an_authorization_header() {
    let kind = |uri| AssertionKind::parse(uri).unwrap();
    let own = "urn:example:client-assertion-type:card";
    for (kind, uri) in [
        (AssertionKind::JWT_BEARER, "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"),
        (AssertionKind::JWT_SPIFFE, "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-spiffe"),
        (kind(own), "urn%3Aexample%3Aclient-assertion-type%3Acard"),
    ] {
        for names_client in [true, false] {
            let auth = ClientAuth::assertion("my id", kind.clone()).unwrap();
            let auth = if names_client { auth } else { auth.without_client_id() };
            for format in [BodyFormat::Form, BodyFormat::Json] {
                let provider = Provider::rfc6749("https://as.example/token").unwrap().with_body(format);
                let client = Client::builder(provider, auth.clone()).scope("a").build().unwrap();
                assert_eq!(client.asks().collect::<Vec<_>>(), [Ask::Assertion]);
                let attempts = Attempts::new(client);
                let next = asking(attempts.begin(0)).answer(SecretText::new("a.b+c.d"));
                let (request, _) = sending(next);
                assert!(request.headers().all(|(name, _)| name != "authorization"));
                let body = core::str::from_utf8(request.body()).unwrap();
                let id = if names_client { "client_id=my+id&" } else { "" };
                let form = format!(
                    "grant_type=client_credentials&{id}client_assertion_type={uri}&client_assertion=a.b%2Bc.d&scope=a"
                );
                let json_id = if names_client { r#""client_id":"my id","# } else { "" };
                let json = format!(
                    "{{\"grant_type\":\"client_credentials\",{json_id}\"client_assertion_type\":\"{}\",\
                     \"client_assertion\":\"a.b+c.d\",\"scope\":\"a\"}}",
                    kind.uri()
                );
                assert_eq!(body, if format == BodyFormat::Form { form } else { json });
            }
        }
    }
}

#[test]
fn a_secret_that_was_read_is_sent_as_a_fixed_one_is() {
    type Fixed = fn(&str, &str) -> Result<ClientAuth, ConfigError>;
    type Live = fn(&str) -> Result<ClientAuth, ConfigError>;
    let methods: [(Fixed, Live); 3] = [
        (ClientAuth::basic, ClientAuth::basic_live),
        (ClientAuth::basic_raw, ClientAuth::basic_raw_live),
        (ClientAuth::post, ClientAuth::post_live),
    ];
    for (fixed, live) in methods {
        let fixed = builder(fixed("id", "s3cr3t/+ ä").unwrap()).build().unwrap();
        let attempts = Attempts::new(builder(live("id").unwrap()).build().unwrap());
        let (request, sent) = sending(asking(attempts.begin(0)).answer(SecretText::new("s3cr3t/+ ä")));
        assert_same(&request, &fixed.request(at(0)).unwrap());
        assert_eq!(sent.client(), &fixed);
    }
}

/// Everything that can be printed of these attempts.
fn everything_shown(client: &Client, answers: &[&str], respond: impl Fn() -> Response) -> Vec<String> {
    let mut shown = Vec::new();
    let mut known = Known::new(&Policy::new());
    for _ in 0..2 {
        let mut next = Attempt::begin(client, Seed::new(at(0)), &known);
        let mut answers = answers.iter();
        loop {
            shown.push(format!("{next:?} {next:#?}"));
            next = match next {
                Move::Ask(asking) => {
                    shown.push(format!("{asking:?} {}", asking.ask()));
                    asking.answer(SecretText::new(answers.next().unwrap()))
                }
                Move::Send(request, sent) => {
                    shown.push(format!("{request:?} {sent:?} {:?}", sent.client()));
                    sent.received(&respond(), at(1))
                }
                Move::Done(outcome, learnt) => {
                    known = learnt;
                    if let Outcome::Refused(refusal) | Outcome::HeldBack(refusal) = outcome {
                        shown.push(format!("{refusal}"));
                        let cause = Cause::Refused(refusal.into());
                        shown.push(format!("{cause} {cause:?} {}", cause.summary()));
                    }
                    break;
                }
            };
        }
    }
    shown
}

// I29, I42
#[test]
fn nothing_that_is_shown_of_an_attempt_has_what_was_read_in_it() {
    let auths = [ClientAuth::basic_live, ClientAuth::basic_raw_live, ClientAuth::post_live]
        .map(|auth| auth("id").unwrap());
    let assertion = ClientAuth::assertion("id", AssertionKind::JWT_BEARER).unwrap();
    for auth in auths.into_iter().chain([assertion]) {
        let client = builder(auth).live_param("password").build().unwrap();
        let secret = "SENTINEL-header.SENTINEL-payload/+.SENTINEL-signature";
        let password = "SENTINEL-password";
        let echoes = [
            secret.to_string(),
            format!("got {password}"),
            "got SENTINEL-payload/+ there".into(),
            "got SENTINEL-payload%2F%2B there".into(),
        ];
        let is_assertion = matches!(client.asks().next(), Some(Ask::Assertion));
        for echo in echoes.iter().take(if is_assertion { 4 } else { 2 }) {
            for code in ["invalid_client", "invalid_scope"] {
                let body = serde_json::json!({ "error": code, "error_description": echo }).to_string();
                for shown in everything_shown(&client, &[secret, password], || json(401, &body)) {
                    assert!(!shown.contains("SENTINEL"), "{shown}");
                }
            }
            let sent = asking(
                asking(Attempt::begin(&client, Seed::new(at(0)), &Known::new(&Policy::new())))
                    .answer(SecretText::new(secret)),
            )
            .answer(SecretText::new(password));
            let error = TransportError::new(TransportErrorKind::Closed, echo, &[]);
            let (outcome, _) = over(sending(sent).1.failed(error));
            let refused = refusal(outcome);
            assert!(!format!("{refused} {refused:?}").contains("SENTINEL"), "{refused}");
            assert!(matches!(refused.problem(), Problem::Transport(_)));
        }
    }
}

#[test]
fn a_transport_of_ours_keeps_its_words() {
    let attempts = Attempts::new(live());
    let next = asking(attempts.begin(0)).answer(SecretText::new("timeout"));
    let error = TransportError::ours(TransportErrorKind::Timeout, "no answer within the timeout");
    let refused = refusal(over(sending(next).1.failed(error.clone())).0);
    assert_eq!(refused, error.into());
}
