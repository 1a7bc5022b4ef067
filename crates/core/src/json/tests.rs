extern crate std;

use super::*;
use alloc::format;
use alloc::vec::Vec;

fn names(text: &str) -> Result<Vec<String>, Broken> {
    object(text.as_bytes())?
        .map(|member| member.map(|(name, _)| name.map(|name| shown(&name)).unwrap_or_default()))
        .collect()
}

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

#[test]
fn members_come_in_order_with_their_own_text() {
    let members: Vec<_> =
        object(b" {\"a\" : 1e999 ,\"b\":\"x\\u002ey\",\"c\":[1,{\"d\":[]}], \"d\":null}\r\n")
            .unwrap()
            .map(Result::unwrap)
            .map(|(name, value)| (shown(&name.unwrap()), value))
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

/// Every byte of these documents is replaced, doubled and taken away, and whatever comes of it is read by serde_json, too.
#[test]
fn what_serde_json_refuses_is_broken_and_nothing_else_is() {
    let documents: [&[u8]; 8] = [
        br#"{"a":1,"b":"two", "c" : [3,{"d":null}],"e":{}}"#,
        br#" { "exp":1795438800.5e+1,"nested":{"a":[[],[{}],[[1,"2"]]]} } "#,
        br#"{"escapes":"\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00","false":false,"true":true}"#,
        br#"{"n":[-0,0.5,10e-7,-1.0E9,123456789012345678901234567890]}"#,
        br#"{"a name that is longer than any word":"and a text that is longer than a few of them, \"with\" quotes"}"#,
        b"{\"\xc3\xa9\":\"\xf0\x9f\x98\x80 \xff\",\"x\":\"\x7f\x80\"}\r\n\t ",
        br#"{"":{"":[{"":""}]},"[]{},:":"[]{},:"}"#,
        br#"{}"#,
    ];
    let bytes = b"\0\x1f \t\"\\/{}[],:-+.eEu0x9tn\x7f\x80\xff";
    let mut tried = 0;
    let mut try_this = |document: &[u8]| {
        let is_object = document.trim_ascii_start().first() == Some(&b'{');
        let theirs = is_object && serde_json::from_slice::<serde::de::IgnoredAny>(document).is_ok();
        let ours = object(document).is_ok_and(|mut members| members.all(|member| member.is_ok()));
        assert_eq!(ours, theirs, "{}", document.escape_ascii());
        tried += 1;
    };
    for document in documents {
        try_this(document);
        for at in 0..document.len() {
            let (before, after) = (&document[..at], &document[at + 1..]);
            try_this(before);
            try_this(&[before, after].concat());
            try_this(&[before, &document[at..=at], &document[at..]].concat());
            for byte in bytes {
                try_this(&[before, &[*byte], after].concat());
                try_this(&[before, &[*byte], &document[at..]].concat());
            }
        }
    }
    assert!(tried > 20_000, "{tried}");
}

/// Where a text ends, at any place in a word or beyond the first few, and what may not stand in it.
#[test]
fn a_text_of_any_length_ends_at_its_quote() {
    for length in 0..100 {
        for filler in ["x", "\u{7f}", "\u{e9}", "!", "#", "[", "]"] {
            let text = filler.repeat(length);
            let document = format!("{{\"{text}\":\"{text}\",\"z\":0}}");
            let members: Vec<_> = object(document.as_bytes()).unwrap().map(Result::unwrap).collect();
            let [(name, value), (_, z)] = &members[..] else { panic!("{document}") };
            assert_eq!((&**name.as_ref().unwrap(), value.text().as_deref()), (text.as_bytes(), Some(&*text)));
            assert_eq!(z.number(), Some("0"));
            for control in ["\0", "\n", "\u{1f}", "\t\t"] {
                assert_eq!(names(&format!("{{\"a\":\"{text}{control}{text}\"}}")), Err(Broken));
            }
            let escaped = format!("{{\"a\":\"{text}\\\"{text}\\u0041\"}}");
            let [(_, value)] =
                &object(escaped.as_bytes()).unwrap().map(Result::unwrap).collect::<Vec<_>>()[..]
            else {
                panic!("{escaped}")
            };
            assert_eq!(value.text().as_deref(), Some(&*format!("{text}\"{text}A")));
        }
    }
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
    assert!(names(&nested(31)).is_ok());
    assert_eq!(names(&nested(32)), Err(Broken));
    assert_eq!(names(&nested(100_000)), Err(Broken));
    assert!(names(&format!("{{\"a\":\"{}\"}}", "[{\\\"".repeat(100))).is_ok());
    assert!(names(&format!("{{\"a\":[{}[]]}}", "[{}],".repeat(100))).is_ok(), "many, and not deep");
    let deepest = nested(31);
    assert!(
        names(&format!("{},\"b\":[]}}", deepest.trim_end_matches('}'))).is_ok(),
        "as deep as may be, and more"
    );
    // Brackets in a text neither open nor close anything, and a backslash outside of one escapes nothing.
    let (open, close) = ("[".repeat(32), "]".repeat(32));
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

#[test]
fn a_text_with_escapes_is_read_as_serde_json_reads_it() {
    let pieces = [
        "",
        "a",
        "\u{e4}",
        "\u{1f600}",
        "\\/",
        "\\\"",
        "\\\\",
        "\\b",
        "\\f",
        "\\n",
        "\\r",
        "\\t",
        "\\u0041",
        "\\u00e4",
        "\\uFFFF",
        "\\uffff",
        "\\u0000",
        "\\ud83d\\ude00",
        "\\ud83d",
        "\\ude00",
        "\\udbff\\udfff",
        "\\ud800\\udc00",
        "\\ue000",
        "\\ud7ff",
    ];
    let mut refused = 0;
    for (a, b, c) in
        pieces.iter().flat_map(|a| pieces.map(|b| (a, b))).flat_map(|(a, b)| pieces.map(|c| (*a, b, c)))
    {
        let quoted = format!("\"{a}{b}{c}\"");
        let document = format!("{{\"a\":{quoted}}}");
        let (_, value) = object(document.as_bytes()).unwrap().next().unwrap().unwrap();
        let theirs: Option<String> = serde_json::from_str(&quoted).ok();
        assert_eq!(value.text().as_deref(), theirs.as_deref(), "{quoted}");
        refused += usize::from(theirs.is_none());
    }
    assert!((1..8000).contains(&refused), "halves of pairs are refused, and nothing else: {refused}");
}

/// A buffer that grew would leave a copy of a token behind.
#[test]
fn a_text_with_escapes_never_outgrows_its_allocation() {
    for piece in ["\\/", "\\u0041", "\\uffff", "\\ud83d\\ude00", "\\n", "\u{1f600}\\/"] {
        let document = format!("{{\"a\":\"{}\"}}", piece.repeat(100));
        let (_, value) = object(document.as_bytes()).unwrap().next().unwrap().unwrap();
        let text = value.unescaped().unwrap();
        assert_eq!(text.capacity(), 100 * piece.len(), "{piece}");
    }
}
