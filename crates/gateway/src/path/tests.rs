use super::*;

fn fault(raw: &str) -> Option<PathFault> {
    Path::read(raw).err()
}

fn byte(byte: u8, at: usize) -> PathFault {
    PathFault::Byte { byte, at }
}

fn encoded(byte: u8, at: usize) -> PathFault {
    PathFault::Encoded { byte, at }
}

fn dots(at: usize) -> PathFault {
    PathFault::Dots { at }
}

#[test]
fn what_programs_send_passes_byte_for_byte() {
    for raw in [
        "/",
        "/shipments",
        "/shipments/",
        "/v1/a-b_c.d~e",
        "/a:b",
        "/a;v=1",
        "/a@b",
        "/a,b",
        "/$b",
        "/!b",
        "/a=b",
        "/a&b",
        "/a+b",
        "/a'b",
        "/(a)",
        "/a*",
        "/%41",
        "/%20",
        "/a%3Fb",
        "/a%23b",
        "/...",
        "/a..b",
        "/..a",
        "/a/.well-known/x",
        "/%C3%A9",
        "/a[0]",
    ] {
        let path = Path::read(raw).unwrap_or_else(|fault| panic!("{raw}: {fault}"));
        assert_eq!((path.as_str(), path.has_odd_slashes()), (raw, false));
    }
}

#[test]
fn a_path_that_two_programs_read_differently_is_refused() {
    for (raw, expected) in [
        ("", PathFault::Start),
        ("*", PathFault::Start),
        ("shipments", PathFault::Start),
        ("//evil.example/", PathFault::Start),
        ("///", PathFault::Start),
        ("/a\\b", byte(b'\\', 2)),
        ("/a b", byte(b' ', 2)),
        ("/a\u{7f}", byte(0x7f, 2)),
        ("/a\tb", byte(b'\t', 2)),
        ("/caf\u{e9}", byte(0xc3, 4)),
        ("/%", PathFault::Escape { at: 1 }),
        ("/%4", PathFault::Escape { at: 1 }),
        ("/%zz", PathFault::Escape { at: 1 }),
        ("/%4z", PathFault::Escape { at: 1 }),
        ("/%%41", PathFault::Escape { at: 1 }),
        ("/%41%", PathFault::Escape { at: 4 }),
        ("/a%5cb", encoded(b'\\', 2)),
        ("/a%255Cb", encoded(b'\\', 2)),
        ("/%41%255Cb", encoded(b'\\', 4)),
        ("/a%00", encoded(0, 2)),
        ("/a%2500", encoded(0, 2)),
        ("/a/../b", dots(3)),
        ("/..", dots(1)),
        ("/a/.", dots(3)),
        ("/a/./b", dots(3)),
        ("/a/%2e%2e/b", dots(3)),
        ("/a/.%2E/b", dots(3)),
        ("/a/%252e%252e/b", dots(3)),
        ("/a/%2e%252e/b", dots(3)),
        ("/a/..;/b", dots(3)),
        ("/a/..;x=1/b", dots(3)),
        ("/a/%2e%2e%3b/b", dots(3)),
        ("/a/..%2fb", dots(3)),
        ("/a/x%2f..%2fb", dots(7)),
        ("/a/x%252f..%252fb", dots(9)),
    ] {
        assert_eq!(fault(raw), Some(expected), "{raw}");
    }
}

#[test]
fn slashes_that_some_take_for_others_are_told() {
    for (raw, at) in [
        ("/a//b", 2),
        ("/a//", 2),
        ("/a%2fb", 2),
        ("/a%2Fb", 2),
        ("/a%252fb", 2),
        ("/%2f", 1),
        ("/%41%252F", 4),
    ] {
        let path = Path::read(raw).unwrap();
        assert_eq!((path.odd_slash(), path.has_odd_slashes()), (Some(at), true), "{raw}");
    }
}

#[test]
fn a_fault_says_what_it_is_and_where_counted_from_one() {
    for (fault, word, text) in [
        (PathFault::Start, "start", "the path must begin with one slash (at byte 1 of the path)"),
        (byte(0xc3, 4), "byte", "0xc3 is not allowed in a path (at byte 5 of the path)"),
        (
            PathFault::Escape { at: 1 },
            "escape",
            "% is not followed by two hexadecimal digits (at byte 2 of the path)",
        ),
        (encoded(0, 2), "encoded", "an encoded 0x00 is not allowed in a path (at byte 3 of the path)"),
        (dots(3), "dots", "a segment that is . or .. is not allowed, encoded or not (at byte 4 of the path)"),
        (
            PathFault::Slash { at: 4 },
            "slash",
            "an encoded slash or two slashes in a row may lead out of the route, which may allow them with encoded_slash = true (at byte 5 of the path)",
        ),
        (
            PathFault::Ambiguous,
            "ambiguous",
            "servers that decode the path further or cut it at ; read a path of another route",
        ),
    ] {
        assert_eq!((fault.as_str(), fault.to_string().as_str()), (word, text));
    }
}

#[test]
fn routes_are_compared_with_unreserved_characters_decoded() {
    for (raw, plain) in [
        ("/%61dmin", "/admin"),
        ("/%41%2d%2E%5f%7e%30", "/A-._~0"),
        ("/a%2fb", "/a%2Fb"),
        ("/a%3bb%3Bc", "/a%3Bb%3Bc"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/plain", "/plain"),
    ] {
        assert_eq!(Path::read(raw).unwrap().plain(), plain);
    }
}

#[test]
fn every_way_to_read_a_path_is_known() {
    let readings: Vec<_> = Path::read("/a;x/%2562//c%2fd").unwrap().readings().collect();
    for expected in
        ["/a;x/%2562//c%2Fd", "/a/%2562//c%2Fd", "/a;x/%62//c/d", "/a/%62/c/d", "/a;x/b//c/d", "/a/b/c/d"]
    {
        assert!(readings.iter().any(|reading| reading == expected), "{expected} is not in {readings:?}");
    }
}

#[test]
fn a_path_that_nobody_decodes_cuts_or_merges_has_one_reading() {
    for (raw, has_one) in [
        ("/", true),
        ("/a.b/c,d:e@f", true),
        ("/%61dmin/", true),
        ("/a;x", false),
        ("/a//b", false),
        ("/a%2fb", false),
        ("/a%3bb", false),
        ("/%2561", false),
    ] {
        assert_eq!(Path::read(raw).unwrap().has_one_reading(), has_one, "{raw}");
    }
}

#[test]
fn no_path_is_so_odd_that_reading_it_fails() {
    let mut state = 1_u64;
    let parts = [
        "/", "//", ".", "..", "%2e", "%252e", "%2f", "%252f", ";", "%3b", "\\", "%5c", "%", "a", "%61",
        "%00", "\u{e9}", "~",
    ];
    for _ in 0..20_000 {
        let mut raw = String::from("/");
        for _ in 0..state % 9 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            raw += parts[usize::try_from(state % parts.len() as u64).unwrap()];
        }
        state = state.wrapping_add(1);
        let Ok(path) = Path::read(&raw) else { continue };
        let is_plain = |reading: String| reading == path.plain();
        assert!(!path.has_one_reading() || path.readings().all(is_plain), "{raw}");
        // Whatever way it is read, nobody leaves the folder that it is in.
        for reading in path.readings() {
            let mut depth = 0_i32;
            for segment in reading.split('/').skip(1) {
                depth += if segment == ".." { -1 } else { 1 };
                assert!(depth >= 0 && segment != "." && !segment.contains('\\'), "{raw}: {reading}");
            }
        }
    }
}
