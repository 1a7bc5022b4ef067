//! What the command says of itself: help, completions, the manual.
#![cfg(unix)]
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::{EVERGRANT, Folder, evergrant, fails, isolate, run};
use std::path::Path;
use std::process::{Command, Stdio};

/// The subcommands that the help lists, `help` itself left out; each with its words.
fn subcommands() -> Vec<Vec<String>> {
    let of = |words: &[String]| -> Vec<Vec<String>> {
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.push("--help");
        let help = run(&mut evergrant(&words)).stdout;
        let list = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let names =
            list.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
        words.pop();
        let all = names
            .filter(|name| *name != "help")
            .map(|name| words.iter().copied().chain([name]).map(str::to_owned).collect::<Vec<String>>());
        all.collect()
    };
    let first = of(&[]);
    assert!(first.len() >= 10, "{first:?}");
    let second: Vec<_> = first.iter().flat_map(|words| of(words)).collect();
    first.into_iter().chain(second).collect()
}

/// A shell in a folder of its own, with this command on its PATH and nothing of the caller's configuration.
fn shell(folder: &Folder, script: &str) -> Command {
    let mut command = Command::new("sh");
    let own = Path::new(EVERGRANT).parent().unwrap().to_str().unwrap();
    let path = format!("{own}:{}", std::env::var("PATH").unwrap());
    isolate(&mut command).args(["-c", script]).current_dir(folder.path()).stdin(Stdio::null());
    command.env("PATH", path).env("HOME", folder.path());
    command
}

#[test]
fn the_examples_in_the_help_work_as_they_are() {
    let mut tried = 0;
    for words in subcommands() {
        let mut arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = run(&mut evergrant(&arguments)).stdout;
        let examples = help.lines().skip_while(|line| *line != "Examples:").skip(1);
        let examples: Vec<&str> = examples.map_while(|line| line.strip_prefix("  ")).collect();
        // A group of subcommands has none of its own.
        assert!(!examples.is_empty() || help.contains("\nCommands:\n"), "{words:?} has no examples");
        for example in examples {
            // CI runs the demonstration, and judges it.
            if example.starts_with("evergrant demo") || (example.contains("curl") && !has("curl")) {
                continue;
            }
            let folder = Folder::new();
            let ended = run(&mut shell(&folder, example));
            assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{example}: {}", ended.stdout);
            tried += 1;
        }
    }
    assert!(tried >= 15, "{tried}");
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

#[test]
fn every_shell_gets_every_subcommand() {
    for shell in ["bash", "zsh", "fish", "nushell", "powershell", "elvish"] {
        let script = run(&mut evergrant(&["completions", shell])).stdout;
        for words in subcommands() {
            let name = words.last().unwrap();
            assert!(script.contains(name.as_str()), "{shell} does not know {name}");
        }
        assert!(script.contains("token-file") && script.contains("client-secret-file"), "{shell}");
    }
    fails(&mut evergrant(&["completions", "dos"]), 2, &["bash"]);
}

#[test]
fn the_manual_has_a_page_for_each_subcommand_with_its_examples() {
    let folder = Folder::new();
    assert_eq!(run(&mut evergrant(&["man", "--out", folder.path()])).status, 0);
    for words in subcommands() {
        let name = format!("evergrant-{}.1", words.join("-"));
        let page = std::fs::read_to_string(folder.at(&name)).unwrap();
        assert!(page.contains(".SH NAME") && page.contains(".SH OPTIONS"), "{name}");
        let printed = run(evergrant(&["man"]).args(&words)).stdout;
        assert_eq!(printed, page, "{name}");
    }
    let page = run(&mut evergrant(&["man", "run"])).stdout;
    assert!(page.contains("Examples:") && page.contains("Exit status"), "{page}");
    assert!(run(&mut evergrant(&["man"])).stdout.contains("evergrant\\-inspect(1)"));
    fails(&mut evergrant(&["man", "nothing"]), 2, &["no such subcommand"]);
    let object = |words: &[&str]| -> serde_json::Value {
        serde_json::from_str(&run(&mut evergrant(&[&["man", "--json"], words].concat())).stdout).unwrap()
    };
    let printed = object(&["run"]);
    assert_eq!((&printed["file"], &printed["page"]), (&"evergrant-run.1".into(), &page.into()));
    let mut written: Vec<String> =
        serde_json::from_value(object(&["--out", folder.path()])["files"].take()).unwrap();
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let mut there: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    there.sort();
    written.sort();
    assert_eq!(written, there);
    fails(&mut evergrant(&["man", "--out", "no/such/folder"]), 2, &["cannot be written"]);
}
