//! Nothing secret leaves: every wrong answer and configuration we could think of, on every shell, with known secrets, and
//! everything that could be printed searched for them in every form in which they could stand there.

use crate::printed::{
    JWT, TENANT, TOKEN, WATCH, first_of, forms, forms_of_token, hex, percent_encoded, print, ureq_dumps,
    was_given, was_printed, with_no_secret,
};
use crate::scenarios::{Call, KEY, SCOPE, SECRET, SIGNATURE, Setup};
use crate::shells::{FLEETS, Mount, SHELLS};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use evergrant_mock::{Endpoint, Fault, Server, Times};
use evergrant_tests::places::{Folder, Place};
use evergrant_tests::pools::{self, POOLS, Pool, Source};
use evergrant_tests::stores::{InMemory, StoreFault};
use evergrant_tests::{LONG, api, builder, ms, quick, secs, server, time_for};
use evergrant_tokio_reqwest::core::AssertionKind;
use evergrant_tokio_reqwest::{
    Client, ClientAuth, CommandSource, Error, ManualClock, Policy, PoolError, Provider, Tokens, VerdictRule,
};

/// What a server could say that has the client's secret, or a token, in it.
fn echoes() -> Vec<Fault> {
    let secret = &serde_json::to_string(SECRET).unwrap();
    let secret = &secret[1..secret.len() - 1];
    let form = percent_encoded(SECRET, "+", |byte| format!("%{byte:02X}"));
    let lower = percent_encoded(SECRET, "%20", |byte| format!("%{byte:02x}"));
    let [standard, url_safe] = [STANDARD_NO_PAD, URL_SAFE_NO_PAD].map(|engine| engine.encode(SECRET));
    let basic = STANDARD_NO_PAD.encode(format!("{}:{SECRET}", Server::CLIENT_ID));
    let basic_of_form = STANDARD_NO_PAD.encode(format!("{}:{form}", Server::CLIENT_ID));
    let echo = |what: &str| format!(r#"{{"error":"invalid_client","error_description":"{what}"}}"#);
    let json = |status, body: String| Fault::status_with_body(status, "application/json", body);
    let mut echoes: Vec<Fault> = [secret, &form, &lower, &standard, &url_safe, &basic, &basic_of_form]
        .into_iter()
        .map(|what| json(401, echo(&format!("no {what} here"))))
        .collect();
    echoes.extend([
        json(503, echo(secret)),
        json(401, echo(&format!("the key {KEY} is unknown"))),
        json(400, echo(&percent_encoded(KEY, "+", |byte| format!("%{byte:02X}")))),
        json(200, echo(secret)),
        json(400, format!(r#"{{"error":"{secret}","error_description":"{form}"}}"#)),
        json(400, format!(r#"{{"error":"invalid_client","message":"{secret}","hint":"{form}"}}"#)),
        json(401, format!(r#"{{"code":"{secret}","message":"{form}"}}"#)),
        json(403, format!(r#"{{"title":"{}","detail":"{}"}}"#, hex(SECRET), hex(&form).to_uppercase())),
        json(404, format!(r#"{{"fault":{{"faultstring":"{TOKEN} {secret}"}},"access_token":"{TOKEN}"}}"#)),
        json(200, format!(r#"{{"errors":[{{"code":"{secret}","message":"{}"}}]}}"#, hex(&basic))),
        json(
            400,
            format!(r#"{{"error":"invalid_scope","error_description":"{TOKEN}","access_token":"{TOKEN}"}}"#),
        ),
        json(200, format!(r#"{{"access_token":["{TOKEN}"]}}"#)),
        json(200, format!(r#"{{"access_token":"{TOKEN} {secret}"}}"#)),
        json(200, format!(r#"{{"access_token":"{TOKEN}""#)),
        json(200, format!(r#"{{"access_token":"{TOKEN}","token_type":"{secret}"}}"#)),
        json(200, format!(r#"{{"access_token":"{TOKEN}","scope":"{TOKEN} a","expires_in":"{TOKEN}"}}"#)),
        json(200, format!(r#"{{"errors":[{{"code":"{secret}","detail":"{TOKEN}"}}],"access_token":1}}"#)),
        Fault::status_with_body(200, "text/html", format!("<p>{TOKEN} {SECRET}</p>")),
        Fault::status_with_body(400, "text/plain", format!("{TOKEN} {SECRET}")),
        Fault::status_with_body(200, "text/plain", format!("{TOKEN}={form}&error={form}")),
        Fault::status_with_retry_after(503, form.clone()),
        Fault::redirect(302, format!("https://client:{form}@elsewhere.example/{form}?{TOKEN}#{TOKEN}")),
        Fault::redirect(307, format!("/{basic}/{lower}?{form}")),
        Fault::raw(format!("HTTP/1.1 200 {TOKEN}\r\n{SECRET}\r\n\r\n")),
        Fault::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {TOKEN}{form}\r\n\r\n")),
        Fault::raw(format!("{SECRET} {TOKEN}\r\n\r\n")),
        Fault::Reset,
        Fault::Hang,
        Fault::TruncatedBody,
        Fault::Garbage,
    ]);
    echoes
}

/// Token requests that meet each echo, by each way to authenticate; then calls whose resource server goes away.
fn echoes_on(mount: Mount) {
    let server = Server::builder().client(Server::CLIENT_ID, SECRET).start().unwrap();
    let [post, basic, raw] = [ClientAuth::post, ClientAuth::basic, ClientAuth::basic_raw]
        .map(|method| method(Server::CLIENT_ID, SECRET).unwrap());
    let call = Call::get(server.resource("/shipments"));
    for (place, fault) in echoes().into_iter().enumerate() {
        let auth = [&post, &basic, &raw][place % 3].clone();
        let client = Client::builder(Provider::rfc6749(&server.token_endpoint()).unwrap(), auth).scope("*");
        let client = client.header("x-api-key", KEY);
        let policy = quick().with_attempt_timeout(time_for(&fault));
        let setup = Setup { client: client.build().unwrap(), policy, fail_fast: true, ..Setup::new(&server) };
        print(&format!("{setup:?}"));
        let struck = server.fault(Endpoint::Token, fault, Times::UntilCleared);
        let shell = mount(&setup);
        WATCH.debug(&(shell.call(&call), shell.status()));
        struck.clear();
    }
    live_echoes_on(mount, &server);
    let opaque = format!(r#"{{"access_token":"{TOKEN}","expires_in":3600}}"#);
    let _granted =
        server.fault(Endpoint::Token, Fault::status_with_body(200, "", opaque), Times::UntilCleared);
    for fault in [Fault::Reset, Fault::Garbage, Fault::CloseBeforeAnswer, Fault::status(401), Fault::Html] {
        let _struck = server.fault(Endpoint::Resource, fault, Times::UntilCleared);
        let shell = mount(&Setup::new(&server));
        WATCH.debug(&(shell.call(&call), shell.status()));
    }
}

/// The same where the secret is read: from a file, by a command that has it as an argument, as the value of a parameter, and as an
/// assertion, which is not to be told in any of its parts either.
// I42
fn live_echoes_on(mount: Mount, server: &Server) {
    let call = Call::get(server.resource("/shipments"));
    let folder = Folder::new();
    let file = Place::file(folder.put("secret", format!("{SECRET}\n")));
    let command = CommandSource::new("printf").argument("%s").argument(SECRET).without_variable(SECRET);
    let command = if cfg!(unix) { Place::command(command) } else { file.clone() };
    let jwt = format!("{JWT}aud\":1}}.{SIGNATURE}").replace('"', "x");
    let assertion = Place::file(folder.put("token", &jwt));
    let id = Server::CLIENT_ID;
    let kind = AssertionKind::JWT_BEARER;
    let ways = [
        (ClientAuth::post_live(id).unwrap(), Some(&file), None),
        (ClientAuth::basic_live(id).unwrap(), Some(&command), None),
        (ClientAuth::none(id).unwrap(), None, Some(&command)),
    ];
    let asserted = (ClientAuth::assertion(id, kind).unwrap(), Some(&assertion), None);
    let of_assertion = [&*jwt, SIGNATURE].map(|what| {
        let body = format!(r#"{{"error":"invalid_client","error_description":"not {what}"}}"#);
        Fault::status_with_body(401, "application/json", body)
    });
    let of_secret = echoes().into_iter().zip(ways.iter().cycle());
    for (fault, way) in of_assertion.into_iter().map(|fault| (fault, &asserted)).chain(of_secret) {
        let (auth, secret, param) = way.clone();
        let client = Client::builder(Provider::rfc6749(&server.token_endpoint()).unwrap(), auth);
        let client = client.scope("*").header("x-api-key", KEY);
        let client = if param.is_some() { client.live_param("password") } else { client };
        let setup = Setup {
            client: client.build().unwrap(),
            policy: quick().with_attempt_timeout(time_for(&fault)),
            fail_fast: true,
            secret: secret.cloned(),
            params: param.map(|place| ("password", place.clone())).into_iter().collect(),
            ..Setup::new(server)
        };
        print(&format!("{setup:?}"));
        let struck = server.fault(Endpoint::Token, fault, Times::UntilCleared);
        let shell = mount(&setup);
        WATCH.debug(&(shell.call(&call), shell.status()));
        struck.clear();
    }
    // What is in no request, since no request can carry it.
    let broken = Place::file(folder.put("broken", format!("{SECRET}\n{SECRET}\n")));
    let fails = CommandSource::new("sh").argument("-c").argument("printf %s \"$0\"; exit 1").argument(SECRET);
    for place in [broken, Place::command(fails)] {
        let auth = ClientAuth::post_live(id).unwrap();
        let client = Client::builder(Provider::rfc6749(&server.token_endpoint()).unwrap(), auth);
        let client = client.build().unwrap();
        let setup = Setup { client, secret: Some(place), fail_fast: true, ..Setup::new(server) };
        let shell = mount(&setup);
        WATCH.debug(&(shell.call(&call), shell.status()));
    }
}

/// Over a store: a process whose token request meets each echo, and one that is told of that; then a token that goes from one to the other,
/// and every fault of the store itself.
// F9
fn echoes_over_a_store_on(mount: Mount) {
    let server = Server::builder().client(Server::CLIENT_ID, SECRET).lifetime(secs(3600)).start().unwrap();
    let call = Call::get(server.resource("/shipments"));
    let process = |store: &InMemory, policy: Policy| {
        let provider = Provider::rfc6749(&server.token_endpoint()).unwrap();
        let auth = ClientAuth::post(Server::CLIENT_ID, SECRET).unwrap();
        let client =
            Client::builder(provider, auth).scope(SCOPE).param("acr", SECRET).header("x-api-key", KEY);
        let (client, policy) = (client.build().unwrap(), policy.with_backoff(LONG, LONG));
        let store = Some(store.sealed());
        let setup = Setup { client, policy, fail_fast: true, store, ..Setup::new(&server) };
        print(&format!("{setup:?}"));
        let shell = mount(&setup);
        WATCH.debug(&(shell.call(&call), shell.status()));
        shell.flush();
    };
    for fault in echoes() {
        let (store, policy) = (InMemory::on(None), quick().with_attempt_timeout(time_for(&fault)));
        let struck = server.fault(Endpoint::Token, fault, Times::UntilCleared);
        for _ in 0..2 {
            process(&store, policy.clone());
        }
        struck.clear();
    }
    let opaque = format!(r#"{{"access_token":"{TOKEN}","expires_in":3600}}"#);
    let granted = Fault::status_with_body(200, "application/json", opaque);
    let _granted = server.fault(Endpoint::Token, granted, Times::UntilCleared);
    let store = InMemory::on(None);
    for fault in [StoreFault::None, StoreFault::None, StoreFault::Refuses, StoreFault::Panics]
        .into_iter()
        .chain([StoreFault::PanicsLater, StoreFault::Unopened, StoreFault::LivesLonger])
    {
        store.fails_by(fault);
        process(&store, quick());
    }
    assert!(store.count("put") > 0);
}

/// A tenant asks, and everything that can be shown of it is.
fn asks(pool: &dyn Pool, tenant: &dyn Source) -> Option<Error> {
    let outcome = tenant.token();
    if let Ok(token) = &outcome {
        (WATCH.token)(token.value().expose());
    }
    WATCH.debug(&(pool, pool.status(), tenant, tenant.status(), tenant.held(), &outcome));
    outcome.inspect_err(|error| WATCH.error(error)).err()
}

/// The whole story of a pool: tenants that are refused with each echo, and one that is served and kept fresh, whose token is
/// refused, that is replaced, and that leaves, while there is no room for another.
fn echoes_in_a_pool_on(mount: pools::Mount) {
    let server = Server::builder().client(Server::CLIENT_ID, SECRET).lifetime(secs(3600)).start().unwrap();
    let provider = Provider::rfc6749(&server.token_endpoint()).unwrap();
    let auth = ClientAuth::post(Server::CLIENT_ID, SECRET).unwrap();
    let client = Client::builder(provider, auth).header("x-api-key", KEY).build().unwrap();
    let of = client.clone();
    let setup = pools::Setup { fail_fast: true, max_sources: 1, ..pools::Setup::new(move |_| of.clone()) };
    for fault in echoes() {
        let policy = quick().with_attempt_timeout(time_for(&fault));
        let pool = mount(&pools::Setup { policy, ..setup.clone() });
        let struck = server.fault(Endpoint::Token, fault, Times::UntilCleared);
        // A few of them are tokens all the same.
        let _refused = asks(&*pool, &*pool.tokens(TENANT));
        struck.clear();
    }
    let clock = ManualClock::new();
    let pool = mount(&pools::Setup { clock: Some(clock.clone()), ..setup });
    let old = pool.tokens(TENANT);
    let full = pool.try_tokens(&format!("{TENANT} 2")).unwrap_err();
    assert!(matches!(full, PoolError::Full(_)));
    WATCH.error(&full);
    assert!(asks(&*pool, &*old).is_none());
    let _keeper = pool.keep_fresh();
    // It is not refused for being too young.
    clock.advance(secs(60));
    server.revoke_all();
    assert_eq!(old.get(&server.resource("/shipments")).outcome(), Ok(200));
    assert!(asks(&*pool, &*old).is_none());
    let other = Client::builder(client.provider().clone(), client.auth().clone()).scope("*").build().unwrap();
    assert!(pool.replace(TENANT, other));
    let fresh = pool.tokens(TENANT);
    assert!(asks(&*pool, &*fresh).is_none() && pool.remove(TENANT));
    clock.advance(secs(3600));
    for closed in [old, fresh] {
        assert!(matches!(asks(&*pool, &*closed), Some(Error::Closed { .. })));
    }
}

/// What only the tokio adapter's own API shows, and a panic in the program's code in the middle of a call.
async fn by_hand() {
    let server = server();
    let opaque = format!(r#"{{"access_token":"{TOKEN}","expires_in":3600}}"#);
    let granted = Fault::status_with_body(200, "application/json", opaque);
    let _granted = server.fault(Endpoint::Token, granted, Times::UntilCleared);
    let tokens = builder(&server).build().unwrap();
    let token = tokens.token().await.unwrap();
    assert_eq!(token.value().expose(), TOKEN);
    tokio::time::sleep(ms(3)).await;
    WATCH.debug(&(&token, tokens.export(), tokens.authorization().await, builder(&server)));
    let panics =
        api(&server, &tokens).with_verdict(VerdictRule::custom(|answer| panic!("judged {answer:?}")));
    let request = reqwest::Request::new(reqwest::Method::GET, server.resource("/").parse().unwrap());
    WATCH.error(&tokio::spawn(async move { panics.execute(request).await.map(drop) }).await.unwrap_err());
    let fixed = Tokens::fixed(TOKEN).unwrap();
    WATCH.debug(&(&fixed, fixed.status(), fixed.export()));
    WATCH.error(&Tokens::fixed(&format!("{TOKEN} {SECRET}")).unwrap_err());
}

/// Wrong configuration with a secret in it.
fn configuration() {
    let form = percent_encoded(SECRET, "+", |byte| format!("%{byte:02X}"));
    for url in [
        format!("https://client:{form}@host/"),
        format!("http://client:{form}@host/"),
        format!("https://host/?client_secret={form}"),
        format!("https://host/?access_token={TOKEN}"),
        format!("https://host/#{form}"),
        format!("ftp://{form}/"),
        form,
        SECRET.into(),
    ] {
        WATCH.error(&Provider::rfc6749(&url).unwrap_err());
        WATCH.error(&evergrant_tokio_reqwest::Origins::parse([url.as_str()]).unwrap_err());
    }
    for auth in [
        ClientAuth::post("client", &format!("{SECRET}\n")),
        ClientAuth::basic("", SECRET),
        ClientAuth::basic_raw("a:b", SECRET),
    ] {
        WATCH.error(&auth.unwrap_err());
    }
    let provider = Provider::rfc6749("https://host.example/").unwrap();
    let builder = Client::builder(provider, ClientAuth::post("client", SECRET).unwrap());
    let client = builder.param("acr", SECRET).header("x-api-key", KEY).build().unwrap();
    WATCH.debug(&(&client, client.request(evergrant_tokio_reqwest::core::Now::default()).unwrap()));
    let builder = Client::builder(client.provider().clone(), client.auth().clone());
    WATCH.debug(&builder);
    WATCH.error(&builder.param("client_secret", SECRET).build().unwrap_err());
    for (name, value) in [("cookie", KEY), ("x-api-key", &format!("{KEY}\n")), ("x-api key", KEY)] {
        let builder = Client::builder(client.provider().clone(), client.auth().clone());
        WATCH.error(&builder.header(name, value).build().unwrap_err());
    }
}

/// The scenarios' part is searched as they run, in `adapters.rs`.
// Conforms: Q-46, A-01, A-02, A-03, A-05
#[test]
fn i29_no_debug_no_display_no_error_no_event_no_log_and_no_panic_contains_a_secret() {
    with_no_secret("wrong answers and configuration", || {
        std::thread::scope(|scope| {
            for (shell, mount) in SHELLS {
                let thread = std::thread::Builder::new().name(shell.into());
                thread.spawn_scoped(scope, move || echoes_on(mount)).unwrap();
            }
            for (pool, mount) in POOLS {
                let thread = std::thread::Builder::new().name(format!("pool on {pool}"));
                thread.spawn_scoped(scope, move || echoes_in_a_pool_on(mount)).unwrap();
            }
            for (shell, mount) in FLEETS.map(|place| SHELLS[place]) {
                let thread = std::thread::Builder::new().name(format!("a fleet on {shell}"));
                thread.spawn_scoped(scope, move || echoes_over_a_store_on(mount)).unwrap();
            }
        });
        for (seen, what) in [
            ("a resource server refused the token", "events"),
            ("log TRACE", "what libraries log"),
            ("invalid_client", "the words of servers"),
            ("the store that processes share has failed", "events of a store"),
            ("an earlier request", "refusals that a store hands on"),
        ] {
            assert!(was_printed(seen), "{what} are seen");
        }
        for operation in ["Claim(", "Put(", "Fail("] {
            assert!(was_given(operation), "what a store is given is seen");
        }
        assert!(ureq_dumps(), "SECURITY.md says that ureq dumps what it sends at TRACE");
        configuration();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(by_hand());
        assert!(was_printed("judged Answer"), "panics are seen");
    });
}

/// The search itself: each form of a secret is found wherever it stands.
#[test]
fn a_secret_is_found_in_every_form() {
    let secret = forms(SECRET);
    let found = |text: &str| first_of(text, &secret).is_some();
    let around = format!("before {SECRET} behind");
    for text in [
        around.clone(),
        format!("{around:?}"),
        format!("{:?}", around.as_bytes()),
        around.as_bytes().escape_ascii().to_string(),
        serde_json::to_string(&around).unwrap(),
        hex(&around),
        percent_encoded(&around, "+", |byte| format!("%{byte:02x}")),
    ] {
        assert!(found(&text), "{text}");
    }
    for before in 0..6 {
        let text = format!("{}{SECRET}{}", "x".repeat(before), "y".repeat(before));
        assert!(found(&STANDARD_NO_PAD.encode(&text)) && found(&URL_SAFE_NO_PAD.encode(&text)), "{before}");
    }
    assert!(!found("sentinel") && !found("evergrant-mock-client"));
    let token = format!("{JWT}{}", "abcdefgh0123".repeat(20));
    let cut = &token[..100];
    assert_eq!(first_of(cut, &forms_of_token(&token)).map(|(at, _)| at), Some(0));
}
