//! Assertions that the client signs itself.

use super::*;
use crate::assertion::{AssertionAudience, AssertionForm};
use crate::signature::{Algorithm, KeyInfo, Signature};
use crate::thumbprint::Thumbprint;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

const WRONG_CLOCK: &str = r#"{"error":"invalid_client","error_description":"exp is over"}"#;

fn signing() -> Client {
    let provider =
        Provider::rfc6749("https://as.example/token").unwrap().with_issuer("https://as.example").unwrap();
    Client::builder(provider, ClientAuth::private_key_jwt("erp").unwrap()).scope("orders").build().unwrap()
}

fn key(number: u8) -> KeyInfo {
    KeyInfo::new([Algorithm::Es256]).with_thumbprint(Thumbprint::new([number; 32]))
}

fn sign(asking: &Asking<'_>, key: &KeyInfo, jti: u8) -> SecretText {
    assert_eq!(*asking.ask(), Ask::Signature);
    let input = asking.unsigned().unwrap().for_key(key, [jti; 16]).unwrap();
    input.signed(&Signature::new([jti; 64])).unwrap().read_from("/run/keys/erp.pem")
}

/// The claims of what a request carries.
fn claims(request: &Request) -> Value {
    let body = core::str::from_utf8(request.body()).unwrap();
    let (_, assertion) =
        form_urlencoded::parse(body.as_bytes()).find(|(name, _)| name == "client_assertion").unwrap();
    let payload = assertion.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

impl Attempts {
    /// An attempt that this key signs; the claims of what was sent, if anything was.
    fn signs(&mut self, seconds: u64, key: &KeyInfo, response: &Response) -> (Outcome, Option<Value>) {
        let asking = asking(self.begin(seconds));
        let text = sign(&asking, key, seconds as u8);
        let (mut sent, next) = (None, asking.answer(text));
        let (outcome, known) = over(match next {
            Move::Send(request, under_way) => {
                sent = Some(claims(&request));
                under_way.received(response, at(seconds))
            }
            next => next,
        });
        self.known = known;
        (outcome, sent)
    }
}

// Conforms: R-7523-a
#[test]
fn a_request_has_the_assertion_and_no_other_proof() {
    let client = signing();
    let attempts = Attempts::new(client);
    let asking = asking(attempts.begin(0));
    let text = sign(&asking, &key(1), 7);
    let assertion = String::from(text.expose());
    let (request, sent) = sending(asking.answer(text));
    assert_eq!(
        core::str::from_utf8(request.body()).unwrap(),
        format!(
            "grant_type=client_credentials&client_id=erp\
             &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
             &client_assertion={assertion}&scope=orders"
        )
    );
    assert!(request.headers().all(|(name, _)| name != "authorization"));
    let (outcome, _) = over(sent.received(&token(), at(1)));
    assert!(matches!(outcome, Outcome::Granted(_)), "{outcome:?}");
}

#[test]
fn the_short_form_names_what_it_lacks() {
    let error = signing().request(at(0)).unwrap_err();
    assert_eq!(error, ConfigError::NeedsAttempt { field: "client_assertion" });
    assert!(signing().is_live() && signing().asks().next().is_none());
}

// Conforms: R-7523-j
#[test]
fn i41_an_assertion_lives_for_a_minute_by_the_servers_clock() {
    let date = |date: &str| token().with_header("Date", date.as_bytes());
    for (told, ahead) in [
        // As far as anybody knows, and off by what is negligible.
        (None, 0_i64),
        (Some("Mon, 23 Nov 2026 12:00:20 GMT"), 0),
        (Some("Mon, 23 Nov 2026 12:02:20 GMT"), 140),
        (Some("Mon, 23 Nov 2026 11:57:40 GMT"), -140),
    ] {
        let mut attempts = Attempts::new(signing());
        let answer = told.map_or_else(token, date);
        let (_, first) = attempts.signs(0, &key(1), &answer);
        let (_, second) = attempts.signs(100, &key(1), &answer);
        for (claims, now, ahead) in [(first.unwrap(), NOON, 0), (second.unwrap(), NOON + 100, ahead)] {
            let (iat, exp) = (claims["iat"].as_u64().unwrap(), claims["exp"].as_u64().unwrap());
            assert_eq!(exp - iat, 60);
            assert_eq!(iat, now.checked_add_signed(ahead).unwrap() - 5, "{told:?}");
        }
    }
}

// Conforms: R-7523-j
#[test]
fn a_wrong_clock_is_excused_once_and_the_second_flight_has_the_right_one() {
    for (date, ahead, off) in [
        ("Mon, 23 Nov 2026 12:02:20 GMT", 140_i64, "2 min 20 s behind"),
        ("Mon, 23 Nov 2026 11:57:40 GMT", -140, "2 min 20 s ahead of"),
    ] {
        let mut attempts = Attempts::new(signing());
        let refused = || json(401, WRONG_CLOCK).with_header("Date", date.as_bytes());
        let (outcome, _) = attempts.signs(0, &key(1), &refused());
        let first = refusal(outcome);
        assert_eq!((first.class(), first.is_live()), (Class::Transient, false));
        assert_eq!(first.clock(), attempts.known.clock());
        let said = first.to_string();
        let told = format!(
            "set this machine's clock; until then its requests go by the server's, from the next one on; this machine's clock is {off} the server's"
        );
        assert!(said.ends_with(&told), "{said}");
        assert_eq!(attempts.known.refused_until(), None, "the same key may try again");
        let (outcome, sent) = attempts.signs(1, &key(1), &refused());
        let second = refusal(outcome);
        assert_eq!((second.class(), second.clock()), (Class::Permanent, None));
        let iat = sent.unwrap()["iat"].as_u64().unwrap();
        assert_eq!(iat, (NOON + 1 - 5).checked_add_signed(ahead).unwrap());
        // It was not the clock.
        assert!(attempts.known.refused_until().is_some());
    }
}

#[test]
fn no_assertion_is_made_for_a_day_to_come() {
    for (date, ahead, excused) in [
        ("Tue, 24 Nov 2026 12:00:00 GMT", 24 * 3600, true),
        ("Tue, 24 Nov 2026 12:00:01 GMT", 0, false),
        ("Thu, 23 Nov 2028 12:00:00 GMT", 0, false),
        // One for a day that is over is good for nobody.
        ("Fri, 23 Nov 2018 12:00:00 GMT", -252_460_800, true),
    ] {
        let mut attempts = Attempts::new(signing());
        let refused = json(401, WRONG_CLOCK).with_header("Date", date.as_bytes());
        let (outcome, _) = attempts.signs(0, &key(1), &refused);
        assert_eq!(refusal(outcome).class() == Class::Transient, excused, "{date}");
        let (_, sent) = attempts.signs(11, &key(1), &token());
        let iat = sent.unwrap()["iat"].as_u64().unwrap();
        assert_eq!(iat, (NOON + 11 - 5).checked_add_signed(ahead).unwrap(), "{date}");
    }
}

#[test]
fn a_clock_that_changes_each_time_is_excused_once_until_a_token_is_granted() {
    let dates =
        ["Mon, 23 Nov 2026 12:05:00 GMT", "Mon, 23 Nov 2026 13:00:00 GMT", "Mon, 23 Nov 2026 14:00:00 GMT"];
    let mut attempts = Attempts::new(signing());
    let mut classes = Vec::new();
    for (at, date) in dates.iter().enumerate() {
        let answer = json(401, WRONG_CLOCK).with_header("Date", date.as_bytes());
        let (outcome, _) = attempts.signs(at as u64 * 400, &key(1), &answer);
        classes.push(refusal(outcome).class());
    }
    assert_eq!(classes, [Class::Transient, Class::Permanent, Class::Permanent]);
    let granted = token().with_header("Date", b"Mon, 23 Nov 2026 12:30:00 GMT");
    let (outcome, _) = attempts.signs(1800, &key(1), &granted);
    assert!(matches!(outcome, Outcome::Granted(_)));
    let answer = json(401, WRONG_CLOCK).with_header("Date", b"Mon, 23 Nov 2026 15:00:00 GMT");
    let (outcome, _) = attempts.signs(1801, &key(1), &answer);
    assert_eq!(refusal(outcome).class(), Class::Transient);
}

#[test]
fn no_other_refusal_and_no_other_method_is_excused_by_a_clock() {
    let late = |response: Response| response.with_header("Date", b"Mon, 23 Nov 2026 12:05:00 GMT");
    let mut attempts = Attempts::new(signing());
    let (outcome, _) = attempts.signs(0, &key(1), &late(json(400, r#"{"error":"invalid_scope"}"#)));
    assert_eq!(refusal(outcome).class(), Class::Permanent);
    let mut live = Attempts::new(live());
    assert_eq!(refusal(live.reads(0, "wrong", &late(invalid_client()))).class(), Class::Permanent);
    // A clock that is right excuses nothing.
    let mut attempts = Attempts::new(signing());
    let right = invalid_client().with_header("Date", b"Mon, 23 Nov 2026 12:00:10 GMT");
    assert_eq!(refusal(attempts.signs(0, &key(1), &right).0).class(), Class::Permanent);
}

#[test]
fn i36_a_refused_key_is_held_back_whatever_it_signs_and_another_is_sent_at_once() {
    let mut attempts = Attempts::new(signing());
    let (outcome, _) = attempts.signs(0, &key(1), &invalid_client());
    assert!(refusal(outcome).is_live());
    let (outcome, sent) = attempts.signs(1, &key(1), &token());
    assert!(matches!(outcome, Outcome::HeldBack(_)) && sent.is_none(), "{outcome:?}");
    let (outcome, sent) = attempts.signs(2, &key(2), &token());
    assert!(matches!(outcome, Outcome::Granted(_)) && sent.is_some(), "{outcome:?}");
    // Nobody knows whether the key of a service is another one: it is asked, and sent, at the pace of the machine.
    let remote = KeyInfo::new([Algorithm::Es256]);
    let mut attempts = Attempts::new(signing());
    for seconds in [0, 10] {
        let (outcome, sent) = attempts.signs(seconds, &remote, &invalid_client());
        assert!(sent.is_some() && !refusal(outcome).is_live());
    }
}

#[test]
fn a_refused_assertion_says_what_it_said_and_which_key_signed_it() {
    let mut attempts = Attempts::new(signing());
    let named = key(1).with_id("2026-11");
    let (outcome, _) = attempts.signs(0, &named, &json(401, r#"{"error":"invalid_client"}"#));
    assert_eq!(
        refusal(outcome).to_string(),
        "the authorization server refused with invalid_client (http 401); check with the server's operator that it has this \
         client's public key, by this key id, and expects this algorithm and this audience; the client assertion, \
         signed as client-authentication+jwt by ES256 with the key 2026-11 in /run/keys/erp.pem, has the audience \
         https://as.example and the subject erp, of the issuer erp"
    );
}

#[test]
fn advice_on_a_refused_assertion_names_what_it_lacks() {
    let endpoint = Provider::rfc6749("https://as.example/token").unwrap();
    let form = |audience| endpoint.clone().with_assertion_form(AssertionForm::new().with_audience(audience));
    for (provider, key, advice) in [
        (
            endpoint.clone(),
            key(1).with_id("a"),
            "name the server's issuer, which is whom its assertions are for",
        ),
        (
            endpoint.clone().with_issuer("https://as.example").unwrap(),
            key(1),
            "if it knows the key by an id (kid), say that",
        ),
        // Whoever chose another audience knows what they want.
        (
            form(AssertionAudience::TokenEndpoint),
            key(1).with_id("a"),
            "by this key id, and expects this algorithm and this audience",
        ),
        (
            form(AssertionAudience::Other("urn:as".into())),
            key(1),
            "if it knows the key by an id (kid), say that",
        ),
    ] {
        let auth = ClientAuth::private_key_jwt("erp").unwrap();
        let mut attempts = Attempts::new(Client::builder(provider, auth).build().unwrap());
        let (outcome, _) = attempts.signs(0, &key, &invalid_client());
        let said = refusal(outcome);
        assert!(said.advice().contains(advice), "{said}");
    }
}

// Conforms: R-7523-k
#[test]
fn i42_nothing_of_the_assertion_is_shown_when_a_server_repeats_it() {
    let mut attempts = Attempts::new(signing());
    let asking_one = asking(attempts.begin(0));
    let text = sign(&asking_one, &key(1), 7);
    let parts: Vec<String> = text.expose().split('.').map(String::from).collect();
    let echo = format!(
        r#"{{"error":"invalid_client","error_description":"bad {} or {}"}}"#,
        text.expose(),
        parts[2]
    );
    let (_, sent) = sending(asking_one.answer(text));
    let (outcome, known) = over(sent.received(&json(401, &echo), at(0)));
    let shown = format!("{outcome:?} {known:?} {}", refusal(outcome.clone()));
    assert!(parts.iter().all(|part| !shown.contains(part)), "{shown}");
    attempts.known = known;
    let asking_two = asking(attempts.begin(600));
    let text = sign(&asking_two, &key(2), 8);
    let whole = String::from(text.expose());
    let (_, sent) = sending(asking_two.answer(text));
    let error = TransportError::new(TransportErrorKind::Closed, &format!("sent {whole}"), &[]);
    let shown = format!("{:?}", sent.failed(error));
    assert!(!shown.contains(&whole) && shown.contains("redacted"), "{shown}");
}

#[test]
fn parameters_are_read_before_the_signature_is_asked_for() {
    let provider = Provider::rfc6749("https://as.example/token").unwrap();
    let auth = ClientAuth::client_secret_jwt("erp").unwrap();
    let client = Client::builder(provider, auth).live_param("tenant").build().unwrap();
    let attempts = Attempts::new(client);
    let parameter = asking(attempts.begin(0));
    assert_eq!(*parameter.ask(), Ask::Parameter("tenant".into()));
    assert!(parameter.unsigned().is_none());
    let signature = asking(parameter.answer(SecretText::new("a")));
    let hmac = KeyInfo::new([Algorithm::Hs256]);
    let input = signature.unsigned().unwrap().for_key(&hmac, [0; 16]).unwrap();
    let text = input.signed(&Signature::new([1; 32])).unwrap();
    let (request, sent) = sending(signature.answer(text));
    assert!(request.body().ends_with(b"&tenant=a"));
    assert_eq!(sent.client().auth().method(), "client_secret_jwt");
}

#[test]
fn what_no_request_can_carry_is_no_signature() {
    let attempts = Attempts::new(signing());
    let (outcome, _) = over(asking(attempts.begin(0)).answer(SecretText::new("a\nb")));
    let unready = unready(outcome);
    assert_eq!((unready.class(), unready.ask()), (Class::Permanent, Some(&Ask::Signature)));
}
