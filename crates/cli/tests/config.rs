//! `evergrant config` as its users meet it: what is shown of a client, and what is said about a file that is wrong.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use evergrant_mock::Server;
use fixture::{Folder, configured, evergrant, fails, run};
use serde_json::{Value, json};
use std::process::{Command, Stdio};

const FILE: &str = "default_profile = \"erp\"\n\n[profile.erp]\ntoken_endpoint = \"https://auth.example.com/token\"\n\
    client_id = \"erp\"\nclient_secret = { command = [\"touch\", \"ran\"] }\nscope = [\"orders.read\", \"orders.write\"]\n\
    params = { tenant = \"sentinel\" }\norigins = [\"https://api.example.com\"]\ntimeout = \"5s\"\ncache = true\n";

fn show(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = evergrant(&["config", "show"]);
    command.args(arguments).env("EVERGRANT_CONFIG", folder.at("config.toml")).current_dir(folder.path());
    command
}

fn with_file() -> Folder {
    let folder = Folder::new();
    folder.file("config.toml", 0o600, FILE);
    folder
}

/// What `--json` says of this command.
fn object(command: &mut Command) -> Value {
    let ended = run(command.arg("--json"));
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn each_value_is_shown_with_its_origin() {
    let folder = with_file();
    let mut command = show(&folder, &["--scope", "orders.admin"]);
    let shown = object(command.env("EVERGRANT_AUDIENCE", "them").env("EVERGRANT_TIMEOUT", "7s"));
    let settings = &shown["settings"];
    let by_profile = |line: u32| json!({ "kind": "profile", "name": "erp", "line": line });
    for (name, value, from) in [
        ("provider", json!("rfc6749"), json!({ "kind": "default" })),
        ("token_endpoint", json!("https://auth.example.com/token"), by_profile(4)),
        ("body", json!("form"), json!({ "kind": "default" })),
        ("auth", json!("basic"), json!({ "kind": "default" })),
        ("client_id", json!("erp"), by_profile(5)),
        ("client_secret", json!("printed by touch"), by_profile(6)),
        ("scope", json!(["orders.admin"]), json!({ "kind": "flag", "name": "--scope" })),
        ("resources", json!([]), json!({ "kind": "default" })),
        ("audience", json!("them"), json!({ "kind": "variable", "name": "EVERGRANT_AUDIENCE" })),
        ("params", json!(["tenant"]), by_profile(8)),
        ("origins", json!(["https://api.example.com"]), by_profile(9)),
        ("timeout", json!("7s"), json!({ "kind": "variable", "name": "EVERGRANT_TIMEOUT" })),
        ("cache", json!("yes"), by_profile(11)),
    ] {
        assert_eq!(settings[name], json!({ "value": value, "from": from }), "{name}");
    }
    assert_eq!(shown["profile"], json!({ "value": "erp", "from": { "kind": "default_profile" } }));
    let text = run(&mut show(&folder, &["--profile", "erp", "--cache=no"]));
    assert_eq!((text.status, text.stderr.as_str()), (0, ""));
    for words in [
        "token_endpoint        https://auth.example.com/token  (profile erp, line 4)\n",
        "scope                 orders.read orders.write  (profile erp, line 7)\n",
        "cache                 no  (--cache)",
        "(--profile)\n",
    ] {
        assert!(text.stdout.contains(words), "{words:?} is not in: {}", text.stdout);
    }
}

#[test]
fn what_is_shown_is_what_is_sent() {
    let server = Server::start().unwrap();
    let mut command = configured(&server, evergrant(&["config", "show", "--scope", "a b", "--auth", "post"]));
    let shown = object(command.args(["--resource", "https://api.example/", "--user-agent", "one/1"]));
    assert_eq!(server.counts().token_requests, 0, "nothing is sent");
    let mut command = configured(&server, evergrant(&["token", "--scope", "a b", "--auth", "post"]));
    let ended = run(command.args(["--resource", "https://api.example/", "--user-agent", "one/1"]));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let value = |name: &str| shown["settings"][name]["value"].clone();
    let request = &server.requests()[0];
    let sent = |name: &str| request.parameter(name).unwrap_or_default();
    assert_eq!(json!(server.token_endpoint()), value("token_endpoint"));
    assert_eq!((json!(sent("client_id")), json!("post")), (value("client_id"), value("auth")));
    assert_eq!(json!(sent("scope").split(' ').collect::<Vec<_>>()), value("scope"));
    assert_eq!(json!([sent("resource")]), value("resources"));
    assert_eq!(json!(request.header("user-agent")), value("user_agent"));
}

#[test]
fn no_secret_is_shown_and_no_command_is_run() {
    let folder = with_file();
    let secret = folder.file("secret", 0o600, "sentinel");
    for arguments in [
        &[][..],
        &["--json"],
        &["--param", "key=sentinel"],
        &["--client-secret-file", &secret],
        &["--profile", "erp", "--client-id", "another"],
    ] {
        let ended = run(show(&folder, arguments).env("EVERGRANT_CLIENT_SECRET", "sentinel"));
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert!(!format!("{ended:?}").contains("sentinel"), "{ended:?}");
    }
    assert!(!std::path::Path::new(&folder.at("ran")).exists());
    let none = object(&mut show(&folder, &["--auth", "none"]));
    assert_eq!(none["settings"]["client_secret"]["value"], Value::Null);
    let elsewhere = run(&mut show(&folder, &["--profile", "erp", "--token-endpoint", "https://x.example/"]));
    assert!(
        elsewhere.stdout.contains("is only for the profile's own token endpoint"),
        "{}",
        elsewhere.stdout
    );
}

#[test]
fn a_default_profile_that_is_not_used_is_named_with_the_reason() {
    let folder = with_file();
    let says = |by: &str, what: &str| format!("default_profile erp is not used, since {by} names {what}");
    let server = Server::start().unwrap();
    let known = |arguments: &[&str]| {
        let mut command = configured(&server, evergrant(arguments));
        command.env("EVERGRANT_CONFIG", folder.at("config.toml"));
        command
    };
    let by_id = says("EVERGRANT_CLIENT_ID", "a client");
    assert!(run(&mut known(&["config", "show"])).stdout.contains(&by_id));
    assert_eq!(object(&mut known(&["config", "show"]))["unused"], by_id);
    assert!(run(&mut known(&["doctor"])).stdout.contains(&by_id));
    assert!(run(&mut known(&["-v", "token"])).stderr.contains(&by_id));
    assert!(!run(&mut known(&["token"])).stderr.contains(&by_id), "without -v nothing is said");
    let mut command = known(&["config", "show", "--provider", "myparcel"]);
    command.env_remove("EVERGRANT_CLIENT_ID").env_remove("EVERGRANT_TOKEN_ENDPOINT");
    let by_provider = says("--provider", "a server");
    fails(&mut command, 2, &["there is no client id", &by_provider]);
    fails(&mut show(&folder, &["--client-id", "x"]), 2, &[&says("--client-id", "a client")]);
    let mut command = known(&["config", "show", "--token-endpoint", "https://x.example/"]);
    assert!(run(&mut command).stdout.contains(&by_id), "the id comes first");
    // Nor is it said where it is used, where another is named, or where there is none.
    assert_eq!(object(&mut show(&folder, &[]))["unused"], Value::Null);
    assert_eq!(object(&mut known(&["config", "show", "--profile", "erp"]))["unused"], Value::Null);
    folder.file("config.toml", 0o600, "[profile.erp]\n");
    assert_eq!(object(&mut known(&["config", "show"]))["unused"], Value::Null);
}

#[test]
fn a_check_names_the_line_and_the_key_of_each_value_that_no_client_takes() {
    let folder = Folder::new();
    let path = folder.file(
        "config.toml",
        0o600,
        "[profile.a]\ntoken_endpoint = \"x\"\nclient_id = \"a\\nb\"\nscope = [\"good\",\n  \"b\\\\d\", \"\\\"\"]\n\
         resources = [\"relative\"]\nparams = { \"x y\" = \"1\", scope = \"2\", k = \"\\n\" }\n\
         origins = [\"https://a.example\",\n  \"https://a.example/path\"]\nuser_agent = \"\\n\"\naudience = \"\\n\"\n\
         [profile.b]\n[profile.c]\nprovider = \"myparcel\"\nclient_id = \"a:b\"\nauth = \"basic-raw\"\n\
         client_secret = { file = \"missing\" }\n[profile.d]\nscope = \"\\\\\"\nclient_id = \"d\"\n\
         token_endpoint = \"http://x/\"\nunknown = 1\n",
    );
    let ended = run(&mut evergrant(&["config", "check", "--config", &path]));
    assert_eq!((ended.status, ended.stdout.as_str()), (2, ""));
    for words in [
        ":2: token_endpoint is not an http or https URL (profile a)",
        ":3: client_id has a control character at byte 1 (profile a)",
        ":5: scope token \"b\\\\d\" has an invalid character at byte 1 (profile a)",
        ":5: scope token \"\\\"\" has an invalid character at byte 0 (profile a)",
        ":6: resources: resource is not an absolute URI without fragment (profile a)",
        ":7: x y: parameter",
        ":7: scope: parameter",
        ":7: k: ",
        ":9: origins: origin has a path or query (profile a)",
        ":10: user_agent: ",
        ":11: audience",
        ":12: no authorization server is named (profile b)",
        ":12: there is no client id (profile b)",
        ":15: client_id has a colon, which basic-raw cannot carry (profile c)",
        ":17: the file ",
        ":19: scope token",
        ":21: token_endpoint is plain http to x (profile d)",
        ":22: unknown key unknown (profile d)",
    ] {
        assert!(
            ended.stderr.contains(&format!("config.toml{words}")),
            "{words:?} is not in: {}",
            ended.stderr
        );
    }
    assert_eq!(ended.stderr.matches("error: ").count(), 18, "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("next: ").count(), 18, "{}", ended.stderr);
}

/// `config init` in this folder.
fn init(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = evergrant(&["config", "init"]);
    command.args(arguments).env("XDG_CONFIG_HOME", folder.at("a/b")).current_dir(folder.path());
    command
}

/// What the smallest client needs.
const CLIENT: [&str; 4] = ["--token-endpoint", "https://auth.example.com/token", "--client-id", "me"];

#[test]
fn a_first_file_says_what_was_said_and_passes_the_check() {
    let folder = Folder::new();
    let mut command = init(&folder, &CLIENT);
    command.args(["--profile", "erp", "--auth", "post", "--body", "json", "--scope", "a b", "--cache"]);
    command.args(["--resource", "https://r.example/", "--resource", "https://s.example/"]);
    command.args(["--audience", "them", "--param", "tenant=north", "--user-agent", "one/1"]);
    let ended = run(command.args(["--timeout", "1500ms", "--allow-origin", "https://api.example.com"]));
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    let path = folder.at("a/b/evergrant/config.toml");
    assert!(
        ended.stdout.starts_with(&format!("{path}\nnext: set EVERGRANT_CLIENT_SECRET")),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.ends_with("run: evergrant doctor --profile erp\n"), "{}", ended.stdout);
    let read = |arguments: &[&str]| {
        let ended = run(evergrant(arguments).env("EVERGRANT_CONFIG", &path));
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
        serde_json::from_str::<Value>(&ended.stdout).unwrap()
    };
    assert_eq!(read(&["config", "check", "--json"])["profiles"][0]["default"], true);
    let shown = read(&["config", "show", "--json"]);
    for (name, value) in [
        ("token_endpoint", json!("https://auth.example.com/token")),
        ("client_id", json!("me")),
        ("auth", json!("post")),
        ("body", json!("json")),
        ("scope", json!(["a", "b"])),
        ("resources", json!(["https://r.example/", "https://s.example/"])),
        ("audience", json!("them")),
        ("params", json!(["tenant"])),
        ("origins", json!(["https://api.example.com"])),
        ("user_agent", json!("one/1")),
        ("timeout", json!("1.5s")),
        ("cache", json!("yes")),
    ] {
        assert_eq!(shown["settings"][name]["value"], value, "{name}");
        assert_eq!(shown["settings"][name]["from"]["kind"], "profile", "{name}");
    }
}

#[test]
fn the_servers_of_the_mock_get_into_no_file_of_ones_own() {
    let folder = Folder::new();
    let (api, endpoint) = ("http://127.0.0.1:1", "http://127.0.0.1:1/access-token");
    let in_mock = |arguments: &[&str]| {
        let mut command = init(&folder, arguments);
        command.env("EVERGRANT_MOCK_API", api).env("EVERGRANT_ALLOW_ORIGIN", api);
        command.env("EVERGRANT_TOKEN_ENDPOINT", endpoint).env("EVERGRANT_CLIENT_ID", Server::CLIENT_ID);
        command
    };
    let refused = |arguments: &[&str], address: &str, by: &str, first: &str| {
        let happened = format!("{address}, from {by}, is an address of evergrant mock");
        let next = format!("next: {first}, or name another file with --config PATH");
        fails(&mut in_mock(arguments), 2, &[&happened, &next]);
    };
    let (by_variable, unset) =
        ("EVERGRANT_TOKEN_ENDPOINT", "unset EVERGRANT_TOKEN_ENDPOINT, leave the mock's shell");
    refused(&[], endpoint, by_variable, unset);
    let by_flag = ["--token-endpoint", endpoint];
    refused(&by_flag, endpoint, "--token-endpoint", "leave the mock's shell first");
    let unset = "unset EVERGRANT_ALLOW_ORIGIN, leave the mock's shell";
    refused(&CLIENT, api, "EVERGRANT_ALLOW_ORIGIN", unset);
    assert!(!std::path::Path::new(&folder.at("a/b/evergrant/config.toml")).exists());
    let named = [&CLIENT[..], &["--allow-origin", "https://api.example.com"]].concat();
    let note = |address: &str, by: &str| {
        format!("note: {address}, from {by}, works only while this evergrant mock runs\n")
    };
    let by_origin = [&CLIENT[..], &["--config", "two.toml"]].concat();
    let (set, run_it) = ("\nnext: set EVERGRANT_CLIENT_SECRET", "\nnext: run: evergrant doctor");
    for (arguments, says, next) in [
        (&["--config", "own.toml"][..], note(endpoint, by_variable), run_it),
        // The secret in the variable is the mock's, and for no other server.
        (&by_origin, note(api, "EVERGRANT_ALLOW_ORIGIN"), set),
        (&named, String::new(), set),
    ] {
        let ended = run(in_mock(arguments).env("EVERGRANT_CLIENT_SECRET", Server::CLIENT_SECRET));
        assert_eq!((ended.status, ended.stderr), (0, says), "{arguments:?}");
        assert!(ended.stdout.contains(next), "{arguments:?}: {}", ended.stdout);
    }
}

#[test]
fn a_secret_that_is_there_or_that_nobody_needs_is_not_asked_for() {
    let next = |arguments: &[&str], secret: &str| {
        let folder = Folder::new();
        let mut command = init(&folder, &CLIENT);
        let ended = run(command.args(arguments).env("EVERGRANT_CLIENT_SECRET", secret));
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
        ended.stdout.lines().last().unwrap().to_owned()
    };
    assert_eq!(next(&[], "sentinel"), "next: run: evergrant doctor --profile default");
    assert_eq!(next(&["--auth", "none"], ""), "next: run: evergrant doctor --profile default");
    assert!(
        next(&[], "").starts_with("next: set EVERGRANT_CLIENT_SECRET, or say in the file"),
        "an empty one"
    );
}

#[cfg(unix)]
#[test]
fn a_first_file_and_its_folders_are_the_users_alone_whatever_the_umask() {
    use std::os::unix::fs::MetadataExt;
    let folder = Folder::new();
    let mut command = Command::new("sh");
    fixture::isolate(&mut command).args(["-c", "umask 000; exec \"$@\"", "sh", fixture::EVERGRANT]);
    let ended = run(command.args(["config", "init"]).args(CLIENT).env("XDG_CONFIG_HOME", folder.at("a/b")));
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    for (path, mode) in
        [("a", 0o700), ("a/b", 0o700), ("a/b/evergrant", 0o700), ("a/b/evergrant/config.toml", 0o600)]
    {
        let metadata = std::fs::metadata(folder.at(path)).unwrap();
        assert_eq!(format!("{:o}", metadata.mode() & 0o7777), format!("{mode:o}"), "{path}");
    }
    assert_eq!(
        std::fs::read_dir(folder.at("a/b/evergrant")).unwrap().count(),
        1,
        "nothing is left beside it"
    );
}

#[test]
fn whatever_the_values_the_first_file_passes_the_check_or_is_not_written() {
    let hostile = [
        "plain",
        "a \"quoted\" \\ one",
        "'''",
        "\"\"\"",
        "two\nlines",
        "tab\tand\u{1b}[31m\u{7f}\u{1}",
        "ünïcödé \u{202e}\u{feff}x",
        "] [profile.other]",
        "# a comment",
        "a.b = {}",
        "=",
        "$(touch ran)",
    ];
    let mut written = 0;
    for text in hostile {
        for at in ["--profile", "--client-id", "--audience", "--param", "--user-agent", "--scope"] {
            let folder = Folder::new();
            let value = if at == "--param" { format!("key={text}") } else { text.to_owned() };
            let client = if at == "--client-id" { &CLIENT[..2] } else { &CLIENT[..] };
            let ended = run(init(&folder, client).args([at, &value, "--config", "config.toml"]));
            assert!(!format!("{}{}", ended.stdout, ended.stderr).contains('\u{1b}'), "{at} {text:?}");
            let path = folder.at("config.toml");
            if ended.status != 0 {
                assert!(!std::path::Path::new(&path).exists(), "{at} {text:?}");
                assert!(ended.stderr.contains("next: "), "{at} {text:?}: {}", ended.stderr);
                assert!(at != "--profile" && text != "plain", "{at} {text:?}: {}", ended.stderr);
                continue;
            }
            let checked = run(&mut evergrant(&["config", "check", "--json", "--config", &path]));
            assert_eq!((checked.status, checked.stderr.as_str()), (0, ""), "{at} {text:?}");
            let checked: Value = serde_json::from_str(&checked.stdout).unwrap();
            assert_eq!(checked["profiles"].as_array().unwrap().len(), 1, "{at} {text:?}");
            let profile = &checked["profiles"][0];
            let name = if at == "--profile" { text } else { "default" };
            let id = if at == "--client-id" { text } else { "me" };
            assert_eq!((&profile["name"], &profile["client_id"]), (&json!(name), &json!(id)));
            written += 1;
        }
    }
    assert!(written >= 50, "{written}");
    let folder = Folder::new();
    let ended = run(init(&folder, &CLIENT).args(["--profile", "it's $(touch ran)"]));
    assert!(
        ended.stdout.ends_with("evergrant doctor --profile 'it'\\''s $(touch ran)'\n"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_file_that_is_there_is_never_changed() {
    let folder = with_file();
    let path = folder.at("config.toml");
    let says = ["config.toml exists already, and was not changed", "by hand"];
    fails(init(&folder, &CLIENT).args(["--config", &path]), 2, &says);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), FILE);
    fails(init(&folder, &CLIENT).args(["--config", folder.path()]), 2, &["exists already"]);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("nowhere", folder.at("link")).unwrap();
        fails(init(&folder, &CLIENT).args(["--config", "link"]), 2, &["link exists already"]);
        assert!(!std::path::Path::new(&folder.at("nowhere")).exists());
    }
}

#[test]
fn of_many_that_write_a_first_file_at_once_one_does() {
    let folder = Folder::new();
    let spawn = |number: usize| {
        let mut command = init(&folder, &CLIENT);
        command.args(["--config", "config.toml", "--profile", &format!("number-{number}")]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..8).map(spawn).collect();
    let ended = children.into_iter().map(|child| fixture::end(child.wait_with_output().unwrap()));
    let winners: Vec<_> = ended.enumerate().filter(|(_, ended)| ended.status == 0).collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    let text = std::fs::read_to_string(folder.at("config.toml")).unwrap();
    assert!(text.contains(&format!("[profile.number-{}]", winners[0].0)), "{text}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_first_file_has_no_secret_and_nothing_that_may_be_one() {
    let folder = Folder::new();
    let mut command = init(&folder, &CLIENT);
    command.env("EVERGRANT_CLIENT_SECRET", "sentinel").env("EVERGRANT_PARAM", "key=sentinel");
    let ended = run(command.args(["--config", "one.toml"]));
    let note = "note: EVERGRANT_PARAM may hold a secret, and is not written into the file\n";
    assert_eq!((ended.status, ended.stderr.as_str()), (0, note));
    let text = std::fs::read_to_string(folder.at("one.toml")).unwrap();
    assert!(!text.contains("sentinel"), "{text}");
    for place in ["EVERGRANT_CLIENT_SECRET", "{ env = ", "{ file = ", "{ command = "] {
        assert!(text.contains(place), "{place} is not in: {text}");
    }
    folder.file("the secret", 0o600, "sentinel");
    let mut command = init(&folder, &CLIENT);
    let ended = run(command.args(["--config", "a/two.toml", "--client-secret-file", "the secret", "--json"]));
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    let said: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(said["path"], "a/two.toml");
    assert_eq!(said["next"], "run: evergrant doctor --profile default --config a/two.toml");
    let checked = run(&mut evergrant(&["config", "check", "--config", &folder.at("a/two.toml")]));
    assert!(checked.status == 0 && checked.stdout.contains("the secret"), "{checked:?}");
    fails(init(&folder, &CLIENT).args(["--client-secret-file", "-"]), 2, &["on stdin", "name a file"]);
}

#[test]
fn a_first_file_that_no_command_could_use_is_not_written() {
    let folder = Folder::new();
    for (arguments, says) in [
        (&["--client-id", "me"][..], "no authorization server"),
        (&["--provider", "myparcel"], "no client id"),
        (
            &["--provider", "myparcel", "--client-id", "me", "--allow-origin", "https://a/b"],
            "origin has a path",
        ),
        (&["--token-endpoint", "http://a.example/", "--client-id", "me"], "plain http"),
        (&["--provider", "myparcel", "--client-id", "me", "--profile", ""], "is empty"),
    ] {
        fails(&mut init(&folder, arguments), 2, &[says]);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no folder either");
    #[cfg(unix)]
    {
        std::fs::create_dir(folder.at("open")).unwrap();
        fixture::set_mode(&folder.at("open"), 0o777);
        let mut command = init(&folder, &CLIENT);
        fails(command.args(["--config", "open/config.toml"]), 2, &["can replace the configuration file"]);
        assert_eq!(std::fs::read_dir(folder.at("open")).unwrap().count(), 0);
    }
}

#[test]
fn a_first_file_without_a_server_or_a_client_says_which_arguments_it_needs() {
    let folder = Folder::new();
    let server = "no authorization server is named\n  at fault: the configuration\n  next: name one with --provider NAME, \
                  --token-endpoint URL or --issuer URL";
    let example = "such as: evergrant config init --provider myparcel-sandbox --client-id my-client-id";
    let both = format!("{server}, and the client with --client-id ID, {example}\n");
    for (arguments, says) in [
        (&[][..], both.as_str()),
        (&["--profile", "erp"], &both),
        (&["--client-id", "me"], &format!("{server}, {example}\n")),
        (
            &["--provider", "rfc6749"],
            "name it with --token-endpoint URL, or its server with --issuer URL, and the client with --client-id ID\n",
        ),
        (
            &["--provider", "rfc6749", "--client-id", "me"],
            "name it with --token-endpoint URL, or its server with --issuer URL\n",
        ),
        (&["--profile", "erp", "--provider", "myparcel"], "next: name it with --client-id ID\n"),
    ] {
        fails(&mut init(&folder, arguments), 2, &[says]);
    }
}

#[test]
fn origins_of_a_flag_or_a_variable_are_shown_as_they_are_used() {
    let (server, folder) = (Server::start().unwrap(), Folder::new());
    let shown = object(&mut configured(&server, evergrant(&["config", "show"])));
    let by = json!({ "kind": "variable", "name": "EVERGRANT_ALLOW_ORIGIN" });
    assert_eq!(shown["settings"]["allow_origin"], json!({ "value": [server.origin()], "from": by }));
    // A variable of another client does not widen where the tokens of a profile may go that a flag names.
    let text =
        format!("[profile.own]\ntoken_endpoint = \"{}\"\nclient_id = \"me\"\n", server.token_endpoint());
    let config = folder.file("config.toml", 0o600, text);
    let named = ["--profile", "own", "--config", &config];
    let shown = object(configured(&server, evergrant(&["config", "show"])).args(named));
    assert_eq!(shown["settings"]["allow_origin"]["value"], json!([]));
    let mut call = configured(&server, evergrant(&["request", &server.resource("/things")]));
    fails(call.args(named), 2, &["the token may not be sent to"]);
    assert_eq!(server.counts().token_requests, 0);
}

#[test]
fn a_first_file_is_made_of_the_variables_too_and_says_what_it_leaves_out() {
    let (server, folder) = (Server::start().unwrap(), Folder::new());
    let config = folder.at("config.toml");
    let mut command =
        configured(&server, evergrant(&["config", "init", "--config", &config, "--profile", "job"]));
    let ended = run(command.env("EVERGRANT_PARAM", "tenant=hunter22"));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(ended.stderr, "note: EVERGRANT_PARAM may hold a secret, and is not written into the file\n");
    let text = std::fs::read_to_string(&config).unwrap();
    for line in ["[profile.job]", &format!("origins = [\"{}\"]", server.origin())] {
        assert!(text.lines().any(|said| said == line), "{line} is not in: {text}");
    }
    assert!(!text.contains("hunter22"), "{text}");
}

#[test]
fn what_is_said_next_can_be_done() {
    let folder = Folder::new();
    let config = folder.file(
        "config.toml",
        0o600,
        "[profile.a]\ntoken_endpiont = \"https://a/\"\n[profile.b]\nprovider = \"myparcel\"\n\
         [profile.c]\ntoken_endpoint = \"http://c.example/\"\nclient_id = \"me\"\n",
    );
    let ended = run(&mut evergrant(&["config", "check", "--config", &config]));
    let says = [
        "unknown key token_endpiont",
        "there is no client id (profile a)",
        "there is no client id (profile b)\n  at fault: the configuration\n  next: write client_id = \"ID\" into it",
        "dangerous_plain_http = true in the profile",
    ];
    for words in says {
        assert!(ended.stderr.contains(words), "{words:?} is not in: {}", ended.stderr);
    }
    assert!(
        !ended.stderr.contains("no authorization server"),
        "the misspelt key has said it: {}",
        ended.stderr
    );
    let mut named = evergrant(&["token", "--config", &config, "--profile", "b"]);
    fails(named.env("EVERGRANT_CLIENT_ID", "me"), 2, &["write client_id into the profile"]);
    // Whoever names a file expects it to be there, whether it is needed or not.
    let absent = ["token", "--config", "/nowhere/config.toml", "--provider", "myparcel", "--client-id", "me"];
    fails(&mut evergrant(&absent), 2, &["/nowhere/config.toml", "evergrant config init"]);
    let two =
        folder.file("two.toml", 0o600, "[profile.a]\nclient_id = \"me\"\n[profile.b]\nclient_id = \"me\"\n");
    fails(&mut evergrant(&["token", "--config", &two]), 2, &["name a profile with --profile (a, b)"]);
    // An error that has nothing to do with the default profile does not speak of it.
    let config =
        folder.file("default.toml", 0o600, "default_profile = \"a\"\n[profile.a]\nprovider = \"myparcel\"\n");
    let mut wrong = evergrant(&["token", "--config", &config, "--provider", "myparcel", "--client-id", "me"]);
    let ended = run(wrong.env("EVERGRANT_PARAM", "hunter22"));
    assert!(ended.stderr.contains("a parameter of EVERGRANT_PARAM has no =\n"), "{}", ended.stderr);
}

#[test]
fn what_has_a_line_break_in_a_file_begins_no_line_of_what_is_told() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let forged = "x\nverdict: it works";
    let profile = format!(
        "[profile.\"x\\nverdict: it works\"]\ntoken_endpoint = \"{}\"\nclient_id = \"{}\"\n",
        server.token_endpoint(),
        Server::CLIENT_ID
    );
    let good = folder.file("config.toml", 0o600, &profile);
    let bad = folder.file("bad.toml", 0o600, format!("{profile}timeout = \"x\\nverdict: it works\"\n"));
    for (file, arguments) in [
        (&good, &["config", "check"][..]),
        (&good, &["config", "show", "--profile", forged]),
        (&good, &["config", "list"]),
        (&good, &["token", "--profile", forged, "--cache"]),
        (&good, &["cache", "list"]),
        (&good, &["doctor", "--profile", forged]),
        (&good, &["token", "--provider", forged]),
        (&bad, &["config", "check"]),
        (&bad, &["token", "--profile", forged]),
    ] {
        let mut command = evergrant(arguments);
        command.env("EVERGRANT_CONFIG", file).env("XDG_CACHE_HOME", folder.path());
        let ended = run(command.env("EVERGRANT_CLIENT_SECRET", Server::CLIENT_SECRET));
        let said = format!("{}{}", ended.stdout, ended.stderr);
        let count = said.lines().filter(|line| line.starts_with("verdict: it works")).count();
        // A doctor has one of its own.
        assert_eq!(count, usize::from(arguments[0] == "doctor"), "{arguments:?}: {said}");
    }
}
