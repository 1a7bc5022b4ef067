use super::*;
use crate::error::ConfigError;
use crate::origin::PlainHttp;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use core::time::Duration;

const ISSUER: &str = "https://as.example/realms/erp";

fn of(issuer: &str) -> Discovery {
    Discovery::new(issuer, Form::OpenId, PlainHttp::Loopback).unwrap()
}

fn read(status: u16, body: impl Into<Vec<u8>>) -> Result<Metadata, Refusal> {
    Metadata::read(&Response::new(status).with_body(body.into()), &of(ISSUER), Wall::default())
}

fn fault(read: Result<Metadata, Refusal>) -> (Class, MetadataFault) {
    let refusal = read.unwrap_err();
    let Problem::Metadata { url, fault } = refusal.problem() else { panic!("{refusal}") };
    assert_eq!(url.as_str(), format!("{ISSUER}/.well-known/openid-configuration"));
    (refusal.class(), (**fault).clone())
}

fn document(more: &str) -> String {
    format!(r#"{{"issuer":"{ISSUER}","token_endpoint":"https://as.example/token"{more}}}"#)
}

// Conforms: R-8414-3-a, R-8414-3-b
#[test]
fn each_form_has_its_place() {
    for (issuer, open_id, rfc8414) in [
        (
            "https://as.example",
            "https://as.example/.well-known/openid-configuration",
            "https://as.example/.well-known/oauth-authorization-server",
        ),
        // A slash at the end belongs to the issuer, and not to the place.
        (
            "https://as.example/",
            "https://as.example/.well-known/openid-configuration",
            "https://as.example/.well-known/oauth-authorization-server",
        ),
        (
            "https://as.example:8443/a/b/",
            "https://as.example:8443/a/b/.well-known/openid-configuration",
            "https://as.example:8443/.well-known/oauth-authorization-server/a/b",
        ),
        // However short the host is.
        (
            "https://a.b/c",
            "https://a.b/c/.well-known/openid-configuration",
            "https://a.b/.well-known/oauth-authorization-server/c",
        ),
    ] {
        assert_eq!(of(issuer).url().url(), open_id);
        assert_eq!(of(issuer).issuer(), issuer);
        assert_eq!(of(issuer).in_form(Form::Rfc8414).unwrap().url().url(), rfc8414);
    }
    let elsewhere = of(ISSUER).at("https://cdn.example/as.json?v=2").unwrap();
    assert_eq!((elsewhere.url().url(), elsewhere.issuer()), ("https://cdn.example/as.json?v=2", ISSUER));
}

// Conforms: R-8414-2-a
#[test]
fn what_can_be_no_issuer_is_refused_by_name() {
    let refused = |issuer| Discovery::new(issuer, Form::OpenId, PlainHttp::Loopback).unwrap_err();
    assert_eq!(refused("https://as.example/?tenant=1"), ConfigError::IssuerQuery);
    let place = "https://as.example/.well-known/openid-configuration";
    assert_eq!(refused(place), ConfigError::IssuerIsMetadata);
    assert_eq!(refused(""), ConfigError::Empty { field: "issuer" });
    assert_eq!(refused("as.example"), ConfigError::NotAUrl { field: "issuer" });
    assert!(matches!(refused("http://as.example"), ConfigError::PlainHttp { field: "issuer", .. }));
    assert!(matches!(refused("https://as.example/#a"), ConfigError::Fragment { field: "issuer", .. }));
    assert!(Discovery::new("http://as.example", Form::OpenId, PlainHttp::Dangerous).is_ok());
    assert!(Discovery::new("http://127.0.0.1:8080", Form::OpenId, PlainHttp::Loopback).is_ok());
    assert_eq!(of(ISSUER).at("nowhere").unwrap_err(), ConfigError::NotAUrl { field: "metadata_url" });
}

#[test]
fn an_age_beyond_its_bounds_is_the_nearest_of_them() {
    let (minute, day) = (Duration::from_secs(60), Duration::from_secs(86_400));
    assert_eq!(of(ISSUER).max_age(), day);
    for (set, counts) in
        [(minute, 10 * minute), (10 * minute, 10 * minute), (7 * day, 7 * day), (8 * day, 7 * day)]
    {
        assert_eq!(of(ISSUER).with_max_age(set).max_age(), counts);
        // And so for another issuer.
        let other = of(ISSUER).with_max_age(set).with_issuer("https://as.example/other").unwrap();
        assert_eq!(other.max_age(), counts);
    }
}

// Conforms: R-8414-2-e, R-8414-2-f
#[test]
fn a_document_says_where_the_token_endpoint_is_and_what_it_takes() {
    let body = document(
        r#","token_endpoint_auth_methods_supported":["private_key_jwt","tls_client_auth"],
        "token_endpoint_auth_signing_alg_values_supported":["RS256","PS256",7],
        "dpop_signing_alg_values_supported":["ES256"],"grant_types_supported":["authorization_code"],
        "mtls_endpoint_aliases":{"x":1,"token_endpoint":"https://mtls.as.example/token"},
        "scopes_supported":["a"],"other":{"deep":[1,2,{}]}"#,
    );
    for prefix in ["", "\u{feff}"] {
        let metadata = read(200, format!("{prefix}{body}")).unwrap();
        assert_eq!(metadata.token_endpoint().url(), "https://as.example/token");
        assert_eq!(metadata.mtls_token_endpoint().unwrap().url(), "https://mtls.as.example/token");
        assert_eq!(metadata.auth_methods().collect::<Vec<_>>(), ["private_key_jwt", "tls_client_auth"]);
        assert_eq!(metadata.signing_algorithms().collect::<Vec<_>>(), ["RS256", "PS256"]);
        assert_eq!(metadata.dpop_algorithms().collect::<Vec<_>>(), ["ES256"]);
        assert_eq!(metadata.grant_types().collect::<Vec<_>>(), ["authorization_code"]);
    }
}

#[test]
fn an_rsa_key_signs_by_the_best_that_a_server_lists() {
    for (lists, expected) in [
        (r#"["RS256","PS256","ES256"]"#, Algorithm::Ps256),
        (r#"["RS384","RS256"]"#, Algorithm::Rs256),
        // SMART App Launch asks servers for these two, and some take no others.
        (r#"["RS384","ES384"]"#, Algorithm::Rs384),
        (r#"["ES256"]"#, Algorithm::Rs256),
        ("[]", Algorithm::Rs256),
    ] {
        let list = format!(r#","token_endpoint_auth_signing_alg_values_supported":{lists}"#);
        assert_eq!(read(200, document(&list)).unwrap().rsa_algorithm(), expected, "{lists}");
    }
    assert_eq!(read(200, document("")).unwrap().rsa_algorithm(), Algorithm::Rs256);
}

// Conforms: R-8414-2-d, R-8414-2-f
#[test]
fn what_a_document_leaves_out_has_its_default() {
    let metadata = read(200, document("")).unwrap();
    assert_eq!(metadata.auth_methods().collect::<Vec<_>>(), ["client_secret_basic"]);
    assert_eq!(metadata.signing_algorithms().count() + metadata.dpop_algorithms().count(), 0);
    assert_eq!(metadata.mtls_token_endpoint(), None);
    // A list that says nothing says that nothing is taken; what is no list says nothing.
    let empty = read(200, document(r#","token_endpoint_auth_methods_supported":[]"#)).unwrap();
    assert_eq!(empty.auth_methods().count(), 0);
    let text = read(200, document(r#","token_endpoint_auth_methods_supported":"all""#)).unwrap();
    assert_eq!(text.auth_methods().collect::<Vec<_>>(), ["client_secret_basic"]);
}

#[test]
fn lists_are_bounded() {
    let many = vec![r#""ES256""#; 1000].join(",");
    let long = "x".repeat(65);
    let body = document(&format!(
        r#","token_endpoint_auth_signing_alg_values_supported":[{many}],"dpop_signing_alg_values_supported":["{long}","a"]"#
    ));
    let metadata = read(200, body).unwrap();
    assert_eq!(metadata.signing_algorithms().count(), MAX_LISTED);
    assert_eq!(metadata.dpop_algorithms().collect::<Vec<_>>(), ["a"]);
}

// Conforms: R-8414-3.3-a
#[test]
fn metadata_of_another_issuer_changes_nothing() {
    for found in [
        "https://as.example/realms/erp/",
        "https://as.example/realms/ERP",
        "https://login.example/{tenantid}",
    ] {
        let body = format!(r#"{{"issuer":"{found}","token_endpoint":"https://as.example/token"}}"#);
        let (class, fault) = fault(read(200, body));
        assert_eq!(class, Class::Permanent);
        let MetadataFault::Issuer { configured, found: Some(shown) } = &fault else { panic!("{fault}") };
        assert_eq!((configured.as_str(), shown.as_str()), (ISSUER, found));
        assert_eq!(
            alloc::string::ToString::to_string(&fault),
            format!("its issuer is {found}, and this client is configured for {ISSUER}")
        );
    }
    let (_, none) = fault(read(200, r#"{"token_endpoint":"https://as.example/token"}"#));
    assert!(matches!(none, MetadataFault::Issuer { found: None, .. }));
    let (_, number) = fault(read(200, r#"{"issuer":7,"token_endpoint":"https://as.example/token"}"#));
    assert!(matches!(number, MetadataFault::Issuer { found: None, .. }));
}

// Conforms: R-8414-2-b, A-22
#[test]
fn a_token_endpoint_that_credentials_may_not_be_sent_to_is_refused() {
    let with = |endpoint: &str| {
        fault(read(200, format!(r#"{{"issuer":"{ISSUER}","token_endpoint":{endpoint}}}"#))).1
    };
    for endpoint in [
        r#""http://as.example/token""#,
        r#""https://user@as.example/token""#,
        r#""https://as.example/token#a""#,
        r#""https://as.example/token?client_secret=1""#,
        r#""/token""#,
        r#""http://127.0.0.1:8500/v1/agent""#,
        r#""http://[::1]/token""#,
        r#""""#,
    ] {
        assert!(matches!(with(endpoint), MetadataFault::TokenEndpoint(_)), "{endpoint}");
    }
    for endpoint in ["7", "null", "[]"] {
        assert_eq!(with(endpoint), MetadataFault::NoTokenEndpoint, "{endpoint}");
    }
    assert_eq!(fault(read(200, format!(r#"{{"issuer":"{ISSUER}"}}"#))).1, MetadataFault::NoTokenEndpoint);
    // A server of this machine may name another one of it.
    let local = Discovery::new("http://127.0.0.1:1", Form::OpenId, PlainHttp::Loopback).unwrap();
    assert!(local.endpoint("http://127.0.0.1:2/token").is_ok());
    let somewhere = Discovery::new("https://as.example", Form::OpenId, PlainHttp::Dangerous).unwrap();
    assert!(somewhere.endpoint("http://as.example/token").is_ok(), "somebody said so by name");
    // The alias gets credentials too.
    let alias = document(r#","mtls_endpoint_aliases":{"token_endpoint":"http://as.example/token"}"#);
    assert!(matches!(fault(read(200, alias)).1, MetadataFault::TokenEndpoint(_)));
}

// Conforms: R-8414-3-c
#[test]
fn what_cannot_be_read_is_permanent_and_says_why() {
    let malformed = |body: &str| match fault(read(200, body)) {
        (Class::Permanent, MetadataFault::Malformed(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(malformed("<!doctype html>"), Malformed::Html);
    assert_eq!(malformed(""), Malformed::NotAnObject);
    assert_eq!(malformed("[]"), Malformed::NotAnObject);
    assert_eq!(malformed(r#"{"issuer":"#), Malformed::Syntax);
    assert_eq!(malformed(&document(r#","issuer":"https://evil.example""#)), Malformed::Duplicate("issuer"));
    assert_eq!(
        malformed(&document(r#","token_endpoint":"https://evil.example/token""#)),
        Malformed::Duplicate("token_endpoint")
    );
    let long = document(&format!(r#","x":"{}""#, "y".repeat(MAX_BODY)));
    assert_eq!(fault(read(200, long)), (Class::Permanent, MetadataFault::TooLong));
    let fits = MAX_BODY - document(r#","x":"""#).len();
    assert!(read(200, document(&format!(r#","x":"{}""#, "y".repeat(fits)))).is_ok());
    let answer = |response: Response| fault(Metadata::read(&response, &of(ISSUER), Wall::default())).1;
    let coded = Response::new(200).with_header("Content-Encoding", b"br").with_body(document("").into());
    assert_eq!(answer(coded), MetadataFault::Malformed(Malformed::Coded));
    let broken = Response::new(200).with_broken_body();
    assert_eq!(answer(broken), MetadataFault::Malformed(Malformed::Broken));
    let announced = Response::new(200).with_header("Content-Length", b"2000000");
    assert_eq!(answer(announced), MetadataFault::TooLong);
}

#[test]
fn a_status_says_whether_asking_again_can_help() {
    for status in [408, 425, 429, 500, 503, 599] {
        assert_eq!(fault(read(status, document(""))), (Class::Transient, MetadataFault::Status), "{status}");
    }
    for status in [201, 204, 400, 401, 403, 404, 410] {
        assert_eq!(fault(read(status, document(""))), (Class::Permanent, MetadataFault::Status), "{status}");
    }
    let busy = Response::new(429).with_header("Retry-After", b"7");
    let refusal = Metadata::read(&busy, &of(ISSUER), Wall::default()).unwrap_err();
    assert_eq!(refusal.retry_after(), Some(Duration::from_secs(7)));
    let moved = Response::new(302).with_header("Location", b"https://new.example/well-known?token=secret");
    let (class, fault) = fault(Metadata::read(&moved, &of(ISSUER), Wall::default()));
    let MetadataFault::Redirect { target: Some(target) } = fault else { panic!("{fault}") };
    assert_eq!((class, target.as_str()), (Class::Permanent, "https://new.example/well-known"));
}

#[test]
fn no_answer_is_transient_and_says_where_none_came_from() {
    use crate::error::TransportErrorKind;
    use alloc::string::ToString;
    let error = TransportError::ours(TransportErrorKind::Resolve, "no such host");
    let refusal = unreachable(&of(ISSUER), error);
    assert_eq!(refusal.class(), Class::Transient);
    assert_eq!(
        refusal.to_string(),
        "the authorization server's metadata cannot be had from \
         https://as.example/realms/erp/.well-known/openid-configuration: the host name cannot be resolved (no such host); check the \
         host of the issuer, and this machine's DNS"
    );
}
