//! `evergrant gateway`: a server that puts a token on the requests of programs that hold none.

mod address;
mod again;
mod args;
mod demo_page;
mod descriptors;
mod file;
mod flags;
mod greeting;
mod key;
mod life;
mod live;
pub(super) mod notify;
mod plan;
mod reload;
#[cfg(unix)]
mod signals;
#[cfg(not(unix))]
#[path = "gateway/signals/elsewhere.rs"]
mod signals;
mod start;
mod tenants;
mod trouble;
mod under;
mod wait;

use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stderr;
use args::GatewayCommand;
use demo_page::DemoPage;
use std::process::ExitCode;

pub(crate) use args::GatewayArgs;
pub(super) use file::faults;
#[cfg(unix)]
pub(super) use plan::Source;
#[cfg(unix)]
pub(super) use signals::{Signals, Wish};

pub(crate) fn run(args: &GatewayArgs, manner: Manner) -> Result<ExitCode, Failure> {
    if let Some(GatewayCommand::Key(args)) = &args.command {
        return key::run(args, manner).map(|()| ExitCode::SUCCESS);
    }
    if args.wait {
        return wait::run(args).map(|()| ExitCode::SUCCESS);
    }
    let page = args.demo_page.as_deref().map(DemoPage::bind).transpose()?;
    let (plan, followed) = match file::of(args)? {
        Some(profiles) => file::plan(args, profiles, page, manner)?,
        None => (flags::plan(args, page)?, None),
    };
    let ended = match args.program.is_empty() {
        true => life::serve(plan, followed, manner),
        false => under::serve(plan, followed, &args.program, manner),
    };
    stderr::end();
    ended
}
