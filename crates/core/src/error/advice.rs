//! What to do where the server says it in the same way, whatever it was asked for.

pub(super) const TOO_OFTEN: &str =
    "this client requests tokens too often: request fewer, or ask the server's operator for a higher limit";
pub(super) const TROUBLE: &str = "the server is in trouble; try again later";
