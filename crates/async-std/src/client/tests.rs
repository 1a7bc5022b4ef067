use super::*;
use crate::net::tests::{Fake, run, tried};
use crate::transport::Hyper;
use evergrant_core::{Client, ClientAuth, Provider, TransportErrorKind};
use evergrant_drive::Transport as _;

#[test]
fn an_address_that_swallows_packets_costs_neither_a_call_nor_a_token_request() {
    let http = HttpClient::<Fake>::new();
    let (answer, time) = run(async {
        let answer =
            http.send(Request::get("http://two.example/").body(Body::empty()).unwrap()).await.unwrap();
        answer.into_body().text(100).await.unwrap()
    });
    assert_eq!((&*answer, tried().len()), ("here", 2));
    assert!(time < Duration::from_millis(260), "{time:?}");

    // A token request to a name needs TLS: that this fails shows that somebody was reached.
    let provider = Provider::rfc6749("https://two.example/token").unwrap();
    let client = Client::builder(provider, ClientAuth::post("id", "secret").unwrap()).build().unwrap();
    let request = client.request(evergrant_core::Now::default()).unwrap();
    let (outcome, time) = run(Hyper::new(&Arc::new(Hyper::client(http)), None).send(request));
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), tried().len()), (TransportErrorKind::Tls, 2), "{error}");
    assert!(time < Duration::from_millis(260), "{time:?}");
}
