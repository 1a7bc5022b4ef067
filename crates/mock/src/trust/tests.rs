use super::*;

#[test]
fn keys_that_cannot_be_used_are_an_error_that_says_which_can() {
    for (text, says) in [
        ("-----BEGIN PUBLIC KEY-----", "neither a JWKS nor a JWK, nor a public key in PEM"),
        (r#"{"keys":[]}"#, "no key for signatures by ES256"),
        (r#"{"kty":"oct","k":"AAAA"}"#, "no key for signatures by ES256"),
    ] {
        let error = Trust::jwks(text, "me").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with(says), "{error}");
    }
}
