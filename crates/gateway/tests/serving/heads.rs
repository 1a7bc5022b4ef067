//! The vectors of heads, as bytes on a socket: what the rules say of them, the whole server does.

use crate::api::{Api, Arrived, ok};
use crate::fixture::{PATIENCE, fixed, route_to};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evergrant_core::Origin;
use evergrant_gateway::{Address, Gateway, Listener, OwnAuthorization, Running};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// A connection over whatever.
trait Wire: Read + Write {}

impl<T: Read + Write> Wire for T {}

#[test]
fn every_head_does_over_a_socket_what_its_vector_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/gateway/heads.json");
    let vectors: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let folder = tempfile::tempdir().unwrap();
    let faults: Vec<_> = vectors
        .iter()
        .filter_map(|vector| {
            Some(format!("{}: {}", vector["name"], judge(vector, &api, folder.path()).err()?))
        })
        .collect();
    assert!(faults.is_empty(), "{} of {} heads fail:\n{}", faults.len(), vectors.len(), faults.join("\n"));
}

fn judge(vector: &Value, api: &Api, folder: &Path) -> Result<(), String> {
    let (running, mut wire, port) = serve(vector, api, folder);
    let head = at_port(&head(vector), port);
    let before = api.arrived().len();
    let _closed = wire.write_all(&[head.clone(), body(&head)].concat());
    let status = status(&mut *wire);
    let arrived = api.arrived().split_off(before);
    drop(running);
    let expect = &vector["expect"];
    if let Some(sent) = expect.get("sent") {
        let [seen] = &*arrived else {
            return Err(format!("{} requests arrived, status {status:?}", arrived.len()));
        };
        let headers: Vec<(String, String)> =
            serde_json::from_value(sent["headers"].clone()).map_err(|error| error.to_string())?;
        let expected = (sent["method"].as_str(), sent["target"].as_str(), headers);
        let actual = (Some(seen.method()), Some(seen.target()), fields(seen));
        return if actual == expected { Ok(()) } else { Err(format!("{actual:?}, not {expected:?}")) };
    }
    if !arrived.is_empty() {
        return Err(format!("the API saw {arrived:?}"));
    }
    // The server may have closed it, or refused it before any rule.
    match status {
        Some(status) if expect["status"] != u64::from(status) => Err(format!("status {status}")),
        _ => Ok(()),
    }
}

fn serve(vector: &Value, api: &Api, folder: &Path) -> (Running, Box<dyn Wire>, u16) {
    let mut route = route_to(&api.origin(), fixed()).via(false);
    if let Some(methods) = vector.get("methods").and_then(Value::as_array) {
        route = route.methods(methods.iter().map(|method| method.as_str().unwrap().parse().unwrap()));
    }
    if let Some(origins) = vector.get("origins").and_then(Value::as_array) {
        route = route.origins(origins.iter().map(|origin| Origin::parse(origin.as_str().unwrap()).unwrap()));
    }
    if vector.get("authorization").is_some_and(|own| own == "drop") {
        route = route.authorization(OwnAuthorization::Drop);
    }
    let gateway = Gateway::builder().route(route).workers(1).build().unwrap();
    // Who is behind a key or a peer may be called by any name.
    if vector.get("hosts").is_some_and(|hosts| hosts == "any") {
        let socket = folder.join("socket");
        let listener = Listener::new(Address::Unix(socket.clone()));
        let running = gateway.serve(&[listener]).unwrap();
        let wire = UnixStream::connect(socket).unwrap();
        wire.set_read_timeout(Some(PATIENCE)).unwrap();
        return (running, Box::new(wire), 8484);
    }
    let hosts = vector.get("hosts").and_then(Value::as_array).cloned().unwrap_or_default();
    let listener = Listener::new(Address::parse("127.0.0.1:0").unwrap());
    let running = gateway.serve(&[listener.hosts(hosts.iter().filter_map(Value::as_str))]).unwrap();
    let address = crate::fixture::address(&running);
    let wire = TcpStream::connect(address).unwrap();
    wire.set_read_timeout(Some(PATIENCE)).unwrap();
    (running, Box::new(wire), address.port())
}

fn head(vector: &Value) -> Vec<u8> {
    if let Some(text) = vector.get("head_base64").and_then(Value::as_str) {
        return STANDARD.decode(text).unwrap();
    }
    match &vector["head"] {
        Value::String(text) => text.clone().into_bytes(),
        Value::Array(pieces) => pieces
            .iter()
            .flat_map(|piece| match piece {
                Value::String(text) => text.clone().into_bytes(),
                piece => piece["repeat"]
                    .as_str()
                    .unwrap()
                    .repeat(usize::try_from(piece["times"].as_u64().unwrap()).unwrap())
                    .into_bytes(),
            })
            .collect(),
        other => panic!("{other}"),
    }
}

/// The vectors are written for the port 8484.
fn at_port(head: &[u8], port: u16) -> Vec<u8> {
    let (from, to) = (b":8484", format!(":{port}"));
    let mut out = Vec::new();
    let mut rest = head;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to.as_bytes());
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// What the head announces.
fn body(head: &[u8]) -> Vec<u8> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    if field("transfer-encoding").is_some() {
        return b"0\r\n\r\n".to_vec();
    }
    let length = field("content-length").and_then(|length| length.trim().parse().ok()).unwrap_or(0);
    vec![b'x'; if length > 1_000_000 { 0 } else { length }]
}

/// The status of the answer, or `None` if the connection is closed.
fn status(wire: &mut dyn Wire) -> Option<u16> {
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match wire.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(read) => answer.extend_from_slice(&piece[..read]),
        }
        let text = String::from_utf8_lossy(&answer);
        let heads = text.split("\r\n\r\n").filter(|head| head.starts_with("HTTP/1."));
        let mut statuses = heads.filter_map(|head| head.split(' ').nth(1)?.parse().ok());
        if let Some(status) = statuses.find(|status| *status >= 200) {
            return Some(status);
        }
    }
}

/// In order, without what is put in anew.
fn fields(arrived: &Arrived) -> Vec<(String, String)> {
    let anew = ["host", "authorization", "content-length", "transfer-encoding"];
    let lines = arrived.head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let mut fields: Vec<_> = lines
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .filter(|(name, _)| !anew.contains(&name.as_str()))
        .collect();
    fields.sort();
    fields
}
