use super::*;
use crate::error::{Cause, Error};
use crate::provider::myparcel;
use crate::request::BodyFormat;
use crate::{Refusal, Response};
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use core::time::Duration;

const SECRET: &str = "SENTINEL-secret/+ 7f3a";
const TOKEN: &str = "SENTINEL-token-9c1d";

fn rfc6749() -> Provider {
    Provider::rfc6749("https://as.example/token?p=SENTINEL-query").unwrap()
}

fn body(client: &Client) -> String {
    String::from_utf8(client.request(Now::default()).unwrap().body().to_vec()).unwrap()
}

fn headers(client: &Client) -> Vec<(String, String)> {
    let request = client.request(Now::default()).unwrap();
    request.headers().map(|(name, value)| (name.into(), value.into())).collect()
}

// Conforms: M-01, R-9110-15-b
#[test]
fn the_sample_request_of_myparcel_byte_for_byte() {
    let id = "b4460113-f097-49ae-9225-f741a7bf07ed";
    let secret = "QgKgOXOwCvffUbMJKD4Lu21sZAmvw1pHGpKv1Zb6OdXBn2rkDLcyKz0JYSsFitIw";
    let client =
        Client::builder(myparcel::production(), ClientAuth::post(id, secret).unwrap()).build().unwrap();
    let request = client.request(Now::default()).unwrap();
    assert_eq!((request.method(), request.url()), ("POST", "https://auth.myparcel.com/access-token"));
    assert_eq!(
        body(&client),
        "{\"grant_type\":\"client_credentials\",\"client_id\":\"b4460113-f097-49ae-9225-f741a7bf07ed\",\
         \"client_secret\":\"QgKgOXOwCvffUbMJKD4Lu21sZAmvw1pHGpKv1Zb6OdXBn2rkDLcyKz0JYSsFitIw\",\"scope\":\"*\"}"
    );
    assert_eq!(
        headers(&client),
        [
            ("accept", "application/json"),
            ("accept-encoding", "identity"),
            ("cache-control", "no-store"),
            ("content-type", "application/json"),
            ("content-length", "181"),
            ("user-agent", concat!("evergrant/", env!("CARGO_PKG_VERSION"))),
        ]
        .map(|(name, value)| (String::from(name), String::from(value)))
    );
    assert_eq!(request.body().len(), 181);
}

// Conforms: R-6749-2.3.1-h, R-6749-4.4.2-a
#[test]
fn a_form_request_with_basic_has_no_credentials_in_its_body() {
    let client =
        Client::builder(rfc6749(), ClientAuth::basic("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw").unwrap())
            .scope("scope1 scope2")
            .build()
            .unwrap();
    assert_eq!(body(&client), "grant_type=client_credentials&scope=scope1+scope2");
    let headers = headers(&client);
    let header =
        |name| headers.iter().find(|(ours, _)| *ours == name).map(|(_, value)| value.as_str()).unwrap();
    assert_eq!(header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(header("authorization"), "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3");
    assert_eq!(header("content-length"), "49");
    assert_eq!(client.request(Now::default()).unwrap().url(), "https://as.example/token?p=SENTINEL-query");
}

// Conforms: R-6749-2.3.1-h, Q-42, Q-43
#[test]
fn the_other_methods_put_the_client_into_the_body() {
    let post =
        Client::builder(rfc6749(), ClientAuth::post("i d", "s&grant_type=x").unwrap()).build().unwrap();
    assert_eq!(body(&post), "grant_type=client_credentials&client_id=i+d&client_secret=s%26grant_type%3Dx");
    assert!(headers(&post).iter().all(|(name, _)| *name != "authorization"));
    let odd = Client::builder(rfc6749(), ClientAuth::post("id", "sthUI=+2~fubar").unwrap()).build().unwrap();
    assert!(body(&odd).ends_with("&client_secret=sthUI%3D%2B2%7Efubar"));
    let none = Client::builder(rfc6749(), ClientAuth::none("id").unwrap()).build().unwrap();
    assert_eq!(body(&none), "grant_type=client_credentials&client_id=id");
    let json = Client::builder(myparcel::sandbox(), ClientAuth::basic("id", "s").unwrap()).build().unwrap();
    assert_eq!(body(&json), "{\"grant_type\":\"client_credentials\",\"scope\":\"*\"}");
    assert_eq!(headers(&json).last().map(|(_, value)| value.as_str()), Some("Basic aWQ6cw=="));
}

// Conforms: R-6749-2.3.1-i, R-6749-3.2-a
#[test]
fn no_method_puts_the_client_into_the_url_and_each_posts() {
    let every = [ClientAuth::basic, ClientAuth::basic_raw, ClientAuth::post].map(|new| new("id", "s3cr3t"));
    for auth in every.into_iter().chain([ClientAuth::none("id")]) {
        for format in [BodyFormat::Form, BodyFormat::Json] {
            let client = Client::builder(rfc6749().with_body(format), auth.clone().unwrap())
                .scope("a")
                .build()
                .unwrap();
            let request = client.request(Now::default()).unwrap();
            assert_eq!(
                (request.method(), request.url()),
                ("POST", "https://as.example/token?p=SENTINEL-query")
            );
        }
    }
}

/// RFC 6749 section 4.4.3: there should be none.
// Conforms: R-6749-4.4.3-a
#[test]
fn a_refresh_token_is_neither_kept_nor_used() {
    let client = Client::builder(rfc6749(), ClientAuth::post("id", "s").unwrap()).build().unwrap();
    let before = body(&client);
    let answer =
        format!("{{\"access_token\":\"a\",\"token_type\":\"Bearer\",\"refresh_token\":\"{TOKEN}\"}}");
    let grant = client.read(&Response::new(200).with_body(answer.into()), Now::default()).unwrap();
    assert_eq!(grant.token().expose(), "a");
    assert_silent(&format!("{grant:?} {grant:#?}"));
    assert_eq!(body(&client), before);
    assert_eq!(before, "grant_type=client_credentials&client_id=id&client_secret=s");
}

// Conforms: R-6749-3.2-d, R-6749-3.2-e, Q-41, R-8707-b, R-8707-e
#[test]
fn resource_may_be_repeated_and_extra_parameters_follow() {
    let builder = |provider| {
        Client::builder(provider, ClientAuth::none("id").unwrap())
            .resource("https://rs.example/")
            .resource("urn:x:y")
            .resource("https://rs.example/")
            .audience("audience1")
            .param("tenant", "é")
            .param("empty", "")
            .scope("")
            .build()
            .unwrap()
    };
    assert_eq!(
        body(&builder(rfc6749())),
        "grant_type=client_credentials&client_id=id&resource=https%3A%2F%2Frs.example%2F&resource=urn%3Ax%3Ay\
         &audience=audience1&tenant=%C3%A9"
    );
    assert_eq!(
        body(&builder(rfc6749().with_body(BodyFormat::Json))),
        "{\"grant_type\":\"client_credentials\",\"client_id\":\"id\",\"resource\":[\"https://rs.example/\",\
         \"urn:x:y\"],\"audience\":\"audience1\",\"tenant\":\"é\"}"
    );
}

// Conforms: R-6749-10.3-a
#[test]
fn the_scope_is_the_clients_own_or_the_providers() {
    let scope = |provider: Provider, scope: Option<&str>| {
        let builder = Client::builder(provider, ClientAuth::none("id").unwrap());
        let builder = match scope {
            Some(scope) => builder.scope(scope),
            None => builder,
        };
        builder.build().map(|client| format!("{}", client.scope()))
    };
    assert_eq!(scope(rfc6749(), None).unwrap(), "");
    assert_eq!(scope(rfc6749(), Some("b a b")).unwrap(), "b a");
    assert_eq!(scope(myparcel::sandbox(), None).unwrap(), "*");
    assert_eq!(scope(myparcel::sandbox(), Some("")).unwrap(), "*");
    assert_eq!(scope(myparcel::sandbox(), Some("shipments.manage")).unwrap(), "shipments.manage");
    assert!(matches!(scope(rfc6749(), Some("a\"b")), Err(ConfigError::ScopeToken { at: 1, .. })));
}

// Conforms: R-6749-3.2-e, A-16
#[test]
fn a_reserved_a_repeated_and_an_impossible_parameter_are_refused() {
    let build = |names: &[&str]| {
        let builder = Client::builder(rfc6749(), ClientAuth::none("id").unwrap());
        names.iter().fold(builder, |builder, name| builder.param(name, "v")).build().map(|_| ())
    };
    let name = |name| Excerpt::new(name, &[]).unwrap();
    for reserved in RESERVED {
        assert_eq!(build(&[reserved]), Err(ConfigError::Parameter { name: name(reserved) }));
    }
    assert_eq!(build(&["a", "b", "a"]), Err(ConfigError::Parameter { name: name("a") }));
    for bad in ["a&b", "a\r\nb", "é", "a b"] {
        assert_eq!(build(&[bad]), Err(ConfigError::ParameterName { name: name(bad) }), "{bad}");
    }
    assert!(matches!(build(&[""]), Err(ConfigError::Empty { .. })));
    assert_eq!(build(&["a", "A", "a-b.c_d"]), Ok(()));
}

/// Whatever stands in a value stays in it.
// Conforms: A-16
#[test]
fn no_value_breaks_out_of_its_parameter() {
    let evil = "&grant_type=x+%0d%0aX-Evil: 1";
    let builder = || {
        let auth = ClientAuth::post("i&scope=x", "s").unwrap();
        Client::builder(rfc6749(), auth)
            .audience(evil)
            .param("tenant", evil)
            .resource("https://rs/?a&scope=x")
    };
    let encoded = "%26grant_type%3Dx%2B%250d%250aX-Evil%3A+1";
    assert_eq!(
        body(&builder().build().unwrap()),
        format!(
            "grant_type=client_credentials&client_id=i%26scope%3Dx&client_secret=s\
             &resource=https%3A%2F%2Frs%2F%3Fa%26scope%3Dx&audience={encoded}&tenant={encoded}"
        )
    );
    for scope in ["a&b\r\n", "a\r\nb", "a\tb"] {
        assert!(builder().scope(scope).build().is_err(), "{scope:?}");
    }
    for id in ["a\r\nb", "a\u{0}", "a\u{7f}"] {
        assert!(ClientAuth::post(id, "s").is_err() && ClientAuth::basic(id, "s").is_err(), "{id:?}");
        assert!(
            builder().audience(id).build().is_err() && builder().param("more", id).build().is_err(),
            "{id:?}"
        );
    }
    let copied = "\u{feff}a";
    let invisible = |field| Err(ConfigError::InvisibleCharacter { field, at: 0 });
    assert_eq!(ClientAuth::post(copied, "s").map(drop), invisible("client_id"));
    assert_eq!(ClientAuth::post("id", copied).map(drop), invisible("client_secret"));
    assert_eq!(builder().audience(copied).build().map(drop), invisible("audience"));
    assert_eq!(builder().param("more", copied).build().map(drop), invisible("a parameter's value"));
}

// Conforms: R-8707-a
#[test]
fn a_resource_is_an_absolute_uri_without_a_fragment() {
    let build =
        |uri| Client::builder(rfc6749(), ClientAuth::none("id").unwrap()).resource(uri).build().map(|_| ());
    for uri in
        ["https://rs.example/", "https://rs.example/?q", "urn:uuid:33336dcd-a239-444a-90ae-76d381c3e6d5"]
    {
        assert_eq!(build(uri), Ok(()), "{uri}");
    }
    for uri in ["", "/x", "rs.example", "https://rs/#f", "https://rs/#", "https://r s/"] {
        assert_eq!(build(uri), Err(ConfigError::Resource), "{uri}");
    }
}

fn with_headers(headers: &[(&str, &str)]) -> Result<Client, ConfigError> {
    let builder = Client::builder(rfc6749(), ClientAuth::basic("id", "secret").unwrap());
    headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value)).build()
}

#[test]
fn header_fields_of_the_clients_own_follow_those_of_every_request() {
    let client = with_headers(&[("X-Api-Key", "k 1!"), ("account_number", "7")]).unwrap();
    let headers = headers(&client);
    let last: Vec<_> = headers.iter().rev().take(4).rev().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(
        last,
        [
            ("user-agent", concat!("evergrant/", env!("CARGO_PKG_VERSION"))),
            ("authorization", "Basic aWQ6c2VjcmV0"),
            ("x-api-key", "k 1!"),
            ("account_number", "7"),
        ]
    );
    let named = with_headers(&[("User-Agent", "my-app/2.1 (ops@example.com)")]).unwrap();
    let agents: Vec<_> = self::headers(&named).into_iter().filter(|(name, _)| name == "user-agent").collect();
    assert_eq!(agents, [("user-agent".into(), "my-app/2.1 (ops@example.com)".into())]);
}

#[test]
fn a_header_field_that_cannot_go_along_is_refused_by_name_and_byte() {
    let refused = |name: &str, value: &str| match with_headers(&[(name, value)]) {
        Err(ConfigError::Header { name: named, why }) => {
            assert_eq!(named.as_str(), name.to_ascii_lowercase().trim(), "{name:?}");
            Some(why)
        }
        other => panic!("{name:?} {value:?}: {other:?}"),
    };
    for name in [
        "Authorization",
        "DPoP",
        "Cookie",
        "accept",
        "Accept-Encoding",
        "Accept-Language",
        "Content-Type",
        "content-length",
        "Content-Anything",
        "Cache-Control",
        "Range",
        "Host",
        "Connection",
        "Keep-Alive",
        "Transfer-Encoding",
        "TE",
        "Trailer",
        "Upgrade",
        "HTTP2-Settings",
        "Expect",
        "Max-Forwards",
        "Proxy-Authorization",
        "proxy-connection",
    ] {
        assert_eq!(refused(name, "v"), Some(HeaderFault::Reserved), "{name}");
    }
    for (name, at) in [("x y", 1), ("x:", 1), ("x-\u{e9}", 2), ("x\r\ny", 1), (":path", 0), ("x\u{200b}", 1)]
    {
        assert!(
            matches!(with_headers(&[(name, "v")]),
            Err(ConfigError::Header { why: HeaderFault::Name { at: found }, .. }) if found == at),
            "{name:?}"
        );
    }
    assert_eq!(with_headers(&[("", "v")]), Err(ConfigError::Empty { field: "a header's name" }));
    for (value, at) in [
        ("a\n", 1),
        ("a\r\nHost: b", 1),
        ("\0", 0),
        ("a\tb", 1),
        ("\u{feff}a", 0),
        ("a\u{200b}", 1),
        ("\u{e9}", 0),
        (" a", 0),
        ("a ", 1),
        (" ", 0),
        ("a\u{7f}", 1),
    ] {
        assert_eq!(refused("x-key", value), Some(HeaderFault::Value { at }), "{value:?}");
    }
    assert_eq!(refused("x-key", ""), Some(HeaderFault::Empty));
    assert_eq!(refused("x-key", &"v".repeat(8193)), Some(HeaderFault::TooLong));
    assert_eq!(refused(&"x".repeat(129), "v"), Some(HeaderFault::TooLong));
    for (name, value) in
        [("x", "a b"), ("x", &"v".repeat(8192)), (&"x".repeat(128), "v"), ("acceptance", "v")]
    {
        assert!(with_headers(&[(name, value)]).is_ok(), "{name:?}");
    }
    let twice = with_headers(&[("x-key", "a"), ("y", "b"), ("X-Key", "c")]).unwrap_err();
    assert!(matches!(twice, ConfigError::Header { why: HeaderFault::Repeated, .. }), "{twice:?}");
    assert_eq!(twice.to_string(), "header field x-key is set twice: remove one of the two");
    let names: Vec<String> = (0..17).map(|n| format!("x-{n}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "v")).collect();
    assert!(with_headers(&many[..16]).is_ok());
    let error = with_headers(&many).unwrap_err();
    assert!(matches!(error, ConfigError::Header { why: HeaderFault::TooMany, .. }), "{error:?}");
}

#[test]
fn a_header_field_makes_another_client_and_its_value_is_not_shown() {
    let (client, other) = (with_headers(&[("x-key", SECRET_KEY)]), with_headers(&[("x-key", "another")]));
    let (client, other) = (client.unwrap(), other.unwrap());
    assert_ne!(client, other);
    assert_ne!(client, with_headers(&[]).unwrap());
    assert_eq!(client, with_headers(&[("X-KEY", SECRET_KEY)]).unwrap());
    assert_eq!(client.with_auth(client.auth().clone()), client);
    let request = client.request(Now::default()).unwrap();
    let builder = Client::builder(rfc6749(), client.auth().clone()).header("x-key", SECRET_KEY);
    let shown = format!("{client:?} {client:#?} {request:?} {builder:?}");
    assert!(shown.contains("x-key") && !shown.contains("SENTINEL-key"), "{shown}");
    let refused = with_headers(&[("x-key", &format!("{SECRET_KEY}\n"))]).unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains("SENTINEL"), "{refused:?}");
}

/// The value of a header field of the client's own.
const SECRET_KEY: &str = "SENTINEL-key/+ \"7f3a";

/// Nor a short one that is a word by itself, nor an extra parameter that is long enough to be told from words.
// Conforms: A-01, Q-46
#[test]
fn a_server_that_echoes_a_header_field_or_a_parameter_is_not_quoted() {
    let auth = ClientAuth::basic("id", "secret").unwrap();
    let builder =
        Client::builder(rfc6749(), auth).header("x-key", SECRET_KEY).header("User-Agent", "my-app/1.0");
    let client = builder.header("x-pin", "4711").param("password", "SENTINEL-p&w").param("mode", "strict");
    let client = client.build().unwrap();
    let said = |words: &str| {
        let body = serde_json::json!({ "error": "invalid_request", "error_description": words }).to_string();
        let refusal = client.read(&Response::new(400).with_body(body.into()), Now::default()).unwrap_err();
        let broken = client.transport_error(TransportErrorKind::Other, words);
        format!("{refusal} {broken}")
    };
    let json = serde_json::to_string(SECRET_KEY).unwrap();
    for echoed in [SECRET_KEY, &json, "SENTINEL-key%2F%2B+%227f3a", "SENTINEL-p&w", "SENTINEL-p%26w"] {
        let shown = said(&format!("no {echoed} here"));
        assert!(shown.contains("[redacted]") && !shown.contains("SENTINEL"), "{shown}");
    }
    assert!(!said("the pin 4711 is wrong").contains("4711"));
    let shown = said("my-app/1.0 may not use strict mode");
    assert!(shown.contains("my-app/1.0 may not use strict mode"), "{shown}");
    // In a granted scope.
    let echo = Response::new(200).with_body(b"{\"access_token\":\"t\",\"scope\":\"a SENTINEL-p&w\"}".into());
    let shown = format!("{:?}", client.read(&echo, Now::default()));
    assert!(!shown.contains("SENTINEL"), "{shown}");
}

// Conforms: L-19
#[test]
fn with_auth_changes_the_credentials_alone() {
    let client =
        Client::builder(rfc6749(), ClientAuth::basic("id", "old").unwrap()).scope("a").build().unwrap();
    let rotated = client.with_auth(ClientAuth::post("id", "new").unwrap());
    assert_ne!(client, rotated);
    assert_eq!(rotated.scope(), client.scope());
    assert_eq!(rotated.auth().method(), "client_secret_post");
    assert_eq!(rotated.with_auth(client.auth().clone()), client);
    assert_eq!((client.client_id(), client.jwt_hint()), ("id", true));
    let unhinted = Client::builder(rfc6749(), client.auth().clone()).jwt_hint(false).build().unwrap();
    assert!(!unhinted.jwt_hint());
}

#[test]
fn debug_tells_which_client_it_is() {
    let auth = ClientAuth::post("my-id", "s").unwrap();
    let builder = Client::builder(rfc6749(), auth).audience("my-audience").param("my-param", "v");
    let named = |shown: &str, names: &[&str]| names.iter().all(|name| shown.contains(name));
    assert!(named(&format!("{builder:?}"), &["as.example", "my-id"]), "{builder:?}");
    let client = builder.build().unwrap();
    assert!(named(&format!("{client:?}"), &["as.example", "my-id", "my-audience", "my-param"]), "{client:?}");
}

/// The forms in which the secret leaves this program, and some in which it may come back.
fn forms() -> Vec<String> {
    let form = "SENTINEL-secret%2F%2B+7f3a";
    Vec::from([
        SECRET.into(),
        form.into(),
        form.replace('+', "%20"),
        STANDARD.encode(format!("id:{form}")),
        STANDARD.encode(format!("id:{SECRET}")),
        STANDARD.encode(SECRET),
        format!("Basic {}", STANDARD.encode(format!("id:{form}"))),
        format!("{{\\\"client_secret\\\":\\\"{SECRET}\\\"}}"),
        // What is stripped from what is shown does not hide it.
        SECRET.replace('-', "\\u0000-\\u202e"),
    ])
}

fn auths() -> [ClientAuth; 3] {
    [ClientAuth::basic, ClientAuth::basic_raw, ClientAuth::post].map(|new| new("id", SECRET).unwrap())
}

fn assert_silent(shown: &str) {
    assert!(!shown.contains("SENTINEL"), "{shown}");
    for form in forms().iter().filter(|form| !form.contains('\\')) {
        assert!(!shown.contains(form.trim_end_matches('=')), "{shown}");
    }
}

// I29
// Conforms: A-01, A-03, A-05
#[test]
fn nothing_that_is_shown_has_a_secret_in_it() {
    for auth in auths() {
        let builder = Client::builder(rfc6749(), auth.clone()).param("password", SECRET);
        assert_silent(&format!("{builder:?}"));
        let client = builder.build().unwrap();
        let request = client.request(Now::default()).unwrap();
        assert_silent(&format!("{auth:?} {auth:#?} {client:?} {client:#?} {request:?} {request:#?}"));
        let answer = Response::new(200).with_header("Location", TOKEN.as_bytes()).with_body(
            format!("{{\"access_token\":\"{TOKEN}\",\"scope\":\"a {TOKEN}\",\"expires_in\":1}}").into(),
        );
        let grant = client.read(&answer, Now::default()).unwrap();
        assert_eq!(grant.token().expose(), TOKEN);
        assert_silent(&format!("{answer:?} {answer:#?} {grant:?} {grant:#?}"));
        let echo =
            format!("{{\"access_token\":\"t\",\"scope\":\"{}\"}}", STANDARD.encode(format!("id:{SECRET}")));
        let echo = Response::new(200).with_body(echo.into());
        assert_silent(&format!("{:?}", client.read(&echo, Now::default())));
    }
}

// I29
// Conforms: A-01
#[test]
fn a_configuration_error_has_no_secret_in_it() {
    let shown = |error: ConfigError| assert_silent(&format!("{error:?} {error:#?} {error}"));
    shown(ClientAuth::basic("id", &format!("{SECRET}\n")).unwrap_err());
    shown(ClientAuth::basic_raw(&format!("{SECRET}:"), "s").unwrap_err());
    shown(Provider::rfc6749(&format!("https://id:{TOKEN}@as.example/")).unwrap_err());
    shown(Provider::rfc6749(&format!("https://as.example/?client_secret={TOKEN}")).unwrap_err());
    shown(Provider::rfc6749(&format!("https://as.example/ {SECRET}")).unwrap_err());
}

// I29
// Conforms: R-6749-5.2-l, Q-46, A-01, A-02, A-05
#[test]
fn a_server_that_echoes_a_secret_is_not_quoted() {
    for auth in auths() {
        let clients = [rfc6749(), myparcel::production()]
            .map(|provider| Client::builder(provider, auth.clone()).build().unwrap());
        for (client, form) in
            clients.iter().flat_map(|client| forms().into_iter().map(move |form| (client, form)))
        {
            let padded = format!("{}{form}", "x".repeat(250));
            for text in [&form, &padded] {
                for status in [200, 302, 400, 401, 403, 429, 500] {
                    let bodies = [
                        format!("{{\"error\":\"invalid_client\",\"error_description\":\"{text}\"}}"),
                        format!("{{\"error\":\"{text}\"}}"),
                        format!(
                            "{{\"error\":\"x\",\"error_description\":\"{TOKEN}\",\"access_token\":\"{TOKEN}\"}}"
                        ),
                        format!(
                            "{{\"errors\":[{{\"code\":\"14000\",\"title\":\"{text}\",\"detail\":\"{text}\"}}]}}"
                        ),
                        format!("{{\"errors\":[{{\"code\":\"{text}\"}}]}}"),
                        format!("{{\"{text}\":1,\"{text}\""),
                        format!("{{\"access_token\":\"{text} {TOKEN}\\n\"}}"),
                        format!("{{\"access_token\":\"t\",\"token_type\":\"{text}\"}}"),
                        format!("{{\"access_token\":\"t\",\"expires_in\":\"{text}\"}}"),
                        format!("[\"{text}\"]"),
                        format!("<html>{text}</html>"),
                        text.clone(),
                    ];
                    for body in bodies {
                        let answer = Response::new(status)
                            .with_header("location", format!("https://as.example/{text}").as_bytes())
                            .with_header("retry-after", text.as_bytes())
                            .with_body(body.into());
                        assert_silent(&format!("{answer:?}"));
                        match client.read(&answer, Now::default()) {
                            Ok(grant) => assert_silent(&format!("{grant:?}")),
                            Err(refusal) => silent_refusal(refusal),
                        }
                    }
                }
                let host = Response::new(302)
                    .with_header("location", format!("https://{TOKEN}@{SECRET}/").as_bytes());
                silent_refusal(client.read(&host, Now::default()).unwrap_err());
                let text = text.replace("\\u0000", "\0").replace("\\u202e", "\u{202e}");
                silent_refusal(client.transport_error(TransportErrorKind::Other, &text).into());
            }
        }
    }
}

// Conforms: A-01
#[test]
fn our_own_words_are_never_masked_however_short_the_secret() {
    let auth = ClientAuth::post("client", "a").unwrap();
    let client = Client::builder(myparcel::sandbox(), auth).build().unwrap();
    let ours = TransportError::ours(TransportErrorKind::Other, "a header has an impossible value");
    assert_eq!(client.masked_error(ours.clone()), ours);
    let theirs = TransportError::new(TransportErrorKind::Other, "secret a is wrong, later", &[]);
    let masked = client.masked_error(theirs);
    assert_eq!(masked.detail().map(Excerpt::as_str), Some("[redacted]"));
    assert_eq!(masked, client.transport_error(TransportErrorKind::Other, "secret a is wrong, later"));
    let said = |body: &str| {
        let answer = Response::new(401).with_body(body.as_bytes().into());
        format!("{}", client.read(&answer, Now::default()).unwrap_err())
    };
    let named = said("{\"error\":\"invalid_client\",\"error_description\":\"no such client at all\"}");
    assert!(named.starts_with("the authorization server refused with invalid_client"), "{named}");
    assert!(named.contains("no such client at all; check the client id"), "{named}");
    let echoed = said("{\"error\":\"invalid_client\",\"error_description\":\"is a right?\"}");
    assert!(echoed.contains("(http 401): [redacted]; check the client id"), "{echoed}");
}

fn silent_refusal(refusal: Refusal) {
    assert_silent(&format!("{refusal:?} {refusal:#?} {refusal}"));
    let error = Error::Failed { cause: Cause::Refused(Arc::new(refusal)), retry_after: Duration::ZERO };
    assert_silent(&format!("{error:?} {error}"));
}

/// Clients that differ from the first in one thing each; of the last four that is a secret of one length.
fn different_clients() -> Vec<Client> {
    let auth = |secret| ClientAuth::post("id", secret).unwrap();
    let with = |auth| Client::builder(rfc6749(), auth).param("tenant", "one").header("x-key", "one");
    let build = |builder: ClientBuilder| builder.build().unwrap();
    Vec::from([
        build(with(auth("secret-1"))),
        build(with(ClientAuth::basic("id", "secret-1").unwrap())),
        build(with(ClientAuth::post("other", "secret-1").unwrap())),
        build(with(auth("secret-1")).scope("a")),
        build(with(auth("secret-1")).audience("a")),
        build(with(auth("secret-1")).resource("https://a.example/")),
        build(with(auth("secret-1")).jwt_hint(false)),
        build(with(auth("secret-2"))),
        build(Client::builder(rfc6749(), auth("secret-1")).param("tenant", "two").header("x-key", "one")),
        build(Client::builder(rfc6749(), auth("secret-1")).param("tenant", "one").header("x-key", "two")),
    ])
}

// P4
#[test]
fn clients_are_equal_when_all_of_them_is_and_a_hash_of_the_whole_tells_their_secrets_apart() {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let (clients, hasher) = (different_clients(), RandomState::new());
    let whole = |client: &Client| {
        let mut state = hasher.build_hasher();
        client.hash_whole(&mut state);
        state.finish()
    };
    for (at, client) in clients.iter().enumerate() {
        let same = client.clone();
        assert_eq!(
            (client, hasher.hash_one(client), whole(client)),
            (&same, hasher.hash_one(&same), whole(&same))
        );
        for other in &clients[at + 1..] {
            assert_ne!(client, other);
        }
    }
    let first = &clients[0];
    for secret in &clients[7..] {
        // What may be taken away says nothing of a secret but its length.
        assert_eq!(hasher.hash_one(first), hasher.hash_one(secret));
        assert_ne!(whole(first), whole(secret));
    }
    let rotations: Vec<_> = clients.iter().map(|client| first.differs_in_auth_alone(client)).collect();
    assert_eq!(rotations, [false, true, false, false, false, false, false, true, false, false]);
}

#[test]
fn the_short_form_of_a_request_names_what_would_have_to_be_read() {
    let live = |auth: Result<ClientAuth, ConfigError>| Client::builder(rfc6749(), auth.unwrap());
    let assertion = ClientAuth::assertion("id", crate::AssertionKind::JWT_BEARER);
    for (builder, field) in [
        (live(ClientAuth::basic_live("id")), "client_secret"),
        (live(ClientAuth::basic_raw_live("id")), "client_secret"),
        (live(ClientAuth::post_live("id")).live_param("password"), "client_secret"),
        (live(assertion), "client_assertion"),
        (live(ClientAuth::basic("id", "s3cr3t")).live_param("password"), "a parameter"),
    ] {
        let client = builder.build().unwrap();
        assert!(client.is_live());
        let error = client.request(Now::default()).unwrap_err();
        assert_eq!(error, ConfigError::NeedsAttempt { field });
    }
}

#[test]
fn a_parameter_that_is_read_is_named_as_any_other_and_once() {
    let refused = |builder: ClientBuilder| builder.build().unwrap_err();
    let builder = || Client::builder(rfc6749(), ClientAuth::none("id").unwrap());
    let shown = |name| Excerpt::new(name, &[]).unwrap();
    for name in RESERVED {
        assert_eq!(refused(builder().live_param(name)), ConfigError::Parameter { name: shown(name) });
    }
    let twice = ConfigError::Parameter { name: shown("a") };
    assert_eq!(refused(builder().live_param("a").live_param("a")), twice);
    assert_eq!(refused(builder().live_param("a").param("a", "1")), twice);
    assert_eq!(refused(builder().live_param("a b")), ConfigError::ParameterName { name: shown("a b") });
    let client = builder().live_param("a").live_param("b").build().unwrap();
    assert_eq!(client.asks().collect::<Vec<_>>(), [Ask::Parameter("a".into()), Ask::Parameter("b".into())]);
    assert!(format!("{client:?}").contains(r#"live_params: ["a", "b"]"#), "{client:?}");
    let other = |name| builder().live_param(name).build().unwrap();
    assert_ne!(other("a"), other("b"));
    assert_ne!(other("a").key(), other("b").key());
    let read = other("a").with_read(&Ask::Parameter("a".into()), Secret::new("1")).unwrap();
    assert_eq!(read, builder().param("a", "1").build().unwrap());
}

#[test]
fn what_was_read_is_masked_as_what_is_fixed() {
    let client = Client::builder(rfc6749(), ClientAuth::none("id").unwrap()).live_param("password");
    let read = client.build().unwrap();
    let read = read.with_read(&Ask::Parameter("password".into()), Secret::new(SECRET)).unwrap();
    // What is not JSON has none of its escapes.
    for form in forms().into_iter().filter(|form| !form.contains('\\')) {
        let error = read.transport_error(TransportErrorKind::Closed, &form);
        assert_silent(&format!("{error} {error:?}"));
    }
}
