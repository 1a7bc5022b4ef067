use super::*;
use crate::client::args::ClientArgs;
use crate::client::profile::Profile;
use crate::client::secret::Source;
use crate::client::setup::Setup;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn renewal(source: Source) -> Renewal {
    let profile = Profile {
        token_endpoint: Some("https://auth.example.com/token".into()),
        client_id: Some("me".into()),
        client_secret: Some(source),
        ..Profile::default()
    };
    Setup::renewable(Settings::merge(&ClientArgs::default(), profile).unwrap()).unwrap().1
}

/// For nobody else to read.
fn write(path: &Path, secret: &str) {
    fs::write(path, secret).unwrap();
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

#[test]
fn a_file_that_says_another_secret_is_found_once() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("secret");
    write(&path, "one");
    let mut renewal = renewal(Source::File(path.clone()));
    assert!(renewal.looked_at().unwrap().is_none());
    write(&path, "one\n");
    assert!(renewal.looked_at().unwrap().is_none(), "the same secret, written otherwise");
    write(&path, "two\n");
    assert!(renewal.looked_at().unwrap().is_some());
    assert!(renewal.looked_at().unwrap().is_none());
    fs::remove_file(&path).unwrap();
    assert!(renewal.looked_at().unwrap().is_none(), "it may be there again in a moment");
    write(&path, "");
    assert!(renewal.looked_at().is_err());
    assert!(renewal.looked_at().unwrap().is_none(), "what is wrong is told once");
    write(&path, "three");
    assert!(renewal.read_again().unwrap().is_some());
}

#[cfg(unix)]
#[test]
fn a_command_is_run_when_it_is_asked_for_and_not_to_look() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("secret");
    write(&path, "one");
    let arguments = vec![path.to_str().unwrap().to_owned()];
    let mut renewal = renewal(Source::Command { program: "cat".into(), arguments });
    write(&path, "two");
    assert!(renewal.looked_at().unwrap().is_none());
    assert!(renewal.read_again().unwrap().is_some());
    assert!(renewal.read_again().unwrap().is_none());
}
