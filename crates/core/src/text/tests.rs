use super::SecretText;
use crate::error::SourceError;
use std::{format, vec};

#[test]
fn a_file_is_one_text_without_its_last_line_break() {
    let text = |bytes: &[u8]| SecretText::from_bytes(bytes).map(|text| text.expose().to_owned());
    use std::borrow::ToOwned;
    assert_eq!(text(b"abc").as_deref(), Ok("abc"));
    assert_eq!(text(b"abc\n").as_deref(), Ok("abc"));
    assert_eq!(text(b"abc\r\n").as_deref(), Ok("abc"));
    assert_eq!(text(b"abc\n\n").as_deref(), Ok("abc\n"));
    assert_eq!(text(b"abc\r").as_deref(), Ok("abc\r"));
    assert_eq!(text(b" abc ").as_deref(), Ok(" abc "));
    assert_eq!(text("\u{feff}abc".as_bytes()).as_deref(), Ok("abc"));
    for nothing in [&b""[..], b"\n", b"\r\n", "\u{feff}\n".as_bytes()] {
        assert_eq!(text(nothing), Err(SourceError::Empty), "{nothing:?}");
    }
    assert_eq!(text(&[0xc3]), Err(SourceError::NotText));
}

#[test]
fn it_has_a_longest() {
    let longest = vec![b'x'; SecretText::MAX_BYTES];
    assert!(SecretText::from_bytes(&longest).is_ok());
    assert_eq!(SecretText::from_bytes(&[&longest[..], b"\n"].concat()), Err(SourceError::TooLong));
}

#[test]
fn debug_says_where_it_is_from_and_not_what_it_is() {
    let text = SecretText::new("SENTINEL").read_from("/run/secrets/a").costly();
    let shown = format!("{text:?}");
    assert!(shown.contains("/run/secrets/a") && !shown.contains("SENTINEL"), "{shown}");
    assert!(text.is_costly && !SecretText::new("a").is_costly);
    assert_eq!(text, SecretText::new("SENTINEL"));
    assert_ne!(text, SecretText::new("SENTINEl"));
}
