//! Where a test says which requirements it holds.

use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A test, and the requirements that it holds.
#[derive(PartialEq, Debug)]
pub(crate) struct Marker {
    /// From the root of the repository, with `/`.
    pub(crate) file: String,
    /// The name of the function, or of the vector.
    pub(crate) test: String,
    pub(crate) ids: Vec<String>,
}

/// What of a vector is read here; its runner knows the rest.
#[derive(Deserialize)]
struct Vector {
    name: String,
    #[serde(default)]
    conforms: Vec<String>,
}

/// How a kind of file writes a marker, and what stands below one.
struct Language {
    comment: &'static str,
    /// Whether a line may stand between the marker and its function.
    between: fn(&str) -> bool,
    /// The name of the function that begins on this line.
    function: fn(&str) -> Option<&str>,
}

const RUST: Language = Language {
    comment: "// Conforms:",
    between: |line| line.starts_with("//") || line.starts_with("#["),
    function: |line| {
        let (before, after) = line.split_once("fn ")?;
        let words = ["pub", "pub(crate)", "pub(super)", "async", "const"];
        before.split_whitespace().all(|word| words.contains(&word)).then(|| identifier(after))?
    },
};

const SCRIPT: Language = Language {
    comment: "# Conforms:",
    between: |line| line.starts_with('#') || line.starts_with('@'),
    function: |line| {
        let python = line.strip_prefix("async ").unwrap_or(line).strip_prefix("def ");
        match python.or_else(|| line.strip_prefix("function ")) {
            Some(named) => identifier(named),
            None => identifier(line).filter(|name| line[name.len()..].trim_start().starts_with("()")),
        }
    },
};

/// The markers of all tests of the repository, in the order of their files and in these of their lines.
pub(crate) fn of_the_repository(root: &Path) -> Result<Vec<Marker>, String> {
    let mut markers = Vec::new();
    for file in files(root, &["crates", "tests"])? {
        let name = file.strip_prefix(root).map_err(|error| error.to_string())?.to_string_lossy();
        let name = name.replace('\\', "/");
        let extension = file.extension().unwrap_or_default();
        let text = || fs::read_to_string(&file).map_err(|error| format!("{name}: {error}"));
        if extension == "rs" {
            markers.extend(in_text(&RUST, &name, &text()?)?);
        } else if name.starts_with("tests/interop/") && extension != "json" {
            markers.extend(in_text(&SCRIPT, &name, &text()?)?);
        } else if name.starts_with("tests/vectors/")
            && extension == "json"
            && !name.ends_with("inventory.json")
        {
            markers.extend(in_vectors(&name, &text()?)?);
        }
    }
    Ok(markers)
}

/// The files below these folders, in order. What a build or an installation left there is none of the repository's.
fn files(root: &Path, folders: &[&str]) -> Result<BTreeSet<PathBuf>, String> {
    let mut found = BTreeSet::new();
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = folders.pop() {
        let fault = |error| format!("{}: {error}", folder.display());
        for entry in fs::read_dir(&folder).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let foreign = name.starts_with('.') || name == "target" || name == "node_modules";
            match entry.file_type().map_err(fault)? {
                _ if foreign => {}
                kind if kind.is_dir() => folders.push(entry.path()),
                kind if kind.is_file() => _ = found.insert(entry.path()),
                _ => {}
            }
        }
    }
    Ok(found)
}

fn in_vectors(file: &str, text: &str) -> Result<Vec<Marker>, String> {
    let vectors: Vec<Vector> = serde_json::from_str(text).map_err(|error| format!("{file}: {error}"))?;
    let marked = vectors.into_iter().filter(|vector| !vector.conforms.is_empty());
    marked.map(|Vector { name, conforms }| marker(file, &name, conforms)).collect()
}

fn in_text(language: &Language, file: &str, text: &str) -> Result<Vec<Marker>, String> {
    let mut markers = Vec::new();
    let mut ids: Vec<String> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(listed) = line.strip_prefix(language.comment) {
            ids.extend(listed.trim().trim_end_matches(',').split(',').map(|id| id.trim().to_owned()));
        } else if ids.is_empty() {
            // No marker waits for its function.
        } else if let Some(name) = (language.function)(line) {
            markers.push(marker(file, name, std::mem::take(&mut ids))?);
        } else if !(language.between)(line) {
            return Err(format!("{file}:{}: a marker stands above no function", number + 1));
        }
    }
    if ids.is_empty() {
        Ok(markers)
    } else {
        Err(format!("{file}: the last marker stands above no function"))
    }
}

fn marker(file: &str, test: &str, ids: Vec<String>) -> Result<Marker, String> {
    let distinct: BTreeSet<&String> = ids.iter().collect();
    if distinct.len() != ids.len() || ids.iter().any(String::is_empty) {
        return Err(format!("{file}: {test}: an ID is repeated, or empty: {ids:?}"));
    }
    Ok(Marker { file: file.into(), test: test.into(), ids })
}

fn identifier(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then(|| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(language: &Language, text: &str) -> Result<Vec<(String, Vec<String>)>, String> {
        let markers = in_text(language, "a file", text)?;
        Ok(markers.into_iter().map(|marker| (marker.test, marker.ids)).collect())
    }

    fn expect(name: &str, ids: &[&str]) -> Vec<(String, Vec<String>)> {
        vec![(name.into(), ids.iter().map(|&id| id.into()).collect())]
    }

    #[test]
    fn a_marker_counts_for_the_function_below_it() {
        let text = "// Conforms: R-1-a, L-02\n/// Why.\n#[tokio::test]\nasync fn it_holds() {\n}\n#[test]\nfn other() {\n}";
        assert_eq!(read(&RUST, text), Ok(expect("it_holds", &["R-1-a", "L-02"])));
        let scenario = "// Conforms: L-02\npub(crate) fn a_scenario(mount: Mount) -> Trace {";
        assert_eq!(read(&RUST, scenario), Ok(expect("a_scenario", &["L-02"])));
    }

    #[test]
    fn a_marker_may_wrap() {
        let text = "// Conforms: R-1-a,\n// Conforms: R-1-b\n#[test]\nfn it_holds() {}";
        assert_eq!(read(&RUST, text), Ok(expect("it_holds", &["R-1-a", "R-1-b"])));
    }

    #[test]
    fn a_script_marks_its_functions() {
        for line in
            ["cold_start() {", "cold_start () {", "def cold_start(server):", "async def cold_start():"]
        {
            let text = format!("# Conforms: Q-12\n# Why.\n{line}");
            assert_eq!(read(&SCRIPT, &text), Ok(expect("cold_start", &["Q-12"])), "{line}");
        }
    }

    #[test]
    fn a_marker_that_marks_no_test_is_an_error() {
        for text in [
            "// Conforms: L-01\n\nfn too_far() {}",
            "// Conforms: L-01\nstruct NoTest;",
            "// Conforms: L-01",
            "// Conforms: L-01, L-01\nfn twice() {}",
            "// Conforms: L-01,, L-02\nfn empty() {}",
            "// Conforms:\nfn none() {}",
        ] {
            assert!(read(&RUST, text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_vector_marks_itself() {
        let text = r#"[{"name": "one", "rows": ["a"], "conforms": ["L-01"]}, {"name": "two", "rows": []}]"#;
        let marker = Marker { file: "a file".into(), test: "one".into(), ids: vec!["L-01".into()] };
        assert_eq!(in_vectors("a file", text), Ok(vec![marker]));
    }
}
