//! `evergrant token`: one token on stdout and nothing else.

use crate::args::{Format, TokenArgs};
use crate::failure::Failure;
use crate::{config, runtime};
use evergrant_tokio_reqwest::{Policy, Tokens};
use std::io::{self, Write};
use std::time::Duration;

/// How much longer than its one request a caller waits that takes the first outcome: the request's own timeout must
/// be the first to end, since it says more.
const GRACE: Duration = Duration::from_secs(2);

pub(crate) fn run(args: &TokenArgs) -> Result<(), Failure> {
    let client = config::client(&args.client)?;
    let policy = Policy::new().with_attempt_timeout(args.client.timeout);
    let patience = args.wait.unwrap_or(policy.attempt_timeout() + GRACE);
    let tokens =
        Tokens::builder(client).policy(policy).patience(patience).fail_fast(args.wait.is_none()).build()?;
    let token = runtime()?.block_on(tokens.token())?;
    let text = token.value().expose();
    let line = match args.format {
        Format::Token => text.to_owned(),
        Format::Header => format!("Authorization: Bearer {text}"),
        Format::Json => {
            // What the server said, less what was spent on the way.
            let life = tokens.export().map(|stored| stored.life.as_secs());
            serde_json::json!({ "access_token": text, "token_type": "Bearer", "expires_in": life })
                .to_string()
        }
    };
    writeln!(io::stdout(), "{line}").map_err(|error| Failure::system("the token cannot be printed", &error))
}
