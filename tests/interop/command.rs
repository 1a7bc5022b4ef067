//! The command as its users run it: here `evergrant token`, and in `program` what runs for long.

use crate::servers::{Basic, Server, variable};
use evergrant_tokio_reqwest::core::BodyFormat;
use std::env;
use std::process::{Command as Process, Stdio};

/// The command.
pub(crate) struct Command {
    path: String,
    /// How far its clock is off, in the words of `faketime`.
    shift: Option<&'static str>,
}

/// Whether the clock of a program can be shifted.
pub(crate) fn can_shift() -> bool {
    env::var_os("EVERGRANT_INTEROP_FAKETIME").is_some()
}

/// One run of it to come.
pub(crate) struct Asking {
    process: Process,
    /// What must not be in its output.
    hidden: Vec<String>,
}

/// What came of it.
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Command {
    pub(crate) fn from_environment() -> Self {
        Self { path: variable("COMMAND"), shift: None }
    }

    /// The same on a machine whose clock is off by this.
    pub(crate) fn shifted(&self, shift: &'static str) -> Self {
        Self { path: self.path.clone(), shift: Some(shift) }
    }

    /// It, with these arguments and nothing of the environment.
    pub(crate) fn bare(&self, arguments: &[&str]) -> Process {
        let mut process = Process::new(&self.path);
        if let Some(shift) = self.shift {
            // As the program `faketime` does it, which would be another process to end.
            process.env("LD_PRELOAD", variable("FAKETIME")).env("FAKETIME", shift);
        }
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("EVERGRANT_") {
                process.env_remove(name);
            }
        }
        process.args(arguments).stdin(Stdio::null());
        process
    }

    /// As the client of this id, for the scope read. A flag overrides what the environment says.
    pub(crate) fn token(&self, server: &Server, id: &str) -> Asking {
        let asking = self.vouched(server).variable("EVERGRANT_CLIENT_ID", id).hiding(&server.secret);
        let auth = if server.basic == Basic::Raw { "basic-raw" } else { "basic" };
        asking.variable("EVERGRANT_CLIENT_SECRET", &server.secret).variable("EVERGRANT_AUTH", auth)
    }

    /// As a client of which nothing is said, for the scope read.
    pub(crate) fn vouched(&self, server: &Server) -> Asking {
        let mut process = self.bare(&["token"]);
        process.env("EVERGRANT_TOKEN_ENDPOINT", &server.token_endpoint);
        process.env("EVERGRANT_SCOPE", "read").env("EVERGRANT_TIMEOUT", "60s");
        process.env("EVERGRANT_BODY", if server.body == BodyFormat::Json { "json" } else { "form" });
        Asking { process, hidden: Vec::new() }
    }

    /// With this configuration file.
    pub(crate) fn configured(&self, path: &str) -> Asking {
        Asking { process: self.bare(&["token", "--profile", "own", "--config", path]), hidden: Vec::new() }
    }
}

impl Asking {
    pub(crate) fn hiding(mut self, secret: &str) -> Self {
        self.hidden.push(secret.to_owned());
        self
    }

    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.process.args(arguments);
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.process.env(name, value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.process.env_remove(name);
        self
    }

    pub(crate) fn end(mut self) -> Ended {
        let output = self.process.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ended = Ended {
            status: output.status.code().unwrap(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        for secret in &self.hidden {
            assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret));
        }
        ended
    }

    /// It prints a token, and nothing else.
    #[track_caller]
    pub(crate) fn prints_a_token(self) -> String {
        self.prints_a_token_and_says("")
    }

    /// The same, with this on stderr.
    #[track_caller]
    pub(crate) fn prints_a_token_and_says(self, says: &str) -> String {
        let ended = self.end();
        assert_eq!((ended.status, ended.stderr.as_str()), (0, says));
        let token = ended.stdout.strip_suffix('\n').unwrap();
        assert!(token.len() > 20 && token.bytes().all(|byte| byte.is_ascii_graphic()), "no token: {token:?}");
        token.to_owned()
    }

    /// It ends with this status, prints nothing on stdout, and says each of these on stderr.
    #[track_caller]
    pub(crate) fn fails(self, status: i32, says: &[&str]) {
        let ended = self.end();
        assert_eq!((ended.status, ended.stdout.as_str()), (status, ""), "{}", ended.stderr);
        for words in says {
            assert!(ended.stderr.contains(words), "{words:?} is not in: {}", ended.stderr);
        }
    }
}
