//! No type that holds a secret can be displayed, serialized, or taken for a text: `expose` is the one way, and is
//! easy to find in a review.
//!
//! After an upgrade of the compiler that words its errors otherwise: `TRYBUILD=overwrite cargo test -p
//! evergrant-compile-fail`, and look at the difference. What matters is that each type stands in each list.

#[test]
fn the_types_that_hold_a_secret_offer_no_way_to_its_text_but_expose() {
    let cases = trybuild::TestCases::new();
    cases.pass("cases/what_is_offered.rs");
    cases.compile_fail("cases/no_*.rs");
}
