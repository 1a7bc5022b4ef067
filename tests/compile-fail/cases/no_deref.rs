//! A method call must not reach the text.
fn offers<T: std::ops::Deref>() {}

fn main() {
    evergrant_compile_fail::for_every_secret!(offers);
}
