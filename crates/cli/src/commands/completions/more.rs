//! What no script can know when it is made: the names of profiles, which it asks `evergrant config list` for, and the
//! programs that follow `--`.
//!
//! clap_complete can do the first, by a feature that it calls unstable and that leaves Nushell out.

/// The flag that names a profile, as each generator writes it; and what its value is completed by.
const ZSH: (&str, &str, &str) = ("'--profile=[", ":NAME:_default", ":NAME:_evergrant_profiles");
const FISH: (&str, &str, &str) = (" -l profile ", " -r", " -r -f -a \"(__evergrant_profiles)\"");
const NUSHELL: (&str, &str, &str) =
    ("    --profile: string", ": string", ": string@\"nu-complete evergrant profiles\"");

pub(super) fn bash(script: &str) -> String {
    format!("{script}{}", include_str!("more.bash"))
}

/// A script that is autoloaded is called when it has been read: functions come first, after the line for `compinit`.
pub(super) fn zsh(script: &str) -> String {
    let script = with_profiles(script, ZSH);
    let (first, rest) = script.split_once('\n').unwrap_or((&script, ""));
    format!("{first}\n{}{rest}", include_str!("more.zsh"))
}

pub(super) fn fish(script: &str) -> String {
    format!("{}{}", with_profiles(script, FISH), include_str!("more.fish"))
}

/// The functions of a module come before its end.
pub(super) fn nushell(script: &str) -> String {
    const MODULE: &str = "module completions {\n\n";
    let script = with_profiles(script, NUSHELL);
    let rest = script.strip_prefix(MODULE).unwrap_or(&script);
    format!("{MODULE}{}{rest}", include_str!("more.nu"))
}

fn with_profiles(script: &str, (flag, from, to): (&str, &str, &str)) -> String {
    let line = |line: &str| match line.rsplit_once(from) {
        Some((before, after)) if line.contains(flag) => format!("{before}{to}{after}\n"),
        _ => format!("{line}\n"),
    };
    script.lines().map(line).collect()
}
