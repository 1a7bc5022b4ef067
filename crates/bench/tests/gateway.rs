//! What the rules of the gateway allocate for a request that may pass: nothing, unless there is something to remove or to decode.
#![allow(clippy::unwrap_used)] // A failed unwrap is a failed test, in its helpers too.

use evergrant_bench::allocations::{Count, count};
use evergrant_gateway::{
    Access, FieldRules, Hosts, Key, Keys, METHODS, OwnAuthorization, RoutePath, Routes, Slashes, Via,
    allowed, head, own_authorization, to_caller, to_upstream,
};
use http::header::HeaderMap;
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use std::hint::black_box;

const NOTHING: Count = Count { calls: 0, bytes: 0 };

struct Strict;

impl Slashes for Strict {
    fn may_be_odd(&self) -> bool {
        false
    }
}

fn request(target: &str, more: &[(&'static str, &str)]) -> Parts {
    let plain = [("host", "localhost:8484"), ("accept", "application/json"), ("user-agent", "a program")];
    let fields = plain.iter().chain(more);
    let request = fields.fold(Request::get(target), |request, (name, value)| request.header(*name, *value));
    request.body(()).unwrap().into_parts().0
}

/// What it allocates to let a request through, from its head to the fields that are sent.
fn passed(access: &Access, mut parts: Parts) -> Count {
    let routes = ["/", "/shipments/", "/shops/"].map(|path| (RoutePath::parse(path).unwrap(), Strict));
    let routes = Routes::new(Vec::from(routes)).unwrap();
    let (hosts, via) = (Hosts::loopback(8484, ["api.test"]), Via::new("evergrant-7f").unwrap());
    let pass = |parts: &mut Parts| {
        let head = head(parts, &hosts).unwrap();
        let admitted = access.admit(&parts.headers, None).unwrap();
        black_box(routes.find(&head.path).unwrap());
        allowed(parts, &METHODS, &[]).unwrap();
        own_authorization(&parts.headers, admitted.by_authorization, OwnAuthorization::Refuse).unwrap();
        to_upstream(&mut parts.headers, &FieldRules::default(), parts.version, Some(&via)).unwrap();
    };
    // A value that is cloned for the first time begins to be shared.
    pass(&mut parts.clone());
    count(|| pass(&mut parts)).1
}

fn answered(fields: &[(&'static str, &'static str)]) -> Count {
    let mut answer =
        fields.iter().fold(Response::builder(), |answer, (name, value)| answer.header(*name, *value));
    let fields: &mut HeaderMap<HeaderValue> = answer.headers_mut().unwrap();
    count(|| to_caller(fields, &FieldRules::default())).1
}

#[test]
fn a_request_that_is_plain_passes_without_an_allocation() {
    for target in ["/", "/shipments/17?page[number]=2", "/shipments/a.b,c:d", "http://localhost:8484/shops/1"]
    {
        assert_eq!(passed(&Access::Anyone, request(target, &[])), NOTHING, "{target}");
    }
}

#[test]
fn a_key_costs_the_list_of_what_is_removed_and_nothing_else() {
    let key = Key::generate().unwrap();
    let access = Access::Keys(Keys::new([("shop".into(), key.digest())]).unwrap());
    let bearer = format!("Bearer {}", key.expose());
    for fields in [[("x-evergrant-key", key.expose())], [("authorization", &*bearer)]] {
        assert_eq!(passed(&access, request("/shipments/17", &fields)).calls, 1);
    }
}

#[test]
fn what_is_removed_costs_one_list_and_a_copy_of_each_name_in_connection() {
    let three = [("connection", "keep-alive, x-named"), ("x-named", "1"), ("cookie", "a=1")];
    assert_eq!(passed(&Access::Anyone, request("/", &three)).calls, 2);
    assert_eq!(answered(&[("connection", "keep-alive"), ("cache-control", "no-store")]).calls, 1);
}

#[test]
fn an_answer_that_is_plain_passes_without_an_allocation() {
    assert_eq!(answered(&[("content-type", "application/json"), ("cache-control", "No-Store")]), NOTHING);
}

#[test]
fn only_a_path_that_can_be_read_in_several_ways_is_read_in_all_of_them() {
    let decoded = passed(&Access::Anyone, request("/shipments/%41", &[])).calls;
    let several = passed(&Access::Anyone, request("/shipments/a;b", &[])).calls;
    assert!((1..=8).contains(&decoded), "{decoded}");
    assert!(several > decoded, "{several}");
}
