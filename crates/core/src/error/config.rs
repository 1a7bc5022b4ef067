//! What is wrong with the configuration.

use super::{Excerpt, ProxyFault, UnusableToken};
use thiserror::Error;

/// The configuration cannot work: found before anything is sent, and fixed by whoever configured it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The text is no absolute http or https URL (RFC 3986).
    #[error(
        "{field} is not an http or https URL: write it as https://host/path, or as https://host where it is an origin"
    )]
    NotAUrl {
        /// Which setting.
        field: &'static str,
    },
    /// Plain http would send the credentials, or the token, readable by everyone on the network path.
    #[error(
        "{field} is plain http to {host}: use https (plain http is accepted for the literals 127.0.0.0/8 and [::1] only)"
    )]
    PlainHttp {
        /// Which setting.
        field: &'static str,
        /// The host named there.
        host: Excerpt,
    },
    /// `localhost` is a name, and a name can be made to point elsewhere.
    #[error(
        "{field} is plain http to the name localhost, which may resolve to anywhere: write 127.0.0.1 or [::1]"
    )]
    Localhost {
        /// Which setting.
        field: &'static str,
    },
    /// A host such as `127.1`, `0x7f.1`, `%6cocalhost` or `example.com.`: URL readers disagree on what it names.
    #[error(
        "{field} has a host that programs read in different ways: write a DNS name without a dot at its end, or an \
         address such as 127.0.0.1 or [::1]"
    )]
    AmbiguousHost {
        /// Which setting.
        field: &'static str,
    },
    /// A secret in a URL: it is logged by every proxy (RFC 6749 §2.3.1).
    #[error("{field} has a secret in its query: remove it and set the client authentication")]
    SecretInUrl {
        /// Which setting.
        field: &'static str,
    },
    /// RFC 6749 §3.2: the endpoint must not have a fragment.
    #[error("{field} has a fragment: remove the # and what follows")]
    Fragment {
        /// Which setting.
        field: &'static str,
    },
    /// Credentials do not belong into a URL: it is logged.
    #[error(
        "{field} has a user name or password in it: remove the part before the @ and set the client authentication"
    )]
    Userinfo {
        /// Which setting.
        field: &'static str,
    },
    /// An origin is scheme, host and port (RFC 6454).
    #[error(
        "{field} has a path or query: an origin is scheme, host and port alone, such as https://api.example.com"
    )]
    NotAnOrigin {
        /// Which setting.
        field: &'static str,
    },
    /// A required setting is empty.
    #[error("{field} is empty: set it to the value your authorization server gave you")]
    Empty {
        /// Which setting.
        field: &'static str,
    },
    /// A control character, most often a newline at the end of a file.
    #[error(
        "{field} has a control character at byte {at}: remove it (often a line break that was copied along)"
    )]
    ControlCharacter {
        /// Which setting.
        field: &'static str,
        /// Its place, in bytes from 0.
        at: usize,
    },
    /// A byte order mark or a zero-width character at an end: it was copied along and is seen by nobody.
    #[error(
        "{field} begins or ends with an invisible character, at byte {at}: type it again (often copied along from a document)"
    )]
    InvisibleCharacter {
        /// Which setting.
        field: &'static str,
        /// Its place, in bytes from 0.
        at: usize,
    },
    /// RFC 7617 §2: unencoded, the user-id of Basic cannot contain a colon.
    #[error(
        "client_id has a colon, which basic-raw cannot carry: use client_secret_basic or client_secret_post"
    )]
    ColonInClientId,
    /// RFC 6749 §3.3: a scope token is 0x21, 0x23-0x5B, 0x5D-0x7E.
    #[error("scope token {token:?} has an invalid character at byte {at}: remove that character")]
    ScopeToken {
        /// The scope token.
        token: Excerpt,
        /// The place of the offending byte in it, from 0.
        at: usize,
    },
    /// RFC 6749 §3.3: one space between scope tokens, none before or after.
    #[error("scope has an extra space at byte {at}: separate its tokens by one space")]
    ScopeSpace {
        /// Its place, in bytes from 0.
        at: usize,
    },
    /// RFC 6749 §8.2: a parameter's name is made of ASCII letters, digits, `-`, `.` and `_`.
    #[error("parameter {name:?} has an invalid character in its name: use letters, digits, - . and _ only")]
    ParameterName {
        /// Its name.
        name: Excerpt,
    },
    /// A parameter of this name is set by the library, or was set before.
    #[error(
        "parameter {name} is set twice, or is one that the library sets itself: remove it, or use the setting of that name"
    )]
    Parameter {
        /// Its name.
        name: Excerpt,
    },
    /// More parameters are read for each request than a client may have.
    #[error(
        "parameter {name} is one too many: a client may have 4 parameters that are read for each token request"
    )]
    LiveParameters {
        /// The first that is one too many.
        name: Excerpt,
    },
    /// Something is found out for each request, and this form of a request cannot ask for it.
    #[error(
        "{field} is not known before the token request is made: make it with Attempt, which asks for what it needs"
    )]
    NeedsAttempt {
        /// What is not known.
        field: &'static str,
    },
    /// Something is read for each request, and nobody said from where.
    #[error(
        "{field} is read for each token request, and nothing says from where: give the builder a source of it"
    )]
    NeedsSource {
        /// What is read.
        field: Excerpt,
    },
    /// A source was given for something that the client does not read.
    #[error(
        "there is a source of {field}, which this client does not read: remove it, or make the client with a live one"
    )]
    UnusedSource {
        /// What the source would be for.
        field: Excerpt,
    },
    /// RFC 7521 §4.2: the type of an assertion is an absolute URI.
    #[error(
        "the type of the client assertion is not an absolute URI: write it as urn:ietf:params:oauth:client-assertion-type:..."
    )]
    AssertionKind,
    /// RFC 7523bis §4: an audience that a server's answer names lets another server's assertion be had.
    #[error(
        "the client assertion is to be for the token endpoint, which is found out from the server's metadata: set the token endpoint, \
         or have the assertion be for the issuer"
    )]
    AssertionAudience,
    /// What should tell one certificate from another does not.
    #[error(
        "what was given for the client certificate is no SHA-256 thumbprint in base64url: give that of the certificate"
    )]
    Thumbprint,
    /// RFC 8414 §2: an issuer has no query.
    #[error(
        "issuer has a query: write it as the server's operator names it, such as https://auth.example.com/tenant"
    )]
    IssuerQuery,
    /// The address of metadata is no issuer (RFC 8414 §3).
    #[error(
        "issuer is the address of its metadata: leave out what begins with /.well-known/, or name that address as the place of \
         the metadata"
    )]
    IssuerIsMetadata,
    /// A certificate proves who the client is, and plain http shows none (RFC 8705 §2).
    #[error("this client shows a certificate, and its server is at plain http: use https")]
    TlsRequired,
    /// A client authenticates by its certificate, and nobody said by which.
    #[error("this client authenticates by a certificate, and has none: give the builder an identity")]
    NeedsIdentity,
    /// A certificate that is read for each token request needs an HTTP client that can be built again whenever it has changed.
    #[error(
        "an identity and {beside} exclude each other, since the HTTP client is built again whenever the certificate has changed: \
         remove {beside}{}",
        instead.map(|instead| alloc::format!(", or use {instead} in its place")).unwrap_or_default()
    )]
    IdentityBeside {
        /// The setting that excludes an identity.
        beside: &'static str,
        /// The setting that can be in its place.
        instead: Option<&'static str>,
    },
    /// A client certificate was issued for another key.
    #[error(
        "the client certificate and its private key do not belong together: put the key there that the certificate was \
         issued for, and the client's own certificate before those of its authorities"
    )]
    KeyMismatch,
    /// The keys of a pool are clients, and this client alone does not say where that is which is read for it.
    #[error(
        "{field} is read for each token request, and a pool whose keys are clients does not know from where: use \
         TokensPool::builder with keys of your own, and return a PoolClient with its source"
    )]
    LiveKey {
        /// What is read.
        field: Excerpt,
    },
    /// The key of a client that signs its assertions cannot sign as it is asked to.
    #[error(
        "the signing key cannot sign by {wanted}, it can {can}: use a key of that kind, or another algorithm"
    )]
    Algorithm {
        /// The algorithm, or the method of client authentication.
        wanted: &'static str,
        /// The algorithms of the key.
        can: Excerpt,
    },
    /// What should be a key is none that can be used.
    #[error("{found}: {mend}")]
    KeyFormat {
        /// What was found in its place.
        found: Excerpt,
        /// What to do about it, a command for one.
        mend: Excerpt,
    },
    /// RFC 7518 §3.2: a key of HS256 has at least 32 bytes.
    #[error(
        "client_secret is shorter than 32 bytes, too short to sign with (RFC 7518 section 3.2): use client_secret_basic or \
         client_secret_post, or a longer secret"
    )]
    SecretTooShort,
    /// A client signs its assertions, and nobody said with what.
    #[error(
        "this client signs its assertions, and has no key to sign with: give the builder a signer or a key source"
    )]
    NeedsSigner,
    /// A signing key was given to a client that signs nothing.
    #[error(
        "there is a signing key, and this client signs nothing: remove it, or make the client with private_key_jwt or \
         client_secret_jwt"
    )]
    UnusedSigner,
    /// A claim of the user's own that cannot stand in an assertion.
    #[error(
        "claim {name:?} cannot be added to the client assertion: its value must be JSON, and iss, sub, aud, jti, iat, exp and nbf \
         are set by the library"
    )]
    AssertionClaim {
        /// Its name.
        name: Excerpt,
    },
    /// What a store must not know is sealed with what all processes of the client have, and whoever reads the store must not be able to guess.
    #[error(
        "the tokens of this client cannot be sealed for a store: it has no client secret of 32 characters or more that is the same in \
         every process, so give the store a key of its own"
    )]
    NeedsStoreKey,
    /// RFC 8707 §2: a resource is an absolute URI without a fragment.
    #[error("resource is not an absolute URI without fragment: write it as https://api.example.com/")]
    Resource,
    /// A header field of the program's own cannot go with a token request.
    #[error("header field {name} {why}")]
    Header {
        /// Its name, in lower case.
        name: Excerpt,
        /// What is wrong with it.
        why: HeaderFault,
    },
    /// The token given to `fixed` is not an access token.
    #[error(transparent)]
    Token(#[from] UnusableToken),
    /// The HTTP client that sends token requests could not be built.
    #[error("the HTTP client for token requests cannot be built: {reason}")]
    HttpClient {
        /// What the library said.
        reason: Excerpt,
    },
    /// The setting of a proxy cannot be read. The request is not sent without the proxy: that is a route nobody chose.
    #[error("{field} {fault}")]
    Proxy {
        /// Which setting: the name of an environment variable, or `proxy`.
        field: &'static str,
        /// What is wrong with it.
        fault: ProxyFault,
    },
}

/// Why a header field cannot go with a token request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum HeaderFault {
    /// RFC 9110 §5.1: a name is a token.
    #[error("has an invalid character in its name, at byte {at}: use ASCII letters, digits, - and _ only")]
    Name {
        /// Its place in the name, in bytes from 0.
        at: usize,
    },
    /// The library or the HTTP library sets it, it frames or routes the message, or it is a credential beside the client's
    /// own.
    #[error("is reserved for the library and for HTTP itself: remove it")]
    Reserved,
    /// Two fields have this name; letter case makes no difference.
    #[error("is set twice: remove one of the two")]
    Repeated,
    /// There is no value.
    #[error("has an empty value: set the value, or remove the field")]
    Empty,
    /// A control character, an invisible one, one that is not ASCII, or a space at an end.
    #[error(
        "has an invalid character in its value, at byte {at}: use visible ASCII characters, with spaces only between them \
         (often a line break or an invisible character that was copied along)"
    )]
    Value {
        /// Its place in the value, in bytes from 0.
        at: usize,
    },
    /// Servers refuse what is longer.
    #[error("is too long: a name may have 128 bytes and a value 8192")]
    TooLong,
    /// Servers refuse a longer head.
    #[error("is one too many: a client may have 16 header fields of its own")]
    TooMany,
}
