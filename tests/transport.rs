//! The token request as the server sees it, and what may come back.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_mock::{Endpoint, Fault, Server, Times};
use evergrant_tests::transports::{Asking, Shared, TRANSPORTS, refusal as refused};
use evergrant_tests::{builder, client, install_tls, ms, quick, server, time_for};
use evergrant_tokio_reqwest::core::{BodyFormat, Class, Malformed, Problem, Refusal, TransportErrorKind};
use evergrant_tokio_reqwest::{Client, ClientAuth, Provider, Tokens};

/// What becomes of one request that meets this fault.
async fn refusal(fault: Fault) -> Refusal {
    let server = server();
    let timeout = time_for(&fault);
    let _fault = server.fault(Endpoint::Token, fault, Times::UntilCleared);
    refusal_of(
        builder(&server).policy(quick().with_attempt_timeout(timeout)).fail_fast(true).build().unwrap(),
    )
    .await
}

async fn refusal_of(tokens: Tokens) -> Refusal {
    tokens.token().await.unwrap_err().refusal().unwrap().clone()
}

fn kind(refusal: &Refusal) -> TransportErrorKind {
    match refusal.problem() {
        Problem::Transport(error) => error.kind(),
        other => panic!("{other:?}"),
    }
}

// Conforms: R-6749-5.2-g, Q-33
#[tokio::test]
async fn a_connection_that_breaks_is_a_transient_transport_error() {
    for fault in [Fault::Reset, Fault::CloseBeforeAnswer, Fault::TruncatedBody] {
        let name = format!("{fault:?}");
        let refusal = refusal(fault).await;
        assert_eq!(
            (refusal.class(), kind(&refusal)),
            (Class::Transient, TransportErrorKind::Closed),
            "{name} {refusal}"
        );
    }
}

#[tokio::test]
async fn what_is_no_http_is_told_as_such() {
    let refusal = refusal(Fault::Garbage).await;
    assert_eq!(
        (refusal.class(), kind(&refusal)),
        (Class::Transient, TransportErrorKind::Protocol),
        "{refusal}"
    );
}

// Conforms: L-28
#[tokio::test]
async fn an_answer_that_takes_longer_than_attempt_timeout_is_given_up() {
    for fault in [Fault::Hang, Fault::SlowBody { per_byte: ms(20) }] {
        let refusal = refusal(fault).await;
        assert_eq!(
            (refusal.class(), kind(&refusal)),
            (Class::Transient, TransportErrorKind::Timeout),
            "{refusal}"
        );
    }
}

#[tokio::test]
async fn a_body_beyond_256_kib_is_malformed_and_one_below_is_read() {
    let too_long = refusal(Fault::Oversized { bytes: 256 * 1024 + 1 }).await;
    assert_eq!(too_long.problem(), &Problem::Malformed(Malformed::TooLong));
    let server = server();
    let _padded = server.fault(Endpoint::Token, Fault::Oversized { bytes: 256 * 1024 }, Times::Once);
    let tokens = builder(&server).fail_fast(true).build().unwrap();
    tokens.token().await.unwrap();
}

// Conforms: R-9110-15.4-a
#[tokio::test]
async fn a_redirect_is_refused_by_the_name_of_its_host_and_not_followed() {
    let other = server();
    for status in [301, 302, 303, 307, 308] {
        let refusal = refusal(Fault::redirect(status, other.token_endpoint())).await;
        assert_eq!((refusal.class(), refusal.status()), (Class::Permanent, Some(status)));
        assert!(refusal.to_string().contains("127.0.0.1"), "{refusal}");
    }
    assert_eq!(other.counts().token_requests, 0);
}

// Conforms: Q-13
#[tokio::test]
async fn a_web_page_is_told_as_such() {
    let refusal = refusal(Fault::Html).await;
    assert_eq!(refusal.problem(), &Problem::Malformed(Malformed::Html));
    assert!(refusal.to_string().contains("check the path of the token endpoint"), "{refusal}");
}

#[tokio::test]
async fn a_port_where_nobody_listens_and_one_that_speaks_no_tls_are_told_apart() {
    install_tls();
    let server = server();
    let (nobody, origin) = (std::net::TcpListener::bind("127.0.0.1:0").unwrap(), server.origin());
    let closed = format!("http://{}/token", nobody.local_addr().unwrap());
    drop(nobody);
    for (url, expected) in [
        (closed, TransportErrorKind::Connect),
        (format!("{}/access-token", origin.replace("http://", "https://")), TransportErrorKind::Tls),
    ] {
        let auth = ClientAuth::post("id", "secret").unwrap();
        let client = Client::builder(Provider::rfc6749(&url).unwrap(), auth).build().unwrap();
        let tokens = Tokens::builder(client).fail_fast(true).build().unwrap();
        let refusal = refusal_of(tokens).await;
        assert_eq!(kind(&refusal), expected, "{url}: {refusal}");
    }
}

#[tokio::test]
async fn the_servers_words_are_kept() {
    let server = server();
    server.rotate_client("somebody", "else");
    let refusal = refusal_of(builder(&server).build().unwrap()).await;
    assert_eq!(
        (refusal.class(), refusal.status(), refusal.code()),
        (Class::Permanent, Some(401), Some("invalid_client"))
    );
}

// Conforms: R-6749-2.3.1-e, Q-43
#[tokio::test]
async fn every_method_and_body_format_is_understood_by_the_server() {
    let server = server();
    // Characters that the form encoding of Basic must keep apart (RFC 6749 §2.3.1).
    let (id, secret) = ("id:with %+&=", "sécret:%+&= /?");
    for (body, auth) in [
        (BodyFormat::Form, ClientAuth::post(id, secret)),
        (BodyFormat::Json, ClientAuth::post(id, secret)),
        (BodyFormat::Form, ClientAuth::basic(id, secret)),
        (BodyFormat::Json, ClientAuth::basic(id, secret)),
        (BodyFormat::Form, ClientAuth::basic_raw("raw", secret)),
    ] {
        let auth = auth.unwrap();
        server.rotate_client(auth.client_id(), secret);
        let method = auth.method();
        let provider = Provider::rfc6749(&server.token_endpoint()).unwrap().with_body(body);
        let client = Client::builder(provider, auth).scope("a b").build().unwrap();
        Tokens::builder(client).fail_fast(true).build().unwrap().token().await.expect(method);
    }
}

// Conforms: R-6749-3.2-a, R-6749-4.4.2-b, R-6749-4.4.2-c, R-9110-12.5.3-a, R-9111-b
#[tokio::test]
async fn the_request_is_exactly_what_it_should_be() {
    let server = server();
    let tokens = builder(&server).build().unwrap();
    tokens.ready().await.unwrap();
    let requests = server.requests();
    let request = &requests[0];
    assert_eq!((request.method(), request.target()), ("POST", "/access-token"));
    for (name, value) in [
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("cache-control", "no-store"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-length", &request.body().len().to_string()),
        ("user-agent", concat!("evergrant/", env!("CARGO_PKG_VERSION"))),
    ] {
        let values: Vec<_> =
            request.headers().iter().filter(|(ours, _)| ours == name).map(|(_, v)| v).collect();
        assert_eq!(values, [value], "{name}");
    }
    assert_eq!(request.parameter("client_id").as_deref(), Some(Server::CLIENT_ID));
    assert_eq!(request.header("authorization"), None);
    assert_eq!((request.header("cookie"), request.header("transfer-encoding")), (None, None));
}

#[tokio::test]
async fn no_connection_is_kept_between_token_requests() {
    let server = server();
    let tokens = Tokens::builder(client(&server)).policy(quick()).build().unwrap();
    tokens.ready().await.unwrap();
    assert_eq!(server.requests()[0].header("connection").unwrap_or("close"), "close");
}

#[test]
fn a_client_that_cannot_be_built_is_a_configuration_error_and_no_panic() {
    let server = server();
    let broken = reqwest::Client::builder().user_agent("no\nheader");
    let error = Tokens::builder(client(&server)).http(broken).build().unwrap_err();
    assert!(error.to_string().starts_with("the HTTP client for token requests cannot be built"), "{error}");
}

/// It is an error and no panic: tokio panics where a part of a runtime is used that it was built without.
#[test]
fn a_runtime_without_timers_or_sockets_is_an_error_that_says_how_to_build_it() {
    let server = server();
    for (runtime, words) in [
        (tokio::runtime::Builder::new_current_thread().build(), "no timers: build it with enable_all"),
        (
            tokio::runtime::Builder::new_current_thread().enable_time().build(),
            "no sockets: build it with enable_all",
        ),
    ] {
        let tokens = builder(&server).fail_fast(true).build().unwrap();
        let refusal = runtime.unwrap().block_on(refusal_of(tokens));
        assert_eq!(kind(&refusal), TransportErrorKind::NoRuntime, "{refusal}");
        assert!(refusal.to_string().contains(words), "{refusal}");
    }
    assert_eq!(server.counts().token_requests, 0);
}

/// What the one that is started asks.
#[cfg(unix)]
const ENDPOINT: &str = "EVERGRANT_TESTS_ENDPOINT";

/// Neither a name that cannot be resolved nor a server that cannot be reached.
#[cfg(unix)]
#[test]
fn too_many_open_files_are_told_as_such_on_every_transport() {
    let Ok(endpoint) = std::env::var(ENDPOINT) else {
        let server = server();
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "ulimit -n 128; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
        command.args(["too_many_open_files_are_told_as_such_on_every_transport", "--exact"]);
        let output = command.env(ENDPOINT, server.token_endpoint()).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
        return;
    };
    let sources = TRANSPORTS.map(|(name, mount)| (name, mount(&Asking::at(&endpoint))));
    // What a runtime opens once is open after this: it is refused, since nobody knows this client.
    for (name, source) in &sources {
        refused(name, source.token());
        source.forget();
    }
    let mut open = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        open.push(file);
    }
    let said = sources.each_ref().map(|(name, source)| refused(name, source.token()).to_string());
    drop(open);
    for text in &said {
        assert!(
            text.contains(
                "could not open a file for the request (too many open files); raise this process's limit"
            ),
            "{text}"
        );
    }
}

#[test]
fn two_sources_over_one_transport_have_a_token_and_a_secret_each() {
    let (server, shared) = (server(), Shared::new());
    let asking = Asking { client: client(&server), ..Asking::at(&server.token_endpoint()) }.through(&shared);
    let auth = ClientAuth::post(Server::CLIENT_ID, "not the secret").unwrap();
    let stranger = Client::builder(asking.client.provider().clone(), auth).build().unwrap();
    for (name, mount) in TRANSPORTS {
        let (one, other) = (mount(&asking).token().expect(name), mount(&asking).token().expect(name));
        assert_ne!(one.value(), other.value(), "{name}");
        let refusal = refused(name, mount(&Asking { client: stranger.clone(), ..asking.clone() }).token());
        assert_eq!(refusal.class(), Class::Permanent, "{name}: {refusal}");
    }
    assert_eq!((server.counts().token_granted, server.counts().token_refused), (8, 4));
}
