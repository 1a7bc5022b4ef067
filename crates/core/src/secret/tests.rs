use super::*;
use alloc::format;
use core::hash::BuildHasher;

#[test]
fn secrets_are_equal_by_content_and_hash_by_length_alone() {
    let secret = Secret::new;
    assert_eq!(secret("hunter2"), secret("hunter2"));
    for other in ["hunter3", "xunter2", "hunter", "hunter22", ""] {
        assert_ne!(secret("hunter2"), secret(other));
    }
    let hash = |text| {
        let hasher = core::hash::BuildHasherDefault::<std::hash::DefaultHasher>::default();
        hasher.hash_one(secret(text))
    };
    assert_eq!(hash("hunter2"), hash("another"));
    assert_ne!(hash("hunter2"), hash("hunter"));
}

#[test]
fn debug_shows_nothing_of_a_secret() {
    assert_eq!(format!("{:?}", Secret::new("hunter2")), "[redacted]");
}
