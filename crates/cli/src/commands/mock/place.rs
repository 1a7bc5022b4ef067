//! Where the servers are, and as whom they are asked: in words, as JSON, as variables.

use evergrant_mock::Server;
use serde_json::{Value, json};

const CA_FILE: &str = "EVERGRANT_CA_FILE";

/// Where the servers are reached.
pub(super) struct Place {
    token_endpoint: String,
    api: String,
    /// The file with the root of their certificate, if they speak TLS.
    ca_file: Option<String>,
}

impl Place {
    /// The server itself.
    pub(super) fn of(server: &Server) -> Self {
        Self { token_endpoint: server.token_endpoint(), api: server.origin(), ca_file: None }
    }

    /// What speaks TLS in front of the server, at this origin.
    pub(super) fn over_tls(server: &Server, origin: &str, ca_file: String) -> Self {
        let token_endpoint = server.token_endpoint().replacen(&server.origin(), origin, 1);
        Self { token_endpoint, api: origin.to_owned(), ca_file: Some(ca_file) }
    }

    pub(super) fn json(&self) -> Value {
        let mut told = json!({
            "token_endpoint": self.token_endpoint,
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
            ("EVERGRANT_MOCK_API", &self.api),
        ];
        variables.extend(self.ca_file.as_deref().map(|file| (CA_FILE, file)));
        variables
    }

    /// For a reader, with a command to try.
    pub(super) fn words(&self) -> String {
        let (endpoint, resource) = (&self.token_endpoint, self.resource());
        let (id, secret) = (Server::CLIENT_ID, Server::CLIENT_SECRET);
        let (mut ca_file, mut trusting) = (String::new(), String::new());
        if let Some(file) = &self.ca_file {
            ca_file = format!("CA file         {file}\n");
            trusting = format!("{CA_FILE}={} ", quoted(file));
        }
        format!(
            "token endpoint  {endpoint}\n\
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
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
