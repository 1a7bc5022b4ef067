//! Token endpoints that are found out, and certificates.

use super::*;
use crate::binding::Binding;
use crate::error::MetadataFault;
use crate::thumbprint::Thumbprint;

const ISSUER: &str = "https://as.example/erp";
const PLACE: &str = "https://as.example/erp/.well-known/openid-configuration";
const DAY: u64 = 24 * 3600;

fn discovered(auth: ClientAuth) -> Client {
    Client::builder(Provider::discovered(ISSUER).unwrap(), auth).build().unwrap()
}

fn posting() -> Client {
    discovered(ClientAuth::post("id", "SENTINEL-fixed-secret").unwrap())
}

fn metadata(endpoint: &str, more: &str) -> Response {
    json(200, &format!(r#"{{"issuer":"{ISSUER}","token_endpoint":"{endpoint}"{more}}}"#))
}

/// What one attempt sent, and what came of it.
#[derive(Debug)]
struct Flown {
    outcome: Outcome,
    sent: Vec<(&'static str, String)>,
}

impl Attempts {
    /// An attempt whose requests are answered so, one after the other; `None` for no answer.
    fn flies(&mut self, seconds: u64, answers: impl IntoIterator<Item = Option<Response>>) -> Flown {
        let (mut answers, mut sent) = (answers.into_iter(), Vec::new());
        let mut next = self.begin(seconds);
        let (outcome, known) = loop {
            next = match next {
                Move::Ask(asking) => panic!("{asking:?}"),
                Move::Send(request, under_way) => {
                    sent.push((request.method(), request.url().into()));
                    match answers.next().expect("no more requests than that") {
                        Some(response) => under_way.received(&response, at(seconds)),
                        None => under_way
                            .failed(TransportError::ours(TransportErrorKind::Connect, "nobody there")),
                    }
                }
                Move::Done(outcome, known) => break (outcome, known),
            };
        };
        assert!(answers.next().is_none(), "fewer requests than that");
        self.known = known;
        Flown { outcome, sent }
    }
}

fn is_granted(flown: &Flown) -> bool {
    matches!(flown.outcome, Outcome::Granted(_))
}

// Conforms: R-8414-3-c
#[test]
fn metadata_is_asked_for_first_and_nothing_of_the_client_goes_with_it() {
    let provider = Provider::discovered(ISSUER).unwrap();
    let auth = ClientAuth::basic("id", "SENTINEL-fixed-secret").unwrap();
    let builder =
        Client::builder(provider, auth).param("a", "SENTINEL-parameter").header("X-Key", "SENTINEL-header");
    let attempts = Attempts::new(builder.build().unwrap());
    let (request, sent) = sending(attempts.begin(0));
    assert_eq!((request.method(), request.url(), request.body()), ("GET", PLACE, &b""[..]));
    let headers: Vec<(&str, &str)> = request.headers().collect();
    let agent = concat!("evergrant/", env!("CARGO_PKG_VERSION"));
    let expected = [
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("cache-control", "no-store"),
        ("user-agent", agent),
    ];
    assert_eq!(headers, expected);
    let endpoint = "https://tokens.example/token?v=2";
    let (request, sent) = sending(sent.received(&metadata(endpoint, ""), at(1)));
    assert_eq!((request.method(), request.url()), ("POST", endpoint));
    assert_eq!(sent.client().provider().token_endpoint().map(crate::Endpoint::url), Some(endpoint));
    assert!(request.headers().any(|(name, _)| name == "x-key"));
    let (outcome, known) = over(sent.received(&token(), at(2)));
    assert!(matches!(outcome, Outcome::Granted(_)));
    assert_eq!(known.metadata().unwrap().token_endpoint().url(), endpoint);
}

// Conforms: R-8414-3-d
#[test]
fn i34_metadata_is_kept_for_a_day_and_asked_for_again_by_the_next_flight() {
    let mut attempts = Attempts::new(posting());
    let first = attempts.flies(0, [Some(metadata("https://as.example/one", "")), Some(token())]);
    assert_eq!(first.sent, [("GET", PLACE.into()), ("POST", "https://as.example/one".into())]);
    let kept = attempts.flies(DAY - 1, [Some(token())]);
    assert_eq!(kept.sent, [("POST", "https://as.example/one".into())]);
    let anew = attempts.flies(DAY, [Some(metadata("https://as.example/two", "")), Some(token())]);
    assert_eq!(anew.sent, [("GET", PLACE.into()), ("POST", "https://as.example/two".into())]);
}

// Conforms: R-8414-3-d
#[test]
fn i40_metadata_that_cannot_be_had_again_stays_good_and_is_asked_for_once_a_minute() {
    let mut attempts = Attempts::new(posting());
    assert!(is_granted(&attempts.flies(0, [Some(metadata("https://as.example/one", "")), Some(token())])));
    let failures = [
        None,
        Some(Response::new(503)),
        Some(Response::new(404)),
        Some(json(200, r#"{"issuer":"https://evil.example","token_endpoint":"https://evil.example/token"}"#)),
        Some(json(200, "{")),
    ];
    for (round, failure) in failures.into_iter().enumerate() {
        let seconds = DAY + round as u64 * 60;
        let flown = attempts.flies(seconds, [failure, Some(token())]);
        assert!(is_granted(&flown));
        assert_eq!(flown.sent[1], ("POST", "https://as.example/one".into()));
        assert_eq!(attempts.known.metadata_failing_since(), Some(at(DAY).wall), "since the first time");
        assert_eq!(attempts.flies(seconds + 59, [Some(token())]).sent.len(), 1);
    }
    let healed = attempts.flies(DAY + 600, [Some(metadata("https://as.example/two", "")), Some(token())]);
    assert!(is_granted(&healed));
    assert_eq!(attempts.known.metadata_failing_since(), None);
}

#[test]
fn a_request_of_metadata_can_be_done_without_where_older_metadata_is_kept() {
    let mut attempts = Attempts::new(posting());
    let (_, sent) = sending(attempts.begin(0));
    assert!(!sent.is_dispensable());
    attempts.flies(0, [Some(metadata("https://as.example/one", "")), Some(token())]);
    let (request, sent) = sending(attempts.begin(DAY));
    assert!(request.method() == "GET" && sent.is_dispensable());
    let error = TransportError::ours(TransportErrorKind::Timeout, "none");
    let (request, sent) = sending(sent.failed(error));
    assert!(request.method() == "POST" && !sent.is_dispensable());
}

// Conforms: R-8414-3-d
#[test]
fn an_answer_of_a_wrong_place_makes_the_next_flight_ask_where_it_is() {
    let gone = [
        Response::new(404),
        Response::new(410),
        Response::new(405),
        Response::new(307).with_header("Location", b"https://as.example/two"),
        invalid_client(),
    ];
    for answer in gone {
        let mut attempts = Attempts::new(posting());
        assert!(is_granted(
            &attempts.flies(0, [Some(metadata("https://as.example/one", "")), Some(token())])
        ));
        let refused = attempts.flies(100, [Some(answer)]);
        assert!(matches!(refused.outcome, Outcome::Refused(_)));
        let moved = attempts.flies(110, [Some(metadata("https://as.example/two", "")), Some(token())]);
        assert_eq!(moved.sent[1], ("POST", "https://as.example/two".into()));
    }
    // At most once a minute: right after it was asked for, there is nothing new to hear.
    let mut attempts = Attempts::new(posting());
    attempts.flies(0, [Some(metadata("https://as.example/one", "")), Some(Response::new(404))]);
    assert_eq!(attempts.flies(10, [Some(Response::new(404))]).sent.len(), 1);
    assert_eq!(
        attempts
            .flies(60, [Some(metadata("https://as.example/one", "")), Some(Response::new(404))])
            .sent
            .len(),
        2
    );
    // Other refusals say nothing of the place.
    for answer in [Response::new(503), json(400, r#"{"error":"invalid_scope"}"#), Response::new(403)] {
        let mut attempts = Attempts::new(posting());
        attempts.flies(0, [Some(metadata("https://as.example/one", "")), Some(answer)]);
        assert_eq!(attempts.flies(100, [Some(token())]).sent.len(), 1);
    }
}

#[test]
fn an_error_of_an_endpoint_that_nobody_configured_says_where_it_is() {
    let redirect = || Response::new(302).with_header("Location", b"https://as.example/two");
    let page = |status| {
        Response::new(status).with_header("Content-Type", b"text/html").with_body(b"<html>".to_vec())
    };
    for (answer, has_place) in [
        (None, true),
        (Some(Response::new(404)), true),
        (Some(page(404)), true),
        (Some(page(200)), true),
        (Some(redirect()), true),
        // The server's own words need no place.
        (Some(invalid_client()), false),
    ] {
        let mut attempts = Attempts::new(posting());
        let flown = attempts.flies(0, [Some(metadata("https://as.example/one?tenant=SENTINEL", "")), answer]);
        let refusal = refusal(flown.outcome);
        let said = refusal.summary().to_string();
        let place = "; the server's metadata names the token endpoint https://as.example/one";
        assert_eq!(said.ends_with(place), has_place, "{said}");
        assert!(!refusal.to_string().contains("SENTINEL"), "{refusal}");
    }
    // Whoever has configured it knows it.
    let provider = Provider::rfc6749("https://as.example/one").unwrap();
    let auth = ClientAuth::post("id", "secret").unwrap();
    let mut attempts = Attempts::new(Client::builder(provider, auth).build().unwrap());
    let said = refusal(attempts.flies(0, [None]).outcome).to_string();
    assert!(!said.contains("metadata"), "{said}");
}

// Conforms: R-8414-3.3-a, A-23
#[test]
fn i39_without_metadata_of_the_issuer_no_credential_leaves() {
    let evil = r#"{"issuer":"https://evil.example","token_endpoint":"https://evil.example/token"}"#;
    for (answer, class) in [
        (Some(json(200, evil)), Class::Permanent),
        (Some(Response::new(404)), Class::Permanent),
        (Some(Response::new(302).with_header("Location", b"https://evil.example")), Class::Permanent),
        (Some(Response::new(503)), Class::Transient),
        (None, Class::Transient),
    ] {
        let mut attempts = Attempts::new(posting());
        let flown = attempts.flies(0, [answer]);
        let refused = refusal(flown.outcome);
        assert_eq!(refused.class(), class);
        assert!(matches!(refused.problem(), Problem::Metadata { .. }));
        assert!(!refused.is_live(), "no credential was refused");
        assert!(attempts.known.metadata().is_none() && attempts.known.refused_until().is_none());
        // Nothing is kept: each flight asks.
        assert_eq!(
            attempts.flies(1, [Some(metadata("https://as.example/one", "")), Some(token())]).sent.len(),
            2
        );
    }
}

#[test]
fn a_missing_document_names_the_other_places() {
    let mut attempts = Attempts::new(posting());
    let refused = refusal(attempts.flies(0, [Some(Response::new(404))]).outcome);
    assert_eq!(
        refused.to_string(),
        format!(
            "the authorization server's metadata cannot be had from {PLACE} (http 404): the server answered without it; check \
             the issuer; where the metadata is elsewhere, use the other form of its address (OpenID Connect's or RFC 8414's) \
             or name that address, or set the token endpoint itself"
        )
    );
    let Problem::Metadata { fault, .. } = refused.problem() else { panic!("{refused}") };
    assert_eq!(**fault, MetadataFault::Status);
}

#[test]
fn the_date_of_metadata_tells_no_clock() {
    let mut attempts = Attempts::new(posting());
    let old = metadata("https://as.example/one", "").with_header("Date", b"Mon, 23 Nov 2026 06:00:00 GMT");
    attempts.flies(0, [Some(old), Some(token())]);
    assert_eq!(attempts.known.clock(), None, "a cache serves it hours later");
}

#[test]
fn the_short_form_does_not_know_the_place() {
    let error = posting().request(at(0)).unwrap_err();
    assert_eq!(error, ConfigError::NeedsAttempt { field: "token_endpoint" });
}

#[test]
fn a_key_is_of_the_issuer_and_of_where_its_metadata_is() {
    let auth = || ClientAuth::none("id").unwrap();
    let client = |provider| Client::builder(provider, auth()).build().unwrap().key();
    let discovered = Provider::discovered(ISSUER).unwrap();
    let keys = [
        client(discovered.clone()),
        client(discovered.clone().rfc8414().unwrap()),
        client(discovered.clone().with_metadata_at("https://cdn.example/as.json").unwrap()),
        client(Provider::rfc6749(PLACE).unwrap()),
    ];
    for (place, key) in keys.iter().enumerate() {
        assert_eq!(keys.iter().position(|other| other == key), Some(place));
    }
    assert_eq!(keys[0], client(discovered.with_metadata_age(Duration::from_secs(3600))));
}

// Conforms: R-8705-b
#[test]
fn the_alias_is_for_a_client_that_shows_a_certificate_and_for_no_other() {
    let aliased = || {
        metadata(
            "https://as.example/one",
            r#","mtls_endpoint_aliases":{"token_endpoint":"https://mtls.example/one"}"#,
        )
    };
    let mut plain = Attempts::new(posting());
    assert_eq!(plain.flies(0, [Some(aliased()), Some(token())]).sent[1].1, "https://as.example/one");
    let thumbprint = Thumbprint::new([5; 32]);
    for client in [discovered(ClientAuth::tls("id").unwrap()), posting().with_certificate().unwrap()] {
        let attempts = Attempts::new(client);
        let asking = asking(attempts.begin(0));
        assert_eq!(*asking.ask(), Ask::Certificate);
        let (_, sent) = sending(asking.answer(thumbprint.into()));
        let (request, _) = sending(sent.received(&aliased(), at(0)));
        assert_eq!(request.url(), "https://mtls.example/one");
    }
}

// Conforms: R-8705-a
#[test]
fn a_certificate_proves_the_client_with_its_id_in_the_body_and_nothing_else() {
    let provider = Provider::rfc6749("https://as.example/token").unwrap();
    let client = Client::builder(provider, ClientAuth::tls("erp").unwrap()).build().unwrap();
    let attempts = Attempts::new(client);
    let (request, sent) = sending(asking(attempts.begin(0)).answer(Thumbprint::new([5; 32]).into()));
    assert_eq!(request.body(), b"grant_type=client_credentials&client_id=erp");
    assert!(request.headers().all(|(name, _)| name != "authorization"));
    let (outcome, _) = over(sent.received(&json(401, r#"{"error":"invalid_client"}"#), at(0)));
    assert_eq!(
        refusal(outcome).to_string(),
        "the authorization server refused with invalid_client (http 401); check with the server's operator which certificate it \
         expects of this client; the client certificate was shown"
    );
}

#[test]
fn a_connection_that_breaks_beside_a_certificate_may_be_its_refusal() {
    use TransportErrorKind::{Closed, Connect, Tls};
    let of_server =
        "check with the server's operator which certificate it expects of this client: many servers";
    let provider = || Provider::rfc6749("https://as.example/token").unwrap();
    let client = |auth| Client::builder(provider(), auth).build().unwrap();
    for (kind, beside, alone) in [
        (Closed, of_server, "check that the token endpoint is reachable from this machine"),
        (Tls, "if the server sent the alert, check with its operator", "check the server's certificate"),
        (Connect, "check that the token endpoint is reachable", "check that the token endpoint is reachable"),
    ] {
        let advice = |sent: Sent<'_>| refusal(over(sent.failed(TransportError::ours(kind, "x"))).0).advice();
        let attempts = Attempts::new(client(ClientAuth::tls("erp").unwrap()));
        let (_, sent) = sending(asking(attempts.begin(0)).answer(Thumbprint::new([5; 32]).into()));
        let said = advice(sent);
        assert!(said.starts_with(beside), "{said}");
        let attempts = Attempts::new(client(ClientAuth::none("erp").unwrap()));
        let said = advice(sending(attempts.begin(0)).1);
        assert!(said.starts_with(alone), "{said}");
    }
}

#[test]
fn i36_a_refused_certificate_is_not_shown_again_until_it_is_another_one() {
    let provider = Provider::rfc6749("https://as.example/token").unwrap();
    let client = Client::builder(provider, ClientAuth::tls("erp").unwrap()).build().unwrap();
    let mut attempts = Attempts::new(client);
    let shown = |number: u8| SecretText::from(Thumbprint::new([number; 32])).read_from("/run/tls.crt");
    assert!(refusal(attempts.reads(0, shown(1), &invalid_client())).is_live());
    assert!(!attempts.sends(1, shown(1)) && attempts.sends(1, shown(2)));
    // Beside a secret it is the secret that was refused.
    let both = live().with_certificate().unwrap();
    let attempts = Attempts::new(both);
    let secret = asking(asking(attempts.begin(0)).answer(shown(1)));
    assert_eq!(*secret.ask(), Ask::ClientSecret);
}

#[test]
fn a_client_that_is_made_one_by_certificate_asks_for_it() {
    let client = live().with_auth(ClientAuth::tls("erp").unwrap());
    let attempts = Attempts::new(client);
    assert_eq!(*asking(attempts.begin(0)).ask(), Ask::Certificate);
}

#[test]
fn what_is_no_thumbprint_is_refused() {
    let client = live().with_certificate().unwrap();
    let attempts = Attempts::new(client);
    let (outcome, _) = over(asking(attempts.begin(0)).answer(SecretText::new("a certificate")));
    assert_eq!(unready(outcome).config(), Some(&ConfigError::Thumbprint));
}

#[test]
fn a_client_with_a_certificate_needs_https() {
    let plain = || Provider::rfc6749("http://127.0.0.1:1/token").unwrap();
    let error = Client::builder(plain(), ClientAuth::tls("id").unwrap()).build().unwrap_err();
    assert_eq!(error, ConfigError::TlsRequired);
    let client = Client::builder(plain(), ClientAuth::none("id").unwrap()).build().unwrap();
    assert_eq!(client.with_certificate().unwrap_err(), ConfigError::TlsRequired);
}

// Conforms: R-8705-f
#[test]
fn i44_a_token_is_bound_where_the_user_or_the_token_says_so() {
    let ours = Thumbprint::new([5; 32]);
    let bound = |token: &str, is_bound: bool, hint: bool| {
        let provider = Provider::rfc6749("https://as.example/token").unwrap();
        let builder = Client::builder(provider, ClientAuth::tls("erp").unwrap());
        let client = builder.certificate_bound(is_bound).jwt_hint(hint).build().unwrap();
        let attempts = Attempts::new(client);
        let (_, sent) = sending(asking(attempts.begin(0)).answer(ours.into()));
        let body = format!(r#"{{"access_token":"{token}","expires_in":3600}}"#);
        match over(sent.received(&json(200, &body), at(0))).0 {
            Outcome::Granted(grant) => grant.binding(),
            other => panic!("{other:?}"),
        }
    };
    let says = |thumbprint: Thumbprint| {
        jwt(&format!(r#"{{"exp":{},"cnf":{{"jkt":"x","x5t#S256":"{thumbprint}"}}}}"#, NOON + 600))
    };
    let certificate = Binding::Certificate(ours);
    assert_eq!(bound("opaque", false, true), Binding::None);
    assert_eq!(bound("opaque", true, true), certificate);
    assert_eq!(bound(&says(ours), false, true), certificate);
    assert_eq!(bound(&says(ours), false, false), Binding::None);
    assert_eq!(bound(&says(Thumbprint::new([6; 32])), false, true), Binding::None);
    assert_eq!(bound(&jwt(r#"{"exp":1,"cnf":7}"#), false, true), Binding::None);
}

// Conforms: A-24, R-7523-d
#[test]
fn no_audience_is_learnt_from_an_answer() {
    use crate::assertion::{AssertionAudience, AssertionForm};
    let form = AssertionForm::new().with_audience(AssertionAudience::TokenEndpoint);
    let signing = |provider: Provider| {
        Client::builder(
            provider.with_assertion_form(form.clone()),
            ClientAuth::private_key_jwt("id").unwrap(),
        )
        .build()
    };
    assert_eq!(signing(Provider::discovered(ISSUER).unwrap()).unwrap_err(), ConfigError::AssertionAudience);
    assert!(signing(Provider::rfc6749("https://as.example/token").unwrap()).is_ok());
    // Who signs nothing has no audience.
    let posting = Provider::discovered(ISSUER).unwrap().with_assertion_form(form.clone());
    assert!(
        Client::builder(posting, ClientAuth::post("id", "a secret of some length").unwrap()).build().is_ok()
    );
    // It is the configured issuer, wherever the token endpoint turns out to be.
    let client = discovered(ClientAuth::private_key_jwt("id").unwrap());
    let attempts = Attempts::new(client);
    let (_, sent) = sending(attempts.begin(0));
    let asking = asking(sent.received(&metadata("https://honest.example/token", ""), at(0)));
    assert_eq!(&*asking.unsigned().unwrap().audience, ISSUER);
}

#[test]
fn a_key_that_was_refused_at_the_old_endpoint_is_sent_to_the_new_one_in_the_same_flight() {
    use crate::signature::{Algorithm, KeyInfo, Signature};
    let client = discovered(ClientAuth::private_key_jwt("id").unwrap());
    let fly = |known: &mut Known, seconds: u64, document: Option<&str>, response: Response| {
        let mut next = Attempt::begin(&client, Seed::new(at(seconds)), known);
        let (mut sent, mut document) = (None, document);
        let outcome = loop {
            next = match next {
                Move::Ask(asking) => {
                    let key = KeyInfo::new([Algorithm::Es256]).with_thumbprint(Thumbprint::new([1; 32]));
                    let input = asking.unsigned().unwrap().for_key(&key, [0; 16]).unwrap();
                    asking.answer(input.signed(&Signature::new([1; 64])).unwrap())
                }
                Move::Send(request, under_way) if request.method() == "GET" => {
                    let endpoint = document.take().expect("metadata is asked for once");
                    under_way.received(&metadata(endpoint, ""), at(seconds))
                }
                Move::Send(request, under_way) => {
                    sent = Some(String::from(request.url()));
                    under_way.received(&response, at(seconds))
                }
                Move::Done(outcome, learnt) => {
                    *known = learnt;
                    break outcome;
                }
            };
        };
        (outcome, sent)
    };
    let mut known = Known::new(&Policy::new());
    let (one, two) = ("https://as.example/one", "https://as.example/two");
    fly(&mut known, 0, Some(one), token());
    let (outcome, _) = fly(&mut known, 100, None, invalid_client());
    assert!(refusal(outcome).is_live());
    // The metadata that is asked for because of it says the same: the key is still refused.
    let same = fly(&mut known.clone(), 101, Some(one), token());
    assert!(matches!(same, (Outcome::HeldBack(_), None)), "{same:?}");
    let (outcome, sent) = fly(&mut known, 101, Some(two), token());
    assert!(matches!(outcome, Outcome::Granted(_)), "{outcome:?}");
    assert_eq!(sent.as_deref(), Some(two));
}

#[test]
fn what_one_client_found_out_others_of_the_server_take_up_and_nothing_else() {
    let mut first = Attempts::new(posting());
    let late = token().with_header("Date", b"Mon, 23 Nov 2026 13:00:00 GMT");
    first.flies(0, [Some(metadata("https://as.example/one", "")), Some(late)]);
    assert!(first.known.clock().is_some());
    let shared = first.known.metadata_alone().unwrap();
    assert_eq!((shared.refused_until(), shared.clock()), (None, None));
    let mut second = Attempts::new(posting());
    assert_eq!(second.known.metadata_alone(), None);
    second.known.adopt_metadata(&shared);
    assert_eq!(second.flies(100, [Some(token())]).sent, [("POST", "https://as.example/one".into())]);
    // What is newer stays.
    let mut third = Attempts::new(posting());
    third.flies(200, [Some(metadata("https://as.example/two", "")), Some(token())]);
    let newer = third.known.clone();
    third.known.adopt_metadata(&shared);
    assert_eq!(third.known, newer);
    second.known.adopt_metadata(&newer.metadata_alone().unwrap());
    assert_eq!(second.known.metadata().unwrap().token_endpoint().url(), "https://as.example/two");
    second.known.adopt_metadata(&Known::new(&Policy::new()));
    assert!(second.known.metadata().is_some());
}
