use super::*;

const FORM: &str = "application/x-www-form-urlencoded";

fn request(headers: &[(&str, &str)], body: &str) -> Request {
    Request {
        method: "POST".to_owned(),
        target: crate::site::TOKEN_PATH.to_owned(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: body.as_bytes().to_vec(),
        keep_alive: true,
        session: None,
    }
}

fn client(asked: &Asked) -> &Client {
    let Proof::Secret(client) = &asked.proof else { panic!("an assertion") };
    client
}

/// Whether Basic credentials, written so before base64, are those of this client.
fn basic_is(text: &str, id: &str, secret: &str) -> bool {
    let authorization = format!("Basic {}", STANDARD.encode(text));
    let request = request(
        &[("content-type", FORM), ("authorization", &authorization)],
        "grant_type=client_credentials",
    );
    Asked::read(&request).is_ok_and(|asked| client(&asked).is(id, secret))
}

#[test]
fn basic_credentials_are_form_encoded_or_not() {
    let (id, secret) = ("my id", "a+b%:&=c");
    assert!(basic_is("my id:a+b%:&=c", id, secret), "as they stand");
    assert!(basic_is("my+id:a%2Bb%25%3A%26%3Dc", id, secret), "as RFC 6749 2.3.1 has it");
    assert!(!basic_is("my id:a b%:&=c", id, secret));
    assert!(!basic_is("my id", id, secret));
}

#[test]
fn a_client_id_beside_basic_is_the_same_or_wrong() {
    let basic = format!("Basic {}", STANDARD.encode("one:secret"));
    let headers = [("content-type", FORM), ("authorization", basic.as_str())];
    let read =
        |id: &str| Asked::read(&request(&headers, &format!("grant_type=client_credentials&client_id={id}")));
    assert!(read("one").is_ok());
    assert!(matches!(read("two"), Err(Refusal::Request(_))));
}

#[test]
fn a_client_id_beside_form_encoded_basic_may_be_written_either_way() {
    let basic = format!("Basic {}", STANDARD.encode("my+id:secret"));
    let headers = [("content-type", FORM), ("authorization", basic.as_str())];
    for id in ["my+id", "my%2Bid", "your+id"] {
        let read = Asked::read(&request(&headers, &format!("grant_type=client_credentials&client_id={id}")));
        assert_eq!(read.is_ok(), id != "your+id", "{id}");
    }
}

#[test]
fn two_authorizations_are_one_too_many() {
    let basic = format!("Basic {}", STANDARD.encode("one:secret"));
    let headers =
        [("content-type", FORM), ("authorization", basic.as_str()), ("authorization", basic.as_str())];
    let read = Asked::read(&request(&headers, "grant_type=client_credentials"));
    assert!(matches!(read, Err(Refusal::Request(_))));
}

#[test]
fn an_id_or_a_secret_alone_is_not_the_clients() {
    for (id, secret) in [("id", "other"), ("other", "secret"), ("other", "other")] {
        for client in [Client::Body, Client::Basic] {
            assert!(client("id".into(), "secret".into()).is("id", "secret"));
            assert!(!client("id".into(), "secret".into()).is(id, secret), "{id} {secret}");
        }
    }
}

#[test]
fn an_empty_parameter_is_none() {
    let all = "grant_type=client_credentials&client_id=a&client_secret=b&scope=";
    let asked = Asked::read(&request(&[("content-type", FORM)], all)).ok().unwrap();
    assert_eq!(asked.scope, "*");
}

#[test]
fn a_method_that_is_refused_is_told_which_is_not() {
    for style in [ErrorStyle::Rfc6749, ErrorStyle::MyParcel] {
        let response = Refusal::Method.response(style);
        assert!(response.headers.contains(&("Allow".to_owned(), "POST".to_owned())));
        assert!(response.headers.contains(&("Cache-Control".to_owned(), "no-store".to_owned())));
        assert!(response.headers.contains(&("Pragma".to_owned(), "no-cache".to_owned())));
    }
}

#[test]
fn an_id_alone_is_a_client_with_an_empty_secret() {
    let asked =
        Asked::read(&request(&[("content-type", FORM)], "grant_type=client_credentials&client_id=public"));
    let asked = asked.ok().unwrap();
    assert!(client(&asked).is("public", "") && !client(&asked).is("public", "secret"));
    let nobody = Asked::read(&request(&[("content-type", FORM)], "grant_type=client_credentials"));
    assert!(matches!(nobody, Err(Refusal::Client { basic: false })));
}

#[test]
fn a_scheme_of_another_kind_is_no_client() {
    let headers = [("content-type", FORM), ("authorization", "Bearer abc")];
    let read = Asked::read(&request(&headers, "grant_type=client_credentials"));
    assert!(matches!(read, Err(Refusal::Client { basic: true })));
}

#[test]
fn a_secret_in_the_url_is_refused() {
    let mut request =
        request(&[("content-type", FORM)], "grant_type=client_credentials&client_id=a&client_secret=b");
    assert!(Asked::read(&request).is_ok());
    request.target.push_str("?client_secret=b");
    assert!(matches!(Asked::read(&request), Err(Refusal::Request(_))));
}

#[test]
fn a_body_of_no_known_type_is_refused() {
    let body = "grant_type=client_credentials&client_id=a&client_secret=b";
    for headers in [&[][..], &[("content-type", "text/plain")][..]] {
        assert!(matches!(Asked::read(&request(headers, body)), Err(Refusal::Request(_))));
    }
    let labelled = [("content-type", "Application/X-WWW-Form-Urlencoded; charset=utf-8")];
    assert!(Asked::read(&request(&labelled, body)).is_ok());
}

#[test]
fn a_json_parameter_that_is_no_string_is_refused_unless_it_is_not_ours() {
    let read = |body| Asked::read(&request(&[("content-type", "application/json")], body));
    let ours = r#"{"grant_type":"client_credentials","client_id":"a","client_secret":"b","scope":["x"]}"#;
    assert!(matches!(read(ours), Err(Refusal::Request(_))));
    let resource =
        r#"{"grant_type":"client_credentials","client_id":"a","client_secret":"b","resource":["x","y"]}"#;
    assert!(read(resource).is_ok());
}

#[test]
fn scopes_are_those_of_the_grammar() {
    for good in ["*", "a b", "shipments.show", "!#[]~"] {
        assert!(good.split(' ').all(is_scope_token), "{good}");
    }
    for bad in ["a  b", " a", "a\"", "a\\b", "a\tb", "\u{e9}", "\u{7f}"] {
        assert!(!bad.split(' ').all(is_scope_token), "{bad}");
    }
}

#[test]
fn a_refused_client_is_told_from_a_refused_request() {
    let client = [
        Refusal::Client { basic: true },
        Refusal::Unchanged { basic: false },
        Refusal::Assertion(Flaw::Expired),
    ];
    assert!(client.iter().all(|refusal| refusal.outcome() == Outcome::Unauthenticated));
    for refusal in [Refusal::Method, Refusal::Request("why"), Refusal::GrantType, Refusal::Scope] {
        assert_eq!(refusal.outcome(), Outcome::Refused);
    }
}

#[test]
fn a_changed_basic_secret_is_accepted_in_the_form_it_came_in() {
    let sent = |password: &str| Client::Basic("my+id".to_owned(), password.to_owned());
    for (first, changed) in [("a", "b%3A+c"), ("a", "b: c"), ("a", "b+c")] {
        let mut clients = Clients::new("my id", "a");
        clients.refuse_until_changed();
        assert!(matches!(by_secret(&mut clients, &sent(first)), Err(Refusal::Unchanged { basic: true })));
        for _ in 0..2 {
            assert_eq!(by_secret(&mut clients, &sent(changed)).ok().as_deref(), Some("my id"));
        }
        assert!(by_secret(&mut clients, &sent(first)).is_err());
    }
}

#[test]
fn a_client_that_writes_its_id_as_it_stands_changes_its_secret_too() {
    let sent = |secret: &str| Client::Basic("my+id".to_owned(), secret.to_owned());
    let mut clients = Clients::new("my+id", "a");
    clients.refuse_until_changed();
    assert!(matches!(by_secret(&mut clients, &sent("a")), Err(Refusal::Unchanged { basic: true })));
    assert_eq!(by_secret(&mut clients, &sent("b")).ok().as_deref(), Some("my+id"));
}

#[test]
fn a_missing_secret_is_no_changed_one() {
    let sent = |secret: &str| Client::Body("id".to_owned(), secret.to_owned());
    let mut clients = Clients::new("id", "a");
    clients.refuse_until_changed();
    assert!(by_secret(&mut clients, &sent("a")).is_err());
    assert!(matches!(by_secret(&mut clients, &sent("")), Err(Refusal::Client { basic: false })));
    assert!(matches!(by_secret(&mut clients, &sent("a")), Err(Refusal::Unchanged { .. })));
    assert!(by_secret(&mut clients, &sent("b")).is_ok());
}

#[test]
fn a_basic_challenge_answers_basic_credentials_alone() {
    let challenged = |style, basic| {
        let challenged = [Refusal::Client { basic }, Refusal::Unchanged { basic }].map(|refusal| {
            let response = refusal.response(style);
            assert_eq!(response.status, if style == ErrorStyle::Rfc6749 { 401 } else { 403 });
            response.headers.iter().any(|(name, _)| name == "WWW-Authenticate")
        });
        assert_eq!(challenged[0], challenged[1]);
        challenged[0]
    };
    assert!(challenged(ErrorStyle::Rfc6749, true));
    assert!(!challenged(ErrorStyle::Rfc6749, false));
    assert!(!challenged(ErrorStyle::MyParcel, true));
}
