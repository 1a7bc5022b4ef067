//! `evergrant request`: one authorized call, with the one replay after a refused token.

mod caller;
mod ended;
mod limit;
mod output;
mod reach;
mod redirect;
mod said;
mod screen;
mod show;

use crate::client::args::{ClientArgs, OriginArgs, duration, number};
use crate::client::setup::Setup;
use crate::commands::interrupt::{self, Interrupts};
use crate::commands::runtime::block_on;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use caller::Caller;
use clap::{Args, ValueHint};
use evergrant_tokio_reqwest::{Token, Verdict, VerdictRule};
use limit::Limit;
use output::{Sink, Target};
use reach::Reach;
use said::Said;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant mock -- sh -c \\",
    "  'evergrant request \"$EVERGRANT_MOCK_API/shipments\"'",
    "evergrant mock -- sh -c \\",
    "  'evergrant request -i -d \"{}\" \"$EVERGRANT_MOCK_API/shipments\"'",
    "evergrant mock -- sh -c \\",
    "  'date | evergrant request -X PUT -d @- \"$EVERGRANT_MOCK_API/notes/1\"'",
    "evergrant mock -- sh -c \\",
    "  'evergrant request -L -o all.json \"$EVERGRANT_MOCK_API/shipments\"'",
    "evergrant mock -- sh -c \\",
    "  'evergrant request --json \"$EVERGRANT_MOCK_API/shipments\"'";
    usage, refused, transient
))]
pub(crate) struct RequestArgs {
    #[command(flatten)]
    said: Said,
    /// Follow redirects to allowed origins, at most 10
    ///
    /// A redirect to another origin is an error, and nothing is sent there; so is one from https to http. 303
    /// becomes a GET, and so does a POST at 301 or 302; 307 and 308 repeat the method and the body. At another
    /// allowed origin, the headers of --header are left out, except Accept-* and Content-*.
    #[arg(help_heading = "Request")]
    #[arg(short = 'L', long)]
    location: bool,
    /// More statuses that mean a refused token
    ///
    /// For example 403,498. They are added to those of the provider. May be repeated.
    #[arg(help_heading = "Request")]
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = number(400_u16..=599))]
    refused_at: Vec<u16>,
    /// Print the status and the headers before the body
    ///
    /// With --output they go into the file as well. With --json they are in the object anyway: stdout is one
    /// object with status, url, headers, and body, or body_base64 if the body is not text.
    #[arg(help_heading = "Output")]
    #[arg(short, long)]
    include: bool,
    /// Write the body into this file; - is stdout
    ///
    /// The file is replaced when the whole answer has arrived, and keeps its mode; a new one gets the mode that
    /// the umask says. If the call fails, also by a redirect that is not followed or by an error status (3xx,
    /// 4xx, 5xx), the file stays as it was, and the body of that answer is printed on stdout; 304 is no failure.
    /// For a symbolic link, the file that it points to is replaced. A device or a FIFO is written directly,
    /// whatever the status. With --json the object has output and bytes instead of the body.
    #[arg(help_heading = "Output")]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    #[command(flatten)]
    client: ClientArgs,
    #[command(flatten)]
    origins: OriginArgs,
    /// Retry transient failures for this long
    ///
    /// It applies to token requests. Without it, the first failure ends the command.
    #[arg(help_heading = "Network")]
    #[arg(long, value_name = "DURATION", value_parser = duration, env = "EVERGRANT_WAIT", hide_env_values = true)]
    wait: Option<Duration>,
    /// Time limit for the whole command
    ///
    /// It includes everything that is read and written. Default: no limit.
    #[arg(help_heading = "Network")]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    max_time: Option<Duration>,
}

pub(crate) fn run(args: RequestArgs, manner: Manner) -> Result<(), Failure> {
    match args.max_time.map(Limit::from_now) {
        Some(limit) => limit.bound(move || call(&args, manner, Some(limit))),
        None => call(&args, manner, None),
    }
}

fn call(args: &RequestArgs, manner: Manner, limit: Option<Limit>) -> Result<(), Failure> {
    let request = args.said.request(args.client.client_secret_file.as_deref() == Some(Path::new("-")))?;
    let target = Target::at(args.output.as_deref())?;
    let setup = Setup::read_within(&args.client, limit.map(Limit::left))?;
    let tokens = setup.tokens(args.wait)?;
    let provider = setup.client.provider();
    let reach = Reach::new(&setup, args.client.allowed(&args.origins))?;
    let rule = rule(provider.verdict(), &args.refused_at);
    let caller = Caller::new(request, &setup, &tokens, &reach, &rule)?;
    block_on(async {
        let interrupts = Interrupts::caught(target.is_replaced())?;
        let call = async {
            // Before anything is sent: an answer must not be lost for want of a place.
            let mut sink = target.open()?;
            let first = setup.token(&tokens).await?;
            let answer = caller.call(args.location, &first).await;
            let answer = answer.map_err(|failure| setup.located(failure))?;
            // The tokens that the API has seen: it may repeat them.
            let seen: Vec<Token> = tokens.try_token().into_iter().chain([first]).collect();
            let stays = seen.last().and_then(|token| setup.keeps(&tokens, token));
            let mut ended = ended::ended(&answer, &rule, &seen, stays);
            if let Sink::Replacing(..) = sink
                && !answer.status().is_success()
            {
                sink = Sink::stdout();
                ended = ended.and_then(|()| ended::unwritten(answer.status()));
            }
            if manner.json {
                show::object(answer, args.include, sink).await?;
            } else {
                show::print(answer, args.include, sink).await?;
            }
            ended
        };
        let call = async {
            let done = call.await;
            // For what the API refused another token may still be on its way to the cache.
            setup.told(&tokens).await;
            done
        };
        tokio::select! {
            biased;
            done = call => done,
            failure = limit::over(limit) => Err(failure),
            signal = interrupts.next() => Err(interrupt::end(signal)),
        }
    })
}

/// The provider's rule, for which these statuses mean a refused token as well.
fn rule(provider: &VerdictRule, refused_at: &[u16]) -> VerdictRule {
    if refused_at.is_empty() {
        return provider.clone();
    }
    let (own, judge) = (provider.clone(), provider.clone());
    let refused: Vec<u16> = refused_at.to_vec();
    VerdictRule::custom_with_body(
        move |status| own.needs_body(status),
        move |answer| {
            if refused.contains(&answer.status()) { Verdict::TokenRefused } else { judge.judge(answer) }
        },
    )
}
