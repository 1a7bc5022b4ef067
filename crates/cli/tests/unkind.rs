//! The command where the system is unkind: streams that are full or closed, and no word of panic.
#![cfg(unix)]
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use evergrant_mock::{Endpoint, Fault, Server, Times};
use fixture::{EVERGRANT, Folder, configured, isolate};
use std::fs::{self, File};
use std::process::{Command, Stdio};

/// What a stream may be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stream {
    Fine,
    Full,
    Closed,
}

/// The command through a shell, which can close a stream.
fn through(stdout: Stream, stderr: Stream, out: &str, arguments: &[&str]) -> Command {
    let stream = |number, stream, fine: String| match stream {
        Stream::Fine => fine,
        Stream::Full => format!("{number}>/dev/full"),
        Stream::Closed => format!("{number}>&-"),
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

#[test]
fn whatever_the_streams_the_status_is_the_documented_one() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let api = server.resource("/shipments");
    let jobs: [(&[&str], i32); 8] = [
        (&["token"], 0),
        (&["token", "--json"], 0),
        (&["request", "-i", &api], 0),
        (&["doctor"], 0),
        (&["run", "--", "true"], 0),
        (&["config", "check"], 2),
        (&["completions", "bash"], 0),
        (&["man"], 0),
    ];
    for stdout in STREAMS {
        for stderr in STREAMS {
            if [stdout, stderr].contains(&Stream::Full) && !has_full_device() {
                continue;
            }
            for (arguments, fine) in jobs {
                let out = folder.at("out");
                let mut command = configured(&server, through(stdout, stderr, &out, arguments));
                let status = command.status().unwrap();
                // What is to be printed and cannot be is this machine's trouble; a closed stream is opened anew by the
                // standard library, and takes everything.
                let prints = fine == 0 && arguments[0] != "run";
                let expected = if prints && stdout == Stream::Full { 4 } else { fine };
                assert_eq!(
                    status.code(),
                    Some(expected),
                    "{arguments:?}, stdout {stdout:?}, stderr {stderr:?}"
                );
                if stderr == Stream::Fine {
                    let said = fs::read_to_string(format!("{out}.err")).unwrap();
                    assert!(!said.contains("panicked"), "{arguments:?}: {said}");
                }
            }
        }
    }
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
    let server = Server::builder().lifetime(std::time::Duration::from_secs(2)).start().unwrap();
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
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env_remove(name);
    }
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
    let began = std::time::Instant::now();
    for command in ["token", "doctor"] {
        let mut command = fixture::evergrant(&[command, "--timeout", "200ms", "--client-id", "me"]);
        command.args(["--token-endpoint", "https://auth.example/token"]);
        command.env("EVERGRANT_CLIENT_SECRET", "a secret of some length").env("LD_PRELOAD", &library);
        let ended = fixture::run(&mut command);
        assert_eq!(ended.status, 4, "{}", ended.stderr);
    }
    assert!(began.elapsed().as_secs() < 90, "it waited for the name server");
}
