use super::{Asked, Endpoint};

#[test]
fn a_path_names_what_is_asked_and_of_which_profile() {
    let asked = |endpoint, profile| Some(Asked { endpoint, profile });
    for (path, expected) in [
        ("/token", asked(Endpoint::Token, None)),
        ("/token/orders", asked(Endpoint::Token, Some("orders"))),
        ("/token/orders/more", asked(Endpoint::Token, Some("orders/more"))),
        ("/authorize/orders", asked(Endpoint::Authorize, Some("orders"))),
        ("/authorize/orders/", asked(Endpoint::Authorize, Some("orders"))),
        ("/authorize/orders/v2/things", asked(Endpoint::Authorize, Some("orders"))),
        // The first name counts, whatever is behind it.
        ("/authorize/orders/../labels", asked(Endpoint::Authorize, Some("orders"))),
        ("/authorize/../labels", asked(Endpoint::Authorize, Some(".."))),
        ("/reject/orders", asked(Endpoint::Reject, Some("orders"))),
        ("/authorize", None),
        ("/reject", None),
        ("/tokens", None),
        ("/token2/orders", None),
        ("token", None),
        ("/", None),
        ("", None),
        ("//token", None),
    ] {
        assert_eq!(Asked::read(path), expected, "{path}");
    }
}
