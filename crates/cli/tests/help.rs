//! What the command says of itself: help, completions, the manual.
#![cfg(unix)]
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::{EVERGRANT, Folder, evergrant, fails, isolate, run};
use std::path::Path;
use std::process::{Command, Stdio};

/// The subcommands that the help lists; each with its words.
fn subcommands() -> Vec<Vec<String>> {
    let of = |words: &[String]| -> Vec<Vec<String>> {
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.push("--help");
        let help = run(&mut evergrant(&words)).stdout;
        let list = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let names =
            list.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
        words.pop();
        let all =
            names.map(|name| words.iter().copied().chain([name]).map(str::to_owned).collect::<Vec<String>>());
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
        let examples = examples(&help);
        assert!(!examples.is_empty(), "{words:?} has no examples");
        for example in examples {
            // CI runs the demonstration, and judges it.
            let lacks = |program: &str| example.contains(program) && !has(program);
            if example.starts_with("evergrant demo") || lacks("curl") || lacks("openssl") {
                continue;
            }
            let folder = Folder::new();
            let ended = run(&mut shell(&folder, &example));
            assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{example}: {}", ended.stdout);
            tried += 1;
        }
    }
    assert!(tried >= 15, "{tried}");
}

/// The examples of a help. One goes on in the next line after a backslash.
fn examples(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Examples:").skip(1);
    let lines: Vec<&str> = lines.map_while(|line| line.strip_prefix("  ")).collect();
    let mut examples: Vec<String> = Vec::new();
    for line in lines {
        match examples.last_mut().filter(|example| example.ends_with('\\')) {
            Some(example) => *example += &format!("\n{line}"),
            None => examples.push(line.to_owned()),
        }
    }
    examples
}

/// What this command says with this flag.
fn help(words: &[String], flag: &str) -> String {
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    words.push(flag);
    let ended = run(&mut evergrant(&words));
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{words:?}");
    ended.stdout
}

/// The lines of a help below this heading.
fn section<'a>(help: &'a str, heading: &str) -> Vec<&'a str> {
    let lines = help.lines().skip_while(|line| *line != heading).skip(1);
    lines.take_while(|line| line.is_empty() || line.starts_with(' ')).collect()
}

/// The statuses that the end of a help names.
fn statuses(help: &str) -> String {
    let lines = help.lines().skip_while(|line| *line != "Exit status:").skip(1);
    lines.filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next()).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_help_fits_80_columns_and_has_its_groups_in_one_order() {
    const ORDER: [&str; 11] = [
        "Commands:",
        "Arguments:",
        "Options:",
        "Request:",
        "Output:",
        "Client:",
        "Network:",
        "Cache:",
        "Global options:",
        "Examples:",
        "Exit status:",
    ];
    for words in subcommands().into_iter().chain([Vec::new()]) {
        for flag in ["-h", "--help"] {
            let help = help(&words, flag);
            for line in help.lines() {
                assert!(line.chars().count() <= 80, "{words:?} {flag}: {line}");
            }
            let headings = help.lines().filter(|line| line.ends_with(':') && !line.starts_with(' '));
            let places: Vec<_> = headings.map(|line| ORDER.iter().position(|known| *known == line)).collect();
            assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{words:?} {flag}: {help}");
            let is_argument = |line: &str| line.starts_with("  <") || line.starts_with("  [");
            let mut outside =
                help.lines().filter(|line| is_argument(line) && !section(&help, "Arguments:").contains(line));
            assert_eq!(outside.next(), None, "{words:?} {flag}");
            // There a profile is named that is not there yet.
            if help.contains("      --client-id <ID>") && words != ["config", "init"] {
                let token = self::help(&["token".to_owned()], flag);
                for same in ["Client:", "Cache:"] {
                    assert_eq!(section(&help, same), section(&token, same), "{words:?} {flag}");
                }
            }
            let global = help.split("Global options:").nth(1).unwrap();
            assert!(global.contains("-v, --verbose") && global.contains("-h, --help"), "{words:?} {flag}");
        }
    }
}

#[test]
fn a_short_help_has_a_line_for_each_flag_and_a_long_one_the_rest() {
    let words = ["token".to_owned()];
    let (short, long) = (help(&words, "-h"), help(&words, "--help"));
    let flags = short.lines().filter(|line| line.contains(" --")).count();
    let lines = short.lines().filter(|line| line.starts_with("  ")).count();
    assert_eq!(flags, lines, "{short}");
    for rest in ["[env: EVERGRANT_CLIENT_ID]", "- basic-raw: ", "Default: 10s."] {
        assert!(!short.contains(rest) && long.contains(rest), "{rest}: {long}");
    }
}

#[test]
fn a_help_names_the_statuses_that_its_subcommand_can_end_with() {
    let of = |words: &[&str]| {
        statuses(&help(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>(), "--help"))
    };
    assert_eq!(of(&[]), "");
    assert_eq!(of(&["token"]), "0 2 3 4");
    assert_eq!(of(&["demo"]), "0 1 2 4");
    assert_eq!(of(&["inspect"]), "0 1 2 4");
    assert_eq!(of(&["config", "check"]), "0 2 4");
    assert_eq!(of(&["mock"]), "0 2 4 128");
    for words in [["run"], ["mock"]] {
        assert!(help(&words.map(str::to_owned), "--help").contains("126 or 127"), "{words:?}");
    }
}

#[test]
fn help_is_a_subcommand_like_the_others() {
    assert!(help(&[], "-h").starts_with("Get OAuth 2.0 access tokens"));
    assert!(help(&["help".to_owned()], "--help").contains("Usage: evergrant help [OPTIONS] [SUBCOMMAND]..."));
    assert_eq!(run(&mut evergrant(&["help"])).stdout, help(&[], "--help"));
    let check = ["config", "check"].map(str::to_owned);
    assert_eq!(run(&mut evergrant(&["help", "config", "check"])).stdout, help(&check, "--help"));
    fails(&mut evergrant(&["help", "nothing"]), 2, &["unknown subcommand"]);
}

#[test]
fn a_mistake_on_the_command_line_is_told_with_the_short_usage() {
    for (words, usage) in [
        (&["mock", "--for", "1s", "--", "true"][..], "mock [OPTIONS] [-- <CMD>...]"),
        (&["mock", "--env", "--", "true"], "mock [OPTIONS] [-- <CMD>...]"),
        (&["config", "show", "--dangerous-plain-http=false"], "config show [OPTIONS]"),
        (&["run"], "run [OPTIONS] -- <CMD>..."),
        (&["token", "--client-id"], "token [OPTIONS]"),
        (&["-q", "token", "--cach"], "token [OPTIONS]"),
    ] {
        let ended = run(&mut evergrant(words));
        let line = ended.stderr.lines().find(|line| line.starts_with("Usage: "));
        // Where a value is what is wrong, clap says no usage.
        let expected = (ended.status, format!("Usage: evergrant {usage}"));
        assert_eq!((ended.status, line.unwrap_or(&expected.1).to_owned()), (2, expected.1), "{words:?}");
    }
}

#[test]
fn a_number_out_of_bounds_is_told_with_its_bounds() {
    for (arguments, says) in [
        (&["demo", "--seconds", "4"][..], "write a number from 5 to 3600"),
        (&["demo", "--workers", "many"], "write a number from 1 to 1000"),
        (&["request", "--refused-at", "200", "https://api.example/"], "write a number from 400 to 599"),
        (&["mock", "--port", "65536"], "write a number from 0 to 65535"),
    ] {
        fails(&mut evergrant(arguments), 2, &[says]);
    }
}

#[test]
fn a_suggestion_is_made_where_it_can_be_meant() {
    for (words, suggested) in [
        (["token", "--secret"], Some("--client-secret-file")),
        (["watch", "--client-secret=x"], Some("--client-secret-file")),
        (["token", "--cach"], Some("--cache")),
        (["token", "--grant"], None),
        (["inspect", "--secret"], None),
    ] {
        let ended = run(&mut evergrant(&words));
        let tip = ended.stderr.lines().find(|line| line.contains("a similar argument exists"));
        let tip = tip.and_then(|line| line.split('\'').nth(1));
        assert_eq!((ended.status, tip), (2, suggested), "{words:?}: {}", ended.stderr);
    }
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
        let printed = run(evergrant(&["man"]).args(&words)).stdout;
        assert_eq!(printed, page, "{name}");
        let heading =
            |line: &&str| line.starts_with(".SH ") && *line != ".SH COMMANDS" && *line != ".SH ARGUMENTS";
        let sections: Vec<&str> = page.lines().filter(heading).collect();
        assert_eq!(
            sections.join(" "),
            ".SH NAME .SH SYNOPSIS .SH DESCRIPTION .SH OPTIONS .SH EXAMPLES .SH \"EXIT STATUS\" .SH \"SEE ALSO\"",
            "{name}"
        );
        assert!(page.contains(" \"\" \"evergrant 0.1.0\"\n"), "{name} has no version");
        let help = help(&words, "--help");
        for example in examples(&help) {
            let example = example.replace('\\', r"\(rs").replace('-', r"\-").replace('\'', r"\*(Aq");
            // Between lines that are neither filled nor hyphenated.
            let (before, _) = page.rsplit_once(&example).unwrap_or_else(|| panic!("{name}: {example}"));
            assert!(before.rfind(".nf") > before.rfind(".fi"), "{name}: {example}");
        }
        let variables = help.lines().filter_map(|line| line.trim().strip_prefix("[env: ")?.strip_suffix(']'));
        for variable in variables {
            assert!(page.contains(&format!("Variable: \\fB{variable}\\fR")), "{name}: {variable}");
        }
    }
    let page = run(&mut evergrant(&["man", "run"])).stdout;
    assert!(run(&mut evergrant(&["man"])).stdout.contains("\\fBevergrant\\-inspect\\fR(1)"));
    fails(&mut evergrant(&["man", "nothing"]), 2, &["unknown subcommand"]);
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

#[test]
fn the_manual_is_readable_at_80_columns() {
    if !has("groff") {
        assert!(std::env::var_os("CI").is_none(), "CI has no groff");
        return;
    }
    let folder = Folder::new();
    assert_eq!(run(&mut evergrant(&["man", "--out", folder.path()])).status, 0);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let page = entry.unwrap().path();
        // Without escapes for a terminal.
        let ended =
            run(Command::new("groff").args(["-man", "-Tutf8", "-ww", "-P-cbou", "-rLL=80n"]).arg(&page));
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{page:?}");
        for line in ended.stdout.lines() {
            assert!(line.chars().count() <= 80, "{page:?}: {line}");
        }
    }
}
