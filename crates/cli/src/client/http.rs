//! What holds of each HTTP client that the command builds.

use reqwest::ClientBuilder;
use reqwest::redirect::Policy;

/// How many lines of headers the library reads of a token endpoint's answer.
const MAX_HEADERS: usize = 1000;

/// No redirect is followed, and a head is read as the library reads it: with folded lines (RFC 9112 §5.2), and with as
/// many as gateways add.
pub(crate) fn builder() -> ClientBuilder {
    reqwest::Client::builder()
        .redirect(Policy::none())
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_max_headers(MAX_HEADERS)
}
