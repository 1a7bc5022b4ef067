//! Phrases that readers had to read twice: no text of this repository has one again.
//!
//! Read are the sources (what errors, events, help and documentation say is all there, in literals and comments), the pages
//! in Markdown, the pictures, and what is packaged.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod tree;

use std::fs;
use std::path::PathBuf;
use tree::{files, has_extension, root};

/// Words that nobody writes, in lower case, and what to write instead.
const PHRASES: [(&str, &str); 14] = [
    ("waiting is pointless", "waiting cannot help"),
    ("pointless or over", "waiting cannot help"),
    ("given up before its answer came", "abandoned"),
    ("asked again by itself", "retried automatically, or how to try again"),
    ("no whole answer", "timed out before the full response arrived"),
    ("coded otherwise", "has a Content-Encoding that was not requested"),
    ("which was not asked for", "that was not requested"),
    ("stands twice", "duplicate member, or is repeated"),
    ("was over before it arrived", "had expired on arrival"),
    ("cannot be asked", "cannot be reached"),
    ("no scope may have", "an invalid character in a scope"),
    ("space too many", "an extra space"),
    ("a shell needs to complete", "a shell completion script"),
    ("token tells of itself", "what a token says about itself"),
];

/// The words of a text in lower case, with one space around each, and where each line begins in that. What is between words
/// (a comment's mark, a line break, an underscore) says nothing here.
fn words(text: &str) -> (String, Vec<usize>) {
    let (mut words, mut lines) = (String::from(" "), Vec::new());
    for line in text.lines() {
        lines.push(words.len());
        for word in
            line.replace("\\n", " ").split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
        {
            words.push_str(&word.to_lowercase());
            words.push(' ');
        }
    }
    (words, lines)
}

/// Each phrase that a text has: in which file and line, and what to write instead.
fn faults(file: &str, text: &str) -> Vec<String> {
    let (words, lines) = words(text);
    let mut faults = Vec::new();
    for (phrase, instead) in PHRASES {
        for (at, _) in words.match_indices(&format!(" {phrase} ")) {
            let line = lines.partition_point(|start| *start <= at + 1);
            faults.push(format!("{file}:{line}: \"{phrase}\": write: {instead}"));
        }
    }
    faults
}

/// Every file with a text that a person may see.
fn read() -> Vec<PathBuf> {
    let mut read = files(&root().join("packaging"));
    for file in ["README", "ARCHITECTURE", "CHANGELOG", "CONTRIBUTING", "SECURITY", "tests/CONFORMANCE"] {
        read.push(root().join(file).with_extension("md"));
    }
    let docs = files(&root().join("docs"));
    read.extend(docs.into_iter().filter(|path| has_extension(path, "md") || has_extension(path, "svg")));
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let folder = entry.unwrap().path();
        // Keys in DER are no text.
        read.extend(files(&folder.join("src")).into_iter().filter(|path| !has_extension(path, "der")));
        read.push(folder.join("README.md"));
    }
    read
}

#[test]
fn no_text_has_a_phrase_that_one_must_read_twice() {
    let root = root();
    let read = read();
    assert!(read.len() > 400, "{} files", read.len());
    let mut found = Vec::new();
    for path in read {
        let text = fs::read_to_string(&path).unwrap();
        found.extend(faults(path.strip_prefix(&root).unwrap().to_str().unwrap(), &text));
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn a_phrase_is_found_across_lines_and_in_any_case() {
    let code = r#"
        /// What `exp` and `iat` say. No claim Stands
        /// twice.
        const WHY: &str = "it is asked \
            again by\nitself";
        // No member stands. Two twice
        fn a_space_too_many() {}
    "#;
    assert_eq!(
        faults("a.rs", code),
        [
            "a.rs:4: \"asked again by itself\": write: retried automatically, or how to try again",
            "a.rs:2: \"stands twice\": write: duplicate member, or is repeated",
            "a.rs:7: \"space too many\": write: an extra space",
        ]
    );
}
