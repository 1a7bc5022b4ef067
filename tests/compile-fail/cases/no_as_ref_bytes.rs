//! A function that takes any bytes must not take a secret.
fn offers<T: AsRef<[u8]>>() {}

fn main() {
    evergrant_compile_fail::for_every_secret!(offers);
}
