use super::super::{Of, Profiles};
use std::fs;
use std::path::Path;
use std::time::Duration;

const HEAD: &str = "[profile.a]\nprovider = \"myparcel\"\nclient_id = \"me\"\n";
const ROUTE: &str = "[[gateway.route]]\npath = \"/\"\nprofile = \"a\"\n";

fn read(text: &str) -> Profiles {
    Profiles::parse("config.toml".into(), text)
}

/// What is wrong, each with its line alone.
fn faults(text: &str) -> Vec<String> {
    let failures =
        read(text).failures(Of::All).map(|failure| failure.parts().0.to_owned()).collect::<Vec<_>>();
    failures.into_iter().map(|text| text.strip_prefix("config.toml:").unwrap().to_owned()).collect()
}

/// The same of a line of `[gateway]`, which is the fifth of the file.
fn faults_of(line: &str) -> Vec<String> {
    faults(&format!("{HEAD}[gateway]\n{line}\n{ROUTE}"))
}

/// The same of a line of a route, which is the eighth of the file.
fn faults_of_route(line: &str) -> Vec<String> {
    faults(&format!("{HEAD}[gateway]\n{ROUTE}{line}\n"))
}

#[test]
fn a_file_that_says_little_has_the_defaults() {
    let table = read(&format!("{HEAD}[gateway]\n{ROUTE}")).take_gateway().unwrap();
    assert_eq!((table.listen.len(), table.admin, table.log, table.routes.len()), (0, None, None, 1));
    assert_eq!((table.bounds.max_waiters, table.bounds.connections), (1024, 4096));
}

#[test]
fn every_key_is_read() {
    let digest = "0f".repeat(32);
    let text = format!(
        "{HEAD}[gateway]
listen = [
  \"127.0.0.1:8484\",
  {{ address = \"unix:api.sock\", peers = {{ uids = [1000, 1001], gids = [33] }} }},
  {{ address = \"unix:group.sock\", peers = {{ gids = [33] }} }},
  {{ address = \"0.0.0.0:8485\", keys = {{ erp = \"sha256:{digest}\" }}, plain_http = true, hosts = [\"gw:80\"], require_header = \"X-Evergrant\" }},
  {{ address = \"[::]:8486\", anyone = true }},
]
admin = \"0.0.0.0:9000\"
ready = \"listening\"
log = \"all\"
instance = \"blue-1\"
head_bytes = \"64KiB\"
head_time = \"5s\"
idle_callers = \"1m\"
idle_upstream = \"20s\"
idle_body = \"30s\"
connections = 100
admitted = 200
max_waiters = 300
replay_memory = \"1GiB\"
turns = 64
handshakes = 8
connect_time = \"2s\"
grace = \"1s\"
drain_time = \"10s\"
[[gateway.route]]
path = \"/orders/\"
profile = \"a\"
upstream = \"https://api.example.com/v1\"
methods = [\"GET\", \"QUERY\"]
callers = [\"erp\"]
origins = \"https://app.example.com\"
cookies = true
links = [\"https://old.example.com\", \"http://older.example.com/v1\"]
authorization = \"drop\"
on_refused = \"pass\"
strip = true
via = false
encoded_slash = true
ca = \"ca.pem\"
patience = \"10s\"
max_body = \"1MiB\"
replay_body = 0
answer_timeout = \"2m\"
{ROUTE}"
    );
    assert_eq!(faults(&text), [] as [&str; 0]);
    let table = read(&text).take_gateway().unwrap();
    assert_eq!((table.listen.len(), table.routes.len(), table.bounds.turns), (5, 2, 64));
    assert_eq!((table.instance.as_deref(), table.bounds.max_waiters), (Some("blue-1"), 300));
}

#[test]
fn each_key_is_documented_in_the_guide_and_in_the_tables_of_the_command() {
    let page = |name: &str| {
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)).unwrap()
    };
    let command = page("command.md");
    let (_, tables) = command.split_once("The keys of `[gateway]`:").unwrap();
    let (tables, _) = tables.split_once("\n## ").unwrap();
    let guide = page("guide/src/gateway.md");
    let keys =
        super::KEYS.iter().chain(&super::BOUNDS).chain(&super::route::KEYS).chain(&super::listen::KEYS);
    for key in keys.filter(|key| **key != "route") {
        for (page, text) in [("command.md", tables), ("gateway.md", &guide)] {
            assert!(text.contains(&format!("`{key}`")), "{page} does not have {key}");
        }
    }
    let issue = page("guide/src/issue.md");
    for key in &super::issue::KEYS {
        assert!(issue.contains(&format!("| `{key}` |")), "issue.md does not have {key}");
    }
}

#[test]
fn what_is_wrong_with_a_value_is_told_with_its_line() {
    let key = |keys: &str| format!("listen = {{ address = \"localhost:1\", keys = {keys} }}");
    for (line, says) in [
        ("listen = \"localhost\"", "listen: an address to listen at is"),
        ("listen = []", "listen: this is empty"),
        ("listen = [\"localhost:1\", \"localhost:1\"]", "listen: this address is repeated"),
        ("listen = \"0.0.0.0:8484\"", "listen: this address can be reached from other machines"),
        ("listen = { anyone = true }", "listen: there is no address"),
        (
            "listen = { address = \"localhost:1\", peers = { uids = [1] } }",
            "listen: users are known over a Unix socket alone",
        ),
        ("listen = { address = \"unix:a\", peers = {} }", "peers: it names nobody"),
        (
            "listen = { address = \"unix:a\", peers = { uids = [-1] } }",
            "uids: this is not a number that it can have",
        ),
        ("listen = { address = \"unix:a\", peers = { users = [1] } }", "unknown key users"),
        (
            "listen = { address = \"unix:a\", anyone = true, peers = { uids = [1] } }",
            "listen: it has peers and anyone",
        ),
        (
            "listen = { address = \"localhost:1\", hosts = [\"a/b\"] }",
            "hosts: this is not the name of a host",
        ),
        (
            "listen = { address = \"localhost:1\", require_header = \"a b\" }",
            "require_header: this is not the name",
        ),
        ("listen = { address = \"localhost:1\", tls = true }", "tls: this is not a table"),
        ("listen = { address = \"localhost:1\", tls = { certificate = \"a\" } }", "tls: there is no key"),
        ("listen = { address = \"localhost:1\", host = [\"a\"] }", "unknown key host"),
        (&key("{}"), "keys: there is no key"),
        (&key("{ a = \"secret\" }"), "a: this is not sha256: and 64 hexadecimal digits"),
        (&key(&format!("{{ A = \"sha256:{}\" }}", "0".repeat(64))), "keys: the name of key 1 must have"),
        (
            &format!(
                "listen = {{ address = \"0.0.0.0:1\", keys = {{ a = \"sha256:{}\" }} }}",
                "0".repeat(64)
            ),
            "listen: the keys would be sent in clear",
        ),
        ("admin = \"localhost:1\"", "admin: this is not an IP address and a port"),
        ("ready = \"no\"", "ready: this is not one of its values"),
        ("log = \"some\"", "log: this is not one of its values"),
        ("instance = \"a b\"", "instance: this has"),
        ("connections = 0", "connections: this is not a number that it can have"),
        ("connections = \"1\"", "connections: this is not a number that it can have"),
        ("head_bytes = 1", "head_bytes: this is not a number of bytes that it can have"),
        ("head_bytes = \"64kb\"", "head_bytes: this is not a number of bytes that it can have"),
        ("head_time = 5", "head_time: this is not a string"),
        ("issue = {}", "issue: there is no listen"),
        ("issue = { listen = \"unix:a\", profiles = [] }", "profiles: this is empty"),
        (
            "issue = { listen = \"unix:a\", profiles = [\"a/b\"] }",
            "profiles: the name \"a/b\" is part of a path",
        ),
        ("issue = { listen = \"unix:a\", profiles = [\"a\", \"a\"] }", "profiles: this profile is repeated"),
        ("issue = { listen = \"unix:a\", profiles = [\"b\"] }", "profile: there is no profile b"),
        ("issue = { listen = \"unix:a\", keys = {} }", "unknown key keys"),
        ("issue = { listen = \"unix:a\", patience = 5 }", "patience: this is not a string"),
        ("issue = { listen = \"localhost:1\" }", "listen: whoever gets a token here must be known"),
        (
            "issue = { listen = { address = \"unix:a\", anyone = true } }",
            "listen: whoever gets a token here must be known",
        ),
        (
            "issue = { listen = { address = \"0.0.0.0:1\", anyone = true } }",
            "listen: tokens are given out on this machine alone",
        ),
        (
            "issue = { listen = { address = \"localhost:1\", peers = { uids = [1] } } }",
            "listen: users are known over a Unix socket alone",
        ),
        ("conections = 5", "unknown key conections"),
    ] {
        let found = faults_of(line);
        assert!(found.len() == 1 && found[0].starts_with(&format!("5: {says}")), "{line}: {found:?}");
    }
}

#[test]
fn what_is_wrong_with_a_route_is_told_with_its_line() {
    for (line, says) in [
        ("upstream = \"ftp://api.example.com\"", "upstream: "),
        ("upstream = \"https://user@api.example.com\"", "upstream: "),
        ("methods = [\"get\"]", "methods: a method is written in capitals"),
        ("methods = []", "methods: this is empty"),
        ("callers = []", "callers: this is empty"),
        ("methods = [\"TRACE\"]", "methods: this method never passes"),
        ("callers = [\"erp\"]", "callers: no listener has a key of the name erp"),
        ("origins = \"app\"", "origins: "),
        ("cookies = 1", "cookies: this is neither true nor false"),
        ("authorization = \"keep\"", "authorization: this is not one of its values"),
        ("on_refused = \"keep\"", "on_refused: this is not one of its values"),
        ("max_body = -1", "max_body: this is not a number of bytes"),
        ("links = 1", "links: this is neither true nor false"),
        ("links = []", "links: this is empty"),
        ("links = \"api.example.com\"", "links: "),
        ("links = [\"https://api.example.com/?a\"]", "links: "),
        ("upgrade = [\"h2c\"]", "upgrade: this would be HTTP past the gateway"),
        ("upgrade = [\"web socket\"]", "upgrade: this is not the name of a protocol"),
        ("http2 = 1", "http2: this is neither true nor false"),
        ("certificate = \"a.pem\"", "this version does not have certificate yet"),
        ("pattience = \"1s\"", "unknown key pattience"),
    ] {
        let found = faults_of_route(line);
        assert!(found.len() == 1 && found[0].starts_with(&format!("8: {says}")), "{line}: {found:?}");
    }
}

#[test]
fn a_text_that_is_meant_for_true_is_told_what_links_takes() {
    let text = format!("{HEAD}[gateway]\n{ROUTE}links = \"true\"\n");
    let said: Vec<_> =
        read(&text).failures(Of::Gateway).map(|failure| failure.parts().1.to_owned()).collect();
    assert_eq!(said, ["write true, false, or other URLs of the API in a list"]);
}

#[test]
fn routes_are_compared_with_each_other_and_with_the_profiles() {
    let route =
        |path: &str, profile: &str| format!("[[gateway.route]]\npath = \"{path}\"\nprofile = {profile}\n");
    let of = |routes: &str| faults(&format!("{HEAD}[gateway]\n{routes}"));
    assert_eq!(of(&(route("/a", "\"a\"") + &route("/a/", "\"a\""))), [] as [&str; 0]);
    assert_eq!(of(&(route("/a", "\"a\"") + &route("/a", "\"a\""))), ["9: path: it is that of line 6"]);
    assert_eq!(of(&route("/a/../b", "\"a\"")).len(), 1);
    assert_eq!(of(&route("/", "\"b\"")), ["7: profile: there is no profile b"]);
    assert_eq!(of(&route("/", "{ caller = \"x\" }")), ["7: caller: this is not tenants"]);
    assert_eq!(of(&route("/", "{ client = \"x\" }")), ["7: unknown key client"]);
    assert_eq!(of(&route("/", "{}")), ["7: profile: it names nothing"]);
    assert_eq!(of("[[gateway.route]]\n"), ["5: route: there is no path", "5: route: there is no profile"]);
    assert_eq!(of(""), ["4: gateway: there is no route"]);
    assert_eq!(faults("[store]\nredis = \"a\"\n"), ["1: this version does not have store yet"]);
}

#[test]
fn what_is_settled_at_the_start_is_known_by_its_keys() {
    let table = |lines: &str| read(&format!("{HEAD}[gateway]\n{lines}\n{ROUTE}")).take_gateway().unwrap();
    let before = table("turns = 5\ngrace = \"1s\"\nlisten = \"localhost:1\"");
    let needs = |lines: &str| table(lines).needs_restart(before.settled());
    assert_eq!(needs("grace = \"1s\"\nturns = 5\nlisten = \"localhost:2\""), [] as [&str; 0]);
    assert_eq!(needs("turns = 6\nadmin = \"none\""), ["admin", "grace", "turns"]);
}

#[test]
fn a_fault_of_a_tenant_concerns_nobody_but_the_gateway() {
    let text = format!("{HEAD}[tenants.x]\nclient_id = \"x\"\ncache = true\n[gateway]\n{ROUTE}");
    let profiles = read(&text);
    let count = |of| profiles.failures(of).count();
    assert_eq!(
        (count(Of::All), count(Of::Gateway), count(Of::Profiles), count(Of::Profile("a"))),
        (2, 2, 0, 0)
    );
    assert_eq!(
        faults(&text),
        ["5: there is no client_secret (tenant x)", "6: a tenant has no cache of its own (tenant x)"]
    );
    let without = "[tenants.x]\nclient_id = \"x\"\nauth = \"none\"\n";
    assert_eq!(faults(without), [] as [&str; 0]);
}

#[test]
fn a_tenant_is_told_of_no_key_that_it_may_not_have() {
    let text = format!("{HEAD}[tenants.x]\nclient_idd = \"x\"\nauth = \"none\"\n[gateway]\n{ROUTE}");
    let said: Vec<_> =
        read(&text).failures(Of::Gateway).map(|failure| failure.parts().1.to_owned()).collect();
    let [said] = said.as_slice() else { panic!("{said:?}") };
    assert!(
        said.starts_with("did you mean client_id?") && said.ends_with(", dangerous_plain_http"),
        "{said}"
    );
    assert!(["ca_file", "proxy", "timeout", "cache"].iter().all(|key| !said.contains(key)), "{said}");
}

#[test]
fn a_fault_of_the_gateway_concerns_nobody_but_the_gateway() {
    let profiles = read(&format!("{HEAD}[profile.b]\nscop = \"x\"\n[gateway]\nlog = 1\n{ROUTE}"));
    let count = |of| profiles.failures(of).count();
    assert_eq!((count(Of::All), count(Of::Gateway)), (2, 1));
    assert_eq!((count(Of::Profiles), count(Of::Profile("a")), count(Of::Profile("b"))), (1, 0, 1));
    let profiles = read(&format!("[profile.a]\nscop = \"x\"\n[gateway]\n{ROUTE}"));
    assert_eq!(profiles.failures(Of::Gateway).count(), 1, "a profile that a route names");
}

#[test]
fn a_value_is_never_shown() {
    let secret = "a-key-that-was-pasted-here";
    for line in [
        format!("listen = {{ address = \"localhost:1\", keys = {{ a = \"{secret}\" }} }}"),
        format!("admin = \"{secret}\""),
        format!("instance = \"{secret} {secret}\""),
    ] {
        let text = format!("{HEAD}[gateway]\n{line}\n{ROUTE}");
        let shown: Vec<String> = read(&text).failures(Of::All).map(|failure| failure.to_string()).collect();
        assert!(shown.len() == 1 && !shown[0].contains(secret), "{shown:?}");
    }
}

#[test]
fn tokens_are_given_out_beside_routes_or_without_any() {
    let issue = |more: &str| format!("[gateway.issue]\nlisten = \"unix:a.sock\"\n{more}");
    let table = read(&format!("{HEAD}[gateway]\n{ROUTE}{}", issue(""))).take_gateway().unwrap();
    assert_eq!(table.issue.unwrap().names(&table.routes), ["a"], "those of the routes");
    let more = "profiles = [\"b\", \"a\"]\npatience = \"5s\"\n";
    let text = format!("{HEAD}[profile.b]\nprovider = \"myparcel\"\nclient_id = \"b\"\n{}", issue(more));
    assert_eq!(faults(&text), [] as [&str; 0]);
    let table = read(&text).take_gateway().unwrap();
    let issue_table = table.issue.unwrap();
    assert_eq!((issue_table.names(&table.routes).len(), table.routes.len()), (2, 0));
    assert_eq!(issue_table.patience, Some(Duration::from_secs(5)));
    for (text, says) in [
        (format!("{HEAD}{}", issue("")), "4: issue: there is no profile, and no route"),
        (
            format!("{HEAD}[gateway]\nlisten = \"localhost:1\"\n{}", issue("profiles = \"a\"\n")),
            "4: gateway: it listens, and there is no route",
        ),
        (
            format!("{HEAD}[gateway]\nlisten = \"unix:a.sock\"\n{ROUTE}{}", issue("")),
            "9: issue: it listens at unix:a.sock, as the routes do",
        ),
        (
            format!(
                "{}[gateway]\n{}{}",
                HEAD.replace("profile.a", "profile.A"),
                ROUTE.replace("\"a\"", "\"A\""),
                issue("")
            ),
            "8: issue: the name of profile A cannot be part of a path",
        ),
    ] {
        let found = faults(&text);
        assert!(found.len() == 1 && found[0].starts_with(says), "{found:?}");
    }
}
