use super::{OwnSocket, access};
use crate::access::PeerId;
use http::HeaderMap;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::thread;
use tokio::io::AsyncWriteExt as _;

#[test]
fn its_own_user_and_root_may_and_nobody_else() {
    let own = rustix::process::geteuid().as_raw();
    let may = |uid| access().admit(&HeaderMap::new(), Some(PeerId { uid, gid: own })).is_ok();
    assert!(may(own) && may(0));
    assert!(!may(own.wrapping_add(1)) && !may(65_534));
}

#[test]
fn whoever_connects_reads_and_the_file_goes_with_the_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.sock");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let socket = OwnSocket::bind(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let reader = path.clone();
        let reader = thread::spawn(move || {
            let mut read = String::new();
            UnixStream::connect(reader).unwrap().read_to_string(&mut read).unwrap();
            read
        });
        let mut stream = socket.accept().await.unwrap().unwrap();
        stream.write_all(b"an answer").await.unwrap();
        drop(stream);
        assert_eq!(reader.join().unwrap(), "an answer");
        assert!(OwnSocket::bind(&path).is_err(), "somebody listens");
    });
    assert!(!path.exists());
}

/// Elsewhere such a connection is refused.
#[cfg(target_os = "linux")]
#[test]
fn a_listener_that_accepts_nobody_holds_up_nobody_either() {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, bind, connect, listen, socket};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.sock");
    let address = SocketAddrUnix::new(&path).unwrap();
    let made = || socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
    let (listener, waiting) = (made(), made());
    bind(&listener, &address).unwrap();
    listen(&listener, 0).unwrap();
    // There is room for one.
    connect(&waiting, &address).unwrap();
    let (sender, bound) = std::sync::mpsc::channel();
    let of = path.clone();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _in_it = runtime.enter();
        sender.send(OwnSocket::bind(&of).map(drop).map_err(|error| error.to_string())).unwrap();
    });
    let bound = bound.recv_timeout(std::time::Duration::from_secs(30)).expect("it waits for ever");
    assert!(bound.is_err() && path.exists(), "{bound:?}");
}
