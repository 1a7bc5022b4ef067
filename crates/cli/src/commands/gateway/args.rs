//! What can be said to `evergrant gateway`.

use super::demo_page;
use super::key::KeyArgs;
use crate::client::args::{ClientArgs, OriginArgs};
use crate::client::profile::gateway::LogWord;
use clap::{Args, Subcommand, ValueHint};
use std::ffi::OsString;

#[derive(Clone, Debug, Args)]
#[command(override_usage = "evergrant gateway [OPTIONS] [-- <CMD>...]\n       evergrant gateway key [OPTIONS] <NAME>",
    args_conflicts_with_subcommands = true, disable_help_subcommand = true, after_long_help = examples!(
    "evergrant mock -- evergrant -q gateway -- sh -c \\",
    "  'curl -sS \"$EVERGRANT_GATEWAY/shipments\"'",
    "evergrant gateway key erp";
    usage, transient, signal, program
))]
pub(crate) struct GatewayArgs {
    #[command(subcommand)]
    pub(crate) command: Option<GatewayCommand>,
    /// Base URL of the API that requests go to
    ///
    /// Default: the only API that the client is for: the provider's, that of the profile, or that of --allow-origin.
    #[arg(long, value_name = "URL")]
    pub(crate) upstream: Option<String>,
    /// Address to listen at; may be repeated
    ///
    /// localhost:PORT, an IP address and a port, or unix:PATH. Default: localhost:8484, or with a program a free port
    /// of 127.0.0.1. Where the configuration file describes the gateway: what it says.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Vec<String>,
    /// Address for health and metrics, or none
    ///
    /// An IP address and a port. The status is at /, for people; other paths are /status, /livez, /readyz and /metrics. Default: 127.0.0.1:8485, or none
    /// with a program. If it cannot be used the gateway serves without it.
    #[arg(long, value_name = "ADDR|none")]
    pub(crate) admin: Option<String>,
    /// Show a page of a device whose requests wait, at this address
    ///
    /// An IP address of loopback and a port. Default: 127.0.0.1:8486. Open it in a browser: it sends requests to the gateway, whose
    /// routes list its origin then.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = demo_page::USUAL)]
    pub(crate) demo_page: Option<String>,
    /// Requests to log on stdout
    ///
    /// A JSON object a line, or short lines on a terminal. With a program it is on stderr. Default: own.
    #[arg(long, value_enum)]
    pub(crate) log: Option<LogWord>,
    /// Wait until a gateway on this machine is ready
    ///
    /// It asks /readyz at the address of --admin, for as long as --timeout says. Default: 2m.
    #[arg(long, conflicts_with_all = ["upstream", "listen", "demo_page", "log", "program"])]
    pub(crate) wait: bool,
    /// Program to run, and its arguments
    ///
    /// It finds the base URL of the gateway in EVERGRANT_GATEWAY, and no secret. Signals are passed on to it. The gateway
    /// ends with it, and the command ends with its exit status. stdout belongs to the program.
    #[arg(value_name = "CMD", last = true, value_hint = ValueHint::CommandWithArguments)]
    pub(crate) program: Vec<OsString>,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) origins: OriginArgs,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum GatewayCommand {
    /// Make a key for a program that may use the gateway
    ///
    /// It prints the key, which is not kept anywhere, and the line for the configuration file, which has its digest.
    Key(KeyArgs),
}
