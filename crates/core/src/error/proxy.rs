//! What is wrong with the setting of a proxy.

use thiserror::Error;

/// Why the setting of a proxy cannot be read. It holds no piece of the setting, which may have a password in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum ProxyFault {
    /// Quotes that a shell would have removed, and an env file or a unit file did not.
    #[error("has quotes in its value: remove them")]
    Quotes,
    /// White space or a control character, most often the carriage return of a file with Windows line ends.
    #[error("has a blank, a line break or a control character in its value: remove it")]
    Blank,
    /// It is not text.
    #[error("is not valid UTF-8: write it again")]
    NotUtf8,
    /// A scheme that no proxy has.
    #[error("has an unsupported scheme: use http, https, socks4, socks4a, socks5 or socks5h")]
    Scheme,
    /// There is no host.
    #[error("has no host: write it as http://proxy.example:3128")]
    NoHost,
    /// The port is not a port.
    #[error("has a port that is not a number from 1 to 65535: write it as http://proxy.example:3128")]
    Port,
    /// A user or password that is not percent-encoded UTF-8 (RFC 3986 §2.1).
    #[error("has a user or password that cannot be read: percent-encode it, with %40 for @ and %2F for /")]
    Credentials,
    /// The rest is not that of a proxy: a path, a query, a host that is none.
    #[error("is not a proxy URL: write it as http://proxy.example:3128")]
    NotAProxy,
    /// A SOCKS proxy, in a program that was built without them.
    #[error("names a SOCKS proxy: enable the feature socks of this crate, or use an http proxy")]
    SocksFeature,
    /// A SOCKS proxy, which this adapter has no code for.
    #[error("names a SOCKS proxy, which is not supported here: use an http or https proxy")]
    Socks,
}
