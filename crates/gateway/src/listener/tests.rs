use super::{Address, Listener, ServeError};
use crate::access::{Access, Keys, Peers};
use crate::rules::Hosts;

fn listener(address: &str) -> Listener {
    Listener::new(Address::parse(address).unwrap())
}

fn keys() -> Access {
    Access::Keys(Keys::new([("shop".to_owned(), [7; 32])]).unwrap())
}

#[test]
fn an_address_is_written_in_one_of_three_ways() {
    for text in ["localhost:8484", "127.0.0.1:8484", "[::1]:0", "0.0.0.0:80", "unix:/run/evergrant/api.sock"]
    {
        assert_eq!(Address::parse(text).unwrap().to_string(), text);
    }
    for text in
        ["", "8484", "localhost", "localhost:x", "localhost:70000", "api.example.com:80", "unix:", ":8484"]
    {
        assert!(Address::parse(text).is_err(), "{text}");
    }
}

#[test]
fn beyond_this_machine_nothing_starts_unless_it_is_said_who_may_use_it() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        assert!(matches!(listener(address).bind(), Err(ServeError::Exposed(_))), "{address}");
        assert!(matches!(listener(address).access(keys()).bind(), Err(ServeError::InClear(_))));
        assert!(listener(address).access(keys()).plain_http(true).bind().is_ok());
        assert!(listener(address).access(Access::Anyone).bind().is_ok());
    }
    assert!(listener("127.0.0.1:0").access(keys()).bind().is_ok());
}

#[test]
fn users_are_known_of_unix_sockets_alone() {
    let peers = || Access::Peers(Peers::only(0));
    assert!(matches!(listener("127.0.0.1:0").access(peers()).bind(), Err(ServeError::NoPeers(_))));
}

#[test]
fn localhost_is_both_loopback_addresses_with_one_port() {
    let bound = listener("localhost:0").bind().unwrap();
    let ports: Vec<_> = bound
        .iter()
        .map(|bound| match &bound.address {
            Address::Tcp(address) => (address.ip().is_loopback(), address.port()),
            other => panic!("{other}"),
        })
        .collect();
    assert!(ports.windows(2).all(|pair| pair[0] == pair[1]), "{ports:?}");
    assert!(ports.iter().all(|(is_loopback, port)| *is_loopback && *port != 0));
}

#[test]
fn a_name_that_was_made_to_point_here_is_checked_where_there_is_no_key() {
    let hosts = |listener: Listener| listener.bind().unwrap().remove(0).door.hosts.clone();
    assert!(matches!(hosts(listener("127.0.0.1:0").hosts(["gateway.test"])), Hosts::Loopback { .. }));
    assert_eq!(hosts(listener("127.0.0.1:0").access(keys())), Hosts::Any);
    assert_eq!(hosts(listener("0.0.0.0:0").access(Access::Anyone)), Hosts::Any);
}

#[test]
fn a_port_that_is_taken_is_told() {
    let first = listener("127.0.0.1:0").bind().unwrap();
    let taken = listener(&first[0].address.to_string());
    let error = taken.bind().err().unwrap();
    assert!(matches!(&error, ServeError::InUse(_)), "{error}");
    assert!(error.to_string().contains("another process listens at 127.0.0.1:"), "{error}");
}

#[cfg(unix)]
mod unix {
    use super::{ServeError, listener};
    use crate::access::{Access, Peers};
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::UnixListener;

    fn mode(path: &std::path::Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_socket_is_its_owners_unless_others_are_named_and_goes_with_the_listener() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api.sock");
        let own = listener(&format!("unix:{}", path.display()));
        let bound = own.clone().bind().unwrap();
        assert_eq!(mode(&path), 0o600);
        // Somebody listens there.
        assert!(matches!(own.bind(), Err(ServeError::InUse(_))));
        drop(bound);
        assert!(!path.exists());
    }

    #[test]
    fn a_stale_socket_is_removed_and_anything_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api.sock");
        drop(UnixListener::bind(&path).unwrap());
        let others = listener(&format!("unix:{}", path.display())).access(Access::Peers(Peers::only(1)));
        let bound = others.bind().unwrap();
        assert_eq!(mode(&path), 0o666);
        drop(bound);
        let _gone = fs::remove_file(&path);
        fs::write(&path, "a file of the user's").unwrap();
        assert!(matches!(others.bind(), Err(ServeError::NoSocket(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "a file of the user's");
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let listener = listener(&format!("unix:{}", folder.path().join("api.sock").display()));
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(listener.bind(), Err(ServeError::Folder(_))));
        // Of a sticky one they can only remove what is theirs.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o1777)).unwrap();
        assert!(listener.bind().is_ok());
    }
}
