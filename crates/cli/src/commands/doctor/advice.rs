//! What a server's refusal hints at: other settings to try, in the words of the flags that set them.

use evergrant_tokio_reqwest::core::BodyFormat;

/// What is known of a refused request.
#[derive(Clone, Copy)]
pub(super) struct Circumstances<'a> {
    /// The registered name of the authentication method.
    pub(super) method: &'a str,
    pub(super) body: BodyFormat,
    /// Whether the id or the secret is another text once it is form-encoded (RFC 6749 §2.3.1).
    pub(super) encodes: bool,
    /// The answer's `WWW-Authenticate`.
    pub(super) challenge: Option<&'a str>,
    pub(super) status: Option<u16>,
    pub(super) code: Option<&'a str>,
}

impl Circumstances<'_> {
    /// From the status, the code and the challenge alone: servers write the same words for a wrong secret as for a wrong
    /// method.
    pub(super) fn advice(&self) -> Vec<String> {
        let mut advice = Vec::new();
        if self.code == Some("invalid_client") || self.status == Some(401) {
            self.authentication(&mut advice);
        }
        if matches!(self.code, Some("invalid_request" | "unsupported_grant_type")) || self.status == Some(415)
        {
            self.format(&mut advice);
        }
        advice
    }

    fn authentication(&self, advice: &mut Vec<String>) {
        if self.method == "client_secret_basic" && self.encodes {
            advice.push(
                "id or secret has characters that are form-encoded in a Basic header (RFC 6749 §2.3.1), which some \
                 servers do not undo: if this is one, use --auth basic-raw"
                    .into(),
            );
        }
        let asks_for_basic = self.challenge.is_some_and(|text| text.to_ascii_lowercase().contains("basic"));
        if self.method == "client_secret_post" && asks_for_basic {
            advice.push(
                "the server seems to want HTTP Basic: if its documentation says so, use --auth basic".into(),
            );
        }
        if self.method == "none" {
            advice.push("no secret was sent: if the client has one, use --auth post or --auth basic".into());
        }
    }

    fn format(&self, advice: &mut Vec<String>) {
        let (other, wants) = match self.body {
            BodyFormat::Json => ("a form", "--body form"),
            _ if self.status == Some(415) => ("JSON", "--body json"),
            _ => return,
        };
        advice.push(format!(
            "the server seems to want {other} as the body: if its documentation says so, use {wants}"
        ));
    }
}

#[cfg(test)]
mod tests;
