//! Profiles as their users meet them: what is taken from where, and what is said about a file that is wrong.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use evergrant_mock::Server;
use fixture::{EVERGRANT, Ended, Folder, evergrant, fails, isolate, known, run, set_mode, token};
use std::fs;
use std::process::Command;

/// A configuration file, and commands that read it.
struct Configured {
    folder: Folder,
    path: String,
}

impl Configured {
    fn new(text: &str) -> Self {
        let folder = Folder::new();
        let path = folder.file("config.toml", 0o600, text);
        Self { folder, path }
    }

    /// With a profile `own` for this server, its secret in a file; `more` are further lines of it.
    fn own(server: &Server, more: &str) -> Self {
        let configured = Self::new(&format!(
            "[profile.own]\ntoken_endpoint = \"{}\"\nclient_id = \"{}\"\nclient_secret = {{ file = \"secret\" }}\n{more}",
            server.token_endpoint(),
            Server::CLIENT_ID,
        ));
        configured.folder.file("secret", 0o600, Server::CLIENT_SECRET);
        configured
    }

    fn token(&self, arguments: &[&str]) -> Command {
        let mut command = token(arguments);
        command.env("EVERGRANT_CONFIG", &self.path);
        command
    }

    fn check(&self, arguments: &[&str]) -> Ended {
        run(evergrant(&["config", "check", "--config", &self.path]).args(arguments))
    }
}

#[test]
fn a_profile_describes_the_whole_client() {
    let server = Server::start().unwrap();
    let configured = Configured::own(
        &server,
        "auth = \"post\"\nbody = \"json\"\nscope = [\"a\", \"b\"]\naudience = \"them\"\ntimeout = \"90s\"\n\
         resources = [\"https://api.example/\"]\nparams = { note = \"two words\" }\n",
    );
    let ended = run(&mut configured.token(&["--profile", "own"]));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout.trim(), server.issued()[0]);
    let requests = server.requests();
    for (name, value) in [
        ("client_id", Server::CLIENT_ID),
        ("client_secret", Server::CLIENT_SECRET),
        ("scope", "a b"),
        ("audience", "them"),
        ("resource", "https://api.example/"),
        ("note", "two words"),
    ] {
        assert_eq!(requests[0].parameter(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(requests[0].header("content-type"), Some("application/json"));
}

#[test]
fn the_file_is_found_where_the_system_keeps_configuration() {
    let server = Server::start().unwrap();
    let configured = Configured::own(&server, "");
    let home = Folder::new();
    fs::create_dir_all(home.at(".config/evergrant")).unwrap();
    fs::copy(&configured.path, home.at(".config/evergrant/config.toml")).unwrap();
    let secret = Server::CLIENT_SECRET;
    home.file(".config/evergrant/secret", 0o600, secret);
    for (variable, value) in [("XDG_CONFIG_HOME", home.at(".config")), ("HOME", home.path().to_owned())] {
        let mut command = token(&["--profile", "own"]);
        command.env_remove("XDG_CONFIG_HOME").env("HOME", "/evergrant-tests-nowhere").env(variable, value);
        let ended = run(&mut command);
        assert_eq!(ended.status, 0, "{variable}: {}", ended.stderr);
    }
    let mut command = token(&["--profile", "own"]);
    let says = ["config.toml", "cannot be read", "--config PATH"];
    // A relative path is none, says the specification.
    fails(command.env("XDG_CONFIG_HOME", "relative").env("HOME", home.at("elsewhere")), 2, &says);
}

#[cfg(unix)]
#[test]
fn an_endpoint_that_cannot_be_reached_is_told_with_its_profile_and_file() {
    let gone = "http://127.0.0.1:1";
    let configured = Configured::new(&format!(
        "default_profile = \"gone\"\n[profile.gone]\ntoken_endpoint = \"{gone}/token\"\nclient_id = \"me\"\n\
         origins = \"{gone}\"\n"
    ));
    let said = |script: &str, endpoint: &str| {
        let mut command = Command::new("sh");
        isolate(&mut command)
            .args(["-c", script, EVERGRANT])
            .env("EVERGRANT_CLIENT_SECRET", "a secret of mine");
        command.env("EVERGRANT_CONFIG", &configured.path).env("EVERGRANT_TOKEN_ENDPOINT", endpoint);
        command.env("XDG_CACHE_HOME", configured.folder.at("caches"));
        run(&mut command).stderr
    };
    let place = format!("; the token endpoint is that of profile gone in {}\n", configured.path);
    for script in [
        "\"$0\" token",
        "\"$0\" token --cache",
        "\"$0\" run -- true",
        "\"$0\" request http://127.0.0.1:1/things",
        // Its first line is that a token is requested, and the next one has no reader any more.
        "\"$0\" watch | head -n 1",
    ] {
        let said = said(script, "");
        assert!(said.contains("cannot be reached") && said.ends_with(&place), "{script}: {said}");
    }
    let by_variable = said("\"$0\" token --client-id me", "http://127.0.0.1:1/");
    assert!(by_variable.contains("cannot be reached") && !by_variable.contains("profile"), "{by_variable}");
}

#[test]
fn a_refused_client_is_told_without_its_profile() {
    let server = Server::start().unwrap();
    let configured = Configured::own(&server, "");
    configured.folder.file("secret", 0o600, "not-the-one-of-it");
    let said = run(&mut configured.token(&["--profile", "own"])).stderr;
    assert!(said.contains("invalid_client") && !said.contains("profile"), "{said}");
}

#[test]
fn a_flag_goes_before_the_profile() {
    let server = Server::start().unwrap();
    let configured = Configured::own(&server, "scope = \"profile\"\naudience = \"profile\"\n");
    let ended = run(&mut configured.token(&["--profile", "own", "--scope", "flag"]));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let requests = server.requests();
    assert_eq!(requests[0].parameter("scope").as_deref(), Some("flag"));
    assert_eq!(requests[0].parameter("audience").as_deref(), Some("profile"));
}

#[test]
fn the_variables_of_another_client_do_not_reach_a_profile_that_is_named() {
    let (server, other) = (Server::start().unwrap(), Server::start().unwrap());
    let configured = Configured::own(&server, "");
    let mut command = known(&other, &["--profile", "own"]);
    let ended = run(command
        .env("EVERGRANT_CONFIG", &configured.path)
        .env("EVERGRANT_CLIENT_ID", "another")
        .env("EVERGRANT_CLIENT_SECRET", "another-secret")
        .env("EVERGRANT_SCOPE", "another"));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!((server.counts().token_granted, other.counts().token_requests), (1, 0));
    assert_eq!(server.requests()[0].parameter("scope"), None);
}

#[test]
fn variables_go_before_a_profile_that_a_variable_names() {
    let server = Server::start().unwrap();
    let configured = Configured::own(&server, "scope = \"profile\"\n");
    let mut command = configured.token(&[]);
    let ended = run(command.env("EVERGRANT_PROFILE", "own").env("EVERGRANT_SCOPE", "variable"));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(server.requests()[0].parameter("scope").as_deref(), Some("variable"));
}

#[test]
fn the_default_profile_is_for_those_who_say_no_client() {
    let (server, other) = (Server::start().unwrap(), Server::start().unwrap());
    let configured = Configured::own(&server, "scope = \"profile\"\n");
    let text = fs::read_to_string(&configured.path).unwrap();
    fs::write(&configured.path, format!("default_profile = \"own\"\n{text}")).unwrap();
    let ended = run(&mut configured.token(&[]));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(server.counts().token_granted, 1);
    let ended = run(known(&other, &[]).env("EVERGRANT_CONFIG", &configured.path));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!((server.counts().token_requests, other.counts().token_granted), (1, 1));
    assert_eq!(other.requests()[0].parameter("scope"), None, "nothing of the profile");
}

#[test]
fn a_profiles_secret_goes_with_its_client_id() {
    let server = Server::start().unwrap();
    let configured = Configured::own(&server, "auth = \"post\"\n");
    let mut command = configured.token(&["--profile", "own", "--client-id", "another"]);
    fails(&mut command, 2, &["no client secret"]);
    let mut command = configured.token(&["--profile", "own", "--client-id", "another"]);
    fails(command.env("EVERGRANT_CLIENT_SECRET", "of another"), 3, &["invalid_client"]);
    assert_eq!(server.requests()[0].parameter("client_secret").as_deref(), Some("of another"));
    for own in [&["--profile", "own"][..], &["--profile", "own", "--client-id", Server::CLIENT_ID]] {
        assert_eq!(run(configured.token(own).env("EVERGRANT_CLIENT_SECRET", "of another")).status, 0);
    }
}

#[test]
fn a_profiles_secret_goes_to_its_own_endpoint_alone() {
    let (server, other) = (Server::start().unwrap(), Server::start().unwrap());
    let configured = Configured::own(&server, "auth = \"post\"\n");
    let elsewhere = other.token_endpoint();
    let withheld = ["only for the profile's own token endpoint", "EVERGRANT_TOKEN_ENDPOINT"];
    let mut named = configured.token(&[]);
    fails(named.env("EVERGRANT_PROFILE", "own").env("EVERGRANT_TOKEN_ENDPOINT", &elsewhere), 2, &withheld);
    fails(&mut configured.token(&["--profile", "own", "--token-endpoint", &elsewhere]), 2, &withheld);
    fails(
        &mut configured.token(&["--profile", "own", "--provider", "rfc6749", "--token-endpoint", &elsewhere]),
        2,
        &withheld,
    );
    assert_eq!(other.counts().token_requests, 0);
    // Another server's secret may go there, and the profile's own endpoint may be named again.
    let mut command = configured.token(&["--profile", "own", "--token-endpoint", &elsewhere]);
    assert_eq!(run(command.env("EVERGRANT_CLIENT_SECRET", Server::CLIENT_SECRET)).status, 0);
    let own = server.token_endpoint();
    assert_eq!(run(&mut configured.token(&["--profile", "own", "--token-endpoint", &own])).status, 0);
    assert_eq!((server.counts().token_granted, other.counts().token_granted), (1, 1));
}

#[test]
fn a_provider_that_is_named_is_not_redirected_by_a_variable() {
    let server = Server::start().unwrap();
    for provider in ["myparcel", "myparcel-sandbox"] {
        let mut command = known(&server, &["--provider", provider]);
        fails(&mut command, 2, &["--provider", "EVERGRANT_TOKEN_ENDPOINT", "unset"]);
    }
    assert_eq!(server.counts().token_requests, 0);
    let endpoint = server.token_endpoint();
    let mut command = known(&server, &["--provider", "myparcel", "--token-endpoint", &endpoint]);
    assert_eq!(run(&mut command).status, 0, "a flag may");
    assert_eq!(
        run(&mut known(&server, &["--provider", "rfc6749"])).status,
        0,
        "which is no server by itself"
    );
}

#[test]
fn a_profiles_endpoint_goes_with_its_provider() {
    let server = Server::start().unwrap();
    let configured = Configured::own(&server, "");
    let mut command = configured.token(&["--profile", "own", "--provider", "rfc6749"]);
    fails(&mut command, 2, &["no token endpoint"]);
    assert_eq!(server.counts().token_requests, 0);
}

#[test]
fn a_secret_is_had_by_each_reference() {
    let server = Server::start().unwrap();
    let profile = |reference: &str| {
        Configured::new(&format!(
            "[profile.own]\ntoken_endpoint = \"{}\"\nclient_id = \"{}\"\nclient_secret = {reference}",
            server.token_endpoint(),
            Server::CLIENT_ID,
        ))
    };
    let secret = Server::CLIENT_SECRET;
    let configured = profile("{ env = \"A_SECRET\" }");
    let mut command = configured.token(&["--profile", "own"]);
    fails(&mut command, 2, &["A_SECRET", "is not set"]);
    let ended = run(command.env("A_SECRET", secret));
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));

    let configured = profile("{ file = \"~/the-secret\" }");
    configured.folder.file("the-secret", 0o600, secret);
    let ended = run(configured.token(&["--profile", "own"]).env("HOME", configured.folder.path()));
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));

    if cfg!(unix) {
        let configured = profile("{ command = [\"cat\", \"the secret\"] }");
        configured.folder.file("the secret", 0o600, format!("{secret}\n"));
        let ended = run(configured.token(&["--profile", "own"]).current_dir(configured.folder.path()));
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    }
}

#[cfg(unix)]
#[test]
fn a_command_that_brings_no_secret_is_named() {
    let profile = |command: &str| {
        Configured::new(&format!(
            "[profile.own]\ntoken_endpoint = \"https://auth.example/\"\nclient_id = \"me\"\n\
             client_secret = {{ command = {command} }}"
        ))
    };
    for (command, says) in [
        (r#"["evergrant-no-such-program"]"#, "cannot be started"),
        (r#"["false"]"#, "exit status: 1"),
        (r#"["true"]"#, "is empty"),
        (r#"["head", "-c", "70000", "/dev/zero"]"#, "longer than 65536 bytes"),
        (r#"["yes"]"#, "longer than 65536 bytes"),
        (r#"["printf", "\\377"]"#, "is not UTF-8"),
    ] {
        fails(&mut profile(command).token(&["--profile", "own"]), 2, &[says, "next: "]);
    }
}

#[cfg(unix)]
#[test]
fn a_secrets_command_sees_neither_our_stdin_nor_the_secret_of_another() {
    let server = Server::start().unwrap();
    let configured = Configured::new(&format!(
        "[profile.own]\ntoken_endpoint = \"{}\"\nclient_id = \"{}\"\n\
         client_secret = {{ command = [\"sh\", \"-c\", \"env > seen; cat >> seen; echo {}\"] }}",
        server.token_endpoint(),
        Server::CLIENT_ID,
        Server::CLIENT_SECRET,
    ));
    let input = fs::File::open(configured.folder.file("input", 0o600, "from stdin")).unwrap();
    let mut command = configured.token(&["--profile", "own"]);
    command.current_dir(configured.folder.path()).stdin(input);
    for name in ["EVERGRANT_CLIENT_SECRET", "EVERGRANT_CLIENT_SECRET_FILE", "EVERGRANT_PARAM"] {
        command.env(name, "of=another");
    }
    command.env_remove("EVERGRANT_CLIENT_SECRET_FILE");
    let ended = run(&mut command);
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    let seen = fs::read_to_string(configured.folder.at("seen")).unwrap();
    assert!(seen.contains("PATH=") && !seen.contains("of=another") && !seen.contains("from stdin"), "{seen}");
}

#[cfg(unix)]
#[test]
fn a_secrets_command_that_leaves_something_behind_is_not_waited_for() {
    let server = Server::start().unwrap();
    let profile = |script: &str| {
        Configured::new(&format!(
            "[profile.own]\ntoken_endpoint = \"{}\"\nclient_id = \"{}\"\n\
             client_secret = {{ command = [\"sh\", \"-c\", \"{script}\"] }}",
            server.token_endpoint(),
            Server::CLIENT_ID,
        ))
    };
    let began = std::time::Instant::now();
    // As an agent that the command started, which keeps its output open.
    let configured = profile(&format!("sleep 100 2>/dev/null & echo {}", Server::CLIENT_SECRET));
    let ended = run(&mut configured.token(&["--profile", "own"]));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let configured = profile("exec sleep 100");
    let mut command = configured.token(&["--profile", "own", "--timeout", "300ms"]);
    fails(&mut command, 2, &["did not end within 300ms"]);
    assert!(began.elapsed().as_secs() < 90, "it waited for a sleep");
}

#[test]
fn an_unknown_key_names_the_nearest_known_one() {
    for (line, nearest) in [
        ("endpoint = \"x\"", "token_endpoint"),
        ("client-id = \"x\"", "client_id"),
        ("ClientId = \"x\"", "client_id"),
        ("secret = \"x\"", "client_secret"),
        ("scopes = \"x\"", "scope"),
        ("resource = \"x\"", "resources"),
        ("param = {}", "params"),
        ("origin = \"x\"", "origins"),
        ("time_out = \"1s\"", "timeout"),
        ("provder = \"x\"", "provider"),
    ] {
        let ended = Configured::new(&format!("\n[profile.own]\n{line}\n")).check(&[]);
        let key = line.split(' ').next().unwrap();
        assert_eq!((ended.status, ended.stdout.as_str()), (2, ""), "{line}");
        for words in [&format!("config.toml:3: unknown key {key}"), &format!("did you mean {nearest}?")] {
            assert!(ended.stderr.contains(words), "{words:?} is not in: {}", ended.stderr);
        }
    }
    for (text, nearest) in [("profiles = 1", "profile"), ("default = 1", "default_profile")] {
        let ended = Configured::new(text).check(&[]);
        assert!(ended.stderr.contains(&format!("did you mean {nearest}?")), "{}", ended.stderr);
    }
    let ended = Configured::new("[profile.a]\nclient_secret = { evn = \"X\" }").check(&[]);
    assert!(ended.stderr.contains("did you mean env?"), "{}", ended.stderr);
    let ended = Configured::new("[profile.a]\nauth = \"Basic\"").check(&[]);
    assert!(ended.stderr.contains("the nearest is basic"), "{}", ended.stderr);
}

#[test]
fn a_secret_that_stands_in_the_file_is_refused_and_not_shown() {
    for text in [
        "[profile.own]\nclient_secret = \"sentinel\"",
        "[profile.own]\nclient_secret = \"sentinel",
        "[profile.own]\nclient_secret = sentinel",
        "[profile.own]\nclient_secret = { value = \"sentinel\" }",
        "[profile.own]\nclient_secret = { command = \"echo sentinel\" }",
        "[profile.own]\nclient_secret = [\"sentinel\"]",
        "[profile.own]\nauth = \"sentinel\"",
        "[profile.own]\ntimeout = \"sentinel\"",
        "[profile.own]\nparams = { k = [\"sentinel\"] }\nclient_id = 1",
    ] {
        let configured = Configured::new(text);
        for ended in [configured.check(&[]), run(&mut configured.token(&["--profile", "own"]))] {
            assert_eq!((ended.status, ended.stdout.as_str()), (2, ""), "{text}: {}", ended.stderr);
            assert!(
                ended.stderr.contains("config.toml:2: ") && !ended.stderr.contains("sentinel"),
                "{}",
                ended.stderr
            );
        }
    }
}

#[test]
fn a_check_finds_every_fault_and_sends_nothing() {
    let server = Server::start().unwrap();
    let configured = Configured::own(
        &server,
        "scope = \"good b\\\\d\"\n[profile.other]\nprovider = \"myparcl\"\nclient_secret = { env = \"A\", file = \"b\" }\n\
         origins = [\"https://api.example/path\"]\n[profile.third]\nclient_id = \"me\"\ntoken_endpoint = \"http://x/\"\n\
         [profile.fourth]\nprovider = \"myparcel\"\nclient_id = \"me\"\norigins = [\"https://api.example/path\"]\n",
    );
    let ended = configured.check(&[]);
    assert_eq!((ended.status, ended.stdout.as_str()), (2, ""));
    for words in [
        "scope token",
        "config.toml:7: provider: this is not one of its values (profile other)",
        "the nearest is myparcel",
        "config.toml:8: client_secret: it names more than one place (profile other)",
        "token_endpoint is plain http to x (profile third)",
        "origin has a path or query (profile fourth)",
    ] {
        assert!(ended.stderr.contains(words), "{words:?} is not in: {}", ended.stderr);
    }
    let ended = configured.check(&["--profile", "third"]);
    assert!(ended.stderr.contains("third") && !ended.stderr.contains("fourth"), "{}", ended.stderr);
    // A fault of one profile is no fault of another, and what is wrong with the client is said when it is used.
    fails(&mut configured.token(&["--profile", "own"]), 2, &["scope token"]);
    fails(&mut configured.token(&["--profile", "other"]), 2, &["config.toml:7", "profile other"]);
    assert_eq!(server.counts().token_requests, 0);
}

#[test]
fn a_check_of_a_good_file_says_what_is_in_it_and_runs_no_command() {
    let server = Server::start().unwrap();
    let configured = Configured::own(
        &server,
        "[profile.more]\nprovider = \"myparcel\"\nclient_id = \"me\"\nclient_secret = { command = [\"touch\", \"ran\"] }\n\
         [profile.unset]\nprovider = \"myparcel-sandbox\"\nclient_id = \"me\"\nclient_secret = { env = \"A_SECRET\" }\n",
    );
    let ended = configured.check(&[]);
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    for words in [
        "config.toml: 3 profiles, no fault",
        &format!("own: rfc6749 at {}, client {}, secret in ", server.token_endpoint(), Server::CLIENT_ID),
        "more: myparcel at https://auth.myparcel.com/access-token, client me, secret printed by touch",
        "client me, secret in A_SECRET (not set)",
    ] {
        assert!(ended.stdout.contains(words), "{words:?} is not in: {}", ended.stdout);
    }
    assert!(!ended.stdout.contains(Server::CLIENT_SECRET));
    assert!(!std::path::Path::new(&configured.folder.at("ran")).exists());
    assert_eq!(server.counts().token_requests, 0);
}

#[test]
fn a_profile_that_is_not_there_names_the_nearest() {
    let configured = Configured::new("[profile.production]\n[profile.sandbox]\n");
    fails(
        &mut configured.token(&["--profile", "sand-box"]),
        2,
        &["no profile sand-box", "did you mean sandbox?"],
    );
    assert!(configured.check(&["--profile", "x"]).stderr.contains("no profile x"));
    let configured = Configured::new("default_profile = \"sandbx\"\n[profile.sandbox]\n");
    fails(
        &mut configured.token(&[]),
        2,
        &["config.toml:1: default_profile: there is no profile sandbx", "did you mean sandbox?"],
    );
    fails(&mut token(&["--profile", "x", "--config", "no/such/file"]), 2, &["no/such/file cannot be read"]);
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_write_is_refused_with_the_chmod_that_mends_it() {
    let server = Server::start().unwrap();
    let configured = Configured::own(&server, "");
    for mode in [0o620, 0o602, 0o666] {
        set_mode(&configured.path, mode);
        let says = [format!("mode {mode:o}"), format!("chmod go-w '{}'", configured.path)];
        fails(&mut configured.token(&["--profile", "own"]), 2, &says.each_ref().map(String::as_str));
    }
    assert_eq!(server.counts().token_requests, 0);
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_replace_or_have_written_is_refused() {
    let server = Server::start().unwrap();
    let configured = Configured::own(&server, "");
    set_mode(configured.folder.path(), 0o777);
    let says = ["can replace the configuration file", "mode 777", "chmod go-w"];
    fails(&mut configured.token(&["--profile", "own"]), 2, &says);
    // As /tmp is.
    set_mode(configured.folder.path(), 0o1777);
    assert_eq!(run(&mut configured.token(&["--profile", "own"])).status, 0);
    set_mode(configured.folder.path(), 0o700);
    // Only root can give a file away.
    if std::os::unix::fs::chown(&configured.path, Some(65_534), None).is_ok() {
        fails(&mut configured.token(&["--profile", "own"]), 2, &["belongs to another user"]);
    }
    assert_eq!(server.counts().token_requests, 1);
}

#[test]
fn one_fault_hides_no_other_and_blocks_nobody_else() {
    let server = Server::start().unwrap();
    let configured = Configured::own(&server, "");
    let text = fs::read_to_string(&configured.path).unwrap();
    let broken = "[profile.a]\nclient_id = me\nscop = \"x\"\n[profile.b]\nparams = 1\ntimeout = \"soon\"\n";
    fs::write(&configured.path, format!("default_profile = \"onw\"\n{text}{broken}")).unwrap();
    let ended = configured.check(&[]);
    assert_eq!((ended.status, ended.stdout.as_str()), (2, ""));
    for words in [
        "config.toml:1: default_profile: there is no profile onw",
        "config.toml:7: this is not TOML",
        "config.toml:8: unknown key scop (profile a)",
        "config.toml:10: params: this is not a table (profile b)",
        "config.toml:11: timeout: this is not a duration (profile b)",
    ] {
        assert!(ended.stderr.contains(words), "{words:?} is not in: {}", ended.stderr);
    }
    fs::write(&configured.path, format!("default_profile = \"onw\"\n{text}")).unwrap();
    assert_eq!(run(&mut configured.token(&["--profile", "own"])).status, 0, "who names one needs no default");
    fails(&mut configured.token(&[]), 2, &["no profile onw", "did you mean own?"]);
}

#[test]
fn the_names_of_the_profiles_and_the_place_of_the_file_are_for_scripts() {
    let configured =
        Configured::new("default_profile = \"b\"\n[profile.a]\nx = 1\n[profile.b]\n[profile.c]\n");
    let config = |arguments: &[&str]| {
        let mut command = evergrant(&["config"]);
        run(command.args(arguments).env("EVERGRANT_CONFIG", &configured.path))
    };
    assert_eq!(config(&["list"]).stdout, "b\na\nc\n", "also one that is wrong");
    assert_eq!(config(&["path"]).stdout, format!("{}\n", configured.path));
    let listed: serde_json::Value = serde_json::from_str(&config(&["list", "--json"]).stdout).unwrap();
    assert_eq!((&listed["default"], &listed["profiles"]), (&"b".into(), &serde_json::json!(["b", "a", "c"])));
    let usual = run(evergrant(&["config", "path", "--json"]).env("XDG_CONFIG_HOME", "/nowhere"));
    let usual: serde_json::Value = serde_json::from_str(&usual.stdout).unwrap();
    assert_eq!(usual, serde_json::json!({ "path": "/nowhere/evergrant/config.toml", "exists": false }));
    fails(&mut evergrant(&["config", "list", "--config", "no/such"]), 2, &["no/such cannot be read"]);
}

#[test]
fn a_user_agent_is_the_flags_then_the_profiles_then_ours() {
    let server = Server::start().unwrap();
    let configured = Configured::own(&server, "user_agent = \"of-the-profile/1\"\n");
    assert_eq!(run(&mut configured.token(&["--profile", "own"])).status, 0);
    assert_eq!(run(&mut configured.token(&["--profile", "own", "--user-agent", "of-the-flag/2"])).status, 0);
    assert_eq!(run(&mut known(&server, &[])).status, 0);
    let said: Vec<_> =
        server.requests().iter().map(|request| request.header("user-agent").unwrap().to_owned()).collect();
    assert_eq!(said[..2], ["of-the-profile/1", "of-the-flag/2"]);
    assert!(said[2].starts_with("evergrant/"), "{said:?}");
    fails(&mut known(&server, &["--user-agent", "a\nb"]), 2, &["user-agent"]);
}

/// Whoever decides which file it is decides what it says.
#[cfg(unix)]
#[test]
fn a_file_that_others_could_exchange_anywhere_on_the_way_to_it_is_refused() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new();
    let open = folder.at("open");
    fs::create_dir_all(folder.at("open/own")).unwrap();
    set_mode(&folder.at("open/own"), 0o700);
    let profile = "[profile.a]\nprovider = \"myparcel\"\nclient_id = \"me\"\n";
    let config = folder.file("open/own/config.toml", 0o600, profile);
    let check = |path: &str| run(&mut evergrant(&["config", "check", "--config", path]));
    set_mode(&open, 0o777);
    let refused = check(&config);
    assert!(refused.status == 2 && refused.stderr.contains("other users can replace"), "{}", refused.stderr);
    // In a sticky folder what is mine stays mine.
    set_mode(&open, 0o1777);
    assert_eq!(check(&config).status, 0);
    set_mode(&open, 0o755);
    assert_eq!(check(&config).status, 0);
    let link = folder.at("link");
    symlink(&config, &link).unwrap();
    assert_eq!(check(&link).status, 0, "a link of my own");
    // Only root can give a link away.
    if std::os::unix::fs::lchown(&link, Some(65_534), Some(65_534)).is_ok() {
        let refused = check(&link);
        assert!(refused.status == 2 && refused.stderr.contains("the link"), "{}", refused.stderr);
    }
}

/// A file of the allowed length is read in the time that its length takes.
#[test]
fn forty_thousand_faults_are_found_as_fast_as_they_can_be_read() {
    let folder = Folder::new();
    let keys: String = (0..40_000).map(|number| format!("key{number} = 1\n")).collect();
    let config = folder.file("config.toml", 0o600, format!("[profile.a]\n{keys}"));
    let began = std::time::Instant::now();
    let ended = run(&mut evergrant(&["config", "check", "--config", &config]));
    assert_eq!(ended.status, 2);
    assert!(ended.stderr.contains("config.toml:40001: unknown key key39999"), "the last one");
    // It took minutes when each fault counted the lines before it.
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}

#[test]
fn a_name_with_a_line_break_begins_no_line_of_its_own() {
    let folder = Folder::new();
    let config = folder.file("config.toml", 0o600, "[profile.\"a\\nerror: faked\"]\nx = 1\n");
    for words in [&["config", "check"][..], &["token", "--profile", "b"], &["config", "list"]] {
        let ended = run(evergrant(words).args(["--config", &config]));
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(!said.lines().any(|line| line.starts_with("error: faked")), "{words:?}: {said}");
        assert!(said.contains("a\\u{a}error: faked"), "{words:?}: {said}");
    }
}
