use super::*;

#[test]
fn a_claim_is_json_or_else_a_text() {
    for (text, name, json) in [
        ("sub=orders", "sub", "\"orders\""),
        ("exp=1900000000", "exp", "1900000000"),
        (r#"aud=["a","b"]"#, "aud", r#"["a","b"]"#),
        ("more=a=b", "more", "\"a=b\""),
        ("none=null", "none", "null"),
        ("empty=", "empty", "\"\""),
    ] {
        assert_eq!(claim(text), Ok(Claim { name: name.into(), json: json.into() }), "{text}");
    }
    for text in ["", "sub", "=orders"] {
        assert!(claim(text).is_err_and(|error| error.contains("sub=orders")), "{text}");
    }
}
