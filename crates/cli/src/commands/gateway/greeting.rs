//! What is said when the gateway listens: where, as whom it calls what, and who may call it.

use super::address::{base, url};
use super::plan::{Described, Served};
use crate::client::profile::gateway::Listen;
use crate::tell::escaped;
use crate::tell::manner::Manner;
use crate::tell::stderr;
use evergrant_gateway::{Access, Address, Running};
use serde_json::json;

pub(super) fn greet(
    running: &Running,
    routes: &[Served],
    issued: &[String],
    listen: &[Listen],
    page: Option<&str>,
    manner: Manner,
) {
    if manner.quiet {
        return;
    }
    let at: Vec<String> = running.addresses().iter().map(|address| base(running, address)).collect();
    let giving: Vec<String> = running.issuing().iter().map(|address| base(running, address)).collect();
    let admin = running.admin().and_then(Result::ok).map(|address| url(&Address::Tcp(address)));
    if manner.json {
        let route = |served: &Served| {
            let Served { route, client } = served;
            let (client_id, server) = client.as_ref().map(|client| (&client.id, &client.server)).unzip();
            json!({ "path": route.path().as_str(), "upstream": route.upstream().to_string(), "client_id": client_id, "server": server })
        };
        let routes: Vec<_> = routes.iter().map(route).collect();
        let mut said = json!({ "listen": at, "admin": admin, "routes": routes });
        if !issued.is_empty() {
            said["issue"] = json!({ "listen": giving, "profiles": issued });
        }
        if let Some(page) = page {
            said["demo_page"] = page.into();
        }
        stderr::line(escaped::json(&said));
    } else {
        if !at.is_empty() {
            stderr::note(format_args!("listening at {}", at.join(" and ")));
        }
        for Served { route, client } in routes {
            let (path, upstream) = (route.path(), route.upstream());
            match client {
                Some(Described { id, server }) => stderr::note(format_args!(
                    "requests to {path} go to {upstream} with the tokens of client {id} from {server}"
                )),
                None => stderr::note(format_args!(
                    "requests to {path} go to {upstream} with the tokens of the caller's own client, one for each tenant"
                )),
            }
        }
        if !issued.is_empty() {
            let (giving, profiles) = (giving.join(" and "), issued.join(", "));
            stderr::note(format_args!(
                "programs of this machine get tokens at {giving}, those of {profiles}"
            ));
        }
        if let Some(admin) = admin {
            stderr::note(format_args!("status, health and metrics at {admin}"));
        }
        if let Some(page) = page {
            stderr::note(format_args!("demo page at {page}"));
        }
    }
    for warning in warnings(listen) {
        stderr::warning(warning);
    }
}

/// Who may act as the client, where nobody would expect it.
fn warnings(listen: &[Listen]) -> Vec<String> {
    const EVERY_USER: &str = "every user of this machine can call the gateway, and acts as the client; with --listen unix:PATH only you can";
    let is_open = |listen: &&Listen| match (&listen.access, &listen.address) {
        (None, Address::Unix(_)) => false,
        (None | Some(Access::Anyone), _) => true,
        _ => false,
    };
    let (here, beyond): (Vec<&Listen>, Vec<&Listen>) =
        listen.iter().filter(is_open).partition(|listen| listen.address.is_local());
    let beyond = beyond.iter().map(|listen| {
        format!("everybody who can reach {} can call the gateway, and acts as the client", listen.address)
    });
    beyond.chain((!here.is_empty()).then(|| EVERY_USER.to_owned())).collect()
}
