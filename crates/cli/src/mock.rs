//! `evergrant mock`: the servers of the demonstration, to try things against.

use crate::args::{Errors, MockArgs, Style};
use crate::child::{self, Signals};
use crate::failure::Failure;
use crate::runtime;
use evergrant_mock::{ErrorStyle, JwtTimes, Server, TokenStyle};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use tokio::process::Command;

pub(crate) fn run(args: &MockArgs) -> Result<ExitCode, Failure> {
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
        return runtime()?.block_on(child::run(against(&server, command), Signals::caught()?));
    }
    println!("token endpoint  {}", server.token_endpoint());
    println!("resource API    {}", server.resource("/shipments"));
    println!("client id       {}", Server::CLIENT_ID);
    println!("client secret   {}", Server::CLIENT_SECRET);
    println!();
    println!("Try it in another terminal:");
    println!(
        "  EVERGRANT_CLIENT_SECRET={} evergrant token --token-endpoint {} --client-id {}",
        Server::CLIENT_SECRET,
        server.token_endpoint(),
        Server::CLIENT_ID
    );
    println!("It runs until it is interrupted.");
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
