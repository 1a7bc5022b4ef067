//! Files and variables, as they are found.

use super::*;
use crate::fixture::{Folder, secs};
use std::ffi::OsString;
use std::fs;
use std::process::Command;

const LIMIT: Duration = secs(60);

/// What is read of a file with these bytes.
fn read(bytes: &[u8]) -> Result<SecretText, SourceError> {
    let folder = Folder::new();
    fs::write(folder.at("secret"), bytes).unwrap();
    FileSource::new(folder.at("secret")).read(LIMIT)
}

#[test]
fn a_file_is_one_text_without_the_mark_before_it_and_the_break_behind_it() {
    let text = |text: &str| Ok(SecretText::new(text));
    for bytes in ["a secret", "a secret\n", "a secret\r\n", "\u{feff}a secret\n"] {
        assert_eq!(read(bytes.as_bytes()), text("a secret"), "{bytes:?}");
    }
    assert_eq!(
        read(b"a secret\n\n"),
        text("a secret\n"),
        "one break; what is within is found where it is used"
    );
    assert_eq!(read(b" a secret "), text(" a secret "), "spaces are part of it");
}

#[test]
fn a_file_that_is_no_text_says_what_it_is_instead() {
    for nothing in [&b""[..], b"\n", b"\r\n", "\u{feff}".as_bytes(), "\u{feff}\n".as_bytes()] {
        assert_eq!(read(nothing), Err(SourceError::Empty), "{nothing:?}");
    }
    for bytes in [&b"\xff\xfea\0"[..], b"secret\x80", b"\xef\xbb"] {
        assert_eq!(read(bytes), Err(SourceError::NotText), "{bytes:?}");
    }
}

#[test]
fn a_file_may_have_64_kib_and_no_byte_more() {
    let longest = "x".repeat(SecretText::MAX_BYTES);
    assert_eq!(read(longest.as_bytes()), Ok(SecretText::new(&longest)));
    assert_eq!(read(format!("{longest}\n").as_bytes()), Err(SourceError::TooLong), "the break counts");
    assert_eq!(read(&vec![b'x'; 1 << 20]), Err(SourceError::TooLong));
}

#[test]
fn the_bytes_of_a_file_are_read_as_they_are_and_as_many_of_them() {
    let folder = Folder::new();
    let source = FileSource::new(folder.at("key"));
    let read = || source.read_bytes(LIMIT, |bytes| Ok(bytes.to_vec()));
    assert_eq!(read(), Err(SourceError::Missing));
    for bytes in [&b""[..], b"\xff\xfe\n", &vec![b'x'; SecretText::MAX_BYTES]] {
        fs::write(source.path(), bytes).unwrap();
        assert_eq!(read().as_deref(), Ok(bytes));
    }
    fs::write(source.path(), vec![b'x'; SecretText::MAX_BYTES + 1]).unwrap();
    assert_eq!(read(), Err(SourceError::TooLong));
    fs::write(source.path(), "a").unwrap();
    assert_eq!(source.read_bytes(LIMIT, |_| Err::<(), _>(SourceError::Empty)), Err(SourceError::Empty));
}

#[test]
fn a_file_is_read_anew_each_time() {
    let folder = Folder::new();
    let source = FileSource::new(folder.at("secret"));
    assert_eq!(source.read(LIMIT), Err(SourceError::Missing), "not there yet");
    fs::write(source.path(), "first").unwrap();
    assert_eq!(source.read(LIMIT), Ok(SecretText::new("first")));
    fs::write(folder.at("next"), "second").unwrap();
    fs::rename(folder.at("next"), source.path()).unwrap();
    assert_eq!(source.read(LIMIT), Ok(SecretText::new("second")));
    fs::remove_file(source.path()).unwrap();
    assert_eq!(source.read(LIMIT), Err(SourceError::Missing));
    assert_eq!(source.name().as_deref(), folder.at("secret").to_str());
    assert!(!source.is_costly());
}

/// The kind of the error, and nothing that a library says beside it.
#[cfg(unix)]
#[test]
fn what_is_no_file_or_may_not_be_read_says_so() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = Folder::new();
    let reason = |path: PathBuf| match FileSource::new(path).read(LIMIT) {
        Err(SourceError::Unreadable(reason)) => reason.to_string(),
        read => panic!("{read:?}"),
    };
    assert_eq!(reason(folder.at("")), "Is a directory (os error 21)");
    fs::write(folder.at("secret"), "words").unwrap();
    assert_eq!(reason(folder.at("secret/within")), "Not a directory (os error 20)");
    symlink(folder.at("gone"), folder.at("dangling")).unwrap();
    assert_eq!(FileSource::new(folder.at("dangling")).read(LIMIT), Err(SourceError::Missing));
    assert_eq!(FileSource::new("").read(LIMIT), Err(SourceError::Missing));
    let _quoted = reason(PathBuf::from("no\0path"));

    fs::set_permissions(folder.at("secret"), fs::Permissions::from_mode(0o000)).unwrap();
    // The administrator may read everything.
    if File::open(folder.at("secret")).is_err() {
        assert_eq!(FileSource::new(folder.at("secret")).read(LIMIT), Err(SourceError::Denied));
    }
}

/// It has no end, and its length is said to be nothing.
#[cfg(unix)]
#[test]
fn a_device_without_end_is_too_long() {
    assert_eq!(FileSource::new("/dev/zero").read(LIMIT), Err(SourceError::TooLong));
    assert_eq!(FileSource::new("/dev/null").read(LIMIT), Err(SourceError::Empty));
}

/// Started once more with the variables: the environment of a program with threads is not to be written.
#[test]
fn a_variable_is_one_text_of_the_environment() {
    const SET: &str = "EVERGRANT_TEST_OF_VARIABLES";
    let read = |name: &str| VariableSource::new(name).read(LIMIT);
    if env::var_os(SET).is_some() {
        assert_eq!(read(SET), Ok(SecretText::new("a secret")));
        assert_eq!(read("EVERGRANT_TEST_EMPTY"), Err(SourceError::Empty));
        if cfg!(unix) {
            assert_eq!(read("EVERGRANT_TEST_BYTES"), Err(SourceError::NotText));
        }
        return;
    }
    for nothing in [SET, "", "a=b", "=", "a\0b"] {
        assert_eq!(read(nothing), Err(SourceError::Missing), "{nothing:?}");
    }
    assert_eq!(VariableSource::new(SET).name().as_deref(), Some(SET));
    let again = Command::new(env::current_exe().unwrap())
        .args(["--exact", "source::tests::a_variable_is_one_text_of_the_environment"])
        .env(SET, "a secret\n")
        .env("EVERGRANT_TEST_EMPTY", "")
        .env("EVERGRANT_TEST_BYTES", no_text())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success() && said.contains("1 passed"), "{said}");
}

#[cfg(unix)]
fn no_text() -> OsString {
    use std::os::unix::ffi::OsStringExt as _;
    OsString::from_vec(b"secret\x80".to_vec())
}

#[cfg(not(unix))]
fn no_text() -> OsString {
    OsString::new()
}

#[test]
fn debug_shows_where_and_never_what() {
    let folder = Folder::new();
    fs::write(folder.at("secret"), "the words").unwrap();
    let source = FileSource::new(folder.at("secret"));
    let shown = format!("{source:?} {:?} {:?}", VariableSource::new("NAME"), source.read(LIMIT));
    assert!(shown.contains("NAME") && !shown.contains("the words"), "{shown}");
}
