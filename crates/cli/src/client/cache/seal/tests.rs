use super::*;
use evergrant_tokio_reqwest::{Client, ClientAuth, Provider};

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

fn seal(client: ClientKey) -> Seal {
    Seal::new(client, "secret")
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
    let [client, _] = clients();
    let ours = || seal(client.clone());
    let sealed = ours().seal(&stored()).unwrap();
    assert_eq!(ours().open(&sealed), Ok(stored()));
    assert_eq!(end(&sealed), Some(Wall::from_epoch(Duration::from_secs(1_764_003_600))));
    assert_ne!(ours().seal(&stored()).unwrap(), sealed, "each has a nonce of its own");
    assert!(!sealed.windows(7).any(|bytes| bytes == b"a.token"));
}

#[test]
fn the_longest_token_fits() {
    let [client, _] = clients();
    let seal = seal(client);
    let token = AccessToken::new(&"x".repeat(AccessToken::MAX_LEN)).unwrap();
    let sealed = seal.seal(&stored_with(token)).unwrap();
    assert_eq!(sealed.len(), MAX_LEN);
    assert!(seal.open(&sealed).is_ok());
}

// Conforms: A-11
#[test]
fn no_client_opens_what_another_one_sealed_and_none_has_the_name_of_another() {
    let seals = clients().map(seal);
    for (place, ours) in seals.iter().enumerate() {
        let sealed = ours.seal(&stored()).unwrap();
        for (other, theirs) in seals.iter().enumerate() {
            assert_eq!(theirs.open(&sealed).is_ok(), place == other, "{place} {other}");
            assert_eq!(theirs.name() == ours.name(), place == other, "{place} {other}");
        }
        let rotated = Seal::new(ours.client.clone(), "another secret");
        assert!(rotated.open(&sealed).is_err() && rotated.name() != ours.name());
    }
}

#[test]
fn a_file_has_the_same_name_in_every_release() {
    let [client, _] = clients();
    assert_eq!(seal(client).name(), "40f250feef575e6ca60f76f7318238d3");
}
