//! Where the token may go.

use crate::client::setup::Setup;
use crate::tell::failure::Failure;
use evergrant_tokio_reqwest::core::Excerpt;
use evergrant_tokio_reqwest::{ConfigError, Origin, Origins};
use reqwest::Url;

/// The origins that the token may be sent to.
pub(super) struct Reach<'a> {
    origins: Origins,
    setup: &'a Setup,
}

impl<'a> Reach<'a> {
    /// The provider's and the profile's own, and those of `--allow-origin`.
    pub(super) fn new(setup: &'a Setup, allowed: &[String]) -> Result<Self, ConfigError> {
        let own = setup.client.provider().origins().iter().cloned().map(Ok);
        let origins = own.chain(allowed.iter().map(|text| setup.origin(text))).collect::<Result<_, _>>()?;
        Ok(Self { origins, setup })
    }

    pub(super) fn origins(&self) -> Origins {
        self.origins.clone()
    }

    /// The origin of this URL, if the token may go there; else what to do. `masks` are not shown.
    pub(super) fn admit(&self, url: &Url, masks: &[&str]) -> Result<Origin, Failure> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Failure::usage(
                "the URL has a user name or password in it",
                "remove the part before the @: the token authorizes the call",
            ));
        }
        match origin(url) {
            Some(origin) if self.origins.contains(&origin) => Ok(origin),
            _ => Err(self.barred(url, masks)),
        }
    }

    /// Why the token may not go there: nobody has allowed it, or nobody can. What `--allow-origin` refuses is not advised.
    fn barred(&self, url: &Url, masks: &[&str]) -> Failure {
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let text = format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default());
        let shown = Excerpt::new(&text, masks).unwrap_or_default();
        let happened = format!("the token may not be sent to {shown}");
        match self.setup.origin(&text) {
            Ok(_) => Failure::usage(
                happened,
                format!("if it is the API's origin, allow it with --allow-origin {shown}"),
            ),
            Err(error) => {
                let failure = Failure::from(error);
                let (why, next) = failure.parts();
                Failure::usage(format!("{happened}: the {why}"), next)
            }
        }
    }
}

/// Refuses a host that readers of URLs read in different ways, which a URL that was parsed does not show any more.
pub(super) fn unambiguous(text: &str) -> Result<(), Failure> {
    let Some((scheme, rest)) = text.split_once("//") else { return Ok(()) };
    let scheme = if scheme.is_empty() { "http:" } else { scheme };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    match Origin::dangerous_plain_http(&format!("{scheme}//{authority}")) {
        Err(error @ ConfigError::AmbiguousHost { .. }) => Err(error.into()),
        _ => Ok(()),
    }
}

/// The origin of a URL that was parsed already; `None` where readers of URLs disagree about it.
fn origin(url: &Url) -> Option<Origin> {
    Origin::from_parts(url.scheme(), url.host_str()?, url.port())
}
