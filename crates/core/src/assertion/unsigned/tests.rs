use super::*;
use crate::assertion::{AssertionAudience, AssertionForm};
use crate::auth::ClientAuth;
use crate::client::{Client, ClientBuilder};
use crate::provider::Provider;
use alloc::string::ToString;
use alloc::vec;
use serde_json::{Value, json};

const NOW: Duration = Duration::from_secs(1_800_000_000);

fn provider() -> Provider {
    Provider::rfc6749("https://as.example/token").unwrap().with_issuer("https://as.example/").unwrap()
}

fn unsigned_of(builder: ClientBuilder) -> UnsignedAssertion {
    builder.build().unwrap().unsigned(Wall::from_epoch(NOW)).unwrap()
}

fn unsigned(provider: Provider) -> UnsignedAssertion {
    unsigned_of(Client::builder(provider, ClientAuth::private_key_jwt("erp").unwrap()))
}

fn part(text: &str, at: usize) -> Value {
    let part = text.split('.').nth(at).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn input(unsigned: &UnsignedAssertion, key: &KeyInfo) -> (Value, Value) {
    let input = unsigned.for_key(key, [7; 16]).unwrap();
    let text = core::str::from_utf8(input.as_bytes()).unwrap();
    assert_eq!(text.split('.').count(), 2);
    (part(text, 0), part(text, 1))
}

fn es256() -> KeyInfo {
    KeyInfo::new([Algorithm::Es256])
}

// Conforms: R-7523-b, R-7523-c, R-7523-f
#[test]
fn header_and_claims_are_what_the_rules_ask_for() {
    let (header, claims) = input(&unsigned(provider()), &es256());
    assert_eq!(header, json!({"alg": "ES256", "typ": "client-authentication+jwt"}));
    assert_eq!(
        claims,
        json!({
            "iss": "erp", "sub": "erp", "aud": "https://as.example/", "jti": "BwcHBwcHBwcHBwcHBwcHBw",
            "iat": 1_799_999_995_u64, "exp": 1_800_000_055_u64,
        })
    );
}

#[test]
fn a_key_says_its_name_and_its_certificate() {
    let key = es256().with_id("a \"key\"").with_certificate(Thumbprint::new([1; 32]));
    let (header, _) = input(&unsigned(provider()), &key);
    assert_eq!(header["kid"], "a \"key\"");
    assert_eq!(header["x5t#S256"], "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE");
}

// Conforms: R-7523-c, R-7523-d, R-7523-e
#[test]
fn the_audience_is_one_text_the_issuer_first() {
    let audience = |provider| input(&unsigned(provider), &es256()).1["aud"].clone();
    assert_eq!(audience(provider()), "https://as.example/");
    let endpoint = "https://as.example/token?tenant=1";
    let pinned = Provider::rfc6749(endpoint).unwrap();
    assert_eq!(audience(pinned.clone()), endpoint);
    let form = |audience| AssertionForm::new().with_audience(audience);
    let of_endpoint = provider().with_assertion_form(form(AssertionAudience::TokenEndpoint));
    assert_eq!(audience(of_endpoint), "https://as.example/token");
    let other = pinned.with_assertion_form(form(AssertionAudience::Other("urn:as".into())));
    assert_eq!(audience(other), "urn:as");
}

// Conforms: R-7523-f
#[test]
fn a_server_may_want_another_type_and_the_moment_it_begins() {
    let form = AssertionForm::new().with_type("JWT").unwrap().with_not_before();
    let (header, claims) = input(&unsigned(provider().with_assertion_form(form)), &es256());
    assert_eq!((&header["typ"], &claims["nbf"]), (&json!("JWT"), &claims["iat"]));
    assert!(AssertionForm::new().with_type("").is_err());
    assert!(AssertionForm::new().with_type("J\nWT").is_err());
}

#[test]
fn of_two_ways_of_rsa_the_better_one_is_for_servers_that_list_it() {
    let rsa = KeyInfo::new([Algorithm::Ps256, Algorithm::Rs256, Algorithm::Rs384]);
    let plain = unsigned(provider());
    let lists_pss = UnsignedAssertion { rsa: Algorithm::Ps256, ..plain.clone() };
    let told = UnsignedAssertion { algorithm: Some(Algorithm::Rs384), ..lists_pss.clone() };
    for (unsigned, expected) in
        [(&plain, Algorithm::Rs256), (&lists_pss, Algorithm::Ps256), (&told, Algorithm::Rs384)]
    {
        assert_eq!(unsigned.for_key(&rsa, [0; 16]).unwrap().algorithm(), expected);
    }
    // A key that can do nothing else does what it can.
    let pss_alone = KeyInfo::new([Algorithm::Ps256]);
    assert_eq!(plain.for_key(&pss_alone, [0; 16]).unwrap().algorithm(), Algorithm::Ps256);
}

// Conforms: R-7523-h
#[test]
fn a_key_that_cannot_sign_as_asked_is_refused_by_name() {
    let private = unsigned(provider());
    let secret = UnsignedAssertion { kind: Kind::ClientSecret, ..private.clone() };
    let told = UnsignedAssertion { algorithm: Some(Algorithm::Es384), ..private.clone() };
    let (es, hs) = (es256(), KeyInfo::new([Algorithm::Hs256]));
    let said = |unsigned: &UnsignedAssertion, key| unsigned.for_key(key, [0; 16]).unwrap_err().to_string();
    assert!(said(&private, &hs).starts_with("the signing key cannot sign by private_key_jwt, it can HS256"));
    assert!(said(&secret, &es).starts_with("the signing key cannot sign by client_secret_jwt, it can ES256"));
    assert!(said(&told, &es).starts_with("the signing key cannot sign by ES384, it can ES256"));
    assert!(said(&private, &KeyInfo::new([])).contains("cannot sign"));
    assert_eq!(secret.for_key(&hs, [0; 16]).unwrap().algorithm(), Algorithm::Hs256);
}

#[test]
fn claims_of_ones_own_stand_behind_the_others() {
    let builder = || Client::builder(provider(), ClientAuth::private_key_jwt("e\\rp").unwrap());
    let unsigned = unsigned_of(
        builder().assertion_claim("tenant", "[1, {\"a\": \"ü\"}]").assertion_claim("x", " null "),
    );
    let (_, claims) = input(&unsigned, &es256());
    assert_eq!((&claims["tenant"], &claims["x"]), (&json!([1, {"a": "ü"}]), &Value::Null));
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("e\\rp"), &json!("e\\rp")));
    for (name, value) in
        [("aud", "1"), ("jti", "1"), ("", "1"), ("a", ""), ("a", "x"), ("a", "1 2"), ("a", "{"), ("a", "1,")]
    {
        let error = builder().assertion_claim(name, value).build().unwrap_err();
        assert!(matches!(error, ConfigError::AssertionClaim { .. }), "{name} {value}");
    }
    let twice = builder().assertion_claim("a", "1").assertion_claim("a", "1").build();
    assert!(twice.is_err());
}

#[test]
fn a_signed_assertion_is_told_from_another_by_its_key() {
    let unsigned = unsigned(provider());
    let thumbprint = Thumbprint::new([3; 32]);
    let sign = |key: &KeyInfo, jti| {
        unsigned.for_key(key, jti).unwrap().signed(&Signature::new([9; 64])).unwrap().into_parts()
    };
    let key = es256().with_thumbprint(thumbprint);
    let (one, other) = (sign(&key, [1; 16]), sign(&key, [2; 16]));
    assert!(one.text != other.text && one.told_by == other.told_by && !one.is_costly);
    let end = URL_SAFE_NO_PAD.encode([9; 64]);
    assert!(one.text.expose().ends_with(&alloc::format!(".{end}")));
    assert!(sign(&es256(), [1; 16]).is_costly);
    let wrong = unsigned.for_key(&es256(), [0; 16]).unwrap().signed(&Signature::new([9; 70]));
    assert!(wrong.unwrap_err().to_string().contains("from_der"));
}

#[test]
fn nothing_of_it_outgrows_its_room() {
    let id = "\"".repeat(300);
    let auth = ClientAuth::private_key_jwt(&id).unwrap();
    let long = alloc::format!("\"{}\"", "y".repeat(5000));
    let unsigned = unsigned_of(Client::builder(provider(), auth).assertion_claim("a", &long));
    let key = KeyInfo::new([Algorithm::Ps256]).with_id(&"k".repeat(400));
    let input = unsigned.for_key(&key, [0; 16]).unwrap();
    let capacity = input.text.capacity();
    assert!(capacity >= input.text.len() + 1 + SIGNATURE_ROOM);
    let _signed = input.signed(&Signature::new(vec![1; 1024])).unwrap();
}

#[test]
fn what_is_printed_has_no_claim() {
    let auth = ClientAuth::private_key_jwt("erp").unwrap();
    let unsigned = unsigned_of(Client::builder(provider(), auth).assertion_claim("a", "\"the-secret\""));
    let key = es256();
    let shown = alloc::format!("{unsigned:?} {:?}", unsigned.for_key(&key, [0; 16]).unwrap());
    assert!(!shown.contains("the-secret") && shown.contains("erp") && shown.contains("Es256"), "{shown}");
}

/// What grows leaves a copy behind, and what has more room than it needs is wiped for nothing.
#[test]
fn room_is_made_once_and_for_the_longest_that_it_can_become() {
    for (id, json) in [("e", "1"), (&"\"".repeat(300)[..], &alloc::format!("\"{}\"", "y".repeat(5000))[..])] {
        let auth = ClientAuth::private_key_jwt(id).unwrap();
        let unsigned = unsigned_of(Client::builder(provider(), auth).assertion_claim("own", json));
        let claims = unsigned.payload([0xff; 16]);
        let own = "own".len() + json.len() + 4;
        assert_eq!(claims.capacity(), 6 * (2 * id.len() + "https://as.example/".len()) + own + 160);
        let key = es256().with_id("a key");
        let header = unsigned.header(Algorithm::Es256, &key);
        let input = unsigned.for_key(&key, [0xff; 16]).unwrap();
        let coded = |bytes: &[u8]| base64::encoded_len(bytes.len(), false).unwrap();
        assert_eq!(input.text.capacity(), coded(&header) + coded(&claims) + 2 + SIGNATURE_ROOM);
    }
}
