use super::*;
use evergrant_tokio_reqwest::{ClientAuth, Provider};

fn client(endpoint: &str, auth: ClientAuth, scope: &str) -> Client {
    Client::builder(Provider::rfc6749(endpoint).unwrap(), auth).scope(scope).build().unwrap()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Clients that are each another one, though all have one secret.
fn identities() -> Vec<Identity> {
    let basic = || ClientAuth::basic("me", "secret").unwrap();
    let (here, there) = ("https://auth.example/", "https://auth.example/x");
    let usual = || client(here, basic(), "a b");
    let alone = |client: Client| Identity::new(&client, &Extras::default());
    let with = |extras: Extras<'_>| Identity::new(&usual(), &extras);
    let resources = |resources| with(Extras { resources, ..Extras::default() });
    let audience = |audience| with(Extras { audience: Some(audience), ..Extras::default() });
    let params = |params| with(Extras { params, ..Extras::default() });
    let headers = |headers| with(Extras { headers, ..Extras::default() });
    let header = |name: &str, value: &str| (name.to_owned(), Zeroizing::new(value.to_owned()));
    vec![
        alone(usual()),
        alone(client(there, basic(), "a b")),
        alone(client(here, ClientAuth::basic("you", "secret").unwrap(), "a b")),
        alone(client(here, ClientAuth::post("me", "secret").unwrap(), "a b")),
        alone(client(here, ClientAuth::basic_raw("me", "secret").unwrap(), "a b")),
        alone(client(here, basic(), "a")),
        alone(client(here, basic(), "")),
        resources(&texts(&["https://r/"])),
        resources(&texts(&["https://r/", "https://s/"])),
        audience("https://r/"),
        audience(""),
        params(&pairs(&[("k", "v")])),
        params(&pairs(&[("k", "w")])),
        params(&pairs(&[("kv", "")])),
        params(&pairs(&[("k", "v"), ("l", "w")])),
        headers(&[header("k", "v")]),
        headers(&[header("k", "w")]),
    ]
}

fn stored_with(token: AccessToken) -> Stored {
    let issued = Wall::from_epoch(Duration::new(1_764_000_000, 123_456_789));
    Stored::new(token, issued, Duration::new(3600, 5))
}

fn stored() -> Stored {
    stored_with(AccessToken::new("a.token").unwrap())
}

// Conforms: A-45
#[test]
fn what_is_sealed_is_opened_again_by_the_same_client() {
    let seal = |identity: &Identity| Seal::new(identity, "secret");
    let identity = &identities()[0];
    let sealed = seal(identity).seal(&stored()).unwrap();
    assert_eq!(seal(identity).open(&sealed), Ok(stored()));
    assert_eq!(end(&sealed), Some(Wall::from_epoch(Duration::from_secs(1_764_003_600))));
    assert_ne!(seal(identity).seal(&stored()).unwrap(), sealed, "each has a nonce of its own");
    assert!(!sealed.windows(7).any(|bytes| bytes == b"a.token"));
}

#[test]
fn the_longest_token_fits() {
    let seal = Seal::new(&identities()[0], "secret");
    let token = AccessToken::new(&"x".repeat(AccessToken::MAX_LEN)).unwrap();
    let sealed = seal.seal(&stored_with(token)).unwrap();
    assert_eq!(sealed.len(), MAX_LEN);
    assert!(seal.open(&sealed).is_ok());
}

// Conforms: R-8707-c, A-11
#[test]
fn no_client_opens_what_another_one_sealed_and_none_has_the_name_of_another() {
    let seals: Vec<Seal> = identities().iter().map(|identity| Seal::new(identity, "secret")).collect();
    for (place, ours) in seals.iter().enumerate() {
        let sealed = ours.seal(&stored()).unwrap();
        for (other, theirs) in seals.iter().enumerate() {
            assert_eq!(theirs.open(&sealed).is_ok(), place == other, "{place} {other}");
            assert_eq!(theirs.name() == ours.name(), place == other, "{place} {other}");
        }
        let rotated = Seal::new(&identities()[place], "another secret");
        assert!(rotated.open(&sealed).is_err() && rotated.name() != ours.name());
    }
}

#[test]
fn the_order_of_scopes_makes_no_other_client() {
    let auth = || ClientAuth::basic("me", "secret").unwrap();
    let identity =
        |scope: &str| Identity::new(&client("https://auth.example/", auth(), scope), &Extras::default());
    assert!(identity("a b") == identity("b a"));
}
