//! Assertions that a platform makes and renews in a file.

use super::{Run, mounted_with, permanently, requests_during, revoked};
use crate::command::Command;
use crate::placed::{Placed, WRITERS, Writer};
use crate::program::{Kind, Program};
use crate::servers::Server;
use crate::shells::{Mount, Shell};
use evergrant_tests::secs;
use evergrant_tokio_reqwest::{AssertionKind, Client, ClientAuth, FileSource, Refusal};
use std::sync::Arc;

/// That an assertion's end is the cause, in our words.
const STOPPED: &str = "ago: its writer seems to have stopped";

/// An audience that is no server's.
const ELSEWHERE: &str = "https://login.example.com";

pub(super) fn one_by_one<'a>(server: &'a Server, case: &mut impl FnMut(&'a Server, &'static str, &[Run])) {
    use Run::{Command, Shell};
    case(server, "an assertion from a file", &[Command(the_command_reads_an_assertion), Shell(from_a_file)]);
    case(
        server,
        "an assertion that has ended",
        &[Command(the_command_reads_one_that_ended), Shell(one_that_ended)],
    );
    case(
        server,
        "an assertion for another audience",
        &[Command(the_command_reads_one_for_another), Shell(for_another)],
    );
    case(server, "an assertion that is used twice", &[Command(the_command_reads_one_twice)]);
    case(server, "a secret beside an assertion", &[Command(the_command_refuses_a_secret_beside_it)]);
    case(server, "an assertion of another kind", &[Command(the_command_names_another_kind)]);
}

/// A source of the account that reads its assertion from this file.
fn mounted(server: &Server, mount: Mount, file: &Placed, names_client: bool) -> Arc<dyn Shell> {
    let auth = ClientAuth::assertion(server.account, AssertionKind::JWT_BEARER).unwrap();
    let auth = if names_client { auth } else { auth.without_client_id() };
    let client = Client::builder(server.provider(), auth).scope("read");
    mounted_with(mount, client, Some(FileSource::new(file.path())))
}

fn from_a_file(server: &Server, mount: Mount) {
    for (writer, names_client) in WRITERS.into_iter().zip([true, false]) {
        let file = Placed::new(writer, &server.good_assertion(server.account));
        let shell = mounted(server, mount, &file, names_client);
        revoked(server, &shell);
        file.put(&server.good_assertion(server.account));
        let requests = requests_during(server, || assert_eq!(shell.call(&server.resource), 200));
        assert_eq!((requests, shell.token().unwrap().generation().number()), (1, 2));
    }
}

/// Without an Authorization header the server may choose (RFC 6749 section 5.2).
fn refused_with(server: &Server) -> u16 {
    if server.name == "oidc-provider" { 401 } else { 400 }
}

/// Why the server refuses this assertion.
fn refusal(server: &Server, mount: Mount, assertion: &str) -> (Refusal, String) {
    let file = Placed::new(Writer::Rename, assertion);
    let shell = mounted(server, mount, &file, true);
    let error = shell.token().unwrap_err();
    let said = format!("{error} {error:?} {:?}", shell.status());
    assert!(said.contains(&file.path()) && !said.contains(assertion), "{error}");
    (error.refusal().unwrap().clone(), error.to_string())
}

fn one_that_ended(server: &Server, mount: Mount) {
    let (refusal, said) = refusal(server, mount, &server.ended_assertion(server.account));
    permanently(&refusal, refused_with(server), Some("invalid_client"));
    assert!(said.contains(STOPPED), "{said}");
}

fn for_another(server: &Server, mount: Mount) {
    let (refusal, said) = refusal(server, mount, &server.assertion(server.account, ELSEWHERE, 60));
    permanently(&refusal, refused_with(server), Some("invalid_client"));
    let told = format!("has the audience {ELSEWHERE} and the subject {}", server.account);
    assert!(said.contains(&told), "{said}");
}

fn the_command_reads_an_assertion(server: &Server, command: &Command) {
    for writer in WRITERS {
        for flags in [&["--client-id", server.account][..], &[]] {
            let assertion = server.good_assertion(server.account);
            let file = Placed::new(writer, &assertion);
            let ask = command.vouched(server).with(&["--assertion-file", &file.path()]).with(flags);
            let token = ask.hiding(&assertion).prints_a_token();
            assert_eq!(server.status_with(&token), 200);
        }
    }
}

/// It is refused, with these words.
fn the_command_is_refused(server: &Server, command: &Command, assertion: &str, says: &[&str]) {
    let file = Placed::new(Writer::Rename, assertion);
    let status = format!("http {}", refused_with(server));
    for flags in [&[][..], &["--json"]] {
        let ask = command.vouched(server).with(&["--assertion-file", &file.path()]).with(flags);
        ask.hiding(assertion).fails(3, &[&["invalid_client", &status, &file.path()], says].concat());
    }
}

fn the_command_reads_one_that_ended(server: &Server, command: &Command) {
    the_command_is_refused(server, command, &server.ended_assertion(server.account), &[STOPPED]);
}

fn the_command_reads_one_for_another(server: &Server, command: &Command) {
    let assertion = server.assertion(server.account, ELSEWHERE, 60);
    the_command_is_refused(server, command, &assertion, &["audience", ELSEWHERE, server.account]);
}

/// oidc-provider takes an assertion once, as RFC 7523 allows; authlib, as it is here, until its end, as it is usual for those
/// of Kubernetes.
fn the_command_reads_one_twice(server: &Server, command: &Command) {
    let assertion = server.good_assertion(server.account);
    let file = Placed::new(Writer::Rename, &assertion);
    let ask = || command.vouched(server).with(&["--assertion-file", &file.path()]).hiding(&assertion);
    ask().prints_a_token();
    if server.name == "oidc-provider" {
        ask().fails(3, &["invalid_client", "http 401"]);
    } else {
        ask().prints_a_token();
    }
}

fn the_command_refuses_a_secret_beside_it(server: &Server, command: &Command) {
    let assertion = server.good_assertion(server.account);
    let file = Placed::new(Writer::Rename, &assertion);
    let secret = Placed::new(Writer::Rename, &server.secret);
    let ask = || command.vouched(server).with(&["--assertion-file", &file.path()]).hiding(&assertion);
    let requests = requests_during(server, || {
        ask().with(&["--client-secret-file", &secret.path()]).fails(2, &["both set", "in one way"]);
        ask().variable("EVERGRANT_PARAM", "client_secret=another").fails(2, &["client_secret"]);
        ask().with(&["--auth", "basic"]).fails(2, &["another authentication method", "in one way"]);
        let header = "Authorization: Basic YTpi";
        ask().variable("EVERGRANT_TOKEN_HEADER", header).fails(2, &["authorization is reserved"]);
    });
    assert_eq!(requests, 0);
    // A variable that is there for another client is no second proof, and is not sent.
    let ask = ask().variable("EVERGRANT_CLIENT_SECRET", &server.secret);
    let note = "note: EVERGRANT_CLIENT_SECRET is set and not used: --assertion-file says how the client authenticates\n";
    assert_eq!(server.status_with(&ask.prints_a_token_and_says(note)), 200);
}

fn the_command_names_another_kind(server: &Server, command: &Command) {
    let assertion = server.good_assertion(server.account);
    let file = Placed::new(Writer::Rename, &assertion);
    let ask = command.vouched(server).with(&["--assertion-file", &file.path()]).hiding(&assertion);
    let code = if server.name == "oidc-provider" { "invalid_request" } else { "invalid_client" };
    ask.with(&["--assertion-type", "jwt-spiffe"]).fails(3, &[code]);
}

/// The platform's writer stops, its last assertion ends, and it writes again: nobody restarts anything.
pub(super) fn renewed_late(server: &Server, command: &Command, kind: Kind) {
    let (id, method, writer) = match (kind, server.name) {
        (Kind::Run, "oidc-provider") => ("late-run", "private_key_jwt", Writer::Rename),
        (Kind::Gateway, "oidc-provider") => ("late-gateway", "private_key_jwt", Writer::Projected),
        (Kind::Run, _) => ("system:serviceaccount:late:run", "client_assertion_jwt", Writer::Projected),
        (Kind::Gateway, _) => ("system:serviceaccount:late:gateway", "client_assertion_jwt", Writer::Rename),
    };
    server.register(id, method, "", secs(6));
    let assertions = [server.good_assertion(id), server.ended_assertion(id), server.good_assertion(id)];
    let file = Placed::new(writer, &assertions[0]);
    let profile = format!("client_id = \"{id}\"\nclient_assertion = {{ file = \"{}\" }}", file.path());
    let program = Program::start(kind, command, server, &profile, &[]);
    file.put(&assertions[1]);
    let (_, before) = server.ended(id);
    // It is told when the token ends.
    program.until(|program| program.call() != 200 && program.said().contains(STOPPED));
    let (granted, refused) = server.ended(id);
    assert_eq!(refused, before + 1, "one request with the assertion that had ended");
    file.put(&assertions[2]);
    super::heals(&program, server, id, (granted, refused));
    let said = program.said();
    assert!(assertions.iter().all(|assertion| !said.contains(assertion)), "{said}");
}

/// The command is run for each token request: what it printed at the start is used once.
pub(super) fn printed(server: &Server, command: &Command, kind: Kind) {
    let id = if kind == Kind::Run { "printed-run" } else { "printed-gateway" };
    server.register(id, "private_key_jwt", "", secs(4));
    let assertions = [server.good_assertion(id), server.good_assertion(id)];
    let file = Placed::new(Writer::Rename, &assertions[0]);
    let profile =
        format!("client_id = \"{id}\"\nclient_assertion = {{ command = [\"cat\", \"{}\"] }}", file.path());
    let program = Program::start(kind, command, server, &profile, &[]);
    file.put(&assertions[1]);
    program.until(|program| program.call() != 0 && server.ended(id) != (1, 0));
    assert_eq!(server.ended(id), (2, 0));
    let said = program.said();
    assert!(assertions.iter().all(|assertion| !said.contains(assertion)), "{said}");
}
