use super::*;
use crate::wrapper::Outer;
use evergrant_core::Cause;
use std::time::Duration;

/// The sentences of an error and its causes, as `{:#}` of anyhow prints them.
fn chain(error: &(dyn StdError + 'static)) -> Vec<String> {
    std::iter::successors(Some(error), |cause| (**cause).source()).map(ToString::to_string).collect()
}

fn no_token() -> Error {
    let cause = Cause::Abandoned;
    Error::Failed { cause, retry_after: Duration::from_secs(3) }
}

#[test]
fn a_cause_is_said_once_in_a_chain() {
    let failed = ApiError::Http(Outer(std::io::Error::other("connection refused")));
    assert_eq!(chain(&failed), ["the HTTP request failed", "error sending request", "connection refused"]);

    let inner = no_token();
    let outer: ApiError<Outer> = inner.clone().into();
    assert_eq!(chain(&outer), chain(&inner), "as if the token's error stood alone");
    assert_eq!((outer.retry_after(), failed.retry_after()), (Some(Duration::from_secs(3)), None));

    for error in [ApiError::<Outer>::Authorized, ApiError::Url, ApiError::Origin(Excerpt::default())] {
        assert_eq!(chain(&error).len(), 1);
    }
}

#[test]
fn what_a_guard_refuses_reads_alike_as_an_api_error() {
    let origin = Excerpt::origin(Some("https"), Some("elsewhere.example"), None);
    for refused in [Refused::Origin(origin), Refused::Url, Refused::Authorized] {
        let text = refused.to_string();
        assert_eq!(ApiError::<Outer>::from(refused).to_string(), text);
    }
}

#[test]
fn an_origin_that_is_refused_is_named_and_the_sentence_says_what_to_do() {
    let origin = Excerpt::origin(Some("https"), Some("elsewhere.example"), Some(8443));
    assert_eq!(
        ApiError::<Outer>::Origin(origin).to_string(),
        "the token may not be sent to https://elsewhere.example:8443: add it to the Origins, or use a plain HTTP client"
    );
}

#[test]
fn what_is_wrong_with_a_request_is_said_with_what_to_do() {
    let url = ApiError::<Outer>::Url.to_string();
    assert!(url.contains("https://api.example.com/things"), "{url}");
    let authorized = ApiError::<Outer>::Authorized.to_string();
    assert!(authorized.contains("Authorization") && authorized.contains("remove it"), "{authorized}");
}

#[test]
fn an_api_error_is_found_by_downcast_below_what_was_put_around_it() {
    let error: Box<dyn StdError + Send + Sync> =
        Box::new(Outer(std::io::Error::other(ApiError::<Outer>::Token(no_token()))));
    let io = error.source().unwrap().downcast_ref::<std::io::Error>().unwrap();
    let found = io.get_ref().unwrap().downcast_ref::<ApiError<Outer>>();
    assert!(matches!(found, Some(ApiError::Token(error)) if error.retry_after() == Duration::from_secs(3)));
}
