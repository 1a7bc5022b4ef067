//! `evergrant token` as its users run it.

use crate::servers::{Basic, Server, variable};
use evergrant_tokio_reqwest::core::BodyFormat;
use std::process::{Command as Process, Stdio};

/// The command.
pub(crate) struct Command(String);

/// One run of it to come.
pub(crate) struct Asking<'a> {
    process: Process,
    server: &'a Server,
}

/// What came of it.
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Command {
    pub(crate) fn from_environment() -> Self {
        Self(variable("COMMAND"))
    }

    /// As the client of this id, for the scope read. A flag overrides what the environment says.
    pub(crate) fn token<'a>(&self, server: &'a Server, id: &str) -> Asking<'a> {
        let mut process = Process::new(&self.0);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("EVERGRANT_") {
                process.env_remove(name);
            }
        }
        process.arg("token").stdin(Stdio::null());
        process.env("EVERGRANT_TOKEN_ENDPOINT", &server.token_endpoint);
        process.env("EVERGRANT_CLIENT_ID", id).env("EVERGRANT_CLIENT_SECRET", &server.secret);
        process.env("EVERGRANT_SCOPE", "read").env("EVERGRANT_TIMEOUT", "60s");
        process.env("EVERGRANT_BODY", if server.body == BodyFormat::Json { "json" } else { "form" });
        process.env("EVERGRANT_AUTH", if server.basic == Basic::Raw { "basic-raw" } else { "basic" });
        Asking { process, server }
    }
}

impl Asking<'_> {
    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.process.args(arguments);
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.process.env(name, value);
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
        assert!(!ended.stdout.contains(&self.server.secret) && !ended.stderr.contains(&self.server.secret));
        ended
    }

    /// It prints a token, and nothing else.
    #[track_caller]
    pub(crate) fn prints_a_token(self) -> String {
        let ended = self.end();
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
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
