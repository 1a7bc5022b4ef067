use super::*;
use crate::path::PathFault;
use evergrant_core::{Cause, Class, ErrorResponse, Problem as Answered, Refusal};
use http::header::HOST;
use serde_json::Value;

fn refused(class: Class) -> Cause {
    let response = ErrorResponse::new(Excerpt::new("invalid_client", &[]).unwrap());
    Cause::Refused(Refusal::new(class, Some(401), Answered::ErrorResponse(response)).into())
}

fn failed(class: Class) -> Error {
    Error::Failed { cause: refused(class), retry_after: Duration::from_millis(3500) }
}

fn document(problem: &Problem) -> Value {
    let response = problem.response(None, 0, &Method::GET);
    serde_json::from_slice(response.body()).unwrap()
}

fn field<'a>(response: &'a Response<Bytes>, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

/// Every row of the table: the problem, its status, name, error of Proxy-Status, what the API saw, Retry-After with the smallest draw,
/// and the rule that denied it.
type Row =
    (Problem, u16, &'static str, &'static str, &'static str, Option<&'static str>, Option<&'static str>);

fn rows() -> Vec<Row> {
    let (none, path) = (None, PathFault::Escape { at: 1 });
    let request = "http_request_error";
    let denied = "http_request_denied";
    let gone = "destination_unavailable";
    let misconfigured = "proxy_configuration_error";
    let refused_token = "proxy_internal_response;received-status=401";
    let wait = Duration::from_millis(2100);
    let rule = |reason: Denied, status, name, error, rule| {
        (Problem::denied(&reason), status, name, error, "no", None, Some(rule))
    };
    let timed_out = |last_error| Error::TimedOut { last_error, retry_after: Duration::from_millis(100) };
    let full = Error::Saturated { max_waiters: 7, retry_after: Duration::from_secs(9) };
    let closed = Error::Closed { reason: evergrant_core::Closed::Removed };
    vec![
        (Problem::queue_full(wait), 503, "queue-full", gone, "no", Some("3"), none),
        (Problem::busy(wait), 503, "busy", "connection_limit_reached", "no", Some("3"), none),
        (Problem::closing(), 503, "closing", gone, "no", Some("1"), none),
        (Problem::tenants_full(wait), 503, "queue-full", gone, "no", Some("3"), none),
        (Problem::tenant(TenantFault::Client), 500, "tenant-unusable", misconfigured, "no", none, none),
        (Problem::tenant(TenantFault::Origin), 500, "tenant-unusable", misconfigured, "no", none, none),
        (Problem::tenant(TenantFault::Late), 503, "tenant-unusable", misconfigured, "no", Some("1"), none),
        rule(Denied::Tenant, 403, "tenant", denied, "tenant"),
        (Problem::no_token(&full), 503, "queue-full", gone, "no", Some("1"), none),
        (Problem::no_token(&timed_out(None)), 503, "no-token", gone, "no", Some("1"), none),
        (
            Problem::no_token(&timed_out(Some(refused(Class::Permanent)))),
            503,
            "no-token",
            gone,
            "no",
            Some("1"),
            none,
        ),
        (Problem::no_token(&failed(Class::Transient)), 503, "no-token", gone, "no", Some("4"), none),
        (Problem::no_token(&failed(Class::Permanent)), 503, "client-refused", gone, "no", Some("4"), none),
        (Problem::no_token(&closed), 503, "no-token", gone, "no", Some("1"), none),
        (
            Problem::unrepeatable(StatusCode::UNAUTHORIZED),
            503,
            "token-refused",
            refused_token,
            "refused",
            Some("1"),
            none,
        ),
        (
            Problem::refused(StatusCode::UNAUTHORIZED, None),
            502,
            "token-refused",
            refused_token,
            "refused",
            None,
            none,
        ),
        (
            Problem::refused(StatusCode::FORBIDDEN, Some("no")),
            502,
            "token-refused",
            "proxy_internal_response;received-status=403",
            "refused",
            None,
            none,
        ),
        (
            Problem::unreachable(UpstreamFault::Refused),
            502,
            "upstream-unreachable",
            "connection_refused",
            "no",
            Some("1"),
            none,
        ),
        (
            Problem::unreachable(UpstreamFault::Closed),
            502,
            "upstream-unreachable",
            "connection_terminated",
            "no",
            Some("1"),
            none,
        ),
        (
            Problem::unreachable(UpstreamFault::ConnectTimeout),
            502,
            "upstream-unreachable",
            "connection_timeout",
            "no",
            Some("1"),
            none,
        ),
        (
            Problem::unreachable(UpstreamFault::Dns),
            502,
            "upstream-unreachable",
            "dns_error",
            "no",
            Some("1"),
            none,
        ),
        (
            Problem::unreachable(UpstreamFault::Tls),
            502,
            "upstream-unreachable",
            "tls_certificate_error",
            "no",
            Some("1"),
            none,
        ),
        (
            Problem::unreachable(UpstreamFault::NoRoute),
            502,
            "upstream-unreachable",
            "destination_ip_unroutable",
            "no",
            Some("1"),
            none,
        ),
        (Problem::timed_out(), 504, "upstream-timeout", "http_response_timeout", "perhaps", None, none),
        (
            Problem::closed(Sent::Perhaps),
            502,
            "upstream-closed",
            "connection_terminated",
            "perhaps",
            None,
            none,
        ),
        (Problem::closed(Sent::No), 502, "upstream-closed", "connection_terminated", "no", None, none),
        (Problem::too_large(7, Sent::No), 413, "too-large", request, "no", None, none),
        (Problem::too_large(7, Sent::Perhaps), 413, "too-large", request, "perhaps", None, none),
        (Problem::slow(), 408, "slow", request, "perhaps", None, none),
        (Problem::looped(), 508, "loop", "proxy_loop_detected", "no", None, Some("loop")),
        (Problem::access(AccessDenied::Key), 403, "key", denied, "no", None, Some("key")),
        (Problem::access(AccessDenied::Peer), 403, "peer", denied, "no", None, Some("peer")),
        (Problem::no_route(NoRoute::Unknown, "/x"), 404, "route", denied, "no", None, Some("route")),
        (Problem::no_route(NoRoute::Fault(path), "/%"), 400, "path", request, "no", None, Some("path")),
        rule(Denied::Method, 405, "method", denied, "method"),
        rule(Denied::MethodOfRoute(vec![Method::GET]), 405, "method", denied, "method"),
        rule(Denied::Target, 400, "target", request, "target"),
        rule(Denied::Host, 400, "host", request, "host"),
        rule(Denied::HostNotAllowed, 403, "host-not-allowed", denied, "host_not_allowed"),
        rule(Denied::Framing(HOST), 400, "framing", request, "framing"),
        rule(Denied::Path(path), 400, "path", request, "path"),
        rule(Denied::Browser(HOST), 403, "browser", denied, "browser"),
        rule(Denied::Authorization, 400, "authorization", request, "authorization"),
    ]
}

#[test]
fn every_row_is_answered_as_the_table_says() {
    for (problem, status, name, error, sent, retry_after, rule) in rows() {
        assert_eq!(
            (problem.status().as_u16(), problem.name(), problem.sent().map(Sent::as_str), problem.rule()),
            (status, name, Some(sent), rule)
        );
        let response = problem.response(None, 0, &Method::GET);
        assert_eq!(response.status(), problem.status());
        assert_eq!(field(&response, "retry-after"), retry_after, "{name}");
        let proxy_status = field(&response, "proxy-status").unwrap();
        let rest = proxy_status.strip_prefix(&format!("evergrant;error={error};details=\"")).unwrap();
        assert!(rest.ends_with('"'), "{proxy_status}");
        assert_eq!(field(&response, "content-type"), Some("application/problem+json"));
        assert_eq!(field(&response, "cache-control"), Some("no-store"));
        assert_eq!(field(&response, "content-length"), Some(response.body().len().to_string().as_str()));
        assert!(response.body().ends_with(b"}\n"));

        let document = document(&problem);
        assert_eq!(document["type"], format!("urn:evergrant:problem:{name}"));
        assert_eq!(document["status"], status);
        assert_eq!(document["detail"], problem.detail());
        assert_eq!(document["sent"], sent);
        assert!(document["title"].as_str().is_some_and(|title| title.len() > 8), "{name}");
        let seconds: Option<u64> = retry_after.map(|seconds| seconds.parse().unwrap());
        assert_eq!(document["retry_after_ms"].as_u64(), seconds.map(|seconds| seconds * 1000));
        let members = document.as_object().unwrap().len();
        assert_eq!(members, if retry_after.is_some() { 6 } else { 5 }, "{name}");
    }
}

#[test]
fn every_detail_says_what_to_do_and_names_the_setting_that_would_allow_it() {
    let said = |problem: &Problem, words: &[&str]| {
        for word in words {
            assert!(problem.detail().contains(word), "{word}: {}", problem.detail());
        }
    };
    for (problem, words) in [
        (Problem::queue_full(SOON), &["not sent", "later", "max_waiters"][..]),
        (Problem::busy(SOON), &["not sent", "later"]),
        (Problem::closing(), &["not sent", "new connection"]),
        (Problem::no_token(&failed(Class::Transient)), &["not sent", "later", "invalid_client"]),
        (
            Problem::no_token(&failed(Class::Permanent)),
            &["not sent", "the operator of the gateway must act", "invalid_client"],
        ),
        (Problem::unrepeatable(StatusCode::UNAUTHORIZED), &["replay_body", "send the request again"]),
        (Problem::refused(StatusCode::UNAUTHORIZED, None), &["http 401", "operator"]),
        (Problem::refused(StatusCode::UNAUTHORIZED, Some("key gone")), &["it says: key gone"]),
        (Problem::unreachable(UpstreamFault::Dns), &["resolved", "not sent", "upstream"]),
        (Problem::timed_out(), &["answer_timeout", "only if that does no harm"]),
        (Problem::closed(Sent::No), &["not sent; send it again"]),
        (Problem::closed(Sent::Refused), &["refused this request; send it again"]),
        (Problem::closed(Sent::Perhaps), &["only if that does no harm"]),
        (Problem::too_large(512, Sent::No), &["512 bytes", "max_body", "was not sent"]),
        (Problem::too_large(512, Sent::Refused), &["refused this request"]),
        (Problem::too_large(512, Sent::Perhaps), &["may have acted"]),
        (Problem::slow(), &["stopped coming", "only if that does no harm"]),
        (Problem::looped(), &["Via", "upstream"]),
        (Problem::access(AccessDenied::Key), &["X-Evergrant-Key", "Authorization: Bearer"]),
        (Problem::access(AccessDenied::Peer), &["peers"]),
        (Problem::no_route(NoRoute::Unknown, "/x"), &["\"/x\"", "add a route"]),
        (
            Problem::no_route(NoRoute::Fault(PathFault::Slash { at: 4 }), "/abc%2fd"),
            &["encoded_slash = true", "byte 5", "\"/abc%2fd\""],
        ),
        (Problem::denied(&Denied::MethodOfRoute(vec![])), &["methods"]),
        (Problem::denied(&Denied::Target), &["target"]),
        (Problem::denied(&Denied::Host), &["Host"]),
        (Problem::denied(&Denied::HostNotAllowed), &["Host", "hosts"]),
        (
            Problem::denied(&Denied::Framing(http::header::TRANSFER_ENCODING)),
            &["transfer-encoding", "chunked"],
        ),
        (Problem::denied(&Denied::Framing(http::header::UPGRADE)), &["HTTP/2", "upgrade"]),
        (Problem::denied(&Denied::Path(PathFault::Dots { at: 3 })), &["..", "byte 4"]),
        (Problem::denied(&Denied::Browser(http::header::ORIGIN)), &["origin", "origins"]),
        (Problem::denied(&Denied::Authorization), &["Authorization", "authorization = \"drop\""]),
    ] {
        said(&problem, words);
    }
    let later = Problem::no_token(&failed(Class::Transient));
    assert!(!later.detail().contains("must act"), "{}", later.detail());
}

#[test]
fn another_method_than_the_routes_is_told_which_are_allowed() {
    let methods = vec![Method::GET, Method::from_bytes(b"PURGE").unwrap()];
    let routes = Problem::denied(&Denied::MethodOfRoute(methods)).response(None, 0, &Method::PUT);
    assert_eq!(field(&routes, "allow"), Some("GET, PURGE"));
    let never = Problem::denied(&Denied::Method).response(None, 0, &Method::TRACE);
    assert_eq!(field(&never, "allow"), Some("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    let other = Problem::denied(&Denied::Host).response(None, 0, &Method::GET);
    assert_eq!(field(&other, "allow"), None);
}

#[test]
fn up_to_a_quarter_is_added_to_what_is_known_and_nothing_is_taken_from_it() {
    for (after_ms, draw, ms, seconds) in [
        (0, 0, 1000, "1"),
        (1, 0, 1000, "1"),
        (1000, 250, 1250, "1"),
        (1000, 251, 1000, "1"),
        (1001, 0, 2000, "2"),
        (8000, 2000, 10_000, "10"),
        (8000, 1999, 9999, "9"),
        (8000, 2001, 8000, "8"),
    ] {
        let problem = Problem::queue_full(Duration::from_millis(after_ms));
        let response = problem.response(None, draw, &Method::GET);
        let document: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(
            (&document["retry_after_ms"], field(&response, "retry-after")),
            (&ms.into(), Some(seconds))
        );
    }
    assert_eq!(drawn(Duration::MAX, u64::MAX), u64::MAX);
}

#[test]
fn an_answer_to_head_has_the_fields_alone() {
    let problem = Problem::closing();
    let (get, head) = (problem.response(None, 0, &Method::GET), problem.response(None, 0, &Method::HEAD));
    assert_eq!(get.headers(), head.headers());
    assert!(head.body().is_empty() && !get.body().is_empty());
}

#[test]
fn the_instance_is_named_as_a_structured_field_has_names() {
    for (instance, shown) in [
        (None, "evergrant"),
        (Some("7f"), "evergrant-7f"),
        (Some("eu:1/a"), "evergrant-eu:1/a"),
        (Some("a b"), "\"evergrant-a b\""),
        (Some("a\"b\\"), "\"evergrant-a\\\"b\\\\\""),
        (Some("a;x"), "\"evergrant-a;x\""),
        (Some("caf\u{e9}\n"), "\"evergrant-caf??\""),
    ] {
        let response = Problem::closing().response(instance, 0, &Method::GET);
        let value = field(&response, "proxy-status").unwrap();
        assert!(value.starts_with(&format!("{shown};error=")), "{value}");
    }
    assert_eq!(text::item("7f"), "\"7f\"");
    assert_eq!(text::item(""), "\"\"");
}

/// What an API says, and a caller's path, in both forms that an answer has.
#[test]
fn words_from_outside_neither_break_out_nor_go_on_for_ever() {
    let words = "say \"no\"; x=\\ \u{e9}\r\nSet-Cookie: a=1\u{202e}".to_owned() + &"y".repeat(400);
    let problem = Problem::refused(StatusCode::UNAUTHORIZED, Some(&words));
    let said = problem.detail().split_once("it says: ").unwrap().1;
    assert!(said.starts_with("say \"no\"; x=\\ \u{e9}") && said.chars().count() <= 256, "{said}");
    assert!(!said.contains(['\r', '\n', '\u{202e}']));
    let response = problem.response(None, 0, &Method::GET);
    let value = field(&response, "proxy-status").unwrap();
    assert!(value.contains("it says: say \\\"no\\\"; x=\\\\ ?"), "{value}");
    assert_eq!(document(&problem)["detail"], problem.detail());

    let (longest, longer) = (format!("/{}", "a".repeat(255)), format!("/{}", "a".repeat(256)));
    for (path, shown) in [
        ("/a", "\"/a\"".to_owned()),
        ("/a?secret=1", "\"/a\"".to_owned()),
        ("/a#b", "\"/a\"".to_owned()),
        ("/%2f~", "\"/%2f~\"".to_owned()),
        ("/a\"\\ \u{e9}\n\u{7f}", "\"/a%22%5C%20%C3%A9%0A%7F\"".to_owned()),
        (&longest, format!("\"{longest}\"")),
        (&longer, format!("\"{longest}...\"")),
    ] {
        assert_eq!(text::path(path), shown);
    }
}

#[test]
fn an_explanation_of_which_nothing_can_be_shown_is_left_out() {
    for said in [None, Some(""), Some("\n\u{7}")] {
        let problem = Problem::refused(StatusCode::UNAUTHORIZED, said);
        assert!(problem.detail().ends_with("what the client may do there"), "{}", problem.detail());
    }
}

#[test]
fn what_is_wrong_with_a_tenant_is_told_by_its_class_and_for_the_operator() {
    for fault in [TenantFault::Client, TenantFault::Origin, TenantFault::Late] {
        let detail = Problem::tenant(fault).detail().to_owned();
        assert_eq!(
            detail,
            format!("{fault}; the operator of the gateway must act; this request was not sent")
        );
    }
}

#[test]
fn what_the_api_saw_is_said_of_the_first_try_and_not_at_all_where_there_is_no_api() {
    let busy = Problem::busy(SOON);
    let happened = "the gateway has reached its limit of requests, in all or for this API";
    assert_eq!(busy.detail(), format!("{happened}; this request was not sent; send it again later"));
    assert_eq!(&*busy.detail_without_api(), format!("{happened}; send it again later"));
    let again = busy.of_another_try(Sent::Refused);
    assert_eq!(again.detail(), format!("{happened}; the API refused this request; send it again later"));
    let late = Problem::tenant(TenantFault::Late);
    assert_eq!(
        &*late.detail_without_api(),
        format!("{}; the operator of the gateway must act", TenantFault::Late)
    );
    let looped = Problem::looped();
    assert_eq!(&*looped.detail_without_api(), looped.detail());
}
