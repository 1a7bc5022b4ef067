//! The subcommands: what can be said to each, and what it does.

pub(crate) mod cache;
pub(crate) mod child;
pub(crate) mod completions;
pub(crate) mod config;
mod deadline;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod gateway;
pub(crate) mod help;
pub(crate) mod inspect;
#[cfg(unix)]
mod interrupt;
#[cfg(not(unix))]
#[path = "commands/interrupt/elsewhere.rs"]
mod interrupt;
pub(crate) mod key;
pub(crate) mod man;
mod metrics;
pub(crate) mod mock;
mod replaced;
pub(crate) mod request;
pub(crate) mod run;
mod runtime;
#[cfg(unix)]
pub(crate) mod serve;
mod small_server;
pub(crate) mod token;
pub(crate) mod watch;
