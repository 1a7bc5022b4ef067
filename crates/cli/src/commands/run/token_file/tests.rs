use super::TokenFile;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

fn names(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_reader_finds_the_old_token_or_the_new_one_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = TokenFile::at(&folder.path().join("token")).unwrap();
    // Longer than a page, so that a write in place would be seen half done.
    let texts = ["a".repeat(20_000), "b".repeat(16_000)];
    file.replace(&texts[0]).unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !over.load(Ordering::Relaxed) {
                let found = fs::read_to_string(file.path()).unwrap();
                assert!(texts.contains(&found), "{} bytes of neither", found.len());
                reads += 1;
            }
            reads
        });
        for round in 0..50 {
            file.replace(&texts[round % 2]).unwrap();
        }
        over.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
    assert_eq!(names(folder.path()), ["token"], "nothing else is left");
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_it_whatever_was_there() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let file = TokenFile::at(&path).unwrap();
    file.replace("new").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

#[cfg(unix)]
#[test]
fn a_link_is_replaced_and_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("token"), folder.path().join("other"));
    fs::write(&other, "untouched").unwrap();
    std::os::unix::fs::symlink(&other, &path).unwrap();
    let file = TokenFile::at(&path).unwrap();
    file.replace("new").unwrap();
    assert!(path.symlink_metadata().unwrap().is_file());
    assert_eq!(fs::read(&other).unwrap(), b"untouched");
}

#[test]
fn it_goes_with_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let file = TokenFile::at(&folder.path().join("token")).unwrap();
    file.replace("new").unwrap();
    drop(file);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn what_cannot_be_a_token_file_is_refused_before_anything_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    for (path, says) in [
        (folder.path().to_owned(), "is there and is no file"),
        (folder.path().join("no/such"), "a folder that is not there"),
        (folder.path().join(".."), "has no name"),
    ] {
        let refused = TokenFile::at(&path).err().unwrap().to_string();
        assert!(refused.contains(says), "{refused}");
    }
}
