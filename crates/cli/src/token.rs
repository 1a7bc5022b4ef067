//! `evergrant token`: one token on stdout and nothing else.

use crate::args::{Format, TokenArgs};
use crate::config::Setup;
use crate::failure::Failure;
use crate::runtime;
use evergrant_tokio_reqwest::{Clock, SystemClock};
use std::io::{self, Write};

pub(crate) fn run(args: &TokenArgs) -> Result<(), Failure> {
    let setup = Setup::read(&args.client)?;
    let tokens = setup.tokens(args.wait)?;
    let token = runtime()?.block_on(setup.token(&tokens, args.wait))?;
    let text = token.value().expose();
    let line = match args.format {
        Format::Token => text.to_owned(),
        Format::Header => format!("Authorization: Bearer {text}"),
        Format::Json => {
            let life = tokens.export().map(|stored| match tokens.status().requests {
                // A kept one has spent some of its life.
                0 => stored.issued.after(stored.life).since(SystemClock.now().wall).as_secs(),
                // What the server said, less what was spent on the way.
                _ => stored.life.as_secs(),
            });
            serde_json::json!({ "access_token": text, "token_type": "Bearer", "expires_in": life })
                .to_string()
        }
    };
    writeln!(io::stdout(), "{line}").map_err(|error| Failure::system("the token cannot be printed", &error))
}
