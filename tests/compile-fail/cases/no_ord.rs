//! Order tells about a secret byte by byte.
fn offers<T: PartialOrd>() {}

fn main() {
    evergrant_compile_fail::for_every_secret!(offers);
}
