use super::{Host, ProxyFailure, socks4, socks5};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

/// What comes of these answers of a proxy, all at once; what was asked; and what is left to be read.
/// X
fn asked<F>(
    answers: &[u8],
    ask: impl FnOnce(DuplexStream) -> F,
) -> (Result<(), ProxyFailure>, Vec<u8>, Vec<u8>)
where
    F: Future<Output = (Result<(), ProxyFailure>, DuplexStream)>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (ours, mut theirs) = duplex(1024);
        theirs.write_all(answers).await.unwrap();
        theirs.shutdown().await.unwrap();
        let (outcome, mut ours) = ask(ours).await;
        let (mut left, mut said) = (Vec::new(), Vec::new());
        ours.read_to_end(&mut left).await.unwrap();
        drop(ours);
        theirs.read_to_end(&mut said).await.unwrap();
        (outcome, said, left)
    })
}

fn by_5(
    answers: &[u8],
    host: &Host<'_>,
    credentials: Option<(&str, &str)>,
) -> (Result<(), ProxyFailure>, Vec<u8>, Vec<u8>) {
    asked(answers, async |mut stream| (socks5(&mut stream, host, 443, credentials).await, stream))
}

fn by_4(answers: &[u8], host: &Host<'_>) -> (Result<(), ProxyFailure>, Vec<u8>, Vec<u8>) {
    asked(answers, async |mut stream| (socks4(&mut stream, host, 443).await, stream))
}

#[test]
fn what_follows_the_answer_of_a_proxy_is_left_to_be_read() {
    let api = Host::Name("api");
    for place in [
        &[1, 0, 0, 0, 0, 0, 0][..],
        &[3, 1, b'x', 0, 0],
        &[4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ] {
        let answers = [&[5, 0, 5, 0, 0], place, b"hello"].concat();
        let (outcome, said, left) = by_5(&answers, &api, None);
        assert_eq!((outcome, left.as_slice()), (Ok(()), &b"hello"[..]));
        assert_eq!(said, b"\x05\x01\x00\x05\x01\x00\x03\x03api\x01\xbb");
    }
    let (outcome, said, left) = by_4(b"\0\x5a\0\0\0\0\0\0hello", &api);
    assert_eq!((outcome, left.as_slice()), (Ok(()), &b"hello"[..]));
    assert_eq!(said, b"\x04\x01\x01\xbb\0\0\0\x01\0api\0");
}

#[test]
fn addresses_are_asked_for_as_such() {
    let (v4, v6) = ("192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap());
    let (_, said, _) = by_5(&[5, 0], &Host::Address(v4), None);
    assert_eq!(&said[3..], [5, 1, 0, 1, 192, 0, 2, 7, 1, 187]);
    let (_, said, _) = by_5(&[5, 0], &Host::Address(v6), None);
    assert_eq!(&said[3..], [5, 1, 0, 4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 1, 187]);
    let (_, said, _) = by_4(&[], &Host::Address(v4));
    assert_eq!(said, [4, 1, 1, 187, 192, 0, 2, 7, 0]);
    assert_eq!(by_4(&[], &Host::Address(v6)).0, Err(ProxyFailure::KindOfAddress));
}

#[test]
fn a_user_and_a_password_are_sent_where_there_are_some() {
    let me = Some(("me", "secret"));
    let api = Host::Name("api");
    let (outcome, said, _) = by_5(&[5, 2, 1, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0], &api, me);
    assert_eq!(outcome, Ok(()));
    assert!(said.starts_with(b"\x05\x01\x02\x01\x02me\x06secret\x05\x01"), "{said:?}");
    assert_eq!(by_5(&[5, 2, 1, 1], &api, me).0, Err(ProxyFailure::Unauthorized));
    assert_eq!(by_5(&[5, 0xff], &api, None).0, Err(ProxyFailure::Unauthorized));
    let long = "x".repeat(256);
    assert_eq!(by_5(&[5, 2], &api, Some(("me", &long))).0, Err(ProxyFailure::Unauthorized));
}

#[test]
fn each_reply_says_what_it_is() {
    let api = Host::Name("api");
    for (reply, failure) in [
        (1, ProxyFailure::Socks),
        (2, ProxyFailure::Denied),
        (3, ProxyFailure::ApiUnreachable),
        (4, ProxyFailure::ApiUnreachable),
        (5, ProxyFailure::ApiRefused),
        (6, ProxyFailure::ApiUnreachable),
        (7, ProxyFailure::Socks),
        (8, ProxyFailure::KindOfAddress),
        (9, ProxyFailure::Socks),
    ] {
        assert_eq!(by_5(&[5, 0, 5, reply, 0, 1], &api, None).0, Err(failure), "{reply}");
    }
    for (reply, failure) in [
        (91, ProxyFailure::Socks),
        (92, ProxyFailure::Unauthorized),
        (93, ProxyFailure::Unauthorized),
        (94, ProxyFailure::NoSocks),
    ] {
        assert_eq!(by_4(&[0, reply, 0, 0, 0, 0, 0, 0], &api).0, Err(failure), "{reply}");
    }
}

#[test]
fn what_is_no_socks_and_what_breaks_off_is_told_apart() {
    let api = Host::Name("api");
    for answers in [&b"HTTP/1.1 400 Bad Request"[..], &[5, 1], &[5, 0, 4, 0, 0, 1], &[5, 0, 5, 0, 0, 2]] {
        assert_eq!(by_5(answers, &api, None).0, Err(ProxyFailure::NoSocks), "{answers:?}");
    }
    for answers in [&[][..], &[5], &[5, 0, 5, 0, 0, 1, 0]] {
        assert_eq!(by_5(answers, &api, None).0, Err(ProxyFailure::Closed), "{answers:?}");
    }
    assert_eq!(by_4(b"HTTP/1.1 400", &api).0, Err(ProxyFailure::NoSocks));
    assert_eq!(by_4(&[0, 90], &api).0, Err(ProxyFailure::Closed));
}
