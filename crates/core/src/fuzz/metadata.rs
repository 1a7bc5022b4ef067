//! What an authorization server says of itself.

use super::token_response::depth;
use crate::error::{Class, Problem};
use crate::metadata::{Discovery, Form, Metadata};
use crate::origin::PlainHttp;
use crate::response::Response;
use crate::time::Wall;
use alloc::vec::Vec;
use serde_json::Value;

const ISSUER: &str = "https://as.example";

/// `data` is the body of an answer to a request of metadata.
///
/// # Panics
/// What serde_json reads differently, or of another issuer, is taken; or a list outgrows its bound.
pub fn metadata(data: &[u8]) {
    let Ok(of) = Discovery::new(ISSUER, Form::OpenId, PlainHttp::Loopback) else { return };
    let response = Response::new(200).with_body(data.into());
    let document = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    let read = serde_json::from_slice::<Value>(document).ok();
    match Metadata::read(&response, &of, Wall::default()) {
        Ok(metadata) => {
            let scheme = metadata.token_endpoint.origin().scheme();
            assert_eq!(scheme, "https", "a token endpoint in the clear");
            for count in [
                metadata.auth_methods().count(),
                metadata.signing_algorithms().count(),
                metadata.dpop_algorithms().count(),
                metadata.grant_types().count(),
            ] {
                assert!(count <= 64, "a list without a bound");
            }
            // serde_json bears less than is passed over here: numbers such as 1e400, and half a surrogate pair.
            let Some(read) = read else { return };
            assert_eq!(read["issuer"], ISSUER, "metadata of another issuer");
            assert_eq!(read["token_endpoint"], metadata.token_endpoint.url());
            let methods = read["token_endpoint_auth_methods_supported"].as_array();
            let methods = methods.into_iter().flatten().filter_map(Value::as_str).take(64);
            let short: Vec<&str> = methods.filter(|method| method.len() <= 64).collect();
            let listed: Vec<&str> = metadata.auth_methods().collect();
            assert!(listed == short || (short.is_empty() && listed == ["client_secret_basic"]));
        }
        Err(refusal) => {
            assert_eq!(refusal.class(), Class::Permanent, "what is no metadata becomes none by itself");
            assert!(matches!(refusal.problem(), Problem::Metadata { .. }));
            let Some(read) = read.filter(|read| depth(read) < 32 && data.len() <= 64 * 1024) else { return };
            let is_good = read["issuer"] == ISSUER && read["token_endpoint"] == "https://as.example/token";
            let is_alone = read.as_object().is_some_and(|members| members.len() == 2);
            // One that is there twice is once in what serde_json made of it.
            let is_repeated = data.len() > 80;
            assert!(!(is_good && is_alone) || is_repeated, "good metadata is refused: {refusal}");
        }
    }
}
