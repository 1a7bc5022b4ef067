use super::*;
use evergrant_core::{Client, ClientAuth, Now, Provider};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT};
use http::{Method, Version};

fn token_request(endpoint: &str, auth: ClientAuth) -> evergrant_core::Request {
    let client = Client::builder(Provider::rfc6749(endpoint).unwrap(), auth).build().unwrap();
    client.request(Now::default()).unwrap()
}

#[test]
fn the_token_request_is_the_same_in_types_of_http() {
    let endpoint = "https://auth.example.com/token?tenant=a%20b";
    let request = || token_request(endpoint, ClientAuth::post("id", "secret").unwrap());
    let sent = to_http(request()).unwrap();
    assert_eq!((sent.method(), sent.uri().to_string().as_str()), (&Method::POST, endpoint));
    assert_eq!(sent.body().expose(), request().body());
    let ours = request();
    let mut lines: Vec<_> = ours.headers().map(|(name, value)| (name, value.as_bytes())).collect();
    let mut theirs: Vec<_> =
        sent.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    lines.sort_unstable();
    theirs.sort_unstable();
    assert_eq!(theirs, lines);
    assert_eq!(sent.headers()[CONTENT_LENGTH], sent.body().expose().len().to_string());
    assert!(!format!("{sent:?}").contains("client_secret"), "{sent:?}");
}

/// Nobody is told who asks for what everybody may read.
#[test]
fn a_request_of_metadata_is_a_get_without_a_body() {
    let provider = Provider::discovered("https://auth.example.com/erp").unwrap();
    let client = Client::builder(provider, ClientAuth::post("id", "secret").unwrap()).build().unwrap();
    let policy = evergrant_core::Policy::new();
    let known = evergrant_core::Known::new(&policy);
    let seed = evergrant_core::Seed::new(Now::default());
    let evergrant_core::Move::Send(request, _) = evergrant_core::Attempt::begin(&client, seed, &known) else {
        panic!("it asks for the metadata first")
    };
    let sent = to_http(request).unwrap();
    let place = "https://auth.example.com/erp/.well-known/openid-configuration";
    assert_eq!((sent.method(), sent.uri().to_string().as_str()), (&Method::GET, place));
    assert!(sent.body().expose().is_empty());
    let has = |name| sent.headers().contains_key(name);
    assert!(!has(CONTENT_LENGTH) && !has(CONTENT_TYPE) && !has(AUTHORIZATION));
}

#[test]
fn the_body_of_a_token_request_is_handed_over_whole_and_shown_as_its_length() {
    let auth = ClientAuth::post("id", "secret").unwrap();
    let body = to_http(token_request("https://auth.example.com/token", auth)).unwrap().into_body();
    assert_eq!(format!("{body:?}"), format!("RequestBody({} bytes)", body.expose().len()));
    assert_eq!(body.clone().into_bytes(), body.expose());
}

#[test]
fn the_authorization_of_a_token_request_is_sensitive_and_what_all_requests_say_is_not() {
    let auth = ClientAuth::basic("id", "secret").unwrap();
    let sent = to_http(token_request("https://auth.example.com/token", auth)).unwrap();
    assert!(sent.headers()[AUTHORIZATION].is_sensitive());
    assert!(!sent.headers()[ACCEPT].is_sensitive() && !sent.headers()[CONTENT_TYPE].is_sensitive());
    let shown = format!("{:?}", sent.headers());
    assert!(!shown.contains("Basic"), "{shown}");
}

fn with_headers(headers: &[(&str, &str)]) -> Request<RequestBody> {
    let provider = Provider::rfc6749("https://auth.example.com/token").unwrap();
    let builder = Client::builder(provider, ClientAuth::none("id").unwrap());
    let client = headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value));
    to_http(client.build().unwrap().request(Now::default()).unwrap()).unwrap()
}

#[test]
fn a_header_field_of_the_clients_own_is_sensitive_and_its_user_agent_is_not() {
    let sent = with_headers(&[("X-Api-Key", "the key"), ("User-Agent", "a-program/7")]);
    assert_eq!(sent.headers()["x-api-key"], "the key");
    assert!(sent.headers()["x-api-key"].is_sensitive());
    assert_eq!(sent.headers()[USER_AGENT], "a-program/7");
    assert!(!sent.headers()[USER_AGENT].is_sensitive());
    let shown = format!("{sent:?}");
    assert!(shown.contains("x-api-key") && !shown.contains("the key"), "{shown}");
    // Whatever the client takes, `http` takes.
    let visible: String = (' '..='~').collect();
    let longest = "v".repeat(8192);
    for value in [format!("a{visible}"), longest] {
        assert_eq!(
            with_headers(&[("a!#$%&'*+-.^_`|~9", &value), ("user-agent", &value)]).headers()[USER_AGENT],
            value
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_header_field_of_the_clients_own_is_wiped_with_its_last_clone() {
    let sentinel = crate::fixture::Sentinel::new("header");
    let sent = with_headers(&[("x-key", &sentinel.text())]);
    assert_eq!(sentinel.copies(), 2, "the client's, which the body keeps, and the header's");
    let header = sent.headers()["x-key"].clone();
    drop(sent);
    assert_eq!(sentinel.copies(), 1, "a clone is still there");
    drop(header);
    assert_eq!(sentinel.copies(), 0);
}

#[test]
fn a_url_that_http_cannot_hold_is_a_transport_error_that_says_so() {
    let endpoint = format!("https://auth.example.com/{}", "a".repeat(70_000));
    let auth = ClientAuth::post("id", "secret").unwrap();
    let error = to_http(token_request(&endpoint, auth)).unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Other);
    assert!(error.to_string().contains("too long"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_body_is_handed_over_without_a_copy_and_wiped_with_its_last_clone() {
    let sentinel = crate::fixture::Sentinel::new("body");
    let request =
        token_request("https://auth.example.com/token", ClientAuth::post("id", &sentinel.text()).unwrap());
    let before = sentinel.copies();
    let sent = to_http(request).unwrap();
    assert_eq!((before, sentinel.copies()), (1, 1));
    let clone = sent.body().clone();
    drop(sent);
    assert_eq!(sentinel.copies(), 1, "a clone is still there");
    drop(clone);
    assert_eq!(sentinel.copies(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn the_authorization_of_a_token_request_is_wiped_with_its_last_clone() {
    let sentinel = crate::fixture::Sentinel::new("authorization");
    let auth = ClientAuth::basic("id", &sentinel.text()).unwrap();
    let request = token_request("https://auth.example.com/token", auth);
    let sent = to_http(request).unwrap();
    let encoded = crate::fixture::Masked::of(sent.headers()[AUTHORIZATION].as_bytes());
    assert_eq!(encoded.copies(), 2, "the request's own, which its body keeps, and the header's");
    let header = sent.headers()[AUTHORIZATION].clone();
    drop(sent);
    assert_eq!(encoded.copies(), 1, "a clone is still there");
    drop(header);
    assert_eq!((encoded.copies(), sentinel.copies()), (0, 0));
}

#[test]
fn a_repeated_request_differs_in_its_body_alone() {
    #[derive(Clone, PartialEq, Debug)]
    struct Trace(u8);
    let mut request = Request::put("https://api.example.com/a?b").body("first").unwrap();
    *request.version_mut() = Version::HTTP_2;
    request.headers_mut().append(ACCEPT, HeaderValue::from_static("a"));
    request.headers_mut().append(ACCEPT, HeaderValue::from_static("b"));
    request.extensions_mut().insert(Trace(7));
    let again = repeat(&request, "second");
    assert_eq!((again.method(), again.uri()), (request.method(), request.uri()));
    assert_eq!((again.version(), again.headers()), (request.version(), request.headers()));
    assert_eq!(again.extensions().get::<Trace>(), Some(&Trace(7)));
    assert_eq!(*again.body(), "second");
}
