extern crate std;

use super::*;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

fn names(text: &str) -> Result<Vec<String>, Broken> {
    object(text.as_bytes())?
        .map(|member| member.map(|(name, _)| name.map(|name| name.to_string()).unwrap_or_default()))
        .collect()
}

#[test]
fn members_come_in_order_with_their_own_text() {
    let members: Vec<_> =
        object(b" {\"a\" : 1e999 ,\"b\":\"x\\u002ey\",\"c\":[1,{\"d\":[]}], \"d\":null}\r\n")
            .unwrap()
            .map(Result::unwrap)
            .map(|(name, value)| (name.unwrap().to_string(), value))
            .collect();
    let [(_, a), (_, b), (_, c), (_, d)] = &members[..] else { panic!("{}", members.len()) };
    assert_eq!(a.number(), Some("1e999"));
    assert_eq!(b.text().as_deref(), Some("x.y"));
    assert_eq!(c.elements().unwrap().filter_map(Result::ok).count(), 2);
    assert!(d.is_null() && d.number().is_none() && d.text().is_none() && d.members().is_none());
    assert_eq!(names("{}"), Ok(Vec::new()));
}

#[test]
fn whatever_is_no_object_to_its_last_byte_is_broken() {
    for text in [
        "",
        " ",
        "[]",
        "[\"a\"]",
        "1",
        "null",
        "\"a\"",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,}",
        "{,\"a\":1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1}}",
        "{\"a\":1} x",
        "{}{}",
        "{a:1}",
        "{1:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":1e}",
        "{\"a\":-}",
        "{\"a\":NaN}",
        "{\"a\":tru}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":[1,]}",
        "{\"a\":[1}",
        "{\"a\":1]}",
        "{\"a\":{]}",
        "{\"a\" 1}",
        "{\"a\":1,,\"b\":2}",
        "\u{feff}{}",
        "{\"a\":1}\u{0}",
    ] {
        assert!(names(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_text_of_nothing_but_escapes_is_read() {
    let members: Vec<_> = object(b"{\"a\":\"\\\\\\\\\"}").unwrap().map(Result::unwrap).collect();
    assert_eq!(members[0].1.text().as_deref(), Some("\\\\"));
}

#[test]
fn nothing_comes_after_the_end_and_after_the_first_fault() {
    for (text, count) in [("{\"a\":1}", 1), ("{\"a\":1,}", 2), ("{\"a\":1} {", 2), ("{", 1)] {
        let mut members = object(text.as_bytes()).unwrap();
        assert_eq!(members.by_ref().count(), count, "{text}");
        assert!(members.next().is_none() && members.next().is_none(), "{text}");
    }
}

// Conforms: A-19
#[test]
fn nesting_is_bounded_in_every_member() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(names(&nested(MAX_DEPTH - 1)).is_ok());
    assert_eq!(names(&nested(MAX_DEPTH)), Err(Broken));
    assert_eq!(names(&nested(100_000)), Err(Broken));
    assert!(names(&format!("{{\"a\":\"{}\"}}", "[{\\\"".repeat(100))).is_ok());
    assert!(names(&format!("{{\"a\":[{}[]]}}", "[{}],".repeat(100))).is_ok(), "many, and not deep");
    let deepest = nested(MAX_DEPTH - 1);
    assert!(
        names(&format!("{},\"b\":[]}}", deepest.trim_end_matches('}'))).is_ok(),
        "as deep as may be, and more"
    );
    // Brackets in a text neither open nor close anything, and a backslash outside of one escapes nothing.
    let (open, close) = ("[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert_eq!(names(&format!("{{\"a\":\"{}\",\"b\":{open}{close}}}", "}]".repeat(100))), Err(Broken));
    let cut = format!("{{\"a\":1,\\\"{}", "[".repeat(100));
    assert!(
        object(cut.as_bytes()).is_ok_and(|mut members| members.next().is_some_and(|member| member.is_ok()))
    );
}

/// A thread of a few pages, such as an embedded program or a busy server has.
// Conforms: A-19
#[test]
fn deep_nesting_needs_no_stack() {
    for open in ["[", "{\"a\":", "[{\"a\":"] {
        let text = format!("{{\"access_token\":{}", open.repeat(100_000));
        let small = std::thread::Builder::new().stack_size(64 * 1024);
        let read = small.spawn(move || names(&text)).unwrap().join();
        assert_eq!(read.unwrap(), Err(Broken), "{open}");
    }
}

#[test]
fn bad_unicode_is_replaced_or_makes_a_text_unreadable_but_breaks_nothing() {
    let document = b"{\"a\":\"x\xff\",\"b\":\"\\ud800\",\"\xff\":1,\"\\udc00\":2}";
    let members: Vec<_> = object(document).unwrap().map(Result::unwrap).collect();
    assert_eq!(members[0].1.text().as_deref(), Some("x\u{fffd}"));
    assert!(members[1].1.text().is_none());
    assert!(members[3].0.is_none());
}

// Conforms: A-20
#[test]
fn many_members_take_linear_time() {
    let body: String = (0..60_000).map(|n| format!("\"{n}\":{n},")).collect();
    assert_eq!(names(&format!("{{{body}\"x\":1}}")).map(|names| names.len()), Ok(60_001));
}
