//! Secrets that change in their file while a program runs, and those that a service manager hands in.

use crate::command::Command;
use crate::placed::{Placed, Writer, folder, set_mode};
use crate::program::{Kind, Program, configuration};
use crate::servers::{PLAIN, Server};
use evergrant_tests::secs;
use std::fs;
use std::path::{Path, PathBuf};

/// The server has another secret before the file has it.
pub(super) fn changed(server: &Server, command: &Command, kind: Kind) {
    let id = if kind == Kind::Run { "changed-run" } else { "changed-gateway" };
    renewed(server, command, kind, (id, "basic"), &[]);
}

/// A wrong one is sent at once where another was refused, and each of them once.
pub(super) fn wrong_twice(server: &Server, command: &Command, kind: Kind) {
    let id = if kind == Kind::Run { "wrong-run" } else { "wrong-gateway" };
    renewed(server, command, kind, (id, "post"), &["a-wrong-one"]);
}

/// The server takes another secret; these wrong ones are in the file before that is.
fn renewed(server: &Server, command: &Command, kind: Kind, (id, auth): (&str, &str), wrong: &[&str]) {
    let (method, life) = (format!("client_secret_{auth}"), secs(3));
    let secrets = ["the-first-of-its-secrets", "the-second-of-its-secrets"];
    server.register(id, &method, secrets[0], life);
    let file = Placed::new(Writer::Rename, secrets[0]);
    let path = file.path();
    let profile = format!("client_id = \"{id}\"\nauth = \"{auth}\"\nclient_secret = {{ file = \"{path}\" }}");
    let program = Program::start(kind, command, server, &profile, &[]);
    server.register(id, &method, secrets[1], life);
    for (number, secret) in (1..).zip(wrong.iter().chain([&secrets[1]])) {
        program.until(|program| program.call() != 200 && server.ended(id).1 == number);
        file.put(secret);
    }
    let ended = server.ended(id);
    super::heals(&program, server, id, ended);
    assert_eq!(server.ended(id).1, wrong.len() as u64 + 1, "each secret that is refused is sent once");
    let said = program.said();
    assert!(!said.contains("of-its-secrets") && !said.contains("a-wrong-one"), "{said}");
}

/// A folder as systemd makes it for a unit's credentials.
struct Credentials(PathBuf);

impl Credentials {
    fn new(server: &Server) -> Self {
        let folder = folder();
        let file = folder.join("parcels-secret");
        fs::write(&file, &server.secret).unwrap();
        set_mode(&file, 0o400);
        set_mode(&folder, 0o500);
        Self(folder)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Credentials {
    fn drop(&mut self) {
        // Whoever removes it must be able to.
        set_mode(&self.0, 0o700);
    }
}

const PROFILE: &str = "client_id = \"plain\"\nclient_secret = { credential = \"parcels-secret\" }";

pub(super) fn the_command_reads_a_credential(server: &Server, command: &Command) {
    let credentials = Credentials::new(server);
    let config = configuration(server, PROFILE);
    let ask = || command.configured(config.to_str().unwrap()).hiding(&server.secret);
    let with = |folder: &Path| ask().variable("CREDENTIALS_DIRECTORY", folder.to_str().unwrap());
    assert_eq!(server.status_with(&with(&credentials.0).prints_a_token()), 200);
    let unset = ["in a credential of systemd", "LoadCredential=parcels-secret:PATH"];
    ask().variable("CREDENTIALS_DIRECTORY", "").fails(2, &unset);
    with(&folder()).fails(2, &["parcels-secret", "cannot be opened"]);
}

pub(super) fn a_credential(server: &Server, command: &Command, kind: Kind) {
    let credentials = Credentials::new(server);
    let variables = [("CREDENTIALS_DIRECTORY", credentials.path())];
    let (before, _) = server.ended(PLAIN);
    let program = Program::start(kind, command, server, PROFILE, &variables);
    assert_eq!(server.ended(PLAIN).0, before + 1);
    assert!(!program.said().contains(&server.secret));
}
