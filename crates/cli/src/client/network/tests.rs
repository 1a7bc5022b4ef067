use super::*;

fn origin(text: &str) -> Origin {
    Origin::parse(text).unwrap()
}

#[test]
fn a_proxy_that_is_named_is_for_every_origin_but_a_loopback_literal() {
    let proxy = Proxied::parse("http://proxy.example:3128").unwrap();
    let network = Network { proxy, ..Network::default() };
    let through = |text| network.proxy_for(&origin(text)).unwrap().map(|proxy| proxy.to_string());
    assert_eq!(through("https://api.example.com").as_deref(), Some("proxy.example:3128"));
    assert_eq!(through("https://127.0.0.1:8443"), None);
}

#[test]
fn none_is_no_proxy_and_not_a_host_of_that_name() {
    let none = Proxied::parse("none").unwrap();
    assert!(matches!(none, Proxied::Chosen(None)));
    let network = Network { proxy: none, ..Network::default() };
    assert_eq!(network.proxy_for(&origin("https://api.example.com")).unwrap(), None);
    assert!(matches!(Proxied::parse("http://none").unwrap(), Proxied::Chosen(Some(_))));
}

#[test]
fn a_user_or_a_password_is_seen() {
    assert!(Proxied::parse("http://me:secret@proxy").unwrap().has_credentials());
    assert!(Proxied::parse("me@proxy").unwrap().has_credentials());
    assert!(!Proxied::parse("http://proxy").unwrap().has_credentials());
    let error = Proxied::parse("http://me:sec ret@proxy").unwrap_err().to_string();
    assert!(!error.contains("ret"), "{error}");
}
