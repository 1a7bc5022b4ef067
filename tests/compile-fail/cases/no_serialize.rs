//! Whoever serializes a secret has stored it.
fn offers<T: serde::Serialize>() {}

fn main() {
    evergrant_compile_fail::for_every_secret!(offers);
}
