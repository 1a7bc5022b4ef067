//! `--demo-page`: a page that shows how requests wait on the device. It has a listener of its own: the API's has no pages.

use super::address::url;
use super::plan::{Plan, Served};
use crate::client::profile::gateway::Listen;
use crate::commands::small_server::{self, Answer};
use crate::tell::failure::Failure;
use evergrant_core::Origin;
use evergrant_gateway::{Access, Address, Hosts, METHODS, Running, allowed, head};
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

const PAGE: &str = include_str!("demo_page/page.html");
const STYLE: &str = include_str!("demo_page/page.css");
const SCRIPT: &str = include_str!("demo_page/page.js");
const QUEUE: &str = include_str!("demo_page/evergrant-queue.js");

/// Browsers have six connections to a server, and a page may be open more than once.
const AT_ONCE: usize = 32;

/// The page, with its listener.
pub(super) struct DemoPage {
    listener: TcpListener,
    address: SocketAddr,
}

impl DemoPage {
    /// At this address. Its port is known from here on, since routes list the page by it.
    pub(super) fn bind(address: SocketAddr) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::usage(
                format!("there can be no demo page at {address}: {error}"),
                "choose another address with --demo-page, such as 127.0.0.1:0",
            )
        };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets the page call each route.
    ///
    /// # Errors
    /// It can call none: a browser speaks to no Unix socket, and the page has no key.
    pub(super) fn allow(&self, plan: &mut Plan) -> Result<(), Failure> {
        if !plan.listen.iter().any(is_open) {
            return Err(Failure::usage(
                "--demo-page: the page can call none of the gateway's addresses: a browser uses no Unix socket, and the page has no key",
                "let the gateway listen at a loopback address without keys, too",
            ));
        }
        for Served { route, .. } in &mut plan.routes {
            *route = route.clone().more_origins(origins(self.address.port()));
        }
        Ok(())
    }

    /// Serves the page, which calls the gateway, for as long as the runtime is there.
    pub(super) fn serve(self, running: &Running, listen: &[Listen]) -> Result<(), Failure> {
        let failed = |error: std::io::Error| Failure::system("the demo page cannot be served", &error);
        let listener = tokio::net::TcpListener::from_std(self.listener).map_err(failed)?;
        let shown = Arc::new(Shown::new(self.address.port(), &gateway(running, listen)));
        tokio::spawn(small_server::serve(listener, AT_ONCE, move |request| {
            let answer = shown.answer(&request.into_parts().0);
            async { answer }
        }));
        Ok(())
    }
}

/// The origins of the page, by whichever name it came.
fn origins(port: u16) -> Vec<Origin> {
    let hosts = ["127.0.0.1", "localhost", "[::1]"];
    hosts.iter().filter_map(|host| Origin::from_parts("http", host, Some(port))).collect()
}

/// Whether a page in a browser can call it.
fn is_open(listen: &Listen) -> bool {
    let is_tcp = matches!(listen.address, Address::Localhost(_) | Address::Tcp(_));
    is_tcp && matches!(listen.access, None | Some(Access::Anyone))
}

/// The base URL of the first address that the page can call.
fn gateway(running: &Running, listen: &[Listen]) -> String {
    let Some(open) = listen.iter().find(|listen| is_open(listen)) else { return String::new() };
    match &open.address {
        // The system chose the port.
        Address::Tcp(asked) if asked.port() == 0 => {
            let is_it =
                |address: &&Address| matches!(address, Address::Tcp(bound) if bound.ip() == asked.ip());
            running.addresses().iter().find(is_it).map(url).unwrap_or_default()
        }
        address => url(address),
    }
}

/// What the page's listener answers.
struct Shown {
    hosts: Hosts,
    origins: Vec<Origin>,
    page: String,
    policy: HeaderValue,
}

impl Shown {
    fn new(port: u16, gateway: &str) -> Self {
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src {gateway}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        Self {
            hosts: Hosts::loopback(port, []),
            origins: origins(port),
            // An address, as we write it, has nothing that HTML or the policy would read otherwise.
            page: PAGE.replace("{gateway}", gateway),
            policy: HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'")),
        }
    }

    fn answer(&self, parts: &Parts) -> Answer {
        if ![Method::GET, Method::HEAD].contains(&parts.method) {
            let mut answer = small_server::text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        let denied = head(parts, &self.hosts).and_then(|_| allowed(parts, &METHODS, &self.origins));
        if let Err(denied) = denied {
            return small_server::text(denied.status(), &format!("{denied}\n"));
        }
        match parts.uri.path() {
            "/" => self.file("text/html", self.page.clone()),
            "/page.css" => self.file("text/css", STYLE.to_owned()),
            "/page.js" => self.file("text/javascript", SCRIPT.to_owned()),
            "/evergrant-queue.js" => self.file("text/javascript", QUEUE.to_owned()),
            _ => small_server::text(StatusCode::NOT_FOUND, "the page is at /\n"),
        }
    }

    fn file(&self, kind: &str, text: String) -> Answer {
        let mut answer = Response::new(text.into());
        let fields = answer.headers_mut();
        if let Ok(kind) = HeaderValue::try_from(format!("{kind}; charset=utf-8")) {
            fields.insert(CONTENT_TYPE, kind);
        }
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        fields.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        fields.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        answer
    }
}

#[cfg(test)]
mod tests;
