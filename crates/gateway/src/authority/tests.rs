use super::*;

#[test]
fn host_and_port_are_split_where_everybody_splits_them() {
    for (text, expected) in [
        ("a", ("a", None)),
        ("a:", ("a", None)),
        ("a.b:1", ("a.b", Some(1))),
        ("a:080", ("a", Some(80))),
        ("a:65535", ("a", Some(65_535))),
        ("[::1]", ("[::1]", None)),
        ("[::1]:80", ("[::1]", Some(80))),
    ] {
        assert_eq!(split(text), Some(expected), "{text}");
    }
}

#[test]
fn an_authority_that_two_readers_take_differently_is_none() {
    for text in [
        "",
        ":80",
        "a:b",
        "a:+80",
        "a:-1",
        "a:65536",
        "a:80:80",
        "a:80x",
        "[::1",
        "[::1]x",
        "[::1]x:80",
        "x[::1]",
        "u@a",
        "u:p@a",
        "a:80@b",
        "::1",
        "[::1]80",
    ] {
        assert_eq!(split(text), None, "{text}");
    }
}

#[test]
fn an_origin_is_the_same_however_it_is_written() {
    let api = Origin::parse("https://api.example.com").ok();
    for (scheme, authority) in
        [("https", "api.example.com"), ("HTTPS", "API.example.com:443"), ("https", "api.example.com:")]
    {
        assert_eq!(origin(scheme, authority), api, "{scheme} {authority}");
    }
    assert_ne!(origin("http", "api.example.com"), api);
    assert_eq!(origin("https", "api.example.com:x"), None);
}

#[test]
fn an_ipv6_address_loses_its_brackets_and_nothing_else_does() {
    for (host, bare) in [("[::1]", "::1"), ("::1", "::1"), ("api.example", "api.example"), ("[::1", "[::1")] {
        assert_eq!(without_brackets(host), bare);
    }
}
