use super::*;

/// The header and the claims.
fn read(assertion: &Assertion<'_>) -> [Value; 2] {
    let text = assertion.signed().unwrap();
    let mut parts = text.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    [(); 2].map(|()| serde_json::from_slice(&parts.next().unwrap()).unwrap())
}

fn names(object: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_projected_token_is_as_kubernetes_writes_it() {
    let issuer = Issuer::new("https://kubernetes.default.svc").unwrap();
    let [header, claims] = read(&issuer.service_account("shop", "orders", "me"));
    assert_eq!((names(&header), &header["alg"]), (vec!["alg", "kid"], &json!("ES256")));
    assert_eq!(names(&claims), ["aud", "exp", "iat", "iss", "jti", "kubernetes.io", "nbf", "sub"]);
    assert_eq!(claims["sub"], "system:serviceaccount:shop:orders");
    assert_eq!((&claims["aud"], &claims["iss"]), (&json!(["me"]), &json!("https://kubernetes.default.svc")));
    assert_eq!(
        claims["kubernetes.io"],
        json!({ "namespace": "shop", "serviceaccount": { "name": "orders" } })
    );
    let time = |name: &str| claims[name].as_i64().unwrap();
    assert!((599..=601).contains(&(time("exp") - time("iat"))) && (time("nbf") - time("iat")).abs() <= 1);
    assert!((time("iat") - clock::now(0) / SECOND).abs() <= 5);
}

#[test]
fn an_svid_is_as_spire_writes_it() {
    let issuer = Issuer::new("https://spire.example.org").unwrap();
    let [header, claims] = read(&issuer.svid("spiffe://example.org/orders", "me"));
    assert_eq!((names(&header), &header["typ"]), (vec!["alg", "kid", "typ"], &json!("JWT")));
    assert_eq!(names(&claims), ["aud", "exp", "iat", "sub"]);
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!("spiffe://example.org/orders"), &json!(["me"])));
}

#[test]
fn every_member_can_be_set_or_left_out_and_is_there_once() {
    let issuer = Issuer::new("a").unwrap();
    let assertion = issuer.assertion().iss("i\"").sub("s").sub("t").aud("u").jti("j").kid("k").typ("y");
    let [header, claims] = read(&assertion.clone().exp(5).nbf(-5).iat(-9).header("x", "1"));
    assert_eq!(header, json!({ "alg": "ES256", "kid": "k", "typ": "y", "x": 1 }));
    assert_eq!((&claims["iss"], &claims["sub"], &claims["aud"]), (&json!("i\""), &json!("t"), &json!("u")));
    assert_eq!(claims["jti"], "j");
    let time = |name: &str| claims[name].as_i64().unwrap() - clock::now(0) / SECOND;
    assert!((4..=5).contains(&time("exp")) && (-6..=-5).contains(&time("nbf")), "{claims}");
    assert!((-10..=-9).contains(&time("iat")), "{claims}");
    let bare = ["iss", "sub", "aud", "exp", "iat", "jti", "kid", "typ", "alg", "none"];
    let [header, claims] = read(&bare.into_iter().fold(assertion, Assertion::without));
    assert_eq!((header, claims), (json!({}), json!({})));
}

#[test]
fn each_assertion_has_an_id_of_its_own_and_the_name_of_its_key() {
    let issuer = Issuer::new("a").unwrap();
    let [one, other] = [(); 2].map(|()| read(&issuer.assertion()));
    assert_ne!(one[1]["jti"], other[1]["jti"]);
    let jwk: Value = serde_json::from_str(&issuer.jwk()).unwrap();
    assert_eq!((&one[0]["kid"], &jwk["use"]), (&jwk["kid"], &json!("sig")));
    let set: Value = serde_json::from_str(&issuer.jwks()).unwrap();
    assert_eq!(set, json!({ "keys": [jwk] }));
}

/// RFC 7638 §3.2: the required members, in the order of their names.
#[test]
fn the_name_of_a_key_is_its_thumbprint() {
    let issuer = Issuer::new("a").unwrap();
    let jwk: Value = serde_json::from_str(&issuer.jwk()).unwrap();
    let required = json!({ "crv": jwk["crv"], "kty": jwk["kty"], "x": jwk["x"], "y": jwk["y"] });
    let print = ring::digest::digest(&ring::digest::SHA256, required.to_string().as_bytes());
    assert_eq!(jwk["kid"], URL_SAFE_NO_PAD.encode(print));
}

#[test]
fn without_a_signature_it_says_alg_none() {
    let issuer = Issuer::new("a").unwrap();
    let text = issuer.assertion().unsigned();
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text.split('.').next().unwrap()).unwrap()).unwrap();
    assert!(text.ends_with('.') && header["alg"] == "none", "{text}");
}

#[test]
fn debug_shows_no_assertion() {
    let issuer = Issuer::new("the-issuer").unwrap();
    let assertion = issuer.assertion().sub("the-subject").claim("secret", "\"s3cr3t\"");
    let printed = format!("{assertion:?} {issuer:?} {:?}", issuer.trust("the-audience"));
    let text = assertion.signed().unwrap();
    assert!(text.split('.').all(|part| !printed.contains(part)), "{printed}");
    assert!(!printed.contains("s3cr3t") && !printed.contains("the-subject"), "{printed}");
    assert!(
        printed.contains("the-issuer") && printed.contains("the-audience") && printed.contains("\"sub\"")
    );
}
