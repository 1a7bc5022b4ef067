//! A program that waits until it is stopped: the image has no shell and no `sleep`, and `evergrant run` keeps a token file fresh
//! for as long as its program runs.

fn main() {
    loop {
        std::thread::park();
    }
}
