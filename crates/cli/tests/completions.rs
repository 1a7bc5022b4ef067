//! Completions, in the shells themselves.
#![cfg(unix)]
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::{EVERGRANT, Folder, evergrant, isolate, run};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

/// A folder with profiles, with another configuration file and with this shell's script; `None` where the shell is not
/// installed. CI installs each of them.
fn folder(shell: &str, script: &str) -> Option<Folder> {
    let program = if shell == "nushell" { "nu" } else { shell };
    if Command::new(program).arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "CI has no {program}");
        return None;
    }
    let folder = Folder::new();
    std::fs::create_dir_all(folder.at("configuration/evergrant")).unwrap();
    std::fs::create_dir(folder.at("sub folder")).unwrap();
    let profiles = "[profile.staging]\n[profile.stable]\n[profile.'two words']\n";
    folder.file("configuration/evergrant/config.toml", 0o600, profiles);
    folder.file("other.toml", 0o600, "[profile.elsewhere]\n");
    folder.file(script, 0o600, run(&mut evergrant(&["completions", shell])).stdout);
    Some(folder)
}

/// This program in that folder, with this command on its PATH.
fn output(folder: &Folder, words: &[&str]) -> String {
    let own = Path::new(EVERGRANT).parent().unwrap().to_str().unwrap();
    let path = format!("{own}:{}", std::env::var("PATH").unwrap());
    let mut command = Command::new(words[0]);
    isolate(&mut command).args(&words[1..]).current_dir(folder.path()).stdin(Stdio::null());
    command.env("PATH", path).env("HOME", folder.path());
    command.env("XDG_CONFIG_HOME", folder.at("configuration")).env("XDG_DATA_HOME", folder.at("data"));
    run(&mut command).stdout
}

#[test]
fn bash_completes_flags_profiles_and_programs() {
    let Some(folder) = folder("bash", "script") else { return };
    let complete = |words: &str| {
        let last = words.split(' ').count() - 1;
        // As bash calls the function that is registered.
        let script = format!(
            "set -u; . ./script; COMP_WORDS=({words}); COMP_CWORD={last}; \
             function=$(complete -p evergrant | sed 's/.*-F \\([^ ]*\\).*/\\1/'); \
             $function evergrant \"${{COMP_WORDS[{last}]}}\" \"${{COMP_WORDS[{last} - 1]}}\" 2> /dev/null; \
             printf '%s\\n' ${{COMPREPLY[@]+\"${{COMPREPLY[@]}}\"}} | sort -u"
        );
        output(&folder, &["bash", "--norc", "-c", &script])
    };
    assert_eq!(complete("evergrant insp"), "inspect\n");
    assert_eq!(complete("evergrant run --token-f"), "--token-file\n");
    assert_eq!(complete("evergrant token --format h"), "header\n");
    assert_eq!(complete("evergrant token --profile sta"), "stable\nstaging\n");
    assert_eq!(complete("evergrant token --profile = tw"), "two\\ words\n");
    assert_eq!(complete("evergrant token --profile ="), "stable\nstaging\ntwo\\ words\n");
    assert_eq!(complete("evergrant config check --config other.toml --profile ''"), "elsewhere\n");
    assert_eq!(complete("evergrant run --config = ~/other.toml --profile e"), "elsewhere\n");
    assert_eq!(complete("evergrant token --profile nothing"), "\n");
    assert_eq!(complete("evergrant run -- mkfif"), "mkfifo\n");
    assert_eq!(complete("evergrant mock --port 0 -- mkfif"), "mkfifo\n");
    assert_eq!(complete("evergrant mock --trust"), "--trust-keys\n");
    assert_eq!(complete("evergrant mock --trust-keys other.t"), "other.toml\n");
    assert_eq!(complete("evergrant token --format = h"), "header\n");
    assert_eq!(complete("evergrant token --cache = r"), "refresh\n");
    assert_eq!(complete("evergrant token --cache ="), "no\nrefresh\nyes\n");
    assert_eq!(complete("evergrant token --cache r"), "\n", "it takes its value after = only");
    assert_eq!(complete("evergrant man tok"), "token\n");
    assert_eq!(complete("evergrant help config che"), "check\n");
    assert_eq!(complete("evergrant completions z"), "zsh\n");
}

#[test]
fn fish_completes_flags_profiles_and_programs() {
    let Some(folder) = folder("fish", "script") else { return };
    let complete = |line: &str| {
        let found = output(&folder, &["fish", "-c", &format!("source script; complete -C '{line}'")]);
        let words = found.lines().filter_map(|line| line.split('\t').next());
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete("evergrant insp"), ["inspect"]);
    assert_eq!(complete("evergrant token --format h"), ["header"]);
    assert_eq!(complete("evergrant token --profile sta"), ["stable", "staging"]);
    assert_eq!(complete("evergrant token --profile=tw"), ["--profile=two words"]);
    assert_eq!(complete("evergrant config check --config other.toml --profile "), ["elsewhere"]);
    assert_eq!(complete("evergrant run --config=~/other.toml --profile "), ["elsewhere"]);
    assert_eq!(complete("evergrant run -- mkfif"), ["mkfifo"]);
    assert_eq!(complete("evergrant mock --port 0 -- env mkfif"), ["mkfifo"]);
    assert_eq!(complete("evergrant man --out sub"), ["sub folder/"]);
    assert_eq!(complete("evergrant token --cache=r"), ["--cache=refresh"]);
    assert_eq!(
        complete("evergrant token --cache "),
        [""; 0],
        "it takes its value after = only, and there are no files"
    );
    assert_eq!(complete("evergrant man tok"), ["token"]);
    assert_eq!(complete("evergrant man other"), [""; 0]);
    assert_eq!(complete("evergrant help config che"), ["check"]);
    assert_eq!(complete("evergrant completions z"), ["zsh"]);
    let described =
        output(&folder, &["fish", "-c", "source script; complete -C 'evergrant token --profile sta'"]);
    assert_eq!(described, "stable\tprofile\nstaging\tprofile\n");
}

#[test]
fn zsh_completes_flags_profiles_and_programs() {
    let Some(folder) = folder("zsh", "_evergrant") else { return };
    // What is typed into a shell at a terminal of its own, whose Tab completes and whose Ctrl-X tells the line.
    let driver = r#"
        zmodload zsh/zpty
        zpty -b shell zsh -f -i
        zpty -w -n shell 'PS1=; fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D; setopt no_beep
            tell() { print -r -- "$BUFFER" > telling; mv telling told }; zle -N tell; bindkey "^X" tell; : > ready'$'\r'
        until [[ -e ready ]]; do zpty -r -t shell _; sleep 0.02; done
        zpty -w -n shell "$1"$'\t\x18'
        until [[ -e told ]]; do zpty -r -t shell _; sleep 0.02; done
        cat told; rm told ready
        zpty -d shell"#;
    let complete = |line: &str| output(&folder, &["timeout", "60", "zsh", "-f", "-c", driver, "zsh", line]);
    assert_eq!(complete("evergrant insp"), "evergrant inspect \n");
    assert_eq!(complete("evergrant token --format h"), "evergrant token --format header \n");
    assert_eq!(complete("evergrant token --profile stag"), "evergrant token --profile staging \n");
    assert_eq!(complete("evergrant token --profile=tw"), "evergrant token --profile=two\\ words \n");
    for line in [
        "evergrant config check --config other.toml --profile ",
        "evergrant run --config=~/other.toml --profile ",
    ] {
        assert_eq!(complete(line), format!("{line}elsewhere \n"));
    }
    assert_eq!(complete("evergrant run -- mkfif"), "evergrant run -- mkfifo \n");
    assert_eq!(complete("evergrant mock -- env mkfif"), "evergrant mock -- env mkfifo \n");
    assert_eq!(complete("evergrant man --out sub"), "evergrant man --out sub\\ folder/\n");
    assert_eq!(complete("evergrant token --cache=r"), "evergrant token --cache=refresh \n");
    assert_eq!(
        complete("evergrant token --cache r"),
        "evergrant token --cache r\n",
        "it takes its value after = only"
    );
    assert_eq!(complete("evergrant man tok"), "evergrant man token \n");
    assert_eq!(complete("evergrant help config che"), "evergrant help config check \n");
}

#[test]
fn nushell_completes_flags_and_profiles() {
    let Some(folder) = folder("nushell", "evergrant.nu") else { return };
    let complete = |line: &str| {
        let text = format!("source evergrant.nu\n{line}");
        let (at, file) = (text.len().to_string(), folder.file("line.nu", 0o600, &text));
        output(&folder, &["nu", "--no-config-file", "--ide-complete", &at, &file])
    };
    assert!(complete("evergrant insp").contains(r#"["evergrant inspect"]"#));
    assert!(complete("evergrant token --format h").contains(r#"["header"]"#));
    assert!(complete("evergrant token --profile sta").contains(r#"["stable", "staging"]"#));
    assert!(complete("evergrant token --profile tw").contains("two words"));
    assert!(complete("evergrant config check --config other.toml --profile ").contains(r#"["elsewhere"]"#));
}

#[test]
fn every_shell_gets_its_script_as_json_too() {
    for shell in ["bash", "elvish", "fish", "nushell", "powershell", "zsh"] {
        let script = run(&mut evergrant(&["completions", shell])).stdout;
        let object: Value =
            serde_json::from_str(&run(&mut evergrant(&["completions", shell, "--json"])).stdout).unwrap();
        assert_eq!((&object["shell"], &object["script"]), (&shell.into(), &script.into()));
    }
}
