use super::*;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};

use crate::stream::Protocol;

#[test]
fn what_a_refused_client_goes_on_sending_is_read_so_that_its_answer_is_not_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    // More than one read takes, and less than the system's buffers hold.
    client.write_all(&[b'x'; 40_000]).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let tcp = Arc::new(stream);
    let stream = Stream::new(Arc::clone(&tcp), &Protocol::Plain).unwrap();
    linger(&stream, Duration::from_secs(60));
    assert_eq!(tcp.peek(&mut [0]).unwrap(), 0, "nothing is left unread");
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "our side has ended");
}
