use super::super::status::{Graphs, Reload, Shown, Source, Tenants, TokenRequest};
use super::{SCRIPT, STYLE, Text, html, policy};
use crate::log::Line;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evergrant_core::{Client, ClientAuth, Now, Provider, Reason, Response};
use evergrant_drive::RequestStatus;
use evergrant_tokio_reqwest::Tokens;
use std::time::{Duration, Instant};

const EVIL: &str = "<script>alert(1)</script>\"'&";

fn shown(sources: Vec<Source<'_>>) -> Shown<'_> {
    Shown {
        instance: "test",
        ready: true,
        draining: false,
        up: 61,
        in_flight: 3,
        queued: 2,
        connections: 4,
        requests: 5,
        reload: None,
        sources,
        tenants: Vec::new(),
        token_requests: Vec::new(),
        history: Graphs { interval: 1, queued: vec![0, 5, 10], calls: vec![0, 0, 0] },
        answered_here: Vec::new(),
    }
}

/// What the client is told by a server that answers so.
fn cause(body: &str) -> evergrant_core::Cause {
    let provider = Provider::rfc6749("https://auth.example/token").unwrap();
    let auth = ClientAuth::basic("client", "secret").unwrap();
    let client = Client::builder(provider, auth).build().unwrap();
    let answer = Response::new(400)
        .with_header("Content-Type", b"application/json")
        .with_body(body.as_bytes().to_vec());
    evergrant_core::Cause::Refused(std::sync::Arc::new(client.read(&answer, Now::default()).unwrap_err()))
}

#[test]
fn each_part_that_is_refreshed_is_there_once_whatever_there_is_to_show() {
    let ids = |page: &str| -> Vec<String> {
        let parts = page.split('<').filter(|tag| tag.contains(" data-live"));
        parts.map(|tag| tag.split("id=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()).collect()
    };
    let none = ids(&html(&shown(Vec::new())));
    assert!(none.iter().any(|id| id == "tenants"), "{none:?}");
    let pool = |name| Tenants {
        name,
        sources: 1,
        held: 1,
        resting: 0,
        waiting: 0,
        in_flight: 0,
        evicted: 0,
        full: 0,
    };
    let mut two = shown(Vec::new());
    two.tenants = vec![pool("shops"), pool("offices")];
    let page = html(&two);
    assert!(
        page.contains("shops: clients in use 1,") && page.contains("offices: clients in use 1,"),
        "{page}"
    );
    assert_eq!(ids(&page), none);
}

#[test]
fn no_text_of_others_is_read_as_html() {
    let tokens = Tokens::fixed("t").unwrap();
    let mut status = tokens.status();
    let said = r#"{"error":"invalid_client","error_description":"<b onclick='x()'>no</b>"}"#;
    status.request = RequestStatus::Resting(Duration::from_secs(4), cause(said));
    let mut shown = shown(vec![Source { name: EVIL, status, life: None }]);
    shown.instance = EVIL;
    shown.tenants = vec![Tenants {
        name: EVIL,
        sources: 12,
        held: 11,
        resting: 1,
        waiting: 0,
        in_flight: 0,
        evicted: 0,
        full: 0,
    }];
    shown.reload = Some(Reload {
        ago: Duration::from_secs(3),
        outcome: "failed",
        fault: Some(EVIL.into()),
        needs_restart: Vec::new(),
    });
    shown.token_requests = vec![TokenRequest {
        source: EVIL,
        ago: Duration::ZERO,
        reason: Reason::First,
        outcome: Some(EVIL.into()),
    }];
    let mut line = Line::unread(None, Some(400), "syntax");
    (line.caller, line.method, line.path) = (EVIL.into(), EVIL.into(), format!("/{EVIL}"));
    shown.answered_here = vec![line];
    let page = html(&shown);
    let escaped = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;";
    assert_eq!(page.matches(escaped).count(), 9, "{page}");
    assert!(page.contains("rests for 4 s, until ") && page.contains("&lt;b onclick="), "{page}");
    assert_eq!(page.matches("<script>").count(), 1);
    assert!(!page.contains("alert(1)</script>"));
    assert_eq!(Text(EVIL).to_string(), escaped);
}

#[test]
fn its_policy_allows_its_own_script_and_style_alone() {
    let policy = policy();
    let policy = policy.to_str().unwrap();
    let page = html(&shown(Vec::new()));
    for (element, text, directive) in [("script", SCRIPT, "script-src"), ("style", STYLE, "style-src")] {
        let (_, after) = page.split_once(&format!("<{element}>")).unwrap();
        let (inside, _) = after.split_once(&format!("</{element}>")).unwrap();
        assert_eq!(inside, text);
        let hash = STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, inside.as_bytes()));
        assert!(policy.contains(&format!("{directive} 'sha256-{hash}';")), "{policy}");
    }
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    let markup = page.replace(SCRIPT, "").replace(STYLE, "");
    for forbidden in ["style=", " on", "http"] {
        assert!(!markup.contains(forbidden), "the policy forbids {forbidden}: {markup}");
    }
}

#[test]
fn the_line_of_a_graph_ends_at_now_and_its_highest_value_is_at_the_top() {
    let page = html(&shown(Vec::new()));
    assert!(page.contains("points=\"117,100 118,50 119,0 \""), "{page}");
    assert!(page.contains("waiting for a token: now 10, at most 10"), "{page}");
    assert!(page.contains("points=\"117,100 118,100 119,100 \""), "nothing is no height: {page}");
}

#[test]
fn a_bar_shows_what_is_left_of_a_life_and_when_it_is_due() {
    let mut status = Tokens::fixed("t").unwrap().status();
    let mut held = status.held.unwrap();
    (held.used_for, held.refresh_in) = (Duration::from_secs(50), Duration::from_secs(30));
    status.held = Some(held);
    let page = html(&shown(vec![Source { name: "a", status, life: Some(Duration::from_secs(100)) }]));
    assert!(
        page.contains("<rect class=\"left\" width=\"50\"")
            && page.contains("<rect class=\"due\" width=\"20\""),
        "{page}"
    );
}

/// 50 KB and 5 ms for 100 clients. The time is that of a release build on a machine that does nothing else, so here it is but a bound.
#[test]
fn a_hundred_clients_take_less_than_50_kilobytes() {
    let mut status = Tokens::fixed("t").unwrap().status();
    let mut held = status.held.unwrap();
    (held.used_for, held.refresh_in) = (Duration::from_secs(3599), Duration::from_secs(2999));
    status.held = Some(held);
    let names: Vec<String> = (0..100).map(|number| format!("a-client-of-some-length-{number}")).collect();
    let source = |name| Source { name, status: status.clone(), life: Some(Duration::from_secs(3600)) };
    let mut shown = shown(names.iter().map(|name| source(name)).collect());
    shown.history = Graphs { interval: 1, queued: vec![1234; 120], calls: vec![12_345; 120] };
    let mut line = Line::unread(Some("127.0.0.1:65535".to_owned()), Some(400), "syntax");
    line.path = "/x".repeat(20);
    shown.answered_here = vec![line; 20];
    let request = |name| TokenRequest {
        source: name,
        ago: Duration::from_secs(3599),
        reason: Reason::Early,
        outcome: Some("token 12 arrived".into()),
    };
    shown.token_requests = names.iter().take(20).map(|name| request(name)).collect();
    let began = Instant::now();
    let page = html(&shown);
    let took = began.elapsed();
    let json = serde_json::to_string(&shown).unwrap();
    println!("page: {} bytes in {took:?}; JSON: {} bytes", page.len(), json.len());
    assert!(page.len() < 50_000 && json.len() < 50_000, "{} and {} bytes", page.len(), json.len());
}
