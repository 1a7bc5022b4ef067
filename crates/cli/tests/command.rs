//! The command as its users meet it: what it prints where, and with which exit status.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use evergrant_mock::{Endpoint, Fault, Server, Times};
use fixture::{EVERGRANT, Folder, evergrant, fails, fed, known, run, token};
use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

#[test]
fn one_token_is_printed_and_nothing_else() {
    let server = Server::start().unwrap();
    for (format, expected) in [("token", "{}\n"), ("header", "Authorization: Bearer {}\n")] {
        let ended = run(&mut known(&server, &["--format", format]));
        let issued = server.issued().pop().unwrap();
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
        assert_eq!(ended.stdout, expected.replace("{}", &issued));
    }
    let ended = run(&mut known(&server, &["--format", "json"]));
    let issued = server.issued().pop().unwrap();
    assert!(ended.stdout.contains(&format!(r#""access_token":"{issued}""#)), "{}", ended.stdout);
    assert!(ended.stdout.contains(r#""token_type":"Bearer""#) && ended.stdout.contains(r#""expires_in":"#));
}

#[test]
fn with_json_the_answer_is_an_object_and_so_is_an_error() {
    let server = Server::start().unwrap();
    let ended = run(&mut known(&server, &["--json"]));
    let answer: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(answer["access_token"], server.issued()[0]);
    assert_eq!(answer["expires_at"].as_str().map(str::len), Some("2026-11-24T15:00:00Z".len()));
    fails(&mut known(&server, &["--json", "--format", "header"]), 2, &["--json and --format"]);
    let asked = server.counts().token_requests;
    let _down = server.fault(Endpoint::Token, Fault::status_with_retry_after(503, "7"), Times::UntilCleared);
    let ended = run(&mut known(&server, &["--json"]));
    let error: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
    let wait = error["retry_after_ms"].as_u64().unwrap();
    assert!((5_000..=15_000).contains(&wait), "{error}");
    assert_eq!(server.counts().token_requests, asked + 1, "what contradicts itself is not sent");
    for (mut command, status, at_fault) in [
        (known(&server, &["--json", "--timeout", "soon"]), 2, "the configuration"),
        (evergrant(&["--json", "no-such"]), 2, "the configuration"),
        (token(&["--json"]), 2, "the configuration"),
    ] {
        let ended = run(&mut command);
        let error: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
        assert_eq!((ended.status, ended.stdout.as_str()), (status, ""));
        assert_eq!((&error["status"], &error["at_fault"]), (&status.into(), &at_fault.into()));
        assert!(error["error"].is_string() && error["next"].is_string(), "{error}");
    }
}

#[test]
fn verbose_says_why_each_token_request_is_made() {
    let server = Server::start().unwrap();
    let _down = server.fault(Endpoint::Token, Fault::status(503), Times::Once);
    let ended = run(&mut known(&server, &["-v", "--wait", "60s"]));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    for words in ["there was none yet", "http 503", "the last request failed", "it lives 1 d"] {
        assert!(ended.stderr.contains(words), "{words:?} is not in: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains(&server.issued()[0]));
    let ended = run(&mut known(&server, &["-v", "--json"]));
    let first: serde_json::Value = serde_json::from_str(ended.stderr.lines().next().unwrap()).unwrap();
    assert_eq!((&first["event"], &first["reason"]), (&"requesting a token".into(), &"first".into()));
}

#[test]
fn colours_are_for_terminals_and_not_where_they_are_unwanted() {
    let colourful = run(token(&[]).env("CLICOLOR_FORCE", "1"));
    assert!(colourful.stderr.starts_with("\u{1b}["), "{:?}", colourful.stderr);
    for plain in [run(&mut token(&[])), run(token(&[]).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1"))] {
        assert!(plain.stderr.starts_with("error: "), "{:?}", plain.stderr);
    }
}

#[test]
fn a_program_can_be_run_against_the_mock_servers() {
    let mut command = evergrant(&["mock", "--lifetime", "90s", "--", EVERGRANT, "token", "--format", "json"]);
    // Somebody else's client is none of theirs.
    let ended = run(command.env("EVERGRANT_SCOPE", "elsewhere").env("EVERGRANT_PROVIDER", "myparcel"));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains(r#""expires_in":90"#), "{}", ended.stdout);
    assert_eq!(run(&mut evergrant(&["mock", "--", "no-such-program"])).status, 127);
}

#[test]
fn every_setting_reaches_the_request() {
    let server = Server::start().unwrap();
    let arguments = [
        "--body",
        "json",
        "--auth",
        "post",
        "--scope",
        "a b",
        "--audience",
        "them",
        "--resource",
        "https://api.example/",
        "--param",
        "note=two words",
        "--param",
        "k=v=w",
    ];
    assert_eq!(run(&mut known(&server, &arguments)).status, 0);
    let requests = server.requests();
    let parameter = |name| requests[0].parameter(name);
    for (name, value) in [
        ("scope", "a b"),
        ("audience", "them"),
        ("resource", "https://api.example/"),
        ("note", "two words"),
        ("k", "v=w"),
        ("client_id", Server::CLIENT_ID),
    ] {
        assert_eq!(parameter(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(requests[0].header("content-type"), Some("application/json"));
}

#[test]
fn myparcel_is_asked_as_its_documentation_says() {
    let server = Server::start().unwrap();
    let endpoint = server.token_endpoint();
    let mut command = known(&server, &["--provider", "myparcel-sandbox", "--token-endpoint", &endpoint]);
    assert_eq!(run(&mut command).status, 0);
    let requests = server.requests();
    assert_eq!(requests[0].header("content-type"), Some("application/json"));
    assert_eq!(requests[0].parameter("scope").as_deref(), Some("*"));
    assert_eq!(requests[0].parameter("client_secret").as_deref(), Some(Server::CLIENT_SECRET));
}

#[test]
fn a_secret_file_is_read_and_its_last_line_break_trimmed_and_told_to_who_asks() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    for (content, note) in [("{}", false), ("{}\n", true), ("{}\r\n", true)] {
        let file = folder.file("secret", 0o600, content.replace("{}", Server::CLIENT_SECRET));
        let mut command = known(&server, &["--client-secret-file", &file]);
        let ended = run(command.env_remove("EVERGRANT_CLIENT_SECRET"));
        // Each run of a job by the clock would send a mail about it.
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
        let ended = run(command.arg("-v"));
        assert_eq!(ended.stderr.contains("line break"), note, "{}", ended.stderr);
    }
}

#[test]
fn a_secret_is_read_from_stdin() {
    let server = Server::start().unwrap();
    let mut command = known(&server, &["--client-secret-file", "-"]);
    command.env_remove("EVERGRANT_CLIENT_SECRET");
    assert_eq!(fed(&mut command, Server::CLIENT_SECRET.as_bytes()).status, 0);
}

// Conforms: A-09
#[cfg(unix)]
#[test]
fn a_secret_file_that_others_can_read_is_refused_with_the_chmod_that_mends_it() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    for mode in [0o644, 0o640, 0o604] {
        let file = folder.file("open", mode, Server::CLIENT_SECRET);
        let says = [format!("mode {mode:o}"), format!("chmod 600 '{file}'"), "--client-secret-file -".into()];
        let mut command = known(&server, &["--client-secret-file", &file]);
        fails(&mut command, 2, &says.each_ref().map(String::as_str));
    }
    assert_eq!(server.counts().token_requests, 0);
}

#[cfg(unix)]
#[test]
fn a_secret_file_as_service_managers_make_it_is_taken_without_a_word() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    for mode in [0o400, 0o440, 0o444, 0o644] {
        let file = folder.file(&format!("secret-{mode:o}"), mode, Server::CLIENT_SECRET);
        let mut command = known(&server, &["--client-secret-file", &file]);
        command.env_remove("EVERGRANT_CLIENT_SECRET").env("CREDENTIALS_DIRECTORY", folder.path());
        let ended = run(&mut command);
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "mode {mode:o}");
    }
    let outside = Folder::new();
    let file = outside.file("secret", 0o444, Server::CLIENT_SECRET);
    for elsewhere in [folder.path(), "", "relative"] {
        let mut command = known(&server, &["--client-secret-file", &file]);
        fails(command.env("CREDENTIALS_DIRECTORY", elsewhere), 2, &["mode 444"]);
    }
}

#[test]
fn a_byte_order_mark_is_taken_off_and_a_control_character_is_named() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let marked = folder.file("marked", 0o600, format!("\u{feff}{}", Server::CLIENT_SECRET));
    let ended = run(&mut known(&server, &["--client-secret-file", &marked]));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("byte order mark"), "{}", ended.stderr);
    let odd = folder.file("odd", 0o600, "s3cret\u{1}");
    fails(
        &mut known(&server, &["--client-secret-file", &odd]),
        2,
        &["client_secret has a control character at byte 6"],
    );
}

#[test]
fn with_json_every_line_on_stderr_is_an_object() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let file = folder.file("secret", 0o600, "not the secret\n");
    let mut command = known(&server, &["--json", "-v", "--client-secret-file", &file]);
    let ended = run(command.env("EVERGRANT_SCOPES", "a"));
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    let lines: Vec<serde_json::Value> =
        ended.stderr.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let notes: Vec<&str> = lines.iter().filter_map(|line| line["note"].as_str()).collect();
    assert!(notes.iter().any(|note| note.contains("EVERGRANT_SCOPES")), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("line break")), "{notes:?}");
    assert!(lines.last().unwrap()["error"].is_string(), "{lines:?}");
}

#[test]
fn quiet_leaves_errors_alone() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let file = folder.file("secret", 0o600, format!("{}\n", Server::CLIENT_SECRET));
    let ended = run(&mut known(&server, &["-q", "--client-secret-file", &file]));
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    fails(&mut known(&server, &["--quiet", "--auth", "none"]), 3, &["error: ", "next: "]);
    fails(&mut known(&server, &["-q", "-v"]), 2, &["--verbose"]);
}

#[test]
fn an_empty_variable_is_one_that_is_not_set() {
    let server = Server::start().unwrap();
    let mut command = known(&server, &[]);
    for name in
        ["PROVIDER", "BODY", "AUTH", "SCOPE", "RESOURCE", "AUDIENCE", "PARAM", "TIMEOUT", "CACHE", "WAIT"]
    {
        command.env(format!("EVERGRANT_{name}"), "");
    }
    for name in ["PROFILE", "CONFIG", "FORMAT", "CLIENT_SECRET_FILE"] {
        command.env(format!("EVERGRANT_{name}"), "");
    }
    let ended = run(&mut command);
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    let mut command = known(&server, &[]);
    fails(command.env("EVERGRANT_CLIENT_ID", ""), 2, &["there is no client id"]);
}

#[test]
fn a_variable_that_cannot_be_read_is_named_and_not_the_flag_that_nobody_wrote() {
    let server = Server::start().unwrap();
    for (name, value) in
        [("TIMEOUT", "soon"), ("BODY", "xml"), ("DANGEROUS_PLAIN_HTTP", "maybe"), ("CACHE", "often")]
    {
        let name = format!("EVERGRANT_{name}");
        let mut command = known(&server, &[]);
        fails(
            command.env(&name, value),
            2,
            &[&format!("invalid value '{value}' for '{name} (the variable of --")],
        );
    }
    let mut command = known(&server, &["--timeout", "soon"]);
    let ended = run(command.env("EVERGRANT_TIMEOUT", "1s"));
    assert_eq!(ended.status, 2);
    assert!(!ended.stderr.contains("EVERGRANT_TIMEOUT"), "{}", ended.stderr);
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_named() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let server = Server::start().unwrap();
    let mut command = known(&server, &[]);
    let command = command.env("EVERGRANT_SCOPE", OsStr::from_bytes(b"\xff"));
    fails(command, 2, &["the variable EVERGRANT_SCOPE is not UTF-8 text"]);
}

#[test]
fn a_variable_that_nobody_reads_is_named_with_the_one_that_was_meant() {
    let server = Server::start().unwrap();
    let mut command = known(&server, &["-v"]);
    let ended =
        run(command.env("EVERGRANT_SCOPES", "a").env("EVERGRANT_TOKEN", "x").env("EVERGRANT_ZZZZZZ", "x"));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let expected = "evergrant does not know the variable EVERGRANT_SCOPES; did you mean EVERGRANT_SCOPE?";
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("evergrant does not know the variable EVERGRANT_ZZZZZZ\n"),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("EVERGRANT_TOKEN\n"), "{}", ended.stderr);
    let mut doctor = fixture::configured(&server, evergrant(&["doctor"]));
    let ended = run(doctor.env("EVERGRANT_SCOPES", "a"));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains(&format!("warning  environment    {expected}")), "{}", ended.stdout);
}

#[test]
fn a_secret_file_that_is_no_secret_is_refused() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let wrong = |content: &[u8], says: &[&str]| {
        let file = folder.file("bad", 0o600, content);
        fails(&mut known(&server, &["--client-secret-file", &file]), 2, says);
    };
    for (content, says) in [(&b""[..], "is empty"), (b"\n", "is empty"), (b"\xff\xfe", "is not UTF-8 text")] {
        wrong(content, &[says]);
    }
    wrong(&[b'x'; 70_000], &["longer than 65536 bytes"]);
    wrong(b"one\ntwo\n", &["client_secret", "byte 3"]);
    fails(&mut known(&server, &["--client-secret-file", "no/such/file"]), 2, &["cannot be opened"]);
    if cfg!(unix) {
        fails(&mut known(&server, &["--client-secret-file", folder.path()]), 2, &["is a folder"]);
    }
}

#[test]
fn a_missing_setting_is_named() {
    fails(&mut token(&[]), 2, &["no authorization server", "--provider", "at fault: the configuration"]);
    fails(&mut token(&["--provider", "rfc6749"]), 2, &["no token endpoint", "--token-endpoint"]);
    fails(&mut token(&["--provider", "myparcel"]), 2, &["no client id", "--client-id"]);
    let mut command = token(&["--provider", "myparcel", "--client-id", "me"]);
    fails(&mut command, 2, &["no client secret", "EVERGRANT_CLIENT_SECRET", "--client-secret-file"]);
}

// Conforms: A-09
#[test]
fn there_is_no_flag_for_the_secret_itself() {
    fails(&mut token(&["--client-secret", "x"]), 2, &["--client-secret"]);
}

#[test]
fn a_wrong_setting_is_named_with_what_to_write_instead() {
    let server = Server::start().unwrap();
    let wrong = |arguments: &[&str], says: &[&str]| fails(&mut known(&server, arguments), 2, says);
    wrong(
        &["--token-endpoint", "http://example.com/token"],
        &["plain http to example.com", "next: use https"],
    );
    wrong(&["--token-endpoint", "http://localhost:1/token"], &["localhost", "write 127.0.0.1"]);
    wrong(&["--token-endpoint", "nonsense"], &["token_endpoint", "https://"]);
    wrong(&["--token-endpoint", "https://host/#x"], &["fragment"]);
    wrong(&["--scope", "good b\"d"], &["scope token", "byte 1"]);
    wrong(&["--param", "grant_type=password"], &["grant_type", "twice"]);
    wrong(&["--param", "no-equals"], &["write it as name=value"]);
    wrong(&["--resource", "relative"], &["resource"]);
    wrong(&["--timeout", "0s"], &["longer than 0"]);
    wrong(&["--timeout", "soon"], &["30s"]);
    wrong(&["--provider", "nobody"], &["myparcel-sandbox"]);
    assert_eq!(server.counts().token_requests, 0);
}

#[test]
fn an_unknown_host_is_transient_and_says_so() {
    let mut command = token(&["--token-endpoint", "https://evergrant.invalid/token", "--timeout", "5s"]);
    command.env("EVERGRANT_CLIENT_ID", "me").env("EVERGRANT_CLIENT_SECRET", Server::CLIENT_SECRET);
    fails(&mut command, 4, &["the token endpoint cannot be reached", "next: check"]);
}

#[test]
fn a_wrong_secret_is_refused_with_the_servers_words() {
    let server = Server::start().unwrap();
    let mut command = known(&server, &[]);
    command.env("EVERGRANT_CLIENT_SECRET", "not-the-one");
    let ended = run(&mut command);
    assert_eq!((ended.status, ended.stdout.as_str()), (3, ""));
    for words in
        ["invalid_client", "http 401", "at fault: the client", "check the client id, the client secret"]
    {
        assert!(ended.stderr.contains(words), "{words:?} is not in: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("not-the-one"));
}

#[test]
fn every_bad_answer_has_its_sentence_and_its_status() {
    for (fault, status, says) in [
        (Fault::Html, 4, "the body is an HTML page"),
        (Fault::status_with_body(404, "text/html", "<html>"), 3, "http 404"),
        (
            Fault::redirect(302, "https://elsewhere.example/login?x"),
            3,
            "redirects to https://elsewhere.example/login (http",
        ),
        (Fault::TruncatedBody, 4, "closed before the full response arrived"),
        (Fault::Reset, 4, "closed before the full response arrived"),
        (Fault::Garbage, 4, "not valid HTTP"),
        (Fault::status(503), 4, "http 503"),
        (Fault::status_with_retry_after(429, "7"), 4, "wait 7 s"),
        (Fault::status_with_body(200, "application/json", "{}"), 4, "there is no access_token"),
        (Fault::error(400, "invalid_scope"), 3, "request scopes"),
    ] {
        let server = Server::start().unwrap();
        let _fault = server.fault(Endpoint::Token, fault, Times::UntilCleared);
        fails(&mut known(&server, &[]), status, &["error: ", "at fault: ", "next: ", says]);
        assert_eq!(server.counts().token_requests, 1, "it takes the first outcome");
    }
}

#[test]
fn a_server_that_hangs_is_given_up_after_the_timeout() {
    let server = Server::start().unwrap();
    let _hung = server.fault(Endpoint::Token, Fault::Hang, Times::UntilCleared);
    fails(&mut known(&server, &["--timeout", "200ms"]), 4, &["timed out before the full response arrived"]);
}

#[test]
fn with_wait_transient_failures_are_waited_through() {
    let server = Server::start().unwrap();
    let _down = server.fault(Endpoint::Token, Fault::status(503), Times::Once);
    let ended = run(&mut known(&server, &["--wait", "60s"]));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(server.counts().token_requests, 2);
}

#[test]
fn help_shows_the_variables_and_never_their_values() {
    let mut command = token(&["--help"]);
    let variables = [
        "PROFILE",
        "CONFIG",
        "PROVIDER",
        "TOKEN_ENDPOINT",
        "BODY",
        "AUTH",
        "CLIENT_ID",
        "CLIENT_SECRET_FILE",
        "SCOPE",
        "RESOURCE",
        "AUDIENCE",
        "PARAM",
        "TIMEOUT",
        "FORMAT",
        "WAIT",
    ];
    for variable in variables {
        command.env(format!("EVERGRANT_{variable}"), "sentinel-value");
    }
    command.env("EVERGRANT_CLIENT_SECRET", "sentinel-value");
    let ended = run(&mut command);
    assert_eq!(ended.status, 0);
    for variable in variables {
        assert!(ended.stdout.contains(&format!("EVERGRANT_{variable}")), "{variable}");
    }
    assert!(!ended.stdout.contains("sentinel-value"));
}

#[test]
fn the_mock_command_serves_what_it_prints() {
    let mut child = evergrant(&["mock", "--lifetime", "90s", "--style", "opaque"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut printed = String::new();
    let mut stdout = child.stdout.take().unwrap();
    while !printed.contains("interrupted") {
        let mut piece = [0; 1024];
        let read = stdout.read(&mut piece).unwrap();
        assert!(read > 0, "it ended: {printed}");
        printed.push_str(std::str::from_utf8(&piece[..read]).unwrap());
    }
    let endpoint = printed.lines().find_map(|line| line.strip_prefix("token endpoint  ")).unwrap();
    let mut command =
        token(&["--token-endpoint", endpoint, "--client-id", Server::CLIENT_ID, "--format", "json"]);
    let ended = run(command.env("EVERGRANT_CLIENT_SECRET", Server::CLIENT_SECRET));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(ended.stdout.contains(r#""expires_in":90"#), "{} {}", ended.stdout, ended.stderr);
    let taken = Server::builder().lifetime(Duration::from_secs(1)).start().unwrap();
    let second = run(&mut evergrant(&["mock", "--port", &taken.address().port().to_string()]));
    assert_eq!(second.status, 2, "{}", second.stderr);
    assert!(second.stderr.contains("cannot be used"));
}
