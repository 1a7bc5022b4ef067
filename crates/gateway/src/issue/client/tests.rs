use super::{Access, FIELDS, Form, Keys, PeerId, authenticated};
use crate::access::Peers;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};
use ring::digest::{SHA256, digest};

/// A text that form-encoding changes, as somebody may have made it.
const TEXT: &str = "a+b%2F c&d";

fn keys() -> Access {
    let of = |text: &str| digest(&SHA256, text.as_bytes()).as_ref().try_into().unwrap();
    Access::Keys(Keys::new([("shop".to_owned(), of(TEXT)), ("office".to_owned(), of("other"))]).unwrap())
}

fn basic(pair: &str) -> HeaderMap {
    let value = format!("Basic {}", STANDARD.encode(pair));
    [(http::header::AUTHORIZATION, HeaderValue::try_from(value).unwrap())].into_iter().collect()
}

/// The name, or the OAuth error.
fn who(access: &Access, fields: &HeaderMap, form: &str, peer: Option<PeerId>) -> Result<String, String> {
    let form = Form::parse(form.as_bytes(), &FIELDS).unwrap();
    match authenticated(access, fields, &form, peer) {
        Ok(caller) => Ok(caller.to_string()),
        Err(refused) => {
            let answer = refused.of_an_authorization_server("test", 0, &http::Method::POST);
            let document: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
            Err(document["error"].as_str().unwrap().to_owned())
        }
    }
}

#[test]
fn both_spellings_of_basic_and_the_form_are_the_same_client() {
    let encoded = "a%2Bb%252F+c%26d";
    let shop = Ok("shop".to_owned());
    assert_eq!(who(&keys(), &basic(&format!("shop:{TEXT}")), "", None), shop);
    assert_eq!(who(&keys(), &basic(&format!("shop:{encoded}")), "", None), shop);
    assert_eq!(who(&keys(), &basic(&format!("shop:{encoded}")), "client_id=shop", None), shop);
    let form = format!("client_id=shop&client_secret={encoded}");
    assert_eq!(who(&keys(), &HeaderMap::new(), &form, None), shop);
}

#[test]
fn whoever_is_not_the_client_gets_nothing() {
    let none = HeaderMap::new();
    let client = Err("invalid_client".to_owned());
    for (fields, form) in [
        (&none, ""),
        (&none, "client_id=shop"),
        (&none, "client_id=shop&client_secret=other"),
        (&none, "client_id=office&client_secret=wrong"),
        (&basic("shop:other"), ""),
        (&basic("other:shop"), ""),
        (&basic("shop"), ""),
        (&basic("office:other"), "client_id=shop"),
    ] {
        assert_eq!(who(&keys(), fields, form, None), client, "{form}");
    }
    let mut bearer = HeaderMap::new();
    bearer.insert(http::header::AUTHORIZATION, HeaderValue::from_static("Bearer other"));
    assert_eq!(who(&keys(), &bearer, "", None), client);
    let mut twice = basic("office:other");
    twice.append(http::header::AUTHORIZATION, HeaderValue::from_static("Basic x"));
    assert_eq!(who(&keys(), &twice, "", None), client);
}

#[test]
fn two_ways_at_once_are_no_way() {
    let form = "client_id=office&client_secret=other";
    assert_eq!(who(&keys(), &basic("office:other"), form, None), Err("invalid_request".to_owned()));
}

#[test]
fn over_a_socket_the_user_counts_and_nothing_that_a_library_sends() {
    let access = Access::Peers(Peers::only(1000));
    let peer = |uid| Some(PeerId { uid, gid: 1 });
    for fields in [HeaderMap::new(), basic("any:thing")] {
        assert_eq!(who(&access, &fields, "client_id=any", peer(1000)), Ok("uid 1000".to_owned()));
        assert_eq!(who(&access, &fields, "", peer(1001)), Err("unauthorized_client".to_owned()));
        assert_eq!(who(&access, &fields, "", None), Err("unauthorized_client".to_owned()));
    }
    assert_eq!(who(&Access::Anyone, &HeaderMap::new(), "", None), Err("unauthorized_client".to_owned()));
}
