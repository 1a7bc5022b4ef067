use super::*;

fn fault(raw: &str) -> Option<PathFault> {
    Path::read(raw).err()
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
        ("/a\\b", PathFault::Byte(b'\\')),
        ("/a b", PathFault::Byte(b' ')),
        ("/a\u{7f}", PathFault::Byte(0x7f)),
        ("/a\tb", PathFault::Byte(b'\t')),
        ("/caf\u{e9}", PathFault::Byte(0xc3)),
        ("/%", PathFault::Escape),
        ("/%4", PathFault::Escape),
        ("/%zz", PathFault::Escape),
        ("/%%41", PathFault::Escape),
        ("/a%5cb", PathFault::Encoded(b'\\')),
        ("/a%255Cb", PathFault::Encoded(b'\\')),
        ("/a%00", PathFault::Encoded(0)),
        ("/a%2500", PathFault::Encoded(0)),
        ("/a/../b", PathFault::Dots),
        ("/..", PathFault::Dots),
        ("/a/.", PathFault::Dots),
        ("/a/./b", PathFault::Dots),
        ("/a/%2e%2e/b", PathFault::Dots),
        ("/a/.%2E/b", PathFault::Dots),
        ("/a/%252e%252e/b", PathFault::Dots),
        ("/a/%2e%252e/b", PathFault::Dots),
        ("/a/..;/b", PathFault::Dots),
        ("/a/..;x=1/b", PathFault::Dots),
        ("/a/%2e%2e%3b/b", PathFault::Dots),
        ("/a/..%2fb", PathFault::Dots),
        ("/a/x%2f..%2fb", PathFault::Dots),
        ("/a/x%252f..%252fb", PathFault::Dots),
    ] {
        assert_eq!(fault(raw), Some(expected), "{raw}");
    }
}

#[test]
fn slashes_that_some_take_for_others_are_told() {
    for raw in ["/a//b", "/a//", "/a%2fb", "/a%2Fb", "/a%252fb", "/%2f", "/a%252F"] {
        assert!(Path::read(raw).is_ok_and(|path| path.has_odd_slashes()), "{raw}");
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
