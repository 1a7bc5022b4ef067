//! The table that is made of the requirements and of the tests that hold them.

use crate::markers::Marker;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// One requirement.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) requirement: String,
    /// What is done instead, or why nothing is done.
    pub(crate) decision: Option<String>,
}

/// The requirements of one file.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) rows: Vec<Row>,
}

/// What is wrong with the requirements and their tests, one line each.
pub(crate) fn faults(sections: &[Section], markers: &[Marker]) -> Vec<String> {
    let held = by_id(markers);
    let mut known = BTreeSet::new();
    let mut faults = Vec::new();
    for Row { id, requirement, decision } in sections.iter().flat_map(|section| &section.rows) {
        if !known.insert(id.as_str()) {
            faults.push(format!("{id} is repeated"));
        }
        let texts = [Some(requirement), decision.as_ref()];
        if texts.into_iter().flatten().any(|text| text.trim().is_empty() || text.contains('\n')) {
            faults.push(format!("{id}: its requirement and its decision are one line each, and not empty"));
        }
        if decision.is_none() && !held.contains_key(id.as_str()) {
            faults.push(format!("{id} has neither a test nor a decision"));
        }
    }
    for Marker { file, test, ids } in markers {
        let unknown = ids.iter().filter(|id| !known.contains(id.as_str()));
        faults.extend(unknown.map(|id| format!("{file}: {test}: there is no {id}")));
    }
    faults
}

/// The whole table, as Markdown.
pub(crate) fn written(sections: &[Section], markers: &[Marker]) -> String {
    let held = by_id(markers);
    let mut text = String::from(HEADING);
    for Section { title, rows } in sections {
        text += &format!("\n## {title}\n\n| ID | requirement | held by |\n|---|---|---|\n");
        for Row { id, requirement, decision } in rows {
            let decision = decision.iter().map(|decision| format!("*Decided:* {}", cell(decision)));
            let tests = held.get(id.as_str()).map(|tests| list(tests));
            let last: Vec<String> = decision.chain(tests).collect();
            text += &format!("| {id} | {} | {} |\n", cell(requirement), last.join("<br>"));
        }
    }
    text += "\n## In numbers\n\n";
    text += "*Otherwise*: decided otherwise, and a test holds what is done instead. *Out*: decided, and there is nothing to test.\n\n";
    text += "| | requirements | held | otherwise | out | tests and vectors |\n|---|---|---|---|---|---|\n";
    let all: Vec<&Row> = sections.iter().flat_map(|section| &section.rows).collect();
    for Section { title, rows } in sections {
        text += &numbers(title, &rows.iter().collect::<Vec<_>>(), &held);
    }
    text + &numbers("all", &all, &held)
}

const HEADING: &str = "\
# Conformance

What a token client has to survive, and the tests that hold it. The requirements stand in `tests/conformance/*.json`. A test names those that it
holds in a comment, `// Conforms: R-6749-5.1-a`, and a vector under its key `conforms`. This file is made of both, and a test fails when it is
not current:

    EVERGRANT_CONFORMANCE=write cargo test -p evergrant-tests --test conformance

IDs that begin with R- name a specification and its section. Files of vectors are those of `tests/vectors`.
";

fn by_id(markers: &[Marker]) -> BTreeMap<&str, Vec<&Marker>> {
    let mut held: BTreeMap<&str, Vec<&Marker>> = BTreeMap::new();
    for marker in markers {
        for id in &marker.ids {
            held.entry(id).or_default().push(marker);
        }
    }
    held
}

/// The tests, by their files.
fn list(tests: &[&Marker]) -> String {
    let mut files: Vec<(&str, Vec<&str>)> = Vec::new();
    for Marker { file, test, .. } in tests {
        match files.last_mut() {
            Some((last, names)) if last == file => names.push(test),
            _ => files.push((file, vec![test])),
        }
    }
    let mut lines = Vec::new();
    for (file, names) in files {
        let vectors = file.strip_prefix("tests/vectors/");
        let names: Vec<String> = match vectors {
            Some(_) => names.into_iter().map(cell).collect(),
            None => names.into_iter().map(|name| format!("`{name}`")).collect(),
        };
        let shown = vectors.unwrap_or(file);
        lines.push(format!("{shown}: {}", names.join(if vectors.is_some() { "; " } else { ", " })));
    }
    lines.join("<br>")
}

/// One row of the numbers.
fn numbers(title: &str, rows: &[&Row], held: &BTreeMap<&str, Vec<&Marker>>) -> String {
    let count = |decided: bool, tested: bool| {
        let of_this_kind =
            |row: &&&Row| row.decision.is_some() == decided && held.contains_key(row.id.as_str()) == tested;
        rows.iter().filter(of_this_kind).count()
    };
    let tests: BTreeSet<(&str, &str)> = rows
        .iter()
        .flat_map(|row| held.get(row.id.as_str()).into_iter().flatten())
        .map(|marker| (marker.file.as_str(), marker.test.as_str()))
        .collect();
    let mut line = String::new();
    let _always = write!(
        line,
        "| {title} | {} | {} | {} | {} | {} |",
        rows.len(),
        count(false, true),
        count(true, true),
        count(true, false),
        tests.len()
    );
    line + "\n"
}

/// A text in a cell of a Markdown table: nothing in it ends the cell or begins markup of HTML.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections(rows: &[(&str, Option<&str>)]) -> [Section; 1] {
        let rows = rows.iter().map(|&(id, decision)| Row {
            id: id.into(),
            requirement: format!("{id} | holds"),
            decision: decision.map(Into::into),
        });
        [Section { title: "A section", rows: rows.collect() }]
    }

    fn marker(test: &str, ids: &[&str]) -> Marker {
        Marker {
            file: "tests/a.rs".into(),
            test: test.into(),
            ids: ids.iter().map(|&id| id.into()).collect(),
        }
    }

    #[test]
    fn a_requirement_without_a_test_or_a_decision_is_a_fault() {
        let sections = sections(&[("L-01", None), ("L-02", Some("not now")), ("L-03", None)]);
        assert_eq!(faults(&sections, &[marker("a", &["L-01"])]), ["L-03 has neither a test nor a decision"]);
    }

    #[test]
    fn a_marker_without_a_requirement_is_a_fault() {
        let sections = sections(&[("L-01", None)]);
        assert_eq!(faults(&sections, &[marker("a", &["L-01", "L-1"])]), ["tests/a.rs: a: there is no L-1"]);
    }

    #[test]
    fn a_requirement_that_stands_twice_or_says_nothing_is_a_fault() {
        let sections = sections(&[("L-01", Some(" ")), ("L-01", Some("two\nlines"))]);
        assert_eq!(faults(&sections, &[]).len(), 3);
    }

    #[test]
    fn the_table_lists_requirements_decisions_tests_and_numbers() {
        let sections = sections(&[("L-01", None), ("L-02", Some("otherwise")), ("L-03", Some("out"))]);
        let text = written(&sections, &[marker("one", &["L-01"]), marker("two", &["L-01", "L-02"])]);
        for line in [
            "| L-01 | L-01 \\| holds | tests/a.rs: `one`, `two` |\n",
            "| L-02 | L-02 \\| holds | *Decided:* otherwise<br>tests/a.rs: `two` |\n",
            "| L-03 | L-03 \\| holds | *Decided:* out |\n",
            "| A section | 3 | 1 | 1 | 1 | 2 |\n| all | 3 | 1 | 1 | 1 | 2 |\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
