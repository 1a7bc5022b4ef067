//! What the README shows for any server, run against one on loopback: the same lines, with other hosts.

use evergrant_mock::Server;
use evergrant_tests::install_tls;
use evergrant_tokio_reqwest::{Api, Client, ClientAuth, Origins, Provider, Tokens};

/// What the README has, and what stands for it here.
const HERE: [(&str, &str); 6] = [
    (r#""https://auth.example.com/token""#, "&server.token_endpoint()"),
    (
        r#"std::env::var("CLIENT_SECRET").map_err(|_| "CLIENT_SECRET is not set")?"#,
        "Server::CLIENT_SECRET.to_owned()",
    ),
    (r#""my-client-id""#, "Server::CLIENT_ID"),
    (r#"["https://api.example.com"]"#, "[server.origin()]"),
    (r#""https://api.example.com/shipments""#, r#"server.resource("/shipments")"#),
    (r#"println!("{}", shipments.text().await?);"#, "assert!(shipments.status().is_success());"),
];

async fn any_other_server(server: &Server) -> Result<(), Box<dyn std::error::Error>> {
    let secret = Server::CLIENT_SECRET.to_owned();
    let provider = Provider::rfc6749(&server.token_endpoint())?;
    let auth = ClientAuth::basic(Server::CLIENT_ID, &secret)?;
    let tokens = Tokens::new(Client::builder(provider, auth).scope("shipments").build()?)?;
    // The token goes to these origins and to no other.
    let origins = Origins::parse([server.origin()])?;
    let api = Api::new(reqwest::Client::new(), tokens, origins);
    let shipments = api.get(server.resource("/shipments")).send().await?;
    assert!(shipments.status().is_success());
    Ok(())
}

/// The lines of a function's body, from below its head.
fn body<'a>(text: &'a str, head: &str) -> Vec<&'a str> {
    let (_, after) = text.split_once(head).expect("the function is there");
    let lines = after.lines().skip(1).take_while(|line| *line != "}");
    lines.map(str::trim).collect()
}

#[tokio::test]
async fn what_the_readme_shows_for_any_other_server_works() {
    install_tls();
    let server = Server::start().expect("loopback");
    any_other_server(&server).await.expect("the call is served");
    assert_eq!((server.counts().token_requests, server.counts().resource_requests), (1, 1));
}

#[test]
fn what_is_run_here_is_what_the_readme_shows() {
    let readme = include_str!("../README.md");
    let (first, _) = readme.split_once("## Try it").expect("what comes first");
    let shown = HERE.iter().fold(first.to_owned(), |text, (there, here)| {
        assert!(text.contains(there), "{there} is not in the README");
        text.replace(there, here)
    });
    let run = include_str!("readme.rs");
    assert_eq!(body(&shown, "async fn shipments()"), body(run, "async fn any_other_server(server: &Server)"));
}
