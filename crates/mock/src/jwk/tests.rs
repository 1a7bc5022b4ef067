use super::*;

/// RFC 7515 A.2: the key, and what it signed.
const RSA: [&str; 3] = [
    r#"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#,
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
];
/// RFC 7515 A.3.
const EC: [&str; 3] = [
    r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
];
/// RFC 8037 A.4.
const ED: [&str; 3] = [
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
];

fn one(text: &str) -> Option<Key> {
    let mut keys = read(text).ok()?;
    assert!(keys.len() <= 1);
    keys.pop()
}

#[test]
fn the_signatures_of_the_rfcs_are_verified() {
    for ([jwk, message, signature], algs) in
        [(RSA, &["RS256", "RS384", "PS256"][..]), (EC, &["ES256"]), (ED, &["EdDSA", "Ed25519"])]
    {
        let key = one(jwk).unwrap();
        let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let alg = key.algorithm(algs[0]).unwrap();
        assert!(key.verifies(alg, message.as_bytes(), &signature), "{jwk}");
        assert!(!key.verifies(alg, &message.as_bytes()[1..], &signature), "{jwk}");
        signature[0] ^= 1;
        assert!(!key.verifies(alg, message.as_bytes(), &signature), "{jwk}");
        for alg in ["none", "HS256", "RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"]
        {
            assert_eq!(key.algorithm(alg).is_some(), algs.contains(&alg), "{alg}");
        }
    }
}

#[test]
fn a_set_gives_its_keys_with_their_names_and_leaves_out_what_cannot_be_used() {
    let named = EC[0].replace("{", r#"{"kid":"a","use":"jwt-svid","alg":"ES256","#);
    let x509 = EC[0].replace("{", r#"{"kid":"b","use":"x509-svid","#);
    let p521 = EC[0].replace("P-256", "P-521");
    let set =
        format!(r#"{{"keys":[{named},{x509},{p521},{{"kty":"oct","k":"AAAA"}},7,{},{}]}}"#, RSA[0], ED[0]);
    let kids: Vec<Option<String>> =
        read(&set).unwrap().iter().map(|key| key.kid().map(str::to_owned)).collect();
    assert_eq!(kids, [Some("a".to_owned()), None, None]);
}

#[test]
fn what_is_no_public_key_is_none() {
    for text in ["", "{}", "[]", "nonsense", r#"{"keys":7}"#, r#"{"kty":7}"#] {
        assert_eq!(read(text).err(), Some(Unread::NoKeys), "{text}");
    }
    for (text, from, to) in [
        (EC[0], "WI5a0", "+"),
        (EC[0], "f83OJ", "+"),
        (EC[0], r#""y":"#, r#""z":"#),
        (EC[0], "{", r#"{"alg":"ES384","#),
        (EC[0], "{", r#"{"use":"enc","#),
        (ED[0], "HURo", "+"),
        (ED[0], "Ed25519", "X25519"),
        (RSA[0], "uXpoQ", "+"),
        (RSA[0], "{", r#"{"alg":"RS512","#),
    ] {
        let spoilt = text.replacen(from, to, 1);
        assert!(spoilt != text && read(&spoilt).unwrap().is_empty(), "{spoilt}");
    }
}

#[test]
fn a_key_has_the_length_of_its_kind() {
    let bytes = |length: usize| URL_SAFE_NO_PAD.encode(vec![0xff; length]);
    for (x, y, fits) in [(32, 32, true), (31, 32, false), (32, 31, false), (33, 32, false), (32, 33, false)] {
        let point = format!(r#"{{"kty":"EC","crv":"P-256","x":"{}","y":"{}"}}"#, bytes(x), bytes(y));
        assert_eq!(one(&point).is_some(), fits, "{x} {y}");
    }
    for (x, y, fits) in [(48, 48, true), (47, 49, false), (49, 47, false), (48, 47, false)] {
        let point = format!(r#"{{"kty":"EC","crv":"P-384","x":"{}","y":"{}"}}"#, bytes(x), bytes(y));
        assert_eq!(one(&point).is_some(), fits, "{x} {y}");
    }
    for (length, fits) in [(31, false), (32, true), (33, false)] {
        let key = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, bytes(length));
        assert_eq!(one(&key).is_some(), fits, "{length}");
    }
    for (length, fits) in [(255, false), (256, true), (1024, true), (1025, false)] {
        let key = format!(r#"{{"kty":"RSA","e":"AQAB","n":"{}"}}"#, bytes(length));
        assert_eq!(one(&key).is_some(), fits, "{length}");
    }
}

#[test]
fn a_key_with_an_algorithm_signs_by_that_alone() {
    let key = one(&RSA[0].replace("{", r#"{"alg":"PS256","#)).unwrap();
    assert!(key.algorithm("PS256").is_some() && key.algorithm("RS256").is_none());
}

/// RFC 7638 §3.1.
#[test]
fn a_thumbprint_is_that_of_the_rfc() {
    let key = one(
        r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
    );
    assert_eq!(key.unwrap().thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}
