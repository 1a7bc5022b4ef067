//! What failed, in one word.

use super::*;
use crate::error::{Class, ConfigError, ErrorResponse, Excerpt, Malformed, TransportError};
use alloc::string::{String, ToString};
use alloc::sync::Arc;

fn word(status: Option<u16>, problem: Problem) -> String {
    Cause::Refused(Arc::new(Refusal::new(Class::Transient, status, problem))).error_type().to_string()
}

#[test]
fn a_known_code_comes_before_the_status_and_an_unknown_one_does_not() {
    for code in ErrorResponse::CODES {
        let response = ErrorResponse::new(Excerpt::new(code, &[]).unwrap());
        assert_eq!(word(Some(400), Problem::ErrorResponse(response)), code);
    }
    let free = ErrorResponse::new(Excerpt::new("tenant_4711_is_unknown", &[]).unwrap());
    assert_eq!(word(Some(400), Problem::ErrorResponse(free)), "400");
}

#[test]
fn a_status_is_a_word_if_it_is_one_of_http_and_no_success() {
    for (status, expected) in [(Some(300), "300"), (Some(503), "503"), (Some(599), "599")] {
        assert_eq!(word(status, Problem::Status), expected);
    }
    for status in [None, Some(0), Some(200), Some(299), Some(600), Some(u16::MAX)] {
        assert_eq!(word(status, Problem::Malformed(Malformed::Syntax)), "_OTHER");
    }
}

#[test]
fn what_failed_on_the_way_has_a_word_of_its_own() {
    use TransportErrorKind::{
        Closed, Connect, NoFile, NoRuntime, NoThread, Other, Protocol, Proxy, Resolve, Timeout, Tls,
    };
    let kinds = [Resolve, Connect, Tls, Proxy, Timeout, Closed, Protocol, NoRuntime, NoThread, NoFile, Other];
    let words = kinds.map(|kind| word(Some(502), Problem::Transport(TransportError::ours(kind, "detail"))));
    let expected = [
        "resolve",
        "connect",
        "tls",
        "proxy",
        "timeout",
        "closed",
        "protocol",
        "no_runtime",
        "no_thread",
        "no_file",
        "_OTHER",
    ];
    assert_eq!(words, expected);
}

#[test]
fn what_was_never_sent_is_in_no_list() {
    assert_eq!(Cause::Abandoned.error_type().to_string(), "_OTHER");
    assert_eq!(
        Cause::NotSent(ConfigError::SecretInUrl { field: "token_endpoint" }.into()).error_type().to_string(),
        "_OTHER"
    );
}

#[test]
fn the_whole_list_has_every_word_once() {
    let all: alloc::vec::Vec<_> = ErrorType::all().collect();
    let once: alloc::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!((all.len(), once.len()), (11 + 300 + 11, all.len()));
    for word in ["invalid_client", "300", "599", "timeout", "_OTHER"] {
        assert!(all.contains(&word), "{word}");
    }
}
