use std::time::Duration;

use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::json;

use super::*;
use crate::clock;
use crate::issuer::{Assertion, Issuer};

const AUDIENCE: &str = "https://login.example.com";
const ISS: &str = "https://issuer.example.com";

fn issuer() -> Issuer {
    Issuer::new(ISS).unwrap()
}

fn good(issuer: &Issuer) -> Assertion<'_> {
    issuer.assertion().sub("orders").aud(AUDIENCE)
}

fn presented(text: String) -> Presented {
    Presented { assertion_type: Trust::JWT_BEARER.to_owned(), text, client_id: None }
}

fn judged(trust: &Trust, text: String) -> Result<Accepted, Flaw> {
    let presented = Presented { assertion_type: trust.assertion_type.clone(), ..presented(text) };
    judge(std::slice::from_ref(trust), &presented, clock::now(0))
}

/// Accepted, or which check failed.
fn flaw(trust: &Trust, assertion: &Assertion<'_>) -> Option<Flaw> {
    judged(trust, assertion.signed().unwrap()).err()
}

#[test]
fn what_is_as_it_should_be_is_accepted() {
    let issuer = issuer();
    let trust = issuer.trust(AUDIENCE).subject("orders").issuer(ISS);
    let accepted = judged(&trust, good(&issuer).signed().unwrap()).unwrap();
    assert_eq!((accepted.sub.as_str(), accepted.once), ("orders", None));
    // What RFC 7523 does not require, and a typ of any kind.
    for assertion in [
        good(&issuer).without("iat").without("jti").without("typ").without("kid"),
        good(&issuer).typ("client-authentication+jwt").nbf(0).claim("more", "{}"),
        good(&issuer).claim("exp", "99999999999.5"),
    ] {
        assert_eq!(flaw(&trust, &assertion), None, "{assertion:?}");
    }
}

#[test]
fn the_type_is_that_which_is_trusted() {
    let issuer = issuer();
    let trust = issuer.trust(AUDIENCE);
    for (assertion_type, flaw) in [
        (Trust::JWT_BEARER, None),
        (Trust::JWT_SPIFFE, Some(Flaw::Type)),
        ("urn:ietf:params:oauth:client-assertion-type:saml2-bearer", Some(Flaw::Type)),
    ] {
        let text = good(&issuer).signed().unwrap();
        let presented = Presented { assertion_type: assertion_type.to_owned(), ..presented(text) };
        assert_eq!(judge(std::slice::from_ref(&trust), &presented, clock::now(0)).err(), flaw);
    }
    assert_eq!(judge(&[], &presented("a.b.c".to_owned()), 0).err(), Some(Flaw::Untrusted));
}

#[test]
fn a_client_id_may_be_must_be_or_must_not_be_there() {
    let issuer = issuer();
    let trust = || issuer.trust(AUDIENCE);
    for (trust, with, without) in [
        (trust(), None, None),
        (trust().client_id_required(), None, Some(Flaw::ClientIdMissing)),
        (trust().client_id_refused(), Some(Flaw::ClientIdPresent), None),
    ] {
        for (client_id, flaw) in [(Some("orders".to_owned()), with), (None, without)] {
            let presented = Presented { client_id, ..presented(good(&issuer).signed().unwrap()) };
            assert_eq!(judge(std::slice::from_ref(&trust), &presented, clock::now(0)).err(), flaw);
        }
    }
}

#[test]
fn what_is_no_signed_jwt_is_told_so() {
    let issuer = issuer();
    let trust = issuer.trust(AUDIENCE);
    let text = good(&issuer).signed().unwrap();
    let [header, claims, signature] = text.split('.').collect::<Vec<_>>().try_into().unwrap();
    let no_jwt = [
        String::new(),
        "nonsense".to_owned(),
        format!("{header}.{claims}"),
        format!("{header}={claims}.{signature}"),
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}.{signature}.{signature}"),
        format!("e30.{claims}.{signature}"),
        format!("{header}.W10.{signature}"),
        format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode("{")),
        good(&issuer).claim("sub", "no json").signed().unwrap(),
        good(&issuer).header("alg", "7").signed().unwrap(),
    ];
    for text in no_jwt {
        assert_eq!(judged(&trust, text.clone()).unwrap_err(), Flaw::NoJwt, "{text}");
    }
    assert_eq!(judged(&trust, good(&issuer).unsigned()).unwrap_err(), Flaw::Unsigned);
}

#[test]
fn the_signature_is_by_the_key_that_is_named() {
    let (issuer, other) = (issuer(), issuer());
    let trust = issuer.trust(AUDIENCE);
    let text = good(&issuer).signed().unwrap();
    let (signed, signature) = text.rsplit_once('.').unwrap();
    let forged = good(&other).without("kid").signed().unwrap();
    // The claims of one and the signature of another.
    let swapped =
        format!("{}.{signature}", good(&issuer).sub("admin").signed().unwrap().rsplit_once('.').unwrap().0);
    for text in
        [forged, swapped, format!("{signed}."), format!("{signed}.{signature}A"), format!("{signed}.+/+/")]
    {
        assert_eq!(judged(&trust, text).unwrap_err(), Flaw::Signature);
    }
    for alg in ["\"HS256\"", "\"RS256\"", "\"es256\"", "\"EdDSA\""] {
        assert_eq!(flaw(&trust, &good(&issuer).header("alg", alg)), Some(Flaw::Algorithm), "{alg}");
    }
    assert_eq!(flaw(&trust, &good(&other)), Some(Flaw::KidUnknown));
    assert_eq!(flaw(&trust, &good(&issuer).header("kid", "7")), Some(Flaw::KidUnknown));
    assert_eq!(flaw(&trust, &good(&issuer).header("crit", "[\"b64\"]")), Some(Flaw::Crit));
}

/// A JWKS of these keys.
fn set(keys: &[String]) -> Trust {
    Trust::jwks(&format!(r#"{{"keys":[{}]}}"#, keys.join(",")), AUDIENCE).unwrap()
}

#[test]
fn of_several_keys_the_kid_picks_one() {
    let (one, other) = (issuer(), issuer());
    let both = set(&[one.jwk(), other.jwk()]);
    for issuer in [&one, &other] {
        assert_eq!(flaw(&both, &good(issuer)), None);
        assert_eq!(flaw(&both, &good(issuer).without("kid")), Some(Flaw::KidMissing));
    }
    // A key without a name is not the one that is named.
    let nameless = one.jwk().replace("\"kid\"", "\"id\"");
    assert_eq!(flaw(&set(std::slice::from_ref(&nameless)), &good(&one)), Some(Flaw::KidUnknown));
    assert_eq!(
        flaw(&set(std::slice::from_ref(&nameless)), &good(&one).header("kid", "null")),
        Some(Flaw::KidUnknown)
    );
    assert_eq!(flaw(&set(&[nameless]), &good(&one).without("kid")), None);
}

#[test]
fn an_assertion_by_ed25519_is_accepted_and_the_only_key_of_its_algorithm() {
    let issuer = issuer();
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let x = URL_SAFE_NO_PAD.encode(key.public_key());
    let both = set(&[issuer.jwk(), format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#)]);
    let claims = json!({ "iss": ISS, "sub": "orders", "aud": AUDIENCE, "exp": 99_999_999_999_i64 });
    let [header, claims] =
        [r#"{"alg":"EdDSA"}"#.to_owned(), claims.to_string()].map(|part| URL_SAFE_NO_PAD.encode(part));
    let signed = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
    assert_eq!(judged(&both, format!("{signed}.{signature}")).unwrap().sub, "orders");
}

#[test]
fn who_issued_it_and_about_whom_is_as_expected() {
    let issuer = issuer();
    let any = issuer.trust(AUDIENCE);
    let trust = any.clone().subject("orders").issuer(ISS);
    for trust in [&any, &trust] {
        assert_eq!(flaw(trust, &good(&issuer).without("iss")), Some(Flaw::Issuer));
        assert_eq!(flaw(trust, &good(&issuer).claim("iss", "7")), Some(Flaw::Issuer));
        assert_eq!(flaw(trust, &good(&issuer).without("sub")), Some(Flaw::Subject));
        assert_eq!(flaw(trust, &good(&issuer).sub("")), Some(Flaw::Subject));
    }
    let other = good(&issuer).iss("https://issuer.example.com/");
    assert_eq!([&any, &trust].map(|trust| flaw(trust, &other)), [None, Some(Flaw::Issuer)]);
    let other = good(&issuer).sub("bills");
    assert_eq!([&any, &trust].map(|trust| flaw(trust, &other)), [None, Some(Flaw::Subject)]);
}

#[test]
fn the_audience_is_a_string_or_alone_in_an_array_unless_others_may_be_there() {
    let issuer = issuer();
    let alone = issuer.trust(AUDIENCE);
    let among = alone.clone().audience_among_others();
    let wrong = Some(Flaw::Audience);
    for (aud, flaws) in [
        (json!(AUDIENCE), [None, None]),
        (json!([AUDIENCE]), [None, None]),
        (json!([AUDIENCE, "https://other.example"]), [wrong, None]),
        (json!(["https://other.example", AUDIENCE]), [wrong, None]),
        (json!(["https://other.example"]), [wrong, wrong]),
        (json!("https://login.example.com/"), [wrong, wrong]),
        (json!([]), [wrong, wrong]),
        (json!({ AUDIENCE: AUDIENCE }), [wrong, wrong]),
        (json!(null), [wrong, wrong]),
    ] {
        let assertion = good(&issuer).claim("aud", &aud.to_string());
        assert_eq!([&alone, &among].map(|trust| flaw(trust, &assertion)), flaws, "{aud}");
    }
    assert_eq!(flaw(&among, &good(&issuer).without("aud")), wrong);
}

#[test]
fn times_are_judged_by_the_servers_clock_with_a_leeway() {
    let issuer = issuer();
    let trust = issuer.trust(AUDIENCE);
    let strict = trust.clone().leeway(Duration::ZERO);
    let check = |trust: &Trust, name, at: &str, now| {
        let text = good(&issuer).claim("exp", "4000000000").claim(name, at).signed().unwrap();
        judge(std::slice::from_ref(trust), &presented(text), now * SECOND).err()
    };
    for (trust, leeway) in [(&trust, 30), (&strict, 0)] {
        assert_eq!(check(trust, "exp", "1000", 999 + leeway), None);
        assert_eq!(check(trust, "exp", "1000", 1000 + leeway), Some(Flaw::Expired));
        assert_eq!(check(trust, "exp", "1000.5", 1000 + leeway), None);
        assert_eq!(check(trust, "nbf", "1000", 1000 - leeway), None);
        assert_eq!(check(trust, "nbf", "1000", 999 - leeway), Some(Flaw::NotYetValid));
        // An iat in the future is nobody's fault: clocks differ.
        assert_eq!(check(trust, "iat", "2000", 1000), None);
        for text in ["\"4000000000\"", "null", "true"] {
            assert_eq!(check(trust, "exp", text, 1000), Some(Flaw::NoEnd), "{text}");
            assert_eq!(check(trust, "nbf", text, 1000), Some(Flaw::NotYetValid), "{text}");
        }
    }
    assert_eq!(flaw(&trust, &good(&issuer).without("exp")), Some(Flaw::NoEnd));
}

#[test]
fn the_times_of_a_clients_own_assertion_are_bounded_to_the_second() {
    let client = Issuer::new("orders").unwrap();
    let names = Names { issuer: ISS.to_owned(), token_endpoint: "e".to_owned() };
    let check = |exp: i64, iat: Option<i64>, nbf: Option<i64>| {
        let mut assertion = client.client_assertion(ISS).without("iat").claim("exp", &exp.to_string());
        for (name, time) in [("iat", iat), ("nbf", nbf)] {
            if let Some(time) = time {
                assertion = assertion.claim(name, &time.to_string());
            }
        }
        let presented = presented(assertion.signed().unwrap());
        judge_own(&client.registration(), &names, &presented, 1_000 * SECOND).err()
    };
    for (exp, iat, nbf, flaw) in [
        (1_000, Some(990), None, Some(Flaw::Expired)),
        (1_001, Some(990), None, None),
        (1_300, Some(1_000), None, None),
        (1_301, Some(1_000), None, Some(Flaw::TooLong)),
        (1_060, None, None, None),
        (1_061, None, None, Some(Flaw::TooLongWithoutIat)),
        (1_060, None, Some(1_015), None),
        (1_060, None, Some(1_016), Some(Flaw::NotYetValid)),
        (1_060, Some(1_030), None, None),
        (1_060, Some(1_031), None, Some(Flaw::IssuedLater)),
    ] {
        assert_eq!(check(exp, iat, nbf), flaw, "{exp} {iat:?} {nbf:?}");
    }
}

#[test]
fn a_jti_is_kept_with_its_issuer_where_it_may_be_used_once() {
    let issuer = issuer();
    let once = issuer.trust(AUDIENCE).once();
    let accepted = judged(&once, good(&issuer).jti("a").signed().unwrap()).unwrap();
    assert_eq!(accepted.once, Some((ISS.to_owned(), "a".to_owned())));
    for missing in [good(&issuer).without("jti"), good(&issuer).jti("")] {
        assert_eq!(flaw(&once, &missing), Some(Flaw::NoId));
        assert_eq!(flaw(&issuer.trust(AUDIENCE), &missing), None);
    }
}

#[test]
fn an_svid_has_a_spiffe_id_and_needs_no_issuer() {
    let issuer = issuer();
    let spiffe = issuer.trust(AUDIENCE).assertion_type(Trust::JWT_SPIFFE);
    let svid = || issuer.svid("spiffe://example.org/orders", AUDIENCE);
    for typ in [svid(), svid().typ("JOSE"), svid().without("typ"), svid().iss(ISS)] {
        assert_eq!(flaw(&spiffe, &typ), None, "{typ:?}");
    }
    assert_eq!(flaw(&spiffe, &svid().typ("at+jwt")), Some(Flaw::Typ));
    assert_eq!(flaw(&spiffe, &svid().header("typ", "7")), Some(Flaw::Typ));
    assert_eq!(flaw(&spiffe, &svid().sub("orders")), Some(Flaw::SpiffeId));
    assert_eq!(flaw(&spiffe.clone().issuer(ISS), &svid()), Some(Flaw::Issuer));
    assert_eq!(flaw(&issuer.trust(AUDIENCE), &svid()), Some(Flaw::Issuer));
}

#[test]
fn of_several_who_trust_the_one_that_read_furthest_tells_the_flaw() {
    let (cluster, spire) = (issuer(), issuer());
    let trusts = [
        spire.trust(AUDIENCE).assertion_type(Trust::JWT_SPIFFE),
        cluster.trust(AUDIENCE),
        issuer().trust(AUDIENCE),
    ];
    let judged = |assertion: &Assertion<'_>| {
        judge(&trusts, &presented(assertion.signed().unwrap()), clock::now(0)).err()
    };
    assert_eq!(judged(&good(&cluster)), None);
    assert_eq!(judged(&good(&cluster).exp(-60)), Some(Flaw::Expired));
    assert_eq!(judged(&good(&issuer())), Some(Flaw::KidUnknown));
}

#[test]
fn an_id_is_used_for_the_first_time_once_and_the_oldest_is_forgotten() {
    let id = |number: usize| (ISS.to_owned(), number.to_string());
    let mut used = Used::default();
    assert!(used.is_first(id(0)) && !used.is_first(id(0)));
    assert!(used.is_first(("https://other.example".to_owned(), "0".to_owned())));
    for number in 1..MAX_USED - 1 {
        assert!(used.is_first(id(number)));
    }
    assert!(!used.is_first(id(0)));
    assert!(used.is_first(id(MAX_USED)));
    assert!(!used.is_first(id(1)) && used.is_first(id(0)));
    assert_eq!((used.known.len(), used.order.len()), (MAX_USED, MAX_USED));
}

#[test]
fn a_description_is_of_the_characters_that_rfc_6749_allows() {
    for flaw in [
        Flaw::Untrusted,
        Flaw::Unregistered,
        Flaw::Type,
        Flaw::ClientIdMissing,
        Flaw::ClientIdPresent,
        Flaw::NoJwt,
        Flaw::Unsigned,
        Flaw::Algorithm,
        Flaw::KidUnknown,
        Flaw::KidMissing,
        Flaw::Crit,
        Flaw::Typ,
        Flaw::Signature,
        Flaw::Issuer,
        Flaw::Subject,
        Flaw::ClientIdOther,
        Flaw::SpiffeId,
        Flaw::Audience,
        Flaw::AudienceArray,
        Flaw::AudienceNotIssuer,
        Flaw::AudienceNotEndpoint,
        Flaw::NoEnd,
        Flaw::Expired,
        Flaw::TooLong,
        Flaw::TooLongWithoutIat,
        Flaw::NotYetValid,
        Flaw::IssuedLater,
        Flaw::NoId,
        Flaw::ClientUnknown,
        Flaw::Unchanged,
        Flaw::UsedTwice,
    ] {
        let description = flaw.description();
        assert!(
            !description.is_empty()
                && description.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e))
        );
    }
}
