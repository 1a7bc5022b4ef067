//! async-std and smol: the same promises as everywhere, over real sockets, in a process without a tokio runtime.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_async_std::core::{Class, Problem, Refusal, TransportErrorKind};
use evergrant_async_std::{
    Api, ApiError, Body, Client, ClientAuth, Error, HttpClient, HttpError, ManualClock, Net, Origins,
    Provider, RequestStatus, Rotation, Tokens, TokensBuilder, myparcel,
};
use evergrant_mock::{Challenge, Endpoint, ErrorStyle, Fault, Server, Times};
use evergrant_tests::certified::{Authority, TlsServer, self_signed};
use evergrant_tests::raw::{Connection, Raw};
use evergrant_tests::transports::tls_config;
use evergrant_tests::{LONG, ms, quick, secs, server, time_for};

fn builder<N: Net>(server: &Server) -> TokensBuilder<N> {
    let provider = Provider::rfc6749(&server.token_endpoint()).unwrap();
    let auth = ClientAuth::post(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
    Tokens::builder(Client::builder(provider, auth).build().unwrap()).policy(quick())
}

fn api<N: Net>(server: &Server, tokens: Tokens<N>) -> Api<N> {
    Api::new(HttpClient::new(), tokens, Origins::parse([server.origin().as_str()]).unwrap())
}

/// An authorized client whose token is here and has settled.
async fn settled<N: Net>(server: &Server) -> (Tokens<N>, Api<N>) {
    let tokens = builder(server).build().unwrap();
    tokens.ready().await.unwrap();
    nap::<N>(3).await;
    (tokens.clone(), api(server, tokens))
}

async fn nap<N: Net>(time: u64) {
    N::default().sleep(ms(time)).await;
}

fn get(url: &str) -> http::Request<Body> {
    http::Request::get(url).body(Body::empty()).unwrap()
}

/// Runs these at once, and gives what each brought.
async fn together<N: Net, T: Send + 'static>(
    count: usize,
    job: impl Fn(usize) -> std::pin::Pin<Box<dyn Future<Output = T> + Send>>,
) -> Vec<T> {
    let (sent, came) = std::sync::mpsc::channel();
    for at in 0..count {
        let (job, sent) = (job(at), sent.clone());
        N::default().spawn(async move { sent.send(job.await).unwrap() });
    }
    let mut results = Vec::new();
    while results.len() < count {
        match came.try_recv() {
            Ok(result) => results.push(result),
            Err(_) => nap::<N>(1).await,
        }
    }
    results
}

/// Each scenario on each runtime.
macro_rules! on_each_runtime {
    ($($scenario:ident)*) => {
        mod on_async_std {
            $(#[test]
            fn $scenario() {
                async_std::task::block_on(super::$scenario::<evergrant_async_std::AsyncStd>());
            })*
        }

        mod on_smol {
            $(#[test]
            fn $scenario() {
                smol::block_on(super::$scenario::<evergrant_async_std::Smol>());
            })*
        }
    };
}

on_each_runtime! {
    a_thousand_tasks_on_a_cold_start_make_one_token_request
    a_refused_token_is_replaced_and_the_request_replayed_with_its_body
    a_body_that_cannot_be_repeated_is_not_replayed_but_the_refresh_is_set_off
    nothing_is_sent_to_an_origin_that_is_not_allowed_and_no_header_is_overwritten
    a_redirect_is_handed_on_and_not_followed
    a_carriers_bad_secret_does_not_cost_a_token_and_its_body_is_whole
    a_hung_endpoint_lets_each_caller_return_by_its_own_patience
    a_caller_dropped_in_mid_flight_makes_no_second_request
    a_call_dropped_after_any_number_of_polls_strands_nobody
    nobody_waits_while_a_usable_token_is_held
    what_breaks_on_the_way_is_told_apart
    the_servers_words_are_kept_and_no_redirect_of_a_token_request_is_followed
    the_request_is_exactly_what_it_should_be
    keep_fresh_replaces_the_token_although_nobody_asks_and_ends_with_the_source
    a_token_survives_a_restart_a_rotation_and_a_fixed_one_never_asks
    connections_are_used_again_and_one_that_the_server_closed_is_replaced
    a_call_that_takes_too_long_is_given_up_body_included
    what_breaks_a_call_is_said_once_in_a_chain
    a_url_without_a_path_is_asked_for_at_its_root
    a_port_that_is_no_number_from_1_to_65535_is_no_url
    a_request_that_is_built_has_its_header_fields_and_its_body
    what_comes_on_an_idle_connection_is_no_answer
    an_api_with_a_wrong_certificate_hears_no_token
    a_value_is_lent_after_one_request_and_no_borrower_is_called_without_a_token
    nothing_that_is_printed_contains_a_token
    a_name_with_an_address_that_refuses_is_reached_by_another
    a_token_request_that_takes_too_long_says_after_how_long
    interim_answers_without_end_are_refused_and_the_bound_is_named
    folded_header_lines_and_a_thousand_of_them_are_read_and_what_is_more_is_refused
}

// Conforms: L-01
async fn a_thousand_tasks_on_a_cold_start_make_one_token_request<N: Net>() {
    let server = server();
    let tokens: Tokens<N> = builder(&server).build().unwrap();
    let gate = server.hold(Endpoint::Token);
    let waiting = tokens.clone();
    N::default().spawn(async move {
        while waiting.status().waiting < 1000 {
            nap::<N>(1).await;
        }
        gate.release();
    });
    let generations = together::<N, _>(1000, |_| {
        let tokens = tokens.clone();
        Box::pin(async move { tokens.token().await.unwrap().generation().number() })
    });
    assert!(generations.await.into_iter().all(|generation| generation == 1));
    assert_eq!(server.counts().token_requests, 1);
}

async fn a_refused_token_is_replaced_and_the_request_replayed_with_its_body<N: Net>() {
    let server = server();
    let (_tokens, api) = settled::<N>(&server).await;
    server.revoke_all();
    let request = http::Request::post(server.resource("/shipments")).body("a parcel".into()).unwrap();
    let answer = api.execute(request).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["x-evergrant-mock-token"]),
        (200, &"2".parse().unwrap())
    );
    let requests = server.requests();
    let ours = requests.iter().filter(|request| request.endpoint() == Endpoint::Resource);
    assert_eq!(ours.map(evergrant_mock::Recorded::body).collect::<Vec<_>>(), [b"a parcel", b"a parcel"]);
}

async fn a_body_that_cannot_be_repeated_is_not_replayed_but_the_refresh_is_set_off<N: Net>() {
    struct Once(Option<bytes::Bytes>);
    impl http_body::Body for Once {
        type Data = bytes::Bytes;
        type Error = std::io::Error;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
            std::task::Poll::Ready(self.0.take().map(|data| Ok(http_body::Frame::data(data))))
        }
    }
    let server = server();
    let (_tokens, api) = settled::<N>(&server).await;
    server.revoke_all();
    let body = Body::stream(Once(Some(bytes::Bytes::from_static(b"streamed"))));
    let request = http::Request::post(server.resource("/upload")).body(body).unwrap();
    assert_eq!(api.execute(request).await.unwrap().status(), 401);
    let counts = server.counts();
    assert_eq!(counts.resource_requests, 1);
    while server.counts().token_requests < 2 {
        nap::<N>(1).await;
    }
    let streamed = server.requests().into_iter().find(|request| request.path() == "/upload").unwrap();
    assert_eq!(streamed.body(), b"streamed");
}

async fn nothing_is_sent_to_an_origin_that_is_not_allowed_and_no_header_is_overwritten<N: Net>() {
    let (ours, other) = (server(), server());
    let (_tokens, api) = settled::<N>(&ours).await;
    for url in [other.resource("/shipments"), ours.resource("/").replace("127.0.0.1", "localhost")] {
        let error = api.execute(get(&url)).await.unwrap_err();
        let origin = url.split('/').nth(2).unwrap();
        assert!(matches!(error, ApiError::Origin(_)) && error.to_string().contains(origin), "{error}");
    }
    let mut request = get(&ours.resource("/"));
    request.headers_mut().insert("authorization", "Basic eDp5".parse().unwrap());
    assert!(matches!(api.execute(request).await.unwrap_err(), ApiError::Authorized));
    assert_eq!((other.counts().resource_requests, ours.counts().resource_requests), (0, 0));
}

async fn a_redirect_is_handed_on_and_not_followed<N: Net>() {
    let (ours, other) = (server(), server());
    let (_tokens, api) = settled::<N>(&ours).await;
    let away = Fault::redirect(307, other.resource("/shipments"));
    let _away = ours.fault(Endpoint::Resource, away, Times::Once);
    assert_eq!(api.execute(get(&ours.resource("/shipments"))).await.unwrap().status(), 307);
    assert_eq!(other.counts().resource_requests, 0);
}

async fn a_carriers_bad_secret_does_not_cost_a_token_and_its_body_is_whole<N: Net>() {
    let server = server();
    server.set_errors(ErrorStyle::MyParcel);
    let provider = myparcel::sandbox().with_token_endpoint(&server.token_endpoint()).unwrap();
    let auth = ClientAuth::post(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
    let client = Client::builder(provider, auth).build().unwrap();
    let api = api::<N>(&server, Tokens::builder(client).policy(quick()).build().unwrap());
    server.set_challenge(Challenge::Foreign);
    let answer = api.execute(get(&server.resource("/shipments"))).await.unwrap();
    assert!(answer.into_body().text(10_000).await.unwrap().contains("13003"));
    assert_eq!((server.counts().token_requests, server.counts().resource_requests), (1, 1));

    let long =
        format!(r#"{{"errors":[{{"status":"401","code":"13003"}}],"padding":"{}"}}"#, "x".repeat(200_000));
    let refused = Fault::status_with_body(401, "application/vnd.api+json", long.clone());
    let _refused = server.fault(Endpoint::Resource, refused, Times::UntilCleared);
    let answer = api.execute(get(&server.resource("/shipments"))).await.unwrap();
    assert_eq!(http_body::Body::size_hint(answer.body()).exact(), Some(long.len() as u64));
    assert_eq!(answer.into_body().text(1 << 20).await.unwrap(), long);
}

// Conforms: L-07
async fn a_hung_endpoint_lets_each_caller_return_by_its_own_patience<N: Net>() {
    let server = server();
    let _hung = server.fault(Endpoint::Token, Fault::Hang, Times::UntilCleared);
    let tokens: Tokens<N> = builder(&server).build().unwrap();
    for patience in [20, 1, 5] {
        let error = tokens.token_within(ms(patience)).await.unwrap_err();
        assert!(matches!(error, Error::TimedOut { last_error: None, .. }), "{error}");
    }
    assert!(matches!(tokens.status().request, RequestStatus::InFlight(_)));
    assert_eq!(tokens.status().requests, 1);
}

// Conforms: L-10
async fn a_caller_dropped_in_mid_flight_makes_no_second_request<N: Net>() {
    let server = server();
    let tokens: Tokens<N> = builder(&server).build().unwrap();
    let gate = server.hold(Endpoint::Token);
    let mut caller = Box::pin(tokens.token());
    let polled =
        std::future::poll_fn(|cx| std::task::Poll::Ready(caller.as_mut().poll(cx).is_pending())).await;
    assert!(polled);
    drop(caller);
    while server.counts().token_requests < 1 {
        nap::<N>(1).await;
    }
    gate.release();
    tokens.token().await.unwrap();
    assert_eq!(server.counts().token_requests, 1);
}

async fn a_call_dropped_after_any_number_of_polls_strands_nobody<N: Net>() {
    for polls in 0..16 {
        let server = server();
        let tokens: Tokens<N> = builder(&server).build().unwrap();
        let api = api(&server, tokens.clone());
        let mut call = Box::pin(api.execute(get(&server.resource("/shipments"))));
        for _ in 0..polls {
            let done = std::future::poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx).is_ready()));
            if done.await {
                break;
            }
            nap::<N>(1).await;
        }
        drop(call);
        assert_eq!(tokens.status().waiting, 0);
        assert_eq!(api.execute(get(&server.resource("/shipments"))).await.unwrap().status(), 200);
        assert_eq!(server.counts().token_requests, 1, "dropped after {polls} polls");
    }
}

// Conforms: L-03
async fn nobody_waits_while_a_usable_token_is_held<N: Net>() {
    let server = server();
    let clock = ManualClock::new();
    let tokens: Tokens<N> = builder(&server).clock(clock.clone()).build().unwrap();
    let first = tokens.token().await.unwrap().generation();
    let _hung = server.fault(Endpoint::Token, Fault::Hang, Times::UntilCleared);
    clock.advance(secs(3300));
    for _ in 0..10 {
        assert_eq!(tokens.token().await.unwrap().generation(), first);
    }
    assert_eq!(tokens.status().requests, 2);
}

async fn refusal<N: Net>(fault: Fault) -> Refusal {
    let server = server();
    let timeout = time_for(&fault);
    let _fault = server.fault(Endpoint::Token, fault, Times::UntilCleared);
    let tokens =
        builder::<N>(&server).policy(quick().with_attempt_timeout(timeout)).fail_fast(true).build().unwrap();
    tokens.token().await.unwrap_err().refusal().unwrap().clone()
}

// Conforms: R-6749-5.2-g, L-28
async fn what_breaks_on_the_way_is_told_apart<N: Net>() {
    for (fault, expected) in [
        (Fault::Reset, TransportErrorKind::Closed),
        (Fault::CloseBeforeAnswer, TransportErrorKind::Closed),
        (Fault::TruncatedBody, TransportErrorKind::Closed),
        (Fault::Garbage, TransportErrorKind::Protocol),
        (Fault::Hang, TransportErrorKind::Timeout),
        (Fault::SlowBody { per_byte: ms(20) }, TransportErrorKind::Timeout),
    ] {
        let name = format!("{fault:?}");
        let refusal = refusal::<N>(fault).await;
        let Problem::Transport(error) = refusal.problem() else { panic!("{name}: {refusal}") };
        assert_eq!((refusal.class(), error.kind()), (Class::Transient, expected), "{name}: {refusal}");
    }
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = server();
    for (url, expected) in [
        (format!("http://{nobody}/token"), TransportErrorKind::Connect),
        (server.token_endpoint().replace("http://", "https://"), TransportErrorKind::Tls),
        ("https://evergrant.invalid/token".into(), TransportErrorKind::Resolve),
    ] {
        let provider = Provider::rfc6749(&url).unwrap();
        let client = Client::builder(provider, ClientAuth::post("id", "secret").unwrap()).build().unwrap();
        let error = Tokens::<N>::builder(client).fail_fast(true).build().unwrap().token().await.unwrap_err();
        let Some(Problem::Transport(error)) = error.refusal().map(Refusal::problem) else {
            panic!("{error}")
        };
        assert_eq!(error.kind(), expected, "{url}: {error}");
    }
}

async fn what_breaks_a_call_is_said_once_in_a_chain<N: Net>() {
    let server = server();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _garbage = server.fault(Endpoint::Resource, Fault::Garbage, Times::Once);
    let secure = server.resource("/").replace("http://", "https://");
    let http = HttpClient::<N>::new();
    // Whole: what rustls would say below it is the name of a Rust type.
    const TLS: &str = "the TLS handshake failed (the server, or something on the network path, speaks plain http on this \
                       port: check the scheme and the port of the URL)";
    for (url, says) in [
        (format!("http://{nobody}/"), "no connection could be made"),
        (secure, TLS),
        ("http://evergrant.invalid/".into(), "the host name cannot be resolved"),
        (server.resource("/"), "the response is not valid HTTP"),
    ] {
        let error = anyhow::Error::from(http.send(get(&url)).await.unwrap_err());
        let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
        assert!(chain[0] == says && (chain.len() > 1) == (says != TLS), "{chain:?}");
        let all = chain.join(": ");
        assert!(chain.iter().all(|said| all.matches(said.as_str()).count() == 1), "{chain:?}");
    }
}

async fn the_servers_words_are_kept_and_no_redirect_of_a_token_request_is_followed<N: Net>() {
    let server = server();
    server.rotate_client("somebody", "else");
    let error = builder::<N>(&server).build().unwrap().token().await.unwrap_err();
    assert_eq!(error.refusal().and_then(Refusal::code), Some("invalid_client"));
    let redirected = refusal::<N>(Fault::redirect(307, server.token_endpoint())).await;
    assert_eq!((redirected.class(), redirected.status()), (Class::Permanent, Some(307)));
    assert_eq!(server.counts().token_requests, 1);
}

// Conforms: R-6749-3.2-a, R-6749-4.4.2-b, R-6749-4.4.2-c, R-9110-12.5.3-a, R-9111-b
async fn the_request_is_exactly_what_it_should_be<N: Net>() {
    let server = server();
    builder::<N>(&server).build().unwrap().ready().await.unwrap();
    let requests = server.requests();
    let request = &requests[0];
    for (name, value) in [
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("cache-control", "no-store"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-length", &request.body().len().to_string()),
        ("user-agent", concat!("evergrant/", env!("CARGO_PKG_VERSION"))),
        ("host", &server.address().to_string()),
    ] {
        let values: Vec<_> =
            request.headers().iter().filter(|(ours, _)| ours == name).map(|(_, v)| v).collect();
        assert_eq!(values, [value], "{name}");
    }
    assert_eq!((request.method(), request.target()), ("POST", "/access-token"));
    assert_eq!((request.header("cookie"), request.header("transfer-encoding")), (None, None));
    assert_eq!(request.parameter("client_id").as_deref(), Some(Server::CLIENT_ID));
}

async fn keep_fresh_replaces_the_token_although_nobody_asks_and_ends_with_the_source<N: Net>() {
    let server = server();
    server.set_lifetime(ms(400));
    let tokens: Tokens<N> = builder(&server).build().unwrap();
    let (ended, end) = std::sync::mpsc::channel();
    let keeping = tokens.keep_fresh();
    N::default().spawn(async move {
        keeping.await;
        ended.send(()).unwrap();
    });
    while server.counts().token_requests < 3 {
        nap::<N>(5).await;
    }
    drop(tokens);
    while end.try_recv().is_err() {
        nap::<N>(5).await;
    }
}

async fn a_token_survives_a_restart_a_rotation_and_a_fixed_one_never_asks<N: Net>() {
    let server = server();
    let before: Tokens<N> = builder(&server).build().unwrap();
    let token = before.token().await.unwrap();
    let after: Tokens<N> = builder(&server).build().unwrap();
    assert!(after.restore(before.export().unwrap()));
    assert_eq!(after.token().await.unwrap().value(), token.value());
    server.rotate_client("second", "other");
    after.rotate(ClientAuth::basic("second", "other").unwrap(), Rotation::Drop);
    assert_ne!(after.token().await.unwrap().value(), token.value());
    assert_eq!(server.counts().token_requests, 2);

    let fixed: Tokens<N> = Tokens::fixed("a-token-of-the-test").unwrap();
    assert_eq!(fixed.token().await.unwrap().value().expose(), "a-token-of-the-test");
    assert_eq!(api(&server, fixed).execute(get(&server.resource("/"))).await.unwrap().status(), 401);
    assert_eq!(server.counts().token_requests, 2);
}

async fn connections_are_used_again_and_one_that_the_server_closed_is_replaced<N: Net>() {
    let server = Server::builder().lifetime(secs(3600)).idle_timeout(ms(50)).start().unwrap();
    let (_tokens, api) = settled::<N>(&server).await;
    for _ in 0..3 {
        let answer = api.execute(get(&server.resource("/shipments"))).await.unwrap();
        assert_eq!(answer.headers().get("connection"), None);
        answer.into_body().bytes(10_000).await.unwrap();
    }
    // The server closes what is silent: the next call notices, and makes a connection of its own.
    nap::<N>(90).await;
    for _ in 0..2 {
        assert_eq!(api.execute(get(&server.resource("/shipments"))).await.unwrap().status(), 200);
    }
    assert_eq!(server.counts().resource_ok, 5);
}

async fn a_call_that_takes_too_long_is_given_up_body_included<N: Net>() {
    let server = server();
    let http = HttpClient::<N>::new().with_timeout(ms(100));
    let _slow = server.fault(Endpoint::Token, Fault::SlowBody { per_byte: LONG }, Times::UntilCleared);
    let answer = loop {
        let nonsense = http::Request::post(server.token_endpoint()).body("nonsense".into()).unwrap();
        // On a busy machine not even the head comes in time.
        if let Ok(answer) = http.send(nonsense).await {
            break answer;
        }
    };
    let error = answer.into_body().bytes(10_000).await.unwrap_err();
    assert!(error.to_string().contains("timed out after 100ms"), "{error}");
    let _hung = server.fault(Endpoint::Resource, Fault::Hang, Times::Once);
    assert!(http.send(get(&server.resource("/"))).await.unwrap_err().to_string().contains("100ms"));
}

async fn a_request_that_is_built_has_its_header_fields_and_its_body<N: Net>() {
    let server = server();
    let (_tokens, api) = settled::<N>(&server).await;
    let parcel = api.post(server.resource("/shipments")).header("x-parcel", "small").body("a parcel");
    assert_eq!(parcel.send().await.unwrap().status(), 200);
    let requests = server.requests();
    let request = requests.last().unwrap();
    assert_eq!((request.method(), request.header("x-parcel")), ("POST", Some("small")));
    assert_eq!(request.body(), b"a parcel");
}

async fn a_url_without_a_path_is_asked_for_at_its_root<N: Net>() {
    let server = server();
    let (_tokens, api) = settled::<N>(&server).await;
    for (url, target) in [
        (server.origin(), "/"),
        (format!("{}?page=2", server.origin()), "/?page=2"),
        (format!("{}#top", server.origin()), "/"),
        (format!("{}/?#top", server.origin()), "/?"),
    ] {
        assert_eq!(api.execute(get(&url)).await.unwrap().status(), 200, "{url}");
        assert_eq!(server.requests().last().unwrap().target(), target, "{url}");
    }
}

async fn a_port_that_is_no_number_from_1_to_65535_is_no_url<N: Net>() {
    for url in ["http://127.0.0.1:65536/", "http://127.0.0.1:0/", "https://[::1]:99999/"] {
        let outcome = HttpClient::<N>::new().send(get(url)).await;
        assert!(matches!(outcome, Err(HttpError::Url)), "{url}: {outcome:?}");
    }
}

/// An answer that nobody asked for, on a connection that waits for its next request.
// Conforms: A-40
async fn what_comes_on_an_idle_connection_is_no_answer<N: Net>() {
    let answer = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let (gone, forged) = (std::sync::Mutex::new(gone), answer("evil"));
    let (sent, was_sent) = std::sync::mpsc::channel::<()>();
    let resource = Raw::serve(move |connection| {
        while connection.request().is_some() {
            connection.send(answer("good"));
            if gone.lock().unwrap().recv().is_ok() {
                connection.send(&forged);
                sent.send(()).unwrap();
            }
        }
    });
    let tokens = Tokens::<N>::fixed("a-token-of-the-test").unwrap();
    let api = Api::new(HttpClient::new(), tokens, Origins::parse([resource.origin().as_str()]).unwrap());
    for connections in 1..=3 {
        let body = api.execute(get(&resource.origin())).await.unwrap().into_body();
        assert_eq!(body.text(100).await.unwrap(), "good");
        assert_eq!(resource.connections(), connections, "what was spoilt is not used again");
        // The connection is idle: now the other answer comes.
        go.send(()).unwrap();
        was_sent.recv().unwrap();
    }
}

// Conforms: A-25
async fn an_api_with_a_wrong_certificate_hears_no_token<N: Net>() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for (certified, good) in [
        (ours.certify("127.0.0.1", |_| {}), true),
        (ours.certify("127.0.0.2", |_| {}), false),
        (theirs.certify("127.0.0.1", |_| {}), false),
        (self_signed("127.0.0.1"), false),
    ] {
        let server = TlsServer::start(&certified, answer, true);
        let http = HttpClient::<N>::new().with_tls(tls_config(&ours.root()));
        let tokens = Tokens::fixed("a-token-of-the-test").unwrap();
        let api = Api::new(http, tokens, Origins::parse([server.origin().as_str()]).unwrap());
        match api.execute(get(&server.origin())).await {
            Ok(answer) => assert_eq!((good, answer.status().as_u16()), (true, 200)),
            Err(ApiError::Http(error @ HttpError::Tls(_))) => {
                let chain = format!("{:#}", anyhow::Error::from(error));
                assert!(!good && chain.starts_with("the TLS handshake failed ("), "{chain}");
                assert!(chain.contains("the server's certificate"), "{chain}");
                assert!(!chain.contains("peer certificate"), "not what rustls says: {chain}");
            }
            Err(other) => panic!("{other}"),
        }
        assert_eq!(server.request_bytes(1) > 0, good);
        assert_eq!(server.last_request().contains("a-token-of-the-test"), good);
    }
}

async fn a_value_is_lent_after_one_request_and_no_borrower_is_called_without_a_token<N: Net>() {
    let server = server();
    let (good, bad): (Tokens<N>, Tokens<N>) =
        (builder(&server).build().unwrap(), builder(&server).build().unwrap());
    let lent = good.with_authorization(Clone::clone).await.unwrap();
    assert_eq!((lent, server.counts().token_requests), (good.authorization().await.unwrap(), 1));
    server.rotate_client("another", "secret");
    let refused = bad.with_authorization(|value| panic!("lent {value:?}")).await.map(|()| "lent");
    assert!(matches!(refused, Err(Error::Failed { .. })), "{refused:?}");
}

async fn nothing_that_is_printed_contains_a_token<N: Net>() {
    let server = server();
    let (tokens, api) = settled::<N>(&server).await;
    let token = server.issued().pop().unwrap();
    let (held, value) = (tokens.token().await, tokens.authorization().await);
    let printed =
        format!("{tokens:?} {api:?} {held:?} {value:?} {:?} {:?}", tokens.status(), builder::<N>(&server));
    assert!(!printed.contains(&token) && !printed.contains(Server::CLIENT_SECRET), "{printed}");
}

/// The server listens on 127.0.0.1 alone; where `localhost` is `::1` as well, nobody is there.
async fn a_name_with_an_address_that_refuses_is_reached_by_another<N: Net>() {
    let server = Raw::answer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere");
    let url = server.origin().replace("127.0.0.1", "localhost");
    let answer = HttpClient::<N>::new().send(get(&url)).await.unwrap();
    assert_eq!(answer.into_body().text(10).await.unwrap(), "here");
}

async fn a_token_request_that_takes_too_long_says_after_how_long<N: Net>() {
    for fault in [Fault::Hang, Fault::SlowBody { per_byte: ms(20) }] {
        let name = format!("{fault:?}");
        let said = refusal::<N>(fault).await.to_string();
        assert!(
            said.contains("timed out before the full response arrived (none within 100ms)"),
            "{name}: {said}"
        );
    }
}

/// What a call says and what a token request says of a server that sends these bytes, and then `again` without end.
async fn say<N: Net>(first: &str, again: &str) -> [String; 2] {
    let (first, again) = (first.to_owned(), again.to_owned());
    let server = Raw::serve(move |connection: &mut Connection| {
        connection.request();
        connection.send(&first);
        match again.is_empty() {
            true => connection.wait(),
            false => connection.send_without_end(&again),
        }
    });
    let error = HttpClient::<N>::new().with_timeout(LONG).send(get(&server.origin())).await.unwrap_err();
    let HttpError::Protocol(cause) = &error else { panic!("{error:?}") };
    let call = format!("{error}: {cause}");

    let provider = Provider::rfc6749(&server.token_endpoint()).unwrap();
    let client = Client::builder(provider, ClientAuth::post("id", "secret").unwrap()).build().unwrap();
    let tokens = Tokens::<N>::builder(client).policy(quick().with_attempt_timeout(LONG)).fail_fast(true);
    let error = tokens.build().unwrap().token().await.unwrap_err();
    let Some(Problem::Transport(error)) = error.refusal().map(Refusal::problem) else { panic!("{error}") };
    assert_eq!(error.kind(), TransportErrorKind::Protocol, "{error}");
    [call, error.to_string()]
}

/// They come as fast as the system carries them, on one thread: only the bound ends them.
async fn interim_answers_without_end_are_refused_and_the_bound_is_named<N: Net>() {
    for said in say::<N>("", &"HTTP/1.1 100 Continue\r\n\r\n".repeat(1000)).await {
        assert!(said.starts_with("the response is not valid HTTP"), "{said}");
        assert!(said.contains("512 KiB of interim responses (1xx)"), "{said}");
    }
}

async fn folded_header_lines_and_a_thousand_of_them_are_read_and_what_is_more_is_refused<N: Net>() {
    let lines = |count: usize| (0..count).map(|n| format!("X-Line-{n}: {n}\r\n")).collect::<String>();
    let answer = |lines: &str| format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 4\r\n\r\nhere");
    // With the one that says how long the body is.
    for (lines, name, value) in [
        ("X-Folded: one\r\n two\r\n\t three\r\n".to_owned(), "x-folded", "one two three"),
        (lines(101), "x-line-100", "100"),
        (lines(999), "x-line-998", "998"),
        (format!("X-Long: {}\r\n", "x".repeat(250 * 1024)), "content-length", "4"),
    ] {
        let server = Raw::answer(answer(&lines));
        let got = HttpClient::<N>::new().send(get(&server.origin())).await.unwrap();
        assert_eq!(got.headers()[name], value);
        assert_eq!(got.into_body().text(10).await.unwrap(), "here");
    }
    for too_much in [lines(1000), format!("X-Long: {}\r\n", "x".repeat(280 * 1024))] {
        for said in say::<N>(&answer(&too_much), "").await {
            assert!(said.contains("its head is longer than 256 KiB or 1000 header lines"), "{said}");
        }
    }
}

/// What tells the test that it was started with few files, and where the server is.
#[cfg(unix)]
const ORIGIN: &str = "EVERGRANT_TESTS_ORIGIN";

/// The test starts itself once more, with a low limit of open files.
#[cfg(unix)]
#[test]
fn too_many_open_files_are_told_as_such_wherever_a_connection_needs_one() {
    if let Ok(origin) = std::env::var(ORIGIN) {
        async_std::task::block_on(without_files::<evergrant_async_std::AsyncStd>(&origin));
        smol::block_on(without_files::<evergrant_async_std::Smol>(&origin));
        return;
    }
    let server = Raw::answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -n 100 && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "too_many_open_files_are_told_as_such_wherever_a_connection_needs_one"])
        .env(ORIGIN, server.origin())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    // Before and after, on each runtime.
    assert_eq!(server.connections(), 6, "{}", String::from_utf8_lossy(&output.stdout));
}

#[cfg(unix)]
async fn without_files<N: Net>(origin: &str) {
    let fill = || std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect::<Vec<_>>();
    let http = HttpClient::<N>::new().without_pool();
    // The runtime opens what it needs for itself.
    assert_eq!(http.send(get(origin)).await.unwrap().status(), 200);
    let names =
        [origin.to_owned(), origin.replace("127.0.0.1", "localhost"), "http://evergrant.invalid/".into()];
    for url in names {
        let full = fill();
        let error = http.send(get(&url)).await.unwrap_err();
        drop(full);
        assert!(matches!(error, HttpError::TooManyOpenFiles(_)), "{url}: {error:?}");
        assert!(error.to_string().contains("ulimit -n"), "{url}: {error}");
    }
    // One is left: there is a connection, and the roots cannot be opened.
    let mut full = fill();
    full.pop();
    let error = http.send(get(&origin.replace("http://", "https://"))).await.unwrap_err();
    drop(full);
    assert!(matches!(error, HttpError::TooManyOpenFiles(_)), "{error:?}");

    let provider = Provider::rfc6749(&format!("{origin}/token")).unwrap();
    let client = Client::builder(provider, ClientAuth::post("id", "secret").unwrap()).build().unwrap();
    let tokens = Tokens::<N>::builder(client).fail_fast(true).build().unwrap();
    let full = fill();
    let outcome = tokens.token().await;
    drop(full);
    let error = outcome.unwrap_err();
    let Some(Problem::Transport(error)) = error.refusal().map(Refusal::problem) else { panic!("{error}") };
    assert_eq!(error.kind(), TransportErrorKind::NoFile, "{error}");
    assert!(error.to_string().contains("too many open files"), "{error}");
    assert_eq!(http.send(get(origin)).await.unwrap().status(), 200);
}
