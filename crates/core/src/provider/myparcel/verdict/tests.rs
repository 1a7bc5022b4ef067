use super::*;
use crate::verdict::VerdictRule;
use Verdict::{Fine, InsufficientScope, NotOurs, TokenRefused};
use alloc::format;

fn myparcel(status: u16, body: &str) -> Verdict {
    VerdictRule::MyParcel.judge(&Answer::new(status, &[], Some(body.as_bytes())))
}

// Conforms: M-06
#[test]
fn myparcel_401_with_14002_or_14003_refuses_the_token() {
    for code in ["14002", "14003"] {
        assert_eq!(myparcel(401, &format!("{{\"errors\":[{{\"code\":\"{code}\"}}]}}")), TokenRefused);
        assert_eq!(myparcel(401, &format!("{{\"errors\":[{{\"code\":{code}}}]}}")), TokenRefused);
        let second =
            format!("{{\"errors\":[{{\"code\":\"401\"}},{{\"status\":\"401\",\"code\":\"{code}\"}}]}}");
        assert_eq!(myparcel(401, &second), TokenRefused);
    }
}

#[test]
fn myparcel_401_with_no_readable_code_refuses_the_token() {
    for body in
        ["", "{}", "[]", "<html>", "{\"errors\":[]}", "{\"errors\":[{\"code\":null}]}", "{\"errors\":[{\"co"]
    {
        assert_eq!(myparcel(401, body), TokenRefused, "{body}");
    }
    assert_eq!(VerdictRule::MyParcel.judge(&Answer::new(401, &[], None)), TokenRefused);
}

// Conforms: M-07, M-08
#[test]
fn myparcel_401_with_another_code_is_not_ours() {
    assert_eq!(myparcel(401, "{\"errors\":[{\"code\":\"13003\",\"title\":\"Invalid Secret\"}]}"), NotOurs);
    assert_eq!(myparcel(401, "{\"errors\":[{\"code\":\"401\"},{\"code\":\"13002\"}]}"), NotOurs);
}

// Conforms: M-09
#[test]
fn myparcel_403_with_14004_is_a_missing_scope() {
    assert_eq!(myparcel(403, "{\"errors\":[{\"code\":\"14004\"}]}"), InsufficientScope);
    assert_eq!(myparcel(403, "{\"errors\":[{\"code\":\"14002\"}]}"), Fine);
    assert_eq!(myparcel(403, ""), Fine);
}

#[test]
fn a_body_that_was_cut_off_behind_its_errors_is_read() {
    let body =
        format!("{{\"errors\":[{{\"code\":\"13003\"}}],\"meta\":\"{}", "x".repeat(VerdictRule::MAX_BODY));
    assert_eq!(myparcel(401, &body), NotOurs);
}
