//! A page of the manual, out of what `--help` says.

use clap::{Arg, Command};
use roff::{Inline, Roff, bold, italic, line_break, roman};

/// The section of the manual for commands.
const SECTION: &str = "1";

/// The name of the file, and the text in roff.
pub(super) struct Page {
    pub(super) file: String,
    pub(super) text: String,
}

impl Page {
    /// The page of a command that is built; `root` is the whole one.
    pub(super) fn of(command: &Command, root: &Command) -> Self {
        let name = name(command);
        let version = root.get_version().unwrap_or_default();
        let source = format!("{} {version}", root.get_name());
        let mut page = Roff::new();
        // Without a date: an empty argument is written as it is.
        page.control("TH", [name.to_uppercase().as_str(), SECTION, "\"\"", &source]);
        // Names are copied from a page: none is divided at the end of a line, and no line is stretched.
        page.control("nh", []).control("ad", ["l"]);
        page.control("SH", ["NAME"]);
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        page.text([roman(format!("{name} - {about}"))]);
        page.control("SH", ["SYNOPSIS"]);
        let usage = command.clone().render_usage().to_string();
        page.text([bold(usage.trim_start_matches("Usage: "))]);
        page.control("SH", ["DESCRIPTION"]);
        let long = command.get_long_about().map(ToString::to_string);
        page.text([roman(prose(&long.unwrap_or(about)))]);
        subcommands(&mut page, command);
        arguments(&mut page, command);
        let ending = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
        verbatim(&mut page, &ending);
        if name != root.get_name() {
            page.control("SH", ["SEE ALSO"]);
            page.text([bold(root.get_name()), roman(format!("({SECTION})"))]);
        }
        Self { file: format!("{name}.{SECTION}"), text: copied(&page.render()) }
    }
}

/// With the words of its parents: `evergrant-config-check`.
fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

fn subcommands(page: &mut Roff, command: &Command) {
    let shown: Vec<&Command> = command.get_subcommands().filter(|command| !command.is_hide_set()).collect();
    if !shown.is_empty() {
        page.control("SH", ["COMMANDS"]);
    }
    for command in shown {
        page.control("TP", []);
        page.text([bold(name(command)), roman(format!("({SECTION})"))]);
        page.text([roman(prose(&command.get_about().map(ToString::to_string).unwrap_or_default()))]);
    }
}

/// What can be said to the command, under the headings of its help.
fn arguments(page: &mut Roff, command: &Command) {
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let (positional, flags): (Vec<&Arg>, Vec<&Arg>) = shown.partition(|arg| arg.is_positional());
    if !positional.is_empty() {
        page.control("SH", ["ARGUMENTS"]);
        positional.iter().for_each(|arg| argument(page, arg));
    }
    page.control("SH", ["OPTIONS"]);
    // Those without a heading come first.
    let mut headings: Vec<Option<&str>> = vec![None];
    for flag in &flags {
        if !headings.contains(&flag.get_help_heading()) {
            headings.push(flag.get_help_heading());
        }
    }
    for heading in headings {
        if let Some(heading) = heading {
            page.control("SS", [heading]);
        }
        flags.iter().filter(|flag| flag.get_help_heading() == heading).for_each(|flag| argument(page, flag));
    }
}

fn argument(page: &mut Roff, arg: &Arg) {
    page.control("TP", []);
    page.text(head(arg));
    let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut text = vec![roman(prose(&help))];
    let takes_a_value = arg.get_action().takes_values();
    if let Some(default) = arg.get_default_values().first().filter(|_| takes_a_value) {
        text.push(roman(format!(" Default: {}.", default.display())));
    }
    if let Some(variable) = arg.get_env() {
        text.extend([line_break(), roman("Variable: "), bold(variable.to_string_lossy())]);
    }
    page.text(text);
    let values = arg.get_possible_values();
    if !takes_a_value || values.is_empty() {
        return;
    }
    page.control("RS", []);
    for value in values.iter().filter(|value| !value.is_hide_set()) {
        page.control("TP", []);
        page.text([bold(value.get_name())]);
        page.text([roman(prose(&value.get_help().map(ToString::to_string).unwrap_or_default()))]);
    }
    page.control("RE", []);
}

/// `-o, --output FILE`, `--cache[=WHEN]`, or `CMD...`.
fn head(arg: &Arg) -> Vec<Inline> {
    let mut head = Vec::new();
    if let Some(short) = arg.get_short() {
        head.extend([bold(format!("-{short}")), roman(", ")]);
    }
    if let Some(long) = arg.get_long() {
        head.push(bold(format!("--{long}")));
    }
    let names = arg.get_value_names().filter(|_| arg.get_action().takes_values());
    let value = names.map(|names| names.join(" ")).unwrap_or_default();
    if arg.is_require_equals_set() {
        head.extend([roman("[="), italic(value), roman("]")]);
    } else if !value.is_empty() {
        let is_list = arg.is_positional() && arg.get_num_args().is_some_and(|range| range.max_values() > 1);
        head.extend([roman(if arg.is_positional() { "" } else { " " }), italic(value)]);
        head.push(roman(if is_list { "..." } else { "" }));
    }
    head
}

/// The paragraphs of a help as one, each of which ends with a full stop.
fn prose(help: &str) -> String {
    let sentences = help.split("\n\n").map(|paragraph| {
        let paragraph = paragraph.replace('\n', " ");
        let end = if paragraph.is_empty() || paragraph.ends_with('.') { "" } else { "." };
        format!("{paragraph}{end}")
    });
    sentences.collect::<Vec<_>>().join(" ")
}

/// What stands at the end of a help: each heading is a section, and its lines are kept as they are.
fn verbatim(page: &mut Roff, ending: &str) {
    let mut is_open = false;
    for line in ending.lines() {
        match line.strip_suffix(':').filter(|line| !line.starts_with(' ')) {
            Some(heading) => {
                if is_open {
                    page.control("fi", []);
                }
                page.control("SH", [heading.to_uppercase().as_str()]);
                page.control("nf", []);
                is_open = true;
            }
            None => {
                page.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
            }
        }
    }
    if is_open {
        page.control("fi", []);
    }
}

/// The same text, whose characters can be copied from a page into a shell: roff makes others of some.
fn copied(text: &str) -> String {
    text.replace(r"\\", r"\(rs").replace('~', r"\(ti").replace('^', r"\(ha").replace('`', r"\(ga")
}
