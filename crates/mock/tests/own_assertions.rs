//! Clients that sign assertions of their own (RFC 7523 §2.2), as an HTTP client sees the server that checks them.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_mock::{Assertion, Endpoint, Fault, Issuer, Registration, Server, Times, Trust};
use std::time::Duration;

// The program under test in the crate's examples, which are other crates.
#[path = "../doc/story.rs"]
#[allow(dead_code, unreachable_pub)]
mod story;

use story::{ask_by_assertion, ask_with};

const ID: &str = "orders";
const TYPE: (&str, &str) = ("client_assertion_type", Trust::JWT_BEARER);
const SECRET: &str = "a secret of 32 bytes or more, as RFC 7518 has it";
/// What `openssl genpkey` wrote, and `openssl pkey -pubout` of it.
const KEYS: [(&str, &str); 4] = [
    (include_str!("keys/p256.pem"), include_str!("keys/p256.public.pem")),
    (include_str!("keys/p384.pem"), include_str!("keys/p384.public.pem")),
    (include_str!("keys/ed25519.pem"), include_str!("keys/ed25519.public.pem")),
    (include_str!("keys/rsa.pem"), include_str!("keys/rsa.public.pem")),
];

/// Why the client is not accepted, if it is not.
fn refusal(server: &Server, parameters: &[(&str, &str)]) -> Option<String> {
    let mut answer = ask_with(server, parameters).unwrap();
    let status = answer.status().as_u16();
    let body: serde_json::Value = serde_json::from_slice(&answer.body_mut().read_to_vec().unwrap()).unwrap();
    if status == 200 {
        return None;
    }
    assert_eq!((status, &body["error"]), (401, &"invalid_client".into()), "{body}");
    Some(body["error_description"].as_str().unwrap().to_owned())
}

fn refused(server: &Server, assertion: &Assertion<'_>) -> Option<String> {
    refusal(server, &[TYPE, ("client_assertion", &assertion.signed().unwrap())])
}

fn served(registration: Registration) -> Server {
    Server::builder().registers(registration).start().unwrap()
}

#[test]
fn every_algorithm_is_verified_whether_the_key_is_registered_as_jwk_or_pem() {
    let server = Server::start().unwrap();
    for (key, public) in KEYS {
        let algorithms: &[Option<&str>] =
            if key == KEYS[3].0 { &[None, Some("RS256"), Some("RS384"), Some("PS256")] } else { &[None] };
        for alg in algorithms {
            let client = Issuer::with_key(ID, key, *alg).unwrap();
            for keys in [public.to_owned(), client.jwk(), client.jwks()] {
                server.register(Registration::private_key_jwt(ID, &keys).unwrap());
                assert_eq!(refused(&server, &client.client_assertion(&server.issuer())), None, "{keys}");
            }
        }
    }
    let seen: Vec<String> = server
        .requests()
        .iter()
        .map(|request| request.assertion().unwrap().alg().unwrap().to_owned())
        .collect();
    let algorithms = ["ES256", "ES384", "EdDSA", "RS256", "RS256", "RS384", "PS256"];
    assert_eq!(seen, algorithms.map(|alg| [alg; 3]).concat());
    server.register(Registration::client_secret_jwt(ID, SECRET));
    let client = Issuer::with_secret(ID, SECRET).unwrap();
    assert_eq!(refused(&server, &client.client_assertion(&server.issuer())), None);
    assert_eq!(server.requests().last().unwrap().assertion().unwrap().alg(), Some("HS256"));
    let other = Issuer::with_secret(ID, "another secret of 32 bytes or more, as it should be").unwrap();
    let refusal = refused(&server, &other.client_assertion(&server.issuer()));
    assert_eq!(refusal.unwrap(), "the signature of the assertion is not valid");
}

#[test]
fn a_key_signs_by_its_own_algorithms_and_never_by_none() {
    let server = Server::start().unwrap();
    let wrong = "the alg of the assertion is that of no trusted key";
    let rsa = |alg| Issuer::with_key(ID, KEYS[3].0, alg).unwrap();
    // A JWK with an alg is for that alone.
    server.register(rsa(Some("PS256")).registration());
    assert_eq!(refused(&server, &rsa(None).client_assertion(&server.issuer())).unwrap(), wrong);
    // What a public key says of itself is no secret to sign with.
    server.register(Registration::private_key_jwt(ID, KEYS[0].1).unwrap());
    let forged = Issuer::with_secret(ID, KEYS[0].1).unwrap();
    assert_eq!(refused(&server, &forged.client_assertion(&server.issuer())).unwrap(), wrong);
    let client = Issuer::with_key(ID, KEYS[0].0, None).unwrap();
    let unsigned = client.client_assertion(&server.issuer()).unsigned();
    let parameters = [TYPE, ("client_assertion", unsigned.as_str())];
    assert_eq!(refusal(&server, &parameters).unwrap(), "the alg of the assertion is none");
}

#[test]
fn the_kid_picks_the_key_and_one_that_is_wrong_is_refused() {
    let (one, other) = (Issuer::new(ID).unwrap(), Issuer::new(ID).unwrap());
    let both = format!(r#"{{"keys":[{},{}]}}"#, one.jwk(), other.jwk());
    let server = served(Registration::private_key_jwt(ID, &both).unwrap());
    let aud = server.issuer();
    assert_eq!([&one, &other].map(|key| refused(&server, &key.client_assertion(&aud))), [None, None]);
    let unnamed = || one.client_assertion(&aud).without("kid");
    let several = "the assertion has no kid, and several keys are trusted";
    assert_eq!(refused(&server, &unnamed()).unwrap(), several);
    let wrong = refused(&server, &one.client_assertion(&aud).kid("another"));
    assert_eq!(wrong.unwrap(), "the kid of the assertion is that of no trusted key");
    server.register(one.registration());
    assert_eq!(refused(&server, &unnamed()), None);
}

#[test]
fn a_refusal_tells_what_was_wrong() {
    let client = Issuer::new(ID).unwrap();
    let server = Server::builder()
        .registers(client.registration())
        .registers(Issuer::new("bills").unwrap().registration())
        .start()
        .unwrap();
    let (issuer, endpoint) = (server.issuer(), server.token_endpoint());
    let good = || client.client_assertion(&issuer);
    assert_eq!(refused(&server, &good()), None);
    let array = format!(r#"["{issuer}"]"#);
    let not_issuer = "the aud of the assertion is not the issuer of this server";
    for (assertion, description) in [
        (good().iss("bills"), "the iss of the assertion is missing or not the expected one"),
        (good().without("iss"), "the iss of the assertion is missing or not the expected one"),
        (good().aud(&endpoint), not_issuer),
        (good().aud(&format!("{issuer}/")), not_issuer),
        (good().claim("aud", &array), "the aud of the assertion is not one string"),
        (good().without("aud"), "the aud of the assertion is not one string"),
        (good().without("jti"), "the jti of the assertion is missing"),
        (good().jti(""), "the jti of the assertion is missing"),
        (good().without("exp"), "the exp of the assertion is missing or not a number"),
        (good().claim("exp", "\"4000000000\""), "the exp of the assertion is missing or not a number"),
        (good().exp(-1), "the assertion has expired"),
        (good().exp(1_000), "the exp of the assertion is too far ahead"),
        (
            good().without("iat").exp(200),
            "the exp of the assertion is more than 60 s ahead, and it has no iat",
        ),
        (good().nbf(1_000), "the assertion is not valid yet, or its nbf is not a number"),
        (good().claim("nbf", "null"), "the assertion is not valid yet, or its nbf is not a number"),
        (good().iat(1_000), "the iat of the assertion is in the future, or not a number"),
        (good().claim("iat", "true"), "the iat of the assertion is in the future, or not a number"),
        (
            good().header("crit", r#"["b64"]"#),
            "the crit of the assertion names an extension that is not understood",
        ),
    ] {
        assert_eq!(refused(&server, &assertion).as_deref(), Some(description), "{assertion:?}");
    }
    for assertion in [
        good().iat(20),
        good().nbf(10),
        good().without("iat").exp(50),
        good().exp(280),
        good().typ("JWT"),
        good().without("typ"),
    ] {
        assert_eq!(refused(&server, &assertion), None, "{assertion:?}");
    }
    // Of another client's sub, that client's key is asked for.
    let other = refused(&server, &good().sub("bills"));
    assert_eq!(other.unwrap(), "the kid of the assertion is that of no trusted key");
    let nobody = "neither client_id nor the sub of the assertion is a client with a registered key";
    assert_eq!(refused(&server, &good().sub("nobody")).unwrap(), nobody);
    let saml = [("client_assertion_type", "saml"), ("client_assertion", &good().signed().unwrap())];
    assert_eq!(refusal(&server, &saml).unwrap(), "the client_assertion_type is not accepted");
}

#[test]
fn the_client_id_beside_an_assertion_is_the_same() {
    let (client, other) = (Issuer::new(ID).unwrap(), Issuer::new("bills").unwrap());
    let server =
        Server::builder().registers(client.registration()).registers(other.registration()).start().unwrap();
    let asked = |client_id| {
        let text = client.client_assertion(&server.issuer()).signed().unwrap();
        refusal(&server, &[TYPE, ("client_assertion", &text), ("client_id", client_id)])
    };
    assert_eq!(asked(ID), None);
    assert_eq!(asked(Server::CLIENT_ID).unwrap(), "client_id is not the iss and sub of the assertion");
    assert_eq!(asked("bills").unwrap(), "the kid of the assertion is that of no trusted key");
}

#[test]
fn a_jti_is_burnt_by_every_request_that_has_a_right_assertion() {
    let client = Issuer::new(ID).unwrap();
    let server = served(client.registration());
    let fresh = || client.client_assertion(&server.issuer()).signed().unwrap();
    let again = |text: &str| refusal(&server, &[TYPE, ("client_assertion", text)]);
    let burnt = Some("the jti of the assertion was used before".to_owned());
    let granted = fresh();
    assert_eq!([again(&granted), again(&granted)], [None, burnt.clone()]);
    // Refused for another reason than the client.
    for more in [("scope", "\""), ("client_secret", SECRET), ("grant_type", "password")] {
        let text = fresh();
        ask_with(&server, &[TYPE, ("client_assertion", &text), more]).unwrap();
        assert_eq!(again(&text), burnt, "{more:?}");
    }
    for fault in [Fault::status(503), Fault::CloseBeforeAnswer] {
        let text = fresh();
        server.fault(Endpoint::Token, fault, Times::Once);
        let _ = ask_by_assertion(&server, &text);
        assert_eq!(again(&text), burnt);
    }
    // One that is wrong burns nothing: anybody could use up the jti of others.
    let right = client.client_assertion(&server.issuer());
    assert!(refused(&server, &right.clone().exp(-5)).is_some());
    assert_eq!(refused(&server, &right), None);
    // Another client's jti is another.
    let other = Issuer::new("bills").unwrap();
    server.register(other.registration());
    assert_eq!(refused(&server, &client.client_assertion(&server.issuer()).jti("1")), None);
    assert_eq!(refused(&server, &other.client_assertion(&server.issuer()).jti("1")), None);
}

#[test]
fn an_assertion_of_a_client_is_the_only_mechanism() {
    let client = Issuer::new(ID).unwrap();
    let server = served(client.registration());
    let text = client.client_assertion(&server.issuer()).signed().unwrap();
    let mut answer =
        ask_with(&server, &[TYPE, ("client_assertion", &text), ("client_secret", SECRET)]).unwrap();
    let body = answer.body_mut().read_to_string().unwrap();
    assert!(answer.status() == 400 && body.contains("more than one client authentication"), "{body}");
    let by_secret = refusal(&server, &[("client_id", ID), ("client_secret", SECRET)]).unwrap();
    assert_eq!(by_secret, "the client authenticates by private_key_jwt, not by a secret in the request");
    server.register(Registration::client_secret_jwt(ID, SECRET));
    let by_secret = refusal(&server, &[("client_id", ID), ("client_secret", SECRET)]).unwrap();
    assert_eq!(by_secret, "the client authenticates by client_secret_jwt, not by a secret in the request");
    let counts = server.counts();
    assert_eq!((counts.token_refused, counts.token_invalid_client), (3, 2));
}

#[test]
fn the_server_goes_by_its_own_clock_which_its_date_tells() {
    let client = Issuer::new(ID).unwrap();
    let server = served(client.registration());
    let asked = |seconds: i64| {
        let at = |time: i64| seconds + time;
        let good = client.client_assertion(&server.issuer());
        refused(&server, &good.iat(at(-5)).exp(at(55)))
    };
    assert_eq!(asked(0), None);
    server.set_clock_offset(140);
    assert_eq!(asked(0).unwrap(), "the assertion has expired");
    assert_eq!(asked(140), None);
    server.set_clock_offset(-140);
    assert_eq!(asked(0).unwrap(), "the iat of the assertion is in the future, or not a number");
    assert_eq!(asked(-140), None);
    server.set_clock_offset(-1_000_000_000_000);
    let text = client.client_assertion(&server.issuer()).signed().unwrap();
    let refusal = ask_by_assertion(&server, &text).unwrap();
    assert_eq!(refusal.headers()["date"], "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_eq!(refusal.status(), 401);
}

#[test]
fn what_a_registration_demands_can_be_changed() {
    let client = Issuer::new(ID).unwrap();
    let server = Server::builder().issuer("https://login.example.com/realms/shop").start().unwrap();
    let (issuer, endpoint) = (server.issuer(), server.token_endpoint());
    let with = |registration, assertion: &Assertion<'_>| {
        server.register(registration);
        refused(&server, assertion).is_none()
    };
    let default = || client.registration();
    let to = |aud: &str| client.client_assertion(aud);
    assert!(with(default(), &to(&issuer)) && !with(default(), &to(&endpoint)));
    assert!(with(default().audience_is_token_endpoint(), &to(&endpoint)));
    let text = refusal(&server, &[TYPE, ("client_assertion", &to(&issuer).signed().unwrap())]);
    assert_eq!(text.unwrap(), "the aud of the assertion is not the token endpoint of this server");
    let among = |aud: &str| to("").claim("aud", aud);
    let both = format!(r#"["{endpoint}","{issuer}"]"#);
    assert!(with(default().audience_among_others(), &among(&both)) && !with(default(), &among(&both)));
    assert!(!with(default().audience_among_others(), &among(r#"["me"]"#)));
    assert!(with(default().audience_among_others(), &to(&issuer)));
    let long = to(&issuer).exp(3_000);
    let hour = || default().exp_at_most(Duration::from_secs(3_600));
    assert!(with(hour(), &long) && !with(default(), &to(&issuer).exp(3_000)));
    assert!(!with(hour(), &to(&issuer).without("iat").exp(1_000)));
    let early = default().leeway(Duration::from_secs(100));
    assert!(with(early.clone(), &to(&issuer).nbf(90)) && with(early, &to(&issuer).iat(90)));
    server.set_issuer("https://other.example.com");
    assert!(with(default(), &to("https://other.example.com")) && !with(default(), &to(&issuer)));
}

#[test]
fn a_key_is_refused_until_it_changes() {
    let (old, new) = (Issuer::new(ID).unwrap(), Issuer::new(ID).unwrap());
    let both = format!(r#"{{"keys":[{},{}]}}"#, old.jwk(), new.jwk());
    let server = served(Registration::private_key_jwt(ID, &both).unwrap());
    server.refuse_credential_until_changed();
    let asked = |client: &Issuer| refused(&server, &client.client_assertion(&server.issuer())).is_none();
    assert_eq!([&old, &old, &new, &new].map(asked), [false, false, true, true]);
}

#[test]
fn clients_with_keys_stand_beside_those_that_somebody_else_vouches_for() {
    let (client, cluster) =
        (Issuer::new(ID).unwrap(), Issuer::new("https://kubernetes.default.svc").unwrap());
    let server =
        Server::builder().registers(client.registration()).trusts(cluster.trust("me")).start().unwrap();
    let token = cluster.service_account("shop", "orders", "me");
    assert_eq!([refused(&server, &token), refused(&server, &token)], [None, None]);
    assert_eq!(refused(&server, &client.client_assertion(&server.issuer())), None);
    // Who is registered is not vouched for.
    let forged = cluster.assertion().sub(ID).aud("me");
    assert_eq!(refused(&server, &forged).unwrap(), "the kid of the assertion is that of no trusted key");
}

#[test]
fn keys_that_are_of_no_use_are_an_error_that_says_which_are() {
    let error = |keys: &str| Registration::private_key_jwt(ID, keys).unwrap_err().to_string();
    assert_eq!(error("nonsense"), "neither a JWKS nor a JWK, nor a public key in PEM");
    assert!(error(KEYS[0].0).contains("openssl pkey -pubout"), "{}", error(KEYS[0].0));
    // A public key beside it does not help: whoever publishes the file publishes both.
    let public = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let private = public.replace('}', r#","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#);
    for text in [private.clone(), format!(r#"{{"keys":[{public},{private}]}}"#)] {
        assert_eq!(
            error(&text),
            "a private key; the public one is printed by: evergrant key --key-file FILE"
        );
    }
    let no_key = "no key for signatures by ES256";
    assert!(error(r#"{"keys":[]}"#).starts_with(no_key));
    assert!(error(include_str!("keys/p521.public.pem")).starts_with(no_key));
    let private = |pem: &str, alg| Issuer::with_key(ID, pem, alg).unwrap_err().to_string();
    for pem in [include_str!("keys/sec1.pem"), KEYS[0].1, "nonsense"] {
        assert!(private(pem, None).contains("openssl pkcs8 -topk8"), "{pem}");
    }
    assert_eq!(private(KEYS[0].0, Some("RS256")), "the key does not sign by this algorithm");
    assert!(Issuer::with_key(ID, include_str!("keys/rsa.pkcs1.pem"), None).is_ok());
}

#[test]
fn the_log_tells_of_an_assertion_what_is_in_it_and_debug_tells_the_names() {
    let client = Issuer::new(ID).unwrap();
    let server = served(client.registration());
    let assertion = client.client_assertion(&server.issuer()).jti("the-id").claim("more", r#"{"a":1}"#);
    let times = [("iat", "1000"), ("nbf", "1001"), ("exp", "1060")];
    let assertion = times.iter().fold(assertion, |assertion, (name, time)| assertion.claim(name, time));
    let text = assertion.header("x", "7").signed().unwrap();
    ask_by_assertion(&server, &text).unwrap();
    ask_by_assertion(&server, "nonsense").unwrap();
    ask_with(&server, &[]).unwrap();
    let requests = server.requests();
    assert!(requests[1].assertion().is_none() && requests[2].assertion().is_none());
    let seen = requests[0].assertion().unwrap();
    assert_eq!((seen.iss(), seen.sub(), seen.jti()), (Some(ID), Some(ID), Some("the-id")));
    let jwk: serde_json::Value = serde_json::from_str(&client.jwk()).unwrap();
    assert_eq!((seen.kid(), seen.typ()), (jwk["kid"].as_str(), Some("client-authentication+jwt")));
    assert_eq!((seen.iat(), seen.nbf(), seen.exp()), (Some(1000), Some(1001), Some(1060)));
    assert_eq!((seen.claim("more").unwrap(), seen.header("x").unwrap()), (r#"{"a":1}"#.into(), "7".into()));
    assert_eq!((seen.claim("none"), seen.header("none")), (None, None));
    let printed = format!("{seen:?} {:?} {:?}", client.registration(), Server::builder());
    assert!(printed.contains("\"jti\"") && printed.contains("private_key_jwt"), "{printed}");
    assert!(!printed.contains("the-id"), "{printed}");
    let secret = format!("{:?}", Registration::client_secret_jwt(ID, SECRET));
    assert!(!secret.contains("32 bytes"), "{secret}");
}
