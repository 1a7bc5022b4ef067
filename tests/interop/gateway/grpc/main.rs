//! A gRPC server and its client, both of tonic, between which `calls.py`, beside this folder, puts the gateway.
//!
//! `grpc serve` prints the port that it listens on. `grpc URL CASE` makes the calls of a case, and fails if one of them gets something
//! else than the server says. It is an example of its package, so that it is compiled and linted with everything, and run by nothing else.
// A failed unwrap is a failed case. What is printed is what it is for.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod client;
mod raw;
mod server;

use std::env::args;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let words: Vec<String> = args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve"] => server::serve().await,
        [url, case] => client::run(url, case).await,
        _ => panic!("usage: grpc serve | grpc URL CASE"),
    }
}
