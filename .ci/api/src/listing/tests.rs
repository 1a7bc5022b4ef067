use super::*;

#[test]
fn a_line_that_the_listing_lacks_or_has_too_much_is_a_difference() {
    let api = "pub fn a::f()\npub fn a::g()\npub fn a::g()\n";
    assert_eq!(difference("pub fn a::f()\npub fn a::g()\n", api), "+ pub fn a::g()\n");
    assert_eq!(difference(api, "pub fn a::g()\npub fn a::g()\n"), "- pub fn a::f()\n");
    assert_eq!(difference("", "pub mod a\n"), "+ pub mod a\n");
    assert_eq!(difference("a\nb\n", "b\na\n"), "  the same lines, in another order\n");
}

#[test]
fn private_modules_of_other_crates_are_left_out() {
    for (line, expected) in [
        (
            "fn evergrant_http::f(evergrant_core::error::kind::Error)",
            "fn evergrant_http::f(evergrant_core::Error)",
        ),
        (
            "fn f(evergrant_core::Error) -> evergrant_drive::token::Token",
            "fn f(evergrant_core::Error) -> evergrant_drive::Token",
        ),
        ("impl evergrant_http::own::Type", "impl evergrant_http::own::Type"),
        ("pub use evergrant_http::<<evergrant_core::*>>", "pub use evergrant_http::<<evergrant_core::*>>"),
        ("pub use evergrant_core::myparcel", "pub use evergrant_core::myparcel"),
        ("fn f(&evergrant_core::error::Error, u8)", "fn f(&evergrant_core::Error, u8)"),
    ] {
        assert_eq!(without_private_modules(line, "evergrant_http"), expected);
    }
}

#[test]
fn the_compilers_own_traits_are_left_out() {
    assert!(is_internal("impl core::marker::Freeze for evergrant_core::Scope"));
    assert!(is_internal("impl<T> core::marker::UnsafeUnpin for evergrant_core::Scope<T>"));
    assert!(!is_internal("impl core::marker::Send for evergrant_core::Scope"));
}
