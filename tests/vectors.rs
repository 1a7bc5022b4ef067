//! The published vectors, run through the public API of the core; those of the gateway are run by its own tests. `vectors/README.md`
//! says what they are.

#[path = "vectors/run/credentials.rs"]
mod credentials;
#[path = "vectors/run/machine.rs"]
mod machine;
#[path = "vectors/run/wire.rs"]
mod wire;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

/// What every vector has, beside what its kind has.
#[derive(Deserialize)]
struct Heading {
    name: String,
    rows: Vec<String>,
}

/// What there has to be, so that nothing gets lost: each file with its number of vectors, each row of the tables.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Inventory {
    files: BTreeMap<String, usize>,
    rows: BTreeMap<String, String>,
}

fn path(below: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors").join(below)
}

/// The vectors of one file, such as `machine/poll.json`.
fn read<T: DeserializeOwned>(file: &str) -> T {
    let text = fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The files of one folder; none is an error.
fn files(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(path(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let names: BTreeSet<String> = entries
        .map(|entry| entry.expect("the folder can be read").file_name())
        .map(|name| format!("{folder}/{}", name.to_string_lossy()))
        .collect();
    assert!(!names.is_empty(), "there is no vector in {folder}");
    names
}

/// Runs each vector of a file; `run` says what came of it that should not have.
fn run<V: DeserializeOwned>(file: &str, run: impl Fn(&V) -> Result<(), String>) -> Vec<String> {
    let (headings, vectors): (Vec<Heading>, Vec<V>) = (read(file), read(file));
    assert!(!vectors.is_empty(), "there is no vector in {file}");
    let named = headings.iter().zip(&vectors);
    named
        .filter_map(|(Heading { name, .. }, vector)| Some(format!("{file}: {name}: {}", run(vector).err()?)))
        .collect()
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} vectors fail:\n{}", faults.len(), faults.join("\n"));
}

/// The vector says one thing and the library another.
fn same<T: PartialEq + std::fmt::Debug>(actual: &T, expected: &T) -> Result<(), String> {
    if actual == expected { Ok(()) } else { Err(format!("\n  expected {expected:?}\n  actual   {actual:?}")) }
}

#[test]
fn every_scenario_of_the_machine_goes_as_it_is_written() {
    let faults: Vec<String> = files("machine").iter().flat_map(|file| run(file, machine::run)).collect();
    assert_none(&faults);
}

#[test]
fn every_answer_of_a_token_endpoint_means_what_is_written() {
    let files = ["wire/token-responses.json", "wire/refusals.json", "wire/lifetimes.json"];
    let faults: Vec<String> = files.iter().flat_map(|file| run(file, wire::answer)).collect();
    assert_none(&faults);
}

#[test]
fn every_jwt_hints_at_the_times_that_are_written() {
    assert_none(&run("wire/jwt-hints.json", wire::jwt_hint));
}

#[test]
fn every_retry_after_is_read_as_it_is_written() {
    assert_none(&run("wire/retry-after.json", wire::retry_after));
}

#[test]
fn every_challenge_is_read_as_it_is_written() {
    assert_none(&run("wire/challenges.json", wire::challenges));
}

#[test]
fn every_answer_of_a_resource_server_gets_the_verdict_that_is_written() {
    assert_none(&run("wire/verdicts.json", wire::verdict));
}

#[test]
fn every_refused_request_goes_on_as_it_is_written() {
    assert_none(&run("wire/replays.json", wire::replay));
}

#[test]
fn every_id_and_secret_make_the_header_that_is_written() {
    assert_none(&run("wire/basic.json", wire::basic));
}

#[test]
fn every_configuration_makes_the_request_that_is_written() {
    assert_none(&run("wire/requests.json", wire::request));
}

#[test]
fn every_assertion_says_what_is_written() {
    assert_none(&run("wire/assertions.json", credentials::assertion));
}

#[test]
fn every_document_of_a_server_means_what_is_written() {
    assert_none(&run("wire/metadata.json", credentials::metadata));
}

#[test]
fn no_file_no_vector_and_no_row_of_a_table_is_missing() {
    let Inventory { files: counts, rows } = read("inventory.json");
    let present: BTreeSet<String> = ["gateway", "machine", "wire"].into_iter().flat_map(files).collect();
    assert_eq!(present, counts.keys().cloned().collect(), "the files");
    let mut covered = BTreeSet::new();
    for (file, count) in counts {
        let vectors: Vec<Heading> = read(&file);
        assert_eq!(vectors.len(), count, "the vectors of {file}");
        let names: BTreeSet<&str> = vectors.iter().map(|vector| vector.name.as_str()).collect();
        assert_eq!(names.len(), count, "a name is repeated in {file}");
        for Heading { name, rows } in vectors {
            assert!(!rows.is_empty(), "{file}: {name}: no row");
            covered.extend(rows);
        }
    }
    let rows: BTreeSet<String> = rows.into_keys().collect();
    let differing: Vec<&String> = rows.symmetric_difference(&covered).collect();
    assert!(differing.is_empty(), "rows without a vector, or not in the inventory: {differing:?}");
}
