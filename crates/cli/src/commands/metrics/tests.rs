use super::*;

#[test]
fn an_address_that_other_machines_reach_needs_the_flag_and_a_loopback_one_does_not() {
    let accepted = |address: &str, allow_remote_metrics| {
        let args = MetricsArgs { metrics: Some(address.to_owned()), allow_remote_metrics };
        args.read().is_ok()
    };
    for address in ["127.0.0.1:9464", "127.1.2.3:0", "[::1]:9464", "[::ffff:127.0.0.1]:0"] {
        assert!(accepted(address, false), "{address}");
    }
    for address in ["0.0.0.0:9464", "[::]:0", "192.0.2.1:9464", "[::ffff:192.0.2.1]:9464"] {
        assert!(!accepted(address, false) && accepted(address, true), "{address}");
    }
}

#[test]
fn without_an_address_nothing_is_served() {
    let args = MetricsArgs { metrics: None, allow_remote_metrics: false };
    assert!(matches!(args.read(), Ok(None)));
}
