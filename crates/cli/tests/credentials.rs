//! Credentials that live elsewhere: assertions of others, credentials of systemd, secrets that are renewed while a command runs.
#![cfg(unix)]
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use evergrant_mock::{Issuer, Server};
use fixture::{Ended, Folder, evergrant, fails, fed, run, set_mode, token, until};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const AUDIENCE: &str = "https://login.example.com";

/// A server that trusts this issuer, and a folder for what it issues.
struct Cluster {
    issuer: Issuer,
    server: Server,
    folder: Folder,
}

impl Cluster {
    fn new() -> Self {
        let issuer = Issuer::new("https://kubernetes.default.svc").unwrap();
        let server = Server::builder().trusts(issuer.trust(AUDIENCE)).start().unwrap();
        Self { issuer, server, folder: Folder::new() }
    }

    /// The token of a service account, which ends in so many seconds.
    fn assertion(&self, ends_in: i64) -> String {
        self.issuer.service_account("shop", Server::CLIENT_ID, AUDIENCE).exp(ends_in).signed().unwrap()
    }

    /// In a file, as the kubelet writes it.
    fn file(&self, ends_in: i64) -> String {
        self.folder.file("token", 0o600, self.assertion(ends_in))
    }

    fn asking(&self, mut command: Command) -> Command {
        command.args(["--token-endpoint", &self.server.token_endpoint()]);
        command
    }

    fn profile(&self, more: &str) -> String {
        let text = format!("[profile.own]\ntoken_endpoint = \"{}\"\n{more}\n", self.server.token_endpoint());
        self.folder.file("config.toml", 0o600, text)
    }
}

#[test]
fn an_assertion_out_of_a_file_or_stdin_is_sent_in_place_of_a_secret() {
    let cluster = Cluster::new();
    let file = cluster.file(600);
    let Ended { status, stdout, stderr } = run(&mut cluster.asking(token(&["--assertion-file", &file])));
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert_eq!(stdout.trim_end(), cluster.server.issued()[0]);
    let mut command = cluster.asking(token(&["--assertion-file", "-"]));
    assert_eq!(fed(&mut command, format!("{}\n", cluster.assertion(600)).as_bytes()).status, 0);
    let mut command = cluster.asking(token(&[]));
    command.env("EVERGRANT_ASSERTION_FILE", &file);
    assert_eq!(run(&mut command).status, 0);
}

#[test]
fn one_that_has_ended_is_told_with_its_file_and_not_shown() {
    let cluster = Cluster::new();
    let file = cluster.file(-300);
    let mut command = cluster.asking(token(&["--assertion-file", &file]));
    let Ended { status, stdout, stderr } = run(&mut command);
    assert_eq!((status, stdout.as_str()), (3, ""));
    let says = format!("the client assertion in {file} ended 5 min ago: its writer seems to have stopped");
    assert!(stderr.contains(&says), "{stderr}");
    let assertion = fs::read_to_string(&file).unwrap();
    assert!(assertion.split('.').all(|part| !stderr.contains(part)), "{stderr}");
}

#[test]
fn what_cannot_be_is_told_before_anything_is_sent() {
    let cluster = Cluster::new();
    let file = cluster.file(600);
    let asking = |arguments: &[&str]| cluster.asking(token(arguments));
    fails(&mut asking(&["--assertion-file", &file, "--client-secret-file", &file]), 2, &["are both set"]);
    fails(
        &mut asking(&["--auth", "assertion", "--client-id", "me"]),
        2,
        &["and there is none", "--assertion-file"],
    );
    fails(&mut asking(&["--assertion-file", &file, "--auth", "post"]), 2, &["another authentication method"]);
    fails(
        &mut asking(&["--assertion-file", &file, "--assertion-type", "saml"]),
        2,
        &["jwt-bearer, jwt-spiffe"],
    );
    let missing = cluster.folder.at("missing");
    fails(&mut asking(&["--assertion-file", &missing]), 2, &["client assertion cannot be opened"]);
    set_mode(&file, 0o644);
    fails(&mut asking(&["--assertion-file", &file]), 2, &["other users can read the file", "chmod 600"]);
    assert_eq!(cluster.server.counts().token_requests, 0);
}

#[test]
fn a_profile_says_where_the_assertion_is() {
    let cluster = Cluster::new();
    cluster.file(600);
    let of = |more: &str| {
        let mut command = token(&["--profile", "own", "--config", &cluster.profile(more)]);
        command.current_dir(cluster.folder.path());
        command
    };
    for place in ["{ file = \"token\" }", "{ command = [\"cat\", \"token\"] }"] {
        let Ended { status, stderr, .. } = run(&mut of(&format!("client_assertion = {place}")));
        assert_eq!((status, stderr.as_str()), (0, ""), "{place}");
    }
    assert_eq!(run(&mut of("auth = \"assertion\"\nclient_assertion = { file = \"token\" }")).status, 0);
    let both = "client_assertion = { file = \"token\" }\nclient_secret = { file = \"token\" }\n";
    fails(&mut of(both), 2, &["config.toml:4: there are both a client_assertion and a client_secret"]);
    let kind = "client_assertion = { file = \"token\" }\nassertion_type = \"saml\"\n";
    fails(&mut of(kind), 2, &["config.toml:4: assertion_type: this is no type of assertion"]);
    // It is for this client, at this endpoint.
    let mut other = of("client_id = \"me\"\nclient_assertion = { file = \"token\" }");
    fails(other.args(["--client-id", "another"]), 2, &["only for the profile's own client"]);
}

#[test]
fn no_token_is_kept_for_a_client_without_a_secret() {
    let cluster = Cluster::new();
    let file = cluster.file(600);
    let mut command = cluster.asking(token(&["--assertion-file", &file, "--cache"]));
    let Ended { status, stderr, .. } = run(&mut command);
    assert_eq!(status, 0);
    assert!(stderr.contains("no secret and no key to encrypt the token with"), "{stderr}");
}

#[test]
fn a_doctor_asks_with_the_assertion() {
    let cluster = Cluster::new();
    let file = cluster.file(600);
    let Ended { status, stdout, .. } =
        run(&mut cluster.asking(evergrant(&["doctor", "--assertion-file", &file])));
    assert_eq!(status, 0, "{stdout}");
    assert!(stdout.contains("by private_key_jwt") && stdout.contains(&file), "{stdout}");
    cluster.file(-300);
    let Ended { status, stdout, .. } =
        run(&mut cluster.asking(evergrant(&["doctor", "--assertion-file", &file])));
    assert_eq!(status, 3, "{stdout}");
    assert!(stdout.contains("a new client assertion is written in time"), "{stdout}");
    assert!(stdout.contains("ended 5 min ago: its writer seems to have stopped"), "{stdout}");
}

#[test]
fn a_credential_of_systemd_is_found_by_its_name() {
    let server = Server::start().unwrap();
    let (folder, credentials) = (Folder::new(), Folder::new());
    credentials.file("erp", 0o400, Server::CLIENT_SECRET);
    let text = |name: &str| {
        format!(
            "[profile.own]\ntoken_endpoint = \"{}\"\nclient_id = \"{}\"\nclient_secret = {{ credential = \"{name}\" }}\n",
            server.token_endpoint(),
            Server::CLIENT_ID
        )
    };
    let of =
        |name: &str| token(&["--profile", "own", "--config", &folder.file("config.toml", 0o600, text(name))]);
    let mut command = of("erp");
    command.env("CREDENTIALS_DIRECTORY", credentials.path());
    assert_eq!(run(&mut command).status, 0);
    fails(&mut of("erp"), 2, &["CREDENTIALS_DIRECTORY is not set", "LoadCredential=erp:PATH"]);
    fails(&mut of("../erp"), 2, &["config.toml:4: credential: this is not the name of a credential"]);
}

#[test]
fn run_reads_a_renewed_secret_for_the_next_request() {
    let server = Server::start().unwrap();
    server.set_lifetime(Duration::from_secs(2));
    let folder = Folder::new();
    let secret = folder.file("secret", 0o600, format!("{}\n", Server::CLIENT_SECRET));
    let mut command =
        evergrant(&["run", "--token-endpoint", &server.token_endpoint(), "--client-id", Server::CLIENT_ID]);
    command.args([
        "--client-secret-file",
        &secret,
        "--token-file",
        &folder.at("token"),
        "--",
        "sleep",
        "600",
    ]);
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    until(|| server.counts().token_granted >= 1);
    // Both are right for a while, as with every large server.
    server.add_client_secret(Server::CLIENT_ID, "the-next-secret");
    folder.file("new", 0o600, "the-next-secret\n");
    fs::rename(folder.at("new"), &secret).unwrap();
    let said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let changed = said.take(20).find(|line| line.contains("has changed"));
    assert!(changed.as_ref().is_some_and(|line| line.contains("the client secret in")), "{changed:?}");
    server.set_client_secret(Server::CLIENT_ID, "the-next-secret");
    let granted = server.counts().token_granted;
    until(|| server.counts().token_granted > granted + 1);
    assert_eq!(server.counts().token_refused, 0);
    end(child);
}

#[test]
fn watch_finds_a_corrected_secret_by_itself() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let secret = folder.file("secret", 0o600, "wrong");
    let mut command =
        evergrant(&["watch", "--token-endpoint", &server.token_endpoint(), "--client-id", Server::CLIENT_ID]);
    command
        .args(["--client-secret-file", &secret])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let child = command.spawn().unwrap();
    until(|| server.counts().token_refused == 1);
    folder.file("secret", 0o600, Server::CLIENT_SECRET);
    let corrected = Instant::now();
    until(|| server.counts().token_granted == 1);
    println!("a token within {:?}", corrected.elapsed());
    assert_eq!(server.counts().token_refused, 1, "the wrong one was sent once");
    end(child);
}

/// With the program that it runs.
fn end(mut child: Child) {
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    child.wait().unwrap();
}

#[test]
fn a_command_that_prints_a_secret_sees_no_variable_that_holds_another() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let text = format!(
        "[profile.own]\ntoken_endpoint = \"{endpoint}\"\nclient_id = \"{id}\"\n\
         client_secret = {{ command = [\"sh\", \"-c\", \"env > seen; echo {secret}\"] }}\n\
         token_headers = {{ X-Key = {{ env = \"HEADER_KEY\" }} }}\n\
         [profile.other]\ntoken_endpoint = \"{endpoint}\"\nclient_id = \"other\"\nclient_secret = {{ env = \"OTHER_SECRET\" }}\n",
        endpoint = server.token_endpoint(),
        id = Server::CLIENT_ID,
        secret = Server::CLIENT_SECRET,
    );
    let config = folder.file("config.toml", 0o600, text);
    let mut command = token(&["--profile", "own", "--config", &config]);
    command
        .current_dir(folder.path())
        .env("HEADER_KEY", "SENTINEL-key")
        .env("OTHER_SECRET", "SENTINEL-other");
    let ended = run(&mut command);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let seen = fs::read_to_string(folder.at("seen")).unwrap();
    assert!(seen.contains("PATH=") && !seen.contains("SENTINEL"), "{seen}");
}

#[test]
fn a_command_that_prints_a_secret_ends_with_the_program_that_wanted_it() {
    let server = Server::start().unwrap();
    server.set_lifetime(Duration::from_secs(2));
    let folder = Folder::new();
    // Once it prints, then it hangs.
    let script = format!(
        "if test -e printed; then echo $$ > hangs; exec sleep 600; fi; touch printed; echo {}",
        Server::CLIENT_SECRET
    );
    let text = format!(
        "[profile.own]\ntoken_endpoint = \"{}\"\nclient_id = \"{}\"\nclient_secret = {{ command = [\"sh\", \"-c\", {script:?}] }}\n\
         timeout = \"5m\"\n",
        server.token_endpoint(),
        Server::CLIENT_ID,
    );
    let config = folder.file("config.toml", 0o600, text);
    let mut command =
        evergrant(&["run", "--profile", "own", "--config", &config, "--token-file", &folder.at("token")]);
    command.args(["--", "sh", "-c", "while ! test -s hangs; do sleep 0.05; done"]).current_dir(folder.path());
    let ended = run(&mut command);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let hung = fs::read_to_string(folder.at("hangs")).unwrap();
    let hung = Pid::from_raw(hung.trim().parse().unwrap()).unwrap();
    until(|| rustix::process::test_kill_process(hung).is_err());
}
