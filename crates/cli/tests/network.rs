//! How the command reaches a server: header fields, roots, proxies, plain http, each by flag, variable and profile.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use evergrant_mock::{Endpoint, Fault, Server, Times};
use fixture::tls::{over_tls, pem};
use fixture::{Ended, Folder, configured, evergrant, fails, run};
use std::process::Command;

/// A command with patience for a slow machine.
fn patient(mut command: Command) -> Command {
    command.env("EVERGRANT_TIMEOUT", "100s");
    command
}

/// `evergrant` with these words, for the mock server's client.
fn with(server: &Server, arguments: &[&str]) -> Command {
    configured(server, patient(evergrant(arguments)))
}

/// `evergrant` with these words, and no variable about a client but its secret.
fn bare(arguments: &[&str]) -> Command {
    let mut command = patient(evergrant(arguments));
    command.env("EVERGRANT_CLIENT_SECRET", Server::CLIENT_SECRET);
    command
}

/// A configuration file with a profile `own` for the mock's client at this endpoint, and these lines.
fn profile(folder: &Folder, endpoint: &str, lines: &str) -> String {
    let id = Server::CLIENT_ID;
    let text = format!("[profile.own]\ntoken_endpoint = \"{endpoint}\"\nclient_id = \"{id}\"\n{lines}\n");
    folder.file("config.toml", 0o600, text)
}

#[track_caller]
fn served(server: &Server, ended: &Ended) {
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let issued = server.issued();
    let mut said = [&ended.stdout, &ended.stderr].into_iter();
    assert!(said.any(|text| issued.iter().any(|token| text.contains(token))), "{}", ended.stdout);
}

/// The values of a header field of the last token request.
fn last(server: &Server, name: &str) -> Vec<String> {
    let requests = server.requests();
    let headers = requests.last().unwrap().headers();
    let named = headers.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.clone()).collect()
}

#[test]
fn a_token_header_is_sent_by_flag_by_variable_and_out_of_a_file_and_never_to_the_api() {
    let (server, folder) = (Server::start().unwrap(), Folder::new());
    let key = folder.file("key", 0o600, "file-secret\n");
    let arguments =
        ["token", "--token-header", "X-Tenant: north", "--token-header", &format!("X-Key: @{key}")];
    let ended = run(&mut with(&server, &arguments));
    served(&server, &ended);
    assert_eq!(
        (last(&server, "x-tenant"), last(&server, "x-key")),
        (vec!["north".into()], vec!["file-secret".into()])
    );
    let mut command = with(&server, &["token"]);
    served(&server, &run(command.env("EVERGRANT_TOKEN_HEADER", "X-Key: by-variable\nX-Tenant: south")));
    assert_eq!(
        (last(&server, "x-tenant"), last(&server, "x-key")),
        (vec!["south".into()], vec!["by-variable".into()])
    );
    let call =
        with(&server, &["request", &server.resource("/things"), "--token-header", "X-Key: by-flag"]).output();
    assert_eq!(call.unwrap().status.code(), Some(0));
    assert!(last(&server, "x-key").is_empty(), "that was the call");
}

#[test]
fn the_value_of_a_token_header_is_a_secret_as_the_client_secret_is() {
    let (server, folder) = (Server::start().unwrap(), Folder::new());
    let words = |line: &str| with(&server, &["token", "--token-header", line]);
    fails(&mut words("hunter22"), 2, &["a header field of --token-header has no colon"]);
    fails(&mut words("Authorization: x"), 2, &["authorization"]);
    fails(&mut words("X-Key: @/nowhere/key"), 2, &["/nowhere/key", "the value of the token header X-Key"]);
    fails(&mut words("X-Key: @-"), 2, &["cannot come from stdin"]);
    let broken = folder.file("broken", 0o600, "hunter\u{7}22");
    let mut command = words(&format!("X-Key: @{broken}"));
    fails(&mut command, 2, &["x-key"]);
    if cfg!(unix) {
        let open = folder.file("open", 0o644, "hunter22");
        fails(&mut words(&format!("X-Key: @{open}")), 2, &["other users can read", "chmod 600"]);
    }
    for ended in [run(&mut words("hunter22")), run(&mut command)] {
        assert!(!ended.stderr.contains("22"), "{}", ended.stderr);
    }
    assert_eq!(server.counts().token_requests, 0);
    // What runs under the command does not get it.
    let mut command = with(
        &server,
        &["run", "--", "sh", "-c", "echo ${EVERGRANT_TOKEN_HEADER-unset} ${EVERGRANT_PROXY-unset}"],
    );
    let ended = run(command.env("EVERGRANT_TOKEN_HEADER", "X-Key: hunter22").env("EVERGRANT_PROXY", "none"));
    assert_eq!((ended.status, ended.stdout.as_str()), (0, "unset unset\n"));
}

#[test]
fn a_kept_token_is_that_of_its_token_headers() {
    let (server, folder) = (Server::start().unwrap(), Folder::new());
    let token = |value: &str| {
        let header = format!("X-Tenant: {value}");
        let mut command = with(&server, &["token", "--cache", "--token-header", &header]);
        run(command.env("XDG_CACHE_HOME", folder.path())).stdout
    };
    let north = token("north");
    assert_ne!(token("south"), north);
    assert_eq!(token("north"), north);
}

#[test]
fn a_profile_has_token_headers_and_they_go_to_its_own_endpoint_alone() {
    let (server, other, folder) = (Server::start().unwrap(), Server::start().unwrap(), Folder::new());
    let lines = "token_headers = { X-Tenant = \"north\", X-Key = { env = \"ERP_KEY\" } }";
    let config = profile(&folder, &server.token_endpoint(), lines);
    let words = ["token", "--profile", "own", "--config", &config];
    served(&server, &run(bare(&words).env("ERP_KEY", "by-profile")));
    assert_eq!(
        (last(&server, "x-tenant"), last(&server, "x-key")),
        (vec!["north".into()], vec!["by-profile".into()])
    );
    fails(&mut bare(&words), 2, &["no value of the token header X-Key", "ERP_KEY, which is not set"]);
    let endpoint = other.token_endpoint();
    let ended = run(bare(&words).args(["--token-endpoint", &endpoint]).env("ERP_KEY", "by-profile"));
    served(&other, &ended);
    assert!(last(&other, "x-key").is_empty() && last(&other, "x-tenant").is_empty());
    // A program under the command does not get the variable.
    let words = ["run", "--profile", "own", "--config", &config, "--", "sh", "-c", "echo ${ERP_KEY-unset}"];
    assert_eq!(run(bare(&words).env("ERP_KEY", "by-profile")).stdout, "unset\n");
}

#[test]
fn a_root_of_ones_own_is_trusted_by_the_token_request_the_call_and_the_doctor() {
    let (server, folder) = (Server::start().unwrap(), Folder::new());
    let (address, certificate) = over_tls(server.address(), (2099, 1, 1));
    let ca = folder.file("ca.pem", 0o644, pem(&certificate));
    let (endpoint, origin) = (format!("https://{address}/access-token"), format!("https://{address}"));
    let (url, words) = (format!("{origin}/things"), ["--token-endpoint", &endpoint]);
    let said = |arguments: &[&str]| {
        let mut command = with(&server, arguments);
        command.args(words);
        command
    };
    fails(&mut said(&["token"]), 4, &["from an authority that is not trusted here"]);
    served(&server, &run(&mut said(&["token", "--ca-file", &ca])));
    served(&server, &run(said(&["token"]).env("EVERGRANT_CA_FILE", &ca)));
    let call = run(&mut said(&["request", &url, "--allow-origin", &origin, "--ca-file", &ca]));
    assert_eq!(call.status, 0, "{}", call.stderr);
    assert!(call.stdout.contains("/things"), "{}", call.stdout);
    let doctor = run(&mut said(&["doctor", "--ca-file", &ca]));
    assert_eq!(doctor.status, 0, "{}", doctor.stdout);
    assert!(doctor.stdout.contains("ok       certificate"), "{}", doctor.stdout);
    let config = profile(&folder, &endpoint, "ca_file = \"ca.pem\"");
    let words = ["token", "--profile", "own", "--config", &config];
    served(&server, &run(&mut bare(&words)));
    // A variable of another client's is not looked at where a profile is named.
    served(&server, &run(bare(&words).env("EVERGRANT_CA_FILE", "/nowhere/ca.pem")));
}

#[test]
fn a_file_without_a_root_is_said_before_anything_is_sent() {
    let (server, folder) = (Server::start().unwrap(), Folder::new());
    let empty = folder.file("ca.pem", 0o644, "");
    fails(&mut with(&server, &["token", "--ca-file", &empty]), 2, &["ca.pem", "has no certificate in PEM"]);
    fails(
        &mut with(&server, &["token", "--ca-file", "/nowhere/ca.pem"]),
        2,
        &["/nowhere/ca.pem", "cannot be read"],
    );
    assert_eq!(server.counts().token_requests, 0);
}

/// The mock server takes a request as a proxy gets it (RFC 9112 §3.2.2), and so it is one.
#[test]
fn a_proxy_is_named_by_flag_by_variable_and_by_profile_and_goes_before_the_environment() {
    let (server, folder) = (Server::start().unwrap(), Folder::new());
    let proxy = server.origin();
    let away = ["--token-endpoint", "http://auth.invalid/access-token", "--dangerous-plain-http"];
    let said = |arguments: &[&str]| {
        let mut command = with(&server, arguments);
        command.args(away);
        command
    };
    served(&server, &run(&mut said(&["token", "--proxy", &proxy])));
    served(&server, &run(said(&["token"]).env("EVERGRANT_PROXY", &proxy)));
    served(&server, &run(said(&["token", "--proxy", &proxy]).env("http_proxy", "http://proxy.invalid:1")));
    let none = run(said(&["token", "--proxy", "none"]).env("http_proxy", &proxy));
    assert_eq!(none.status, 4, "{}", none.stderr);
    assert!(!none.stderr.contains("proxy"), "{}", none.stderr);
    let call =
        ["request", "http://api.invalid/things", "--allow-origin", "http://api.invalid", "--proxy", &proxy];
    let call = run(&mut said(&call));
    assert_eq!(call.status, 0, "{}", call.stderr);
    let doctor = run(&mut said(&["doctor", "--proxy", &proxy]));
    assert!(doctor.status == 0 && doctor.stdout.contains("ok       proxy "), "{}", doctor.stdout);
    let lines =
        format!("proxy = \"{proxy}\"\ndangerous_plain_http = true\norigins = [\"http://api.invalid\"]");
    let config = profile(&folder, away[1], &lines);
    served(&server, &run(&mut bare(&["token", "--profile", "own", "--config", &config])));
}

#[test]
fn a_proxy_that_is_not_reached_is_named_and_its_password_is_not() {
    let server = Server::start().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://me:hunter22@{closed}");
    let mut command = with(&server, &["token", "--token-endpoint", "https://auth.invalid/token"]);
    let ended = run(command.env("EVERGRANT_PROXY", &url));
    assert_eq!(ended.status, 4, "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("{closed} cannot be reached")), "{}", ended.stderr);
    assert!(!ended.stderr.contains("hunter22"), "{}", ended.stderr);
    // Every user of the machine can read arguments.
    let ended = run(&mut with(&server, &["token", "--proxy", &url]));
    assert_eq!(ended.status, 2, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("EVERGRANT_PROXY") && !ended.stderr.contains("hunter22"),
        "{}",
        ended.stderr
    );
    let ended = run(&mut with(&server, &["token", "--proxy", "gopher://proxy"]));
    assert_eq!(ended.status, 2, "{}", ended.stderr);
}

#[test]
fn plain_http_needs_its_dangerous_word_and_the_error_names_it() {
    let (server, folder) = (Server::start().unwrap(), Folder::new());
    let proxy = server.origin();
    let away = |arguments: &[&str]| {
        let mut command = with(&server, arguments);
        command.args(["--token-endpoint", "http://auth.invalid/access-token", "--proxy", &proxy]);
        command
    };
    fails(&mut away(&["token"]), 2, &["plain http to auth.invalid", "--dangerous-plain-http"]);
    for no in ["", "0", "false", "no"] {
        let mut command = away(&["token"]);
        fails(command.env("EVERGRANT_DANGEROUS_PLAIN_HTTP", no), 2, &["--dangerous-plain-http"]);
    }
    served(&server, &run(away(&["token"]).env("EVERGRANT_DANGEROUS_PLAIN_HTTP", "1")));
    let api = ["request", "http://api.invalid/", "--allow-origin", "http://api.invalid", "--proxy", &proxy];
    fails(&mut with(&server, &api), 2, &["plain http to api.invalid", "--dangerous-plain-http"]);
    let mut allowed = with(&server, &api);
    assert_eq!(run(allowed.arg("--dangerous-plain-http")).status, 0);
    let config = profile(&folder, "http://auth.invalid/access-token", "dangerous_plain_http = true");
    let named = ["token", "--profile", "own", "--config", &config, "--proxy", &proxy];
    served(&server, &run(&mut bare(&named)));
    // What a profile allows is for its own endpoint.
    let mut other = bare(&named);
    fails(
        other.args(["--token-endpoint", "http://other.invalid/token"]),
        2,
        &["plain http to other.invalid"],
    );
}

#[test]
fn a_profile_keeps_no_password_of_a_proxy() {
    let folder = Folder::new();
    let lines = "proxy = \"http://me:hunter22@proxy\"\ntoken_headers = { X-Key = 7 }";
    let config = profile(&folder, "https://a.example/", lines);
    let ended = run(&mut evergrant(&["config", "check", "--config", &config]));
    assert_eq!(ended.status, 2, "{}", ended.stderr);
    for words in
        ["config.toml:4: proxy: it has a user or a password", "config.toml:5: X-Key: this is not a string"]
    {
        assert!(ended.stderr.contains(words), "{words:?} is not in: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("hunter22"), "{}", ended.stderr);
}

#[test]
fn a_configuration_shows_how_a_server_is_reached_without_a_secret() {
    let folder = Folder::new();
    let key = folder.file("key", 0o600, "file-secret");
    let mut command =
        bare(&["config", "show", "--json", "--token-endpoint", "http://auth.invalid/", "--client-id", "me"]);
    command.args([
        "--dangerous-plain-http",
        "--token-header",
        &format!("X-Key: @{key}"),
        "--token-header",
        "X-Id: seven",
    ]);
    let ended = run(command.env("EVERGRANT_PROXY", "http://me:hunter22@proxy:3128"));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let shown: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let value = |name: &str| shown["settings"][name]["value"].clone();
    assert_eq!(value("proxy"), "http://proxy:3128");
    assert_eq!(value("dangerous_plain_http"), true);
    assert_eq!(value("token_headers"), serde_json::json!([format!("X-Key (in {key})"), "X-Id"]));
    for secret in ["hunter22", "seven", "file-secret"] {
        assert!(!ended.stdout.contains(secret), "{}", ended.stdout);
    }
}

#[test]
fn a_first_configuration_file_says_how_the_server_is_reached_and_leaves_a_variables_secret_out() {
    let (server, folder) = (Server::start().unwrap(), Folder::new());
    folder.file("key", 0o600, "file-secret");
    folder.file("ca.pem", 0o644, pem(&over_tls(server.address(), (2099, 1, 1)).1));
    let init = |name: &str| {
        let config = folder.at(name);
        let mut command =
            bare(&["config", "init", "--config", &config, "--profile", "own", "--client-id", "me"]);
        command
            .args(["--token-endpoint", "http://auth.invalid/", "--dangerous-plain-http"])
            .current_dir(folder.path());
        (command, config)
    };
    let (mut command, config) = init("flags.toml");
    command.args([
        "--token-header",
        "X-Key: @key",
        "--token-header",
        "X-Id: \"7\"",
        "--proxy",
        "none",
        "--ca-file",
        "ca.pem",
    ]);
    let ended = run(&mut command);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let text = std::fs::read_to_string(config).unwrap();
    let key = folder.at("key");
    for line in [
        &format!("token_headers = {{ X-Key = {{ file = \"{key}\" }}, X-Id = \"\\\"7\\\"\" }}"),
        "proxy = \"none\"",
        &format!("ca_file = \"{}\"", folder.at("ca.pem")),
        "dangerous_plain_http = true",
    ] {
        assert!(text.lines().any(|said| said == line), "{line} is not in: {text}");
    }
    let (mut command, config) = init("variables.toml");
    command
        .env("EVERGRANT_TOKEN_HEADER", "X-Key: hunter22")
        .env("EVERGRANT_PROXY", "http://me:hunter22@proxy");
    assert_eq!(run(&mut command).status, 0);
    assert!(!std::fs::read_to_string(config).unwrap().contains("hunter22"));
}

#[test]
fn a_variable_says_no_to_what_a_profile_allows_and_a_flag_does_too() {
    let folder = Folder::new();
    let config = profile(&folder, "http://auth.invalid/access-token", "dangerous_plain_http = true");
    let words = ["token", "--config", &config, "--timeout", "5s"];
    let mut flag = bare(&words);
    fails(
        flag.args(["--profile", "own", "--dangerous-plain-http=false"]),
        2,
        &["plain http to auth.invalid"],
    );
    let mut variable = bare(&words);
    variable.env("EVERGRANT_PROFILE", "own").env("EVERGRANT_DANGEROUS_PLAIN_HTTP", "no");
    fails(&mut variable, 2, &["plain http to auth.invalid", "dangerous_plain_http = true in the profile"]);
}

#[test]
fn a_word_of_a_servers_own_for_bearer_is_listed_by_flag_by_variable_and_by_profile() {
    let (server, folder) = (Server::start().unwrap(), Folder::new());
    let body = r#"{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"BearerToken","expires_in":3600}"#;
    let odd = Fault::status_with_body(200, "application/json", body);
    let _odd = server.fault(Endpoint::Token, odd, Times::UntilCleared);
    fails(&mut with(&server, &["token"]), 4, &["name it with --bearer-word"]);
    let config = profile(&folder, &server.token_endpoint(), "bearer_words = [\"BearerToken\"]");
    for mut command in [
        with(&server, &["token", "--bearer-word", "BearerToken"]),
        bare(&["token", "--profile", "own", "--config", &config]),
    ] {
        assert_eq!(run(&mut command).stdout, "2YotnFZFEjr1zCsicMWpAA\n");
    }
    let ended = run(with(&server, &["token"]).env("EVERGRANT_BEARER_WORD", "other\nBearerToken"));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
}

#[test]
fn what_a_proxy_refuses_is_its_own_fault() {
    let (server, proxy) = (Server::start().unwrap(), Server::start().unwrap());
    let _refused = [Endpoint::Token, Endpoint::Resource]
        .map(|endpoint| proxy.fault(endpoint, Fault::status(407), Times::UntilCleared));
    let through = ["--dangerous-plain-http", "--proxy", &proxy.origin()].map(str::to_owned);
    let mut token = with(&server, &["token", "--token-endpoint", "http://auth.invalid/access-token"]);
    fails(
        token.args(&through),
        4,
        &["a proxy answered http 407", "at fault: the proxy", "user and password of the proxy"],
    );
    let api = ["request", "http://api.invalid/", "--allow-origin", "http://api.invalid"];
    let mut call = with(&server, &api);
    fails(call.args(&through), 4, &["a proxy answered http 407", "at fault: the proxy"]);
}

#[test]
fn an_untrusted_root_is_answered_with_the_flag_that_names_one() {
    let server = Server::start().unwrap();
    let (address, _) = over_tls(server.address(), (2099, 1, 1));
    let (endpoint, origin) = (format!("https://{address}/access-token"), format!("https://{address}"));
    for words in [
        vec!["token", "-v", "--token-endpoint", &endpoint],
        vec!["doctor", "--token-endpoint", &endpoint],
        vec!["request", &origin, "--allow-origin", &origin],
    ] {
        let ended = run(&mut with(&server, &words));
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains("or in --ca-file") && !said.contains("HTTP client"), "{words:?}: {said}");
    }
}

#[cfg(unix)]
#[test]
fn a_root_that_others_can_write_is_not_trusted() {
    let (server, folder) = (Server::start().unwrap(), Folder::new());
    let certificate = pem(&over_tls(server.address(), (2099, 1, 1)).1);
    let ca = folder.file("ca.pem", 0o666, &certificate);
    let token = || with(&server, &["token", "--ca-file", &ca]);
    fails(&mut token(), 2, &["other users can write", "chmod go-w"]);
    fixture::set_mode(&ca, 0o644);
    assert_eq!(run(&mut token()).status, 0);
    // What a container gets from its host is another user's, and is used.
    if std::os::unix::fs::chown(&ca, Some(65_534), Some(65_534)).is_ok() {
        let ended = run(&mut token());
        assert!(ended.status == 0 && ended.stderr.contains("belongs to another user"), "{}", ended.stderr);
    }
}

/// As in an empty container.
#[cfg(target_os = "linux")]
fn rootless(command: &mut Command) -> Ended {
    run(command.env("SSL_CERT_FILE", "/nowhere/roots.pem").env("SSL_CERT_DIR", "/nowhere"))
}

#[cfg(target_os = "linux")]
#[test]
fn plain_http_on_loopback_needs_no_root_certificates() {
    let server = Server::start().unwrap();
    let api = server.resource("/things");
    for arguments in [
        &["token"][..],
        &["run", "--", "true"],
        &["watch", "--for", "2s"],
        &["doctor"],
        &["request", &api],
        &["mock", "--", fixture::EVERGRANT, "token"],
        &["demo", "--seconds", "10", "--workers", "2"],
    ] {
        let ended = rootless(&mut with(&server, arguments));
        assert_eq!(ended.status, 0, "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn https_without_root_certificates_is_told_alike_everywhere_and_with_the_flag_that_helps() {
    let server = Server::start().unwrap();
    let api = "https://127.0.0.1:9";
    for (arguments, endpoint) in [
        (&["token"][..], "https://127.0.0.1:9/token"),
        (&["doctor"], "https://127.0.0.1:9/token"),
        // The token is had without TLS, and the API is not.
        (&["request", "--allow-origin", api, api], &server.token_endpoint()),
    ] {
        let mut command = with(&server, arguments);
        let ended = rootless(command.env("EVERGRANT_TOKEN_ENDPOINT", endpoint));
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.status, 2, "{arguments:?}: {said}");
        let cause =
            "the HTTP client cannot be built: there are no trusted root certificates on this machine\n";
        for words in [cause, "next: install ca-certificates, ", "or name a PEM file with --ca-file\n"] {
            assert!(said.contains(words), "{arguments:?}: {words:?} is not in: {said}");
        }
    }
}
