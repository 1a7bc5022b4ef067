use super::*;
use evergrant_core::{Class, Client, Closed, Excerpt, Now, Provider, Response};
use std::time::Duration;

const PAGE: &str = include_str!("page.md");

/// The cells of the row that begins so.
fn row(beginning: &str) -> Vec<&'static str> {
    let mut rows = PAGE.lines().filter_map(|line| line.strip_prefix("| "));
    let row = rows.find(|row| row.starts_with(beginning)).unwrap_or_else(|| panic!("no row {beginning}"));
    row.split('|').map(str::trim).collect()
}

/// What the library makes of this answer of an authorization server.
fn refusal(status: u16, error: &str) -> Refusal {
    let provider = Provider::rfc6749("https://auth.example.com/token").unwrap();
    let client = Client::builder(provider, ClientAuth::none("my-client-id").unwrap()).build().unwrap();
    let body = if error.is_empty() { String::new() } else { format!(r#"{{"error":"{error}"}}"#) };
    let response = Response::new(status).with_header("Content-Type", b"application/json");
    client.read(&response.with_body(body.into()), Now::default()).unwrap_err()
}

#[test]
fn the_page_says_of_each_answer_whether_it_is_permanent() {
    for (beginning, answers) in [
        ("code `invalid_client`", &[(400, "invalid_client"), (401, ""), (403, "")][..]),
        ("code `invalid_scope`", &[(400, "invalid_scope")]),
        ("code `unauthorized_client`", &[(400, "unauthorized_client")]),
        ("status 404, 405 or 410, [`Problem::Redirect`]", &[(404, ""), (405, ""), (410, ""), (302, "")]),
        ("status 429, code `slow_down`", &[(429, ""), (400, "slow_down")]),
        ("status 500 to 599, but 501", &[(500, ""), (503, ""), (599, "")]),
    ] {
        let is_permanent = row(beginning)[1] == "yes";
        for &(status, error) in answers {
            let class = refusal(status, error).class();
            assert_eq!(class == Class::Permanent, is_permanent, "{beginning}: {status} {error}");
        }
    }
    assert_eq!(refusal(501, "").class(), Class::Permanent);
}

#[test]
fn the_page_has_a_row_for_every_error_of_a_call() {
    // A new cause has a row, and a place in this list.
    let causes = [
        Cause::NotSent(ConfigError::Resource.into()),
        Cause::Abandoned,
        Cause::HeldBack,
        Cause::Unrecorded { permanent: true },
        Cause::Refused(refusal(503, "").into()),
    ];
    let retry_after = Duration::from_secs(1);
    let mut errors = vec![
        Error::TimedOut { last_error: None, retry_after },
        Error::Saturated { max_waiters: 1, retry_after },
        Error::Closed { reason: Closed::Replaced },
    ];
    errors.extend(causes.map(|cause| Error::Failed { cause, retry_after }));
    for error in &errors {
        let name = format!("{error:?}");
        row(&format!("[`Error::{}`]", name.split(' ').next().unwrap_or_default()));
        if let Error::Failed { cause, .. } = error {
            let name = format!("{cause:?}");
            row(&format!("[`Cause::{}`]", name.split(['(', ' ']).next().unwrap_or_default()));
        }
    }
    // A new variant does not compile here.
    let name = |error: &ApiError<()>| match error {
        ApiError::Token(_) => "Token",
        ApiError::Origin(_) => "Origin",
        ApiError::Url => "Url",
        ApiError::Authorized => "Authorized",
        ApiError::Http(()) => "Http",
    };
    for error in [
        ApiError::Token(errors.remove(0)),
        ApiError::Origin(Excerpt::default()),
        ApiError::Url,
        ApiError::Authorized,
        ApiError::Http(()),
    ] {
        row(&format!("[`ApiError::{}`]", name(&error)));
    }
}
