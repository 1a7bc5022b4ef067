use super::*;
use alloc::format;
use alloc::string::ToString;

#[test]
fn names_and_addresses_have_one_form_each() {
    for (text, shown) in [
        ("API.Example.com", "api.example.com"),
        ("xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
        ("a_b.internal", "a_b.internal"),
        ("3com.com", "3com.com"),
        ("0xdeadbeeg", "0xdeadbeeg"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("::1", "[::1]"),
        ("[0:0:0:0:0:0:0:1]", "[::1]"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
        ("[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]"),
        ("[::ffff:7f00:1]", "[::ffff:127.0.0.1]"),
    ] {
        let host = Host::parse(text).map(|host| host.to_string());
        assert_eq!(host.as_deref(), Some(shown), "{text}");
    }
}

// Conforms: A-27
#[test]
fn a_host_that_readers_of_urls_disagree_about_is_none() {
    for text in [
        "",
        ".",
        "a..b",
        ".a",
        "example.com.",
        "127.0.0.1.",
        "localhost.",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "0X7F000001",
        "2130706433",
        "017700000001",
        "127.0.0.01",
        "0",
        "0x",
        "a.0x",
        "a.1",
        "1.2.3.4.5",
        "256.0.0.1",
        "127.0.0.0x1",
        "%6cocalhost",
        "127%2e0%2e0%2e1",
        "exa%6dple.com",
        "a%00b",
        "a\\b",
        "a/b",
        "a b",
        "a\tb",
        "a\nb",
        "a@b",
        "a:b",
        "münchen.de",
        "１２７.0.0.1",
        "a,b",
        "a~b",
        "a!b",
        "a*b",
        "[::1",
        "::1]",
        "[v1.x]",
        "[fe80::1%25eth0]",
        "[127.0.0.1]",
        "[]",
        "1.2.3.4:80",
    ] {
        assert_eq!(Host::parse(text), None, "{text}");
    }
    assert_eq!(Host::parse(&"a".repeat(64)), None);
    assert_eq!(Host::parse(&"a.".repeat(127)), None);
    assert!(Host::parse(&format!("{}a", "a.".repeat(126))).is_some());
}

#[test]
fn loopback_is_an_address_and_localhost_a_name() {
    let host = |text| Host::parse(text).unwrap();
    for text in ["127.0.0.1", "127.255.0.7", "[::1]"] {
        assert!(host(text).is_loopback(), "{text}");
    }
    for text in ["localhost", "128.0.0.1", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "[::2]"] {
        assert!(!host(text).is_loopback(), "{text}");
    }
    assert!(host("LOCALHOST").is_localhost() && host("a.localhost").is_localhost());
    assert!(!host("localhost.evil.test").is_localhost() && !host("notlocalhost").is_localhost());
}
