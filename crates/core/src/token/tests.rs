use super::*;
use alloc::format;
use alloc::string::String;

// Conforms: R-6750-2.1-c, R-6750-2.1-d, A-13
#[test]
fn a_token_is_visible_ascii_that_cannot_break_out_of_a_header() {
    for good in ["a", "eyJ.eyJ.sig-_", "a/b+c==", "!#$%&'()*:<=>?@[]^`{|}~"] {
        assert!(AccessToken::new(good).is_ok(), "{good}");
    }
    for bad in ["", "a b", "a\r\nx: y", "a\"b", "a,b", "a;b", "a\\b", "é", "a\u{7f}", "\0"] {
        assert_eq!(AccessToken::new(bad), Err(UnusableToken), "{bad:?}");
    }
    assert!(AccessToken::new(&"x".repeat(AccessToken::MAX_LEN)).is_ok());
    assert!(AccessToken::new(&"x".repeat(AccessToken::MAX_LEN + 1)).is_err());
}

// Conforms: A-01
#[test]
fn equality_goes_by_content_and_debug_shows_none_of_it() {
    let token = AccessToken::new("sentinel-token").unwrap();
    assert_eq!(token, AccessToken::new(&String::from("sentinel-token")).unwrap());
    assert_ne!(token, AccessToken::new("sentinel-tokem").unwrap());
    assert_ne!(token, AccessToken::new("sentinel-token2").unwrap());
    assert_eq!(format!("{token:?}"), "AccessToken([redacted])");
    assert!(!format!("{:?}", Token::fixed(token)).contains("sentinel"));
}

#[test]
fn a_token_hashes_by_its_generation_alone() {
    use core::hash::{BuildHasher, BuildHasherDefault};
    let hash = |value: &str, generation: u64| {
        let token =
            Token { generation: Generation(generation), ..Token::fixed(AccessToken::new(value).unwrap()) };
        BuildHasherDefault::<std::hash::DefaultHasher>::default().hash_one(token)
    };
    assert_eq!(hash("a", 1), hash("b", 1));
    assert_ne!(hash("a", 1), hash("a", 2));
}

#[test]
fn a_scope_comes_with_its_token_and_changes_nothing_about_it() {
    let token = AccessToken::new("sentinel-token").unwrap();
    let scope = Scope::parse("read write").unwrap();
    let shared = token.clone();
    let granted = token.clone().with_scope(Some(scope.clone()));
    assert_eq!(Token::fixed(granted.clone()).scope(), Some(&scope));
    assert_eq!(granted.expose(), "sentinel-token");
    assert_eq!(granted, token, "two tokens differ by their text alone");
    assert!(shared.scope().is_none(), "who holds the same text was not told of this scope");
    assert!(granted.with_scope(None).scope().is_none());
    assert!(Token::fixed(token).scope().is_none());
}

#[test]
fn what_is_stored_is_read_back() {
    let (token, issued, life) =
        (AccessToken::new("kept").unwrap(), Wall::from_epoch(Duration::from_secs(5)), Duration::from_secs(7));
    let stored = Stored::new(token.clone(), issued, life);
    assert_eq!((stored.token(), stored.issued(), stored.life()), (&token, issued, life));
    assert!(!format!("{stored:?}").contains("kept"));
}

#[test]
fn what_a_stored_token_is_bound_to_changes_nothing_else_of_it() {
    use crate::thumbprint::Thumbprint;
    let stored = Stored::new(AccessToken::new("abc").unwrap(), Wall::EPOCH, Duration::from_secs(7));
    assert_eq!(stored.binding(), Binding::None);
    let certificate = Binding::Certificate(Thumbprint::new([7; 32]));
    let bound = stored.clone().with_binding(certificate);
    assert_eq!(bound.binding(), certificate);
    assert_eq!(
        (bound.token().expose(), bound.issued(), bound.life()),
        ("abc", stored.issued(), stored.life())
    );
    // The one that it was made of is as it was.
    assert_eq!(stored.binding(), Binding::None);
}
