//! Every requirement has a test, or a decision with its reason; CONFORMANCE.md says which. It is written anew with
//! `EVERGRANT_CONFORMANCE=write cargo test -p evergrant-tests --test conformance`.

#[path = "conformance/run/markers.rs"]
mod markers;
#[path = "conformance/run/table.rs"]
mod table;

use std::path::{Path, PathBuf};
use std::{env, fs, io};
use table::{Row, Section};

/// The files of requirements: what begins their IDs, and what they are about.
const FILES: [(&str, &str, &str); 5] = [
    ("provider", "M-", "The provider that this began with"),
    ("specifications", "R-", "Specifications"),
    ("lifecycle", "L-", "The life of a token"),
    ("quirks", "Q-", "Quirks of authorization servers"),
    ("attacks", "A-", "Attacks"),
];

/// This crate's folder.
fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sections() -> Vec<Section> {
    FILES.map(|(file, begins, title)| Section { title, rows: rows(file, begins) }).into()
}

/// The requirements of a file, in its order; without the file there are none.
fn rows(file: &str, begins: &str) -> Vec<Row> {
    let text = match fs::read_to_string(here().join("conformance").join(file).with_extension("json")) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => panic!("{file}: {error}"),
    };
    let rows: Vec<Row> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let strange: Vec<&str> =
        rows.iter().map(|row| row.id.as_str()).filter(|id| !id.starts_with(begins)).collect();
    assert!(strange.is_empty(), "{file}: these do not begin with {begins}: {strange:?}");
    rows
}

#[test]
fn every_requirement_has_a_test_or_a_decision_and_the_table_is_current() {
    let sections = sections();
    let markers = markers::of_the_repository(here().parent().unwrap_or(Path::new(".")))
        .unwrap_or_else(|fault| panic!("{fault}"));
    let faults = table::faults(&sections, &markers);
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    let (path, table) = (here().join("CONFORMANCE.md"), table::written(&sections, &markers));
    if env::var("EVERGRANT_CONFORMANCE").is_ok_and(|value| value == "write") {
        fs::write(&path, &table).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == table, "CONFORMANCE.md is stale: write it with EVERGRANT_CONFORMANCE=write");
}

#[test]
fn no_file_of_requirements_is_left_unread() {
    let known: Vec<String> = FILES.iter().map(|(file, ..)| format!("{file}.json")).collect();
    let entries = fs::read_dir(here().join("conformance")).unwrap_or_else(|error| panic!("{error}"));
    let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
    for name in names.map(|name| name.unwrap_or_else(|error| panic!("{error}"))) {
        assert!(name == "run" || known.contains(&name), "{name} is read by nobody");
    }
}
