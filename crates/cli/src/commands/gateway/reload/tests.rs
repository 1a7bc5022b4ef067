use super::{Change, LOOK, SETTLED};
use crate::client::content::Content;
use std::fs;
use tempfile::TempDir;

#[test]
fn a_file_is_read_when_it_says_the_same_at_two_looks_and_not_while_it_is_being_written() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, "whole").unwrap();
    let known = Content::of([path.clone()]);
    let mut change = Change::default();
    assert!(!change.has_settled(&known) && change.next_look() == LOOK);
    for half in ["w", "wh", "who"] {
        fs::write(&path, half).unwrap();
        assert!(!change.has_settled(&known), "{half}");
        assert_eq!(change.next_look(), SETTLED);
    }
    assert!(change.has_settled(&known));
    assert_eq!(change.next_look(), LOOK, "it is read now");
    fs::write(&path, "other").unwrap();
    assert!(!change.has_settled(&known));
    // As it was: there is nothing to read.
    fs::write(&path, "whole").unwrap();
    assert!(!change.has_settled(&known) && change.next_look() == LOOK);
    // A file that is gone is told once, as one that cannot be read.
    fs::remove_file(&path).unwrap();
    assert!(!change.has_settled(&known) && change.has_settled(&known));
    assert!(!change.has_settled(&known.now()), "once it was tried");
}
