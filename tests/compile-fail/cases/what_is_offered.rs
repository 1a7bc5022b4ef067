//! The other cases fail for what they name, and not because a name is wrong.
use evergrant_compile_fail::AccessToken;

fn offers<T: std::fmt::Debug + Send + Sync>() {}

fn main() {
    evergrant_compile_fail::for_every_secret!(offers);
    let token = AccessToken::new("sentinel").unwrap();
    assert_eq!(token.expose(), "sentinel");
    assert!(!format!("{token:?}").contains("sentinel"));
}
