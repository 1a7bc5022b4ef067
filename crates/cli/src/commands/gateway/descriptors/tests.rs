use super::*;

#[test]
fn callers_have_what_the_apis_leave_and_half_at_least() {
    assert_eq!(fitting(1024, 512), 448);
    assert_eq!(fitting(65_536, 512), 64_896);
    assert_eq!(fitting(256, 512), 64);
    assert_eq!(fitting(100, 512), 1);
}
