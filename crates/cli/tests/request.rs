//! `evergrant request`.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use evergrant_mock::{Endpoint, Fault, Server, Times};
use fixture::{Ended, Folder, configured, evergrant, fails, fed, run};
use std::process::Command;

fn request(server: &Server, arguments: &[&str]) -> Command {
    let mut command = configured(server, evergrant(&["request"]));
    command.args(arguments);
    command
}

#[track_caller]
fn served(ended: &Ended) {
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
}

/// The requests that reached the API.
fn calls(server: &Server) -> Vec<evergrant_mock::Recorded> {
    server.requests().into_iter().filter(|request| request.endpoint() == Endpoint::Resource).collect()
}

#[test]
fn the_body_of_the_answer_is_printed_byte_for_byte() {
    let server = Server::start().unwrap();
    let body: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    let _fault = server.fault(
        Endpoint::Resource,
        Fault::status_with_body(200, "application/octet-stream", body.clone()),
        Times::UntilCleared,
    );
    let output = request(&server, &[&server.resource("/file")]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout == body, "{} bytes", output.stdout.len());
    let output = request(&server, &["-i", &server.resource("/file")]).output().unwrap();
    let head = b"HTTP/1.1 200 OK\r\n";
    assert!(output.stdout.starts_with(head) && output.stdout.ends_with(&body));
    let middle = &output.stdout[..output.stdout.len() - body.len()];
    let middle = std::str::from_utf8(middle).unwrap();
    assert!(middle.contains("content-type: application/octet-stream\r\n") && middle.ends_with("\r\n\r\n"));
}

#[test]
fn folded_header_lines_and_many_of_them_are_read() {
    let many = "X-Gateway: one\r\n".repeat(900);
    for lines in [many.as_str(), "X-Folded: one\r\n two\r\n"] {
        let server = Server::start().unwrap();
        let answer = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 4\r\n\r\nread");
        let _odd = server.fault(Endpoint::Resource, Fault::raw(answer), Times::UntilCleared);
        let ended = run(&mut request(&server, &[&server.resource("/things")]));
        served(&ended);
        assert_eq!(ended.stdout, "read");
    }
}

#[test]
fn method_headers_and_body_are_sent_as_they_were_said() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let at = format!("@{}", folder.file("body", 0o600, b"line one\nline two\n\xff"));
    let url = server.resource("/things?q=a%20b");
    served(&run(&mut request(&server, &[&url])));
    served(&run(&mut request(
        &server,
        &["-X", "PATCH", "-H", "X-One:  two words ", "-d", r#"{"a":1}"#, &url],
    )));
    served(&run(&mut request(&server, &["-d", &at, "-H", "content-type: text/plain", &url])));
    served(&fed(&mut request(&server, &["-d", "@-", &url]), b"a=1&b=2"));
    let calls = calls(&server);
    let said: Vec<_> =
        calls.iter().map(|call| (call.method(), call.header("content-type"), call.body())).collect();
    assert_eq!(
        said,
        [
            ("GET", None, &b""[..]),
            ("PATCH", Some("application/json"), br#"{"a":1}"#),
            ("POST", Some("text/plain"), b"line one\nline two\n\xff"),
            ("POST", Some("application/x-www-form-urlencoded"), b"a=1&b=2"),
        ]
    );
    assert_eq!(calls[0].target(), "/things?q=a%20b");
    assert_eq!(calls[1].header("x-one"), Some("two words"));
    for (call, token) in calls.iter().zip(server.issued()) {
        assert_eq!(call.header("authorization"), Some(format!("Bearer {token}").as_str()));
    }
}

#[test]
fn a_refused_token_is_replaced_and_the_same_request_sent_once_more() {
    let server = Server::start().unwrap();
    let _refused = server.fault(Endpoint::Resource, Fault::status(401), Times::Once);
    served(&run(&mut request(&server, &["-d", "again", &server.resource("/things")])));
    let calls = calls(&server);
    assert_eq!(calls.len(), 2);
    assert_eq!((calls[0].body(), calls[0].method()), (calls[1].body(), calls[1].method()));
}

#[test]
fn a_token_goes_to_allowed_origins_alone() {
    let (server, other) = (Server::start().unwrap(), Server::start().unwrap());
    let url = other.resource("/things");
    let flag = format!("--allow-origin {}", other.origin());
    fails(&mut request(&server, &[&url]), 2, &["may not be sent to", &flag]);
    assert_eq!(other.counts().resource_requests, 0);
    // The other server does not know the token, but it gets it.
    let ended = run(&mut request(&server, &["--allow-origin", &other.origin(), &url]));
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    assert!(other.counts().resource_requests > 0);
    let plain = ["--allow-origin", "http://api.example.com", "http://api.example.com/"];
    fails(&mut request(&server, &plain), 2, &["plain http to api.example.com"]);
}

#[test]
fn a_redirect_is_told_and_not_followed() {
    let (server, other) = (Server::start().unwrap(), Server::start().unwrap());
    let _moved = server.fault(
        Endpoint::Resource,
        Fault::redirect(302, other.resource("/elsewhere")),
        Times::UntilCleared,
    );
    let ended = run(&mut request(&server, &["-i", &server.resource("/things")]));
    assert_eq!(ended.status, 0);
    assert!(ended.stdout.starts_with("HTTP/1.1 302 "), "{}", ended.stdout);
    assert!(ended.stderr.contains("which is not followed"), "{}", ended.stderr);
    assert_eq!(other.counts().resource_requests, 0);
}

#[test]
fn a_redirect_is_told_without_its_query_and_without_the_token() {
    let server = Server::start().unwrap();
    let token = "a-token-that-comes-back";
    let granted = format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#);
    let granted = Fault::status_with_body(200, "application/json", granted);
    let _granted = server.fault(Endpoint::Token, granted, Times::UntilCleared);
    let location = format!("https://elsewhere.example/login/{token}?back={token}#{token}");
    let _moved = server.fault(Endpoint::Resource, Fault::redirect(302, location), Times::UntilCleared);
    let ended = run(&mut request(&server, &[&server.resource("/things")]));
    let note = "note: the API points to https://elsewhere.example/login/[redacted], which is not followed\n";
    assert_eq!((ended.status, ended.stderr.as_str()), (0, note));
}

#[test]
fn the_status_of_the_answer_is_the_commands_and_its_body_is_printed_all_the_same() {
    for (status, ours, says) in [
        (204, 0, ""),
        (401, 3, "accepts tokens of this authorization server"),
        (403, 3, "ask for a scope"),
        (404, 3, "http 404"),
        (429, 4, "try again"),
        (500, 4, "at fault: the API"),
    ] {
        let server = Server::builder().lifetime(std::time::Duration::from_secs(1)).start().unwrap();
        let _fault = server.fault(
            Endpoint::Resource,
            Fault::status_with_body(status, "text/plain", if status == 204 { "" } else { "its words" }),
            Times::UntilCleared,
        );
        let ended = run(&mut request(&server, &[&server.resource("/things")]));
        assert_eq!(ended.status, ours, "{status}: {}", ended.stderr);
        assert_eq!(ended.stdout, if status == 204 { "" } else { "its words" });
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
    let server = Server::start().unwrap();
    let busy = Fault::status_with_retry_after(503, "7");
    let _fault = server.fault(Endpoint::Resource, busy, Times::UntilCleared);
    fails(&mut request(&server, &[&server.resource("/things")]), 4, &["Retry-After says 7"]);
}

#[test]
fn a_call_without_an_answer_is_transient() {
    let server = Server::start().unwrap();
    let url = server.resource("/things?key=sentinel");
    let _hung = server.fault(Endpoint::Resource, Fault::Hang, Times::UntilCleared);
    fails(&mut request(&server, &["--max-time", "300ms", &url]), 4, &["--max-time 300ms"]);
    server.clear_faults();
    let _cut = server.fault(Endpoint::Resource, Fault::Reset, Times::UntilCleared);
    let ended = run(&mut request(&server, &[&url]));
    assert_eq!((ended.status, ended.stdout.as_str()), (4, ""));
    assert!(
        ended.stderr.contains("the call failed") && !ended.stderr.contains("sentinel"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_wrong_request_is_named_before_anything_is_sent() {
    let server = Server::start().unwrap();
    let url = server.resource("/things");
    let wrong = |arguments: &[&str], says: &[&str]| fails(&mut request(&server, arguments), 2, says);
    wrong(&["/things"], &["URL is not an absolute URL", "https://"]);
    wrong(&["-X", "GE T", &url], &["--method is not an HTTP method"]);
    wrong(&["-H", "sentinel", &url], &["a --header has no :"]);
    wrong(&["-H", "na me: x", &url], &["the name of a --header is not valid"]);
    wrong(&["-H", "X-Key: senti\nnel", &url], &["the value of the --header x-key cannot be sent"]);
    wrong(&["-H", "Authorization: Bearer x", &url], &["an Authorization header of its own", "leave"]);
    wrong(&["-d", "@no/such/file", &url], &["--data @no/such/file cannot be read"]);
    wrong(&["-d", "@-", "--client-secret-file", "-", &url], &["cannot both come from stdin"]);
    assert_eq!(server.counts().resource_requests, 0);
    assert_eq!(server.counts().token_requests, 0);
}

#[test]
fn a_refused_client_is_told_as_with_token() {
    let server = Server::start().unwrap();
    let mut command = request(&server, &["--json", &server.resource("/things")]);
    let ended = run(command.env("EVERGRANT_CLIENT_SECRET", "not-the-one"));
    let error: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!((ended.status, &error["status"]), (3, &3.into()));
    assert!(error["error"].as_str().unwrap().contains("invalid_client"));
}

#[cfg(unix)]
#[test]
fn a_kept_token_that_is_refused_is_replaced_for_the_next_invocation_too() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let call = || {
        let mut command = request(&server, &["--cache", &server.resource("/things")]);
        served(&run(command.env("XDG_CACHE_HOME", folder.path())));
        server.counts().token_requests
    };
    assert_eq!((call(), call()), (1, 1));
    server.revoke_all();
    aged(&folder);
    // A token that is refused within 2 s of its issue may only not be known everywhere yet.
    for _ in 0..21 {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!((call(), call()), (2, 2));
}

#[cfg(unix)]
#[test]
fn a_refused_token_leaves_the_disk_also_when_there_is_no_new_one() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let call = |more: &[&str]| {
        let mut command = request(&server, &["--cache", &server.resource("/things")]);
        run(command.args(more).env("XDG_CACHE_HOME", folder.path()))
    };
    let kept = || {
        let entries = std::fs::read_dir(folder.at("evergrant")).unwrap();
        let text = |entry: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(entry.unwrap().path());
        entries.map(|entry| text(entry).unwrap()).filter(|text| text.contains("\ntoken ")).count()
    };
    served(&call(&[]));
    assert_eq!(kept(), 1);
    server.revoke_all();
    aged(&folder);
    let down = server.fault(Endpoint::Token, Fault::status(503), Times::UntilCleared);
    // Whether it was refused at once or after the 2 s in which a new token may not be known everywhere yet.
    let ended = call(&[]);
    assert!(ended.status != 0, "{}", ended.stdout);
    assert_eq!(kept(), 0, "{}", ended.stderr);
    down.clear();
    // Nobody asks for a while after that, unless somebody says so.
    let mut clearing = evergrant(&["cache", "clear"]);
    assert_eq!(run(clearing.env("XDG_CACHE_HOME", folder.path())).status, 0);
    served(&call(&[]));
    assert_eq!(kept(), 1);
}

/// A token that came less than 10 s ago is not replaced on one invocation's word.
#[cfg(unix)]
#[test]
fn a_young_token_that_is_refused_stays_in_the_cache() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let call = || {
        let mut command = request(&server, &["--cache", &server.resource("/things")]);
        run(command.env("XDG_CACHE_HOME", folder.path()))
    };
    served(&call());
    server.revoke_all();
    // However slow this machine is.
    moved(&folder, 3_600_000);
    assert_eq!(call().status, 3);
    assert_eq!(server.counts().token_requests, 1);
}

/// The kept token again, as if it had come a minute before.
#[cfg(unix)]
fn aged(folder: &Folder) {
    moved(folder, -60_000);
}

/// The kept token again, as if it had come so many milliseconds later.
#[cfg(unix)]
fn moved(folder: &Folder, by: i64) {
    for entry in std::fs::read_dir(folder.at("evergrant")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let moved = |line: &str| {
            let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            if words[0] == "token" {
                words[5] = words[5].parse::<u64>().unwrap().checked_add_signed(by).unwrap().to_string();
            }
            words.join(" ") + "\n"
        };
        std::fs::write(path, text.lines().map(moved).collect::<String>()).unwrap();
    }
}

#[test]
fn a_challenge_says_more_than_its_status() {
    let answer = |status: &str, challenge: &str| {
        Fault::raw(format!("HTTP/1.1 {status}\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n"))
    };
    for (status, challenge, says) in [
        (
            "403 Forbidden",
            "Bearer error=\"insufficient_scope\", scope=\"things.write\"",
            &["insufficient_scope", "request a token with the scope things.write"][..],
        ),
        (
            "401 Unauthorized",
            "Bearer error=\"insufficient_scope\"",
            &["request a token with a scope that allows it"],
        ),
        (
            "400 Bad Request",
            "Bearer error=\"invalid_token\", error_description=\"wrong audience\"",
            &["invalid_token: wrong audience", "for this audience or resource"],
        ),
    ] {
        let server = Server::builder().lifetime(std::time::Duration::from_secs(1)).start().unwrap();
        let _refusing = server.fault(Endpoint::Resource, answer(status, challenge), Times::UntilCleared);
        fails(&mut request(&server, &[&server.resource("/things")]), 3, says);
    }
}

#[test]
fn a_token_that_an_api_repeats_in_a_challenge_is_not_shown() {
    let server = Server::start().unwrap();
    server.set_style(evergrant_mock::TokenStyle::Sticky);
    let token = run(&mut configured(&server, evergrant(&["token"]))).stdout.trim_end().to_owned();
    let challenge = format!(
        "Bearer error=\"insufficient_scope\", error_description=\"token {token} lacks\", scope=\"a {token}\""
    );
    let answer =
        format!("HTTP/1.1 403 Forbidden\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n");
    let _repeats = server.fault(Endpoint::Resource, Fault::raw(answer), Times::UntilCleared);
    for more in [&[][..], &["--json"]] {
        let mut command = request(&server, &[&server.resource("/things")]);
        let ended = run(command.args(more));
        assert_eq!(ended.status, 3, "{}", ended.stderr);
        assert!(
            ended.stderr.contains("token [redacted] lacks") && !ended.stderr.contains(&token),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn a_status_that_means_a_dead_token_can_be_named() {
    let server = Server::start().unwrap();
    let url = server.resource("/things");
    for status in [403, 498] {
        let refused = server.fault(Endpoint::Resource, Fault::status(status), Times::Once);
        assert_eq!(run(&mut request(&server, &[&url])).status, 3, "{status}");
        refused.clear();
        let _refused = server.fault(Endpoint::Resource, Fault::status(status), Times::Once);
        served(&run(&mut request(&server, &["--refused-at", "403,498", &url])));
    }
    fails(&mut request(&server, &["--refused-at", "200", &url]), 2, &["--refused-at"]);
}

/// The same variables as for the token, in the same reading.
#[test]
fn a_call_goes_through_the_proxy_of_the_environment_or_fails_before_it_is_sent() {
    let server = Server::start().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = ["--allow-origin", "https://api.invalid", "https://api.invalid/"];
    let with = |set: &[(&str, &str)]| {
        let mut command = request(&server, &away);
        run(command.envs(set.iter().copied()))
    };
    let proxied = with(&[("https_proxy", &format!("http://{closed}"))]);
    assert!(
        proxied.status != 0 && proxied.stderr.contains(&format!("the proxy {closed}, set by https_proxy")),
        "{}",
        proxied.stderr
    );
    let direct = with(&[("https_proxy", &format!("http://{closed}")), ("no_proxy", "*.invalid")]);
    assert!(direct.status != 0 && !direct.stderr.contains("proxy"), "{}", direct.stderr);
    let broken = with(&[("https_proxy", "http://127.0.0.1:1\r")]);
    assert_eq!(broken.status, 2, "{}", broken.stderr);
    assert!(broken.stderr.contains("https_proxy has a blank, a line break"), "{}", broken.stderr);
    assert!(calls(&server).is_empty());
}

#[test]
fn a_method_that_has_a_body_says_that_there_is_none() {
    let server = Server::start().unwrap();
    let url = server.resource("/things");
    for words in [&["-X", "POST"][..], &["-X", "PUT"], &["-X", "PATCH"], &["-d", ""]] {
        let ended = run(request(&server, words).arg(&url));
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert_eq!(calls(&server).last().unwrap().header("content-length"), Some("0"), "{words:?}");
    }
    run(request(&server, &["-X", "DELETE"]).arg(&url));
    assert_eq!(calls(&server).last().unwrap().header("content-length"), None);
}

#[test]
fn what_is_not_implemented_today_is_not_tomorrow() {
    let server = Server::start().unwrap();
    for (status, expected) in [(501, 3), (505, 3), (500, 4), (502, 4)] {
        let _fault = server.fault(Endpoint::Resource, Fault::status(status), Times::Once);
        let ended = run(&mut request(&server, &[&server.resource("/things")]));
        assert_eq!(ended.status, expected, "{status}: {}", ended.stderr);
    }
}

#[test]
fn a_host_that_programs_read_in_different_ways_gets_no_token() {
    let server = Server::start().unwrap();
    let port = server.address().port();
    for host in ["127.1", "2130706433", "0x7f.0.0.1", "127.0.0.%31", "127.0.0.1."] {
        let url = format!("http://{host}:{port}/a b");
        fails(&mut request(&server, &[&url]), 2, &["a host that programs read in different ways"]);
        let redirected = Fault::redirect(302, url.clone());
        let _redirected = server.fault(Endpoint::Resource, redirected, Times::Once);
        let followed = &["-L", &server.resource("/things")];
        fails(
            &mut request(&server, followed),
            3,
            &["redirects to a host that programs read in different ways"],
        );
    }
}

#[test]
fn the_length_of_the_body_is_nobodys_to_say() {
    let server = Server::start().unwrap();
    let url = server.resource("/things");
    for header in ["Content-Length: 3", "content-length: 3, 3", "Transfer-Encoding: chunked"] {
        fails(&mut request(&server, &["-H", header, "-d", "abcdef", &url]), 2, &["of its own"]);
    }
    assert!(calls(&server).is_empty());
}
