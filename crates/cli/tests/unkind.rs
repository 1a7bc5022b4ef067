//! The command where the system is unkind: streams that are full or closed, and no word of panic.
#![cfg(unix)]
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use evergrant_mock::{Endpoint, Fault, Server, Times};
use fixture::{EVERGRANT, Folder, configured, isolate};
use std::fs::{self, File};
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Nothing here takes long, except on a machine that is very slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a stream may be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stream {
    Fine,
    Full,
    Closed,
}

impl Stream {
    /// What a shell writes for it, where it is not as it was.
    fn redirect(self, number: u8) -> String {
        match self {
            Self::Fine => String::new(),
            Self::Full => format!("{number}>/dev/full"),
            Self::Closed => format!("{number}>&-"),
        }
    }
}

/// The command through a shell, which can close a stream.
fn through(stdout: Stream, stderr: Stream, out: &str, arguments: &[&str]) -> Command {
    let stream = |number, stream: Stream, fine: String| match stream {
        Stream::Fine => fine,
        _ => stream.redirect(number),
    };
    let script = format!(
        "exec \"$0\" \"$@\" {} {}",
        stream(1, stdout, format!("1>{out}")),
        stream(2, stderr, format!("2>{out}.err"))
    );
    let mut command = Command::new("sh");
    isolate(&mut command).args(["-c", &script, EVERGRANT]).args(arguments).stdin(Stdio::null());
    command
}

const STREAMS: [Stream; 3] = [Stream::Fine, Stream::Full, Stream::Closed];

fn has_full_device() -> bool {
    File::options().write(true).open("/dev/full").is_ok()
}

#[test]
fn a_stderr_that_takes_nothing_costs_no_token() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    // A folder that is a file: the cache has something to say.
    let nowhere = folder.file("nowhere", 0o600, "");
    for stderr in STREAMS.into_iter().filter(|stream| *stream != Stream::Full || has_full_device()) {
        for arguments in
            [&["token", "-v"][..], &["token", "--cache"], &["token", "-v", "--json", "--cache=refresh"]]
        {
            let out = folder.at("out");
            let mut command = configured(&server, through(Stream::Fine, stderr, &out, arguments));
            let status = command.env("XDG_CACHE_HOME", &nowhere).status().unwrap();
            assert_eq!(status.code(), Some(0), "{arguments:?}, stderr {stderr:?}");
            let printed = fs::read_to_string(&out).unwrap();
            assert!(server.issued().iter().any(|token| printed.contains(token)), "{arguments:?}: {printed}");
        }
    }
}

/// What surrounds the command.
#[derive(Clone, Copy, Debug, PartialEq)]
enum World {
    Kind,
    /// No HOME and no other folder, a disk that takes no byte, a cache that cannot be written, no name server, and a
    /// terminal of 20 columns.
    Unkind,
}

impl World {
    /// What a shell says before the command: it has the files of this folder.
    fn before(self, folder: &Folder) -> String {
        match self {
            Self::Kind => String::new(),
            Self::Unkind => format!(
                "unset HOME XDG_CONFIG_HOME; export COLUMNS=20 XDG_CACHE_HOME='{}' LD_PRELOAD='{}'; \
                 ulimit -f 0; ",
                folder.at("foreign"),
                no_names(folder)
            ),
        }
    }
}

/// A library without whose answer no name is found; nothing where there is no such way.
fn no_names(folder: &Folder) -> String {
    #[cfg(target_os = "linux")]
    return preloaded(folder, "int getaddrinfo() { return -3; }\n");
    #[cfg(not(target_os = "linux"))]
    {
        let _ = folder;
        String::new()
    }
}

/// A job of the command, and its status in a kind world and in the other.
struct Job<'a> {
    arguments: &'a [&'a str],
    status: [i32; 2],
    /// Whether it has something to print, which a full stdout does not take.
    prints: bool,
}

/// Whatever a stream is, alone and together with the others, and whatever surrounds it: no panic, no lost file, and the
/// status that is documented.
#[test]
fn under_every_unkindness_at_once_the_status_is_the_documented_one_and_no_file_is_lost() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let cache = folder.at("foreign/evergrant");
    fs::create_dir_all(&cache).unwrap();
    // Another user's if root runs this; for others one that they cannot write.
    let _as_root = std::os::unix::fs::chown(&cache, Some(65_534), Some(65_534));
    fixture::set_mode(&cache, 0o555);
    let (api, secret) = (server.resource("/shipments"), folder.file("secret", 0o600, Server::CLIENT_SECRET));
    let mine = |name| folder.file(name, 0o600, "mine");
    let (body, token, pages) = (mine("body"), mine("token"), mine("evergrant.1"));
    let fresh = folder.at("fresh");
    let config =
        folder.file("config.toml", 0o600, "[profile.a]\nprovider = \"myparcel\"\nclient_id = \"me\"\n");
    let jobs = [
        Job { arguments: &["token"], status: [0, 0], prints: true },
        Job { arguments: &["token", "--cache", "--json"], status: [0, 0], prints: true },
        Job { arguments: &["token", "--client-secret-file", &secret, "-v"], status: [0, 0], prints: true },
        Job { arguments: &["token", "--client-secret-file", "-"], status: [2, 2], prints: false },
        Job {
            arguments: &["token", "--token-endpoint", "https://auth.invalid/"],
            status: [4, 4],
            prints: false,
        },
        Job { arguments: &["request", "-i", &api], status: [0, 0], prints: true },
        Job { arguments: &["request", "--cache", "-o", &body, &api], status: [0, 4], prints: false },
        Job { arguments: &["run", "--", "true"], status: [0, 0], prints: false },
        Job { arguments: &["run", "--token-file", &token, "--", "true"], status: [2, 4], prints: false },
        Job { arguments: &["run", "--token-file", &fresh, "--", "true"], status: [0, 4], prints: false },
        Job { arguments: &["run", "--", "/nowhere/program"], status: [127, 127], prints: false },
        Job { arguments: &["inspect"], status: [2, 2], prints: false },
        Job { arguments: &["doctor"], status: [0, 0], prints: true },
        Job { arguments: &["mock", "--", "true"], status: [0, 0], prints: false },
        Job { arguments: &["mock", "--tls", "--", "true"], status: [0, 4], prints: false },
        Job { arguments: &["config", "path"], status: [0, 2], prints: true },
        Job { arguments: &["config", "list", "--config", &config], status: [0, 0], prints: true },
        Job { arguments: &["config", "check", "--config", &config], status: [0, 0], prints: true },
        Job { arguments: &["config", "show", "--json"], status: [0, 0], prints: true },
        Job {
            arguments: &["config", "init", "--config", &config, "--profile", "b"],
            status: [2, 2],
            prints: false,
        },
        Job { arguments: &["cache", "list"], status: [0, 2], prints: true },
        Job { arguments: &["cache", "clear"], status: [0, 2], prints: true },
        Job { arguments: &["completions", "bash"], status: [0, 0], prints: true },
        Job { arguments: &["man", "--out", folder.path()], status: [0, 4], prints: false },
        Job { arguments: &["--help"], status: [0, 0], prints: true },
        Job { arguments: &["token", "-h"], status: [0, 0], prints: true },
        Job { arguments: &["--version"], status: [0, 0], prints: true },
    ];
    let worlds = [World::Unkind, World::Kind];
    let streams = STREAMS.into_iter().flat_map(|stdout| STREAMS.map(|stderr| (stdout, stderr)));
    let possible = |stream| stream != Stream::Full || has_full_device();
    let streams: Vec<_> = streams.filter(|(stdout, stderr)| possible(*stdout) && possible(*stderr)).collect();
    for world in worlds {
        let before = world.before(&folder);
        for (number, (stdout, stderr)) in streams.iter().enumerate() {
            for Job { arguments, status, prints } in &jobs {
                // stdin is closed each second time.
                let stdin = if number % 2 == 0 { "<&-" } else { "</dev/null" };
                let ends = format!("{stdin} {} {}", stdout.redirect(1), stderr.redirect(2));
                let mut command = Command::new("sh");
                let script = format!("{before}exec \"$0\" \"$@\" {ends}");
                isolate(&mut command).args(["-c", &script, EVERGRANT]).args(*arguments).stdin(Stdio::null());
                let output = configured(&server, command)
                    .env("XDG_CACHE_HOME", folder.at("caches"))
                    .env("EVERGRANT_TIMEOUT", "100s")
                    .output()
                    .unwrap();
                let expected = match status[usize::from(world == World::Unkind)] {
                    0 if *prints && *stdout == Stream::Full => 4,
                    status => status,
                };
                let said = String::from_utf8_lossy(&output.stderr);
                let about = format!("{arguments:?}, {world:?}, stdout {stdout:?}, stderr {stderr:?}: {said}");
                assert_eq!(output.status.code(), Some(expected), "{about}");
                assert!(!said.contains("panicked") && !said.contains(Server::CLIENT_SECRET), "{about}");
                if world == World::Unkind {
                    for file in [&body, &token, &pages] {
                        assert_eq!(fs::read_to_string(file).unwrap(), "mine", "{about}");
                    }
                }
                assert!(fs::read_to_string(&config).unwrap().starts_with("[profile.a]"), "{about}");
            }
        }
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let strange = left.iter().filter(|name| name.to_string_lossy().starts_with('.')).count();
    assert_eq!(strange, 0, "no half of a file is left: {left:?}");
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 0, "another user's folder");
}

/// The limit of a process, `ulimit -f`.
#[test]
fn a_file_that_may_grow_no_longer_is_an_error_that_leaves_nothing_behind() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let (file, config, caches) = (folder.at("file"), folder.at("config.toml"), folder.at("caches"));
    let limited = |arguments: &[&str]| {
        let mut command = Command::new("sh");
        isolate(&mut command).args(["-c", "ulimit -f 0; exec \"$0\" \"$@\"", EVERGRANT]).args(arguments);
        command.stdin(Stdio::null());
        let mut command = configured(&server, command);
        fixture::run(command.env("TMPDIR", folder.path()).env("XDG_CACHE_HOME", &caches))
    };
    let api = server.resource("/things");
    for arguments in [
        &["request", "-o", &file, &api][..],
        &["run", "--token-file", &file, "--", "true"],
        &["config", "init", "--config", &config],
        &["man", "--out", folder.path()],
        &["mock", "--tls", "--", "true"],
    ] {
        let ended = limited(arguments);
        let says = ["cannot be written", "File too large", "at fault: this machine"];
        assert!(
            ended.status == 4 && says.iter().all(|words| ended.stderr.contains(words)),
            "{arguments:?}: {ended:?}"
        );
        assert!(!ended.stderr.contains(".evergrant-"), "the name of a temporary file: {}", ended.stderr);
    }
    // A token is worth more than its place in the cache.
    let ended = limited(&["token", "--cache"]);
    assert!(ended.status == 0 && ended.stderr.contains("cannot be written"), "{ended:?}");
    for folder in [folder.path(), &folder.at("caches/evergrant")] {
        let left: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| name == "caches"), "{left:?}");
    }
    // A program is ended by the limit as it would be without us.
    let ended = limited(&["mock", "--", "sh", "-c", "echo more than nothing > \"$TMPDIR/more\""]);
    assert_eq!(ended.status, 128 + rustix::process::Signal::XFSZ.as_raw(), "{ended:?}");
}

#[test]
fn a_failure_that_cannot_be_told_keeps_its_status() {
    let server = Server::start().unwrap();
    let _down = server.fault(Endpoint::Token, Fault::status(503), Times::UntilCleared);
    let folder = Folder::new();
    for stderr in STREAMS.into_iter().filter(|stream| *stream != Stream::Full || has_full_device()) {
        for arguments in [&["token"][..], &["token", "--json"], &["token", "-v"]] {
            let out = folder.at("out");
            let status =
                configured(&server, through(Stream::Fine, stderr, &out, arguments)).status().unwrap();
            assert_eq!(status.code(), Some(4), "{arguments:?}, stderr {stderr:?}");
            assert_eq!(fs::read(&out).unwrap(), b"", "nothing on stdout");
        }
    }
}

#[test]
fn a_token_file_outlives_a_stderr_that_takes_nothing() {
    let server = Server::builder().lifetime(Duration::from_secs(2)).start().unwrap();
    let folder = Folder::new();
    let (token, out) = (folder.at("token"), folder.at("out"));
    // The program breaks the server's token endpoint by nothing: it waits until the file holds another token.
    let script = "was=$(cat \"$EVERGRANT_TOKEN_FILE\"); i=0; \
                  while [ \"$(cat \"$EVERGRANT_TOKEN_FILE\")\" = \"$was\" ] && [ $i -lt 400 ]; do i=$((i+1)); sleep 0.05; done; \
                  cat \"$EVERGRANT_TOKEN_FILE\"";
    let arguments = ["run", "-v", "--token-file", &token, "--", "sh", "-c", script];
    let mut command = configured(&server, through(Stream::Fine, Stream::Closed, &out, &arguments));
    assert_eq!(command.status().unwrap().code(), Some(0));
    let printed = fs::read_to_string(&out).unwrap();
    assert!(server.issued()[1..].contains(&printed), "the second token or a later one: {printed}");
}

/// A library that is loaded before the system's: this C source, compiled.
#[cfg(target_os = "linux")]
fn preloaded(folder: &Folder, source: &str) -> String {
    let (file, library) = (folder.file("preloaded.c", 0o600, source), folder.at("preloaded.so"));
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o", &library, &file]).status();
    assert!(compiled.expect("a C compiler").success());
    library
}

/// A name with one address where nobody listens, and one where the server is.
#[cfg(target_os = "linux")]
#[test]
fn a_doctor_tells_what_came_of_every_address() {
    let folder = Folder::new();
    let two = "#include <arpa/inet.h>\n#include <netdb.h>\n#include <stdlib.h>\n\
        static struct addrinfo *at(const char *text, struct addrinfo *next) {\n\
          struct addrinfo *info = calloc(1, sizeof *info);\n\
          struct sockaddr_in *place = calloc(1, sizeof *place);\n\
          place->sin_family = AF_INET;\n\
          inet_pton(AF_INET, text, &place->sin_addr);\n\
          info->ai_family = AF_INET;\n\
          info->ai_socktype = SOCK_STREAM;\n\
          info->ai_addrlen = sizeof *place;\n\
          info->ai_addr = (struct sockaddr *)place;\n\
          info->ai_next = next;\n\
          return info;\n\
        }\n\
        int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {\n\
          *found = at(\"127.0.0.2\", at(\"127.0.0.1\", 0));\n\
          return 0;\n\
        }\n\
        void freeaddrinfo(struct addrinfo *info) {}\n";
    let library = preloaded(&folder, two);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut command = fixture::evergrant(&["doctor", "--timeout", "300ms", "--client-id", "me"]);
    command.args(["--token-endpoint", &format!("https://auth.invalid:{port}/token")]);
    command.env("EVERGRANT_CLIENT_SECRET", "a secret of some length").env("LD_PRELOAD", &library);
    let ended = fixture::run(&mut command);
    let says = [
        format!("ok       connection     to 127.0.0.1:{port} ("),
        format!("warning  connection     none to 127.0.0.2:{port}: "),
        "fault    tls ".into(),
    ];
    for words in says {
        assert!(ended.stdout.contains(&words), "{words:?} is not in: {}{}", ended.stdout, ended.stderr);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_server_that_swallows_packets_costs_no_more_than_the_timeout() {
    let folder = Folder::new();
    let hangs = "#include <unistd.h>\nint getaddrinfo() { sleep(100); return -3; }\n";
    let library = preloaded(&folder, hangs);
    let began = Instant::now();
    for command in ["token", "doctor"] {
        let mut command = fixture::evergrant(&[command, "--timeout", "200ms", "--client-id", "me"]);
        command.args(["--token-endpoint", "https://auth.example/token"]);
        command.env("EVERGRANT_CLIENT_SECRET", "a secret of some length").env("LD_PRELOAD", &library);
        let ended = fixture::run(&mut command);
        assert_eq!(ended.status, 4, "{}", ended.stderr);
    }
    assert!(began.elapsed().as_secs() < 90, "it waited for the name server");
}

/// A service that has used up its descriptors is told so.
#[test]
fn too_few_descriptors_are_a_failure_of_this_machine() {
    let server = Server::start().unwrap();
    for arguments in [&["token"][..], &["run", "--", "true"], &["doctor"], &["mock", "--", "true"]] {
        for limit in 4..24 {
            let mut command = Command::new("sh");
            let script = format!("ulimit -n {limit} && exec \"$0\" \"$@\"");
            isolate(&mut command).args(["-c", &script, EVERGRANT]).args(arguments).stdin(Stdio::null());
            let output = configured(&server, command).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            let status = output.status.code();
            // A shell needs some of its own, and so does the loader of programs.
            let by_loader = status == Some(127) || said.contains("error while loading");
            assert!(
                by_loader || matches!(status, Some(0 | 2 | 4 | 126)),
                "{arguments:?}, {limit}: {status:?}, {said}"
            );
            assert!(!said.contains("panicked"), "{arguments:?}, {limit}: {said}");
        }
    }
}

/// A pager that is stuck, a reader that has stopped: whatever has an end ends.
#[cfg(target_os = "linux")]
#[test]
fn a_stream_that_nobody_reads_keeps_nothing_from_its_end() {
    let server = Server::start().unwrap();
    let api = server.resource("/shipments");
    let jobs: [&[&str]; 5] = [
        &["request", "--max-time", "300ms", &api],
        &["-v", "request", "--max-time", "300ms", &api],
        &["request", "--max-time", "300ms", "--allow-origin", "http://127.0.0.1:9", "http://127.0.0.1:9/"],
        &["watch", "--json", "--for", "300ms"],
        &["mock", "--for", "300ms"],
    ];
    for arguments in jobs {
        let (_reader, mut writer) = std::io::pipe().unwrap();
        // As much as a pipe holds, where this is Linux; the command is not the first to write then.
        writer.write_all(&[b'x'; 65_536]).unwrap();
        let mut command = fixture::evergrant(arguments);
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        let mut child = configured(&server, command).spawn().unwrap();
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if began.elapsed() > PATIENCE {
                child.kill().unwrap();
                panic!("{arguments:?} did not end");
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}
