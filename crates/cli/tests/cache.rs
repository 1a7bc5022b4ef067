//! The disk cache as its users meet it: one token request for many invocations, and a token whatever is wrong with it.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]
// Elsewhere there is none.
#![cfg(unix)]

mod fixture;

use evergrant_mock::{Endpoint, Fault, Server, Times};
use fixture::{Ended, Folder, end, isolate, known, run, set_mode, token};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// No test fails because a machine is slow.
const LONG: Duration = Duration::from_secs(120);

/// A server, and a cache for its client.
struct Cached {
    server: Server,
    caches: Folder,
}

impl Cached {
    fn new() -> Self {
        Self { server: Server::start().unwrap(), caches: Folder::new() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = known(&self.server, arguments);
        command.env("XDG_CACHE_HOME", self.caches.path()).args(["--timeout", "100s"]);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        run(&mut self.command(arguments))
    }

    /// A run that brings a token of the server and says nothing.
    #[track_caller]
    fn quiet(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
        self.issued(&ended)
    }

    /// A run that brings a token of the server and says this in a note.
    #[track_caller]
    fn noted(&self, arguments: &[&str], says: &str) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert!(ended.stderr.starts_with("note: the cache cannot be used: "), "{}", ended.stderr);
        assert!(ended.stderr.contains(says), "{says:?} is not in: {}", ended.stderr);
        self.issued(&ended)
    }

    #[track_caller]
    fn issued(&self, ended: &Ended) -> String {
        let token = ended.stdout.trim_end().to_owned();
        assert!(self.server.issued().contains(&token), "a token of somebody else");
        token
    }

    fn requests(&self) -> u64 {
        self.server.counts().token_requests
    }

    fn folder(&self) -> PathBuf {
        Path::new(self.caches.path()).join("evergrant")
    }

    /// The files with this ending.
    fn files(&self, ending: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder()).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|of| of == ending)).collect()
    }

    fn file(&self) -> PathBuf {
        self.files("entry").pop().unwrap()
    }

    /// So many invocations at once, each of which has found its way to the cache before the server answers the first.
    fn at_once(&self, count: u32, arguments: &[&str], change: impl Fn(&mut Command)) -> Vec<Ended> {
        let gate = self.server.hold(Endpoint::Token);
        let asked = self.requests();
        let spawn = |_| {
            let mut command = self.command(arguments);
            change(&mut command);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let children: Vec<_> = (0..count).map(spawn).collect();
        assert!(self.server.wait_for_token_requests(asked + 1, LONG));
        drop(gate);
        children.into_iter().map(|child| end(child.wait_with_output().unwrap())).collect()
    }
}

#[test]
fn a_token_survives_from_one_invocation_to_the_next() {
    let cached = Cached::new();
    let first = cached.quiet(&["--cache"]);
    assert_eq!(cached.quiet(&["--cache"]), first);
    assert_eq!(cached.quiet(&["--cache", "--wait", "5s"]), first);
    let json: serde_json::Value =
        serde_json::from_str(&cached.run(&["--cache", "--format", "json"]).stdout).unwrap();
    assert_eq!(json["access_token"], first);
    let left = json["expires_in"].as_u64().unwrap();
    assert!((1..86_400).contains(&left), "what is left of it: {left}");
    assert_eq!(cached.requests(), 1);
}

#[test]
fn without_the_flag_nothing_is_kept_and_nothing_kept_is_used() {
    let cached = Cached::new();
    cached.quiet(&[]);
    assert!(!cached.folder().exists());
    let kept = cached.quiet(&["--cache"]);
    assert_ne!(cached.quiet(&[]), kept);
    assert_ne!(cached.quiet(&["--cache=no"]), kept);
    assert_eq!(cached.requests(), 4);
}

#[test]
fn a_variable_and_a_profile_switch_it_on_and_the_flag_off() {
    let cached = Cached::new();
    let configuration = cached.caches.file(
        "config.toml",
        0o600,
        format!(
            "default_profile = \"own\"\n[profile.own]\ntoken_endpoint = \"{}\"\nclient_id = \"{}\"\ncache = true\n",
            cached.server.token_endpoint(),
            Server::CLIENT_ID
        ),
    );
    let profile = |arguments: &[&str]| {
        let mut command = token(arguments);
        command.env("XDG_CACHE_HOME", cached.caches.path()).env("EVERGRANT_CONFIG", &configuration);
        cached.issued(&run(command.env("EVERGRANT_CLIENT_SECRET", Server::CLIENT_SECRET)))
    };
    let first = profile(&[]);
    assert_eq!(profile(&[]), first);
    assert_eq!(cached.issued(&run(cached.command(&[]).env("EVERGRANT_CACHE", "true"))), first);
    assert_eq!(cached.requests(), 1);
    assert_ne!(profile(&["--cache=no"]), first);
}

#[test]
fn a_refresh_asks_and_keeps_the_new_token() {
    let cached = Cached::new();
    let first = cached.quiet(&["--cache"]);
    let second = cached.quiet(&["--cache=refresh"]);
    assert_ne!(first, second);
    assert_eq!(cached.quiet(&["--cache"]), second);
    assert_eq!(cached.requests(), 2);
}

/// Each has begun before the first of them has its token, whether that takes the place of another one or of none.
#[test]
fn twenty_refreshes_at_once_make_one_token_request() {
    let cached = Cached::new();
    let found = ["the cache has no token now", "the token that the cache has now is thrown away"];
    for round in 0..2 {
        let gate = cached.server.hold(Endpoint::Token);
        let refresh = |_| {
            let mut command = cached.command(&["--cache=refresh", "-v"]);
            let mut child =
                command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let said = BufReader::new(child.stderr.take().unwrap());
            (child, said)
        };
        let mut children: Vec<_> = (0..20).map(refresh).collect();
        for (_, said) in &mut children {
            let mut told = said.lines().map_while(Result::ok);
            assert!(told.any(|line| found.iter().any(|says| line.contains(says))), "it has not begun");
        }
        drop(gate);
        for (child, mut said) in children {
            said.read_to_end(&mut Vec::new()).unwrap();
            let ended = end(child.wait_with_output().unwrap());
            assert_eq!((ended.status, ended.stdout.trim_end()), (0, cached.server.issued()[round].as_str()));
        }
        assert_eq!(cached.requests(), round as u64 + 1);
    }
    // Whoever begins now wants another one.
    let last = cached.quiet(&["--cache=refresh"]);
    assert_eq!((cached.server.issued()[2].as_str(), cached.requests()), (last.as_str(), 3));
}

#[test]
fn a_kept_token_that_is_refused_a_moment_after_it_came_stays_and_people_are_told_so() {
    let cached = Cached::new();
    let call = |arguments: &[&str]| {
        let url = cached.server.resource("/orders");
        let mut command = fixture::configured(&cached.server, fixture::evergrant(&["request", &url]));
        run(command.env("XDG_CACHE_HOME", cached.caches.path()).args(arguments))
    };
    // On a machine that is so slow that the token is not new any more, once more.
    let ended = loop {
        let begun = Instant::now();
        cached.quiet(&["--cache=refresh"]);
        cached.server.revoke_all();
        let asked = cached.requests();
        let ended = call(&["--cache", "-v"]);
        if begun.elapsed() < Duration::from_secs(10) {
            assert_eq!(cached.requests(), asked);
            break ended;
        }
    };
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    for words in [
        "the refused token is set aside, and another one is asked for",
        "a token from the store that processes share is in use",
        "next: the kept token came a moment ago, and one so new is not replaced: try again in ",
        " s, or now with --cache=refresh; if a new one is refused too, check that this API accepts",
    ] {
        assert!(ended.stderr.contains(words), "{words:?} is not in: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("exp claim"), "{}", ended.stderr);
    // What it says helps.
    let asked = cached.requests();
    let ended = call(&["--cache=refresh"]);
    assert_eq!((ended.status, cached.requests()), (0, asked + 1), "{}", ended.stderr);
    // An API that refuses a token that was requested for this call refuses each.
    let _refuses = cached.server.fault(Endpoint::Resource, Fault::status(401), Times::UntilCleared);
    let ended = call(&["--cache=refresh"]);
    assert_eq!(ended.status, 3);
    assert!(ended.stderr.contains("next: check that this API accepts tokens"), "{}", ended.stderr);
}

#[test]
fn twenty_invocations_at_once_make_one_token_request() {
    let cached = Cached::new();
    for ended in cached.at_once(20, &["--cache"], |_| ()) {
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
        assert_eq!(ended.stdout.trim_end(), cached.server.issued()[0]);
    }
    assert_eq!(cached.requests(), 1);
    cached.assert_that_entries_alone_are_left();
}

#[test]
fn two_hundred_invocations_at_once_make_one_token_request() {
    let cached = Cached::new();
    for ended in cached.at_once(200, &["--cache"], |_| ()) {
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
        assert_eq!(ended.stdout.trim_end(), cached.server.issued()[0]);
    }
    assert_eq!(cached.requests(), 1);
    cached.assert_that_entries_alone_are_left();
}

/// One at a time, so that each comes after the failure.
#[test]
fn ten_jobs_at_a_server_that_fails_make_one_token_request() {
    let cached = Cached::new();
    let down = cached.server.fault(Endpoint::Token, Fault::status(503), Times::UntilCleared);
    let first = cached.run(&["--cache"]);
    assert_eq!(first.status, 4);
    assert!(!first.stderr.contains("another invocation"), "{}", first.stderr);
    // However slow this machine is.
    edit_rest(&cached.file(), 3_600_000);
    for _ in 1..10 {
        let ended = cached.run(&["--cache"]);
        assert_eq!((ended.status, ended.stdout.as_str()), (4, ""));
        assert!(ended.stderr.contains("503") && ended.stderr.contains(TOLD), "{}", ended.stderr);
    }
    assert_eq!(cached.requests(), 1);
    // Once the server works again, nobody must wait.
    assert_eq!(cached.object(&["clear"])["without_token"], 1);
    down.clear();
    cached.quiet(&["--cache"]);
}

#[test]
fn a_retry_after_holds_for_all_and_each_says_how_long() {
    let cached = Cached::new();
    let asks_to_wait = Fault::status_with_retry_after(429, "3600");
    let _busy = cached.server.fault(Endpoint::Token, asks_to_wait, Times::UntilCleared);
    let ended = cached.at_once(10, &["--cache", "--json"], |_| ());
    assert_eq!(cached.requests(), 1);
    let mut told = 0;
    for ended in ended {
        assert_eq!(ended.status, 4, "{}", ended.stderr);
        let error: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
        let next = error["next"].as_str().unwrap();
        let wait = error["retry_after_ms"].as_u64().unwrap();
        if next.contains(TOLD) {
            told += 1;
            // A store is believed for five minutes at a time.
            assert!((1..3_000_000).contains(&wait), "{error}");
            assert!(next.contains("one may be sent in "), "{next}");
        } else {
            assert!(wait > 3_000_000 && next.contains("the server asks to wait 3600 s"), "{error}");
        }
    }
    assert_eq!(told, 9);
}

#[test]
fn other_clients_have_other_tokens() {
    let cached = Cached::new();
    let mut tokens = vec![cached.quiet(&["--cache"])];
    for arguments in [
        ["--scope", "a"],
        ["--audience", "a"],
        ["--resource", "https://a/"],
        ["--param", "a=a"],
        ["--param", "a=b"],
        ["--auth", "post"],
        ["--token-header", "X-Api-Key: a"],
        ["--token-header", "X-Api-Key: b"],
    ] {
        tokens.push(cached.quiet(&[&["--cache"][..], &arguments].concat()));
    }
    tokens.sort();
    tokens.dedup();
    assert_eq!((tokens.len(), cached.requests()), (9, 9));
    // With a wrong secret nothing that was kept with the right one is had.
    let ended = run(cached.command(&["--cache"]).env("EVERGRANT_CLIENT_SECRET", "another"));
    assert_eq!((ended.status, ended.stdout.as_str()), (3, ""));
}

#[test]
fn the_same_client_written_in_another_order_or_with_a_user_agent_has_the_same_token() {
    let cached = Cached::new();
    let written =
        [["--resource", "https://a/"], ["--resource", "https://b/"], ["--param", "a=a"], ["--param", "b=b"]];
    let mut arguments = vec!["--cache", "--scope", "a b"];
    arguments.extend(written.as_flattened());
    let first = cached.quiet(&arguments);
    let mut arguments = vec!["--cache", "--user-agent", "orders/1.2", "--scope", "b a"];
    arguments.extend(written.iter().rev().flatten());
    assert_eq!(cached.quiet(&arguments), first);
    assert_eq!(cached.requests(), 1);
}

// Conforms: A-10
#[test]
fn whoever_is_killed_at_any_moment_leaves_the_old_token_or_the_new_one() {
    let cached = Cached::new();
    cached.quiet(&["--cache"]);
    for round in 0..50_u64 {
        // Its time has come: whoever finds it asks for the next one.
        edit_token(&cached.file(), DUE, |_| 1_000_000_000_000);
        let mut command = cached.command(&["--cache"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(round * 800));
        child.kill().unwrap();
        child.wait().unwrap();
        edit_token(&cached.file(), DUE, |_| 9_999_999_999_999);
        // The server may count what was sent before the kill long after it; what is asked now is told by -v.
        let ended = cached.run(&["--cache", "-v"]);
        cached.issued(&ended);
        assert!(
            ended.stderr.contains("a token from the store that processes share is in use"),
            "{}",
            ended.stderr
        );
        assert!(!ended.stderr.contains("requesting a token"), "{}", ended.stderr);
    }
}

// Conforms: A-10
#[test]
fn whoever_is_killed_while_it_throws_a_token_away_leaves_one_or_none_and_never_a_damaged_one() {
    let cached = Cached::new();
    cached.quiet(&["--cache"]);
    for round in 0..50_u64 {
        let mut command = cached.command(&["--cache=refresh"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(round * 800));
        child.kill().unwrap();
        child.wait().unwrap();
        // Nor does anybody wait for whoever is no more.
        cached.quiet(&["--cache"]);
    }
}

// Conforms: A-12
#[test]
fn whoever_asks_and_is_killed_holds_up_nobody() {
    let cached = Cached::new();
    let _once = cached.server.fault(Endpoint::Token, Fault::Hang, Times::Once);
    let mut command = cached.command(&["--cache"]);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    assert!(cached.server.wait_for_token_requests(1, LONG));
    assert_eq!((cached.files("lock").len(), cached.files("claim").len()), (0, 1));
    child.kill().unwrap();
    child.wait().unwrap();
    // Long before its time is over, which is 101 s.
    let begun = Instant::now();
    cached.quiet(&["--cache"]);
    assert!(begun.elapsed() < Duration::from_secs(100));
    assert_eq!(cached.requests(), 2);
    cached.assert_that_entries_alone_are_left();
}

#[test]
fn those_who_are_refused_at_once_make_one_token_request_and_all_end_so() {
    let cached = Cached::new();
    let wrong = |command: &mut Command| {
        command.env("EVERGRANT_CLIENT_SECRET", "wrong");
    };
    // The last of them may come long after the first was refused, on a slow machine.
    let refused = || {
        let mut command = cached.command(&["--cache"]);
        wrong(&mut command);
        run(&mut command)
    };
    assert_eq!(refused().status, 3);
    edit_rest(&cached.file(), 3_600_000);
    for _ in 0..3 {
        let ended = refused();
        assert_eq!(ended.status, 3);
        assert!(ended.stderr.contains("invalid_client") && ended.stderr.contains(TOLD), "{}", ended.stderr);
    }
    let counts = cached.server.counts();
    assert_eq!((counts.token_refused, counts.token_in_flight_max), (1, 1));
    // A right secret has nothing to do with it.
    cached.quiet(&["--cache"]);
    assert_eq!(cached.object(&["clear"])["removed"], 1);
    for ended in cached.at_once(8, &["--cache"], wrong) {
        assert_eq!(ended.status, 3, "{}", ended.stderr);
    }
    assert_eq!(cached.server.counts().token_in_flight_max, 1);
}

// Conforms: A-12
#[test]
fn nobody_waits_for_another_invocation_for_longer_than_was_said() {
    let cached = Cached::new();
    let _once = cached.server.fault(Endpoint::Token, Fault::Hang, Times::Once);
    let mut command = cached.command(&["--cache"]);
    let mut holder = command.stdout(Stdio::null()).spawn().unwrap();
    assert!(cached.server.wait_for_token_requests(1, LONG));
    let ended = cached.run(&["--cache", "--wait", "300ms"]);
    assert_eq!((ended.status, ended.stdout.as_str()), (4, ""), "{}", ended.stderr);
    assert_eq!(cached.requests(), 1, "somebody asks already");
    holder.kill().unwrap();
    holder.wait().unwrap();
}

// Conforms: A-12
#[test]
fn an_invocation_that_was_stopped_is_followed_once_its_time_is_over() {
    let cached = Cached::new();
    let _once = cached.server.fault(Endpoint::Token, Fault::Hang, Times::Once);
    let mut command = known(&cached.server, &["--cache", "--timeout", "1s"]);
    command.env("XDG_CACHE_HOME", cached.caches.path());
    let mut holder = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let signal = |name: &str| {
        let id = holder.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    };
    assert!(cached.server.wait_for_token_requests(1, LONG));
    signal("-STOP");
    let token = cached.quiet(&["--cache"]);
    signal("-CONT");
    holder.wait().unwrap();
    // What it came to is too late, and changes nothing.
    assert_eq!(cached.quiet(&["--cache"]), token);
}

#[test]
fn a_token_whose_time_has_come_is_replaced_and_used_where_that_fails() {
    let cached = Cached::new();
    let first = cached.quiet(&["--cache"]);
    let due = || edit_token(&cached.file(), DUE, |_| 1_000_000_000_000);
    due();
    let down = cached.server.fault(Endpoint::Token, Fault::status(503), Times::UntilCleared);
    assert_eq!(cached.quiet(&["--cache"]), first, "no failure is anybody's concern");
    assert_eq!(cached.requests(), 2);
    // Nobody asks for a while, and nobody waits.
    edit_rest(&cached.file(), 3_600_000);
    assert_eq!(cached.quiet(&["--cache"]), first);
    assert_eq!(cached.requests(), 2);
    down.clear();
    edit_rest(&cached.file(), -1);
    let second = cached.quiet(&["--cache"]);
    assert_ne!(second, first);
    assert_eq!((cached.quiet(&["--cache", "--wait", "5s"]), cached.requests()), (second, 3));
    // While somebody asks for the next one, nobody waits for that.
    due();
    let _once = cached.server.fault(Endpoint::Token, Fault::Hang, Times::Once);
    let mut command = cached.command(&["--cache"]);
    let mut holder = command.stdout(Stdio::null()).spawn().unwrap();
    assert!(cached.server.wait_for_token_requests(4, LONG));
    cached.quiet(&["--cache"]);
    assert_eq!(cached.requests(), 4);
    holder.kill().unwrap();
    holder.wait().unwrap();
}

// Conforms
#[test]
fn whatever_is_in_the_place_of_a_token_is_a_miss_and_mended() {
    let cached = Cached::new();
    cached.quiet(&["--cache"]);
    let path = cached.file();
    let whole = fs::read(&path).unwrap();
    let put = |content: &[u8], mode: u32| {
        let _old = fs::remove_file(&path);
        fs::write(&path, content).unwrap();
        set_mode(path.to_str().unwrap(), mode);
    };
    let target = cached.caches.file("target", 0o600, &whole);
    // Of the sealed token, of the last line, and of a number that is sealed.
    let sealed = String::from_utf8(whole.clone())
        .unwrap()
        .replace("ZXZlcmdyYW50LXN0b3Jl", "ZXZlcmdyYW50LXN0b3Jm")
        .into_bytes();
    assert_ne!(sealed, whole);
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let wrongs: [(&dyn Fn(), &str); 9] = [
        (&|| put(&sealed, 0o600), "belongs to another client, or is damaged"),
        (
            &|| {
                put(&whole, 0o600);
                edit_token(&path, LIFE, |life| life + 1);
            },
            "belongs to another client, or is damaged",
        ),
        (&|| put(&flipped, 0o600), "was not written by evergrant, or is damaged"),
        (&|| put(&whole[..whole.len() / 2], 0o600), "was not written by evergrant, or is damaged"),
        (&|| put(b"", 0o600), "was not written by evergrant, or is damaged"),
        (&|| put(&whole, 0o644), "is open to other users (mode 644)"),
        (&|| put(&whole, 0o620), "is open to other users (mode 620)"),
        (
            &|| {
                fs::remove_file(&path).unwrap();
                symlink(&target, &path).unwrap();
            },
            "is a symbolic link",
        ),
        (
            &|| {
                fs::remove_file(&path).unwrap();
                assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
            },
            "is not a regular file",
        ),
    ];
    for (place, says) in wrongs {
        place();
        let asked = cached.requests();
        let token = cached.noted(&["--cache"], says);
        assert_eq!(cached.quiet(&["--cache"]), token, "it is mended: {says}");
        assert_eq!(cached.requests(), asked + 1);
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert!(metadata.is_file() && metadata.permissions().mode() & 0o777 == 0o600);
    }
    assert_eq!(fs::read(&target).unwrap(), whole, "no link was followed");
}

// Conforms: A-11
#[test]
fn what_another_version_has_kept_is_replaced_and_nothing_is_said() {
    let cached = Cached::new();
    cached.quiet(&["--cache"]);
    let path = cached.file();
    let whole = fs::read(&path).unwrap();
    let whole = String::from_utf8(whole).unwrap();
    let of_version =
        |version: &str| whole.replace("evergrant-entry 1\n", &format!("evergrant-entry {version}\n"));
    // The next one, one that keeps more, one that was cut behind its version, and one of the far future.
    let long = format!("{}{}\n", of_version("3"), "7".repeat(1 << 16));
    for other in [of_version("2"), long, "evergrant-entry 4\n".into(), of_version("255")] {
        fs::write(&path, &other).unwrap();
        let asked = cached.requests();
        let token = cached.quiet(&["--cache"]);
        assert_eq!(cached.requests(), asked + 1);
        assert!(fs::read_to_string(&path).unwrap().starts_with("evergrant-entry 1\n"), "it is replaced");
        assert_eq!(cached.quiet(&["--cache"]), token);
        assert_eq!(cached.requests(), asked + 1);
    }
    // A token request that fails is all that is told then.
    fs::write(&path, of_version("3")).unwrap();
    let _down = cached.server.fault(Endpoint::Token, Fault::status(503), Times::UntilCleared);
    let ended = cached.run(&["--cache"]);
    assert!(ended.status != 0 && !ended.stderr.contains("cache"), "{}", ended.stderr);
    // What there is now is in the list, and cleared.
    let listed = &cached.object(&["list"])["tokens"][0];
    assert_eq!((&listed["current"], &listed["expires_at"]), (&true.into(), &serde_json::Value::Null));
    assert_eq!(cached.object(&["clear"])["without_token"], 1);
    assert!(!path.exists());
}

#[test]
fn what_earlier_releases_kept_is_not_read_and_goes() {
    let cached = Cached::new();
    cached.quiet(&["--cache"]);
    let earlier = cached.file().with_extension("token");
    fs::write(&earlier, "evergrant-cache").unwrap();
    set_mode(earlier.to_str().unwrap(), 0o600);
    // One invocation an hour looks after it.
    let ago = |seconds| SystemTime::now() - Duration::from_secs(seconds);
    fs::File::open(&earlier).unwrap().set_modified(ago(120)).unwrap();
    cached.quiet(&["--cache=refresh"]);
    assert!(earlier.exists());
    fs::File::open(cached.folder().join("swept")).unwrap().set_modified(ago(3600)).unwrap();
    cached.quiet(&["--cache=refresh"]);
    assert!(!earlier.exists());
}

#[test]
fn another_clients_file_gives_no_foreign_token() {
    let cached = Cached::new();
    let ours = cached.quiet(&["--cache"]);
    let path = cached.file();
    let theirs = cached.quiet(&["--cache", "--scope", "other"]);
    let other = cached.files("entry").into_iter().find(|file| *file != path).unwrap();
    fs::copy(other, &path).unwrap();
    let token = cached.noted(&["--cache"], "belongs to another client");
    assert!(token != theirs && token != ours);
}

// Conforms: A-10
#[test]
fn a_folder_that_cannot_be_used_is_told_and_done_without() {
    let cached = Cached::new();
    let folder = cached.folder();
    fs::create_dir(&folder).unwrap();
    set_mode(folder.to_str().unwrap(), 0o755);
    cached.noted(&["--cache"], "is open to other users (mode 755); chmod 700 it");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    fs::remove_dir(&folder).unwrap();
    let elsewhere = Folder::new();
    symlink(elsewhere.path(), &folder).unwrap();
    cached.noted(&["--cache"], "is not a folder, or is a symbolic link");
    fs::remove_file(&folder).unwrap();
    fs::write(&folder, "").unwrap();
    cached.noted(&["--cache"], "is not a folder, or is a symbolic link");
    let unknown = run(cached.command(&["--cache"]).env_remove("XDG_CACHE_HOME").env_remove("HOME"));
    assert!(unknown.status == 0 && unknown.stderr.contains("HOME is not set"), "{}", unknown.stderr);
    if Path::new("/proc/self").exists() {
        // Nobody can make a folder there, not even root.
        let read_only = run(cached.command(&["--cache"]).env("XDG_CACHE_HOME", "/proc"));
        assert!(read_only.status == 0 && read_only.stderr.contains("cannot be made"), "{}", read_only.stderr);
    }
}

#[test]
fn a_folder_that_cannot_be_written_to_still_gives_what_is_in_it() {
    let cached = Cached::new();
    let kept = cached.quiet(&["--cache"]);
    set_mode(cached.folder().to_str().unwrap(), 0o500);
    assert_eq!(cached.quiet(&["--cache"]), kept);
    // Root may write everywhere.
    if fs::metadata(cached.folder()).unwrap().uid() != 0 {
        cached.noted(&["--cache=refresh"], "cannot be locked");
    }
    set_mode(cached.folder().to_str().unwrap(), 0o700);
}

#[test]
fn a_full_disk_is_told_and_what_was_thrown_away_is_not_used_again() {
    let cached = Cached::new();
    let kept = cached.quiet(&["--cache"]);
    // No file may grow: what a full disk is to whoever writes.
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$@\"";
    let mut command = Command::new("sh");
    isolate(&mut command).args(["-c", script, "sh", fixture::EVERGRANT, "token", "--cache=refresh"]);
    for (name, value) in cached.command(&[]).get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    let ended = run(&mut command);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("cannot be written"), "{}", ended.stderr);
    assert_ne!(cached.issued(&ended), kept);
    cached.assert_that_entries_alone_are_left();
    assert_ne!(cached.quiet(&["--cache"]), kept);
    cached.assert_that_entries_alone_are_left();
}

// Conforms: A-10
#[test]
fn what_is_written_is_the_users_alone_and_holds_no_secret() {
    // Whatever else its user is given or refused by default.
    for umask in ["000", "777"] {
        is_the_users_alone(umask);
    }
}

fn is_the_users_alone(umask: &str) {
    let cached = Cached::new();
    let script = format!("umask {umask}; exec \"$@\"");
    let mut command = Command::new("sh");
    isolate(&mut command).args(["-c", &script, "sh", fixture::EVERGRANT, "token", "--cache"]);
    for (name, value) in cached.command(&[]).get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    // In the middle of it, what says that it asks is there too.
    let gate = cached.server.hold(Endpoint::Token);
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    assert!(cached.server.wait_for_token_requests(1, LONG));
    let looked = |ending: &str| {
        for file in cached.files(ending) {
            let content = fs::read(&file).unwrap();
            assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o600, "{ending}");
            let holds = |secret: &str| content.windows(secret.len()).any(|bytes| bytes == secret.as_bytes());
            assert!(!holds(Server::CLIENT_SECRET) && !holds(Server::CLIENT_ID), "{ending}");
            assert!(!cached.server.issued().iter().any(|token| holds(token)), "{ending}");
        }
    };
    assert_eq!(fs::metadata(cached.folder()).unwrap().mode() & 0o7777, 0o700);
    assert_eq!((cached.files("claim").len(), cached.files("entry").len()), (1, 1));
    looked("claim");
    looked("entry");
    #[cfg(target_os = "linux")]
    {
        let line = fs::read_to_string(format!("/proc/{}/cmdline", child.id())).unwrap();
        assert!(line.contains("--cache") && !line.contains(Server::CLIENT_SECRET), "{line}");
    }
    drop(gate);
    assert!(child.wait_with_output().unwrap().status.success());
    assert_eq!(cached.files("entry").len(), 1);
    looked("entry");
}

#[test]
fn a_client_without_a_secret_has_nothing_to_seal_with() {
    let cached = Cached::new();
    cached.server.rotate_client(Server::CLIENT_ID, "");
    cached.noted(&["--cache", "--auth", "none"], "this client has no secret");
    assert!(!cached.folder().exists());
}

impl Cached {
    /// `evergrant cache` with these words.
    fn cache(&self, arguments: &[&str]) -> Command {
        let mut command = fixture::configured(&self.server, fixture::evergrant(&["cache"]));
        command.args(arguments).env("XDG_CACHE_HOME", self.caches.path());
        command
    }

    /// What `--json` says of it.
    #[track_caller]
    fn object(&self, arguments: &[&str]) -> serde_json::Value {
        let ended = run(self.cache(arguments).arg("--json"));
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
        serde_json::from_str(&ended.stdout).unwrap()
    }

    /// Nobody asks, and nobody writes.
    #[track_caller]
    fn assert_that_entries_alone_are_left(&self) {
        for ending in ["lock", "new", "claim"] {
            assert_eq!(self.files(ending), [] as [PathBuf; 0]);
        }
    }
}

/// The kept token again, as if it had ended long ago: anybody may read the time, and nobody but its client the rest.
fn over(path: &Path) {
    edit_token(path, END, |_| 1_000_000_000_000);
}

/// What another invocation says.
const TOLD: &str = "that was an earlier token request, and none was sent now";

/// The numbers of a kept token, in milliseconds.
const END: usize = 2;
const DUE: usize = 3;
const LIFE: usize = 4;

/// Changes a number of the kept token.
#[track_caller]
fn edit_token(path: &Path, number: usize, change: impl Fn(u64) -> u64) {
    edit(path, "token ", number, |text| change(text.parse().unwrap()).to_string());
}

/// Lasts the rest after a failure longer by so many milliseconds; below zero, it is over.
#[track_caller]
fn edit_rest(path: &Path, longer: i64) {
    edit(path, "rest ", 1, |text| {
        let until: u64 = text.parse().unwrap();
        until.checked_add_signed(longer).filter(|_| longer > 0).unwrap_or(1).to_string()
    });
}

#[track_caller]
fn edit(path: &Path, line: &str, word: usize, change: impl Fn(&str) -> String) {
    let text = fs::read_to_string(path).unwrap();
    let edited: String = text
        .lines()
        .map(|each| {
            let mut words: Vec<String> = each.split(' ').map(str::to_owned).collect();
            if each.starts_with(line) {
                words[word] = change(&words[word]);
            }
            words.join(" ") + "\n"
        })
        .collect();
    fs::write(path, edited).unwrap();
}

#[test]
fn a_list_says_of_each_kept_token_when_it_ends_and_whose_it_is() {
    let cached = Cached::new();
    cached.quiet(&["--cache"]);
    let own = cached.file();
    cached.quiet(&["--cache", "--scope", "of-nobody"]);
    let other = cached.files("entry").into_iter().find(|file| *file != own).unwrap();
    over(&other);
    let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let listed = cached.object(&["list"]);
    assert_eq!(listed["path"], cached.folder().to_str().unwrap());
    let tokens = listed["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), 2);
    let of = |path: &Path| tokens.iter().find(|token| token["name"] == name(path)).unwrap();
    for (path, ended, current) in [(&own, false, true), (&other, true, false)] {
        let token = of(path);
        assert_eq!(token["bytes"], fs::metadata(path).unwrap().len());
        assert_eq!((&token["ended"], &token["current"]), (&ended.into(), &current.into()));
        assert_eq!(token["profiles"], serde_json::json!([]));
    }
    assert_eq!(of(&other)["expires_at"], "2001-09-09T01:46:40Z");
    let text = run(&mut cached.cache(&["list"])).stdout;
    for words in
        ["2 tokens", "ended 2001-09-09 01:46:40 UTC", "(client unknown)", "(the client of these flags"]
    {
        assert!(text.contains(words), "{words:?} is not in: {text}");
    }
    // The same client under a name, its secret in a file; another has a command, which is not run.
    let secret = cached.caches.file("secret", 0o600, Server::CLIENT_SECRET);
    let endpoint = cached.server.token_endpoint();
    let configuration = format!(
        "[profile.own]\ntoken_endpoint = \"{endpoint}\"\nclient_id = \"{}\"\nclient_secret = {{ file = \"{secret}\" }}\n\
         [profile.other]\ntoken_endpoint = \"{endpoint}\"\nclient_id = \"x\"\n\
         client_secret = {{ command = [\"touch\", \"{}\"] }}\n[profile.wrong]\nx = 1\n",
        Server::CLIENT_ID,
        cached.caches.at("ran"),
    );
    let configuration = cached.caches.file("config.toml", 0o600, configuration);
    let listed = cached.object(&["list", "--config", &configuration]);
    let token =
        listed["tokens"].as_array().unwrap().iter().find(|token| token["name"] == name(&own)).unwrap();
    assert_eq!(token["profiles"], serde_json::json!(["own"]));
    assert!(!Path::new(&cached.caches.at("ran")).exists());
    let text = run(&mut cached.cache(&["list", "--config", &configuration])).stdout;
    assert!(text.contains("(profile own)") && !text.contains(Server::CLIENT_SECRET), "{text}");
    fixture::fails(
        &mut cached.cache(&["list", "--profile", "x", "--config", &configuration]),
        2,
        &["no profile x"],
    );
    assert_eq!(cached.requests(), 2);
}

#[test]
fn no_folder_is_no_error_and_none_is_made() {
    let cached = Cached::new();
    assert_eq!(cached.object(&["list"])["tokens"], serde_json::json!([]));
    assert_eq!(cached.object(&["clear"])["removed"], 0);
    assert_eq!(cached.object(&["clear", "--ended"])["removed"], 0);
    assert!(run(&mut cached.cache(&["list"])).stdout.ends_with("evergrant: 0 tokens\n"));
    assert!(!cached.folder().exists());
    let mut command = cached.cache(&["list"]);
    command.env_remove("XDG_CACHE_HOME").env_remove("HOME");
    fixture::fails(&mut command, 2, &["HOME is not set"]);
}

#[test]
fn what_is_cleared_is_asked_for_anew_and_ended_tokens_can_go_alone() {
    let cached = Cached::new();
    let kept = cached.quiet(&["--cache"]);
    let own = cached.file();
    cached.quiet(&["--cache", "--scope", "other"]);
    let other = cached.files("entry").into_iter().find(|file| *file != own).unwrap();
    assert_eq!(cached.object(&["clear", "--ended"])["removed"], 0);
    over(&other);
    let cleared = run(&mut cached.cache(&["clear", "--ended"]));
    assert_eq!((cleared.status, cleared.stderr.as_str()), (0, ""));
    assert!(cleared.stdout.ends_with("evergrant: 1 token removed\n"), "{}", cleared.stdout);
    assert_eq!(cached.files("entry"), [own]);
    assert_eq!(cached.quiet(&["--cache"]), kept);
    assert_eq!(
        cached.object(&["clear"]),
        serde_json::json!({ "path": cached.folder(), "removed": 1, "without_token": 0, "in_use": 0 })
    );
    assert_eq!(fs::read_dir(cached.folder()).unwrap().count(), 0, "no lock is left");
    assert_ne!(cached.quiet(&["--cache"]), kept);
}

#[test]
fn the_entry_of_one_profile_can_go_alone_and_a_rest_is_told_from_a_token() {
    let cached = Cached::new();
    let secret = cached.caches.file("secret", 0o600, Server::CLIENT_SECRET);
    let wrong = cached.caches.file("wrong", 0o600, "not the one");
    let endpoint = cached.server.token_endpoint();
    let profile = |name: &str, secret: &str| {
        format!(
            "[profile.{name}]\ntoken_endpoint = \"{endpoint}\"\nclient_id = \"{}\"\nclient_secret = {secret}\n",
            Server::CLIENT_ID
        )
    };
    let ran = cached.caches.at("ran");
    let configuration = profile("good", &format!("{{ file = \"{secret}\" }}"))
        + &profile("refused", &format!("{{ file = \"{wrong}\" }}"))
        + &profile("printed", &format!("{{ command = [\"touch\", \"{ran}\"] }}"));
    let configuration = cached.caches.file("config.toml", 0o600, configuration);
    let clear = |name: &str| ["clear", "--profile", name, "--config", &configuration].map(str::to_owned);
    let cleared = |name: &str| cached.object(&clear(name).each_ref().map(String::as_str))["removed"].clone();
    assert_eq!(cleared("printed"), 0, "there is nothing to be found");
    for (name, status) in [("good", 0), ("refused", 3)] {
        let ended = run(&mut cached.command(&["--cache", "--profile", name, "--config", &configuration]));
        assert_eq!(ended.status, status, "{}", ended.stderr);
    }
    let rests =
        cached.files("entry").into_iter().find(|file| fs::read_to_string(file).unwrap().contains("\nrest "));
    edit_rest(&rests.unwrap(), 3_600_000);
    let listed = || cached.object(&["list", "--config", &configuration])["tokens"].clone();
    let of = |name: &str| {
        let listed = listed();
        let tokens = listed.as_array().unwrap().iter();
        tokens.filter(|token| token["profiles"] == serde_json::json!([name])).cloned().collect::<Vec<_>>()
    };
    let (good, refused) = (of("good").pop().unwrap(), of("refused").pop().unwrap());
    assert!(good["expires_at"].is_string() && good["rests_until"].is_null(), "{good}");
    assert!(refused["expires_at"].is_null() && refused["rests_until"].is_string(), "{refused}");
    assert_eq!((&good["requesting"], &refused["requesting"]), (&false.into(), &false.into()));
    let done = cached.object(&clear("refused").each_ref().map(String::as_str));
    assert_eq!((&done["removed"], &done["without_token"]), (&0.into(), &1.into()));
    assert_eq!((of("good").len(), of("refused").len()), (1, 0));
    let unknown = clear("printed");
    fixture::fails(
        &mut cached.cache(&unknown.each_ref().map(String::as_str)),
        2,
        &["the entry of profile printed cannot be found", "evergrant cache clear"],
    );
    assert!(!Path::new(&ran).exists());
    let none = clear("none");
    fixture::fails(&mut cached.cache(&none.each_ref().map(String::as_str)), 2, &["no profile none"]);
    assert_eq!(cleared("good"), 1);
    assert_eq!(listed(), serde_json::json!([]));
}

#[test]
fn nothing_but_tokens_of_this_command_and_this_user_is_listed_or_cleared() {
    let cached = Cached::new();
    cached.quiet(&["--cache"]);
    let whole = fs::read(cached.file()).unwrap();
    let hex = |digit: &str| digit.repeat(32);
    let put = |name: String, content: &[u8], mode: u32| {
        let path = cached.folder().join(name);
        fs::write(&path, content).unwrap();
        set_mode(path.to_str().unwrap(), mode);
        path
    };
    let target = cached.caches.file("target", 0o600, &whole);
    let link = cached.folder().join(format!("{}.entry", hex("a")));
    symlink(&target, &link).unwrap();
    let half = cached.folder().join(format!("{}.new", hex("b")));
    symlink(&target, &half).unwrap();
    let mut foreign = vec![
        link,
        half,
        put("notes.txt".into(), b"mine", 0o600),
        put("short.entry".into(), &whole, 0o600),
        put(format!("{}.entry", hex("c")), b"no token at all", 0o600),
        put(format!("{}.entry", hex("d")), &whole, 0o644),
        put(format!("{}.old", hex("e")), &whole, 0o600),
        put("not hexadecimal digits, but as many.entry".into(), &whole, 0o600),
    ];
    let theirs = put(format!("{}.entry", hex("f")), &whole, 0o600);
    // Only root can give a file away.
    if std::os::unix::fs::chown(&theirs, Some(65_534), None).is_ok() {
        foreign.push(theirs);
    } else {
        fs::remove_file(theirs).unwrap();
    }
    // What a writer that was killed has left is ours.
    let left = put(format!("{}.new", hex("1")), b"half", 0o600);
    let key = put(format!("file.key.{}", "1".repeat(16)), b"half", 0o600);
    let written = SystemTime::now() - Duration::from_secs(120);
    fs::File::open(&key).unwrap().set_modified(written).unwrap();
    assert_eq!(cached.object(&["list"])["tokens"].as_array().unwrap().len(), 1);
    assert_eq!(cached.object(&["clear"])["removed"], 1);
    for path in foreign {
        assert!(path.symlink_metadata().is_ok(), "{}", path.display());
    }
    assert!(!left.exists() && !key.exists() && cached.files("lock").is_empty());
    assert_eq!(fs::read(target).unwrap(), whole);
}

#[test]
fn a_token_that_another_invocation_is_replacing_stays() {
    let cached = Cached::new();
    cached.quiet(&["--cache"]);
    let gate = cached.server.hold(Endpoint::Token);
    let mut command = cached.command(&["--cache=refresh"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    assert!(cached.server.wait_for_token_requests(2, LONG));
    let cleared = run(&mut cached.cache(&["clear"]));
    assert_eq!((cleared.status, cleared.stderr.as_str()), (0, ""));
    assert!(
        cleared.stdout.ends_with("0 tokens removed, 1 token in use and not removed\n"),
        "{}",
        cleared.stdout
    );
    assert_eq!(cached.files("entry").len(), 1);
    drop(gate);
    let ended = end(child.wait_with_output().unwrap());
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    assert_eq!(cached.quiet(&["--cache"]), ended.stdout.trim_end());
}

#[test]
fn a_cache_that_cannot_be_used_says_why_and_nothing_is_removed() {
    let cached = Cached::new();
    cached.quiet(&["--cache"]);
    set_mode(cached.folder().to_str().unwrap(), 0o755);
    for words in [&["list"][..], &["clear"]] {
        fixture::fails(&mut cached.cache(words), 2, &["is open to other users (mode 755); chmod 700 it"]);
    }
    set_mode(cached.folder().to_str().unwrap(), 0o700);
    // A lock that is no file.
    fs::create_dir(cached.file().with_extension("lock")).unwrap();
    let ended = run(&mut cached.cache(&["clear"]));
    assert_eq!(ended.status, 2, "{}", ended.stderr);
    assert!(
        ended.stdout.contains("0 tokens removed") && ended.stderr.contains("cannot be locked"),
        "{ended:?}"
    );
    assert_eq!(cached.files("entry").len(), 1);
}

#[test]
fn many_that_clear_while_others_ask_harm_nobody() {
    let cached = Cached::new();
    cached.quiet(&["--cache"]);
    let mut children = Vec::new();
    for _ in 0..6 {
        let mut asking = cached.command(&["--cache=refresh"]);
        let mut clearing = cached.cache(&["clear"]);
        for command in [&mut asking, &mut clearing] {
            children.push(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        }
    }
    for child in children {
        let ended = end(child.wait_with_output().unwrap());
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    }
    cached.assert_that_entries_alone_are_left();
}
