//! `evergrant token`: one token on stdout and nothing else.

use crate::args::{Format, Manner, TokenArgs};
use crate::config::Setup;
use crate::failure::Failure;
use crate::{runtime, stdout, when};
use evergrant_tokio_reqwest::{AccessToken, Stored};
use zeroize::Zeroizing;

pub(crate) fn run(args: &TokenArgs, manner: Manner) -> Result<(), Failure> {
    let setup = Setup::read(&args.client)?;
    let tokens = setup.tokens(args.wait)?;
    let token = runtime()?.block_on(setup.token(&tokens))?;
    let format = args.format.unwrap_or(if manner.json { Format::Json } else { Format::Token });
    let mut line = format.render(token.value(), tokens.export().as_ref());
    line.push('\n');
    stdout::print(line.as_bytes()).map(drop)
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
