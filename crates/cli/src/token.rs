//! `evergrant token`: one token on stdout and nothing else.

use crate::args::{ClientArgs, Format, Manner, TokenArgs};
use crate::failure::Failure;
use crate::{config, runtime, stdout, when};
use evergrant_tokio_reqwest::{AccessToken, Policy, Stored, Tokens};
use std::time::Duration;
use zeroize::Zeroizing;

/// How much longer than its one request a caller waits that takes the first outcome: the request's own timeout must
/// be the first to end, since it says more.
const GRACE: Duration = Duration::from_secs(2);

pub(crate) fn run(args: &TokenArgs, manner: Manner) -> Result<(), Failure> {
    let tokens = source(&args.client, args.wait)?;
    let token = runtime()?.block_on(tokens.token())?;
    let format = args.format.unwrap_or(if manner.json { Format::Json } else { Format::Token });
    let mut line = format.render(token.value(), tokens.export().as_ref());
    line.push('\n');
    stdout::print(line.as_bytes()).map(drop)
}

/// A source for a command that wants one outcome: the first, or the first good one within `wait`.
pub(crate) fn source(client: &ClientArgs, wait: Option<Duration>) -> Result<Tokens, Failure> {
    let policy = Policy::new().with_attempt_timeout(client.timeout);
    let patience = wait.unwrap_or(policy.attempt_timeout() + GRACE);
    let builder = Tokens::builder(config::client(client)?).policy(policy);
    Ok(builder.patience(patience).fail_fast(wait.is_none()).build()?)
}

impl Format {
    /// The token in this form. `stored` knows its life.
    pub(crate) fn render(self, token: &AccessToken, stored: Option<&Stored>) -> Zeroizing<String> {
        let text = token.expose();
        Zeroizing::new(match self {
            Self::Token => text.to_owned(),
            Self::Header => format!("Authorization: Bearer {text}"),
            Self::Json => {
                // What the server said, less what was spent on the way.
                let life = stored.map(|stored| stored.life.as_secs());
                let end = stored.and_then(|stored| {
                    when::rfc3339(stored.issued.since_epoch().saturating_add(stored.life))
                });
                serde_json::json!({
                    "access_token": text, "token_type": "Bearer", "expires_in": life, "expires_at": end,
                })
                .to_string()
            }
        })
    }
}
