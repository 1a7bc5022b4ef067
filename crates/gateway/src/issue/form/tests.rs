use super::{Form, LONGEST, decoded, room};
use http_body::SizeHint;

fn form(text: &str) -> Form {
    parsed(text.as_bytes()).unwrap()
}

fn parsed(bytes: &[u8]) -> Option<Form> {
    Form::parse(bytes, &["grant_type", "scope", "empty", "bare", "a"])
}

#[test]
fn fields_are_decoded_and_one_without_a_value_is_not_there() {
    let form = form("grant_type=client_credentials&&scope=a+b%20c&empty=&bare");
    let field = |name| form.field(name).ok().flatten();
    assert_eq!(field("grant_type"), Some("client_credentials"));
    assert_eq!(field("scope"), Some("a b c"));
    assert_eq!((field("empty"), field("bare"), field("other")), (None, None, None));
}

#[test]
fn what_is_repeated_or_broken_is_refused() {
    assert!(form("a=1&a=1").field("a").is_err());
    assert!(form("a=1&b=2").field("a").is_ok());
    for broken in ["a=%", "a=%4", "a=%zz", "a=%ff", "%=1", "other=%"] {
        assert!(parsed(broken.as_bytes()).is_none(), "{broken}");
    }
    assert!(parsed(b"a=\xff").is_none());
}

#[test]
fn of_a_form_only_what_was_asked_for_is_kept() {
    let many = "x=1&a=2&".repeat(1000);
    let form = form(&format!("{many}scope=b&grant_type=c"));
    assert_eq!(form.length, many.len() + 20);
    assert_eq!(form.fields.len(), 4, "one is there twice, and that it is, is known");
    assert!(form.field("a").is_err());
    assert_eq!(form.field("x").ok().flatten(), None);
}

#[test]
fn both_spellings_of_a_space_and_either_case_of_a_digit_are_read() {
    assert_eq!(decoded("a+b%2Fc%2f%C3%A9").unwrap().as_str(), "a b/c/\u{e9}");
    assert_eq!(decoded("plain-._~").unwrap().as_str(), "plain-._~");
}

#[test]
fn a_form_never_outgrows_the_room_that_was_reserved() {
    assert_eq!(room(&SizeHint::with_exact(7)), 7);
    assert_eq!(room(&SizeHint::with_exact(u64::MAX)), LONGEST);
    // Chunked, or HTTP/2 without Content-Length.
    assert_eq!(room(&SizeHint::default()), LONGEST);
    let mut at_least = SizeHint::new();
    at_least.set_lower(7);
    assert_eq!(room(&at_least), LONGEST);
}
