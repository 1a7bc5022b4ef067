//! The doctor as its patients meet it.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use evergrant_mock::{Endpoint, ExpiresIn, Fault, Server, Times, TokenStyle};
use fixture::tls::{over_tls, pem};
use fixture::{Ended, Folder, evergrant, run};
use serde_json::Value;
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, SystemTime};

fn doctor(endpoint: &str, arguments: &[&str]) -> Command {
    let mut command = evergrant(&["doctor"]);
    command
        .args(arguments)
        .env("EVERGRANT_TIMEOUT", "100s")
        .env("EVERGRANT_TOKEN_ENDPOINT", endpoint)
        .env("EVERGRANT_CLIENT_ID", Server::CLIENT_ID)
        .env("EVERGRANT_CLIENT_SECRET", Server::CLIENT_SECRET);
    command
}

#[track_caller]
fn says(ended: &Ended, status: i32, words: &[&str]) {
    assert_eq!(ended.status, status, "{}{}", ended.stdout, ended.stderr);
    for words in words {
        assert!(ended.stdout.contains(words), "{words:?} is not in: {}", ended.stdout);
    }
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains(Server::CLIENT_SECRET) && !text.contains("eyJ"), "{text}");
    }
}

#[test]
fn a_good_setup_works_and_costs_one_request() {
    let server = Server::start().unwrap();
    let ended = run(&mut doctor(&server.token_endpoint(), &["--scope", "a b"]));
    let endpoint = server.token_endpoint();
    says(
        &ended,
        0,
        &[
            &format!(
                "ok       client         {endpoint}, as client {}, by client_secret_basic",
                Server::CLIENT_ID
            ),
            "ok       secret         in EVERGRANT_CLIENT_SECRET\n",
            "ok       connection     to 127.0.0.1:",
            "ok       tls            none: plain http to this machine itself",
            "ok       clock          this machine's clock and the server's are",
            "ok       token ",
            "ok       life           the token lives 1 d",
            "ok       scope          requested a b, granted a b",
        ],
    );
    assert!(ended.stdout.ends_with("\nverdict: it works\n"), "{}", ended.stdout);
    assert_eq!((ended.stderr.as_str(), server.counts().token_requests), ("", 1));
}

#[test]
fn findings_are_one_json_object_where_that_is_wanted() {
    let server = Server::start().unwrap();
    server.set_clock_offset(-300);
    let ended = run(&mut doctor(&server.token_endpoint(), &["--json"]));
    says(&ended, 0, &[]);
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(found["verdict"], "it works; see the warnings");
    let findings = found["findings"].as_array().unwrap();
    let clock = findings.iter().find(|finding| finding["about"] == "clock").unwrap();
    assert_eq!(clock["state"], "warning");
    assert!(clock["next"][0].as_str().unwrap().contains("NTP"));
    assert!(
        findings.iter().all(|finding| finding["about"] == "clock" || finding["state"] == "ok"),
        "{found}"
    );
}

#[test]
fn a_clock_that_is_off_is_told_in_seconds_and_by_side() {
    for (offset, side) in [(-90, "ahead of"), (90, "behind")] {
        let server = Server::start().unwrap();
        server.set_clock_offset(offset);
        let ended = run(&mut doctor(&server.token_endpoint(), &[]));
        let line = ended.stdout.lines().find(|line| line.contains("clock ")).unwrap();
        assert!(line.starts_with("warning") && line.ends_with(&format!(" s {side} the server's")), "{line}");
        // However slow this machine is, it is not a minute.
        let seconds: u64 = line.split_whitespace().find_map(|word| word.parse().ok()).unwrap();
        assert!((30..=90).contains(&seconds), "{line}");
        says(&ended, 0, &["verdict: it works; see the warnings"]);
    }
}

#[test]
fn lives_and_scopes_that_are_not_as_expected_are_told() {
    let server = Server::start().unwrap();
    server.set_granted_scope(Some("a"));
    server.set_lifetime(Duration::from_secs(20));
    let ended = run(&mut doctor(&server.token_endpoint(), &["--scope", "a b"]));
    says(
        &ended,
        0,
        &[
            "warning  life           the token lives 20 s",
            "warning  scope          requested a b, granted a: b is missing",
        ],
    );
    server.set_style(TokenStyle::Opaque);
    server.set_expires_in(ExpiresIn::Omitted);
    let ended = run(&mut doctor(&server.token_endpoint(), &[]));
    says(&ended, 0, &["1 h is assumed"]);
}

#[test]
fn an_expires_in_that_is_no_lifetime_is_warned_of() {
    let server = Server::start().unwrap();
    // A JWT's own exp would shorten what is shown.
    server.set_style(TokenStyle::Opaque);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let end = (now + Duration::from_secs(30 * 86_400 + 43_200)).as_secs();
    for point in [end.to_string(), (end * 1000).to_string()] {
        server.set_expires_in(ExpiresIn::raw(point));
        let ended = run(&mut doctor(&server.token_endpoint(), &[]));
        says(
            &ended,
            0,
            &[
                "warning  life           the token lives 30 d 1",
                " h: expires_in is a point in time, not a number of seconds, and was read as one",
                "next: tell the server's operator that expires_in is the lifetime in seconds (RFC 6749 §5.1)",
                "verdict: it works; see the warnings",
            ],
        );
    }
    server.set_expires_in(ExpiresIn::raw("315360000"));
    let ended = run(&mut doctor(&server.token_endpoint(), &[]));
    says(
        &ended,
        0,
        &[
            "warning  life           the token lives 3650 d by expires_in; it is used for 366 d at most",
            "ask for a shorter one",
        ],
    );
}

#[test]
fn a_packed_answer_is_read_as_everywhere_else() {
    let server = Server::start().unwrap();
    let _packed = server.fault(Endpoint::Token, Fault::Gzip, Times::UntilCleared);
    says(&run(&mut doctor(&server.token_endpoint(), &[])), 0, &["ok       token ", "the token lives 1 d"]);
}

#[test]
fn a_refused_client_gets_advice_and_is_asked_for_once() {
    let server = Server::start().unwrap();
    let mut command = doctor(&server.token_endpoint(), &[]);
    let ended = run(command.env("EVERGRANT_CLIENT_SECRET", "'wrong secret '"));
    says(
        &ended,
        3,
        &[
            "warning  secret         in EVERGRANT_CLIENT_SECRET: the secret is in quotation marks",
            "fault    token          the authorization server refused with invalid_client (http 401)",
            "next: check the client id, the client secret",
            "use --auth basic-raw",
            "verdict: it does not work",
        ],
    );
    assert_eq!(ended.stderr, "", "it is said once");
    assert!(!ended.stdout.contains("wrong secret"));
    assert_eq!(server.counts().token_requests, 1, "nothing is probed");
}

#[test]
fn a_server_that_wants_another_body_is_asked_for_once_and_its_words_are_read() {
    let server = Server::start().unwrap();
    let fault = Fault::status_with_body(400, "application/json", r#"{"error":"unsupported_grant_type"}"#);
    let _fault = server.fault(Endpoint::Token, fault, Times::UntilCleared);
    let ended = run(&mut doctor(&server.token_endpoint(), &["--body", "json"]));
    says(&ended, 3, &["unsupported_grant_type", "use --body form", "verdict: it does not work"]);
    assert_eq!(server.counts().token_requests, 1);
}

#[test]
fn a_server_that_wants_basic_says_so_in_its_challenge() {
    let server = Server::start().unwrap();
    let answer =
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"clients\"\r\nContent-Length: 0\r\n\r\n";
    let _fault = server.fault(Endpoint::Token, Fault::raw(answer), Times::UntilCleared);
    says(
        &run(&mut doctor(&server.token_endpoint(), &["--auth", "post"])),
        3,
        &["http 401", "use --auth basic\n"],
    );
    let basic = run(&mut doctor(&server.token_endpoint(), &[]));
    assert!(!basic.stdout.contains("use --auth"), "{}", basic.stdout);
}

/// The doctor sends its request over a client of its own, which must read what the library's reads.
#[test]
fn a_head_that_the_library_reads_is_read_by_the_doctor_too() {
    let body = r#"{"access_token":"opaque-token-of-the-doctor","token_type":"Bearer","expires_in":3600}"#;
    let many = "X-Gateway: one\r\n".repeat(900);
    for lines in [many.as_str(), "X-Folded: one\r\n two\r\n"] {
        let server = Server::start().unwrap();
        let answer = format!(
            "HTTP/1.1 200 OK\r\n{lines}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let _fault = server.fault(Endpoint::Token, Fault::raw(answer), Times::UntilCleared);
        says(&run(&mut doctor(&server.token_endpoint(), &[])), 0, &["verdict: it works"]);
    }
}

/// Authlib and canaille word a wrong secret as a method that they do not take.
#[test]
fn a_servers_words_are_shown_and_are_no_advice() {
    for words in [
        "cannot authenticate with methods: ['client_secret_basic']",
        "Missing parameter: client_id in the JSON body",
    ] {
        let server = Server::start().unwrap();
        let body = format!(r#"{{"error":"invalid_client","error_description":"{words}"}}"#);
        let fault = Fault::status_with_body(401, "application/json", body);
        let _fault = server.fault(Endpoint::Token, fault, Times::UntilCleared);
        for method in ["basic", "post"] {
            let ended = run(&mut doctor(&server.token_endpoint(), &["--auth", method]));
            says(&ended, 3, &[words, "next: check the client id, the client secret"]);
            assert!(!ended.stdout.contains("use --"), "{}", ended.stdout);
        }
    }
}

#[test]
fn a_server_that_does_not_answer_well_is_told_as_such() {
    for (fault, status, words) in [
        (Fault::Html, 4, "the body is an HTML page"),
        (
            Fault::redirect(302, "https://elsewhere.example/"),
            3,
            "redirects to https://elsewhere.example/ (http",
        ),
        (Fault::Reset, 4, "the token endpoint cannot be reached"),
        (Fault::status(503), 4, "http 503"),
        (Fault::status_with_body(403, "text/html", "<html>"), 3, "such as a firewall or an address list"),
        (
            Fault::status_with_body(
                401,
                "application/json",
                r#"{"title":"Denied","detail":"no such client"}"#,
            ),
            3,
            "answered with http 401: Denied: no such client\n",
        ),
        (Fault::status(404), 3, "next: check the path of the token endpoint"),
    ] {
        let server = Server::start().unwrap();
        let _fault = server.fault(Endpoint::Token, fault, Times::UntilCleared);
        let ended = run(&mut doctor(&server.token_endpoint(), &[]));
        says(&ended, status, &["fault    token ", words, "verdict: it does not work"]);
    }
    let server = Server::start().unwrap();
    let _hung = server.fault(Endpoint::Token, Fault::Hang, Times::UntilCleared);
    let ended = run(&mut doctor(&server.token_endpoint(), &["--timeout", "1s"]));
    says(&ended, 4, &["timed out before the full response arrived"]);
}

#[test]
fn a_profile_is_examined_whole_and_a_wrong_one_not_at_all() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let text = format!(
        "[profile.own]\ntoken_endpoint = \"{}\"\nclient_id = \"{}\"\nclient_secret = {{ env = \"A_SECRET\" }}\nauth = \"post\"\n",
        server.token_endpoint(),
        Server::CLIENT_ID
    );
    let path = folder.file("config.toml", 0o600, &text);
    let examined = |path: &str| {
        let mut command = evergrant(&["doctor", "--profile", "own", "--config", path]);
        run(command.env("A_SECRET", Server::CLIENT_SECRET))
    };
    says(
        &examined(&path),
        0,
        &["configuration  profile own\n", "secret         in A_SECRET\n", "by client_secret_post"],
    );
    let path = folder.file("wrong.toml", 0o600, text.replace("auth", "auht"));
    let ended = examined(&path);
    says(&ended, 2, &["fault    configuration", "did you mean auth?", "verdict: it does not work"]);
    assert_eq!(ended.stderr, "");
}

#[test]
fn without_a_secret_it_goes_as_far_as_it_can() {
    let server = Server::start().unwrap();
    let mut command = doctor(&server.token_endpoint(), &[]);
    let ended = run(command.env_remove("EVERGRANT_CLIENT_SECRET"));
    let expected = [
        "fault    secret         there is no client secret\n         next: set EVERGRANT_CLIENT_SECRET",
        "ok       connection     to 127.0.0.1:",
        "verdict: it does not work",
    ];
    says(&ended, 2, &expected);
    assert_eq!((ended.stderr.as_str(), server.counts().token_requests), ("", 0));
    let mut command = doctor(&server.token_endpoint(), &["--json"]);
    let ended = run(command.env_remove("EVERGRANT_CLIENT_SECRET"));
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.status, &report["verdict"]), (2, &"it does not work".into()));
}

#[cfg(unix)]
#[test]
fn the_cache_is_looked_at_and_neither_used_nor_changed() {
    let server = Server::start().unwrap();
    let caches = Folder::new();
    let examined = || {
        let mut command = doctor(&server.token_endpoint(), &["--cache"]);
        run(command.env("XDG_CACHE_HOME", caches.path()))
    };
    for _ in 0..2 {
        says(&examined(), 0, &["ok       cache          no token is kept yet\n", "verdict: it works\n"]);
    }
    let mut command = fixture::known(&server, &["--cache"]);
    assert_eq!(run(command.env("XDG_CACHE_HOME", caches.path())).status, 0);
    says(&examined(), 0, &["ok       cache          a kept token is valid\n"]);
    assert_eq!(server.counts().token_requests, 4);
    fixture::set_mode(&caches.at("evergrant"), 0o755);
    says(&examined(), 0, &["warning  cache ", "open to other users (mode 755)", "see the warnings"]);
}

#[test]
fn the_step_at_which_the_way_ends_is_named() {
    let ended = run(&mut doctor("https://evergrant.invalid/token", &[]));
    says(
        &ended,
        4,
        &["fault    name           the host name evergrant.invalid cannot be resolved", "it does not work"],
    );
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ended = run(&mut doctor(&format!("https://{closed}/token"), &[]));
    says(&ended, 4, &["fault    connection     no connection to 127.0.0.1, port "]);
    let server = Server::start().unwrap();
    let ended = run(&mut doctor(&server.token_endpoint().replace("http:", "https:"), &[]));
    says(
        &ended,
        4,
        &[
            "fault    tls            TLS with 127.0.0.1 fails: the server, or something on the network path, speaks plain http on this port",
            "check that the port speaks TLS",
        ],
    );
    assert_eq!(server.counts().token_requests, 0);
}

#[test]
fn where_a_proxy_is_set_the_straight_way_is_no_fault() {
    // What listens there is no proxy, so that the request fails at last.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = doctor("https://evergrant.invalid/token", &[]);
    let ended = run(command.env("HTTPS_PROXY", format!("http://{closed}")));
    let named =
        format!("ok       proxy          {closed}, set by HTTPS_PROXY: the token request goes through it");
    let advice = "check the proxy's address, its user and password";
    says(
        &ended,
        4,
        &[&named, "warning  name ", "fault    token ", "the proxy did not open a connection", advice],
    );
    // Where it does not apply, it is not spoken of.
    let ended = run(command.env("NO_PROXY", ".invalid"));
    says(&ended, 4, &["fault    name "]);
    assert!(!ended.stdout.contains("proxy"), "{}", ended.stdout);
}

#[test]
fn a_proxy_variable_that_cannot_be_read_is_a_fault_of_its_own() {
    let mut command = doctor("https://evergrant.invalid/token", &[]);
    let ended = run(command.env("ALL_PROXY", "\"http://root:hunter22@127.0.0.1:1\""));
    says(&ended, 2, &["fault    proxy          ALL_PROXY has quotes in its value: remove them\n"]);
    assert!(!ended.stdout.contains("hunter22") && !ended.stderr.contains("hunter22"));
}

// Where the system has a store of its own, a file in the environment is not looked at.
#[cfg(target_os = "linux")]
#[test]
fn tls_is_shown_with_the_end_of_the_certificate() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let (address, certificate) = over_tls(server.address(), (2099, 1, 1));
    let roots = folder.file("roots.pem", 0o600, pem(&certificate));
    let mut command = doctor(&format!("https://{address}/access-token"), &[]);
    let ended = run(command.env("SSL_CERT_FILE", &roots));
    says(
        &ended,
        0,
        &[
            "ok       tls            TLSv1.3",
            "ok       certificate    the server's certificate ends in ",
            "its own root",
            "verdict: it works\n",
        ],
    );
    // The same certificate, and nobody who trusts it.
    let mut command = doctor(&format!("https://{address}/access-token"), &[]);
    let ended = run(&mut command);
    says(
        &ended,
        4,
        &["fault    tls ", "the server's certificate is from an authority that is not trusted here"],
    );
    assert_eq!(server.counts().token_requests, 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_certificate_that_is_over_is_a_fault_and_nothing_is_sent() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let (address, certificate) = over_tls(server.address(), (2020, 1, 1));
    let roots = folder.file("roots.pem", 0o600, pem(&certificate));
    let mut command = doctor(&format!("https://{address}/access-token"), &[]);
    let ended = run(command.env("SSL_CERT_FILE", &roots));
    says(&ended, 4, &["fault    tls ", "the server's certificate expired ", "its clock"]);
    assert_eq!(server.counts().token_requests, 0);
}

#[test]
fn a_secret_that_is_easily_guessed_is_warned_of_and_not_shown() {
    let server = Server::start().unwrap();
    let mut command = doctor(&server.token_endpoint(), &[]);
    let ended = run(command.env("EVERGRANT_CLIENT_SECRET", "7 bytes"));
    assert!(
        ended
            .stdout
            .contains("warning  secret         in EVERGRANT_CLIENT_SECRET: it has fewer than 8 bytes"),
        "{}",
        ended.stdout
    );
    assert!(!ended.stdout.contains("7 bytes") && !ended.stderr.contains("7 bytes"));
}
