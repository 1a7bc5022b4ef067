use super::*;

#[test]
fn an_address_of_all_interfaces_is_reached_over_loopback() {
    for (said, is) in [
        ("0.0.0.0:8485", "127.0.0.1:8485"),
        ("[::]:8485", "[::1]:8485"),
        ("127.0.0.1:8485", "127.0.0.1:8485"),
        ("192.0.2.1:1", "192.0.2.1:1"),
    ] {
        assert_eq!(reached(said.parse().unwrap()), is.parse().unwrap());
    }
}

#[test]
fn a_program_is_told_where_it_can_reach_the_gateway() {
    let of = |text: &str| url(&Address::parse(text).unwrap());
    assert_eq!(of("localhost:8484"), "http://localhost:8484");
    assert_eq!(of("0.0.0.0:1"), "http://127.0.0.1:1");
    assert_eq!(of("[::1]:1"), "http://[::1]:1");
    assert_eq!(of("unix:/run/api.sock"), "unix:/run/api.sock");
}
