//! Processes that share one token through a folder: twenty that start at once send one token request, and twenty more send none.
//!
//!     cargo run -p evergrant-tokio-reqwest --example processes

// An example shows what it does.
#![allow(clippy::print_stdout)]

use evergrant_crypto::StoreKey;
use evergrant_folder::FolderStore;
use evergrant_mock::Server;
use evergrant_tokio_reqwest::{Api, Client, ClientAuth, Origins, Provider, SealedStore, Tokens};
use std::env;
use std::error::Error;
use std::process::{Child, Command, Stdio};

/// What a process is told by its environment: in production by whatever starts it, the secret above all.
const FOLDER: &str = "WORKER_FOLDER";
const ENDPOINT: &str = "WORKER_TOKEN_ENDPOINT";
const API: &str = "WORKER_API";
const SECRET: &str = "WORKER_CLIENT_SECRET";

/// What seals the tokens is made of it, so it has 32 characters or more; the guide's page "Many processes, one token" has the other ways.
const LONG_SECRET: &str = "a secret of the client, of 32 characters or more";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Needed only without the feature `rustls` or `native-tls`.
    let _first = rustls::crypto::ring::default_provider().install_default();
    match env::var(FOLDER) {
        Ok(folder) => work(&folder).await,
        Err(_) => start_them_all(),
    }
}

/// One of the processes: it calls the API once.
async fn work(folder: &str) -> Result<(), Box<dyn Error>> {
    let auth = ClientAuth::post("workers", &env::var(SECRET)?)?;
    let client = Client::builder(Provider::rfc6749(&env::var(ENDPOINT)?)?, auth).build()?;
    let store = SealedStore::blocking(FolderStore::open(folder)?, StoreKey::of_client_secrets());
    let tokens = Tokens::builder(client).store(store).build()?;

    let origin = env::var(API)?;
    let api = Api::new(reqwest::Client::new(), tokens.clone(), Origins::parse([&origin])?);
    api.get(format!("{origin}/shipments")).send().await?.error_for_status()?;
    // Whoever asked tells the others before it ends, so that they need not wait until its claim is over.
    tokens.flush().await;
    Ok(())
}

fn start_them_all() -> Result<(), Box<dyn Error>> {
    let server = Server::builder().client("workers", LONG_SECRET).start()?;
    let folder = env::temp_dir().join(format!("evergrant-processes-{}", std::process::id()));
    let start = || -> std::io::Result<Child> {
        Command::new(env::current_exe()?)
            .env(FOLDER, &folder)
            .env(ENDPOINT, server.token_endpoint())
            .env(API, server.origin().as_str())
            .env(SECRET, LONG_SECRET)
            .stdin(Stdio::null())
            .spawn()
    };
    for wave in ["at once", "later"] {
        let workers: Vec<Child> = (0..20).map(|_| start()).collect::<Result<_, _>>()?;
        let mut served = 0;
        for mut worker in workers {
            served += u32::from(worker.wait()?.success());
        }
        println!(
            "{served} of 20 processes called, {wave}: {} token request in all",
            server.counts().token_requests
        );
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
