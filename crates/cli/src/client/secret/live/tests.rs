use super::*;

fn key_in(source: &Source) -> LiveKey {
    let keys = Keys { is_secret: false, id: KeyId::Own, certificate: None, algorithm: None };
    LiveKey::new(Live::new(source, Purpose::Key, "of the start"), keys)
}

/// Somebody may be asked for a passphrase each time.
#[test]
fn a_key_that_a_command_prints_is_costly_and_one_in_a_file_is_not() {
    let command = Source::Command { program: "pass".into(), arguments: vec!["show".into(), "erp".into()] };
    assert!(key_in(&command).is_costly());
    for at_no_cost in [Source::File("key.pem".into()), Source::Credential("key.pem".into())] {
        assert!(!key_in(&at_no_cost).is_costly(), "{at_no_cost:?}");
    }
}
