use super::*;

/// A client that was refused with 401 and `invalid_client`, and no more words.
const REFUSED: Circumstances<'_> = Circumstances {
    method: "client_secret_basic",
    body: BodyFormat::Form,
    encodes: false,
    challenge: None,
    status: Some(401),
    code: Some("invalid_client"),
};

#[track_caller]
fn advises(circumstances: Circumstances<'_>, flags: &[&str]) {
    let advice = circumstances.advice();
    assert_eq!(advice.len(), flags.len(), "{advice:?}");
    for (sentence, flag) in advice.iter().zip(flags) {
        assert!(sentence.ends_with(flag), "{flag} is not in: {sentence}");
    }
}

#[test]
fn a_refusal_without_a_hint_brings_no_advice() {
    advises(REFUSED, &[]);
    advises(Circumstances { method: "client_secret_post", ..REFUSED }, &[]);
    advises(Circumstances { code: Some("invalid_scope"), status: Some(400), encodes: true, ..REFUSED }, &[]);
    advises(Circumstances { code: Some("invalid_request"), status: Some(400), ..REFUSED }, &[]);
}

#[test]
fn the_encoding_of_basic_is_named_where_it_makes_a_difference() {
    advises(Circumstances { encodes: true, ..REFUSED }, &["--auth basic-raw"]);
    advises(Circumstances { encodes: true, method: "client_secret_basic_raw", ..REFUSED }, &[]);
    advises(Circumstances { encodes: true, method: "client_secret_post", ..REFUSED }, &[]);
}

#[test]
fn a_server_that_wants_basic_is_recognized_by_its_challenge() {
    let post = Circumstances { method: "client_secret_post", ..REFUSED };
    advises(Circumstances { challenge: Some("Basic realm=\"x\""), ..post }, &["--auth basic"]);
    advises(Circumstances { challenge: Some("Bearer"), ..post }, &[]);
    advises(Circumstances { challenge: Some("Basic realm=\"x\""), ..REFUSED }, &[]);
    advises(Circumstances { method: "none", ..REFUSED }, &["--auth basic"]);
}

#[test]
fn the_other_format_of_the_body_is_named() {
    let request = Circumstances { code: Some("invalid_request"), status: Some(400), ..REFUSED };
    let json = Circumstances { body: BodyFormat::Json, ..request };
    advises(json, &["--body form"]);
    advises(Circumstances { code: Some("unsupported_grant_type"), ..json }, &["--body form"]);
    advises(Circumstances { code: None, status: Some(415), ..json }, &["--body form"]);
    advises(Circumstances { code: None, status: Some(415), ..request }, &["--body json"]);
    advises(request, &[]);
}
