//! What `-h` and `--help` print.

use clap::{Arg, Command};

/// A line about an exit status.
macro_rules! exit_status {
    (demo) => {
        "  1  the demonstration found a fault\n"
    };
    (expired) => {
        "  1  with --check: the token has expired or is not valid yet\n"
    };
    (usage) => {
        "  2  configuration or usage error\n"
    };
    (refused) => {
        "  3  refused: the client or the request must be changed\n"
    };
    (transient) => {
        "  4  transient failure: try again\n"
    };
    (program) => {
        "\nWith a program: its own status, 126 or 127 if it cannot be started, and\n128 + N if signal N ended it\n"
    };
    (signal) => {
        "  128 + N  ended by signal N\n"
    };
}

/// Examples, which a test runs as they are: one a line, or more lines of which each but the last ends with a backslash. Then
/// the statuses other than 0 that this subcommand can end with.
macro_rules! examples {
    ($($line:literal),+ $(,)?; $($status:ident),+ $(,)?) => {
        concat!("Examples:\n", $("  ", $line, "\n",)+ "\nExit status:\n  0  done\n", $(exit_status!($status)),+)
    };
}

/// The same command, whose `-h` has a line for each flag: variables and possible values are for `--help` alone, which clap
/// cannot be told otherwise.
pub(crate) fn summarized(command: Command) -> Command {
    command.mut_args(summary).mut_subcommands(summarized)
}

fn summary(arg: Arg) -> Arg {
    let text = |help: Option<&clap::builder::StyledStr>| help.map(ToString::to_string);
    let mut long = text(arg.get_long_help()).or_else(|| text(arg.get_help())).unwrap_or_default();
    let is_choice = arg.get_action().takes_values() && !arg.get_possible_values().is_empty();
    if is_choice {
        long.push_str("\n\nPossible values:");
        for value in arg.get_possible_values() {
            let name = value.get_name();
            let meaning = value.get_help().map(|help| format!(": {help}")).unwrap_or_default();
            long.push_str(&format!("\n- {name}{meaning}"));
        }
    }
    if let Some(name) = arg.get_env() {
        long.push_str(&format!("\n\n[env: {}]", name.display()));
    }
    arg.long_help(long).hide_env(true).hide_possible_values(is_choice)
}
