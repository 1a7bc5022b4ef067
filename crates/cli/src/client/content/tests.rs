use super::*;
use std::fs;
use tempfile::TempDir;

#[test]
fn a_change_is_seen_by_what_is_in_the_file_whatever_leads_there() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "one").unwrap();
    let known = Content::of([path.clone()]);
    assert_eq!(known.now(), known);
    assert_eq!(Content::default().with(path.clone(), Digest::of(b"one")), known);
    fs::write(&path, "two").unwrap();
    assert_ne!(known.now(), known);
    fs::remove_file(&path).unwrap();
    let gone = known.now();
    assert_ne!(gone, known);
    assert_eq!(gone.now(), gone);
    fs::write(&path, "one").unwrap();
    assert_eq!(known.now(), known);
}

#[test]
fn what_is_no_file_is_not_read() {
    let folder = TempDir::new().unwrap();
    assert!(Digest::of_file(folder.path()).is_none());
}
