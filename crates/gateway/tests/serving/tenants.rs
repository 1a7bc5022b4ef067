//! Callers that each have a client of their own.

use crate::api::{After, Api, ok, refuse};
use crate::fixture::{Answer, Caller, PATIENCE, Sink, address, route_to, serve_with, until};
use evergrant_core::{Client, ClientAuth, Provider, Verdict, VerdictRule};
use evergrant_gateway::{
    Access, Address, Admin, Gateway, GatewayBuilder, Key, Keys, Listener, LogFormat, LogMode, Reload, Route,
    Running, Tenants, UnknownTenant, Upstream,
};
use evergrant_tokio_reqwest::{BoxError, Policy, Rotation, TokensPool, Transport};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

/// An authorization server whose tokens say whose they are.
fn server() -> Api {
    let number = AtomicUsize::new(0);
    Api::start(move |arrived, stream| {
        let form = String::from_utf8_lossy(&arrived.body).into_owned();
        let id = form.split('&').find_map(|pair| pair.strip_prefix("client_id=")).unwrap().to_owned();
        let number = number.fetch_add(1, Ordering::Relaxed);
        let body =
            format!(r#"{{"access_token":"of-{id}-{number}","token_type":"Bearer","expires_in":3600}}"#);
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
        let _gone = write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
        After::KeepOpen
    })
}

/// An API that answers with the token that it got.
fn echo() -> Api {
    Api::start(|arrived, stream| ok(stream, arrived.field("authorization").unwrap_or_default().as_bytes()))
}

fn client(server: &Api, id: &str, origin: &str) -> Client {
    let auth = ClientAuth::post(id, "a-secret").unwrap();
    let provider = Provider::rfc6749(&format!("{}/token", server.origin())).unwrap();
    let origins = evergrant_core::Origins::parse([origin]).unwrap();
    Client::builder(provider.with_origins(origins), auth).build().unwrap()
}

type ClientFor = dyn Fn(&str) -> Result<Client, BoxError> + Send + Sync;

fn tenants(max_sources: usize, client_for: Arc<ClientFor>) -> Tenants {
    // Another test may have been first.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let pool = TokensPool::builder(move |name: &String| client_for(name))
        .name("tenants")
        .policy(Policy::new().with_max_waiters(1024))
        .max_sources(max_sources)
        .transport(&Transport::builder().proxy_variables(false).build());
    Tenants::new(pool.build().unwrap())
}

/// A gateway of tenants with keys of these names.
struct Served {
    running: Running,
    keys: BTreeMap<String, Key>,
}

impl Served {
    fn new(builder: GatewayBuilder, names: &[&str]) -> Self {
        let keys: BTreeMap<_, _> =
            names.iter().map(|name| ((*name).to_owned(), Key::generate().unwrap())).collect();
        let known = keys.iter().map(|(name, key)| (name.clone(), key.digest()));
        let access = Access::Keys(Keys::new(known).unwrap());
        let listener = Listener::new(Address::parse("127.0.0.1:0").unwrap()).access(access);
        let running = builder.workers(2).build().unwrap().serve(&[listener]).unwrap();
        Self { running, keys }
    }

    fn line(&self, name: &str) -> String {
        format!("X-Evergrant-Key: {}\r\n", self.keys[name].expose())
    }

    fn get(&self, name: &str, path: &str) -> Answer {
        let mut caller = Caller::new(&self.running);
        caller.send("GET", path, &self.line(name), b"");
        caller.answer().unwrap()
    }

    /// Whose token the API got.
    fn whose(&self, name: &str) -> String {
        let text = self.get(name, "/").text();
        text.strip_prefix("Bearer of-")
            .and_then(|text| text.rsplit_once('-'))
            .map_or(text.clone(), |(of, _)| of.into())
    }
}

fn route(api: &Api, tenants: &Tenants) -> Route {
    Route::tenants("/", Upstream::parse(&api.origin()).unwrap(), tenants.clone()).unwrap()
}

/// Those whose names these are have clients of the same names.
fn known(server: &Arc<Api>, api: &Api, names: &[&str]) -> Arc<ClientFor> {
    let (server, origin) = (Arc::clone(server), api.origin());
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Arc::new(move |name| match names.iter().any(|known| known == name) {
        true => Ok(client(&server, name, &origin)),
        false => Err(UnknownTenant.into()),
    })
}

#[test]
fn each_caller_gets_the_token_of_its_own_client_and_no_other_on_the_same_connections() {
    let (server, api) = (Arc::new(server()), echo());
    let names: Vec<String> = (0..30).map(|number| format!("tenant-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let tenants = tenants(1000, known(&server, &api, &names));
    let served = Served::new(Gateway::builder().route(route(&api, &tenants)), &names);
    thread::scope(|scope| {
        for offset in 0..6 {
            let (served, names) = (&served, &names);
            scope.spawn(move || {
                let mut caller = Caller::new(&served.running);
                for round in 0..60 {
                    let name = names[(offset * 5 + round * 7) % names.len()];
                    caller.send("GET", "/", &served.line(name), b"");
                    let answer = caller.answer().unwrap();
                    let expected = format!("Bearer of-{name}-");
                    assert!(answer.text().starts_with(&expected), "{name}: {}", answer.text());
                    assert!(answer.text()[expected.len()..].chars().all(|digit| digit.is_ascii_digit()));
                }
            });
        }
    });
    assert_eq!(server.arrived().len(), names.len(), "one token request for each");
    assert_eq!(tenants.pool().status().sources, names.len());
}

#[test]
fn a_name_that_is_nobodys_and_a_caller_without_one_get_nothing_and_nothing_is_asked() {
    let (server, api) = (Arc::new(server()), echo());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (inner, names) = (known(&server, &api, &["shop"]), Arc::clone(&asked));
    let client_for = move |name: &str| {
        names.lock().unwrap().push(name.to_owned());
        inner(name)
    };
    let tenants = tenants(1000, Arc::new(client_for));
    let open = evergrant_tokio_reqwest::Tokens::fixed("open").unwrap();
    let open = Route::new("/open/", Upstream::parse(&api.origin()).unwrap(), open).unwrap();
    let routes = || Gateway::builder().route(route(&api, &tenants)).route(open.clone());
    let served = Served::new(routes(), &["shop", "nobody"]);
    let answer = served.get("nobody", "/");
    assert_eq!(
        (answer.status, answer.problem().as_deref(), answer.sent().as_deref()),
        (403, Some("tenant"), Some("no"))
    );
    assert_eq!(served.get("nobody", "/open/").status, 200, "other routes are as they were");
    // Who has no name at all.
    let anyone = serve_with(routes());
    let answer = Caller::new(&anyone).get("/");
    assert_eq!((answer.status, answer.problem().as_deref()), (403, Some("tenant")));
    assert_eq!(*asked.lock().unwrap(), ["nobody"]);
    assert!(server.arrived().is_empty() && tenants.pool().status().sources == 0);
    assert_eq!(served.whose("shop"), "shop");
    // A key must be one of the listener's: its name is nothing that a caller writes.
    let mut caller = Caller::new(&served.running);
    caller.send("GET", "/", "X-Evergrant-Key: shop\r\n", b"");
    assert_eq!(caller.answer().unwrap().problem().as_deref(), Some("key"));
}

#[test]
fn no_name_of_a_caller_is_a_path_or_differs_by_case() {
    for name in ["../x", "a/b", "Shop", "", ".hidden", "-x", "a b", "a\0", &"a".repeat(65)] {
        let key = Key::generate().unwrap();
        assert!(Keys::new([(name.to_owned(), key.digest())]).is_err(), "{name:?}");
    }
}

#[test]
fn a_faulty_client_harms_its_own_tenant_alone_and_tells_it_no_more_than_that() {
    let (server, api) = (Arc::new(server()), echo());
    let (inner, elsewhere) = (known(&server, &api, &["shop"]), Arc::clone(&server));
    let client_for = move |name: &str| match name {
        "faulty" => Err("/etc/tenants/faulty.toml:3: s3cret".into()),
        "elsewhere" => Ok(client(&elsewhere, name, "https://other.example")),
        _ => inner(name),
    };
    let tenants = tenants(1000, Arc::new(client_for));
    let served =
        Served::new(Gateway::builder().route(route(&api, &tenants)), &["shop", "faulty", "elsewhere"]);
    for (name, words) in [("faulty", "is faulty"), ("elsewhere", "may not go to the API")] {
        let answer = served.get(name, "/");
        let problem = (answer.status, answer.problem(), answer.sent());
        assert_eq!(problem, (500, Some("tenant-unusable".into()), Some("no".into())));
        let text = format!("{}{}", answer.head, answer.text());
        assert!(text.contains(words) && !text.contains("s3cret") && !text.contains("toml"), "{text}");
        assert!(answer.field("retry-after").is_none());
    }
    assert_eq!(served.whose("shop"), "shop");
    assert!(api.arrived().len() == 1 && server.arrived().len() == 1, "nothing was asked for the others");
}

#[test]
fn one_whose_client_or_token_endpoint_hangs_delays_no_other() {
    let (server, api) = (Arc::new(server()), echo());
    let (end, ended) = mpsc::channel::<()>();
    let ended = Mutex::new(ended);
    let hanging = Arc::new(Api::start(|_, _| {
        thread::sleep(PATIENCE);
        After::Close
    }));
    let (inner, of_hanging) = (known(&server, &api, &["shop", "office"]), Arc::clone(&hanging));
    let (made, origin) = (Arc::new(AtomicUsize::new(0)), api.origin());
    let making = Arc::clone(&made);
    let client_for = move |name: &str| match name {
        "slow" => {
            making.fetch_add(1, Ordering::Relaxed);
            let _told = ended.lock().unwrap().recv_timeout(PATIENCE);
            Err(UnknownTenant.into())
        }
        "hanging" => Ok(client(&of_hanging, name, &origin)),
        _ => inner(name),
    };
    let tenants = tenants(1000, Arc::new(client_for));
    let patient = Gateway::builder().route(route(&api, &tenants).patience(PATIENCE));
    let served = Served::new(patient, &["shop", "office", "slow", "hanging"]);
    let mut waiting: Vec<_> = (0..100).map(|_| Caller::new(&served.running)).collect();
    for (number, caller) in waiting.iter_mut().enumerate() {
        let name = if number % 2 == 0 { "slow" } else { "hanging" };
        caller.send("GET", "/", &served.line(name), b"");
    }
    until("they wait", || made.load(Ordering::Relaxed) == 1 && !hanging.arrived().is_empty());
    until("those of one wait for the token", || served.running.counts().queued == 50);
    for name in ["shop", "office"].repeat(10) {
        assert_eq!(served.whose(name), name);
    }
    assert_eq!(made.load(Ordering::Relaxed), 1, "it is made by one of them");
    end.send(()).unwrap();
    assert_eq!(waiting[0].answer().unwrap().problem().as_deref(), Some("tenant"));
}

#[test]
fn a_client_that_is_not_there_in_time_is_told_and_may_come_later() {
    let (server, api) = (Arc::new(server()), echo());
    let (end, ended) = mpsc::channel::<()>();
    let ended = Mutex::new(ended);
    let inner = known(&server, &api, &["shop"]);
    let client_for = move |name: &str| {
        let _told = ended.lock().unwrap().recv_timeout(PATIENCE);
        inner(name)
    };
    let tenants = tenants(1000, Arc::new(client_for));
    let hasty = route(&api, &tenants).patience(Duration::from_millis(20));
    let later = Route::tenants("/later/", Upstream::parse(&api.origin()).unwrap(), tenants.clone()).unwrap();
    let served = Served::new(Gateway::builder().route(hasty).route(later), &["shop"]);
    let answer = served.get("shop", "/");
    assert_eq!((answer.status, answer.problem().as_deref()), (503, Some("tenant-unusable")));
    assert!(answer.field("retry-after").is_some() && answer.text().contains("could not be read in time"));
    end.send(()).unwrap();
    assert_eq!(served.get("shop", "/later/").status, 200);
}

#[test]
fn a_full_pool_is_told_and_only_what_is_in_use_fills_it() {
    let (server, api) = (Arc::new(server()), echo());
    let tenants = tenants(2, known(&server, &api, &["a", "b", "c"]));
    let served = Served::new(Gateway::builder().route(route(&api, &tenants)), &["a", "b", "c"]);
    for name in ["a", "b", "c", "a", "b", "c"] {
        assert_eq!(served.whose(name), name, "one goes for another");
    }
    let held: Vec<_> = ["a", "b"].map(|name| tenants.pool().tokens(name).unwrap()).into();
    let answer = served.get("c", "/");
    assert_eq!((answer.status, answer.problem().as_deref()), (503, Some("queue-full")));
    assert!(answer.text().contains("as many tenants at once") && answer.field("retry-after").is_some());
    drop(held);
    assert_eq!(served.whose("c"), "c");
}

#[test]
fn a_refused_token_is_replaced_for_its_tenant_and_the_others_keep_theirs() {
    let server = Arc::new(server());
    let refused = Arc::new(Mutex::new(String::new()));
    let is_refused = Arc::clone(&refused);
    let api = Api::start(move |arrived, stream| {
        let token = arrived.field("authorization").unwrap_or_default();
        if *is_refused.lock().unwrap() == token {
            return refuse(stream);
        }
        ok(stream, token.as_bytes())
    });
    let tenants = tenants(1000, known(&server, &api, &["shop", "office"]));
    let served = Served::new(Gateway::builder().route(route(&api, &tenants)), &["shop", "office"]);
    let (shop, office) = (served.get("shop", "/").text(), served.get("office", "/").text());
    refused.lock().unwrap().clone_from(&shop);
    let after = served.get("shop", "/");
    assert_eq!(after.status, 200);
    assert!(after.text().starts_with("Bearer of-shop-") && after.text() != shop);
    assert_eq!(served.get("office", "/").text(), office);
    assert_eq!(server.arrived().len(), 3);
}

#[test]
fn what_refuses_a_token_is_as_the_tenants_own_provider_has_it() {
    let server = Arc::new(server());
    let api = Api::start(|_, stream| refuse(stream));
    let (of_server, origin) = (Arc::clone(&server), api.origin());
    let client_for = move |name: &str| {
        let client = client(&of_server, name, &origin);
        if name == "usual" {
            return Ok(client);
        }
        let never = VerdictRule::custom(|_| Verdict::Fine);
        let provider = client.provider().clone().with_verdict(never);
        Ok(Client::builder(provider, client.auth().clone()).build()?)
    };
    let tenants = tenants(1000, Arc::new(client_for));
    let served = Served::new(Gateway::builder().route(route(&api, &tenants)), &["usual", "lenient"]);
    assert_eq!(served.get("lenient", "/").status, 401, "it is the API's own answer");
    assert_eq!(server.arrived().len(), 1);
    assert!([502, 503].contains(&served.get("usual", "/").status));
    assert!(server.arrived().len() > 2, "another token is tried");
}

#[test]
fn the_token_of_a_tenant_in_use_is_replaced_before_somebody_comes() {
    let (server, api) = (Arc::new(server()), echo());
    let tenants = tenants(1000, known(&server, &api, &["shop"]));
    let served = Served::new(Gateway::builder().route(route(&api, &tenants)), &["shop"]);
    assert_eq!(served.whose("shop"), "shop");
    let tokens = tenants.pool().tokens("shop").unwrap();
    // It is thrown away, and nobody calls.
    tokens.rotate(ClientAuth::post("shop", "a-secret").unwrap(), Rotation::Drop);
    until("another one is asked for", || server.arrived().len() == 2 && tokens.status().held.is_some());
}

#[test]
fn a_reload_keeps_the_tokens_of_tenants_and_it_is_ready_without_any() {
    let (server, api) = (Arc::new(server()), echo());
    let tenants = tenants(1000, known(&server, &api, &["shop"]));
    let served = Served::new(Gateway::builder().route(route(&api, &tenants)), &["shop"]);
    until("it is ready", || served.running.is_ready());
    let first = served.get("shop", "/").text();
    for _ in 0..3 {
        served.running.reload(Reload::new(vec![route(&api, &tenants).via(false)])).unwrap();
        assert_eq!(served.get("shop", "/").text(), first);
    }
    served
        .running
        .reload(Reload::new(vec![route_to(
            &api.origin(),
            evergrant_tokio_reqwest::Tokens::fixed("t").unwrap(),
        )]))
        .unwrap();
    assert_eq!(served.get("shop", "/").text(), "Bearer t");
    assert_eq!(server.arrived().len(), 1);
}

#[test]
fn status_and_metrics_name_no_tenant_and_the_log_names_the_caller() {
    let (server, api) = (Arc::new(server()), echo());
    let tenants = tenants(1000, known(&server, &api, &["shop-of-somebody"]));
    let log = Sink::default();
    let builder = Gateway::builder()
        .route(route(&api, &tenants))
        .admin(Admin::new("127.0.0.1:0".parse().unwrap()))
        .log(LogMode::All, LogFormat::Json, log.clone());
    let served = Served::new(builder, &["shop-of-somebody"]);
    assert_eq!(served.get("shop-of-somebody", "/").status, 200);
    let admin = served.running.admin().unwrap().unwrap();
    let ask = |path: &str| Caller::at(admin).get(path).text();
    let status: serde_json::Value = serde_json::from_str(&ask("/status")).unwrap();
    let pool = &status["tenants"][0];
    assert_eq!((&pool["name"], &pool["sources"], &pool["held"]), (&"tenants".into(), &1.into(), &1.into()));
    assert!(ask("/").contains("tenants: clients in use 1, with a token 1"));
    for path in ["/", "/status", "/metrics"] {
        assert!(!ask(path).contains("shop-of-somebody"), "{path}");
    }
    assert_eq!(address(&served.running).ip().to_string(), "127.0.0.1");
    drop(served);
    let text = log.text();
    assert!(
        text.contains("\"caller\":\"shop-of-somebody\"") && !text.contains("of-shop-of-somebody"),
        "{text}"
    );
}
