use super::*;

#[test]
fn a_status_is_read_with_and_without_a_number_of_requests() {
    assert_eq!(fail("503:2"), Ok(Fail { status: 503, requests: NonZeroU32::new(2) }));
    assert_eq!(fail("400"), Ok(Fail { status: 400, requests: None }));
}

#[test]
fn what_is_no_failure_is_refused_with_what_to_write() {
    for text in ["399", "600", "200:1", "", ":2", "x", "+503x", "70000", "503 :2"] {
        assert!(fail(text).is_err_and(|error| error.contains("from 400 to 599")), "{text}");
    }
    for text in ["503:0", "503:", "503:x", "503:-1", "503:2:3", "503:4294967296"] {
        assert!(fail(text).is_err_and(|error| error.contains("how many")), "{text}");
    }
}
