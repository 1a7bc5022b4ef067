//! What an authorization server says of itself: discovery by issuer (RFC 8414, OpenID Connect Discovery 1.0).

mod place;

pub(crate) use place::{Discovery, Form, check_issuer};

use crate::endpoint::Endpoint;
use crate::error::{Class, Excerpt, Malformed, MetadataFault, Problem, Refusal, TransportError};
use crate::json::{self, Raw};
use crate::response::{Field, Response, retry_after};
use crate::signature::Algorithm;
use crate::time::Wall;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// The longest document, in bytes: those in use have less than 16 KiB.
const MAX_BODY: usize = 64 * 1024;

/// The most entries of a list that are kept: those in use have less than 30.
const MAX_LISTED: usize = 64;

/// What is read of an authorization server's metadata (RFC 8414 §2): where its token endpoint is, and what it says it takes. What it says it
/// takes is for people, and for the choice of an algorithm; it forbids nothing, since such lists are often incomplete.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Metadata {
    pub(crate) token_endpoint: Endpoint,
    pub(crate) mtls_token_endpoint: Option<Endpoint>,
    methods: Option<Vec<Box<str>>>,
    algorithms: Option<Vec<Box<str>>>,
    dpop_algorithms: Option<Vec<Box<str>>>,
    grants: Option<Vec<Box<str>>>,
}

impl Metadata {
    /// The token endpoint. It may be at another host than the issuer.
    pub const fn token_endpoint(&self) -> &Endpoint {
        &self.token_endpoint
    }

    /// The token endpoint for clients that show a certificate, if it is another one (`mtls_endpoint_aliases`, RFC 8705 §5).
    pub const fn mtls_token_endpoint(&self) -> Option<&Endpoint> {
        self.mtls_token_endpoint.as_ref()
    }

    /// The methods of client authentication that the server lists, the first 64 of them. One that says nothing means
    /// `client_secret_basic` (RFC 8414 §2).
    pub fn auth_methods(&self) -> impl Iterator<Item = &str> {
        let unsaid = self.methods.is_none().then_some("client_secret_basic");
        listed(&self.methods).chain(unsaid)
    }

    /// The algorithms of client assertions that the server lists, the first 64 of them.
    pub fn signing_algorithms(&self) -> impl Iterator<Item = &str> {
        listed(&self.algorithms)
    }

    /// The algorithms of DPoP proofs that the server lists (RFC 9449 §5.1), the first 64 of them.
    pub fn dpop_algorithms(&self) -> impl Iterator<Item = &str> {
        listed(&self.dpop_algorithms)
    }

    /// The grant types that the server lists (RFC 8414 §2), the first 64 of them; none if it says nothing.
    pub fn grant_types(&self) -> impl Iterator<Item = &str> {
        listed(&self.grants)
    }

    /// How an RSA key signs for this server: by the best that it lists, and by the one that servers take where they list none.
    pub(crate) fn rsa_algorithm(&self) -> Algorithm {
        let lists = |algorithm: &Algorithm| self.signing_algorithms().any(|name| name == algorithm.name());
        let known = [Algorithm::Ps256, Algorithm::Rs256, Algorithm::Rs384];
        known.into_iter().find(lists).unwrap_or(Algorithm::Rs256)
    }

    /// What this answer to a request of metadata says.
    ///
    /// # Errors
    /// [`Refusal`] for anything that is no usable metadata of this issuer.
    pub(crate) fn read(response: &Response, of: &Discovery, received: Wall) -> Result<Self, Refusal> {
        let status = response.status();
        let permanent = |fault| Err(refusal(of, Class::Permanent, Some(status), fault));
        match status {
            200 => Self::of_body(response, of).or_else(permanent),
            300..=399 => permanent(MetadataFault::Redirect {
                target: response.header(Field::Location).and_then(|target| {
                    Excerpt::new(target.split(['?', '#']).next().unwrap_or_default(), &[])
                }),
            }),
            408 | 425 | 429 | 500..=599 => {
                let refusal = refusal(of, Class::Transient, Some(status), MetadataFault::Status);
                Err(match retry_after(response, received) {
                    Some(time) => refusal.with_retry_after(time),
                    None => refusal,
                })
            }
            _ => permanent(MetadataFault::Status),
        }
    }

    fn of_body(response: &Response, of: &Discovery) -> Result<Self, MetadataFault> {
        if response.is_coded() {
            return Err(MetadataFault::Malformed(Malformed::Coded));
        }
        if response.is_broken() {
            return Err(MetadataFault::Malformed(Malformed::Broken));
        }
        let body = response.body();
        if body.len() > MAX_BODY || response.is_too_long() {
            return Err(MetadataFault::TooLong);
        }
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let members = Members::read(body)?;
        // Byte for byte: whoever answers for another issuer may not say where this client's credentials go (RFC 8414 §3.3).
        let found = members.issuer.and_then(Raw::text);
        if found.as_deref() != Some(of.issuer()) {
            let shown = |text: &str| Excerpt::new(text, &[]).unwrap_or_default();
            return Err(MetadataFault::Issuer {
                configured: shown(of.issuer()),
                found: found.map(|found| shown(&found)),
            });
        }
        let endpoint = |text: &str| of.endpoint(text).map_err(MetadataFault::TokenEndpoint);
        let token_endpoint =
            members.token_endpoint.and_then(Raw::text).ok_or(MetadataFault::NoTokenEndpoint)?;
        let alias = members.mtls_aliases.and_then(Raw::members).and_then(|aliases| {
            let of_token = |(name, value): (Option<json::Name<'_>>, _)| {
                (name.as_deref() == Some(b"token_endpoint")).then_some(value)
            };
            aliases.filter_map(Result::ok).find_map(of_token).and_then(Raw::text)
        });
        Ok(Self {
            token_endpoint: endpoint(&token_endpoint)?,
            mtls_token_endpoint: alias.map(|alias| endpoint(&alias)).transpose()?,
            methods: members.methods.and_then(list),
            algorithms: members.algorithms.and_then(list),
            dpop_algorithms: members.dpop_algorithms.and_then(list),
            grants: members.grants.and_then(list),
        })
    }
}

/// A request of metadata brought nothing that can be used.
pub(crate) fn refusal(of: &Discovery, class: Class, status: Option<u16>, fault: MetadataFault) -> Refusal {
    let url = Excerpt::new(of.url().without_query(), &[]).unwrap_or_default();
    Refusal::new(class, status, Problem::Metadata { url, fault: fault.into() })
}

/// It brought no answer.
pub(crate) fn unreachable(of: &Discovery, error: TransportError) -> Refusal {
    refusal(of, Class::Transient, None, MetadataFault::Transport(error))
}

/// Whether this answer of a token endpoint says that the endpoint is another one by now, or takes other methods.
pub(crate) fn is_doubted_by(refusal: &Refusal) -> bool {
    is_elsewhere(refusal) || refusal.code() == Some("invalid_client")
}

/// Whether this answer says that there is no token endpoint in that place. It was nobody's look at a credential.
pub(crate) fn is_elsewhere(refusal: &Refusal) -> bool {
    matches!(refusal.status(), Some(300..=399 | 404 | 405 | 410)) && refusal.code().is_none()
}

/// The members that are read.
#[derive(Default)]
struct Members<'a> {
    issuer: Option<Raw<'a>>,
    token_endpoint: Option<Raw<'a>>,
    mtls_aliases: Option<Raw<'a>>,
    methods: Option<Raw<'a>>,
    algorithms: Option<Raw<'a>>,
    dpop_algorithms: Option<Raw<'a>>,
    grants: Option<Raw<'a>>,
}

impl<'a> Members<'a> {
    fn read(body: &'a [u8]) -> Result<Self, MetadataFault> {
        let malformed = MetadataFault::Malformed;
        let mut read = Self::default();
        let no_object = || match body.trim_ascii_start().first() {
            Some(b'<') => malformed(Malformed::Html),
            _ => malformed(Malformed::NotAnObject),
        };
        for member in json::object(body).map_err(|_| no_object())? {
            let (name, value) = member.map_err(|_| malformed(Malformed::Syntax))?;
            let (place, name) = match name.as_deref() {
                Some(b"issuer") => (&mut read.issuer, "issuer"),
                Some(b"token_endpoint") => (&mut read.token_endpoint, "token_endpoint"),
                Some(b"mtls_endpoint_aliases") => (&mut read.mtls_aliases, "mtls_endpoint_aliases"),
                Some(b"token_endpoint_auth_methods_supported") => {
                    (&mut read.methods, "token_endpoint_auth_methods_supported")
                }
                Some(b"token_endpoint_auth_signing_alg_values_supported") => {
                    (&mut read.algorithms, "token_endpoint_auth_signing_alg_values_supported")
                }
                Some(b"dpop_signing_alg_values_supported") => {
                    (&mut read.dpop_algorithms, "dpop_signing_alg_values_supported")
                }
                Some(b"grant_types_supported") => (&mut read.grants, "grant_types_supported"),
                _ => continue,
            };
            if place.replace(value).is_some() {
                return Err(malformed(Malformed::Duplicate(name)));
            }
        }
        Ok(read)
    }
}

fn list(value: Raw<'_>) -> Option<Vec<Box<str>>> {
    let texts = value.elements()?.filter_map(Result::ok).filter_map(Raw::text);
    Some(texts.take(MAX_LISTED).filter(|text| text.len() <= 64).map(|text| (*text).into()).collect())
}

fn listed(list: &Option<Vec<Box<str>>>) -> impl Iterator<Item = &str> {
    list.iter().flatten().map(AsRef::as_ref)
}

#[cfg(test)]
mod tests;
