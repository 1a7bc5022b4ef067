//! The vectors of header fields, over sockets: what arrives at the API, and what comes back.

use crate::api::{After, Api, ok, say};
use crate::fixture::{Answer, Caller, address, fixed, route_to, serve_with};
use evergrant_gateway::{Gateway, OwnAuthorization, Route, Running};
use serde_json::Value;
use std::path::Path;
use std::sync::{Arc, Mutex};

type Line = (String, String);

fn vectors(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/gateway").join(file);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn lines(value: &Value) -> Vec<Line> {
    serde_json::from_value(value.clone()).unwrap()
}

fn flag(vector: &Value, name: &str) -> bool {
    vector.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn written(lines: &[Line]) -> String {
    lines.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
}

/// Those of a head, in order, without what each side puts in anew.
fn seen(head: &str, anew: &[&str]) -> Vec<Line> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let mut seen: Vec<Line> = lines
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .filter(|(name, _)| !anew.contains(&name.as_str()))
        .collect();
    seen.sort();
    seen
}

fn expected(lines: &[Line], anew: &[&str]) -> Vec<Line> {
    let mut lines: Vec<Line> =
        lines.iter().filter(|(name, _)| !anew.contains(&name.as_str())).cloned().collect();
    lines.sort();
    lines
}

fn serve(route: Route, instance: Option<&str>) -> Running {
    let builder = Gateway::builder().route(route);
    serve_with(match instance {
        Some(instance) => builder.instance(instance),
        None => builder,
    })
}

#[test]
fn what_arrives_at_the_api_is_what_the_vectors_say() {
    const ANEW: [&str; 4] = ["host", "authorization", "content-length", "transfer-encoding"];
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let mut judged = 0;
    for vector in vectors("request-fields.json") {
        // What depends on the rule of a provider, on another version, or on bytes that no head has, is judged in process.
        let headers = lines(&vector["headers"]);
        let is_framing =
            |(name, _): &Line| ["transfer-encoding", "content-length", "expect"].contains(&name.as_str());
        if flag(&vector, "reads_bodies") || vector["received"] == "2" || headers.iter().any(is_framing) {
            continue;
        }
        let via = vector.get("via").and_then(Value::as_str);
        let instance = via.and_then(|via| via.strip_prefix("evergrant-"));
        if via.is_some() != instance.is_some() {
            continue;
        }
        let route = route_to(&api.origin(), fixed()).authorization(OwnAuthorization::Drop);
        let route = if flag(&vector, "maps_links") { route.links([]) } else { route };
        let running = serve(route.cookies(flag(&vector, "cookies")).via(via.is_some()), instance);
        let before = api.arrived().len();
        let mut caller = Caller::new(&running);
        let headers: Vec<_> = headers.into_iter().filter(|(name, _)| name != "host").collect();
        let version = if vector["received"] == "1.0" { "1.0" } else { "1.1" };
        let head =
            format!("GET / HTTP/{version}\r\nHost: {}\r\n{}\r\n", address(&running), written(&headers));
        caller.write(head).unwrap();
        let answer = caller.answer().unwrap();
        let arrived = api.arrived().split_off(before);
        if vector["expect"] == "looped" {
            assert_eq!((answer.status, arrived.len()), (508, 0), "{}", vector["name"]);
        } else {
            assert_eq!(arrived.len(), 1, "{}: {}", vector["name"], answer.text());
            let expected = expected(&lines(&vector["expect"]["headers"]), &ANEW);
            assert_eq!(seen(&arrived[0].head, &ANEW), expected, "{}", vector["name"]);
        }
        judged += 1;
    }
    assert!(judged >= 25, "{judged}");
}

#[test]
fn what_comes_back_is_what_the_vectors_say() {
    const ANEW: [&str; 4] = ["date", "content-length", "transfer-encoding", "connection"];
    let said = Arc::new(Mutex::new(String::new()));
    let of_api = Arc::clone(&said);
    let api = Api::start(move |_, stream| {
        say(
            stream,
            &format!("HTTP/1.1 403 Forbidden\r\n{}Content-Length: 0\r\n\r\n", of_api.lock().unwrap()),
        );
        After::Close
    });
    let mut judged = 0;
    for vector in vectors("answer-fields.json") {
        let headers = lines(&vector["headers"]);
        let is_framing = |(name, _): &Line| ANEW.contains(&name.as_str()) && name != "connection";
        if flag(&vector, "ours") || headers.iter().any(is_framing) {
            continue;
        }
        *said.lock().unwrap() = written(&headers);
        let running = serve(route_to(&api.origin(), fixed()).cookies(flag(&vector, "cookies")), None);
        let Answer { status, head, .. } = Caller::new(&running).get("/");
        let expected = expected(&lines(&vector["expect"]["headers"]), &ANEW);
        assert_eq!((status, seen(&head, &ANEW)), (403, expected), "{}", vector["name"]);
        judged += 1;
    }
    assert!(judged >= 12, "{judged}");
}
