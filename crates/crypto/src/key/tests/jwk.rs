//! Keys in JSON: those of the RFCs, and what is said of what cannot be used.

use super::*;

const RFC7515_A1: &[u8] = made!("rfc7515-a1.json");
const RFC7515_A2: &[u8] = made!("rfc7515-a2.json");
const RFC7515_A3: &[u8] = made!("rfc7515-a3.json");
const RFC8037_A1: &[u8] = made!("rfc8037-a1.json");

/// The claims of RFC 7515, appendices A.1 to A.3.
const CLAIMS: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap()
}

/// The same with this member; null takes it away.
fn with(text: &[u8], name: &str, value: Value) -> String {
    let mut json = json(text);
    if value.is_null() {
        json.as_object_mut().unwrap().remove(name);
    } else {
        json[name] = value;
    }
    json.to_string()
}

fn key(text: &[u8]) -> Key {
    Key::from_jwk(std::str::from_utf8(text).unwrap()).unwrap()
}

fn error(text: &str) -> String {
    Key::from_jwk(text).unwrap_err().to_string()
}

#[test]
fn signatures_of_the_rfcs_are_made_again() {
    for (text, header, claims, algorithm, signature) in [
        (
            RFC7515_A1, // RFC 7515, appendix A.1
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
            CLAIMS,
            Algorithm::Hs256,
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        ),
        (
            RFC7515_A2,
            "eyJhbGciOiJSUzI1NiJ9",
            CLAIMS,
            Algorithm::Rs256,
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdb\
             F9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383\
             LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWy\
             wlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
        (
            RFC8037_A1, // RFC 8037, appendix A.4
            "eyJhbGciOiJFZERTQSJ9",
            "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
            Algorithm::EdDsa,
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ),
    ] {
        let ours = key(text).signature(algorithm, format!("{header}.{claims}").as_bytes()).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(ours), signature, "{algorithm}");
    }
    // That of RFC 7515, appendix A.3, has randomness in it: it is verified by the key.
    let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let input = format!("eyJhbGciOiJFUzI1NiJ9.{CLAIMS}");
    assert!(verifies(&key(RFC7515_A3), Algorithm::Es256, input.as_bytes(), &signature));
}

#[test]
fn thumbprints_are_those_of_the_rfcs() {
    // RFC 7638 §3.1
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknj\
             hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQ\
             vRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK\
             nqDKgw";
    let n = URL_SAFE_NO_PAD.decode(n).unwrap();
    let thumbprint = super::super::jwk::thumbprint(&Public::Rsa { n: &n, e: &[1, 0, 1] });
    assert_eq!(thumbprint.to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    // RFC 8037, appendix A.3
    assert_eq!(key(RFC8037_A1).thumbprint().to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    // What jsonwebtoken makes of the public key.
    for (key, _) in all() {
        let jwk: Jwk = serde_json::from_str(&key.public_jwk().unwrap()).unwrap();
        let theirs = jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap();
        assert_eq!(key.thumbprint().to_string(), theirs);
    }
}

#[test]
fn the_public_key_has_its_members_its_name_and_what_it_is_for_and_nothing_private() {
    let public = |key: &Key| json(key.public_jwk().unwrap().as_bytes());
    let ec = json(RFC7515_A3);
    assert_eq!(
        public(&key(RFC7515_A3).with_id("a \"key\"")),
        json!({
            "kty": "EC", "crv": "P-256", "x": ec["x"], "y": ec["y"], "kid": "a \"key\"", "alg": "ES256", "use": "sig",
        })
    );
    let rsa = json(RFC7515_A2);
    assert_eq!(public(&key(RFC7515_A2)), json!({ "kty": "RSA", "n": rsa["n"], "e": "AQAB", "use": "sig" }));
    let okp = json(RFC8037_A1);
    assert_eq!(
        public(&key(RFC8037_A1)),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": okp["x"], "alg": "EdDSA", "use": "sig" })
    );
}

#[test]
fn a_jwk_says_what_it_is_called_and_how_it_signs() {
    let named = Key::from_jwk(&with(RFC7515_A3, "kid", "2026-11".into())).unwrap();
    assert_eq!(named.key().id(), Some("2026-11"));
    assert_eq!(named.with_id("another").key().id(), Some("another"));
    let unnamed = Key::from_jwk(&with(RFC7515_A3, "kid", "".into())).unwrap();
    assert_eq!(unnamed.key().id(), None);
    let algorithms = |text: &[u8], alg: &str| {
        let key = Key::from_jwk(&with(text, "alg", alg.into()));
        key.map(|key| key.key().algorithms().to_vec()).map_err(|error| error.to_string())
    };
    for (alg, algorithm) in
        [("PS256", Algorithm::Ps256), ("RS256", Algorithm::Rs256), ("RS384", Algorithm::Rs384)]
    {
        assert_eq!(algorithms(RFC7515_A2, alg), Ok(vec![algorithm]));
    }
    let restricted = Key::from_jwk(&with(RFC7515_A2, "alg", "RS256".into())).unwrap();
    assert_eq!(public(&restricted)["alg"], "RS256");
    assert!(restricted.sign(Algorithm::Ps256, INPUT).is_err(), "it is for one alone");
    assert_eq!(algorithms(RFC7515_A3, "ES256"), Ok(vec![Algorithm::Es256]));
    for alg in ["EdDSA", "Ed25519"] {
        assert_eq!(algorithms(RFC8037_A1, alg), Ok(vec![Algorithm::EdDsa]), "RFC 9864 names the curve");
    }
    assert_eq!(algorithms(RFC7515_A1, "HS256"), Ok(vec![Algorithm::Hs256]));
    for (text, alg) in [
        (RFC7515_A2, "RS512"),
        (RFC7515_A2, "ES256"),
        (RFC7515_A3, "ES384"),
        (RFC7515_A3, "Ed25519"),
        (RFC7515_A1, "HS512"),
        (RFC7515_A1, "none"),
        (RFC8037_A1, "ES256"),
    ] {
        let said = algorithms(text, alg).unwrap_err();
        assert!(
            said.starts_with(
                "a JWK whose alg its key cannot sign by here: leave alg out, or set it to one of: "
            ),
            "{said}"
        );
    }
    assert!(algorithms(RFC7515_A2, "RS512").unwrap_err().ends_with("PS256, RS256, RS384"));
}

#[test]
fn a_jwk_that_is_not_to_sign_with_is_an_error() {
    // RFC 7517, appendix A.2
    let key = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
                  "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE",
                  "use":"enc","kid":"1"}"#;
    assert_eq!(error(key), "a JWK that is not for signatures, by its use: give one whose use is sig");
    assert_eq!(Key::from_jwk(&key.replace("enc", "sig")).unwrap().key().id(), Some("1"));
    let ops = |ops: Value| Key::from_jwk(&with(RFC7515_A3, "key_ops", ops));
    assert!(ops(json!(["sign"])).is_ok() && ops(json!(["verify", "sign"])).is_ok());
    for wrong in [json!([]), json!(["verify"]), json!(["deriveBits"])] {
        let said = ops(wrong).unwrap_err().to_string();
        assert!(said.starts_with("a JWK that may not sign, by its key_ops"), "{said}");
    }
    for public in [RFC7515_A2, RFC7515_A3, RFC8037_A1] {
        let said = error(&with(public, "d", Value::Null));
        assert!(
            said.starts_with("a public key as a JWK: give the JWK that belongs to it and has the member d"),
            "{said}"
        );
    }
}

#[test]
fn of_a_set_the_only_private_key_is_taken() {
    let (private, public) = (json(RFC7515_A3), json(with(RFC8037_A1, "d", Value::Null).as_bytes()));
    let set = |keys: Value| json!({ "keys": keys }).to_string();
    let taken = Key::from_jwk(&set(json!([public, private, public]))).unwrap();
    assert_eq!(taken.thumbprint(), key(RFC7515_A3).thumbprint());
    assert!(error(&set(json!([private, private]))).starts_with(
        "a JWK set with several private keys: leave the one to sign with, which keeps its kid; the first, for one: jq '.keys[0]' FILE"
    ));
    assert!(
        error(&set(json!([private, json(RFC7515_A1)]))).starts_with("a JWK set with several private keys")
    );
    for without in [json!([]), json!([public])] {
        assert!(error(&set(without)).starts_with("a JWK set without a private key: give the JWK"));
    }
}

#[test]
fn a_jwk_with_something_missing_or_wrong_says_what() {
    let rsa = error(&with(RFC7515_A2, "qi", Value::Null));
    assert!(rsa.starts_with(
        "an RSA key as a JWK without its primes: write p, q, dp, dq and qi as well, which ring needs: python3"
    ));
    assert!(
        rsa.contains("A.to_jwk(A.from_jwk(open('FILE').read()))") && rsa.ends_with(')'),
        "not cut off: {rsa}"
    );
    for (text, starts) in [
        (with(RFC7515_A2, "n", Value::Null), "an RSA key as a JWK without n and e: export it"),
        (with(RFC7515_A2, "oth", json!([])), "an RSA key of more than two primes"),
        (with(RFC7515_A3, "y", Value::Null), "an EC key as a JWK without x and y: export it"),
        (
            with(RFC7515_A3, "crv", "P-521".into()),
            "an EC key on another curve than P-256 and P-384: make one",
        ),
        (with(RFC7515_A3, "crv", Value::Null), "an EC key on another curve than P-256 and P-384"),
        (with(RFC8037_A1, "crv", "X25519".into()), "an OKP key on another curve than Ed25519: make one"),
        (with(RFC7515_A3, "kty", "AKP".into()), "a JWK of an unknown kind: make one"),
        (with(RFC7515_A3, "kty", Value::Null), "JSON without the member kty: write it"),
        (with(RFC7515_A1, "k", Value::Null), "a JWK of kind oct without its secret, k"),
        (
            with(RFC7515_A3, "d", "a+/=".into()),
            "a JWK with a member that is not base64url: write it without padding",
        ),
        (with(RFC7515_A3, "d", "AAAA".into()), "a private key whose parts do not belong together"),
        (with(RFC7515_A3, "x", "A".repeat(48).into()), "a private key whose parts do not belong together"),
        (with(RFC7515_A3, "x", "_".repeat(48).into()), "a private key that cannot be read"),
        (with(RFC8037_A1, "d", "AAAA".into()), "a private key that cannot be read"),
        (with(RFC8037_A1, "x", "AAAA".into()), "a private key whose parts do not belong together"),
        (with(RFC7515_A3, "d", json!(7)), "JSON that is not a JWK: write it as RFC 7517 says"),
        (
            r#"{"type":"service_account","private_key":"-----BEGIN PRIVATE KEY-----\nMII"}"#.into(),
            "JSON that has a private key in PEM in it: take that out: jq -r .private_key",
        ),
        (r#"{"kty":"EC","kty":"EC"}"#.into(), "JSON that is not a JWK"),
        ("{".into(), "JSON that is not a JWK"),
        ("{}x".into(), "JSON that is not a JWK"),
        ("[]".into(), "a text without a private key in it"),
        (String::new(), "an empty text"),
        ("-----BEGIN PRIVATE KEY-----".into(), "PEM in place of a JWK: read it by Key::from_pem"),
    ] {
        let said = error(&text);
        assert!(said.starts_with(starts), "{said} is not {starts}");
    }
    assert_eq!(Key::from_jwk(r#"{"kty":"oct","k":"AAAA"}"#).unwrap_err(), ConfigError::SecretTooShort);
    let said = Key::from_pem(RFC7515_A3).unwrap_err().to_string();
    assert!(said.starts_with("JSON in place of PEM: read a JWK by Key::from_jwk"), "{said}");
}

#[test]
fn members_that_are_not_known_and_escapes_make_no_difference() {
    let text =
        std::str::from_utf8(RFC7515_A3).unwrap().replacen('{', r#"{"ext":true,"x5c":[1e400,{"a":null}],"#, 1);
    assert_eq!(Key::from_jwk(&text).unwrap().thumbprint(), key(RFC7515_A3).thumbprint());
    let text =
        std::str::from_utf8(RFC7515_A3).unwrap().replace("\"d\"", "\"\\u0064\"").replace("jps", "\\u006aps");
    assert_eq!(Key::from_jwk(&text).unwrap().thumbprint(), key(RFC7515_A3).thumbprint());
}

#[test]
fn a_number_with_zeros_before_it_is_the_same_number() {
    let longer = |text: &[u8], name: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(json(text)[name].as_str().unwrap()).unwrap();
        with(text, name, URL_SAFE_NO_PAD.encode([&[0][..], &bytes].concat()).into())
    };
    for name in ["n", "e", "d", "p", "q", "dp", "dq", "qi"] {
        let key = Key::from_jwk(&longer(RFC7515_A2, name)).unwrap();
        assert_eq!(key.thumbprint(), Key::from_text(RFC7515_A2).unwrap().thumbprint(), "{name}");
        assert!(key.sign(Algorithm::Rs256, INPUT).is_ok(), "{name}");
    }
    for name in ["x", "y", "d"] {
        let key = Key::from_jwk(&longer(RFC7515_A3, name)).unwrap();
        assert_eq!(key.thumbprint(), Key::from_text(RFC7515_A3).unwrap().thumbprint(), "{name}");
    }
    // As Ed25519 keys are no numbers, they have all their bytes.
    assert!(Key::from_jwk(&longer(RFC8037_A1, "d")).is_err());
}

#[test]
fn an_ed25519_key_needs_no_public_part() {
    let key = Key::from_jwk(&with(RFC8037_A1, "x", Value::Null)).unwrap();
    assert_eq!(public(&key)["x"], json(RFC8037_A1)["x"]);
}

#[test]
fn no_error_shows_a_private_member() {
    let secret = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";
    let text = std::str::from_utf8(RFC7515_A3).unwrap();
    for wrong in [
        text.replace("P-256", "P-384"),
        text.replace("\"EC\"", "\"OKP\""),
        text.replace("f83O", "f83P"),
        text.replace("9LI\"}", "9LI\""),
        text.replace("9LI\"}", "9LI\", \"d\":\"\"}"),
        text.replace("\"x\"", "\"use\":\"enc\",\"x\""),
    ] {
        let error = Key::from_jwk(&wrong).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
    assert!(!format!("{:?}", key(RFC7515_A3)).contains(secret));
}
