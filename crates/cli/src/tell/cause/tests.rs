use super::*;
use std::path::Path;

#[test]
fn the_name_of_a_temporary_file_is_left_out() {
    let folder = Path::new("/dev/null/nowhere");
    let error = tempfile::Builder::new().prefix(".evergrant-").tempfile_in(folder).unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
    let reason = Cause(&error).to_string();
    assert!(!reason.is_empty() && !reason.contains("nowhere"), "{reason}");
    let other = io::Error::other("no such luck");
    assert_eq!(Cause(&other).to_string(), "no such luck");
}
