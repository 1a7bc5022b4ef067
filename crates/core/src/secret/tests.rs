use super::*;
use crate::{AccessToken, Client, ClientAuth, ClientKey, Request, Response, Stored, Token};
use alloc::format;
use alloc::string::String;
use core::borrow::Borrow;
use core::fmt::{Display, LowerHex, UpperHex};
use core::hash::BuildHasher;
use core::marker::PhantomData;
use core::ops::Deref;
use serde::Serialize;

// Conforms: A-44
#[test]
fn secrets_are_equal_by_content_and_hash_by_length_alone() {
    let secret = Secret::new;
    assert_eq!(secret("hunter2"), secret("hunter2"));
    // The last two differ twice, by the same bits.
    for other in ["hunter3", "xunter2", "hunter", "hunter22", "", "uhnter2", "hunte2r"] {
        assert_ne!(secret("hunter2"), secret(other));
    }
    let hash = |text| {
        let hasher = core::hash::BuildHasherDefault::<std::hash::DefaultHasher>::default();
        hasher.hash_one(secret(text))
    };
    assert_eq!(hash("hunter2"), hash("another"));
    assert_ne!(hash("hunter2"), hash("hunter"));
}

#[test]
fn secrets_are_ordered_as_bytes_are() {
    let texts = ["", "a", "ab", "b", "ba", "bb", "hunter2", "hunter22", "hunter3"];
    for (ours, theirs) in texts.into_iter().flat_map(|ours| texts.map(|theirs| (ours, theirs))) {
        assert_eq!(compare(ours.as_bytes(), theirs.as_bytes()), ours.cmp(theirs), "{ours} {theirs}");
    }
}

#[test]
fn debug_shows_nothing_of_a_secret() {
    assert_eq!(format!("{:?}", Secret::new("hunter2")), "[redacted]");
}

/// Where a type has no constant of its own, there is this one.
trait Otherwise {
    const HAS: bool = false;
}

impl<T> Otherwise for T {}

/// The traits of these that this type has, by name.
macro_rules! traits_of {
    ($type:ty: $($trait:path),*) => {{
        let mut found = String::new();
        $({
            struct This<T>(PhantomData<T>);
            #[allow(dead_code, reason = "where the type has the trait, and nowhere else")]
            impl<T: $trait> This<T> {
                const HAS: bool = true;
            }
            if This::<$type>::HAS {
                found.push_str(&stringify!($trait).replace(' ', ""));
                found.push(' ');
            }
        })*
        found
    }};
}

/// Every way by which a text leaves a type without its being asked for by name.
macro_rules! ways_out {
    ($type:ty) => {
        traits_of!($type: Display, LowerHex, UpperHex, Serialize, Deref, AsRef<str>, AsRef<[u8]>, Borrow<str>,
            Into<String>, PartialEq<str>, PartialEq<&'static str>, PartialOrd)
    };
}

// Conforms: A-08
#[test]
fn what_holds_a_secret_gives_it_to_nobody_who_does_not_ask_for_it_by_name() {
    assert_eq!(ways_out!(Secret), "");
    assert_eq!(ways_out!(AccessToken), "");
    assert_eq!(ways_out!(Token), "");
    assert_eq!(ways_out!(Stored), "");
    assert_eq!(ways_out!(ClientAuth), "");
    assert_eq!(ways_out!(Client), "");
    assert_eq!(ways_out!(Request), "");
    assert_eq!(ways_out!(Response), "");
    // It is the key of ordered maps; to find a value by comparing, one must have the key, which can be asked by name.
    assert_eq!(ways_out!(ClientKey), "PartialOrd ");
    // It would be seen.
    let text = ways_out!(String);
    for way in ["Display", "Serialize", "Deref", "AsRef<str>", "Into<String>", "PartialEq<str>", "PartialOrd"]
    {
        assert!(text.contains(way), "{way}: {text}");
    }
}
