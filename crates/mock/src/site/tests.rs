use super::*;

fn site(issuer: &str) -> Site {
    Site { origin: "http://127.0.0.1:1".to_owned(), issuer: issuer.to_owned(), ..Site::new() }
}

#[test]
fn an_issuer_is_the_origin_a_path_at_it_or_something_else() {
    for (issuer, expected) in [
        ("", "http://127.0.0.1:1"),
        ("/", "http://127.0.0.1:1/"),
        ("/realms/shop", "http://127.0.0.1:1/realms/shop"),
        ("https://login.example.com", "https://login.example.com"),
    ] {
        assert_eq!(site(issuer).issuer(), expected);
    }
}

#[test]
fn metadata_is_behind_the_path_of_the_issuer_or_before_it() {
    for issuer in ["/realms/shop", "/realms/shop/", "https://login.example.com/realms/shop"] {
        let site = site(issuer);
        for (path, found) in [
            ("/realms/shop/.well-known/openid-configuration", true),
            ("/.well-known/oauth-authorization-server/realms/shop", true),
            ("/.well-known/openid-configuration", false),
            ("/.well-known/oauth-authorization-server", false),
            ("/realms/other/.well-known/openid-configuration", false),
            ("/.well-known/oauth-authorization-server/realms/shop/", false),
        ] {
            assert_eq!((site.endpoint(path), site.has_metadata(path)), (Endpoint::Metadata, found), "{path}");
        }
    }
    for issuer in ["", "/", "https://login.example.com", "https://login.example.com/"] {
        let site = site(issuer);
        assert!(site.has_metadata(OPENID) && site.has_metadata(OAUTH), "{issuer}");
        assert!(!site.has_metadata("/a/.well-known/openid-configuration"), "{issuer}");
    }
}

#[test]
fn a_token_endpoint_that_was_moved_is_at_one_path_and_was_at_the_others() {
    let mut site = site("");
    let at = |site: &Site| ["/access-token", "/a", "/b"].map(|path| site.has_token_endpoint(path));
    let is = |site: &Site| ["/access-token", "/a", "/b"].map(|path| site.endpoint(path) == Endpoint::Token);
    assert_eq!((at(&site), is(&site)), ([true, false, false], [true, false, false]));
    site.move_token_endpoint("/a");
    site.move_token_endpoint("/b");
    assert_eq!((at(&site), is(&site)), ([false, false, true], [true; 3]));
    site.move_token_endpoint("/access-token");
    assert_eq!((at(&site), is(&site)), ([true, false, false], [true; 3]));
    assert_eq!(site.left, ["/a", "/b"]);
    assert_eq!(site.endpoint("/c"), Endpoint::Resource);
}

#[test]
fn a_token_endpoint_has_an_alias_where_clients_are_asked_for_a_certificate() {
    let mut site = site("");
    assert_eq!((site.endpoint("/mtls/a"), site.mtls_token_endpoint()), (Endpoint::Resource, None));
    site.asks_for_certificates = true;
    site.move_token_endpoint("/a");
    assert_eq!(site.mtls_token_endpoint().as_deref(), Some("http://127.0.0.1:1/mtls/a"));
    for (path, found) in [("/mtls/a", true), ("/a", true), ("/mtls/access-token", false)] {
        assert_eq!((site.endpoint(path), site.has_token_endpoint(path)), (Endpoint::Token, found), "{path}");
    }
}
