//! `evergrant watch`: a source of tokens, kept fresh and looked at.

mod events;

use crate::client::args::{ClientArgs, duration};
use crate::client::setup::Setup;
use crate::commands::deadline;
use crate::commands::interrupt::{self, Interrupts};
use crate::commands::metrics::MetricsArgs;
use crate::commands::runtime::block_on;
use crate::tell::failure::Failure;
use crate::tell::live::Live;
use crate::tell::manner::Manner;
use crate::tell::stdout;
use crate::tell::when;
use clap::Args;
use events::Follower;
use evergrant_tokio_reqwest::Tokens;
use std::pin::pin;
use std::time::{Duration, Instant};

/// A view that is drawn as often is alive to the eye; an event is told as soon.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant mock --lifetime 5s -- evergrant watch --for 5s",
    "evergrant mock --lifetime 5s -- evergrant watch --for 5s --json";
    usage, refused, transient
))]
pub(crate) struct WatchArgs {
    /// Stop after this time, such as 30s
    ///
    /// Default: when it is interrupted.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    r#for: Option<Duration>,
    #[command(flatten)]
    metrics: MetricsArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub(crate) fn run(args: &WatchArgs, manner: Manner) -> Result<(), Failure> {
    let end = args.r#for.map(|time| Instant::now() + time);
    if let Some(time) = args.r#for {
        // A reader of stdout that reads no more must not make it last.
        deadline::end_process_after(time);
    }
    let metrics = args.metrics.read()?;
    let setup = Setup::lasting(&args.client, args.r#for)?;
    let setup = metrics.iter().fold(setup, |setup, metrics| setup.observed(metrics.observer()));
    let tokens = setup.tokens(None)?;
    let live = if manner.json { None } else { Live::on_stdout() };
    block_on(async {
        if let Some(metrics) = metrics {
            metrics.serve(tokens.clone()).await?;
        }
        if setup.cache.is_some() {
            // What failed is shown as it is without a cache: it is retried automatically.
            let first = setup.token(&tokens);
            let _shown = tokio::time::timeout(left(end).unwrap_or(Duration::MAX), first).await;
        }
        tokio::spawn(tokens.keep_fresh());
        match live {
            Some(live) => draw(&tokens, live, end).await?,
            None => follow(&tokens, manner, end).await?,
        }
        // What it came to: a token is held, or this says why not.
        let token = match end {
            Some(_) => {
                tokio::time::timeout(Duration::ZERO, tokens.token()).await.map_err(|_| unanswered())?
            }
            None => tokens.token().await,
        };
        token.map(drop).map_err(|error| setup.located(error.into()))
    })
}

fn unanswered() -> Failure {
    let at_fault = "the authorization server, or the connection to it";
    Failure::api(
        4,
        "no token arrived in the time of --for".into(),
        at_fault,
        "try again, with a longer --for",
    )
}

/// The view, until the time is over or a signal ends the command. Its last state stays on the terminal.
async fn draw(tokens: &Tokens, mut live: Live, end: Option<Instant>) -> Result<(), Failure> {
    let mut interrupted = pin!(Interrupts::caught(true)?.next());
    loop {
        live.show(&tokens.status(), &[]);
        let nap = nap(end);
        if nap.is_zero() {
            break;
        }
        tokio::select! {
            signal = &mut interrupted => {
                // Nothing is drawn any more: the terminal has written ^C, and the view's lines are no longer where they were.
                // A terminal that has gone away needs no line break.
                let _written = stdout::line("");
                return Err(interrupt::end(signal));
            }
            () = tokio::time::sleep(nap) => {}
        }
    }
    stdout::line("").map(drop)
}

/// A line for each event, until the time is over or nobody reads any more.
async fn follow(tokens: &Tokens, manner: Manner, end: Option<Instant>) -> Result<(), Failure> {
    let mut follower = Follower::default();
    loop {
        let status = tokens.status();
        for event in follower.look(&status, Instant::now()) {
            let now = when::now();
            let read = if manner.json {
                stdout::json(&event.json(&status, now))?
            } else {
                let clock = when::clock(now.saturating_sub(event.ago)).unwrap_or_default();
                stdout::line(format_args!("{clock} {event}"))?
            };
            if !read {
                return Ok(());
            }
        }
        let nap = nap(end);
        if nap.is_zero() {
            return Ok(());
        }
        tokio::time::sleep(nap).await;
    }
}

/// How long it still lasts, if it has an end.
fn left(end: Option<Instant>) -> Option<Duration> {
    end.map(|end| end.saturating_duration_since(Instant::now()))
}

/// Until the next look; zero when the time is over.
fn nap(end: Option<Instant>) -> Duration {
    left(end).map_or(LOOK, |left| left.min(LOOK))
}
