//! A gateway by itself, from its first connection to its last.

use super::file::Followed;
use super::notify;
use super::plan::{For, Plan};
use super::signals::{End, Signals, Wish};
use super::start::{Started, start};
use super::trouble;
use crate::commands::runtime::block_on;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use evergrant_gateway::Running;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How often is looked whether it is ready.
const LOOK: Duration = Duration::from_millis(100);

/// How much longer than it may take an end is waited for: threads that are stuck, such as by a log that nobody reads, never end.
const STUCK: Duration = Duration::from_secs(3);

/// How long threads have to end, and to clean up, when nothing is waited for any more.
const AT_ONCE: Duration = Duration::from_millis(250);

/// Serves until a signal ends it.
pub(super) fn serve(plan: Plan, followed: Option<Followed>, manner: Manner) -> Result<ExitCode, Failure> {
    block_on(async {
        let mut signals = Signals::caught()?;
        let started = start(plan, followed, For::Itself, manner)?;
        let mut ending = Ending::of(&started.running);
        trouble::told(&started.running, started.live.clone());
        let telling = tokio::spawn(tell_when_ready(Arc::clone(&started.running)));
        let end = loop {
            tokio::select! {
                wish = signals.next() => match wish {
                    Wish::Again => started.reloads.again(),
                    Wish::End(end) => break end,
                },
                _whole = ending.ended() => return Err(Failure::system("the gateway ended", &"by itself")),
            }
        };
        telling.abort();
        drain(&started, ending, &mut signals, &end).await
    })
}

/// Ends with what is in flight, unless a second signal comes.
async fn drain(
    started: &Started,
    mut ending: Ending,
    signals: &mut Signals,
    end: &End,
) -> Result<ExitCode, Failure> {
    let grace = if end.has_grace() { started.grace } else { Duration::ZERO };
    notify::stopping();
    started.running.drain(grace);
    let limit = tokio::time::sleep(grace.saturating_add(started.drain_time).saturating_add(STUCK));
    tokio::pin!(limit);
    loop {
        tokio::select! {
            whole = ending.ended() => return whole.then_some(ExitCode::SUCCESS).ok_or_else(|| cut(started)),
            () = &mut limit => return Err(cut(started)),
            wish = signals.next() => if let Wish::End(end) = wish {
                started.running.stop();
                let _ended = tokio::time::timeout(AT_ONCE, ending.ended()).await;
                return Err(end.at_once());
            },
        }
    }
}

fn cut(started: &Started) -> Failure {
    Failure::api(
        4,
        format!(
            "requests were in flight for {:?} after the gateway was told to end, and were cut",
            started.drain_time
        ),
        "the API, or the programs that call it",
        "allow more time with drain_time in [gateway]",
    )
}

/// systemd starts what depends on the gateway then.
async fn tell_when_ready(running: Arc<Running>) {
    while !running.is_ready() {
        tokio::time::sleep(LOOK).await;
    }
    notify::ready();
}

/// The end of a gateway, which its threads tell.
pub(super) struct Ending(JoinHandle<bool>);

impl Ending {
    pub(super) fn of(running: &Arc<Running>) -> Self {
        let running = Arc::clone(running);
        Self(tokio::task::spawn_blocking(move || running.wait()))
    }

    /// Whether everything in flight was answered.
    pub(super) async fn ended(&mut self) -> bool {
        (&mut self.0).await.unwrap_or(false)
    }
}
