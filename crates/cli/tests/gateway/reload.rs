//! A configuration that changes while the gateway runs.

use super::{Gateway, LONG, ROUTE, fs, get, known, table, until, with_config, with_file};
use crate::fixture::tls::{over_tls, pem};
use crate::fixture::{evergrant, run};
use evergrant_mock::{Endpoint, Fault, Server, Times};
use rustix::process::Signal;
use serde_json::Value;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

/// The status of the gateway.
fn status(gateway: &Gateway) -> Value {
    let (_, answer) = get(&gateway.admin, "/status", "");
    serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap()
}

pub(super) fn reloads(gateway: &Gateway, outcome: &str) -> u64 {
    let (_, metrics) = get(&gateway.admin, "/metrics", "");
    let name = format!("evergrant_gateway_reloads_total{{outcome=\"{outcome}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}

/// The file with these lines behind its profile.
fn write(server: &Server, path: &str, lines: &str) {
    let (_folder, other) = with_file(server, lines);
    let text = fs::read_to_string(other).unwrap();
    fs::write(path, text).unwrap();
}

/// A route to nowhere but an answer of ours.
const OTHER: &str = "[[gateway.route]]\npath = \"/other\"\nprofile = \"own\"\nmethods = [\"POST\"]\n";

#[test]
fn another_file_is_served_after_a_hangup_and_what_is_the_same_goes_on() {
    let server = Server::start().unwrap();
    let (_folder, path) = with_file(&server, &table(""));
    let mut gateway = Gateway::start(with_config(&path));
    gateway.until_ready();
    assert_eq!(get(&gateway.url, "/other", "").0, 200);
    write(&server, &path, &format!("{}{OTHER}", table("")));
    gateway.signal(Signal::HUP);
    gateway.hear("read again and is used: 2 routes");
    assert_eq!(get(&gateway.url, "/other", "").0, 405);
    assert_eq!(get(&gateway.url, "/shipments", "").0, 200);
    assert_eq!(server.counts().token_requests, 1, "its client is the same");
    assert_eq!((reloads(&gateway, "taken"), &status(&gateway)["reload"]["fault"]), (1, &Value::Null));
    gateway.interrupt();
    assert_eq!(gateway.end().0.code(), Some(0));
}

#[test]
fn a_file_that_is_swapped_above_a_link_is_found_without_being_told() {
    let server = Server::start().unwrap();
    let (folder, path) = with_file(&server, &table(""));
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("\"secret\"", &format!("{:?}", folder.at("secret")));
    // As Kubernetes mounts a ConfigMap: config.toml -> ..data/config.toml, and ..data -> ..1, which is what is swapped.
    let version = |name: &str, text: &str| {
        fs::create_dir(folder.at(name)).unwrap();
        fs::write(Path::new(&folder.at(name)).join("config.toml"), text).unwrap();
        symlink(name, folder.at("..data_tmp")).unwrap();
        fs::rename(folder.at("..data_tmp"), folder.at("..data")).unwrap();
    };
    version("..1", &text);
    fs::remove_file(&path).unwrap();
    symlink("..data/config.toml", &path).unwrap();
    let mut gateway = Gateway::start(with_config(&path));
    gateway.until_ready();
    version("..2", &format!("{text}{OTHER}"));
    gateway.hear("read again and is used: 2 routes");
    assert_eq!(get(&gateway.url, "/other", "").0, 405);
    assert_eq!((reloads(&gateway, "taken"), server.counts().token_requests), (1, 1));
}

#[test]
fn a_fault_keeps_what_there_was_and_is_told_with_its_line_everywhere() {
    let server = Server::start().unwrap();
    let (_folder, path) = with_file(&server, &table(""));
    let mut gateway = Gateway::start(with_config(&path));
    gateway.until_ready();
    write(
        &server,
        &path,
        &format!("{}[[gateway.route]]\npath = \"/x\"\nprofile = \"nobody\"\nextra = \"s3cret\"\n", table("")),
    );
    gateway.signal(Signal::HUP);
    let said = gateway.hear("is not used, the one before is");
    let second = gateway.hear("is not used, the one before is");
    let both = format!("{said}{second}");
    assert!(
        both.contains("config.toml:15: profile: there is no profile nobody")
            && both.contains("unknown key extra"),
        "{both}"
    );
    assert_eq!(get(&gateway.url, "/shipments", "").0, 200);
    let reload = &status(&gateway)["reload"];
    assert_eq!(reload["outcome"], "failed");
    let fault = reload["fault"].as_str().unwrap();
    assert!(
        fault.contains("config.toml:15: ") && fault.contains("config.toml:16: ") && !fault.contains("s3cret"),
        "{fault}"
    );
    assert_eq!((reloads(&gateway, "failed"), reloads(&gateway, "taken")), (1, 0));
    // One that is not TOML at all, and one that is gone.
    fs::write(&path, "[gateway\n").unwrap();
    gateway.signal(Signal::HUP);
    gateway.hear("this is not TOML");
    fs::remove_file(&path).unwrap();
    gateway.signal(Signal::HUP);
    gateway.hear("cannot be read");
    assert_eq!(get(&gateway.url, "/shipments", "").0, 200);
    write(&server, &path, &table(""));
    gateway.signal(Signal::HUP);
    let said = gateway.hear("read again and is used: 1 route");
    assert!(said.ends_with("1 route\"}"), "{said}");
    assert_eq!((reloads(&gateway, "failed"), server.counts().token_requests), (3, 1));
    gateway.interrupt();
    let (status, log, _) = gateway.end();
    assert_eq!(status.code(), Some(0));
    assert!(log.contains("\"reload\":\"failed\"") && log.contains("\"reload\":\"taken\""), "{log}");
}

#[test]
fn a_key_that_is_added_opens_and_one_that_is_removed_does_not() {
    let server = Server::start().unwrap();
    let key = |name: &str| {
        let made = run(&mut evergrant(&["gateway", "key", name, "--json"])).stdout;
        let made: Value = serde_json::from_str(&made).unwrap();
        (made["key"].as_str().unwrap().to_owned(), format!("{name} = {}", made["digest"]))
    };
    let ((shop, shop_line), (office, office_line)) = (key("shop"), key("office"));
    let file = |keys: &str| {
        format!(
            "[gateway]\ngrace = \"50ms\"\nlisten = {{ address = \"127.0.0.1:0\", keys = {{ {keys} }} }}\n{ROUTE}"
        )
    };
    let (_folder, path) = with_file(&server, &file(&shop_line));
    let mut gateway = Gateway::start(with_config(&path));
    gateway.until_ready();
    let opens = |gateway: &Gateway, key: &str| {
        get(&gateway.url, "/shipments", &format!("X-Evergrant-Key: {key}\r\n")).0
    };
    assert_eq!((opens(&gateway, &shop), opens(&gateway, &office)), (200, 403));
    for (keys, expected) in [(format!("{shop_line}, {office_line}"), (200, 200)), (office_line, (403, 200))] {
        write(&server, &path, &file(&keys));
        gateway.signal(Signal::HUP);
        gateway.hear("read again and is used");
        assert_eq!((opens(&gateway, &shop), opens(&gateway, &office)), expected);
    }
    gateway.interrupt();
    let (_, log, said) = gateway.end();
    assert!(!log.contains(&shop) && !said.contains(&shop));
}

#[test]
fn what_takes_a_restart_is_named_and_the_rest_is_used() {
    let server = Server::start().unwrap();
    let (_folder, path) = with_file(&server, &table("instance = \"blue\""));
    let mut gateway = Gateway::start(with_config(&path));
    gateway.until_ready();
    let changed = table("instance = \"green\"\nturns = 5\nadmin = \"127.0.0.1:9\"")
        .replace("127.0.0.1:0", "127.0.0.1:9");
    write(&server, &path, &format!("{changed}{OTHER}"));
    gateway.signal(Signal::HUP);
    gateway.hear("read again and is used: 2 routes");
    for what in [
        "instance has changed",
        "turns has changed",
        "listen (127.0.0.1:9) has changed",
        "listen (127.0.0.1:0) is no longer in the configuration",
    ] {
        let said = gateway.hear("needs a restart");
        assert!(said.contains(what), "{what}: {said}");
    }
    assert_eq!(get(&gateway.url, "/other", "").0, 405);
    let status = status(&gateway);
    assert_eq!((&status["instance"], &status["reload"]["outcome"]), (&"blue".into(), &"taken".into()));
    // The flag says where admin is, whatever the file does.
    let expected = ["instance", "turns", "127.0.0.1:0", "127.0.0.1:9"];
    assert_eq!(status["reload"]["needs_restart"], serde_json::json!(expected));
}

#[test]
fn another_client_has_its_first_token_before_it_is_used_and_the_same_one_only_another_secret() {
    let server = Server::start().unwrap();
    let (folder, path) = with_file(&server, &table(""));
    let mut gateway = Gateway::start(with_config(&path));
    gateway.until_ready();
    let first = fs::read_to_string(&path).unwrap();
    // The secret is kept in another place, where it is another one by now.
    server.rotate_client(Server::CLIENT_ID, "another-secret");
    folder.file("elsewhere", 0o600, "another-secret");
    fs::write(&path, first.replace("\"secret\"", "\"elsewhere\"")).unwrap();
    gateway.signal(Signal::HUP);
    gateway.hear("read again and is used");
    assert_eq!(get(&gateway.url, "/shipments", "").0, 200);
    assert_eq!((server.counts().token_refused, server.counts().resource_refused), (0, 0));
    // A changed scope is another client: asked for before any request needs it.
    let asked = server.counts().token_requests;
    fs::write(
        &path,
        first.replace("\"secret\"", "\"elsewhere\"").replace("origins", "scope = \"other\"\norigins"),
    )
    .unwrap();
    gateway.signal(Signal::HUP);
    gateway.hear("read again and is used");
    assert!(server.counts().token_requests > asked);
    let (_, metrics) = get(&gateway.admin, "/metrics", "");
    assert!(metrics.contains("evergrant_gateway_queue_wait_seconds_count 0\n"), "no request waited");
    assert!(gateway.is_ready());
    // One whose token request fails is used all the same, and told.
    server.fault(Endpoint::Token, Fault::status(400), Times::UntilCleared);
    fs::write(
        &path,
        first.replace("\"secret\"", "\"elsewhere\"").replace("origins", "scope = \"third\"\norigins"),
    )
    .unwrap();
    gateway.signal(Signal::HUP);
    gateway.hear("read again and is used");
    gateway.hear("own: there is no new token");
    assert!(gateway.is_ready());
}

#[test]
fn certificates_that_change_are_found_without_being_told() {
    let server = Server::start().unwrap();
    let (address, certificate) = over_tls(server.address(), (2099, 1, 1));
    let (_, of_somebody_else) = over_tls(server.address(), (2099, 1, 1));
    let lines = format!(
        "[gateway]\nlisten = \"127.0.0.1:0\"\n{ROUTE}upstream = \"https://{address}/\"\nca = \"ca.pem\"\n"
    );
    let (folder, path) = with_file(&server, &lines);
    folder.file("ca.pem", 0o644, pem(&of_somebody_else));
    let mut gateway = Gateway::start(with_config(&path));
    gateway.until_ready();
    assert_eq!(get(&gateway.url, "/shipments", "").0, 502, "nobody knows who that is");
    fs::write(folder.at("ca.pem"), pem(&certificate)).unwrap();
    gateway.hear("read again and is used: 1 route");
    assert_eq!(get(&gateway.url, "/shipments", "").0, 200);
}

#[test]
fn a_gateway_of_flags_reads_its_secrets_again_and_nothing_else() {
    let server = Server::start().unwrap();
    let gateway = Gateway::start(known(&server, &[]));
    gateway.until_ready();
    gateway.signal(Signal::HUP);
    until(|| get(&gateway.url, "/shipments", "").0 == 200);
    assert_eq!((reloads(&gateway, "taken"), reloads(&gateway, "failed")), (0, 0));
    gateway.interrupt();
    let (_, _, said) = gateway.end();
    assert!(!said.contains("read again"), "{said}");
}

#[test]
fn a_file_that_comes_before_its_secret_is_used_when_the_secret_is_there() {
    let server = Server::start().unwrap();
    let (folder, path) = with_file(&server, &table(""));
    let mut gateway = Gateway::start(with_config(&path));
    gateway.until_ready();
    let text = fs::read_to_string(&path).unwrap().replace("\"secret\"", "\"later\"");
    fs::write(&path, format!("{text}{OTHER}")).unwrap();
    gateway.signal(Signal::HUP);
    let said = gateway.hear("is not used, the one before is");
    assert!(said.contains("later"), "{said}");
    folder.file("later", 0o600, Server::CLIENT_SECRET);
    gateway.hear("read again and is used: 2 routes");
    assert_eq!((get(&gateway.url, "/other", "").0, server.counts().token_requests), (405, 1));
}

#[test]
fn a_file_out_of_a_pipe_is_read_once() {
    let server = Server::start().unwrap();
    let (folder, path) = with_file(&server, &table(""));
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("\"secret\"", &format!("{:?}", folder.at("secret")));
    let mut command = with_config("/dev/stdin");
    command.stdin(Stdio::piped());
    let mut gateway = Gateway::start_with(command, text.as_bytes());
    gateway.until_ready();
    // Its secret is read for each request, and nothing is said of the file.
    server.rotate_client(Server::CLIENT_ID, "another-secret");
    folder.file("secret", 0o600, "another-secret");
    gateway.signal(Signal::HUP);
    server.revoke_all();
    assert_eq!(get(&gateway.url, "/shipments", "").0, 200);
    gateway.hear("has changed, and the new one is sent");
    assert_eq!((reloads(&gateway, "taken"), reloads(&gateway, "failed")), (0, 0));
}

#[test]
fn told_to_end_while_it_waits_for_a_first_token_it_ends() {
    let server = Server::start().unwrap();
    let (_folder, path) = with_file(&server, &table(""));
    let gateway = Gateway::start(with_config(&path));
    gateway.until_ready();
    let _gate = server.hold(Endpoint::Token);
    let text = fs::read_to_string(&path).unwrap().replace("origins", "scope = \"other\"\norigins");
    fs::write(&path, text).unwrap();
    let asked = server.counts().token_requests;
    gateway.signal(Signal::HUP);
    until(|| server.counts().token_requests > asked);
    gateway.signal(Signal::TERM);
    let began = Instant::now();
    assert_eq!(gateway.end().0.code(), Some(0));
    assert!(began.elapsed() < LONG);
}
