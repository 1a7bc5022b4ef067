mod random;

use super::*;

const API: &str = "https://api.example.com/v1/";
const ALIAS: &str = "https://old.example.com/";
const BASE: &str = "http://localhost:8484/route/";

/// In these pieces.
fn mapped_in(pieces: &[&[u8]]) -> Vec<u8> {
    let mut map = LinkMap::new([API, ALIAS], BASE);
    let mut text = Vec::new();
    for piece in pieces {
        text.extend(map.pass(Bytes::copy_from_slice(piece)));
    }
    text.extend(map.end());
    text
}

/// Whole, and in two pieces wherever they are cut, and byte by byte: it is always the same.
#[track_caller]
fn mapped(text: &str) -> String {
    let whole = mapped_in(&[text.as_bytes()]);
    for at in 0..=text.len() {
        let (one, other) = text.as_bytes().split_at(at);
        assert_eq!(mapped_in(&[one, other]), whole, "{text} cut at {at}");
    }
    let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
    assert_eq!(mapped_in(&bytes), whole, "{text}, byte by byte");
    String::from_utf8(whole).unwrap()
}

#[track_caller]
fn stays(text: &str) {
    assert_eq!(mapped(text), text);
}

#[test]
fn links_of_json_api_lead_to_the_base() {
    assert_eq!(
        mapped(
            r#"{ "data": [{"type": "shipments", "id": "1", "links": {"self": "https://api.example.com/v1/shipments/1"}}],
  "links" : { "next": "https://api.example.com/v1/shipments?page[number]=2&page[size]=30", "prev": null,
    "related": {"href":"https://api.example.com/v1/x","meta":{"count":10,"of":["https://api.example.com/v1/"]}} }
}"#
        ),
        r#"{ "data": [{"type": "shipments", "id": "1", "links": {"self": "http://localhost:8484/route/shipments/1"}}],
  "links" : { "next": "http://localhost:8484/route/shipments?page[number]=2&page[size]=30", "prev": null,
    "related": {"href":"http://localhost:8484/route/x","meta":{"count":10,"of":["http://localhost:8484/route/"]}} }
}"#
    );
}

#[test]
fn a_member_with_links_may_be_a_string_or_a_list_and_anywhere() {
    for (text, expected) in [
        (r#"{"links":"https://api.example.com/v1/a"}"#, r#"{"links":"http://localhost:8484/route/a"}"#),
        (
            r#"{"_links":["https://api.example.com/v1/a",1]}"#,
            r#"{"_links":["http://localhost:8484/route/a",1]}"#,
        ),
        (
            r#"[[{"a":{"links":{"x":"https://api.example.com/v1/a"},"b":"https://api.example.com/v1/b"}}]]"#,
            r#"[[{"a":{"links":{"x":"http://localhost:8484/route/a"},"b":"https://api.example.com/v1/b"}}]]"#,
        ),
        // In a member with links there may be another one.
        (
            r#"{"links":{"links":{},"x":"https://api.example.com/v1/a"},"y":"https://api.example.com/v1/b"}"#,
            r#"{"links":{"links":{},"x":"http://localhost:8484/route/a"},"y":"https://api.example.com/v1/b"}"#,
        ),
        // The name, escaped.
        (r#"{"\u006cinks":"https://old.example.com"}"#, r#"{"\u006cinks":"http://localhost:8484/route/"}"#),
        (
            r#"{"\u005f\u006c\u0069\u006e\u006b\u0073":"https://old.example.com/"}"#,
            r#"{"\u005f\u006c\u0069\u006e\u006b\u0073":"http://localhost:8484/route/"}"#,
        ),
    ] {
        assert_eq!(mapped(text), expected);
    }
}

#[test]
fn a_link_may_be_written_otherwise_and_what_is_below_stays_as_it_is_written() {
    for (link, expected) in [
        (r"https:\/\/api.example.com\/v1\/a\/b", r"http://localhost:8484/route/a\/b"),
        (
            r"\u0068ttps:\u002f/api\u002Eexample.com/v1/\u00e9\ud83d\ude00é",
            r"http://localhost:8484/route/\u00e9\ud83d\ude00é",
        ),
        ("HTTPS://API.example.COM:443/v1/a", "http://localhost:8484/route/a"),
        (
            "https://api.example.com:/v1/?a=https://api.example.com/v1/",
            "http://localhost:8484/route/?a=https://api.example.com/v1/",
        ),
        ("https://old.example.com?a", "http://localhost:8484/route/?a"),
        ("https://old.example.com//evil.example", "http://localhost:8484/route//evil.example"),
        (r#"https://api.example.com/v1/\"a\\"#, r#"http://localhost:8484/route/\"a\\"#),
    ] {
        let text = |link: &str| format!(r#"{{"links":{{"a":"{link}"}}}}"#);
        assert_eq!(mapped(&text(link)), text(expected));
    }
}

#[test]
fn every_other_string_stays() {
    for link in [
        "https://api.example.com.evil/v1/a",
        "https://api.example.com@evil.example/v1/a",
        r"https://api.example.com\\@evil.example/v1/a",
        "https://user@api.example.com/v1/a",
        "https://api.example.com:8443/v1/a",
        "http://api.example.com/v1/a",
        "https://api.example.com/v1",
        "https://api.example.com/v10/a",
        "https://api.example.com/v1/../v2/a",
        "https://api.example.com/v1/%2e%2e/a",
        " https://api.example.com/v1/a",
        "/v1/a",
        "//api.example.com/v1/a",
        "a",
        "",
        r"https:\/\/api.example.com\/v1\/\ud800",
        r"https:\/\/api.example.com\/v1\/\x",
    ] {
        stays(&format!(r#"{{"links":{{"a":"{link}"}}}}"#));
    }
    for text in [
        r#"{"next":"https://api.example.com/v1/a"}"#,
        r#"{"Links":{"next":"https://api.example.com/v1/a"}}"#,
        r#"{"hyperlinks":"https://api.example.com/v1/a","links_":"https://api.example.com/v1/a"}"#,
        r#"["links","https://api.example.com/v1/a"]"#,
        r#"{"a":"links","b":"https://api.example.com/v1/a"}"#,
        // A name is no link.
        r#"{"links":{"https://api.example.com/v1/a":1}}"#,
        r#"{"links":{},"a":"https://api.example.com/v1/a"}"#,
        r#"{"links":[],"a":"https://api.example.com/v1/a"}"#,
        r#"{"links":"","a":"https://api.example.com/v1/a"}"#,
        r#"{"links":null,"a":"https://api.example.com/v1/a"}"#,
        r#"[{"links":7},"https://api.example.com/v1/a"]"#,
        r#""https://api.example.com/v1/a""#,
        "7",
        "",
    ] {
        stays(text);
    }
}

#[test]
fn from_where_a_text_is_no_json_it_stays() {
    for text in [
        "{\"links\":\"https://api.example.com/v1/a",
        "{\"links\":\"https://api.example.com/v1/a\n\"}",
        "{\"links\" \"https://api.example.com/v1/a\"}",
        "{,\"links\":\"https://api.example.com/v1/a\"}",
        "{\"a\":1,}{\"links\":\"https://api.example.com/v1/a\"}",
        "{'links':\"https://api.example.com/v1/a\"}",
        "[}{\"links\":\"https://api.example.com/v1/a\"}",
        "\u{feff}{\"links\":\"https://api.example.com/v1/a\"}",
        "{}{\"links\":\"https://api.example.com/v1/a\"}",
        "{\"a\":1 2,\"links\":\"https://api.example.com/v1/a\"}",
        "{\"a\":[1,],\"links\":\"https://api.example.com/v1/a\"}",
        "<p>{\"links\":\"https://api.example.com/v1/a\"}",
        "for(;;);{\"links\":\"https://api.example.com/v1/a\"}",
        "{\"a\":\"\u{1}\",\"links\":\"https://api.example.com/v1/a\"}",
        "],{\"links\":\"https://api.example.com/v1/a\"}",
        "1,{\"links\":\"https://api.example.com/v1/a\"}",
    ] {
        stays(text);
    }
    // What came before has gone.
    let link = |link: &str| format!(r#"[{{"links":"{link}"}},}},{{"links":"https://old.example.com/"}}]"#);
    assert_eq!(mapped(&link("https://old.example.com/")), link(BASE));
    // And bytes that are no text.
    for text in [
        &b"{\"links\":\"https://old.example.com/\xff\"}"[..],
        b"\xff\xfe{\"links\":\"https://old.example.com/\"}",
    ] {
        for at in 0..=text.len() {
            let (one, other) = text.split_at(at);
            assert_eq!(mapped_in(&[one, other]), text);
        }
    }
}

#[test]
fn what_is_deeper_than_its_bound_stays() {
    let text = |depth: usize, link: &str| {
        format!(r#"{}{{"links":"{link}"}}{}"#, "[".repeat(depth - 1), "]".repeat(depth - 1))
    };
    assert_eq!(mapped(&text(128, ALIAS)), text(128, BASE));
    stays(&text(129, ALIAS));
    // An object is one, also beyond where the array around it would be forgotten.
    let objects =
        |link: &str| format!(r#"{}{{"links":"{link}"}}{}"#, r#"{"a":[1],"b":"#.repeat(127), "}".repeat(127));
    assert_eq!(mapped(&objects(ALIAS)), objects(BASE));
}

#[test]
fn a_link_that_is_longer_than_its_bound_stays() {
    let text = |base: &str, length: usize| format!(r#"{{"links":"{base}{}"}}"#, "a".repeat(length));
    let below = LinkMap::LONGEST - ALIAS.len();
    for pieces in [1, 7, 4096, 20_000] {
        let pass = |text: &str| mapped_in(&text.as_bytes().chunks(pieces).collect::<Vec<_>>());
        assert_eq!(pass(&text(ALIAS, below)), text(BASE, below).as_bytes(), "{pieces}");
        assert_eq!(pass(&text(ALIAS, below + 1)), text(ALIAS, below + 1).as_bytes(), "{pieces}");
    }
}

// G5
#[test]
fn no_more_than_a_link_is_kept_however_long_the_text_is() {
    const PIECE: usize = 64 * 1024;
    // In pieces: 100 MiB of what is passed over in strings, and 4 MiB of what is looked at byte by byte.
    for (begin, fill, pieces) in [
        (r#"{"links":""#, b'a', 1600),
        (r#"{"links":"https://api.example.com/v1/"#, b'a', 1600),
        (r#"{"a":""#, b'a', 1600),
        (r#"{""#, b'a', 1600),
        (r#"{"links":""#, b'\\', 64),
        ("[", b' ', 64),
        ("7", b'7', 64),
    ] {
        let piece = Bytes::from(vec![fill; PIECE]);
        let mut map = LinkMap::new([API], BASE);
        let mut passed = map.pass(begin.into()).len();
        for _ in 0..pieces {
            let out = map.pass(piece.clone());
            assert!(passed < PIECE || out.as_ptr() == piece.as_ptr(), "{begin}: it was copied");
            passed += out.len();
            let kept = map.link.as_ref().map_or(0, Vec::capacity) + map.structure.kept();
            assert!(kept <= 2 * LinkMap::LONGEST, "{begin}: {kept} bytes are kept");
        }
        assert_eq!(passed, begin.len() + pieces * PIECE, "{begin}: it goes on as it comes");
    }
}

#[test]
fn a_piece_without_links_is_not_copied() {
    let text = Bytes::from(r#"{"a":"https://api.example.com/v1/a","links":{"x":"https://example.com/"}}"#);
    let passed = LinkMap::new([API], BASE).pass(text.clone());
    assert_eq!((passed.as_ptr(), passed.len()), (text.as_ptr(), text.len()));
}

#[test]
fn the_base_is_written_as_a_string_of_json() {
    let mut map = LinkMap::new([API], "http://a\"b\\c/");
    let text = map.pass(r#"{"links":"https://api.example.com/v1/d"}"#.into());
    assert_eq!(text, r#"{"links":"http://a\"b\\c/d"}"#);
}

#[test]
fn nothing_of_a_text_is_shown() {
    let mut map = LinkMap::new([API], BASE);
    map.pass(r#"{"links":{"a-name":"https://api.example.com/v1/a-link"#.into());
    let shown = format!("{map:?}");
    assert!(shown.contains(BASE) && !shown.contains("a-link") && !shown.contains("a-name"), "{shown}");
}

#[test]
fn without_a_url_that_ends_in_a_slash_nothing_is_changed() {
    let text = r#"{"links":"https://api.example.com/v1"}"#;
    for url in ["https://api.example.com/v1", "api.example.com/", "", "ftp://api.example.com/"] {
        assert_eq!(LinkMap::new([url], BASE).pass(text.into()), text);
    }
}
