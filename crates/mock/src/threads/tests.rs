use super::*;
use crate::Server;
use std::io::{Read as _, Write as _};

const LONG: Duration = Duration::from_secs(60);

/// A connection that was accepted, and its client.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, client)
}

#[test]
fn a_connection_is_in_the_list_until_its_client_goes() {
    let server = Server::start().unwrap();
    let shared = server.shared();
    let mut client = TcpStream::connect(server.address()).unwrap();
    client.write_all(b"HEAD / HTTP/1.1\r\nHost: m\r\n\r\n").unwrap();
    client.read_exact(&mut [0]).unwrap();
    assert_eq!(shared.lock().connections.len(), 1);
    drop(client);
    assert!(shared.wait_until(LONG, |state| state.connections.is_empty()));
}

#[test]
fn one_connection_more_than_the_bound_is_closed_at_once() {
    let server = Server::start().unwrap();
    let shared = server.shared();
    let (held, _client) = pair();
    let held = Arc::new(held);
    let numbers = 0..MAX_CONNECTIONS as u64;
    shared.lock().connections.extend(numbers.map(|number| (number, Arc::clone(&held))));
    let number = MAX_CONNECTIONS as u64;
    let (stream, refused) = pair();
    connect(&shared, number, stream, &Protocol::Plain, LONG).unwrap();
    assert_eq!(refused.peek(&mut [0]).unwrap(), 0);
    shared.lock().connections.remove(&0);
    let (stream, _served) = pair();
    connect(&shared, number, stream, &Protocol::Plain, LONG).unwrap();
    assert!(shared.lock().connections.contains_key(&number));
    shared.lock().connections.retain(|place, _| *place == number);
}

#[test]
fn a_connection_that_comes_while_the_server_stops_is_closed() {
    let server = Server::start().unwrap();
    let shared = server.shared();
    shared.lock().stopping = true;
    let (stream, refused) = pair();
    connect(&shared, 0, stream, &Protocol::Plain, LONG).unwrap();
    assert!(shared.lock().connections.is_empty());
    assert_eq!(refused.peek(&mut [0]).unwrap(), 0);
}

#[test]
fn a_connection_that_could_not_be_accepted_does_not_end_the_server() {
    let server = Server::start().unwrap();
    let shared = server.shared();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Without a connection to accept this is an error at once.
    listener.set_nonblocking(true).unwrap();
    let (sender, receiver) = mpsc::channel();
    let for_accepting = Arc::clone(&shared);
    let accepting = thread::spawn(move || accept(&for_accepting, &listener, &sender));
    assert!(receiver.recv_timeout(PAUSE).is_err());
    let client = TcpStream::connect(address).unwrap();
    assert!(receiver.recv_timeout(LONG).is_ok());
    drop((client, server));
    accepting.join().unwrap();
}
