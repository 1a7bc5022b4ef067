use super::*;
use evergrant_core::{Client, ClientAuth, Provider};

/// A sealed token that a release of November 2026 made of `stored()`, for `clients()[0]`.
const SEALED_BEFORE: &str = "657665726772616e742d636163686501108f246900000000adb3e855246bd693eb681a2764b6f0d9377e7bd8a27cff36d7\
                             3b38fc1f31f80360c0e91fbe56f552128329856052d43a1e0b7faf6c78214a2c40b0";
const NONCE: std::ops::Range<usize> = Seal::END_LEN..Seal::END_LEN + NONCE_LEN;
/// The end, in seconds since 1970, of `stored()`.
const END: u64 = 1_764_003_600;

fn client(endpoint: &str) -> ClientKey {
    let auth = ClientAuth::basic("me", "secret").unwrap();
    let client = Client::builder(Provider::rfc6749(endpoint).unwrap(), auth).header("X-Api-Key", "k");
    client.build().unwrap().key()
}

/// Clients that are each another one, though all have one secret. Whatever else tells clients from one another is the
/// key's affair.
fn clients() -> [ClientKey; 2] {
    ["https://auth.example/", "https://auth.example/x"].map(client)
}

fn seal_with(client: &ClientKey, material: &[u8]) -> Seal {
    Seal::new(client, material).unwrap()
}

fn ours() -> Seal {
    seal_with(&clients()[0], b"secret")
}

fn stored_with(token: &str) -> Stored {
    let issued = Wall::from_epoch(Duration::new(1_764_000_000, 123_456_789));
    Stored::new(AccessToken::new(token).unwrap(), issued, Duration::new(3600, 5))
}

fn stored() -> Stored {
    stored_with("a.token")
}

fn end_at(seconds: u64) -> Option<Wall> {
    Some(Wall::from_epoch(Duration::from_secs(seconds)))
}

// Conforms: A-45
#[test]
fn what_is_sealed_is_opened_again_by_the_same_client() {
    let sealed = ours().seal(&stored()).unwrap();
    assert_eq!(ours().open(&sealed), Ok(stored()));
    assert_eq!(Seal::end(&sealed), end_at(END));
    assert!(!sealed.windows(7).any(|bytes| bytes == b"a.token"));
    let seal = ours();
    let [first, second] = [(); 2].map(|()| seal.seal(&stored()).unwrap());
    assert_ne!(first[NONCE], second[NONCE], "each has a nonce of its own");
}

#[test]
fn any_times_come_back_as_they_were() {
    for time in [Duration::ZERO, Duration::new(1, 999_999_999), Duration::MAX] {
        let token = AccessToken::new("a.token").unwrap();
        let stored = Stored::new(token, Wall::from_epoch(time), time);
        let sealed = ours().seal(&stored).unwrap();
        assert_eq!(ours().open(&sealed), Ok(stored));
        assert_eq!(Seal::end(&sealed), end_at(time.saturating_add(time).as_secs()));
    }
}

#[test]
fn the_shortest_and_the_longest_token_fit_and_nothing_beyond_them() {
    let longest = "x".repeat(AccessToken::MAX_LEN);
    for (token, length) in [("x", REST + 1), (&longest, REST + AccessToken::MAX_LEN)] {
        let sealed = ours().seal(&stored_with(token)).unwrap();
        assert_eq!(sealed.len(), length);
        assert_eq!(ours().open(&sealed), Ok(stored_with(token)));
        let bound = stored_with(token).with_binding(Binding::Key(Thumbprint::new([7; 32])));
        let sealed = ours().seal(&bound).unwrap();
        assert_eq!(sealed.len(), length + BINDING);
        assert_eq!(ours().open(&sealed), Ok(bound));
    }
    assert_eq!(Seal::MAX_LEN, REST + BINDING + AccessToken::MAX_LEN);
    // What is as long as a token can be is looked at.
    let header = [&b"evergrant-cache\x01"[..], &[0; 8]].concat();
    let of_length = |length| [&header[..], &vec![0; length - header.len()]].concat();
    for (length, expected) in [
        (header.len(), OpenError::Form),
        (REST, OpenError::Form),
        (REST + 1, OpenError::Foreign),
        (Seal::MAX_LEN, OpenError::Foreign),
        (Seal::MAX_LEN + 1, OpenError::Form),
        (1 << 20, OpenError::Form),
    ] {
        assert_eq!(ours().open(&of_length(length)), Err(expected), "{length} bytes");
    }
}

// Conforms: A-11
#[test]
fn no_client_opens_what_another_one_sealed_and_none_has_the_name_of_another() {
    let seals = clients().map(|client| seal_with(&client, b"secret"));
    for (place, ours) in seals.iter().enumerate() {
        let sealed = ours.seal(&stored()).unwrap();
        for (other, theirs) in seals.iter().enumerate() {
            let expected = if place == other { Ok(stored()) } else { Err(OpenError::Foreign) };
            assert_eq!(theirs.open(&sealed), expected, "{place} {other}");
            assert_eq!(theirs.name() == ours.name(), place == other, "{place} {other}");
        }
        let rotated = seal_with(&ours.client, b"another secret");
        assert_eq!(rotated.open(&sealed), Err(OpenError::Foreign));
        assert_ne!(rotated.name(), ours.name());
    }
}

// Conforms: A-11
#[test]
fn a_flipped_bit_anywhere_is_found() {
    let whole = ours().seal(&stored()).unwrap();
    for byte in 0..whole.len() {
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[byte] ^= 1 << bit;
            let expected = match byte {
                0..15 => OpenError::Form,
                15 => OpenError::Version,
                _ => OpenError::Foreign,
            };
            assert_eq!(ours().open(&flipped), Err(expected), "byte {byte}, bit {bit}");
        }
    }
    for length in 0..whole.len() {
        let expected = if length <= REST { OpenError::Form } else { OpenError::Foreign };
        assert_eq!(ours().open(&whole[..length]), Err(expected), "{length} bytes of it");
        assert_eq!(Seal::end(&whole[..length]).is_some(), length >= Seal::END_LEN, "{length} bytes of it");
    }
    assert_eq!(ours().open(&[&whole[..], b"x"].concat()), Err(OpenError::Foreign));
}

#[test]
fn what_an_older_release_sealed_is_opened() {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let sealed: Vec<u8> = SEALED_BEFORE.as_bytes().chunks(2).map(pair).collect();
    assert_eq!(ours().open(&sealed), Ok(stored()));
    assert_eq!(Seal::end(&sealed), end_at(END));
}

#[test]
fn what_another_version_sealed_is_told_from_what_is_damaged_and_its_end_is_seen() {
    for version in (0..=u8::MAX).filter(|version| ![VERSION, BOUND].contains(version)) {
        let header = [&b"evergrant-cache"[..], &[version], &END.to_le_bytes()].concat();
        assert_eq!(ours().open(&header[..16]), Err(OpenError::Version), "{version}");
        for more in [0, 100, 1 << 20] {
            let sealed = [&header[..], &vec![7; more]].concat();
            assert_eq!(ours().open(&sealed), Err(OpenError::Version), "{version}, {more} bytes");
            assert_eq!(Seal::end(&sealed), end_at(END), "{version}, {more} bytes");
        }
    }
}

#[test]
fn what_is_no_sealed_token_is_none_and_has_no_end() {
    let long = vec![b'x'; 100];
    for bytes in
        [&b""[..], b"evergrant-cach", b"evergrant-cache", b"Evergrant-cache\x01 and more than that", &long]
    {
        assert_eq!(ours().open(bytes), Err(OpenError::Form));
        assert_eq!(Seal::end(bytes), None);
    }
}

/// Only who has the material can seal these.
#[test]
fn sealed_content_that_is_no_token_is_refused() {
    let seal = ours();
    let opened = |issued: u32, life: u32, token: &[u8]| {
        let mut content = Zeroizing::new(Vec::new());
        for nanos in [issued, life] {
            content.extend(9_u64.to_le_bytes());
            content.extend(nanos.to_le_bytes());
        }
        content.extend(token);
        seal.open(&seal.encrypted(VERSION, Wall::EPOCH, content).unwrap())
    };
    assert!(opened(999_999_999, 999_999_999, b"a.token").is_ok());
    for (issued, life, token) in [
        (1_000_000_000, 0, &b"a.token"[..]),
        (0, 1_000_000_000, b"a.token"),
        (u32::MAX, u32::MAX, b"a.token"),
        (0, 0, b"a token"),
        (0, 0, b"a.t\xf6ken"),
        (0, 0, "a.t\u{f6}ken".as_bytes()),
    ] {
        assert_eq!(opened(issued, life, token), Err(OpenError::Foreign), "{issued} {life} {token:?}");
    }
}

#[test]
fn a_bound_token_keeps_its_binding_and_one_that_is_not_stays_as_before() {
    let thumbprint = Thumbprint::new([7; 32]);
    for (binding, version) in [
        (Binding::None, VERSION),
        (Binding::Key(thumbprint), BOUND),
        (Binding::Certificate(thumbprint), BOUND),
    ] {
        let stored = stored().with_binding(binding);
        let sealed = ours().seal(&stored).unwrap();
        assert_eq!(sealed[MAGIC.len()], version);
        let opened = ours().open(&sealed).unwrap();
        assert_eq!((opened.binding(), opened.token().expose()), (binding, "a.token"));
        // One is never taken for the other: the version is authenticated.
        let mut other = sealed;
        other[MAGIC.len()] ^= VERSION ^ BOUND;
        assert_eq!(ours().open(&other), Err(OpenError::Foreign));
    }
    // Only who has the material can seal these.
    let seal = ours();
    let times = [0; TIMES];
    let of_kind = |kind: u8, token: &[u8]| [&[kind][..], &[7; 32], token].concat();
    for (rest, is_good) in [
        (of_kind(KEY, b"a.token"), true),
        (of_kind(CERTIFICATE, b"a.token"), true),
        (of_kind(0, b"a.token"), false),
        (of_kind(3, b"a.token"), false),
        (of_kind(KEY, b""), false),
        (vec![KEY; 32], false),
        (vec![KEY], false),
    ] {
        let content = Zeroizing::new([&times[..], &rest].concat());
        let sealed = seal.encrypted(BOUND, Wall::EPOCH, content).unwrap();
        assert_eq!(seal.open(&sealed).is_ok(), is_good, "{rest:?}");
    }
}

#[test]
fn nothing_is_sealed_with_a_key_that_anybody_can_derive() {
    assert_eq!(Seal::new(&clients()[0], b"").err(), Some(SealError::NoMaterial));
    // Any bytes will do.
    let seal = seal_with(&clients()[0], &[0; 64]);
    assert_eq!(seal.open(&seal.seal(&stored()).unwrap()), Ok(stored()));
}

#[test]
fn a_client_has_the_same_name_in_every_release() {
    assert_eq!(ours().name(), "40f250feef575e6ca60f76f7318238d3");
}

#[test]
fn a_name_is_32_hexadecimal_digits() {
    assert!(Seal::is_name(ours().name()) && Seal::is_name("0123456789abcdef0123456789abcdef"));
    let ours = ours();
    let short = &ours.name()[1..];
    for (digit, why) in
        [("", "short"), ("00", "long"), ("g", "no digit"), ("A", "another case"), ("/", "a path")]
    {
        assert!(!Seal::is_name(&format!("{short}{digit}")), "{why}");
    }
    assert!(!Seal::is_name(&"\u{e9}".repeat(16)));
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(format!("{:?}", ours()), r#"Seal { name: "40f250feef575e6ca60f76f7318238d3", .. }"#);
}
