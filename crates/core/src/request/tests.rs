use super::*;
use alloc::format;

fn parameters<'a>(pairs: &[(&'a str, &[&'a str])]) -> Vec<Parameter<'a>> {
    pairs.iter().filter_map(|(name, values)| Parameter::new(name, values.iter().copied())).collect()
}

// Conforms: R-6749-3.2-d, R-6749-B-a
#[test]
fn a_form_is_encoded_as_rfc_6749_appendix_b_says() {
    let body =
        form(&parameters(&[("a", &[" %&+£€"]), ("r", &["x", "y"]), ("gone", &[""]), ("b", &["sthUI=+2~"])]));
    assert_eq!(core::str::from_utf8(&body), Ok("a=+%25%26%2B%C2%A3%E2%82%AC&r=x&r=y&b=sthUI%3D%2B2%7E"));
}

// Conforms: M-01
#[test]
fn json_escapes_what_it_must_and_nothing_else() {
    let text = "S\"\\é\u{1f}\n/\u{7f}\u{2028}";
    let body = json(&parameters(&[("secret", &[text]), ("resource", &["a", "b"])]));
    assert_eq!(
        core::str::from_utf8(&body),
        Ok("{\"secret\":\"S\\\"\\\\é\\u001f\\u000a/\u{7f}\u{2028}\",\"resource\":[\"a\",\"b\"]}")
    );
    let read: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(read["secret"], text);
}

#[test]
fn no_body_outgrows_its_allocation() {
    let worst = "\u{1f}".repeat(100);
    let alone = parameters(&[("name", &[&worst])]);
    assert_eq!(json(&alone).capacity(), allocated(&alone).capacity(), "one value leaves a byte");
    let parameters = parameters(&[("name", &[&worst, &worst, "x"]), ("more", &[&worst])]);
    let bound = allocated(&parameters).capacity();
    assert!(json(&parameters).len() <= bound && form(&parameters).len() <= bound);
    assert_eq!(json(&parameters).capacity(), bound);
    assert_eq!(form(&parameters).capacity(), bound);
    assert!(bound - json(&parameters).len() < 20, "and wastes little: {bound}");
}

// Conforms: A-03
#[test]
fn debug_shows_neither_query_nor_body_nor_authorization() {
    let endpoint = Endpoint::parse("https://as.example/t?x=SENTINEL").unwrap();
    let authorization = Some(Zeroizing::new(String::from("Basic SENTINEL")));
    let request = Request::new(
        endpoint,
        BodyFormat::Form,
        authorization,
        &parameters(&[("client_secret", &["SENTINEL"])]),
    );
    assert_eq!((request.method(), request.endpoint().url()), ("POST", "https://as.example/t?x=SENTINEL"));
    let shown = format!("{request:?}");
    assert!(!shown.contains("SENTINEL"), "{shown}");
    assert!(shown.contains("https://as.example/t") && shown.contains("authorization"), "{shown}");
    assert!(shown.contains("body_len: 22"), "{shown}");
}
