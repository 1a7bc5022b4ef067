use super::*;
use http::header::{HeaderName, HeaderValue};

fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in lines {
        fields.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    fields
}

/// The keys `shop` and `depot`, as texts and as what a listener keeps.
fn two() -> (Key, Key, Access) {
    let (shop, depot) = (Key::generate().unwrap(), Key::generate().unwrap());
    let keys = Keys::new([("shop".into(), shop.digest()), ("depot".into(), depot.digest())]).unwrap();
    (shop, depot, Access::Keys(keys))
}

const SOMEBODY: PeerId = PeerId { uid: 1000, gid: 100 };

#[test]
fn a_key_is_found_by_its_text_in_either_field() {
    let (shop, depot, access) = two();
    for (key, name) in [(&shop, "shop"), (&depot, "depot")] {
        let admitted = access.admit(&fields(&[("x-evergrant-key", key.expose())]), None).unwrap();
        assert_eq!((admitted.caller.name(), admitted.by_authorization), (Some(name), false));
        for scheme in ["Bearer ", "bearer ", "BEARER   "] {
            let value = format!("{scheme}{}", key.expose());
            let admitted = access.admit(&fields(&[("authorization", &value)]), None).unwrap();
            assert_eq!((admitted.caller.name(), admitted.by_authorization), (Some(name), true), "{scheme}");
        }
    }
}

// G13
#[test]
fn without_a_key_of_the_listener_nobody_is_admitted() {
    let (shop, depot, access) = two();
    let (shop, depot) = (shop.expose(), depot.expose());
    let bearer = format!("Bearer {shop}");
    let basic = format!("Basic {shop}");
    let glued = format!("Bearer{shop}");
    let longer = format!("{shop}A");
    let comma = format!("Bearer {shop}, Bearer {depot}");
    for lines in [
        &[][..],
        &[("x-evergrant-key", "")],
        &[("x-evergrant-key", "shop")],
        &[("x-evergrant-key", &shop[1..])],
        &[("x-evergrant-key", &longer)],
        &[("x-evergrant-key", &shop.to_ascii_uppercase())],
        &[("x-evergrant-key", &bearer)],
        &[("authorization", shop)],
        &[("authorization", &basic)],
        &[("authorization", &glued)],
        &[("authorization", "Bearer ")],
        &[("authorization", &comma)],
        &[("proxy-authorization", &bearer)],
        // Two of one name, even if they are the same.
        &[("x-evergrant-key", shop), ("x-evergrant-key", shop)],
        &[("x-evergrant-key", shop), ("x-evergrant-key", depot)],
        &[("authorization", &bearer), ("authorization", &bearer)],
        // A wrong key is not made good by another field.
        &[("x-evergrant-key", "wrong"), ("authorization", &bearer)],
    ] {
        assert_eq!(access.admit(&fields(lines), Some(SOMEBODY)), Err(AccessDenied::Key), "{lines:?}");
    }
    let none = Access::Keys(Keys::new([]).unwrap());
    assert_eq!(none.admit(&fields(&[("x-evergrant-key", shop)]), None), Err(AccessDenied::Key));
}

#[test]
fn a_key_beside_an_authorization_leaves_that_to_the_caller() {
    let (shop, _, access) = two();
    let lines = [("x-evergrant-key", shop.expose()), ("authorization", "Bearer of-the-sdk")];
    let admitted = access.admit(&fields(&lines), None).unwrap();
    assert!(!admitted.by_authorization);
}

#[test]
fn everyone_is_admitted_where_nobody_is_asked() {
    let lines = fields(&[("authorization", "Bearer of-the-sdk")]);
    let admitted = Access::Anyone.admit(&lines, Some(SOMEBODY)).unwrap();
    assert_eq!(admitted, Admitted { caller: Caller::Anyone, by_authorization: false });
}

// G13
#[test]
fn users_of_this_machine_are_admitted_by_user_or_group_if_they_are_listed() {
    let access = Access::Peers(Peers::only(1000).with_uid(1001).with_gid(50));
    let admit = |uid, gid| access.admit(&HeaderMap::new(), Some(PeerId { uid, gid }));
    for (uid, gid) in [(1000, 100), (1001, 100), (7, 50), (1000, 65_534)] {
        assert_eq!(admit(uid, gid).unwrap().caller, Caller::Peer(PeerId { uid, gid }));
    }
    for (uid, gid) in [(0, 0), (7, 100), (50, 1000), (100, 1001)] {
        assert_eq!(admit(uid, gid), Err(AccessDenied::Peer), "{uid} {gid}");
    }
    assert_eq!(access.admit(&HeaderMap::new(), None), Err(AccessDenied::Peer));
}

#[test]
fn a_user_without_a_number_here_is_never_admitted_even_if_it_is_listed() {
    let access = Access::Peers(Peers::only(65_534).with_gid(65_534).with_gid(50));
    for (uid, gid) in [(65_534, 50), (65_534, 100), (1000, 65_534)] {
        let admitted = access.admit(&HeaderMap::new(), Some(PeerId { uid, gid }));
        assert_eq!(admitted, Err(AccessDenied::Peer), "{uid} {gid}");
    }
}

#[test]
fn names_of_keys_are_neither_paths_nor_told_apart_by_letter_case() {
    let named = |names: &[&str]| {
        Keys::new(names.iter().zip(1..).map(|(name, byte)| ((*name).to_owned(), [byte; 32])))
    };
    let longest = "a".repeat(64);
    assert_eq!(named(&["a", "0", "a.b_c-d", &longest]).unwrap().names().len(), 4);
    let too_long = "a".repeat(65);
    for bad in ["", ".", "-a", "_a", ".a", "A", "aB", "a/b", "a b", "a\u{e9}", "a\n", &too_long] {
        assert_eq!(named(&["a", bad]).unwrap_err(), KeyError::Name(1), "{bad:?}");
    }
    assert_eq!(named(&["a", "b", "a"]).unwrap_err(), KeyError::NameTwice("a".into()));
}

#[test]
fn one_key_has_one_name_and_is_not_empty() {
    let same = Keys::new([("a".into(), [7; 32]), ("b".into(), [7; 32])]);
    assert_eq!(same.unwrap_err(), KeyError::SameKey("a".into(), "b".into()));
    // SHA-256 of nothing, as sha256sum prints it.
    let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let nothing: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
    let empty = Keys::new([("a".into(), nothing.try_into().unwrap())]);
    assert_eq!(empty.unwrap_err(), KeyError::Empty("a".into()));
}

#[test]
fn whoever_wrote_the_keys_is_told_which_of_them_is_wrong() {
    for (error, words) in [
        (KeyError::Name(1), "name of key 2"),
        (KeyError::NameTwice("a".into()), "two keys have the name a"),
        (KeyError::SameKey("a".into(), "b".into()), "the keys a and b are the same"),
        (KeyError::Empty("a".into()), "the digest of key a is that of an empty text"),
        (KeyError::Random, "no random bytes"),
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_new_key_has_43_characters_and_is_new() {
    let (one, other) = (Key::generate().unwrap(), Key::generate().unwrap());
    for key in [&one, &other] {
        let is_base64url = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert_eq!(key.expose().len(), 43);
        assert!(key.expose().chars().all(is_base64url));
    }
    assert_ne!(one.expose(), other.expose());
    assert_ne!(one.digest(), other.digest());
}

// G14
#[test]
fn neither_a_key_nor_its_digest_is_ever_shown() {
    let (shop, _, access) = two();
    let keys = Keys::new([("a".into(), shop.digest()), (shop.expose().into(), [1; 32])]);
    let misplaced = Keys::new([(format!(".{}", shop.expose()), [1; 32])]);
    let shown = [
        format!("{shop:?} {access:?}"),
        keys.map_or_else(|error| format!("{error} {error:?}"), |_| String::new()),
        misplaced.map_or_else(|error| format!("{error} {error:?}"), |_| String::new()),
        format!("{:?}", access.admit(&fields(&[("x-evergrant-key", shop.expose())]), None)),
    ]
    .concat();
    for known in
        ["shop", "depot", "Key([redacted])", "the name of key 2 must have", "the name of key 1 must have"]
    {
        assert!(shown.contains(known), "{known}: {shown}");
    }
    assert!(!shown.contains(shop.expose()), "{shown}");
    let digest = shop.digest();
    assert!(!shown.contains(&format!("{}, {}, {}", digest[0], digest[1], digest[2])), "{shown}");
}

#[test]
fn a_log_tells_who_it_was_and_no_name_looks_like_somebody_else() {
    let shown = [Caller::Anyone, Caller::Peer(SOMEBODY), Caller::Key("shop".into())]
        .map(|caller| (caller.to_string(), caller.name().map(str::to_owned)));
    let expected = [("-", None), ("uid 1000", None), ("shop", Some("shop"))];
    assert_eq!(shown, expected.map(|(text, name)| (text.to_owned(), name.map(str::to_owned))));
    assert!(["-", "uid 1000"].into_iter().all(|name| Keys::new([(name.into(), [1; 32])]).is_err()));
}

#[test]
fn who_is_not_admitted_is_told_what_was_wanted_and_nothing_else() {
    for (denied, word, key) in
        [(AccessDenied::Key, "key", "X-Evergrant-Key"), (AccessDenied::Peer, "peer", "peers")]
    {
        assert_eq!((denied.as_str(), denied.status()), (word, StatusCode::FORBIDDEN));
        assert!(denied.to_string().contains(key));
    }
}

// G2
#[test]
fn an_authorization_of_the_callers_own_is_refused_unless_the_route_drops_it() {
    let own = fields(&[("authorization", "Basic eDp5")]);
    let (refuse, drop) = (OwnAuthorization::default(), OwnAuthorization::Drop);
    assert_eq!(own_authorization(&own, false, refuse), Err(Denied::Authorization));
    assert_eq!(own_authorization(&own, false, drop), Ok(()));
    // It was the key of this gateway.
    assert_eq!(own_authorization(&own, true, refuse), Ok(()));
    assert_eq!(own_authorization(&HeaderMap::new(), false, refuse), Ok(()));
}
