use super::*;
use alloc::format;
use alloc::string::{String, ToString};

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

// Conforms: R-6749-3.3-a, R-6749-3.3-b
#[test]
fn a_scope_is_a_set_sent_in_the_order_written() {
    assert_eq!(scope("b a b").to_string(), "b a");
    assert_eq!(scope("a b"), scope("b a"));
    assert_ne!(scope("A"), scope("a"));
    assert!(scope("").is_empty());
    assert_eq!(format!("{:?}", scope("b a b")), "Scope(b a)");
    for token in ["*", "0", "a,b", "https://x/y:z", "!#[]^~"] {
        assert!(scope(token).contains(token), "{token}");
    }
}

// Conforms: R-6749-3.3-a
#[test]
fn a_bad_scope_names_the_token_and_the_byte() {
    for (text, token, at) in [("x a\"b", "a\"b", 1), ("a\\b", "a\\b", 1), ("é", "é", 0), ("ab\tc", "abc", 2)]
    {
        let token = Excerpt::new(token, &[]).unwrap();
        assert_eq!(Scope::parse(text), Err(ConfigError::ScopeToken { token, at }), "{text:?}");
    }
    for (text, at) in [("a  b", 2), (" a", 0), ("a ", 2), (" ", 0)] {
        assert_eq!(Scope::parse(text), Err(ConfigError::ScopeSpace { at }), "{text:?}");
    }
    assert_eq!(Scope::parse("a \n"), Err(ConfigError::ControlCharacter { field: "scope", at: 2 }));
}

#[test]
fn what_a_server_says_is_read_with_more_patience() {
    assert_eq!(Scope::granted(" a  b\n"), Some(scope("a b")));
    assert_eq!(Scope::granted("  "), None);
    assert_eq!(Scope::granted("a\u{202e}"), None);
    let long: String = (0..2_000).map(|n| format!("{n} ")).collect();
    assert_eq!(Scope::granted(&long).map(|scope| scope.tokens().len()), Some(2_000));
}

#[test]
fn an_answer_that_repeats_the_scope_is_the_scope_and_any_other_is_read() {
    let asked = scope("a b");
    for (text, granted) in [("a b", "a b"), (" a  b ", "a b"), ("b a", "b a"), ("a", "a"), ("a b c", "a b c")]
    {
        let answered = asked.answered(text).unwrap();
        assert_eq!(
            (answered.to_string().as_str(), asked.missing_from(&answered)),
            (granted, if granted == "a" { Some(scope("b")) } else { None })
        );
    }
    assert!(Arc::ptr_eq(&asked.answered("a b").unwrap().0, &asked.0));
    assert_eq!(asked.answered("a \""), None);
    assert_eq!(scope("").answered(""), None);
}

// Conforms: R-6749-3.3-e, R-6749-3.3-f
#[test]
fn only_what_was_asked_for_by_name_can_be_missing() {
    assert_eq!(scope("a b").missing_from(&scope("a")), Some(scope("b")));
    assert_eq!(scope("a").missing_from(&scope("b a c")), None);
    assert_eq!(scope("*").missing_from(&scope("shipments.manage")), None);
    assert_eq!(scope("").missing_from(&scope("a")), None);
}

#[test]
fn equal_scopes_hash_alike() {
    use core::hash::BuildHasher;
    let hasher = std::hash::RandomState::new();
    assert_eq!(hasher.hash_one(scope("a b")), hasher.hash_one(scope("b a")));
    assert_ne!(hasher.hash_one(scope("a b")), hasher.hash_one(scope("a c")));
}
