//! From what was said to a client.

use crate::args::{Auth, Body, ClientArgs, ProviderName};
use crate::failure::Failure;
use crate::secret;
use evergrant_tokio_reqwest::{BodyFormat, Client, ClientAuth, Provider, myparcel};

/// The client these arguments describe.
pub(crate) fn client(args: &ClientArgs) -> Result<Client, Failure> {
    let provider = provider(args)?;
    let auth = auth(args)?;
    let mut builder = Client::builder(provider, auth);
    if let Some(scope) = &args.scope {
        builder = builder.scope(scope);
    }
    if let Some(audience) = &args.audience {
        builder = builder.audience(audience);
    }
    for uri in &args.resource {
        builder = builder.resource(uri);
    }
    for parameter in &args.param {
        let Some((name, value)) = parameter.split_once('=') else {
            // Its text may be a secret: it is not shown.
            return Err(Failure::usage("a --param has no =", "write it as --param name=value"));
        };
        builder = builder.param(name, value);
    }
    Ok(builder.build()?)
}

fn name(args: &ClientArgs) -> Result<ProviderName, Failure> {
    match (args.provider, &args.token_endpoint) {
        (Some(name), _) => Ok(name),
        (None, Some(_)) => Ok(ProviderName::Rfc6749),
        (None, None) => Err(Failure::usage(
            "there is no authorization server to ask",
            "name one with --provider myparcel or myparcel-sandbox, or with --token-endpoint URL",
        )),
    }
}

fn provider(args: &ClientArgs) -> Result<Provider, Failure> {
    let named = match name(args)? {
        ProviderName::Myparcel => myparcel::production(),
        ProviderName::MyparcelSandbox => myparcel::sandbox(),
        ProviderName::Rfc6749 => {
            let Some(url) = &args.token_endpoint else {
                return Err(Failure::usage(
                    "there is no token endpoint",
                    "name it with --token-endpoint URL",
                ));
            };
            Provider::rfc6749(url)?
        }
    };
    let provider = match &args.token_endpoint {
        Some(url) => named.with_token_endpoint(url)?,
        None => named,
    };
    Ok(match args.body {
        Some(Body::Form) => provider.with_body(BodyFormat::Form),
        Some(Body::Json) => provider.with_body(BodyFormat::Json),
        None => provider,
    })
}

fn auth(args: &ClientArgs) -> Result<ClientAuth, Failure> {
    let Some(id) = args.client_id.as_deref() else {
        return Err(Failure::usage(
            "there is no client id",
            "set EVERGRANT_CLIENT_ID, or name it with --client-id",
        ));
    };
    let method = match (args.auth, name(args)?) {
        (Some(method), _) => method,
        (None, ProviderName::Rfc6749) => Auth::Basic,
        (None, _) => Auth::Post,
    };
    if method == Auth::None {
        return Ok(ClientAuth::none(id)?);
    }
    let secret = secret::read(args.client_secret_file.as_deref())?;
    Ok(match method {
        Auth::Post => ClientAuth::post(id, &secret)?,
        Auth::BasicRaw => ClientAuth::basic_raw(id, &secret)?,
        Auth::Basic | Auth::None => ClientAuth::basic(id, &secret)?,
    })
}
