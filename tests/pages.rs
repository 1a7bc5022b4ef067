//! The Rust of the guide, page by page: every block is compiled, and run unless it says otherwise.

/// A page whose blocks are tests of the documentation.
macro_rules! pages {
    ($($name:ident: $path:literal),+ $(,)?) => {
        $(
            #[doc = include_str!(concat!("../docs/guide/src/", $path))]
            pub struct $name;
        )+
    };
}

pages! {
    Introduction: "introduction.md",
    Choose: "choose.md",
    Server: "server.md",
    Keycloak: "providers/keycloak.md",
    Entra: "providers/entra.md",
    Auth0: "providers/auth0.md",
    Okta: "providers/okta.md",
    Cognito: "providers/cognito.md",
    Ping: "providers/ping.md",
    Salesforce: "providers/salesforce.md",
    MyParcel: "providers/myparcel.md",
    Credentials: "credentials.md",
    Tenants: "tenants.md",
    Fleet: "fleet.md",
    Testing: "testing.md",
    Errors: "errors.md",
    Lifecycle: "lifecycle.md",
    Tracing: "tracing.md",
    Metrics: "metrics.md",
}
