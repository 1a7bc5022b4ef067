//! A function that takes any text must not take a secret.
fn offers<T: AsRef<str>>() {}

fn main() {
    evergrant_compile_fail::for_every_secret!(offers);
}
