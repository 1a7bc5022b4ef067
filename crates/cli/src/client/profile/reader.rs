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
use std::fmt::{Display, Write};
use std::ops::RangeInclusive;
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

    /// Where it begins, in bytes.
    pub(super) fn at(&self) -> usize {
        self.at
    }
}

impl Value<'_> {
    pub(super) fn is_table(&self) -> bool {
        self.value.get_ref().is_table()
    }

    pub(super) fn is_array(&self) -> bool {
        self.value.get_ref().is_array()
    }

    pub(super) fn is_text(&self) -> bool {
        self.value.get_ref().is_str()
    }

    /// Where it begins, in bytes.
    pub(super) fn at(&self) -> usize {
        self.value.span().start
    }

    /// The number, if it is a whole one. Its text has no underscores, and its digits are those of its radix.
    fn integer(&self) -> Option<i64> {
        let number = self.value.get_ref().as_integer()?;
        i64::from_str_radix(number.as_str(), number.radix()).ok()
    }

    /// The same in JSON (RFC 8259). A date is the text that stands for it.
    pub(super) fn json(&self) -> String {
        json(self.value.get_ref()).to_string()
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
            self.problem(value.at(), happened, next);
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
        self.flag_or(value, "write true or false, without quotation marks")
    }

    /// The same of a key that takes something else as well, which `next` names.
    pub(super) fn flag_or(&mut self, value: &Value<'_>, next: &str) -> Option<bool> {
        let flag = value.value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong(value, "this is neither true nor false", next);
        }
        flag
    }

    /// A whole number in these bounds.
    pub(super) fn count<N>(&mut self, value: &Value<'_>, bounds: RangeInclusive<N>) -> Option<N>
    where
        N: TryFrom<i64> + PartialOrd + Display,
    {
        let number = value.integer().and_then(|number| N::try_from(number).ok());
        let number = number.filter(|number| bounds.contains(number));
        if number.is_none() {
            let next = format!("write a number from {} to {}", bounds.start(), bounds.end());
            self.wrong(value, "this is not a number that it can have", next);
        }
        number
    }

    /// A number of bytes: a whole number, or a text with a unit.
    pub(super) fn bytes<N>(&mut self, value: &Value<'_>, bounds: RangeInclusive<N>) -> Option<N>
    where
        N: TryFrom<u64> + PartialOrd + Display,
    {
        let number = match value.value.get_ref().as_str() {
            Some(text) => bytes(text),
            None => value.integer().and_then(|number| u64::try_from(number).ok()),
        };
        let number = number.and_then(|number| N::try_from(number).ok());
        let number = number.filter(|number| bounds.contains(number));
        if number.is_none() {
            let (least, most) = (bounds.start(), bounds.end());
            let next = format!(
                "write a number from {least} to {most}, or one with KiB, MiB or GiB, such as \"64KiB\""
            );
            self.wrong(value, "this is not a number of bytes that it can have", next);
        }
        number
    }

    /// A text that this takes, or else why not.
    pub(super) fn read<T, E: Display>(
        &mut self,
        value: &Value<'_>,
        read: impl Fn(&str) -> Result<T, E>,
        next: &str,
    ) -> Option<T> {
        match read(&self.text(value)?) {
            Ok(read) => Some(read),
            Err(error) => {
                self.wrong(value, error.to_string(), next);
                None
            }
        }
    }

    /// The same of an array of texts, or one text alone: each is read.
    pub(super) fn read_all<T, E: Display>(
        &mut self,
        value: &Value<'_>,
        read: impl Fn(&str) -> Result<T, E>,
        next: &str,
    ) -> Vec<T> {
        items(value).iter().filter_map(|item| self.read(item, &read, next)).collect()
    }

    /// A key of a later version.
    pub(super) fn not_yet(&mut self, key: &Key) {
        let happened = format!("this version does not have {} yet", key.name);
        self.problem(key.at, happened, "remove it, or install a later version that has it");
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
        self.problem(value.at(), format!("{}: {}", Line(&value.of), happened.into()), next);
    }

    /// A value as it is written.
    pub(super) fn written(&self, value: &Value<'_>) -> &'a str {
        self.text.get(value.value.span()).unwrap_or_default()
    }

    /// The line of a key, counted from 1.
    pub(super) fn line(&self, key: &Key) -> usize {
        self.line_at(key.at)
    }

    /// The line of a value, counted from 1.
    pub(super) fn line_of(&self, value: &Value<'_>) -> usize {
        self.line_at(value.at())
    }

    fn line_at(&self, at: usize) -> usize {
        1 + self.breaks.partition_point(|line_break| *line_break < at)
    }

    /// Something is wrong at this place.
    pub(super) fn problem(&mut self, at: usize, happened: impl Into<String>, next: impl Into<String>) {
        self.problems.push(Problem {
            about: self.about.clone(),
            line: self.line_at(at),
            happened: happened.into(),
            next: next.into(),
        });
    }
}

fn json(value: &DeValue<'_>) -> serde_json::Value {
    let text = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| text.into());
    match value {
        DeValue::String(text) => (&**text).into(),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| text(number.as_str()), serde_json::Value::from),
        DeValue::Float(number) => text(number.as_str()),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Datetime(date) => date.to_string().into(),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(table) => {
            let members = table.iter().map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref())));
            members.collect::<serde_json::Map<_, _>>().into()
        }
    }
}

/// `64KiB`, `100MiB`, `1GiB`, or bytes.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// Those of an array, or one value alone.
pub(super) fn items<'a>(value: &Value<'a>) -> Vec<Value<'a>> {
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
