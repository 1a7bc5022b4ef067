use super::*;

fn listed(package: &str) -> Vec<(String, Vec<String>)> {
    let metadata = format!(r#"{{"workspace_root": "/a", "packages": [{package}]}}"#);
    let libraries = published(&metadata).expect("this is JSON");
    libraries.into_iter().map(|library| (library.listing.display().to_string(), library.features)).collect()
}

#[test]
fn features_are_those_of_docs_rs() {
    for (settings, expected) in [
        ("null", vec!["p/default"]),
        (r#"{"docs": {"rs": {"features": ["a"]}}}"#, vec!["p/default", "p/a"]),
        (r#"{"docs": {"rs": {"features": ["a"], "no-default-features": true}}}"#, vec!["p/a"]),
        (r#"{"docs": {"rs": {"all-features": true}}}"#, vec!["p/a", "p/b", "p/default"]),
    ] {
        let package = format!(
            r#"{{"name": "p", "manifest_path": "/a/crates/p/Cargo.toml", "publish": null, "metadata": {settings},
                "features": {{"default": [], "a": [], "b": []}}, "targets": [{{"name": "p", "kind": ["lib"]}}]}}"#
        );
        let features = expected.into_iter().map(String::from).collect();
        assert_eq!(listed(&package), [("crates/p/API.txt".to_owned(), features)], "{settings}");
    }
}

#[test]
fn what_is_not_published_or_not_a_library_is_left_out() {
    assert_eq!(listed(r#"{"name": "p", "publish": [], "targets": [{"name": "p", "kind": ["lib"]}]}"#), []);
    assert_eq!(listed(r#"{"name": "p", "publish": null, "targets": [{"name": "p", "kind": ["bin"]}]}"#), []);
}
