//! `evergrant request --location`: redirects of the API.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use evergrant_mock::{Endpoint, Fault, Recorded, Server, Times};
use fixture::{configured, evergrant, fails, run};
use std::process::Command;

fn request(server: &Server, arguments: &[&str]) -> Command {
    let mut command = configured(server, evergrant(&["request", "-L"]));
    command.arg(server.resource("/things")).args(arguments);
    command
}

/// The requests that reached the API.
fn calls(server: &Server) -> Vec<Recorded> {
    server.requests().into_iter().filter(|request| request.endpoint() == Endpoint::Resource).collect()
}

/// The next call is redirected.
fn redirected(server: &Server, status: u16, location: impl Into<String>) {
    let _once = server.fault(Endpoint::Resource, Fault::redirect(status, location), Times::Once);
}

#[test]
fn redirects_are_followed_with_the_method_that_they_mean() {
    for (status, method, to) in
        [(302, "POST", "GET"), (303, "PUT", "GET"), (307, "POST", "POST"), (308, "PUT", "PUT")]
    {
        let server = Server::start().unwrap();
        redirected(&server, status, "/moved?to=there");
        let ended = run(&mut request(&server, &["-X", method, "-d", "{}", "-H", "X-Key: k"]));
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
        let calls = calls(&server);
        assert_eq!((calls.len(), calls[1].target(), calls[1].method()), (2, "/moved?to=there", to));
        let body: &[u8] = if method == to { b"{}" } else { b"" };
        assert_eq!(calls[1].body(), body, "{status}");
        assert_eq!(calls[1].header("content-type").is_some(), method == to);
        assert_eq!(calls[1].header("x-key"), Some("k"));
        assert_eq!(calls[1].header("authorization"), calls[0].header("authorization"));
        assert_eq!(calls[1].header("referer"), None);
    }
}

#[test]
fn a_redirect_to_another_origin_is_followed_if_the_token_may_go_there() {
    let (server, other) = (Server::start().unwrap(), Server::start().unwrap());
    redirected(&server, 307, other.resource("/elsewhere"));
    let flag = format!("--allow-origin {}", other.origin());
    fails(
        &mut request(&server, &["-o", "-"]),
        2,
        &["the API redirects, and the token may not be sent to", &flag],
    );
    assert!(calls(&other).is_empty());
    redirected(&server, 307, other.resource("/elsewhere"));
    let both = ["--allow-origin", &server.origin(), "--allow-origin", &other.origin()];
    // The other server does not know the token, but it gets it.
    let ended = run(request(&server, &["-d", "{}", "-H", "X-Key: k", "-H", "Accept: text/plain"]).args(both));
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    let (before, after) = (calls(&server).pop().unwrap(), calls(&other).remove(0));
    assert_eq!(after.header("authorization"), before.header("authorization"));
    assert_eq!((before.header("x-key"), after.header("x-key")), (Some("k"), None));
    assert_eq!((after.header("accept"), after.body()), (Some("text/plain"), &b"{}"[..]));
}

#[test]
fn what_could_not_be_allowed_is_not_advised() {
    let server = Server::start().unwrap();
    redirected(&server, 302, "http://api.example.com/");
    let says = ["the origin is plain http to api.example.com", "use https"];
    fails(&mut request(&server, &[]), 2, &says);
    redirected(&server, 302, "http://user:word@127.0.0.1/");
    fails(&mut request(&server, &[]), 3, &["redirects to a URL with a user name or password"]);
    let mut ended = String::new();
    for url in ["http://api.example.com/", "https://api.example.com./", "https://me:word@api.example.com/"] {
        let mut command = configured(&server, evergrant(&["request", url]));
        let stderr = run(&mut command).stderr;
        assert!(!stderr.contains("--allow-origin"), "{stderr}");
        ended.push_str(&stderr);
    }
    for words in
        ["plain http to api.example.com", "a DNS name without a dot", "a user name or password in it"]
    {
        assert!(ended.contains(words), "{words:?} is not in: {ended}");
    }
    assert!(!ended.contains("word@"), "{ended}");
}

#[test]
fn redirects_end_after_ten() {
    let server = Server::start().unwrap();
    let _round = server.fault(Endpoint::Resource, Fault::redirect(302, "/round"), Times::UntilCleared);
    fails(&mut request(&server, &[]), 3, &["redirects more than 10 times"]);
    assert_eq!(calls(&server).len(), 11);
    server.clear_faults();
    let _ten = server.fault(Endpoint::Resource, Fault::redirect(302, "/round"), Times::Next(10));
    assert_eq!(run(&mut request(&server, &[])).status, 0);
}

#[test]
fn a_token_that_is_refused_at_the_end_of_the_redirects_is_replaced_once() {
    let server = Server::start().unwrap();
    redirected(&server, 307, "/last");
    let _refused = server.fault(Endpoint::Resource, Fault::status(401), Times::Once);
    let ended = run(&mut request(&server, &["-d", "again"]));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let calls = calls(&server);
    let seen: Vec<_> = calls.iter().map(|call| (call.target(), call.body())).collect();
    assert_eq!(seen, [("/things", &b"again"[..]), ("/last", b"again"), ("/last", b"again")]);
}

#[test]
fn a_redirect_is_not_shown_with_a_token_in_it() {
    let server = Server::start().unwrap();
    server.set_style(evergrant_mock::TokenStyle::Sticky);
    let token = run(&mut configured(&server, evergrant(&["token"]))).stdout.trim_end().to_owned();
    redirected(&server, 302, format!("https://elsewhere.example/{token}?{token}"));
    let ended = run(&mut request(&server, &[]));
    assert!(ended.status == 2 && !ended.stderr.contains(&token), "{}", ended.stderr);
}

#[test]
fn with_json_the_object_names_the_url_at_the_end_of_the_redirects() {
    let server = Server::start().unwrap();
    redirected(&server, 301, "/last");
    let ended = run(&mut request(&server, &["--json"]));
    let answer: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&answer["status"], &answer["url"]), (&200.into(), &server.resource("/last").into()));
}
