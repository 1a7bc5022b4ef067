use super::{Scope, scope};

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
