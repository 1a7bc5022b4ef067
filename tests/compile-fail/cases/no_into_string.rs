//! A secret must not become a text by inference.
fn offers<T: Into<String>>() {}

fn main() {
    evergrant_compile_fail::for_every_secret!(offers);
}
