//! Where the servers are, and as whom they are asked: in words, as JSON, as variables.

use evergrant_mock::Server;
use serde_json::{Value, json};
use std::ffi::OsString;

const CA_FILE: &str = "EVERGRANT_CA_FILE";
/// What the servers are called.
pub(super) const ISSUER: &str = "EVERGRANT_MOCK_ISSUER";

/// Where the servers are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    token_endpoint: String,
    issuer: String,
    api: String,
    /// The file with the root of their certificate, if they speak TLS.
    ca_file: Option<String>,
}

impl Place {
    pub(super) fn of(server: &Server, ca_file: Option<String>) -> Self {
        Self {
            token_endpoint: server.token_endpoint(),
            issuer: server.issuer(),
            api: server.origin(),
            ca_file,
        }
    }

    /// As `json` has it, in one line; `None` if that is something else.
    pub(super) fn read(line: &str) -> Option<Self> {
        let told: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| Some(told.get(name)?.as_str()?.to_owned());
        Some(Self {
            token_endpoint: text("token_endpoint")?,
            issuer: text("issuer")?,
            api: text("api")?,
            ca_file: text("ca_file"),
        })
    }

    pub(super) fn json(&self) -> Value {
        let mut told = json!({
            "token_endpoint": self.token_endpoint,
            "issuer": self.issuer,
            "api": self.api,
            "resource": self.resource(),
            "client_id": Server::CLIENT_ID,
            "client_secret": Server::CLIENT_SECRET,
        });
        if let Some(ca_file) = &self.ca_file {
            told["ca_file"] = ca_file.as_str().into();
        }
        told
    }

    /// What makes a program a client of these servers.
    pub(super) fn variables(&self) -> Vec<(&'static str, &str)> {
        let mut variables = vec![
            ("EVERGRANT_TOKEN_ENDPOINT", self.token_endpoint.as_str()),
            ("EVERGRANT_CLIENT_ID", Server::CLIENT_ID),
            ("EVERGRANT_CLIENT_SECRET", Server::CLIENT_SECRET),
            ("EVERGRANT_ALLOW_ORIGIN", &self.api),
            (ISSUER, &self.issuer),
            ("EVERGRANT_MOCK_API", &self.api),
        ];
        variables.extend(self.ca_file.as_deref().map(|file| (CA_FILE, file)));
        variables
    }

    /// The variables of ours that are set, which may make a program the client of others.
    pub(super) fn others() -> impl Iterator<Item = OsString> {
        let names = std::env::vars_os().map(|(name, _)| name);
        names.filter(|name| name.to_string_lossy().starts_with("EVERGRANT_"))
    }

    /// For a reader, with a command to try.
    pub(super) fn words(&self) -> String {
        let (endpoint, issuer, resource) = (&self.token_endpoint, &self.issuer, self.resource());
        let (id, secret) = (Server::CLIENT_ID, Server::CLIENT_SECRET);
        let (mut ca_file, mut trusting) = (String::new(), String::new());
        if let Some(file) = &self.ca_file {
            ca_file = format!("CA file         {file}\n");
            trusting = format!("{CA_FILE}={} ", quoted(file));
        }
        format!(
            "token endpoint  {endpoint}\n\
             issuer          {issuer}\n\
             resource API    {resource}\n\
             client id       {id}\n\
             client secret   {secret}\n\
             {ca_file}\n\
             Try it in another terminal:\n  \
             {trusting}EVERGRANT_CLIENT_SECRET={secret} evergrant token --token-endpoint {endpoint} --client-id {id}"
        )
    }

    fn resource(&self) -> String {
        format!("{}/shipments", self.api)
    }
}

/// A text as one word of a POSIX shell.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
