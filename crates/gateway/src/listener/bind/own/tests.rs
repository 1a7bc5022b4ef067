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
