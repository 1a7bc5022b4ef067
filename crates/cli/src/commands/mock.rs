//! `evergrant mock`: the servers of the demonstration, to try things against.

use crate::client::args::duration;
use crate::commands::child::{self, Signals};
use crate::commands::runtime::block_on;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stdout;
use clap::{Args, ValueEnum, ValueHint};
use evergrant_mock::{ErrorStyle, JwtTimes, Server, TokenStyle};
use serde_json::json;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;
use tokio::process::Command;

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant mock -- sh",
    "evergrant mock --lifetime 5s --style opaque -- sh -c 'evergrant token | evergrant inspect'",
))]
pub(crate) struct MockArgs {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0, env = "EVERGRANT_MOCK_PORT", hide_env_values = true)]
    pub(crate) port: u16,
    /// How long its tokens live
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub(crate) lifetime: Duration,
    /// What its tokens are like
    #[arg(long, value_enum, default_value_t)]
    pub(crate) style: Style,
    /// The shape of its errors
    #[arg(long, value_enum, default_value_t)]
    pub(crate) errors: Errors,
    /// A program to run against the servers, which end with it. It finds them in EVERGRANT_TOKEN_ENDPOINT and the like,
    /// and the API's origin in EVERGRANT_MOCK_API; with --json too, stdout is the program's alone
    #[arg(value_name = "CMD", trailing_var_arg = true, allow_hyphen_values = true,
        value_hint = ValueHint::CommandWithArguments)]
    pub(crate) command: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Style {
    /// Signed JWTs whose exp is a fraction
    #[default]
    Jwt,
    /// Random characters
    Opaque,
    /// The same token again until it ends
    Sticky,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Errors {
    /// RFC 6749 §5.2
    #[default]
    Rfc6749,
    /// MyParcel.com's JSON:API errors
    Myparcel,
}

pub(crate) fn run(args: &MockArgs, manner: Manner) -> Result<ExitCode, Failure> {
    let style = match args.style {
        Style::Jwt => TokenStyle::Jwt(JwtTimes::Float),
        Style::Opaque => TokenStyle::Opaque,
        Style::Sticky => TokenStyle::Sticky,
    };
    let errors = match args.errors {
        Errors::Rfc6749 => ErrorStyle::Rfc6749,
        Errors::Myparcel => ErrorStyle::MyParcel,
    };
    let server = Server::builder()
        .address(SocketAddr::from((Ipv4Addr::LOCALHOST, args.port)))
        .lifetime(args.lifetime)
        .style(style)
        .start()
        .map_err(|error| {
            Failure::usage(format!("port {} cannot be used: {error}", args.port), "name another --port")
        })?;
    server.set_errors(errors);
    if let Some(command) = child::command(&args.command) {
        return block_on(child::run(against(&server, command), Signals::caught()?));
    }
    let (endpoint, api) = (server.token_endpoint(), server.resource("/shipments"));
    let (id, secret) = (Server::CLIENT_ID, Server::CLIENT_SECRET);
    if manner.json {
        stdout::json(
            &json!({ "token_endpoint": endpoint, "resource": api, "client_id": id, "client_secret": secret }),
        )?;
    } else {
        stdout::line(format_args!(
            "token endpoint  {endpoint}\n\
             resource API    {api}\n\
             client id       {id}\n\
             client secret   {secret}\n\n\
             Try it in another terminal:\n  \
             EVERGRANT_CLIENT_SECRET={secret} evergrant token --token-endpoint {endpoint} --client-id {id}\n\
             It runs until it is interrupted."
        ))?;
    }
    // Whoever started it may wait for these lines in a pipe.
    stdout::flush()?;
    loop {
        std::thread::park();
    }
}

/// The program as a client of these servers, and of no other.
fn against(server: &Server, mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("EVERGRANT_") {
            command.env_remove(name);
        }
    }
    command
        .env("EVERGRANT_TOKEN_ENDPOINT", server.token_endpoint())
        .env("EVERGRANT_CLIENT_ID", Server::CLIENT_ID)
        .env("EVERGRANT_CLIENT_SECRET", Server::CLIENT_SECRET)
        .env("EVERGRANT_ALLOW_ORIGIN", server.origin())
        .env("EVERGRANT_MOCK_API", server.origin());
    command
}
