//! Values out of TOML, with the place of each, so that what is wrong can be pointed at.
//!
//! No value is ever shown: it may be a secret that was written where it does not belong.

use super::problem::{About, Problem};
use crate::client::args;
use crate::client::nearest::nearest;
use crate::tell::escaped::Line;
use crate::tell::failure::Failure;
use clap::ValueEnum;
use evergrant_tokio_reqwest::ConfigError;
use std::fmt::Write;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value, its place, and the key it belongs to.
#[derive(Clone, Debug)]
pub(super) struct Value<'a> {
    of: String,
    value: Spanned<DeValue<'a>>,
}

/// A key and its place.
#[derive(Clone, Debug)]
pub(super) struct Key {
    name: String,
    at: usize,
}

/// The members of a table, in the order of their keys.
pub(super) type Table<'a> = Vec<(Key, Value<'a>)>;

impl Key {
    pub(super) fn as_str(&self) -> &str {
        &self.name
    }
}

impl Value<'_> {
    pub(super) fn is_table(&self) -> bool {
        self.value.get_ref().is_table()
    }

    pub(super) fn is_array(&self) -> bool {
        self.value.get_ref().is_array()
    }

    /// Whether it is a table without members.
    pub(super) fn is_empty(&self) -> bool {
        self.value.get_ref().as_table().is_some_and(DeTable::is_empty)
    }
}

/// The text of a file, and what was found wrong with it.
pub(super) struct Reader<'a> {
    text: &'a str,
    /// Where its lines end.
    breaks: Vec<usize>,
    about: About,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at).collect();
        Self { text, breaks, about: About::File, problems: Vec::new() }
    }

    /// What was found, in the order of the lines.
    pub(super) fn problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| problem.line);
        self.problems
    }

    /// From now on it is about this.
    pub(super) fn enter(&mut self, about: About) {
        self.about = about;
    }

    /// The members of the whole file, as far as it is TOML: what is wrong with a line does not hide the others.
    pub(super) fn document(&mut self) -> Table<'a> {
        let (document, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            // The message alone: the whole error shows the line, and a secret may stand there.
            self.problem(at, format!("this is not TOML: {}", error.message()), "correct the line");
        }
        members(document.get_ref())
    }

    pub(super) fn table<'v>(&mut self, value: &Value<'v>) -> Table<'v> {
        match value.value.get_ref().as_table() {
            Some(table) => members(table),
            None => {
                self.wrong(
                    value,
                    "this is not a table",
                    "write it as [profile.NAME], or as { key = \"value\" }",
                );
                Vec::new()
            }
        }
    }

    pub(super) fn text(&mut self, value: &Value<'_>) -> Option<String> {
        match value.value.get_ref().as_str() {
            Some("") => self.wrong(value, "this text is empty", "write a value, or remove the line"),
            Some(text) => return Some(text.to_owned()),
            None => self.wrong(value, "this is not a string", "write it in quotation marks"),
        }
        None
    }

    /// An array of texts, or one text alone.
    pub(super) fn texts(&mut self, value: &Value<'_>) -> Option<Vec<String>> {
        items(value).iter().map(|item| self.text(item)).collect()
    }

    /// A text that the library takes.
    pub(super) fn valid(
        &mut self,
        value: &Value<'_>,
        judge: impl Fn(&str) -> Result<(), ConfigError>,
    ) -> Option<String> {
        let text = self.text(value)?;
        let Err(error) = judge(&text) else { return Some(text) };
        let failure = Failure::from(error);
        let (happened, next) = failure.parts();
        if happened.starts_with(&value.of) {
            self.problem(value.value.span().start, happened, next);
        } else {
            self.wrong(value, happened, next);
        }
        None
    }

    /// The same of an array of texts, or one text alone: each is judged.
    pub(super) fn all_valid(
        &mut self,
        value: &Value<'_>,
        judge: impl Fn(&str) -> Result<(), ConfigError>,
    ) -> Option<Vec<String>> {
        let items = items(value);
        let valid: Vec<_> = items.iter().filter_map(|item| self.valid(item, &judge)).collect();
        (valid.len() == items.len()).then_some(valid)
    }

    /// One of the values that the flag of this name takes.
    pub(super) fn choice<T: ValueEnum>(&mut self, value: &Value<'_>) -> Option<T> {
        let text = self.text(value)?;
        if let Ok(choice) = T::from_str(&text, false) {
            return Some(choice);
        }
        let known: Vec<String> = T::value_variants()
            .iter()
            .filter_map(|variant| Some(variant.to_possible_value()?.get_name().to_owned()))
            .collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let mut next = format!("write one of: {}", known.join(", "));
        if let Some(near) = nearest(&text, &known) {
            let _infallible = write!(next, "; the nearest is {near}");
        }
        self.wrong(value, "this is not one of its values", next);
        None
    }

    pub(super) fn duration(&mut self, value: &Value<'_>) -> Option<Duration> {
        match args::duration(&self.text(value)?) {
            Ok(duration) => Some(duration),
            Err(next) => {
                self.wrong(value, "this is not a duration", next);
                None
            }
        }
    }

    pub(super) fn flag(&mut self, value: &Value<'_>) -> Option<bool> {
        let flag = value.value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong(
                value,
                "this is neither true nor false",
                "write true or false, without quotation marks",
            );
        }
        flag
    }

    /// Nobody knows this key.
    pub(super) fn unknown(&mut self, key: &Key, known: &[&str]) {
        let next = match nearest(&key.name, known) {
            Some(near) => format!("did you mean {near}? The keys are: {}", known.join(", ")),
            None => format!("the keys are: {}", known.join(", ")),
        };
        self.problem(key.at, format!("unknown key {}", Line(&key.name)), next);
    }

    /// This value is wrong.
    pub(super) fn wrong(&mut self, value: &Value<'_>, happened: impl Into<String>, next: impl Into<String>) {
        self.problem(value.value.span().start, format!("{}: {}", Line(&value.of), happened.into()), next);
    }

    /// The line of a key, counted from 1.
    pub(super) fn line(&self, key: &Key) -> usize {
        self.line_at(key.at)
    }

    fn line_at(&self, at: usize) -> usize {
        1 + self.breaks.partition_point(|line_break| *line_break < at)
    }

    fn problem(&mut self, at: usize, happened: impl Into<String>, next: impl Into<String>) {
        self.problems.push(Problem {
            about: self.about.clone(),
            line: self.line_at(at),
            happened: happened.into(),
            next: next.into(),
        });
    }
}

/// Those of an array, or one value alone.
fn items<'a>(value: &Value<'a>) -> Vec<Value<'a>> {
    match value.value.get_ref().as_array() {
        Some(array) => array.iter().map(|item| Value { of: value.of.clone(), value: item.clone() }).collect(),
        None => vec![value.clone()],
    }
}

fn members<'a>(table: &DeTable<'a>) -> Table<'a> {
    table
        .iter()
        .map(|(key, value)| {
            let key = Key { name: key.get_ref().to_string(), at: key.span().start };
            let value = Value { of: key.name.clone(), value: value.clone() };
            (key, value)
        })
        .collect()
}
