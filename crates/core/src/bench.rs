//! What the library keeps to itself and benchmarks time.

/// Reads the times of a JWT as a token response's life takes them, and says whether there are any. No claim is handed out.
pub fn has_times(token: &str) -> bool {
    crate::jwt::hint(token).is_some()
}
