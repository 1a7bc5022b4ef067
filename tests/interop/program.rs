//! What of the command runs for long: `evergrant run` with a token file, and `evergrant gateway`.

use crate::command::Command;
use crate::placed::{folder, write};
use crate::servers::Server;
use evergrant_tests::{LONG, ms};
use serde_json::Value;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

/// Which of the two.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Run,
    Gateway,
}

pub(crate) const PROGRAMS: [(&str, Kind); 2] = [("run", Kind::Run), ("gateway", Kind::Gateway)];

/// One that runs until this is dropped.
pub(crate) struct Program<'a> {
    child: Mutex<Child>,
    server: &'a Server,
    way: Way,
    output: PathBuf,
    /// What callers were answered in place of the resource's answer.
    answers: Mutex<String>,
}

/// How a token comes to the resource.
enum Way {
    /// Out of this file.
    TokenFile(PathBuf),
    /// By a call to this address.
    Gateway(String),
}

/// A configuration file with the profile `own` for this server, of which these are the other lines, and a gateway for its resource.
pub(crate) fn configuration(server: &Server, profile: &str) -> PathBuf {
    let (endpoint, resource) = (&server.token_endpoint, server.resource.rsplit_once('/').unwrap().0);
    let path = folder().join("config.toml");
    let text = format!(
        "[profile.own]\ntoken_endpoint = \"{endpoint}\"\nscope = \"read\"\n{profile}\n\
         [gateway]\nlisten = \"127.0.0.1:0\"\ngrace = \"50ms\"\n\
         [[gateway.route]]\npath = \"/\"\nprofile = \"own\"\nupstream = \"{resource}/\"\n"
    );
    write(&path, &text);
    path
}

impl<'a> Program<'a> {
    /// With this profile, and these variables.
    pub(crate) fn start(
        kind: Kind,
        command: &Command,
        server: &'a Server,
        profile: &str,
        variables: &[(&str, &str)],
    ) -> Self {
        let config = configuration(server, profile);
        let (output, token) = (config.with_file_name("output"), config.with_file_name("token"));
        let (config, file) = (config.to_str().unwrap(), token.to_str().unwrap());
        let mut process = match kind {
            Kind::Run => {
                let run = ["run", "--profile", "own", "--config", config, "--token-file", file];
                let mut process = command.bare(&run);
                // It ends with its stdin.
                process.args(["--", "sh", "-c", "read wait"]).stdin(Stdio::piped());
                process
            }
            Kind::Gateway => command.bare(&["--json", "gateway", "--config", config]),
        };
        let written = File::create(&output).unwrap();
        process.stdout(written.try_clone().unwrap()).stderr(written).envs(variables.iter().copied());
        let child = Mutex::new(process.spawn().unwrap());
        let way = Way::TokenFile(token);
        let mut program = Self { child, server, way, output, answers: Mutex::default() };
        if kind == Kind::Gateway {
            program.until(|program| program.address().is_some());
            program.way = Way::Gateway(program.address().unwrap());
        }
        program.until(|program| program.call() == 200);
        program
    }

    /// Where the gateway listens, once it has said so.
    fn address(&self) -> Option<String> {
        let output = fs::read_to_string(&self.output).unwrap();
        let mut lines = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find_map(|line| Some(line["listen"][0].as_str()?.to_owned()))
    }

    /// The status of the resource, or of the gateway where that has no token.
    pub(crate) fn call(&self) -> u16 {
        match &self.way {
            // It may not be there yet.
            Way::TokenFile(file) => {
                fs::read_to_string(file).map_or(0, |token| self.server.status_with(&token))
            }
            Way::Gateway(address) => {
                let (status, body) = Server::answer(&self.below(address));
                if status != 200 {
                    self.answers.lock().unwrap().push_str(&body);
                }
                status
            }
        }
    }

    /// What the resource says to a token of it.
    pub(crate) fn body(&self) -> String {
        match &self.way {
            Way::TokenFile(file) => self.server.answer_with(&fs::read_to_string(file).unwrap()),
            Way::Gateway(address) => Server::answer(&self.below(address)).1,
        }
    }

    /// The resource, by the gateway at this address.
    fn below(&self, address: &str) -> String {
        format!("{}/{}", address.trim_end_matches('/'), self.server.resource.rsplit_once('/').unwrap().1)
    }

    /// Everything that it has said: its output, and its answers to callers.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.output).unwrap() + &self.answers.lock().unwrap()
    }

    /// Until this holds of it; what waits longer than [`LONG`] waits for a fault.
    #[track_caller]
    pub(crate) fn until(&self, holds: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            let ended = self.child.lock().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "it ended with {ended:?}: {}", self.said());
            assert!(began.elapsed() < LONG, "it never came to hold: {}", self.said());
            thread::sleep(ms(50));
        }
    }
}

impl Drop for Program<'_> {
    fn drop(&mut self) {
        // `run` ends once its program has, and the program with its stdin; the gateway is ended.
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        if child.stdin.take().is_none() {
            let _ended = child.kill();
        }
        let _status = child.wait();
    }
}
