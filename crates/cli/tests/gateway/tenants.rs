//! Callers that each have a client of their own, described in the file or in one for each.

use super::{Gateway, channel, fs, get, until, with_config};
use crate::fixture::{Folder, evergrant, fails, run};
use evergrant_mock::{Endpoint, Server};
use rustix::process::Signal;
use serde_json::Value;
use std::io::{BufRead, BufReader, PipeReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// An API that answers with the token that it got, as long as the test runs.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut writer = stream.try_clone().unwrap();
                let mut token = String::new();
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("authorization: ") {
                        token = line[line.len() - value.len()..].to_owned();
                    }
                    if line.is_empty() {
                        let answer =
                            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{token}", token.len());
                        if writer.write_all(answer.as_bytes()).is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    address
}

/// A gateway of tenants, each of whom has an authorization server of its own.
struct Served {
    folder: Folder,
    path: String,
    api: SocketAddr,
    keys: Vec<(String, String, String)>,
}

impl Served {
    /// `tables` is put behind `[gateway]` and its route.
    fn new(names: &[&str], tables: impl FnOnce(SocketAddr) -> String) -> Self {
        let (folder, api) = (Folder::new(), echo());
        let key = |name: &&str| {
            let made = run(&mut evergrant(&["gateway", "key", name, "--json"])).stdout;
            let made: Value = serde_json::from_str(&made).unwrap();
            let (key, digest) = (made["key"].as_str().unwrap(), made["digest"].as_str().unwrap());
            ((*name).to_owned(), key.to_owned(), digest.to_owned())
        };
        let keys: Vec<_> = names.iter().map(key).collect();
        let lines: Vec<_> = keys.iter().map(|(name, _, digest)| format!("{name} = \"{digest}\"")).collect();
        let path = folder.file(
            "config.toml",
            0o600,
            format!(
                "[gateway]\ngrace = \"50ms\"\nlisten = {{ address = \"127.0.0.1:0\", keys = {{ {} }} }}\n[[gateway.route]]\npath = \"/\"\n\
                 profile = {{ caller = \"tenants\" }}\nupstream = \"http://{api}/\"\n{}",
                lines.join(", "),
                tables(api)
            ),
        );
        fs::create_dir(folder.at("tenants")).unwrap();
        Self { folder, path, api, keys }
    }

    /// Describes a tenant in a file of its own.
    fn describe(&self, name: &str, lines: &str) {
        let path = Path::new(&self.folder.at("tenants")).join(format!("{name}.toml"));
        fs::write(&path, lines).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }

    fn secret(&self, name: &str, secret: &str) -> String {
        self.folder.file(name, 0o600, secret)
    }

    fn ask(&self, url: &str, name: &str) -> (u16, String) {
        let key = self.keys.iter().find(|(known, ..)| known == name).map(|(_, key, _)| key).unwrap();
        let (status, answer) = get(url, "/", &format!("X-Evergrant-Key: {key}\r\n"));
        (status, answer.split_once("\r\n\r\n").unwrap_or_default().1.to_owned())
    }

    /// Whether the API got a token of this server.
    fn gets_one_of(&self, gateway: &Gateway, name: &str, server: &Server) -> bool {
        let (status, token) = self.ask(&gateway.url, name);
        let token = token.strip_prefix("Bearer ").unwrap_or_default();
        status == 200 && server.issued().iter().any(|issued| issued == token)
    }
}

/// The lines of a client of this server.
fn client(server: &Server, api: SocketAddr, secret: &str) -> String {
    format!(
        "token_endpoint = \"{}\"\nclient_id = \"{}\"\nclient_secret = {{ file = {secret:?} }}\norigins = \"http://{api}\"\n",
        server.token_endpoint(),
        Server::CLIENT_ID
    )
}

#[test]
fn each_has_the_token_of_its_own_client_out_of_a_table_or_a_file() {
    let (one, other) = (Server::start().unwrap(), Server::start().unwrap());
    let served = Served::new(&["shop", "office", "nobody"], |api| {
        format!("[tenants.shop]\n{}", client(&one, api, "secret"))
    });
    let secret = served.secret("secret", Server::CLIENT_SECRET);
    let mut gateway = Gateway::start(with_config(&served.path));
    gateway.until_ready();
    assert_eq!((one.counts().token_requests, other.counts().token_requests), (0, 0), "nobody has come");
    assert_eq!(served.ask(&gateway.url, "office").0, 403);
    served.describe("office", &client(&other, served.api, &secret));
    for _ in 0..5 {
        assert!(served.gets_one_of(&gateway, "shop", &one));
        assert!(served.gets_one_of(&gateway, "office", &other));
        let (status, answer) = served.ask(&gateway.url, "nobody");
        assert!(status == 403 && answer.contains("urn:evergrant:problem:tenant"), "{answer}");
    }
    assert_eq!((one.counts().token_requests, other.counts().token_requests), (1, 1));
    let (_, metrics) = get(&gateway.admin, "/metrics", "");
    assert!(metrics.contains("evergrant_pool_sources{source=\"tenants\"} 2"), "{metrics}");
    assert!(!metrics.contains("shop") && !metrics.contains("office"), "{metrics}");
    // Unchanged ones keep their tokens.
    gateway.signal(Signal::HUP);
    gateway.hear("read again and is used");
    assert!(served.gets_one_of(&gateway, "shop", &one) && served.gets_one_of(&gateway, "office", &other));
    assert_eq!((one.counts().token_requests, other.counts().token_requests), (1, 1));
    gateway.interrupt();
    let (status, log, said) = gateway.end();
    assert_eq!(status.code(), Some(0));
    assert!(log.contains("\"denied\":\"tenant\"") && log.contains("\"caller\":\"nobody\""), "{log}");
    assert!(!said.contains(Server::CLIENT_SECRET), "{said}");
}

#[test]
fn a_file_that_changes_is_read_again_and_a_fault_in_it_is_its_tenants_alone() {
    let (first, second) = (Server::start().unwrap(), Server::start().unwrap());
    let served = Served::new(&["shop", "office"], |_| String::new());
    let secret = served.secret("secret", Server::CLIENT_SECRET);
    served.describe("shop", &client(&first, served.api, &secret));
    served.describe(
        "office",
        "token_endpoint = \"https://auth.example.com/token\"\nclient_id = \"s3cret\"\nproxy = \"none\"\n",
    );
    let mut gateway = Gateway::start(with_config(&served.path));
    assert!(served.gets_one_of(&gateway, "shop", &first));
    let (status, answer) = served.ask(&gateway.url, "office");
    assert!(status == 500 && answer.contains("tenant-unusable"), "{answer}");
    assert!(!answer.contains("office.toml") && !answer.contains("s3cret"), "{answer}");
    let said = gateway.hear("tenant office: its client cannot be used");
    assert!(
        said.contains("office.toml:3: a tenant has no proxy of its own") && said.contains("no client_secret"),
        "{said}"
    );
    // Its own file is good by now: what was wrong is kept for nobody.
    served.describe("office", &client(&second, served.api, &secret));
    assert!(served.gets_one_of(&gateway, "office", &second));
    // Another client, then a faulty one, then none.
    served.describe("shop", &client(&second, served.api, &secret));
    gateway.signal(Signal::HUP);
    gateway.hear("tenant shop: its client has changed");
    assert!(served.gets_one_of(&gateway, "shop", &second));
    served.describe("shop", "client_id = \n");
    gateway.signal(Signal::HUP);
    gateway.hear("tenant shop: its client cannot be used");
    assert!(served.gets_one_of(&gateway, "shop", &second), "the one that was read before is used");
    fs::remove_file(Path::new(&served.folder.at("tenants")).join("shop.toml")).unwrap();
    gateway.signal(Signal::HUP);
    gateway.hear("tenant shop: it is not described any more");
    assert_eq!(served.ask(&gateway.url, "shop").0, 403);
    assert!(served.gets_one_of(&gateway, "office", &second));
}

#[test]
fn a_tenant_whose_tokens_may_go_to_no_api_of_its_routes_is_found_by_the_check_and_told_on_stderr() {
    let server = Server::start().unwrap();
    let elsewhere = "127.0.0.1:9".parse().unwrap();
    let served = Served::new(&["shop", "office"], |_| String::new());
    let secret = served.secret("secret", Server::CLIENT_SECRET);
    served.describe("shop", &client(&server, elsewhere, &secret));
    served.describe("office", &client(&server, served.api, &secret));
    let checked = run(&mut evergrant(&["config", "check", "--config", &served.path]));
    let fault = "shop.toml:4: its tokens may not go to the API of a route for tenants";
    assert!(checked.stderr.contains(fault) && !checked.stderr.contains("office"), "{}", checked.stderr);
    assert!(checked.stderr.contains(&format!("such as http://{}", served.api)), "{}", checked.stderr);
    let mut gateway = Gateway::start(with_config(&served.path));
    assert!(served.gets_one_of(&gateway, "office", &server));
    assert_eq!(served.ask(&gateway.url, "shop").0, 500);
    assert!(gateway.hear("tenant shop: its client cannot be used").contains(fault));
    served.describe("shop", &client(&server, served.api, &secret));
    assert!(served.gets_one_of(&gateway, "shop", &server));
    // The route leads elsewhere from now on.
    let text = fs::read_to_string(&served.path).unwrap();
    let moved = text.replace(&format!("http://{}/", served.api), "http://127.0.0.1:9/");
    fs::write(&served.path, moved).unwrap();
    gateway.signal(Signal::HUP);
    assert!(gateway.hear("tenant shop: its client cannot be used").contains(fault));
}

#[test]
fn a_table_of_a_tenant_whose_tokens_may_go_to_no_api_of_its_routes_is_a_fault_of_the_file() {
    let server = Server::start().unwrap();
    let elsewhere = "127.0.0.1:9".parse().unwrap();
    let served =
        Served::new(&["shop"], |_| format!("[tenants.shop]\n{}", client(&server, elsewhere, "secret")));
    served.secret("secret", Server::CLIENT_SECRET);
    let ended = run(&mut evergrant(&["gateway", "--config", &served.path]));
    assert!(
        ended.stderr.contains("its tokens may not go to the API of a route for tenants"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("tenant shop"), "{}", ended.stderr);
}

#[test]
fn what_changes_without_a_word_is_found_and_a_secret_alone_costs_no_token() {
    let server = Server::start().unwrap();
    let served = Served::new(&["shop"], |_| String::new());
    let secret = served.secret("secret", Server::CLIENT_SECRET);
    served.describe("shop", &client(&server, served.api, &secret));
    server.set_lifetime(Duration::from_secs(4));
    let mut gateway = Gateway::start(with_config(&served.path));
    let token = served.ask(&gateway.url, "shop").1;
    server.rotate_client(Server::CLIENT_ID, "another-secret");
    served.secret("secret", "another-secret");
    assert_eq!(served.ask(&gateway.url, "shop").1, token, "it is used until the next one comes");
    until(|| {
        served.ask(&gateway.url, "shop");
        server.counts().token_granted == 2
    });
    gateway.hear("tenants: the client secret in");
    assert_eq!(server.counts().token_refused, 0);
}

#[test]
fn a_tenant_whose_server_hangs_delays_no_other() {
    let (hanging, server) = (Server::start().unwrap(), Server::start().unwrap());
    let gate = hanging.hold(Endpoint::Token);
    let served = Served::new(&["slow", "shop"], |_| String::new());
    let secret = served.secret("secret", Server::CLIENT_SECRET);
    served.describe("slow", &client(&hanging, served.api, &secret));
    served.describe("shop", &client(&server, served.api, &secret));
    let gateway = Gateway::start(with_config(&served.path));
    thread::scope(|scope| {
        let url = &gateway.url;
        let slow: Vec<_> = (0..20).map(|_| scope.spawn(|| served.ask(url, "slow"))).collect();
        until(|| hanging.counts().token_requests == 1);
        for _ in 0..20 {
            assert!(served.gets_one_of(&gateway, "shop", &server));
        }
        assert!(slow.iter().all(|slow| !slow.is_finished()));
        gate.release();
        assert!(slow.into_iter().all(|slow| slow.join().unwrap().0 == 200));
    });
}

/// The same client, with a header field that is printed by a command that hangs while there is a file `late`, and makes a file `hangs` then. It ends with
/// the folder at the latest.
fn late(served: &Served, server: &Server, secret: &str) -> String {
    let (late, hangs) = (served.folder.at("late"), served.folder.at("hangs"));
    let script = format!(
        "if test -e '{late}'; then touch '{hangs}'; fi; while test -e '{late}'; do sleep 0.1; done; echo late"
    );
    let client = client(server, served.api, secret);
    format!("{client}token_headers = {{ X-Late = {{ command = [\"sh\", \"-c\", {script:?}] }} }}\n")
}

#[test]
fn a_secret_that_comes_after_the_file_that_names_it_is_used() {
    let server = Server::start().unwrap();
    let served = Served::new(&["shop"], |_| String::new());
    let secret = served.secret("secret", Server::CLIENT_SECRET);
    served.describe("shop", &client(&server, served.api, &secret));
    let mut gateway = Gateway::start(with_config(&served.path));
    assert_eq!(served.ask(&gateway.url, "shop").0, 200);
    let another = served.folder.at("another");
    served.describe("shop", &client(&server, served.api, &another));
    gateway.signal(Signal::HUP);
    assert!(gateway.hear("its client cannot be used").contains("another"));
    assert_eq!(served.ask(&gateway.url, "shop").0, 200, "the one before is used");
    server.rotate_client(Server::CLIENT_ID, "another-secret");
    served.secret("another", "another-secret");
    gateway.hear("tenant shop: its client can be used again");
    server.revoke_all();
    assert_eq!(served.ask(&gateway.url, "shop").0, 200);
    assert_eq!(server.counts().token_refused, 0);
}

#[test]
fn a_tenant_that_is_taken_away_while_its_secret_is_late_gets_nothing() {
    let server = Server::start().unwrap();
    let served = Served::new(&["slow"], |_| String::new());
    let secret = served.secret("secret", Server::CLIENT_SECRET);
    let text = fs::read_to_string(&served.path).unwrap();
    fs::write(&served.path, format!("{text}[tenants.slow]\n{}", late(&served, &server, &secret))).unwrap();
    fs::write(served.folder.at("late"), "").unwrap();
    let mut gateway = Gateway::start(with_config(&served.path));
    thread::scope(|scope| {
        let url = gateway.url.clone();
        scope.spawn({
            let served = &served;
            move || served.ask(&url, "slow")
        });
        until(|| Path::new(&served.folder.at("hangs")).exists());
        fs::write(&served.path, text).unwrap();
        gateway.signal(Signal::HUP);
        gateway.hear("read again and is used");
        fs::remove_file(served.folder.at("late")).unwrap();
    });
    until(|| served.ask(&gateway.url, "slow").0 == 403);
}

#[test]
fn a_secret_that_comes_late_delays_no_change_of_another_tenant() {
    let server = Server::start().unwrap();
    let served = Served::new(&["another", "shop", "slow"], |_| String::new());
    let secret = served.secret("secret", Server::CLIENT_SECRET);
    // By their names, one is looked at before it and one behind.
    served.describe("another", &late(&served, &server, &secret));
    served.describe("shop", &client(&server, served.api, &secret));
    served.describe("slow", &late(&served, &server, &secret));
    let mut gateway = Gateway::start(with_config(&served.path));
    for name in ["another", "shop", "slow"] {
        assert_eq!(served.ask(&gateway.url, name).0, 200);
    }
    fs::write(served.folder.at("late"), "").unwrap();
    gateway.signal(Signal::HUP);
    until(|| Path::new(&served.folder.at("hangs")).exists());
    let own = served.secret("own", Server::CLIENT_SECRET);
    served.describe("shop", &format!("{}scope = \"read\"\n", client(&server, served.api, &own)));
    gateway.signal(Signal::HUP);
    gateway.hear("tenant shop: its client has changed");
    fs::remove_file(Path::new(&served.folder.at("tenants")).join("shop.toml")).unwrap();
    gateway.signal(Signal::HUP);
    gateway.hear("tenant shop: it is not described any more");
    assert_eq!(served.ask(&gateway.url, "shop").0, 403);
    assert_eq!(served.ask(&gateway.url, "slow").0, 200, "the client before is used");
}

#[test]
fn a_secret_that_comes_late_keeps_no_key_from_being_taken_away() {
    let server = Server::start().unwrap();
    let served = Served::new(&["slow", "shop"], |_| String::new());
    let secret = served.secret("secret", Server::CLIENT_SECRET);
    let (is_late, hangs) = (served.folder.at("late"), served.folder.at("hangs"));
    served.describe("slow", &late(&served, &server, &secret));
    served.describe("shop", &client(&server, served.api, &secret));
    let mut gateway = Gateway::start(with_config(&served.path));
    assert_eq!((served.ask(&gateway.url, "slow").0, served.ask(&gateway.url, "shop").0), (200, 200));
    fs::write(&is_late, "").unwrap();
    gateway.signal(Signal::HUP);
    until(|| Path::new(&hangs).exists());
    gateway.hear("read again and is used");
    let text = fs::read_to_string(&served.path).unwrap();
    let (_, _, digest) = served.keys.iter().find(|(name, ..)| name == "shop").unwrap();
    fs::write(&served.path, text.replace(&format!(", shop = \"{digest}\""), "")).unwrap();
    gateway.signal(Signal::HUP);
    gateway.hear("read again and is used");
    assert_eq!((served.ask(&gateway.url, "shop").0, served.ask(&gateway.url, "slow").0), (403, 200));
}

/// A gateway that listens, whose stderr is full from then on, and the end of it that nobody reads.
pub(super) fn unread(mut command: Command) -> (Gateway, BufReader<PipeReader>) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let child = command.stdout(Stdio::null()).stderr(writer.try_clone().unwrap()).spawn().unwrap();
    let (_, said) = channel();
    let mut gateway = Gateway { child, said, heard: Vec::new(), url: String::new(), admin: String::new() };
    let (mut listening, mut reader) = (String::new(), BufReader::new(reader));
    reader.read_line(&mut listening).unwrap();
    let listening: Value = serde_json::from_str(&listening).unwrap();
    gateway.url = listening["listen"][0].as_str().unwrap().to_owned();
    gateway.admin = listening["admin"].as_str().unwrap().to_owned();
    // It takes nothing more once a byte finds no room: a pipe that is full stays so.
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    for piece in [4096, 1] {
        while writer.write(&vec![b'.'; piece]).is_ok() {}
    }
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    (gateway, reader)
}

#[test]
fn a_stderr_that_nobody_reads_holds_up_no_tenant() {
    let server = Server::start().unwrap();
    let names: Vec<String> =
        (0..100).map(|number| format!("faulty-{number}")).chain(["shop".to_owned()]).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let served = Served::new(&names, |_| String::new());
    let secret = served.secret("secret", Server::CLIENT_SECRET);
    served.describe("shop", &client(&server, served.api, &secret));
    let (gateway, _unread) = unread(with_config(&served.path));
    for name in &names[..100] {
        served.describe(name, "nonsense = 1\n");
        assert_eq!(served.ask(&gateway.url, name).0, 500, "{name}");
    }
    assert_eq!(served.ask(&gateway.url, "shop").0, 200);
}

#[test]
fn a_stderr_that_nobody_reads_keeps_no_key_from_being_taken_away() {
    let server = Server::start().unwrap();
    let served = Served::new(&["shop", "office", "store"], |_| String::new());
    let secret = served.secret("secret", Server::CLIENT_SECRET);
    for (name, ..) in &served.keys {
        served.describe(name, &client(&server, served.api, &secret));
    }
    let (gateway, _unread) = unread(with_config(&served.path));
    // What is said of the first one finds no reader.
    for name in ["store", "office"] {
        assert_eq!(served.ask(&gateway.url, name).0, 200);
        let text = fs::read_to_string(&served.path).unwrap();
        let (_, _, digest) = served.keys.iter().find(|(known, ..)| known == name).unwrap();
        fs::write(&served.path, text.replace(&format!(", {name} = \"{digest}\""), "")).unwrap();
        gateway.signal(Signal::HUP);
        until(|| served.ask(&gateway.url, name).0 == 403);
    }
    assert_eq!(served.ask(&gateway.url, "shop").0, 200);
}

#[test]
fn what_is_wrong_with_tenants_is_found_by_a_check_and_at_the_start() {
    let server = Server::start().unwrap();
    let check = |served: &Served| {
        let mut command = evergrant(&["config", "check", "--config"]);
        command.arg(&served.path);
        command
    };
    let served = Served::new(&["shop"], |api| format!("[tenants.shop]\n{}", client(&server, api, "secret")));
    let secret = served.secret("secret", Server::CLIENT_SECRET);
    served.describe("office", &client(&server, served.api, &secret));
    let said = run(&mut check(&served)).stdout;
    assert!(said.contains("gateway: 1 route at 127.0.0.1:0, 2 tenants"), "{said}");
    served.describe("office", "ca_file = \"x\"\n");
    fails(&mut check(&served), 2, &["office.toml:1: a tenant has no ca_file of its own"]);
    let faulty = Served::new(&["shop"], |_| {
        "[tenants.Shop]\nclient_id = \"x\"\n[tenants.b]\nprovider = \"myparcel\"\nclient_id = \"x\"\ntimeout = \"1s\"\n".into()
    });
    let words = [
        "no key can have this name",
        "a tenant has no timeout of its own",
        "there is no client_secret",
        "(tenant b)",
    ];
    fails(&mut check(&faulty), 2, &words);
    fails(&mut with_config(&faulty.path), 2, &words);
    for (from, to, words) in [
        ("caller = \"tenants\"", "caller = \"others\"", "caller: this is not tenants"),
        ("upstream = ", "# ", "a route for tenants must say where it leads"),
        ("keys = { shop", "anyone = true } #", "no listener has keys"),
    ] {
        let served = Served::new(&["shop"], |_| String::new());
        let text = fs::read_to_string(&served.path).unwrap();
        fs::write(&served.path, text.replace(from, to)).unwrap();
        fails(&mut with_config(&served.path), 2, &[words]);
    }
}

#[test]
fn a_tenant_signs_with_a_key_of_its_own_which_is_renewed_without_a_word() {
    let keys = [(); 2].map(|()| rcgen::KeyPair::generate().unwrap().serialize_pem());
    let registered = |pem: &str| evergrant_mock::Issuer::with_key("erp", pem, None).unwrap().registration();
    let server = Server::builder().registers(registered(&keys[0])).start().unwrap();
    server.set_lifetime(Duration::from_secs(2));
    let served = Served::new(&["shop"], |_| String::new());
    served.folder.file("key.pem", 0o600, &keys[0]);
    let api = served.api;
    let lines = format!(
        "issuer = \"{}\"\nclient_id = \"erp\"\nsigning_key = {{ file = \"../key.pem\" }}\norigins = [\"http://{api}\"]\n",
        server.issuer()
    );
    served.describe("shop", &lines);
    let mut gateway = Gateway::start(with_config(&served.path));
    gateway.until_ready();
    assert!(served.gets_one_of(&gateway, "shop", &server));
    server.register(registered(&keys[1]));
    served.folder.file("next", 0o600, &keys[1]);
    fs::rename(served.folder.at("next"), served.folder.at("key.pem")).unwrap();
    let granted = server.counts().token_granted;
    // A token that lives 2 s has been replaced twice.
    until(|| served.ask(&gateway.url, "shop").0 != 0 && server.counts().token_granted > granted + 1);
    assert!(served.gets_one_of(&gateway, "shop", &server));
    gateway.interrupt();
    let (status, _, said) = gateway.end();
    assert_eq!(status.code(), Some(0));
    assert!(!said.contains("its client has changed"), "{said}");
}
