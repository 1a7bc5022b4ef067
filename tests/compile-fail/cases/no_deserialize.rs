//! What is read from anywhere was checked by nobody.
fn offers<T: serde::de::DeserializeOwned>() {}

fn main() {
    evergrant_compile_fail::for_every_secret!(offers);
}
