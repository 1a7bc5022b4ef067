//! `evergrant watch`: a source of tokens, kept fresh and looked at.

mod events;

use crate::client::args::{ClientArgs, duration};
use crate::client::setup::Setup;
use crate::commands::interrupt::{self, Interrupts};
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
#[command(after_help = exit_status!(), after_long_help = examples!(
    "evergrant mock --lifetime 5s -- evergrant watch --for 5s",
    "evergrant mock --lifetime 5s -- evergrant watch --for 5s --json",
))]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// End after so long [default: when it is interrupted]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    r#for: Option<Duration>,
}

pub(crate) fn run(args: &WatchArgs, manner: Manner) -> Result<(), Failure> {
    let setup = Setup::read(&args.client)?;
    let tokens = setup.tokens(None)?;
    let live = if manner.json { None } else { Live::on_stdout() };
    block_on(async {
        if setup.cache.is_some() {
            // What failed is shown as it is without a cache: it is asked again by itself.
            let _shown = setup.token(&tokens, None).await;
        }
        tokio::spawn(tokens.keep_fresh());
        match live {
            Some(live) => draw(&tokens, live, args.r#for).await?,
            None => follow(&tokens, manner, args.r#for).await?,
        }
        // What it came to: a token is held, or this says why not. A request that is under way is awaited.
        tokens.token().await?;
        Ok(())
    })
}

/// The view, until the time is over or a signal ends the command. Its last state stays on the terminal.
async fn draw(tokens: &Tokens, mut live: Live, time: Option<Duration>) -> Result<(), Failure> {
    let start = Instant::now();
    let mut interrupted = pin!(Interrupts::caught(true)?.next());
    loop {
        live.show(&tokens.status(), &[]);
        let left = left(time, start);
        if left.is_zero() {
            break;
        }
        tokio::select! {
            signal = &mut interrupted => {
                // Nothing is drawn any more: the terminal has written ^C, and the view's lines are no longer where they were.
                // A terminal that has gone away needs no line break.
                let _written = stdout::line("");
                return Err(interrupt::end(signal));
            }
            () = tokio::time::sleep(left) => {}
        }
    }
    live.leave();
    stdout::line("").map(drop)
}

/// A line for each event, until the time is over or nobody reads any more.
async fn follow(tokens: &Tokens, manner: Manner, time: Option<Duration>) -> Result<(), Failure> {
    let (start, mut follower) = (Instant::now(), Follower::default());
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
        let left = left(time, start);
        if left.is_zero() {
            return Ok(());
        }
        tokio::time::sleep(left).await;
    }
}

/// Until the next look; zero when the time is over.
fn left(time: Option<Duration>, start: Instant) -> Duration {
    time.map_or(LOOK, |time| time.saturating_sub(start.elapsed()).min(LOOK))
}
