use super::*;

fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in lines {
        fields.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    fields
}

fn shown(fields: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<_> =
        fields.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines
}

fn sent(lines: &[(&'static str, &'static str)], rules: &FieldRules) -> Vec<String> {
    let mut fields = fields(lines);
    to_upstream(&mut fields, rules, Version::HTTP_11, None).unwrap();
    shown(&fields)
}

fn answered(lines: &[(&'static str, &'static str)], rules: &FieldRules) -> Vec<String> {
    let mut fields = fields(lines);
    to_caller(&mut fields, rules);
    shown(&fields)
}

// G2
#[test]
fn what_proxies_say_of_an_answer_goes_on_and_a_callers_does_not() {
    let mut fields = HeaderMap::new();
    fields.insert("proxy-status", HeaderValue::from_static("evergrant-1; error=dns_error"));
    fields.insert("proxy-x", HeaderValue::from_static("1"));
    let mut answer = fields.clone();
    to_caller(&mut answer, &FieldRules::default());
    assert!(answer.contains_key("proxy-status") && !answer.contains_key("proxy-x"));
    to_upstream(&mut fields, &FieldRules::default(), Version::HTTP_11, None).unwrap();
    assert!(fields.is_empty());
}

#[test]
fn nothing_that_is_the_callers_own_or_the_connections_goes_to_the_api() {
    let all = [
        ("authorization", "Bearer of the caller"),
        ("cookie", "session=1"),
        ("proxy-authorization", "Basic eDp5"),
        ("proxy-connection", "keep-alive"),
        ("proxy-something", "x"),
        ("x-evergrant-key", "key"),
        ("connection", "close, X-Named , authorization, host"),
        ("connection", "x-also-named"),
        ("x-named", "1"),
        ("x-also-named", "2"),
        ("keep-alive", "timeout=5"),
        ("te", "gzip;q=0.5"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("expect", "100-continue"),
        ("host", "localhost:8484"),
        ("forwarded", "for=1.2.3.4"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-anything", "x"),
        ("x-real-ip", "1.2.3.4"),
        ("x-original-url", "/admin"),
        ("x-rewrite-url", "/admin"),
        ("x-http-method", "DELETE"),
        ("x-http-method-override", "DELETE"),
        ("x-method-override", "DELETE"),
    ];
    assert_eq!(sent(&all, &FieldRules::default()), [] as [&str; 0]);
}

#[test]
fn everything_else_passes_as_it_is() {
    let lines = [
        ("accept", "application/vnd.api+json"),
        ("accept-encoding", "br, gzip"),
        ("content-type", "application/json"),
        ("idempotency-key", "1"),
        ("if-none-match", "\"x\""),
        ("range", "bytes=0-1"),
        ("trailer", "digest"),
        ("x-custom", "a"),
        ("x-custom", "b"),
    ];
    let mut expected: Vec<_> = lines.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    expected.sort();
    assert_eq!(sent(&lines, &FieldRules::default()), expected);
}

// G2
#[test]
fn a_byte_that_is_no_text_hides_nothing_that_a_list_names() {
    let odd = |text: &[u8]| HeaderValue::from_bytes(text).unwrap();
    let mut fields = fields(&[("x-named", "1"), ("te", "gzip")]);
    fields.append(CONNECTION, odd(b"\xff, x-named"));
    fields.append(VIA, odd(b"1.1 \xff, 1.1 Evergrant-7F"));
    assert_eq!(
        to_upstream(
            &mut fields.clone(),
            &FieldRules::default(),
            Version::HTTP_11,
            Via::new("evergrant-7f").as_ref()
        ),
        Err(Looped)
    );
    fields.append(TE, odd(b"\xff, trailers"));
    fields.remove(VIA);
    to_upstream(&mut fields, &FieldRules::default(), Version::HTTP_11, None).unwrap();
    assert_eq!(shown(&fields), ["te: trailers"]);

    let mut answer = HeaderMap::new();
    answer.append(CACHE_CONTROL, odd(b"x=\xff, no-store"));
    to_caller(&mut answer, &FieldRules::default());
    assert_eq!(answer.len(), 1);
}

#[test]
fn a_length_beside_a_coding_goes_no_further() {
    let both = [("content-length", "5"), ("transfer-encoding", "chunked")];
    assert_eq!(sent(&both, &FieldRules::default()), [] as [&str; 0]);
    assert_eq!(answered(&both, &FieldRules::default()), ["cache-control: private"]);
    assert_eq!(sent(&both[..1], &FieldRules::default()), ["content-length: 5"]);
}

#[test]
fn a_length_that_is_said_twice_goes_on_once() {
    let twice = [("content-length", "5"), ("content-length", "5")];
    assert_eq!(sent(&twice, &FieldRules::default()), ["content-length: 5"]);
    assert_eq!(answered(&twice[..], &FieldRules::default()), ["cache-control: private", "content-length: 5"]);
}

#[test]
fn a_caller_that_takes_trailers_still_does() {
    for te in ["trailers", "gzip, Trailers"] {
        assert_eq!(sent(&[("te", te), ("connection", "te")], &FieldRules::default()), ["te: trailers"]);
    }
}

#[test]
fn cookies_pass_where_the_route_says_so() {
    let rules = FieldRules { cookies: true, ..FieldRules::default() };
    assert_eq!(sent(&[("cookie", "a=1")], &rules), ["cookie: a=1"]);
    let answer = [("set-cookie", "a=1"), ("cache-control", "no-store")];
    assert_eq!(answered(&answer, &rules), ["cache-control: no-store", "set-cookie: a=1"]);
    assert_eq!(answered(&answer, &FieldRules::default()), ["cache-control: no-store"]);
}

#[test]
fn where_a_body_must_be_read_only_codings_pass_that_can_be() {
    let rules = FieldRules { reads_bodies: true, ..FieldRules::default() };
    for (asked, kept) in [
        ("br, GZip;q=0.5, zstd, deflate", "GZip;q=0.5, deflate"),
        ("br", "identity"),
        ("*", "identity"),
        ("identity", "identity"),
    ] {
        assert_eq!(sent(&[("accept-encoding", asked)], &rules), [format!("accept-encoding: {kept}")]);
    }
    assert_eq!(sent(&[], &rules), ["accept-encoding: identity"]);
}

#[test]
fn each_proxy_on_the_way_is_named_and_a_loop_is_seen() {
    let mut fields = fields(&[("via", "1.0 fred, 1.1 p.example")]);
    let (ours, another) = (Via::new("evergrant-7f").unwrap(), Via::new("evergrant-8a").unwrap());
    to_upstream(&mut fields, &FieldRules::default(), Version::HTTP_11, Some(&ours)).unwrap();
    assert_eq!(shown(&fields), ["via: 1.0 fred, 1.1 p.example", "via: 1.1 evergrant-7f"]);
    let again = to_upstream(&mut fields, &FieldRules::default(), Version::HTTP_2, Some(&ours));
    assert_eq!(again, Err(Looped));
    assert_eq!(to_upstream(&mut fields, &FieldRules::default(), Version::HTTP_2, Some(&another)), Ok(()));
    assert!(shown(&fields).contains(&"via: 2 evergrant-8a".to_owned()));
    assert!(Via::new("a\nb").is_none());
}

#[test]
fn what_an_api_says_to_us_alone_does_not_reach_the_caller() {
    let lines = [
        ("authorization", "Bearer ours"),
        ("www-authenticate", "Bearer error=\"invalid_token\""),
        ("connection", "x-named"),
        ("x-named", "1"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("proxy-authenticate", "Basic"),
        ("etag", "\"x\""),
    ];
    let rules = FieldRules::default();
    // Of a 401 that is not about our token the caller needs the challenge.
    let kept = ["cache-control: private", "etag: \"x\"", "www-authenticate: Bearer error=\"invalid_token\""];
    assert_eq!(answered(&lines, &rules), kept);
}

#[test]
fn no_shared_cache_keeps_an_answer_unless_the_api_says_that_it_may() {
    let rules = FieldRules::default();
    for said in ["public, max-age=60", "S-MaxAge=60", "must-revalidate", "Private", "no-store"] {
        let lines: [(&'static str, &'static str); 1] = [("cache-control", said)];
        assert_eq!(answered(&lines, &rules), [format!("cache-control: {said}")]);
    }
    for said in ["max-age=60", "no-cache", "x=public"] {
        let lines: [(&'static str, &'static str); 1] = [("cache-control", said)];
        let mut expected = [format!("cache-control: {said}"), "cache-control: private".into()];
        expected.sort();
        assert_eq!(answered(&lines, &rules), expected);
    }
}

#[test]
fn a_media_type_is_read_without_its_parameters() {
    let of = |value: &'static [u8]| {
        let value = HeaderValue::from_bytes(value).unwrap();
        media_type(&HeaderMap::from_iter([(CONTENT_TYPE, value)])).map(str::to_owned)
    };
    assert_eq!(of(b"text/plain").as_deref(), Some("text/plain"));
    assert_eq!(of(b" Text/Plain ;x=\"\xff\"").as_deref(), Some("Text/Plain"));
    assert_eq!(of(b"text/\xff").as_deref(), Some(""));
    assert_eq!(media_type(&HeaderMap::new()), None);
}
