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
    let path = folder.path().join("token");
    let mut file = TokenFile::at(&path).unwrap();
    // Longer than a page, so that a write in place would be seen half done.
    let texts = ["a".repeat(20_000), "b".repeat(16_000)];
    file.replace(&texts[0]).unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !over.load(Ordering::Relaxed) {
                let found = fs::read_to_string(&path).unwrap();
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
    assert_eq!(names(folder.path()), [".token.evergrant", "token"], "nothing else is left");
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_it_whatever_was_there() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    // As mktemp makes one, under a careless umask.
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let mut file = TokenFile::at(&path).unwrap();
    file.replace("new").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

fn refused(path: &std::path::Path) -> String {
    TokenFile::at(path).err().unwrap().to_string()
}

#[test]
fn a_file_of_the_users_is_refused_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, "mine").unwrap();
    assert!(refused(&path).contains("was not written by evergrant"));
    assert_eq!((names(folder.path()), fs::read(&path).unwrap()), (vec!["token".into()], b"mine".into()));
}

#[cfg(unix)]
#[test]
fn a_link_is_the_users_too_and_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("token"), folder.path().join("other"));
    fs::write(&other, "").unwrap();
    std::os::unix::fs::symlink(&other, &path).unwrap();
    assert!(refused(&path).contains("exists and is not a regular file"));
    assert!(path.symlink_metadata().unwrap().is_symlink());
}

#[cfg(unix)]
#[test]
fn two_runs_do_not_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let mut first = TokenFile::at(&path).unwrap();
    assert!(refused(&path).contains("another run of evergrant"), "before its first token");
    first.replace("first").unwrap();
    assert!(refused(&path).contains("another run of evergrant"));
    assert_eq!(fs::read(&path).unwrap(), b"first");
    drop(first);
    assert!(TokenFile::at(&path).is_ok());
}

#[cfg(unix)]
#[test]
fn what_a_killed_run_left_is_taken_over_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let (path, claim) = (folder.path().join("token"), folder.path().join(".token.evergrant"));
    let mut killed = TokenFile::at(&path).unwrap();
    killed.replace("left").unwrap();
    let left = fs::read(&claim).unwrap();
    // Its lock goes with it, as with a process; its files stay.
    let kept = folder.path().join("kept");
    fs::rename(&path, &kept).unwrap();
    drop(killed);
    fs::rename(&kept, &path).unwrap();
    private(&claim, &left);
    let mut next = TokenFile::at(&path).unwrap();
    next.replace("next").unwrap();
    drop(next);
    assert!(names(folder.path()).is_empty());

    fs::write(&path, "mine").unwrap();
    private(&claim, &left);
    assert!(refused(&path).contains("was not written by evergrant"), "another file in its place");
    assert_eq!(names(folder.path()), ["token"]);
}

/// A file of this user's alone.
#[cfg(unix)]
fn private(path: &std::path::Path, content: &[u8]) {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = fs::File::options();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(content).unwrap();
}

#[cfg(unix)]
#[test]
fn a_run_that_gets_no_token_leaves_what_a_killed_one_left_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (path, claim) = (folder.path().join("token"), folder.path().join(".token.evergrant"));
    let mut killed = TokenFile::at(&path).unwrap();
    killed.replace("old").unwrap();
    // Killed between the claim and the rename: the new file is there under the name it was made with.
    let (old, mut said) = (folder.path().join("old"), fs::read_to_string(&claim).unwrap());
    let new = folder.path().join(".evergrant-new");
    private(&new, b"new");
    let line = super::Written::of(&fs::metadata(&new).unwrap());
    said.push_str(&format!("{} .evergrant-new\n", line.as_line()));
    fs::rename(&path, &old).unwrap();
    drop(killed);
    fs::rename(&old, &path).unwrap();
    private(&claim, said.as_bytes());
    drop(TokenFile::at(&path).unwrap());
    assert_eq!(fs::read(&path).unwrap(), b"old");
    let mut next = TokenFile::at(&path).unwrap();
    next.replace("next").unwrap();
    assert_eq!(names(folder.path()), [".token.evergrant", "token"], "and what was on its way is gone");
    drop(next);
    assert!(names(folder.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn what_is_no_claim_of_this_users_stays_and_says_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (path, claim) = (folder.path().join("token"), folder.path().join(".token.evergrant"));
    private(&claim, b"important");
    assert!(refused(&path).contains(".token.evergrant exists, and is not evergrant's own"));
    assert_eq!(fs::read(&claim).unwrap(), b"important");
    // Others could write into it.
    private(&claim, b"evergrant token file\n");
    fs::set_permissions(&claim, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(refused(&path).contains(".token.evergrant exists, and is not evergrant's own"));
    fs::set_permissions(&claim, fs::Permissions::from_mode(0o600)).unwrap();
    fs::hard_link(&claim, folder.path().join("link")).unwrap();
    assert!(refused(&path).contains(".token.evergrant exists, and is not evergrant's own"));
    fs::remove_file(&claim).unwrap();
    std::os::unix::fs::symlink(folder.path().join("link"), &claim).unwrap();
    assert!(refused(&path).contains(".token.evergrant exists, and is not evergrant's own"));
    assert_eq!(fs::read(folder.path().join("link")).unwrap(), b"evergrant token file\n");
}

#[test]
fn a_file_that_somebody_put_in_its_place_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let mut file = TokenFile::at(&path).unwrap();
    file.replace("ours").unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, "theirs, and longer").unwrap();
    drop(file);
    assert_eq!(fs::read(&path).unwrap(), b"theirs, and longer");
}

#[test]
fn it_goes_with_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = TokenFile::at(&folder.path().join("token")).unwrap();
    file.replace("new").unwrap();
    drop(file);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn what_cannot_be_a_token_file_is_refused_before_anything_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    for (path, says) in [
        (folder.path().to_owned(), "exists and is not a regular file"),
        (folder.path().join("no/such"), "a folder that does not exist"),
        (folder.path().join(".."), "has no name"),
    ] {
        let refused = refused(&path);
        assert!(refused.contains(says), "{refused}");
    }
}
