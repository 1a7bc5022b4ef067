//! Whoever displays a secret has logged it.
fn offers<T: std::fmt::Display>() {}

fn main() {
    evergrant_compile_fail::for_every_secret!(offers);
}
