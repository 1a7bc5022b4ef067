//! Where the servers are, and as whom they are asked: in words, as JSON, as variables.

use evergrant_mock::Server;
use serde_json::{Value, json};

/// Where the servers are reached.
pub(super) struct Place {
    token_endpoint: String,
    api: String,
}

impl Place {
    /// Of the server itself.
    pub(super) fn of(server: &Server) -> Self {
        Self { token_endpoint: server.token_endpoint(), api: server.origin() }
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "token_endpoint": self.token_endpoint,
            "api": self.api,
            "resource": self.resource(),
            "client_id": Server::CLIENT_ID,
            "client_secret": Server::CLIENT_SECRET,
        })
    }

    /// What makes a program a client of these servers.
    pub(super) fn variables(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("EVERGRANT_TOKEN_ENDPOINT", self.token_endpoint.as_str()),
            ("EVERGRANT_CLIENT_ID", Server::CLIENT_ID),
            ("EVERGRANT_CLIENT_SECRET", Server::CLIENT_SECRET),
            ("EVERGRANT_ALLOW_ORIGIN", &self.api),
            ("EVERGRANT_MOCK_API", &self.api),
        ]
    }

    /// For a reader, with a command to try.
    pub(super) fn words(&self) -> String {
        let (endpoint, resource) = (&self.token_endpoint, self.resource());
        let (id, secret) = (Server::CLIENT_ID, Server::CLIENT_SECRET);
        format!(
            "token endpoint  {endpoint}\n\
             resource API    {resource}\n\
             client id       {id}\n\
             client secret   {secret}\n\
             \n\
             Try it in another terminal:\n  \
             EVERGRANT_CLIENT_SECRET={secret} evergrant token --token-endpoint {endpoint} --client-id {id}"
        )
    }

    fn resource(&self) -> String {
        format!("{}/shipments", self.api)
    }
}
