//! `evergrant mock`: the servers of the demonstration, to try things against.

use crate::args::{Errors, MockArgs, Style};
use crate::failure::Failure;
use evergrant_mock::{ErrorStyle, JwtTimes, Server, TokenStyle};
use std::net::{Ipv4Addr, SocketAddr};

pub(crate) fn run(args: &MockArgs) -> Result<(), Failure> {
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
