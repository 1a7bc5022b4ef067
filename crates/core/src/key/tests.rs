use super::*;
use crate::{Client, ClientAuth, ClientBuilder, Origins, Provider};
use alloc::format;
use alloc::string::String;
use core::hash::BuildHasher;
use proptest::prelude::*;
use proptest::sample::select;
use std::hash::RandomState;

const ENDPOINT: &str = "https://as.example/token";
const SECRET: &str = "SENTINEL-secret";

fn builder(auth: ClientAuth) -> ClientBuilder {
    Client::builder(Provider::rfc6749(ENDPOINT).unwrap(), auth)
}

fn basic() -> ClientBuilder {
    builder(ClientAuth::basic("client", SECRET).unwrap())
}

fn post() -> ClientBuilder {
    builder(ClientAuth::post("client", SECRET).unwrap())
}

fn key(builder: ClientBuilder) -> ClientKey {
    builder.build().unwrap().key()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Entries that exist are found by these bytes, one part to a line: an encoding that differs needs another version. They
/// were written from the layout, and not recorded.
#[test]
fn a_client_has_these_bytes_in_every_release() {
    let raw = ClientAuth::basic_raw("client", SECRET).unwrap();
    let provider = Provider::rfc6749(ENDPOINT).unwrap().with_default_scope("*").unwrap();
    let none = Provider::rfc6749("https://as.example/token?a=b").unwrap();
    let full = post()
        .scope("write read")
        .resource("urn:b")
        .resource("https://a/")
        .audience("api")
        .param("tenant", "t")
        .param("account", "42")
        .param("unsent", "")
        .header("X-Api-Key", "k")
        .header("Account", "7")
        .header("User-Agent", "orders/1.2");
    for (client, expected) in [
        (
            basic(),
            "01
             0100000000000000 1800000000000000 68747470733a2f2f61732e6578616d706c652f746f6b656e
             0100000000000000 0600000000000000 636c69656e74
             0100000000000000 1300000000000000 636c69656e745f7365637265745f6261736963
             0000000000000000
             0000000000000000
             0000000000000000
             0000000000000000
             0000000000000000
             0000000000000000
             0000000000000000",
        ),
        (
            Client::builder(none, ClientAuth::none("clïent").unwrap()),
            "01
             0100000000000000 1c00000000000000 68747470733a2f2f61732e6578616d706c652f746f6b656e3f613d62
             0100000000000000 0700000000000000 636cc3af656e74
             0100000000000000 0400000000000000 6e6f6e65
             0000000000000000
             0000000000000000
             0000000000000000
             0000000000000000
             0000000000000000
             0000000000000000
             0000000000000000",
        ),
        (
            builder(raw).scope("b a"),
            "01
             0100000000000000 1800000000000000 68747470733a2f2f61732e6578616d706c652f746f6b656e
             0100000000000000 0600000000000000 636c69656e74
             0100000000000000 1700000000000000 636c69656e745f7365637265745f62617369635f726177
             0200000000000000 0100000000000000 61 0100000000000000 62
             0000000000000000
             0000000000000000
             0000000000000000
             0000000000000000
             0000000000000000
             0000000000000000",
        ),
        (
            Client::builder(provider, ClientAuth::post("client", SECRET).unwrap()),
            "01
             0100000000000000 1800000000000000 68747470733a2f2f61732e6578616d706c652f746f6b656e
             0100000000000000 0600000000000000 636c69656e74
             0100000000000000 1200000000000000 636c69656e745f7365637265745f706f7374
             0100000000000000 0100000000000000 2a
             0000000000000000
             0000000000000000
             0000000000000000
             0000000000000000
             0000000000000000
             0000000000000000",
        ),
        (
            full,
            "01
             0100000000000000 1800000000000000 68747470733a2f2f61732e6578616d706c652f746f6b656e
             0100000000000000 0600000000000000 636c69656e74
             0100000000000000 1200000000000000 636c69656e745f7365637265745f706f7374
             0200000000000000 0400000000000000 72656164 0500000000000000 7772697465
             0200000000000000 0a00000000000000 68747470733a2f2f612f 0500000000000000 75726e3a62
             0100000000000000 0300000000000000 617069
             0200000000000000 0700000000000000 6163636f756e74 0600000000000000 74656e616e74
             0200000000000000 0700000000000000 6163636f756e74 0900000000000000 782d6170692d6b6579
             0200000000000000 0200000000000000 3432 0100000000000000 74
             0200000000000000 0100000000000000 37 0100000000000000 6b",
        ),
    ] {
        let expected: String = expected.split_whitespace().collect();
        assert_eq!(hex(key(client).expose()), expected);
    }
}

#[test]
fn what_is_not_asked_for_makes_no_other_key() {
    let provider = Provider::rfc6749(ENDPOINT).unwrap();
    let changed = [
        provider.clone().with_body(crate::BodyFormat::Json),
        provider.clone().with_errors(crate::ErrorFormat::MyParcel),
        provider.clone().with_origins(Origins::parse(["https://api.example"]).unwrap()),
        provider.with_bearer_words(["BearerToken"]),
    ];
    let auth = || ClientAuth::basic("client", SECRET).unwrap();
    for provider in changed {
        assert_eq!(key(Client::builder(provider, auth())), key(basic()));
    }
    assert_eq!(key(basic().jwt_hint(false)), key(basic()));
    assert_eq!(key(basic().header("user-agent", "orders/1.2")), key(basic()));
    assert_eq!(key(basic().param("unsent", "").audience("")), key(basic()));
    let rotated = ClientAuth::basic("client", "another").unwrap();
    assert_eq!(basic().build().unwrap().with_auth(rotated).key(), key(basic()));
}

/// Each is one row of bytes with another, as soon as a length or a number is missing.
#[test]
fn no_text_and_no_part_goes_over_into_its_neighbour() {
    let keys = [
        post(),
        post().scope("aa b"),
        post().scope("a ab"),
        post().scope("a:a"),
        post().resource("a:a"),
        post().audience("a:a"),
        post().param("a", "bc"),
        post().param("ab", "c"),
        post().param("a", "b").param("c", "d"),
        post().param("a", "b").header("c", "d"),
        post().header("a", "b").header("c", "d"),
        post().param("a", "d").param("c", "b"),
    ]
    .map(key);
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
}

#[test]
fn a_short_value_is_no_part_of_a_hash_and_every_name_is() {
    let hasher = RandomState::new();
    let hash = |client| hasher.hash_one(key(client));
    assert_eq!(hash(basic().param("pin", "1234")), hash(basic().param("pin", "4321")));
    assert_eq!(hash(basic().header("pin", "1234")), hash(basic().header("pin", "4321")));
    assert_ne!(hash(basic().param("pin", "1234")), hash(basic().param("pin", "12345")));
    assert_ne!(hash(basic().param("pin", "1234")), hash(basic().param("pen", "1234")));
    assert_ne!(hash(basic().scope("a")), hash(basic().scope("b")));
}

// I29
#[test]
fn debug_shows_nothing_of_a_key_and_no_secret_of_authentication_is_in_it() {
    let key = key(post().param("password", "SENTINEL-value").header("X-Api-Key", "SENTINEL-value"));
    assert_eq!(format!("{key:?}"), "ClientKey([redacted])");
    assert!(!key.expose().windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes()));
}

/// What a client is made of, in the order in which it is written.
#[derive(Clone, Debug)]
struct Written {
    endpoint: String,
    id: String,
    method: usize,
    scope: Vec<String>,
    resources: Vec<String>,
    audience: Option<String>,
    params: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

/// The parts of [`Written`].
const PARTS: usize = 8;

impl Written {
    fn key(&self) -> ClientKey {
        let methods = [ClientAuth::basic, ClientAuth::basic_raw, ClientAuth::post];
        let auth = match methods.get(self.method) {
            Some(method) => method(&self.id, SECRET),
            None => ClientAuth::none(&self.id),
        };
        let mut builder = Client::builder(Provider::rfc6749(&self.endpoint).unwrap(), auth.unwrap());
        builder = builder.scope(&self.scope.join(" "));
        builder = self.resources.iter().fold(builder, |builder, uri| builder.resource(uri));
        builder = self.audience.iter().fold(builder, |builder, audience| builder.audience(audience));
        builder = self.params.iter().fold(builder, |builder, (name, value)| builder.param(name, value));
        builder = self.headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value));
        builder.build().unwrap().key()
    }

    /// The same client with this part of another.
    fn with(mut self, part: usize, other: &Self) -> Self {
        let other = other.clone();
        match part {
            0 => self.endpoint = other.endpoint,
            1 => self.id = other.id,
            2 => self.method = other.method,
            3 => self.scope = other.scope,
            4 => self.resources = other.resources,
            5 => self.audience = other.audience,
            6 => self.params = other.params,
            _ => self.headers = other.headers,
        }
        self
    }

    /// The same client, written the other way round.
    fn reversed(mut self) -> Self {
        self.scope.reverse();
        self.resources.reverse();
        self.params.reverse();
        self.headers.reverse();
        self.headers.iter_mut().for_each(|(name, _)| *name = name.to_ascii_uppercase());
        self
    }

    /// What is to tell it from others, without an encoding.
    fn normal(&self) -> impl PartialEq + use<> {
        fn once<T: Ord>(texts: impl IntoIterator<Item = T>) -> BTreeSet<T> {
            texts.into_iter().collect()
        }
        let Self { endpoint, id, method, scope, resources, audience, params, headers } = self.clone();
        (endpoint, id, method, once(scope), once(resources), audience, once(params), once(headers))
    }
}

/// Few and short texts, so that clients are often equal, and would often be one row of bytes without their lengths.
fn written() -> impl Strategy<Value = Written> {
    let pairs = || proptest::collection::btree_map("[ab]{1,2}", "[ab]{1,2}", 0..3).prop_map(Vec::from_iter);
    (
        select(&["https://a/", "https://a/b", "https://a/b?a"][..]).prop_map(String::from),
        "[ab]{1,2}",
        0..4_usize,
        proptest::collection::vec("[ab]{1,2}", 0..3),
        proptest::collection::vec("a:[ab]{0,2}", 0..3),
        proptest::option::of("[ab]{1,2}"),
        pairs(),
        pairs(),
    )
        .prop_map(|(endpoint, id, method, scope, resources, audience, params, headers)| Written {
            endpoint,
            id,
            method,
            scope,
            resources,
            audience,
            params,
            headers,
        })
}

proptest! {
    // Conforms: R-8707-c
    #[test]
    fn two_clients_that_differ_in_one_part_have_two_keys(
        one in written(),
        other in written(),
        part in 0..PARTS,
    ) {
        for other in [one.clone().with(part, &other), other] {
            let (ours, theirs) = (one.key(), other.key());
            prop_assert_eq!(ours == theirs, one.normal() == other.normal());
            prop_assert_eq!(ours.expose() == theirs.expose(), ours == theirs);
            prop_assert_eq!(ours.cmp(&theirs), ours.expose().cmp(theirs.expose()));
        }
    }

    // Conforms: R-6749-3.3-b, R-8707-c
    #[test]
    fn neither_an_order_nor_the_case_of_a_headers_name_makes_another_key(written in written()) {
        let (key, reversed) = (written.key(), written.reversed().key());
        let hasher = RandomState::new();
        prop_assert_eq!(&key, &reversed);
        prop_assert_eq!(hasher.hash_one(key), hasher.hash_one(reversed));
    }
}

#[test]
fn where_a_secret_comes_from_makes_no_other_key() {
    type Fixed = fn(&str, &str) -> Result<ClientAuth, crate::ConfigError>;
    type Live = fn(&str) -> Result<ClientAuth, crate::ConfigError>;
    let methods: [(Fixed, Live); 3] = [
        (ClientAuth::basic, ClientAuth::basic_live),
        (ClientAuth::basic_raw, ClientAuth::basic_raw_live),
        (ClientAuth::post, ClientAuth::post_live),
    ];
    for (fixed, live) in methods {
        let fixed = key(builder(fixed("client", SECRET).unwrap()));
        let live = key(builder(live("client").unwrap()));
        assert_eq!((live.expose(), live.public), (fixed.expose(), fixed.public));
    }
}

#[test]
fn a_parameter_that_is_read_is_one_without_a_value_and_unlike_one_that_is_not_sent() {
    let live = key(basic().live_param("password"));
    assert_ne!(live, key(basic()));
    assert_ne!(live, key(basic().param("password", "a")));
    assert_ne!(live, key(basic().param("password", "")));
    assert_ne!(live, key(basic().live_param("other")));
    assert_eq!(key(basic().live_param("b").live_param("a")), key(basic().live_param("a").live_param("b")));
    let hex = hex(live.expose());
    // One name, and one empty value.
    let (name, value) =
        ("0100000000000000080000000000000070617373776f7264", "01000000000000000000000000000000");
    assert!(hex.contains(name) && hex.contains(value), "{hex}");
}

#[test]
fn an_assertion_makes_another_key_by_the_name_of_its_method() {
    let auth = |kind| ClientAuth::assertion("client", kind).unwrap();
    let bearer = || auth(crate::AssertionKind::JWT_BEARER);
    assert_ne!(key(builder(bearer())), key(builder(auth(crate::AssertionKind::JWT_SPIFFE))));
    assert_ne!(key(builder(bearer())), key(basic()));
    assert_eq!(key(builder(bearer())), key(builder(bearer().without_client_id())));
}
