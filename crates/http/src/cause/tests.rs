use super::*;
use crate::wrapper::Outer;

#[cfg(unix)]
#[test]
fn too_many_open_files_are_found_below_whatever_was_tried_and_say_what_to_do() {
    for code in [23, 24] {
        let bare = io::Error::from_raw_os_error(code);
        let wrapped = Outer(io::Error::other(Outer(io::Error::from_raw_os_error(code))));
        for error in [&bare as &(dyn StdError + 'static), &wrapped] {
            let found = open_files_error(error).unwrap();
            assert_eq!(found.kind(), TransportErrorKind::NoFile);
            assert_eq!(found.detail().unwrap().as_str(), "too many open files");
        }
    }
    for code in [2, 13, 111] {
        assert_eq!(open_files_error(&io::Error::from_raw_os_error(code)), None, "{code}");
    }
}

#[test]
fn what_an_io_error_wraps_is_among_its_causes() {
    let error = Outer(io::Error::other(Outer(io::Error::other("closed"))));
    let said: Vec<_> = causes(&error).map(ToString::to_string).collect();
    assert_eq!(
        said,
        ["error sending request", "error sending request", "error sending request", "closed", "closed"]
    );
}

#[test]
fn the_standard_librarys_resolver_is_known_by_its_errors() {
    use std::net::ToSocketAddrs as _;

    // A label that no name server is asked for (RFC 1035 §2.3.4).
    let error = ("x".repeat(64).as_str(), 443).to_socket_addrs().unwrap_err();
    assert!(is_resolving(&error), "{error:?}");
    for error in [io::Error::other("closed"), io::Error::from(io::ErrorKind::ConnectionRefused)] {
        assert!(!is_resolving(&error), "{error:?}");
    }
    assert!(!is_resolving(&io::Error::from_raw_os_error(111)));
}
