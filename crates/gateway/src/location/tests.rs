use super::*;
use http::header::{HeaderName, REFRESH};

const UPSTREAM: &str = "https://api.example.com/base/";
const BASE: &str = "http://localhost:8484/route/";

fn moved(name: HeaderName, text: &str, upstream: &str, base: &str) -> String {
    let mut fields = HeaderMap::new();
    fields.insert(&name, HeaderValue::from_str(text).unwrap());
    relocate(&mut fields, upstream, base);
    fields[name].to_str().unwrap().into()
}

fn to(text: &str) -> String {
    let location = moved(LOCATION, text, UPSTREAM, BASE);
    assert_eq!(moved(CONTENT_LOCATION, text, UPSTREAM, BASE), location);
    location
}

#[test]
fn a_link_below_the_upstream_leads_below_the_base() {
    for (link, expected) in [
        ("https://api.example.com/base/orders/7?page[number]=2#x", "/route/orders/7?page[number]=2#x"),
        ("https://api.example.com/base/", "/route/"),
        ("https://api.example.com/base/?a=b", "/route/?a=b"),
        // The same origin, written otherwise.
        ("HTTPS://API.Example.COM:443/base/x", "/route/x"),
        ("https://api.example.com:/base/x", "/route/x"),
        ("//api.example.com/base/x", "/route/x"),
        // What is below it is not read.
        ("https://api.example.com/base/%2f..%00", "/route/%2f..%00"),
        ("https://api.example.com/base/a/../b", "/route/a/../b"),
        (
            "https://api.example.com/base/x?u=https://api.example.com/base/",
            "/route/x?u=https://api.example.com/base/",
        ),
    ] {
        assert_eq!(to(link), expected, "{link}");
    }
}

#[test]
fn an_absolute_path_becomes_the_callers() {
    assert_eq!(to("/base/x?a=b"), "/route/x?a=b");
    assert_eq!(to("/base/"), "/route/");
    // It is right as it is where both have one path.
    for (upstream, base) in [
        ("https://api.example.com/", "http://localhost:8484/"),
        ("https://api.example.com/v1/", "http://localhost:8484/v1/"),
    ] {
        assert_eq!(moved(LOCATION, "/v1/x", upstream, base), "/v1/x");
        assert_eq!(moved(LOCATION, "/v1//x", upstream, base), "/v1//x");
    }
    assert_eq!(moved(LOCATION, "/x", "https://api.example.com/", BASE), "/route/x");
    assert_eq!(moved(LOCATION, "/base/x", UPSTREAM, "http://localhost:8484/"), "/x");
}

#[test]
fn no_path_becomes_the_name_of_another_host() {
    let root = "http://localhost:8484/";
    // Browsers take a backslash for a slash, and leave tabs out.
    for below in ["/evil.example/x", "\\evil.example/x", "\t/evil.example/x", "\t\\evil.example/x"] {
        assert_eq!(moved(LOCATION, &format!("/base/{below}"), UPSTREAM, root), format!("{root}{below}"));
    }
    assert_eq!(
        moved(LOCATION, "https://api.example.com/base//evil.example/x", UPSTREAM, root),
        "http://localhost:8484//evil.example/x"
    );
}

#[test]
fn every_other_link_stays_byte_for_byte() {
    for link in [
        "https://api.example.com.evil/base/x",
        "https://api.example.com@evil.example/base/x",
        "https://user@api.example.com/base/x",
        "https://api.example.com:8443/base/x",
        "https://api.example.com:99999/base/x",
        "https://api.example.com:x/base/x",
        "http://api.example.com/base/x",
        "https://evil.example/base/x",
        "https://api.example.com\\@evil.example/base/x",
        "//evil.example/base/x",
        "//api.example.com.evil/base/x",
        // Not below the upstream's path.
        "https://api.example.com",
        "https://api.example.com?a",
        "https://api.example.com/base",
        "https://api.example.com/basement/x",
        "https://api.example.com/other/https://api.example.com/base/",
        "https://api.example.com/base/../x",
        "https://api.example.com/base/a/%2e%2E/.%2e/x",
        "https://api.example.com/base/./../x",
        "/base",
        "/other/x",
        "/base/../x",
        // Relative to the request, and so right below either.
        "x",
        "../x",
        "?page=2",
        "#x",
        "",
        "mailto:a@api.example.com",
        "urn:x://api.example.com/base/",
        "https:/api.example.com/base/x",
        "x?u=https://api.example.com/base/x",
    ] {
        assert_eq!(to(link), link);
    }
    // Nor is any other field looked at.
    assert_eq!(
        moved(REFRESH, "https://api.example.com/base/x", UPSTREAM, BASE),
        "https://api.example.com/base/x"
    );
}

#[test]
fn an_upstream_without_a_path_has_the_root() {
    let at = |text| moved(LOCATION, text, "https://api.example.com/", BASE);
    assert_eq!(at("https://api.example.com"), "/route/");
    assert_eq!(at("https://api.example.com?a=b"), "/route/?a=b");
    assert_eq!(at("https://api.example.com#x"), "/route/#x");
    assert_eq!(at("https://api.example.com/x"), "/route/x");
}

#[test]
fn of_a_link_field_only_the_targets_are_changed() {
    for (field, expected) in [
        ("<https://api.example.com/base/x?page=2>; rel=\"next\"", "</route/x?page=2>; rel=\"next\""),
        (
            "</base/a>;rel=prev , <https://evil.example/b,c>; rel=last,<//api.example.com/base/d>",
            "</route/a>;rel=prev , <https://evil.example/b,c>; rel=last,</route/d>",
        ),
        // What a parameter says is no target, whatever it has in it.
        (
            "</base/a>; title=\"x, </base/b> \\\", </base/c>\"; anchor=\"/base/d\", </base/e>",
            "</route/a>; title=\"x, </base/b> \\\", </base/c>\"; anchor=\"/base/d\", </route/e>",
        ),
        (", ,</base/a>,,\t</base/b>,", ", ,</route/a>,,\t</route/b>,"),
        ("</base/a,b>; x", "</route/a,b>; x"),
        // No links: they stay.
        ("/base/a; rel=next", "/base/a; rel=next"),
        ("</base/a", "</base/a"),
        ("</base/a>, x</base/b>", "</route/a>, x</base/b>"),
        ("", ""),
        ("<>; rel=self", "<>; rel=self"),
        ("</base/a>; title=\"open, </base/b>", "</route/a>; title=\"open, </base/b>"),
        ("</base/a>; title=\\\", </base/b>\"", "</route/a>; title=\\\", </base/b>\""),
    ] {
        assert_eq!(moved(LINK, field, UPSTREAM, BASE), expected);
    }
}

#[test]
fn each_line_of_a_field_is_changed_and_bytes_that_are_no_text_are_not() {
    let mut fields = HeaderMap::new();
    let odd = HeaderValue::from_bytes(b"</base/\xff>").unwrap();
    for value in [HeaderValue::from_static("</base/a>"), odd.clone(), HeaderValue::from_static("</base/b>")] {
        fields.append(LINK, value);
    }
    relocate(&mut fields, UPSTREAM, BASE);
    let lines: Vec<_> = fields.get_all(LINK).iter().collect();
    assert_eq!(
        lines,
        [&HeaderValue::from_static("</route/a>"), &odd, &HeaderValue::from_static("</route/b>")]
    );
}

#[test]
fn without_two_urls_that_end_in_a_slash_nothing_is_changed() {
    for (upstream, base) in [
        ("https://api.example.com/base", BASE),
        ("https://api.example.com", BASE),
        ("api.example.com/base/", BASE),
        ("https://u@api.example.com/base/", BASE),
        (UPSTREAM, "http://localhost:8484/route"),
        (UPSTREAM, "/route/"),
    ] {
        assert_eq!(
            moved(LOCATION, "https://api.example.com/base/x", upstream, base),
            "https://api.example.com/base/x"
        );
    }
}
