use super::*;
use evergrant_core::fleet::{Claim, Claimant, Operation, Reply, Table};
use evergrant_core::{ClientAuth, Provider};

const SECRET: &str = "a-client-secret-of-thirty-two-ch";
const NOW: StoreTime = StoreTime::from_millis(1_767_225_600_000);
const TOKEN: &str = "mF_9.B5f-4.1JqM";

fn client(auth: ClientAuth) -> Client {
    Client::builder(Provider::rfc6749("https://auth.example.com/token").unwrap(), auth).build().unwrap()
}

fn basic(secret: &str) -> Client {
    client(ClientAuth::basic("my-client-id", secret).unwrap())
}

fn key() -> StoreKey {
    StoreKey::new([7; 32])
}

fn seal_of(key: &StoreKey, client: &Client) -> Box<dyn TokenSeal> {
    key.seal_of(client, None).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Puts this token through a table, and gives what the next claim finds.
fn through(seal: &dyn TokenSeal, token: &AccessToken) -> Have {
    let (mut table, claimant, name) = (Table::new(), Claimant::new([1; 16]), seal.name());
    let claim = |held| Claim { claimant, dropped: None, held, lease: Some(seconds(11)), young: seconds(10) };
    let Reply::Claimed { stamp, .. } = table.run(NOW, &name, &Operation::Claim(claim(None))) else {
        panic!()
    };
    let unsealed = Unsealed::new(
        claimant,
        stamp,
        token.clone(),
        seconds(3600),
        seconds(3000),
        Duration::from_millis(3_600_500),
    );
    let (print, sealed) = (seal.print(token), seal.seal(&unsealed).unwrap());
    let put = unsealed.sealed(print, sealed);
    assert_eq!(table.run(NOW, &name, &Operation::Put(put)), Reply::Kept);
    match table.run(NOW.after(seconds(60)), &name, &Operation::Claim(claim(None))) {
        Reply::Have(have) => have,
        other => panic!("{other:?}"),
    }
}

fn token() -> AccessToken {
    AccessToken::new(TOKEN).unwrap()
}

#[test]
fn what_was_put_is_opened_by_every_process_with_the_same_key_and_client() {
    let client = basic(SECRET);
    for key in [key(), StoreKey::of_client_secrets()] {
        let have = through(&*seal_of(&key, &client), &token());
        let opened = seal_of(&key.clone(), &basic(SECRET)).open(&have).unwrap();
        assert_eq!((opened.expose(), opened.binding()), (TOKEN, Binding::None));
    }
}

#[test]
fn what_a_token_is_bound_to_is_sealed_with_it() {
    let client = basic(SECRET);
    let thumbprint = Thumbprint::new([9; 32]);
    for binding in [Binding::Key(thumbprint), Binding::Certificate(thumbprint)] {
        let seal = key().seal_of(&client, Some(thumbprint)).unwrap();
        let have = through(&*seal, &token().with_binding(binding));
        let opened = seal.open(&have).unwrap();
        assert_eq!((opened.expose(), opened.binding()), (TOKEN, binding));
    }
}

#[test]
fn an_entry_that_was_moved_changed_or_given_other_numbers_does_not_open() {
    let client = basic(SECRET);
    let seal = seal_of(&key(), &client);
    let have = through(&*seal, &token());
    let longer = Duration::from_millis(1);
    for other in [
        Have { fence: Fence::new(have.fence.number() + 1), ..have.clone() },
        Have { end: have.end.after(longer), ..have.clone() },
        Have { life: have.life + longer, ..have.clone() },
        Have { token: Sealed::new(&[]), ..have.clone() },
    ] {
        assert_eq!(seal.open(&other), None, "{other:?}");
    }
    let sealed = have.token.as_bytes();
    for at in 0..sealed.len() {
        let mut changed = sealed.to_vec();
        changed[at] ^= 1;
        assert_eq!(seal.open(&Have { token: Sealed::new(&changed), ..have.clone() }), None, "byte {at}");
        assert_eq!(
            seal.open(&Have { token: Sealed::new(&sealed[..at]), ..have.clone() }),
            None,
            "{at} bytes"
        );
    }
    // What is left and when it is due are the store's word: nobody relies on more than the life.
    let told = Have { left: seconds(1), due_in: seconds(0), ..have.clone() };
    assert!(seal.open(&told).is_some());
    for other in [
        seal_of(&StoreKey::new([8; 32]), &client),
        seal_of(&StoreKey::of_client_secrets(), &client),
        seal_of(&key(), &basic("another-client-secret-of-its-own")),
        key().seal_of(&client, Some(Thumbprint::new([9; 32]))).unwrap(),
    ] {
        assert_eq!(other.open(&have), None);
        assert_ne!((other.name(), other.print(&token())), (seal.name(), seal.print(&token())));
        assert_ne!(other.name(), seal.name());
    }
}

#[test]
fn each_sealing_has_other_bytes_and_no_text_of_the_token() {
    let seal = seal_of(&key(), &basic(SECRET));
    let [first, second] = [through(&*seal, &token()), through(&*seal, &token())];
    assert_ne!(first.token, second.token);
    assert_eq!(first.print, second.print);
    let text = first.token.as_bytes();
    assert!(!text.windows(4).any(|part| TOKEN.as_bytes().windows(4).any(|own| own == part)));
    assert_eq!(text.len(), MAGIC.len() + NONCE_LEN + 1 + TOKEN.len() + MAX_TAG_LEN);
}

#[test]
fn the_name_and_the_print_are_the_same_in_every_release() {
    let seal = seal_of(&key(), &basic(SECRET));
    assert_eq!(seal.name().to_string(), "19ac5e2be28d6c018cc596a2b9c363b1");
    assert_eq!(seal.print(&token()).to_string(), "fe17f1e596606c85");
    let seal = seal_of(&StoreKey::of_client_secrets(), &basic(SECRET));
    assert_eq!(seal.name().to_string(), "4f2ea49d65f678089784b9b586f33f16");
}

#[test]
fn without_a_key_of_the_store_the_secret_must_be_long_and_fixed() {
    let of_secrets = StoreKey::of_client_secrets();
    assert!(of_secrets.seal_of(&basic(SECRET), None).is_ok());
    for auth in [
        ClientAuth::basic("my-client-id", &SECRET[1..]),
        ClientAuth::basic_live("my-client-id"),
        ClientAuth::none("my-client-id"),
        ClientAuth::private_key_jwt("my-client-id"),
        ClientAuth::client_secret_jwt("my-client-id"),
        ClientAuth::tls("my-client-id"),
    ] {
        let client = client(auth.unwrap());
        assert_eq!(of_secrets.seal_of(&client, None).err(), Some(ConfigError::NeedsStoreKey), "{client:?}");
        assert!(key().seal_of(&client, None).is_ok(), "{client:?}");
    }
}

#[test]
fn a_key_is_read_from_base64_and_hexadecimal() {
    let bytes: [u8; 32] = std::array::from_fn(|at| u8::try_from(at * 8 + 7).unwrap());
    let padded = STANDARD.encode(bytes);
    let url = URL_SAFE_NO_PAD.encode(bytes);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let forms = [
        padded.clone(),
        format!(" {padded}\r\n"),
        url.clone(),
        format!("{url}="),
        hex.clone(),
        hex.to_uppercase(),
    ];
    let name = |key: &StoreKey| seal_of(key, &basic(SECRET)).name();
    for text in forms {
        let read = StoreKey::from_text(&text).unwrap_or_else(|_| panic!("{text}"));
        assert_eq!(name(&read), name(&StoreKey::new(bytes)), "{text}");
    }
}

#[test]
fn what_is_no_key_is_named_without_its_text() {
    let wrong = [
        "",
        "secret",
        &"g".repeat(64),
        &"a".repeat(63),
        &"a".repeat(45),
        &"*".repeat(44),
        &STANDARD.encode([1; 31]),
        &STANDARD.encode([1; 33]),
        &format!("{}=", STANDARD.encode([1; 33])),
    ];
    for text in wrong {
        let Err(error) = StoreKey::from_text(text) else { panic!("{text}") };
        assert!(error.to_string().contains("openssl rand -base64 32"));
    }
}

#[test]
fn debug_shows_nothing_of_the_key() {
    assert_eq!(format!("{:?}", StoreKey::new([7; 32])), "StoreKey([redacted])");
    assert_eq!(format!("{:?}", StoreKey::of_client_secrets()), "StoreKey(of client secrets)");
}

#[test]
fn material_of_a_programs_own_is_all_of_it_wherever_the_client_has_its_secret() {
    let key = StoreKey::of_material(SECRET.as_bytes()).unwrap();
    let seal = seal_of(&key, &basic(SECRET));
    let have = through(&*seal, &token());
    let live = seal_of(&key, &client(ClientAuth::basic_live("my-client-id").unwrap()));
    assert_eq!(live.name(), seal.name());
    assert!(live.open(&have).is_some());
    assert_ne!(seal.name(), seal_of(&StoreKey::of_client_secrets(), &basic(SECRET)).name());
    assert_eq!(StoreKey::of_material(b"").err(), Some(SealError::NoMaterial));
}
