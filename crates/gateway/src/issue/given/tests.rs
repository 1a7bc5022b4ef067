use super::{Answer, Scope, scope};

fn named(granted: &str, asked: Option<&str>) -> Option<Option<String>> {
    let granted = Scope::parse(granted).unwrap();
    scope(Some(&granted).filter(|scope| !scope.is_empty()), asked).ok()
}

#[test]
fn a_scope_is_named_where_it_is_not_the_one_that_was_asked_for() {
    let some = |text: &str| Some(Some(text.to_owned()));
    assert_eq!(named("a b", None), some("a b"));
    assert_eq!(named("a b", Some("b a")), Some(None));
    assert_eq!(named("a b", Some("a")), some("a b"));
    assert_eq!(named("", None), Some(None));
}

#[test]
fn a_scope_that_the_tokens_do_not_have_is_refused() {
    assert_eq!(named("a b", Some("a c")), None);
    assert_eq!(named("", Some("a")), None);
    assert_eq!(named("a", Some("a  a")), None);
}

#[test]
fn the_buffer_of_an_answer_does_not_grow() {
    let (token, scope) = ("\"".repeat(8 * 1024), "x".repeat(16 * 1024));
    for (token, scope) in [("t", None), ("t", Some(&scope)), (&token, Some(&scope))] {
        let answer = Answer {
            access_token: token,
            token_type: "Bearer",
            expires_in: Some(u64::MAX),
            scope: scope.cloned(),
        };
        let written = answer.written();
        assert!(written.len() > token.len());
        assert_eq!(written.capacity(), answer.room(), "{} bytes", written.len());
    }
}
