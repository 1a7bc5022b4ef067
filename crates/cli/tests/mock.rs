//! `evergrant mock`: servers that fail, delay and revoke as asked.
#![cfg(unix)]
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use evergrant_mock::{Issuer, Trust};
use fixture::{EVERGRANT, Ended, Folder, evergrant, fails, isolate, run};
use rustix::process::{Pid, Signal, WaitOptions, getpgid, kill_process, waitpid};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What this script prints, run by `evergrant mock` with these flags; the command is `$0` there.
fn script(flags: &[&str], script: &str) -> Ended {
    let mut command = evergrant(&["mock"]);
    run(command.args(flags).args(["--", "sh", "-c", script, EVERGRANT]))
}

/// `evergrant mock --json` that runs until it is dropped, and what it printed.
struct Mock {
    child: Child,
    told: Value,
}

impl Mock {
    fn start(flags: &[&str]) -> Self {
        let mut child = evergrant(&["mock", "--json"]).args(flags).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, told: serde_json::from_str(&line).unwrap() }
    }

    fn told(&self, name: &str) -> &str {
        self.told[name].as_str().unwrap()
    }

    /// A token, as its client gets it.
    fn token(&self) -> String {
        let mut command = evergrant(&["token", "--token-endpoint", self.told("token_endpoint")]);
        command.env("EVERGRANT_CLIENT_ID", self.told("client_id"));
        command.env("EVERGRANT_CLIENT_SECRET", self.told("client_secret"));
        let ended = run(&mut command);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        ended.stdout.trim_end().to_owned()
    }

    /// The status that the API answers to this token.
    fn status(&self, token: &str) -> String {
        let address = self.told("api").strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let request = format!(
            "GET /shipments HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        // It may have ended already. It is not killed, so that it cleans up.
        let _ended = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ended = self.child.wait();
    }
}

/// Waits until it holds, for as long as the slowest machine may take.
#[track_caller]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn as_many_token_requests_fail_as_asked_in_the_order_of_the_flags() {
    let ended = script(
        &["--fail", "503:2", "--fail", "401:1"],
        r#"for n in 1 2 3 4; do "$0" token > /dev/null 2>&1; echo $?; done"#,
    );
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("4\n4\n3\n0\n", ""));
}

#[test]
fn without_a_number_every_token_request_fails_and_the_api_does_not() {
    let ended = script(
        &["--fail", "500"],
        r#"for n in 1 2 3; do "$0" token; done 2>&1 | grep -c 'http 500'; echo "$EVERGRANT_MOCK_API""#,
    );
    assert!(ended.stdout.starts_with("3\n"), "{}", ended.stdout);
    let mock = Mock::start(&["--fail", "500"]);
    assert_eq!(mock.status("no-token-of-theirs"), "401");
}

#[test]
fn calls_to_the_api_fail_as_asked_and_token_requests_do_not() {
    let mock = Mock::start(&["--fail-api", "503:1", "--fail-api", "429:1"]);
    let token = mock.token();
    assert_eq!([(); 3].map(|()| mock.status(&token)), ["503", "429", "200"]);
}

#[test]
fn a_failure_that_cannot_be_is_refused_with_what_to_write() {
    for flag in ["--fail", "--fail-api"] {
        fails(&mut evergrant(&["mock", flag, "200", "--", "true"]), 2, &["400 to 599"]);
        fails(&mut evergrant(&["mock", flag, "503:0", "--", "true"]), 2, &["1 or more"]);
        let mut command = evergrant(&["mock", flag, "503", flag, "429:1", "--", "true"]);
        fails(&mut command, 2, &[&format!("next: say how many requests fail first, such as {flag} 503:2")]);
        assert_eq!(run(&mut evergrant(&["mock", flag, "429:1", flag, "503", "--", "true"])).status, 0);
    }
}

#[test]
fn the_delay_is_that_of_grants_and_of_refusals() {
    let (token, refusal) = (
        r#"exec "$0" token --timeout 500ms"#,
        r#"EVERGRANT_CLIENT_SECRET=x exec "$0" token --timeout 500ms"#,
    );
    for late in [token, refusal] {
        let ended = script(&["--delay", "1h"], late);
        assert_eq!(ended.status, 4, "{}", ended.stdout);
        assert!(ended.stderr.contains("timed out"), "{}", ended.stderr);
    }
    let ended = script(&["--delay", "1ms"], r#"exec "$0" token"#);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
}

#[test]
fn the_delay_is_neither_that_of_failures_nor_that_of_the_api() {
    let ended = script(&["--delay", "1h", "--fail", "503"], r#"exec "$0" token"#);
    assert!(ended.stderr.contains("http 503"), "{}", ended.stderr);
    assert_eq!(Mock::start(&["--delay", "1h"]).status("none"), "401");
}

#[test]
fn tokens_are_revoked_again_and_again() {
    let mock = Mock::start(&["--revoke-all-after", "250ms"]);
    for round in ["first", "second"] {
        // One that is revoked on its way to us tells nothing.
        let mut token = mock.token();
        wait_until("a token works", || {
            let works = mock.status(&token) == "200";
            if !works {
                token = mock.token();
            }
            works
        });
        wait_until(round, || mock.status(&token) == "401");
    }
}

#[test]
fn tokens_are_not_revoked_before_the_time() {
    let mock = Mock::start(&["--revoke-all-after", "1h"]);
    assert_eq!(mock.status(&mock.token()), "200");
}

/// What a client that trusts nothing but this root gets from there: the status.
fn https_status(root: &str, url: &str) -> Result<u16, reqwest::Error> {
    // It may have been chosen by another test.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let root = reqwest::Certificate::from_pem(root.as_bytes())?;
    let client = reqwest::Client::builder().tls_certs_only([root]).no_proxy().build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { Ok(client.get(url).send().await?.status().as_u16()) })
}

#[test]
fn over_tls_every_name_of_the_machine_itself_is_certified_by_the_root() {
    let mock = Mock::start(&["--tls"]);
    let root = fs::read_to_string(mock.told("ca_file")).unwrap();
    assert!(!root.contains("PRIVATE"), "{root}");
    let port = mock.told("api").strip_prefix("https://127.0.0.1:").unwrap();
    assert_eq!(mock.told("token_endpoint"), format!("https://127.0.0.1:{port}/access-token"));
    assert_eq!(mock.told("resource"), format!("https://127.0.0.1:{port}/shipments"));
    for host in ["127.0.0.1", "localhost"] {
        assert_eq!(https_status(&root, &format!("https://{host}:{port}/shipments")).unwrap(), 401);
    }
    let other = Mock::start(&["--tls"]);
    let others_root = fs::read_to_string(other.told("ca_file")).unwrap();
    assert!(https_status(&others_root, mock.told("api")).is_err(), "every mock has a root of its own");
}

#[test]
fn over_tls_a_program_finds_the_root_and_all_else_is_as_without() {
    let ended = script(
        &["--tls", "--lifetime", "90s", "--fail", "503:1"],
        r#"echo "$EVERGRANT_TOKEN_ENDPOINT $EVERGRANT_MOCK_API $EVERGRANT_ALLOW_ORIGIN $EVERGRANT_CA_FILE"
        export SSL_CERT_FILE="$EVERGRANT_CA_FILE"
        unset SSL_CERT_DIR
        "$0" token > /dev/null 2>&1
        "$0" token --json
        "$0" request "$EVERGRANT_MOCK_API/shipments""#,
    );
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    let places: Vec<&str> = lines[0].split(' ').collect();
    assert!(places[..3].iter().all(|url| url.starts_with("https://127.0.0.1:")), "{places:?}");
    assert!(lines[1].contains(r#""expires_in":90"#) && lines[2].contains("a box of apples"), "{lines:?}");
    assert!(!Path::new(places[3]).exists(), "{}", places[3]);
}

#[test]
fn an_interrupted_mock_removes_the_root_and_ends_as_shells_have_it() {
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut mock = Mock::start(&["--tls"]);
        assert!(Path::new(mock.told("ca_file")).exists());
        kill_process(Pid::from_child(&mock.child), signal).unwrap();
        assert_eq!(mock.child.wait().unwrap().code(), Some(status));
        assert!(!Path::new(mock.told("ca_file")).exists());
    }
}

#[test]
fn over_tls_the_port_is_the_one_that_is_asked_for() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    fails(&mut evergrant(&["mock", "--tls", "--port", &port]), 2, &["cannot be used", "another --port"]);
}

#[test]
fn without_a_folder_for_the_root_nothing_is_served() {
    let mut command = evergrant(&["mock", "--tls", "--", "true"]);
    let says = ["the root certificate cannot be written into", "the folder does not exist", "set TMPDIR"];
    fails(command.env("TMPDIR", Folder::new().at("gone")), 2, &says);
}

#[test]
fn what_is_printed_over_tls_says_where_the_root_is() {
    let mut child = evergrant(&["mock", "--tls"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines: Vec<String> =
        BufReader::new(child.stdout.take().unwrap()).lines().take(10).map(Result::unwrap).collect();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    child.wait().unwrap();
    let file = lines.iter().find_map(|line| line.strip_prefix("CA file         ")).unwrap();
    let told = lines.join("\n");
    assert!(told.contains(&format!("  EVERGRANT_CA_FILE='{file}' EVERGRANT_CLIENT_SECRET=")), "{told}");
    assert!(told.contains("token endpoint  https://127.0.0.1:"), "{told}");
}

/// What this script of a shell prints, with the command as `$0` and nothing of the caller's configuration.
fn sh(script: &str) -> Ended {
    run(isolate(&mut Command::new("sh")).args(["-c", script, EVERGRANT]).stdin(Stdio::null()))
}

#[test]
fn a_shell_evaluates_the_variables_and_stops_the_servers() {
    // Its end is seen at its port: what nobody waits for may keep its process id.
    let ended = sh(r#"
        export EVERGRANT_SCOPE='not theirs' EVERGRANT_PROFILE=other EVERGRANT_CLIENT_SECRET=other
        eval "$("$0" mock --env --lifetime 90s --for 10m)" || exit
        echo "${EVERGRANT_SCOPE-unset} ${EVERGRANT_PROFILE-unset}"
        "$0" token --json
        "$0" request "$EVERGRANT_MOCK_API/shipments"
        "$0" -v doctor > /dev/null
        kill "$EVERGRANT_MOCK_PID"
        n=0
        while "$0" token > /dev/null 2>&1 && [ $n -lt 1000 ]; do n=$((n + 1)); sleep 0.02; done
        exec "$0" token"#);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines[0], "unset unset");
    assert!(lines[1].contains(r#""expires_in":90"#) && lines[2].contains("a box of apples"), "{lines:?}");
    assert_eq!((lines.len(), ended.status), (3, 4), "{}", ended.stderr);
    assert!(!ended.stderr.contains("does not know the variable"), "{}", ended.stderr);
}

#[test]
fn servers_in_the_background_end_by_themselves_and_remove_the_root() {
    let ended = sh(r#"
        eval "$("$0" mock --env --tls --for 300ms)" || exit
        case "$EVERGRANT_TOKEN_ENDPOINT" in https://*) echo https ;; esac
        echo "$EVERGRANT_CA_FILE""#);
    let (scheme, file) = ended.stdout.trim_end().split_once('\n').unwrap();
    assert_eq!(scheme, "https");
    assert!(file.ends_with(".pem"), "{file}");
    wait_until("the root is removed", || !Path::new(file).exists());
}

#[test]
fn without_a_time_servers_in_the_background_end_after_an_hour() {
    let ended = sh(r#"
        eval "$("$0" mock --env)" || exit
        tr '\0' ' ' < "/proc/$EVERGRANT_MOCK_PID/cmdline"
        kill "$EVERGRANT_MOCK_PID""#);
    if cfg!(target_os = "linux") {
        assert!(
            ended.stdout.ends_with(" mock --json --leashed --for 1h "),
            "{} {}",
            ended.stdout,
            ended.stderr
        );
    }
}

#[test]
fn servers_in_the_background_keep_neither_the_callers_output_nor_its_group() {
    let mut command = Command::new("sh");
    let script = r#""$0" mock --env --for 10m; echo done >&2"#;
    isolate(&mut command).args(["-c", script, EVERGRANT]).stdin(Stdio::null());
    // Read to their ends, both of them: the servers hold neither, or this would last ten minutes.
    let ended = run(&mut command);
    assert_eq!(ended.stderr, "done\n");
    let pid = ended.stdout.lines().find_map(|line| line.strip_prefix("export EVERGRANT_MOCK_PID='")).unwrap();
    let pid = Pid::from_raw(pid.trim_end_matches('\'').parse().unwrap()).unwrap();
    let group = getpgid(Some(pid)).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(group, pid, "Ctrl-C at the shell's prompt is not for it");
}

#[test]
fn servers_whose_variables_cannot_be_printed_end_at_once() {
    let Ok(full) = fs::File::create("/dev/full") else { return };
    let folder = Folder::new();
    let mut command = evergrant(&["mock", "--env", "--tls"]);
    fails(command.env("TMPDIR", folder.path()).stdout(full), 4, &["stdout cannot be written"]);
    wait_until("no root is left", || fs::read_dir(folder.path()).unwrap().next().is_none());
}

#[test]
fn why_servers_in_the_background_cannot_start_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    fails(
        &mut evergrant(&["mock", "--env", "--port", &port]),
        2,
        &["cannot be used", "next: name another --port"],
    );
    let mut command = evergrant(&["mock", "--env", "--tls"]);
    fails(command.env("TMPDIR", Folder::new().at("gone")), 2, &["the root certificate cannot be written"]);
    for contradiction in
        [["--json", "--env"].as_slice(), &["--env", "--", "true"], &["--for", "1s", "--", "true"]]
    {
        let mut command = evergrant(&["mock"]);
        fails(command.args(contradiction), 2, &["--"]);
    }
}

impl Mock {
    /// The status and the body of the answer to this assertion, of this type.
    fn ask_by_assertion(&self, assertion_type: &str, assertion: &str) -> (String, String) {
        let address = self.told("api").strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let body = format!(
            "grant_type=client_credentials&client_assertion_type={assertion_type}&client_assertion={assertion}"
        );
        let length = body.len();
        let request = format!(
            "POST /access-token HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned())
    }
}

#[test]
fn assertions_by_the_trusted_keys_are_accepted_for_the_audience() {
    let folder = Folder::new();
    let issuer = Issuer::new("https://issuer.example.com").unwrap();
    let keys = folder.file("keys.json", 0o644, issuer.jwks());
    let mock = Mock::start(&["--trust-keys", &keys, "--assertion-audience", "me"]);
    let token = |audience| issuer.service_account("shop", "orders", audience).signed().unwrap();
    let svid = issuer.svid("spiffe://example.org/orders", "me").signed().unwrap();
    assert_eq!(mock.ask_by_assertion(Trust::JWT_BEARER, &token("me")).0, "200");
    assert_eq!(mock.ask_by_assertion(Trust::JWT_SPIFFE, &svid).0, "200");
    let (status, body) = mock.ask_by_assertion(Trust::JWT_BEARER, &token("you"));
    assert!(status == "401" && body.contains("aud of the assertion"), "{body}");
    assert!(mock.token().contains('.'), "a secret is still accepted");
    let (status, body) = Mock::start(&[]).ask_by_assertion(Trust::JWT_BEARER, &token("me"));
    assert!(status == "401" && body.contains("trusts no client assertions"), "{body}");
}

#[test]
fn keys_that_cannot_be_used_are_told_with_what_to_name() {
    let folder = Folder::new();
    let pem = folder.file("keys.pem", 0o644, "-----BEGIN PUBLIC KEY-----\n");
    let gone = folder.at("gone.json");
    let mock = |flags: &[&str]| {
        let mut command = evergrant(&["mock"]);
        command.args(flags).args(["--", "true"]);
        command
    };
    for (keys, says) in [(&pem, "neither a JWKS nor a JWK"), (&gone, "cannot be read")] {
        fails(&mut mock(&["--trust-keys", keys, "--assertion-audience", "me"]), 2, &[keys, says]);
    }
    fails(&mut mock(&["--trust-keys", &pem]), 2, &["--assertion-audience"]);
    fails(&mut mock(&["--assertion-audience", "me"]), 2, &["--trust-keys", "--client-keys"]);
    let other = ["--client-keys", &pem, "--assertion-audience", "me"];
    fails(&mut mock(&other), 2, &["is issuer or token-endpoint", "--issuer"]);
    for (keys, says) in [(&pem, "openssl pkey -in KEY -pubout"), (&gone, "cannot be read")] {
        fails(&mut mock(&["--client-keys", keys]), 2, &[keys, says]);
    }
    let private = folder.file("key.pem", 0o600, KEY);
    fails(&mut mock(&["--client-keys", &private]), 2, &["a private key"]);
    // A JWK as well: whoever publishes a file that works here must not publish that one.
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": ED25519_X, "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A" });
    for text in [jwk.to_string(), json!({ "keys": [jwk] }).to_string()] {
        let private = folder.file("key.jwk", 0o600, text);
        let says = ["a private key; the public one is printed by: evergrant key --key-file FILE", &private];
        fails(&mut mock(&["--client-keys", &private]), 2, &says);
    }
    let both = ["--tls", "--client-keys", &private, "--client-certificates", &pem];
    fails(&mut mock(&both), 2, &["--client-keys", "--client-certificates"]);
    fails(&mut mock(&["--tls", "--client-certificates", &pem]), 2, &["no certificate in PEM"]);
    fails(&mut mock(&["--client-certificates", &pem]), 2, &["--tls"]);
}

/// That of RFC 8037, appendix A.
const ED25519_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

/// What `openssl genpkey` and `openssl pkey -pubout` wrote.
const KEY: &str = include_str!("../../mock/tests/keys/ed25519.pem");
const PUBLIC: &str = include_str!("../../mock/tests/keys/ed25519.public.pem");

#[test]
fn a_client_with_a_registered_key_authenticates_by_an_assertion_made_by_hand() {
    let folder = Folder::new();
    let (key, public) = (folder.file("key.pem", 0o600, KEY), folder.file("public.pem", 0o644, PUBLIC));
    let mock = Mock::start(&["--client-keys", &public, "--issuer", "/realms/shop"]);
    let issuer = mock.told("issuer");
    assert_eq!(issuer, format!("{}/realms/shop", mock.told("api")));
    let printed = |flags: &[&str]| {
        let ended = run(evergrant(&["mock", "--print-assertion", &key]).args(flags));
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
        ended.stdout.trim_end().to_owned()
    };
    let asked = |assertion: &str| mock.ask_by_assertion(Trust::JWT_BEARER, assertion);
    let assertion = printed(&["--assertion-audience", issuer]);
    assert_eq!(asked(&assertion).0, "200");
    let (status, body) = asked(&assertion);
    assert!(status == "401" && body.contains("jti of the assertion was used before"), "{body}");
    let (_, body) = asked(&printed(&["--assertion-audience", "me"]));
    assert!(body.contains("aud of the assertion is not the issuer"), "{body}");
    let (_, body) = asked(&printed(&["--assertion-audience", issuer, "--claim", "exp=9"]));
    assert!(body.contains("the assertion has expired"), "{body}");
    let (_, body) = asked(&printed(&["--assertion-audience", issuer, "--claim", "iss=orders"]));
    assert!(body.contains("iss of the assertion"), "{body}");
    let mut command = evergrant(&["--json", "mock", "--print-assertion", &key]);
    let told = run(command.env("EVERGRANT_MOCK_ISSUER", issuer)).stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(asked(told["assertion"].as_str().unwrap()).0, "200");
    assert!(mock.token().contains('.'), "a secret is still accepted");
    fails(&mut evergrant(&["mock", "--print-assertion", &key]), 2, &["--assertion-audience"]);
    let mut command = evergrant(&["mock", "--print-assertion", &public, "--assertion-audience", "me"]);
    fails(&mut command, 2, &[&public, "openssl genpkey"]);
    fails(&mut evergrant(&["mock", "--claim", "sub=a"]), 2, &["--print-assertion"]);
}

/// RFC 7523 §3: a server may be known by its token endpoint.
#[test]
fn a_client_with_a_registered_key_may_be_told_to_address_the_token_endpoint_and_then_no_other() {
    let folder = Folder::new();
    let (key, public) = (folder.file("key.pem", 0o600, KEY), folder.file("public.pem", 0o644, PUBLIC));
    let mock = Mock::start(&["--client-keys", &public, "--assertion-audience", "token-endpoint"]);
    let asked = |audience: &str| {
        let printed =
            run(&mut evergrant(&["mock", "--print-assertion", &key, "--assertion-audience", audience]));
        mock.ask_by_assertion(Trust::JWT_BEARER, printed.stdout.trim_end())
    };
    assert_eq!(asked(mock.told("token_endpoint")).0, "200");
    let (status, body) = asked(mock.told("issuer"));
    assert!(status == "401" && body.contains("aud of the assertion"), "{body}");
    let mock = Mock::start(&["--client-keys", &public, "--assertion-audience", "issuer"]);
    let audience = ["mock", "--print-assertion", &key, "--assertion-audience", mock.told("issuer")];
    let printed = run(&mut evergrant(&audience)).stdout;
    assert_eq!(mock.ask_by_assertion(Trust::JWT_BEARER, printed.trim_end()).0, "200");
}

#[test]
fn metadata_is_served_and_fails_as_it_is_told() {
    let mock = Mock::start(&["--fail-metadata", "503:1", "--issuer", "https://login.example.com"]);
    let asked = || {
        let address = mock.told("api").strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let path = "/.well-known/openid-configuration";
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(asked().starts_with("HTTP/1.1 503 "));
    let answer = asked();
    let metadata: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(metadata["issuer"], "https://login.example.com");
    assert_eq!(metadata["token_endpoint"], mock.told("token_endpoint"));
    fails(
        &mut evergrant(&["mock", "--fail-metadata", "503", "--fail-metadata", "500", "--", "true"]),
        2,
        &["--fail-metadata 503:2"],
    );
}

#[test]
fn over_tls_a_client_authenticates_by_its_certificate() {
    let folder = Folder::new();
    let own = rcgen::generate_simple_self_signed(["orders".to_owned()]).unwrap();
    let certificates = folder.file("certificates.pem", 0o644, own.cert.pem());
    let mock = Mock::start(&["--tls", "--client-certificates", &certificates]);
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let root = fs::read(mock.told("ca_file")).unwrap();
    let client = |identity: Option<String>| {
        let mut client = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&root).unwrap()])
            .no_proxy();
        if let Some(pem) = identity {
            client = client.identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap());
        }
        client.build().unwrap()
    };
    let asked = |client: reqwest::Client| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let form = format!("grant_type=client_credentials&client_id={}", mock.told("client_id"));
        runtime.block_on(async {
            let request = client.post(mock.told("token_endpoint")).body(form);
            let request = request.header("Content-Type", "application/x-www-form-urlencoded");
            request.send().await.unwrap().text().await.unwrap()
        })
    };
    let answer = asked(client(Some(own.cert.pem() + &own.signing_key.serialize_pem())));
    assert!(answer.contains("access_token"), "{answer}");
    let answer = asked(client(None));
    assert!(answer.contains("the client showed no certificate"), "{answer}");
}

#[test]
fn in_the_background_the_keys_are_read_from_where_the_caller_is() {
    let folder = Folder::new();
    folder.file("keys.json", 0o644, Issuer::new("https://issuer.example.com").unwrap().jwks());
    let mut command = evergrant(&["mock", "--env", "--for", "1m", "--trust-keys", "keys.json"]);
    let ended = run(command.args(["--assertion-audience", "me"]).current_dir(folder.path()));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let pid = ended.stdout.lines().find_map(|line| line.strip_prefix("export EVERGRANT_MOCK_PID='")).unwrap();
    let pid: i32 = pid.trim_end_matches('\'').parse().unwrap();
    // Nothing of the caller's is kept: its folder can be unmounted.
    if cfg!(target_os = "linux") {
        assert_eq!(fs::read_link(format!("/proc/{pid}/cwd")).unwrap(), Path::new("/"));
    }
    kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
    let mut command =
        evergrant(&["mock", "--env", "--trust-keys", "keys.json", "--assertion-audience", "me"]);
    fails(command.current_dir("/"), 2, &["keys.json cannot be read"]);
}

#[test]
fn in_the_foreground_the_servers_end_when_the_time_is_over_as_well() {
    let ended = run(&mut evergrant(&["mock", "--for", "10ms"]));
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    assert!(ended.stdout.ends_with("until it is interrupted.\n"), "{}", ended.stdout);
    let ended = run(&mut evergrant(&["mock", "--for", "10ms", "--json"]));
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
}

/// The starter is killed before it has told how to stop them: nobody ever could.
#[test]
fn servers_whose_starter_was_killed_end_with_it() {
    let folder = Folder::new();
    for round in 0..12 {
        let mut command = evergrant(&["mock", "--env", "--tls", "--for", "10m"]);
        let mut starter = command.env("TMPDIR", folder.path()).stdout(Stdio::piped()).spawn().unwrap();
        sleep(Duration::from_millis(round));
        starter.kill().unwrap();
        let output = starter.wait_with_output().unwrap();
        // Where it was told in time, it can be stopped.
        let told = String::from_utf8(output.stdout).unwrap();
        let pid = told.lines().find_map(|line| line.strip_prefix("export EVERGRANT_MOCK_PID='"));
        if let Some(pid) = pid.and_then(|pid| pid.trim_end_matches('\'').parse().ok()).and_then(Pid::from_raw)
        {
            // It may have ended with its starter, which was killed after it had told.
            let _ended = kill_process(pid, Signal::TERM);
        }
    }
    // The file with its root is there as long as a server is.
    wait_until("every server has ended", || fs::read_dir(folder.path()).unwrap().count() == 0);
}

/// As with Ctrl-Z and `fg`.
#[test]
fn servers_that_were_stopped_go_on_with_the_connections_they_had() {
    let mock = Mock::start(&[]);
    let address = mock.told("api").strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let mut answer = || {
        stream.write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).unwrap();
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 401 "), "{}", String::from_utf8_lossy(&head));
    };
    answer();
    // For whoever reads with a timeout in the kernel, at this moment, the read is interrupted.
    let pid = Pid::from_child(&mock.child);
    kill_process(pid, Signal::STOP).unwrap();
    let (_, status) = waitpid(Some(pid), WaitOptions::UNTRACED).unwrap().unwrap();
    assert!(status.stopped());
    kill_process(pid, Signal::CONT).unwrap();
    answer();
}
