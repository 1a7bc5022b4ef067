use super::*;
use crate::origin::Origin;

#[test]
fn what_is_known_of_myparcel_is_what_would_be_read() {
    for (provider, endpoint, api) in [
        (myparcel::production(), "https://auth.myparcel.com/access-token", "https://api.myparcel.com"),
        (
            myparcel::sandbox(),
            "https://auth.sandbox.myparcel.com/access-token",
            "https://api.sandbox.myparcel.com",
        ),
    ] {
        assert_eq!(Ok(provider.server().clone()), Endpoint::parse(endpoint));
        assert_eq!(provider.origins(), &Origins::from(Origin::parse(api).unwrap()));
        assert_eq!(provider.body(), BodyFormat::Json);
        assert_eq!(provider.errors(), ErrorFormat::MyParcel);
        assert_eq!(provider.default_scope(), &Scope::parse("*").unwrap());
        assert_eq!(provider.verdict(), &VerdictRule::MyParcel);
    }
}

#[test]
fn each_part_of_a_provider_can_be_set() {
    let plain = "http://auth:8080/token";
    let provider = Provider::rfc6749("https://as.example/token").unwrap();
    assert!(provider.clone().with_token_endpoint(plain).is_err());
    let provider = provider
        .with_token_endpoint_dangerous_plain_http(plain)
        .unwrap()
        .with_body(BodyFormat::Json)
        .with_errors(ErrorFormat::MyParcel)
        .with_default_scope("a b")
        .unwrap()
        .with_verdict(VerdictRule::MyParcel);
    assert_eq!(provider.server().url(), plain);
    assert_eq!((provider.body(), provider.errors()), (BodyFormat::Json, ErrorFormat::MyParcel));
    assert_eq!(provider.default_scope(), &Scope::parse("a b").unwrap());
    assert_eq!(provider.verdict(), &VerdictRule::MyParcel);
}

#[test]
fn hosts_can_be_overridden() {
    let elsewhere = Origins::from(Origin::parse("http://127.0.0.1:2").unwrap());
    let provider = myparcel::sandbox()
        .with_token_endpoint("http://127.0.0.1:1/access-token")
        .unwrap()
        .with_origins(elsewhere.clone());
    assert_eq!(provider.server().url(), "http://127.0.0.1:1/access-token");
    assert_eq!(provider.origins(), &elsewhere);
    assert_eq!(provider.body(), BodyFormat::Json);
    assert!(myparcel::sandbox().with_token_endpoint("http://mock/access-token").is_err());
    assert!(myparcel::sandbox().with_token_endpoint_dangerous_plain_http("http://mock/access-token").is_ok());
}

// Conforms: R-6749-10.3-a
#[test]
fn a_plain_server_has_a_form_no_scope_and_no_origins() {
    let provider = Provider::rfc6749("https://as.example/token").unwrap();
    assert_eq!(provider.body(), BodyFormat::Form);
    assert!(provider.default_scope().is_empty() && provider.origins().is_empty());
    assert!(Provider::rfc6749("http://as/token").is_err());
    assert!(Provider::rfc6749_dangerous_plain_http("http://as/token").is_ok());
    let changed = provider
        .with_body(BodyFormat::Json)
        .with_errors(ErrorFormat::MyParcel)
        .with_verdict(VerdictRule::MyParcel)
        .with_default_scope("a b")
        .unwrap();
    assert_eq!(changed.default_scope().tokens().len(), 2);
    assert!(changed.with_default_scope("a\"").is_err());
}
