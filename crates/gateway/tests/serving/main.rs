//! The gateway over sockets.
#![allow(clippy::unwrap_used)]

mod access;
mod api;
mod attacked;
mod certified;
mod fields;
mod fixture;
#[cfg(unix)]
mod heads;
mod honest;
mod hostile;
mod issue;
mod life;
mod links;
mod many;
mod multiplexed;
mod pages;
mod passing;
mod proxies;
mod queue;
mod refused;
mod reload;
mod secured;
mod story;
mod tenants;
mod upgraded;
