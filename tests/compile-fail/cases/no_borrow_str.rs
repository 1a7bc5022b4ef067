//! A map of texts must not be asked with a secret.
fn offers<T: std::borrow::Borrow<str>>() {}

fn main() {
    evergrant_compile_fail::for_every_secret!(offers);
}
