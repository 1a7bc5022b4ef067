use super::*;

#[test]
fn a_place_is_read_as_it_is_told() {
    let mut place = Place {
        token_endpoint: "https://127.0.0.1:1/access-token".into(),
        issuer: "https://127.0.0.1:1/realms/shop".into(),
        api: "https://127.0.0.1:1".into(),
        ca_file: Some("/somewhere/it's.pem".into()),
    };
    assert_eq!(Place::read(&place.json().to_string()), Some(place));
    place = Place {
        token_endpoint: "http://127.0.0.1:1/".into(),
        issuer: "http://127.0.0.1:1".into(),
        api: "http://127.0.0.1:1".into(),
        ca_file: None,
    };
    assert_eq!(Place::read(&place.json().to_string()), Some(place));
    assert_eq!((Place::read(""), Place::read("{}")), (None, None));
}

#[test]
fn a_word_for_a_shell_stands_for_itself() {
    assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
}
