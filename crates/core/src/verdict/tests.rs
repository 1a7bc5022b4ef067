use super::*;
use Verdict::{Fine, InsufficientScope, NotOurs, TokenRefused};
use alloc::format;
use alloc::vec::Vec;
use proptest::prelude::*;

fn rfc6750(status: u16, challenges: &[&str]) -> Verdict {
    let headers: Vec<(&str, &[u8])> =
        challenges.iter().map(|value| ("WWW-Authenticate", value.as_bytes())).collect();
    VerdictRule::Rfc6750.judge(&Answer::new(status, &headers, None))
}

fn myparcel(status: u16, body: &str) -> Verdict {
    VerdictRule::MyParcel.judge(&Answer::new(status, &[], Some(body.as_bytes())))
}

// Conforms: R-6750-3-a, R-6750-3-f, Q-49
#[test]
fn invalid_token_at_401_403_and_400_refuses_the_token() {
    for status in [400, 401, 403] {
        assert_eq!(
            rfc6750(status, &["Bearer realm=\"x\", error=\"invalid_token\""]),
            TokenRefused,
            "{status}"
        );
        assert_eq!(rfc6750(status, &["Negotiate", "bearer ERROR=invalid_token"]), TokenRefused, "{status}");
    }
}

// Conforms: R-6750-3-d, R-9110-11-j
#[test]
fn a_401_with_a_bare_bearer_challenge_refuses_the_token() {
    assert_eq!(rfc6750(401, &["Bearer"]), TokenRefused);
    assert_eq!(rfc6750(401, &["Bearer realm=\"x\"", "Basic realm=\"y\""]), TokenRefused);
    assert_eq!(rfc6750(401, &["Bearer error=\"expired\""]), TokenRefused);
    assert_eq!(rfc6750(401, &["Bearer error=\"a\", error=\"invalid_token\""]), TokenRefused);
}

// Conforms: R-6750-3-e
#[test]
fn a_401_without_a_challenge_refuses_the_token() {
    assert_eq!(rfc6750(401, &[]), TokenRefused);
    assert_eq!(rfc6750(401, &["", "???"]), TokenRefused);
}

// Conforms: R-6750-3-b
#[test]
fn insufficient_scope_is_never_a_refused_token() {
    for status in [400, 401, 403] {
        let challenge = "Bearer error=\"insufficient_scope\", scope=\"a b\"";
        assert_eq!(rfc6750(status, &[challenge]), InsufficientScope, "{status}");
    }
}

// Conforms: R-6750-3-c, R-6750-3-j, R-9110-11-j
#[test]
fn a_plain_403_is_fine() {
    assert_eq!(rfc6750(403, &[]), Fine);
    assert_eq!(rfc6750(403, &["Bearer"]), Fine);
    assert_eq!(rfc6750(403, &["Bearer error=\"a\", error=\"invalid_token\""]), Fine);
    assert_eq!(rfc6750(400, &["Bearer error=\"invalid_request\""]), Fine);
}

// Conforms: R-6750-3-g
#[test]
fn a_401_with_challenges_for_other_schemes_only_refuses_the_token_that_was_sent() {
    assert_eq!(rfc6750(401, &["Negotiate"]), TokenRefused);
    assert_eq!(rfc6750(401, &["Basic realm=\"a, Bearer error=x\"", "Key-Auth"]), TokenRefused);
    for status in [400, 401, 403] {
        assert_eq!(rfc6750(status, &["OAuth error=\"invalid_token\""]), TokenRefused, "{status}");
    }
    assert_eq!(rfc6750(403, &["OAuth error=\"insufficient_scope\""]), Fine);
}

// Conforms: R-6750-3-h, Q-38
#[test]
fn a_407_and_a_431_are_not_ours() {
    assert_eq!(rfc6750(407, &["Bearer error=\"invalid_token\""]), NotOurs);
    assert_eq!(rfc6750(431, &[]), NotOurs);
    let proxy = [("Proxy-Authenticate", &b"Bearer error=\"invalid_token\""[..])];
    assert_eq!(VerdictRule::Rfc6750.judge(&Answer::new(407, &proxy, None)), NotOurs);
}

#[test]
fn any_other_status_is_fine() {
    for status in [200, 204, 302, 404, 409, 419, 429, 500, 503] {
        for rule in [VerdictRule::Rfc6750, VerdictRule::MyParcel] {
            let headers = [("www-authenticate", &b"Bearer error=\"invalid_token\""[..])];
            let body = b"{\"errors\":[{\"code\":\"14002\"}]}";
            assert_eq!(rule.judge(&Answer::new(status, &headers, Some(body))), Fine, "{status}");
            assert!(!rule.concerns(status), "{status}");
        }
    }
}

#[test]
fn only_myparcel_and_a_users_own_rule_ask_for_the_body() {
    assert!(![200, 401, 403].iter().any(|status| VerdictRule::Rfc6750.needs_body(*status)));
    assert!(VerdictRule::MyParcel.needs_body(401) && VerdictRule::MyParcel.needs_body(403));
    assert!(!VerdictRule::MyParcel.needs_body(200));
    assert!(!VerdictRule::custom(|_| Fine).needs_body(401));
    assert!(VerdictRule::custom_with_body(|status| status == 200, |_| Fine).needs_body(200));
}

// Conforms: R-6750-3-e, Q-45
#[test]
fn a_users_own_rule_sees_status_headers_and_body() {
    let rule = VerdictRule::custom_with_body(
        |status| status == 200,
        |answer| {
            let expired = answer.body_prefix().is_some_and(|body| body.ends_with(b"\"602\"}]}"));
            let login = answer.header("location").any(|to| to == b"/login");
            if (answer.status() == 200 && expired) || login { TokenRefused } else { Fine }
        },
    );
    let marketo = br#"{"success":false,"errors":[{"code":"602"}]}"#;
    assert_eq!(rule.judge(&Answer::new(200, &[], Some(marketo))), TokenRefused);
    assert_eq!(rule.judge(&Answer::new(302, &[("Location", b"/login")], None)), TokenRefused);
    assert_eq!(rule.judge(&Answer::new(401, &[], None)), Fine);
    assert!(rule.concerns(200));
    assert_eq!(rule, rule.clone());
    assert_ne!(rule, VerdictRule::custom(|_| Fine));
    let shown = format!("{:?}", Answer::new(401, &[("a", b"SENTINEL")], Some(b"SENTINEL")));
    assert!(!shown.contains("SENTINEL"), "{shown}");
}

proptest! {
    // I28
    // Conforms: A-06
    #[test]
    fn no_answer_makes_it_panic(
        status: u16,
        challenge in prop::collection::vec(any::<u8>(), 0..100),
        body in prop::collection::vec(any::<u8>(), 0..100),
        almost in "(\\{|\\}|\\[|\\]|\"errors\"|\"code\"|:|,|14002|\"){0,30}",
    ) {
        let headers = [("WWW-Authenticate", &challenge[..]), ("proxy-authenticate", &challenge[..])];
        for body in [&body[..], almost.as_bytes()] {
            let answer = Answer::new(status, &headers, Some(body));
            for rule in [VerdictRule::Rfc6750, VerdictRule::MyParcel] {
                let verdict = rule.judge(&answer);
                prop_assert!(rule.concerns(status) || verdict == Fine);
                let read: Vec<_> = headers.into_iter().filter(|(name, _)| rule.reads(name)).collect();
                prop_assert_eq!(rule.judge(&Answer::new(status, &read, Some(body))), verdict);
            }
        }
    }
}

#[test]
fn a_rule_of_ours_reads_the_challenges_alone_and_a_users_own_every_header() {
    for rule in [VerdictRule::Rfc6750, VerdictRule::MyParcel] {
        assert!(rule.reads("www-authenticate") && rule.reads("WWW-Authenticate"), "{rule:?}");
        assert!(!rule.reads("proxy-authenticate") && !rule.reads("location"), "{rule:?}");
    }
    assert!(VerdictRule::custom(|_| Fine).reads("location"));
}

#[test]
fn a_users_own_rule_is_equal_to_its_clones_alone_and_prints_nothing_of_itself() {
    let rule = |verdict| VerdictRule::custom(move |_| verdict);
    let (one, other) = (rule(Fine), rule(Fine));
    assert_eq!(one, one.clone());
    assert_ne!(one, other);
    assert_eq!(format!("{one:?}"), "Custom(CustomRule)");
}

#[test]
fn debug_shows_the_status_of_an_answer_alone() {
    let answer = Answer::new(401, &[("X", b"SENTINEL")], Some(b"SENTINEL"));
    let shown = format!("{answer:?}");
    assert!(shown.contains("401") && !shown.contains("SENTINEL"), "{shown}");
}

#[test]
fn a_body_is_read_to_64_kib() {
    assert_eq!(VerdictRule::MAX_BODY, 65_536);
    let code = "\"errors\":[{\"code\":\"13003\"}]";
    let padded = |to: usize| format!("{{{}{code}}}", " ".repeat(to - code.len() - 2));
    assert_eq!(myparcel(401, &padded(65_536)), NotOurs);
    // The end of the object is cut off, and not its errors.
    assert_eq!(myparcel(401, &padded(65_537)), NotOurs);
    assert_eq!(myparcel(401, &padded(65_600)), TokenRefused, "no code can be read");
}

#[test]
fn a_verdict_is_a_sentence() {
    let said = [TokenRefused, NotOurs, InsufficientScope, Fine].map(|verdict| format!("{verdict}"));
    assert_eq!(
        said,
        [
            "the access token was refused",
            "other credentials than the access token were refused",
            "the access token's scope is not sufficient",
            "the access token was not refused",
        ]
    );
}
