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
    pub(super) description: Option<&'a str>,
}

impl Circumstances<'_> {
    pub(super) fn advice(&self) -> Vec<String> {
        let mut advice = Vec::new();
        if self.code == Some("invalid_client") || self.status == Some(401) {
            self.authentication(&mut advice);
        }
        let request = matches!(self.code, Some("invalid_request" | "unsupported_grant_type"));
        if request || self.status == Some(415) || self.says(&["content-type", "content type", "grant_type"]) {
            self.format(&mut advice);
        }
        advice
    }

    fn authentication(&self, advice: &mut Vec<String>) {
        let basic = self.method == "client_secret_basic";
        if basic && self.encodes {
            advice.push(
                "id or secret has characters that are form-encoded in a Basic header (RFC 6749 §2.3.1), which some \
                 servers do not undo: if this is one, use --auth basic-raw"
                    .into(),
            );
        }
        let body = ["client_id", "client_secret", "request body", "parameter", "missing"];
        if (basic || self.method == "client_secret_basic_raw") && self.says(&body) {
            advice.push(
                "the server seems to look for id and secret in the body: if its documentation says so, use --auth post"
                    .into(),
            );
        }
        let asks_for_basic = self.challenge.is_some_and(|text| text.to_ascii_lowercase().contains("basic"));
        if self.method == "client_secret_post"
            && (asks_for_basic || self.says(&["basic", "authorization header"]))
        {
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
            _ if self.status == Some(415) || self.says(&["json"]) => ("JSON", "--body json"),
            _ => return,
        };
        advice.push(format!(
            "the server seems to want {other} as the body: if its documentation says so, use {wants}"
        ));
    }

    fn says(&self, words: &[&str]) -> bool {
        let text = self.description.unwrap_or_default().to_lowercase();
        words.iter().any(|word| text.contains(word))
    }
}

#[cfg(test)]
mod tests;
