//! What no script can know when it is made: the names of profiles, which it asks `evergrant config list` for, and the
//! programs that follow `--`.
//!
//! clap_complete can do the first, by a feature that it calls unstable and that leaves Nushell out.

use clap::builder::PossibleValue;
use clap::{Arg, Command};

/// A line of a script that has the first text: in place of the second, the third.
type Change = (&'static str, &'static str, &'static str);

/// The flag that names a profile, as each generator writes it; and what its value is completed by.
const ZSH: Change = ("'--profile=[", ":NAME:_default", ":NAME:_evergrant_profiles");
const FISH: Change = (" -l profile ", " -r", " -r -f -a \"(__evergrant_profiles)\"");
const NUSHELL: Change = ("    --profile: string", ": string", ": string@\"nu-complete evergrant profiles\"");

/// The flag whose value is in the same word or nowhere; the generators do not ask for that.
const ZSH_CACHE: Change = ("'--cache=[", "'--cache=[", "'--cache=-[");
const FISH_CACHE: Change = (" -l cache ", " -r -f -a", " -f -a");

pub(super) fn bash(script: &str) -> String {
    format!("{script}{}", include_str!("more.bash"))
}

/// A script that is autoloaded is called when it has been read: functions come first, after the line for `compinit`.
pub(super) fn zsh(script: &str) -> String {
    let script = changed(&changed(script, ZSH), ZSH_CACHE);
    let (first, rest) = script.split_once('\n').unwrap_or((&script, ""));
    format!("{first}\n{}{rest}", include_str!("more.zsh"))
}

pub(super) fn fish(script: &str, command: &Command) -> String {
    let script = changed(&changed(script, FISH), FISH_CACHE);
    format!("{script}{}{}", fish_arguments(command), include_str!("more.fish"))
}

/// What the generator for fish leaves out: the values of an argument that is no flag, and no files where there is no such
/// argument.
fn fish_arguments(command: &Command) -> String {
    let mut lines = String::new();
    for subcommand in command.get_subcommands() {
        let values = |arg: &Arg| arg.get_possible_values();
        let values: Vec<_> = subcommand.get_positionals().map(values).collect();
        if values.iter().any(Vec::is_empty) {
            continue;
        }
        let name = subcommand.get_name();
        lines.push_str(&format!("complete -c evergrant -n \"__fish_evergrant_using_subcommand {name}\" -f"));
        let values: Vec<&str> = values.iter().flatten().map(PossibleValue::get_name).collect();
        if !values.is_empty() {
            lines.push_str(&format!(" -a \"{}\"", values.join(" ")));
        }
        lines.push('\n');
    }
    lines
}

/// The functions of a module come before its end.
pub(super) fn nushell(script: &str) -> String {
    const MODULE: &str = "module completions {\n\n";
    let script = changed(script, NUSHELL);
    let rest = script.strip_prefix(MODULE).unwrap_or(&script);
    format!("{MODULE}{}{rest}", include_str!("more.nu"))
}

fn changed(script: &str, (flag, from, to): Change) -> String {
    let line = |line: &str| match line.rsplit_once(from) {
        Some((before, after)) if line.contains(flag) => format!("{before}{to}{after}\n"),
        _ => format!("{line}\n"),
    };
    script.lines().map(line).collect()
}
