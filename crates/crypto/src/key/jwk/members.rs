//! The members of a JWK, or of a JWK set, where they stand: what is copied is wiped.

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::fmt;
use std::ops::Deref;
use zeroize::Zeroizing;

/// A text. Without escapes, as all that is base64url, it is read where it stands.
pub(super) enum Text<'a> {
    There(&'a str),
    Anew(Zeroizing<String>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::There(text) => text,
            Self::Anew(text) => text,
        }
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;

        impl<'de> Visitor<'de> for Texts {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text::There(text))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text::Anew(Zeroizing::new(text.into())))
            }
        }

        deserializer.deserialize_str(Texts)
    }
}

/// Of a JWK and of a JWK set, all that is looked at.
#[derive(Default)]
pub(super) struct Members<'a> {
    pub(super) keys: Option<Vec<Self>>,
    pub(super) kty: Option<Text<'a>>,
    pub(super) crv: Option<Text<'a>>,
    pub(super) alg: Option<Text<'a>>,
    pub(super) kid: Option<Text<'a>>,
    pub(super) r#use: Option<Text<'a>>,
    pub(super) key_ops: Option<Vec<Text<'a>>>,
    pub(super) d: Option<Text<'a>>,
    pub(super) x: Option<Text<'a>>,
    pub(super) y: Option<Text<'a>>,
    pub(super) n: Option<Text<'a>>,
    pub(super) e: Option<Text<'a>>,
    pub(super) p: Option<Text<'a>>,
    pub(super) q: Option<Text<'a>>,
    pub(super) dp: Option<Text<'a>>,
    pub(super) dq: Option<Text<'a>>,
    pub(super) qi: Option<Text<'a>>,
    pub(super) k: Option<Text<'a>>,
    /// Whether it has primes beyond the second.
    pub(super) oth: bool,
    /// Whether it has a key in a form that is not a JWK's: a service account of Google.
    pub(super) private_key: bool,
}

impl Members<'_> {
    /// Whether it can sign.
    pub(super) fn is_private(&self) -> bool {
        self.d.is_some() || self.k.is_some()
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Objects;

        impl<'de> Visitor<'de> for Objects {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Members::default();
                while let Some(name) = map.next_key::<Text<'de>>()? {
                    let place = match &*name {
                        "kty" => &mut members.kty,
                        "crv" => &mut members.crv,
                        "alg" => &mut members.alg,
                        "kid" => &mut members.kid,
                        "use" => &mut members.r#use,
                        "d" => &mut members.d,
                        "x" => &mut members.x,
                        "y" => &mut members.y,
                        "n" => &mut members.n,
                        "e" => &mut members.e,
                        "p" => &mut members.p,
                        "q" => &mut members.q,
                        "dp" => &mut members.dp,
                        "dq" => &mut members.dq,
                        "qi" => &mut members.qi,
                        "k" => &mut members.k,
                        "keys" => {
                            set(&mut members.keys, map.next_value()?)?;
                            continue;
                        }
                        "key_ops" => {
                            set(&mut members.key_ops, map.next_value()?)?;
                            continue;
                        }
                        other => {
                            members.oth |= other == "oth";
                            members.private_key |= other == "private_key";
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    set(place, map.next_value()?)?;
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Objects)
    }
}

/// Each member is there once (RFC 7517 §4).
fn set<T, E: Error>(place: &mut Option<T>, value: T) -> Result<(), E> {
    match place.replace(value) {
        Some(_) => Err(E::custom("duplicate member")),
        None => Ok(()),
    }
}
