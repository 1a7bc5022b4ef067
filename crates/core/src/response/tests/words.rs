//! The words of a refusal.

use super::*;

// Conforms: R-6749-5.2-i, Q-31, A-15
#[test]
fn a_description_is_printable_and_bounded() {
    let body = format!(
        "{{\"error\":\"invalid_client\",\"error_description\":\"bad\\r\\nSet-Cookie: x\\u001b[31m\\u0000\\u007f\\u009b\\u202e\\u2028{}\"}}",
        "x".repeat(5000)
    );
    let refusal = refused(401, &body);
    let Problem::ErrorResponse(response) = refusal.problem() else { panic!("{refusal}") };
    let description = response.description.as_ref().unwrap().as_str();
    assert!(description.starts_with("badSet-Cookie: x[31mxxx"), "{description}");
    assert_eq!(description.chars().count(), 256);
    let latin = read(&answer(400, JSON, b"{\"error\":\"x\",\"error_description\":\"caf\xe9\"}")).unwrap_err();
    assert!(format!("{latin}").contains("caf\u{fffd}"), "{latin}");
}

fn words(refusal: &Refusal) -> Option<&str> {
    refusal.description().map(Excerpt::as_str)
}

/// Bodies without an `error`, and the words in them.
const SHAPES: [(&str, &str); 18] = [
    (
        r#"{"errorCode":"E0000022","errorSummary":"no such endpoint","errorLink":"E0000022"}"#,
        "E0000022: no such endpoint",
    ),
    (r#"{"errorSummary":" no such endpoint "}"#, "no such endpoint"),
    (r#"{"ErrorCode":"invalid_client","Error":"wrong secret"}"#, "invalid_client: wrong secret"),
    (r#"{"fault":{"faultstring":"Invalid ApiKey","detail":{"errorcode":"oauth.v2.X"}}}"#, "Invalid ApiKey"),
    (
        r#"{"type":"about:blank","title":"Denied","status":403,"detail":"no such client"}"#,
        "Denied: no such client",
    ),
    (r#"{"title":"Denied","status":403}"#, "Denied"),
    (r#"{"detail":"no such client"}"#, "no such client"),
    (r#"{"code":"UNAUTHORIZED","message":"wrong secret"}"#, "UNAUTHORIZED: wrong secret"),
    (r#"{"code":40101,"message":"wrong secret"}"#, "40101: wrong secret"),
    (r#"{"code":null,"message":"wrong secret"}"#, "wrong secret"),
    (r#"{"code":"wrong secret","message":"wrong secret"}"#, "wrong secret"),
    (r#"{"message":"CSRF token mismatch."}"#, "CSRF token mismatch."),
    (
        r#"{"errors":[{"code":"7","title":"Denied","detail":"no such client"},{"detail":"more"}]}"#,
        "Denied: no such client",
    ),
    (r#"{"errors":[{"code":7,"message":"no such client"}]}"#, "7: no such client"),
    (r#"{"errors":["no such client","more"]}"#, "no such client"),
    (r#"{"error":null,"error_description":"no such client"}"#, "no such client"),
    (r#"{"error":{"code":1},"message":"no such client"}"#, "no such client"),
    (r#"{"errorCode":7,"errorDescription":"no such client"}"#, "7: no such client"),
];

// Conforms: R-6749-5.2-f, Q-19
#[test]
fn the_words_of_an_error_without_an_error_member_are_the_description_and_decide_nothing() {
    for (body, said) in SHAPES {
        for status in [400, 401, 403, 404, 429, 500, 501, 503] {
            let (plain, refusal) = (refused(status, "{}"), refused(status, body));
            assert_eq!(
                (refusal.class(), refusal.code(), words(&refusal)),
                (plain.class(), None, Some(said)),
                "{body}"
            );
            assert_eq!(refusal.advice(), plain.advice(), "{status} {body}");
            let shown =
                format!("the authorization server answered with http {status}: {said}; {}", refusal.advice());
            assert_eq!(format!("{refusal}"), shown);
        }
        // Beside a token they are extra members, and in place of one the reason why there is none.
        let members = body.strip_prefix('{').unwrap();
        if !body.contains("\"error\":{") {
            assert!(ok(format!("{{\"access_token\":\"a\",{members}")).is_ok(), "{body}");
            let refusal = ok(body).unwrap_err();
            assert_eq!((refusal.class(), words(&refusal)), (Class::Transient, Some(said)), "{body}");
            let shown = format!("{refusal}");
            assert!(
                shown.starts_with("the authorization server answered without an access token (http 200): "),
                "{shown}"
            );
        }
    }
}

#[test]
fn what_has_no_text_is_no_description() {
    for body in [
        r#"{"message":7,"detail":{},"title":null,"errorSummary":"","Error":" ","fault":"x","errors":{}}"#,
        r#"{"fault":{"faultstring":7},"errors":[]}"#,
        r#"{"code":"E1","errorCode":"E1","ErrorCode":"E1","hint":"x","errors":[{"code":"E1"}]}"#,
        r#"{"errors":[7,"more"]}"#,
        r#"{"errors":[[{"message":"more"}]]}"#,
        r#"{"errors":[{"errors":["more"]}]}"#,
        r#"{"errors":["\u0000\u202e"]}"#,
        r#"{"message":"\ud800"}"#,
    ] {
        assert_eq!(refused(401, body).problem(), &Problem::Status, "{body}");
        assert_eq!(malformed(ok(body)), Malformed::NoAccessToken, "{body}");
    }
}

#[test]
fn beside_an_error_another_description_counts_where_its_own_is_missing() {
    for (members, said) in [
        (r#""message":"m","errorDescription":"d","hint":"h""#, Some("m")),
        (r#""hint":"h","errorDescription":"d""#, Some("d")),
        (r#""hint":"h","title":"t","code":7"#, Some("h")),
        (r#""error_description":"own","message":"m""#, Some("own")),
        (r#""error_description":null,"message":"m""#, Some("m")),
        (r#""error_description":" ","message":"m""#, Some("m")),
        (r#""error_description":7,"message":7"#, None),
        (r#""title":"t","detail":"d""#, None),
    ] {
        let refusal = refused(401, &format!("{{\"error\":\"invalid_client\",{members}}}"));
        assert_eq!((refusal.code(), words(&refusal)), (Some("invalid_client"), said), "{members}");
    }
    let form = answer(400, FORM, "error=invalid_scope&message=no+such%20scope&message=2");
    assert_eq!(words(&read(&form).unwrap_err()), Some("no such scope"));
    let form = answer(400, FORM, "code=7&message=no+such%20scope");
    assert_eq!(words(&read(&form).unwrap_err()), Some("7: no such scope"));
}

#[test]
fn a_second_one_of_these_members_is_no_fault_and_is_not_read() {
    let body =
        r#"{"message":"a","message":"b","title":1,"title":2,"errors":[],"errors":["x"],"code":1,"code":2"#;
    assert_eq!(words(&refused(400, &format!("{body}}}"))), Some("1: a"));
    assert!(ok(format!("{body},\"access_token\":\"t\"}}")).is_ok());
    assert!(
        myparcel_client()
            .read(&answer(200, JSON, "{\"code\":1,\"code\":2,\"access_token\":\"t\"}"), sent())
            .is_ok()
    );
}

// Conforms: Q-17
#[test]
fn myparcels_errors_have_their_own_reader_and_its_other_words_are_read_like_everybodys() {
    let refusal = myparcel_refused(403, "{\"errors\":[{\"title\":\"a\"}],\"message\":\"b\"}");
    assert_eq!((refusal.code(), words(&refusal)), (None, Some("b")));
    let refusal = myparcel_refused(403, "{\"errors\":[{\"title\":\"a\",\"detail\":\"b\"}]}");
    assert_eq!(refusal.problem(), &Problem::Status);
}

// Conforms: Q-46, A-01, A-15
#[test]
fn the_words_of_every_shape_are_masked_printable_and_bounded() {
    let long = "x".repeat(5000);
    for (body, _) in SHAPES {
        for (echoed, shown) in [
            ("s3cr3t\\/+ value", "[redacted]"),
            ("s3cr3t%2f%2B+value", "[redacted]"),
            ("the.token.of.this.answer", "[redacted]"),
            ("a\\u001b[31m\\u202eb", "a[31mb"),
            (&long, "xxxxx"),
        ] {
            let said = [
                "no such client",
                "no such endpoint",
                " no such endpoint ",
                "wrong secret",
                "Invalid ApiKey",
                "Denied",
                "CSRF token mismatch.",
            ];
            let body = said.iter().fold(String::from(body), |body, said| body.replace(said, echoed));
            let body = body.replacen('{', "{\"access_token\":\"the.token.of.this.answer\",", 1);
            let refusal = refused(401, &body);
            let words = words(&refusal).unwrap();
            assert!(words.contains(shown) && words.chars().count() <= Excerpt::MAX_CHARS, "{body}: {words}");
            let all = format!("{refusal:?} {refusal}");
            assert!(
                !["s3cr3t", "the.token", "\u{1b}", "\u{202e}"].iter().any(|piece| all.contains(piece)),
                "{all}"
            );
        }
    }
}

#[test]
fn a_web_page_with_an_error_status_is_told_from_an_empty_answer() {
    for (label, body, problem) in [
        ("text/html", "<html>Forbidden</html>", Problem::WebPage),
        ("text/html", "Forbidden", Problem::WebPage),
        (JSON, " <!doctype html>", Problem::WebPage),
        ("text/html", " \r\n", Problem::Status),
        ("text/html", "{\"error\":\"\"}", Problem::Status),
        ("text/plain", "Forbidden", Problem::Status),
    ] {
        for (status, class) in [(403, Class::Permanent), (502, Class::Transient)] {
            let refusal = read(&answer(status, label, body)).unwrap_err();
            assert_eq!((refusal.problem(), refusal.class()), (&problem, class), "{label} {body}");
        }
    }
}
