//! A gateway for one program, which runs under it.

use super::address::base;
use super::file::Followed;
use super::life::Ending;
use super::plan::{For, Plan, Source};
use super::start::{Started, start};
use super::tenants::Tenants;
use crate::client::secret;
use crate::commands::child::{self, Signals};
use crate::commands::runtime::block_on;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

/// The program's variable with the base URL of the gateway.
const GATEWAY: &str = "EVERGRANT_GATEWAY";

/// What `evergrant run` sets, where this runs under it: the program needs no token.
const TOKENS: [&str; 2] = ["EVERGRANT_TOKEN", "EVERGRANT_TOKEN_FILE"];

pub(super) fn serve(
    plan: Plan,
    followed: Option<Followed>,
    program: &[OsString],
    manner: Manner,
) -> Result<ExitCode, Failure> {
    let Some(mut command) = child::command(program) else {
        return Err(Failure::usage("there is no program to run", "name it after --"));
    };
    let of_tenants = plan.tenants.iter().flat_map(Tenants::secret_variables).collect::<Vec<_>>();
    let own = plan.sources.iter().flat_map(Source::secret_variables).chain(&of_tenants).map(String::as_str);
    for name in secret::VARIABLES.into_iter().chain(TOKENS).chain(own) {
        command.env_remove(name);
    }
    block_on(async {
        let mut signals = Signals::caught()?;
        let started = start(plan, followed, For::Program, manner)?;
        if let Some(address) = started.running.addresses().first() {
            command.env(GATEWAY, base(&started.running, address));
        }
        let ended = child::run(command, &mut signals).await;
        end(&started, &mut signals).await;
        ended
    })
}

/// Nobody calls any more but what the program has left behind: that is waited for, unless another signal comes.
async fn end(started: &Started, signals: &mut Signals) {
    started.running.drain(Duration::ZERO);
    let mut ending = Ending::of(&started.running);
    tokio::select! {
        _whole = ending.ended() => {}
        () = tokio::time::sleep(started.drain_time) => {}
        _status = child::ended_by(signals) => {}
    }
    started.running.stop();
}
