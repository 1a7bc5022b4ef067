//! The members of a JOSE header or of a set of claims, as they stand.

use evergrant_tokio_reqwest::core::Excerpt;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use std::time::Duration;

/// 9999-12-31T23:59:59Z.
const LAST: f64 = 253_402_300_799.0;

/// A JSON object, and the names that stand in it more than once.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) values: Map<String, Value>,
    pub(super) twice: Vec<String>,
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members, A::Error> {
                let mut members = Members::default();
                while let Some((name, value)) = access.next_entry::<String, Value>()? {
                    if members.values.insert(name.clone(), value).is_some() && !members.twice.contains(&name)
                    {
                        members.twice.push(name);
                    }
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

impl Members {
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        // The text of a JSON error echoes values: it goes nowhere.
        serde_json::from_slice(json).ok()
    }

    /// The first of these members, fit to show: a text, or a list of texts.
    pub(super) fn shown(&self, names: &[&str]) -> Option<String> {
        let text = match names.iter().find_map(|name| self.values.get(*name))? {
            Value::String(text) => text.clone(),
            Value::Array(all) => all.iter().map(words).collect::<Vec<_>>().join(" "),
            other => other.to_string(),
        };
        Excerpt::new(&text, &[]).map(|shown| shown.as_str().to_owned())
    }

    /// To what the token is bound, by its claim `cnf` (RFC 7800): the API takes it from whoever has that alone.
    pub(super) fn bound(&self) -> Option<String> {
        let Value::Object(methods) = self.values.get("cnf")? else {
            return Some("its cnf is no JSON object".into());
        };
        let methods = methods.iter().map(|(name, value)| match (name.as_str(), value.as_str()) {
            // RFC 8705 §3.1
            ("x5t#S256", Some(thumbprint)) => {
                format!("to the certificate with the SHA-256 thumbprint {thumbprint}")
            }
            // RFC 9449 §6.1
            ("jkt", Some(thumbprint)) => format!("to the key with the thumbprint {thumbprint} (DPoP)"),
            _ => format!("by {name}, which is in the claim cnf"),
        });
        let text = methods.collect::<Vec<_>>().join("; ");
        let text = Excerpt::new(&text, &[]).map(|shown| shown.as_str().to_owned());
        Some(text.unwrap_or_else(|| "its cnf names nothing".into()))
    }

    /// A NumericDate (RFC 7519 §2), and what is odd about it.
    pub(super) fn time(&self, name: &str) -> (Option<Duration>, Option<&'static str>) {
        let Some(value) = self.values.get(name) else { return (None, None) };
        let (seconds, odd) = match value {
            Value::Number(number) if number.is_f64() => {
                (number.as_f64(), Some("a fraction, which some libraries refuse"))
            }
            Value::Number(number) => (number.as_f64(), None),
            Value::String(text) => (text.parse().ok(), Some("a text, where RFC 7519 wants a number")),
            _ => (None, None),
        };
        match seconds {
            Some(seconds) if (1.0..=LAST).contains(&seconds) => (Some(Duration::from_secs_f64(seconds)), odd),
            Some(seconds) if (1.0..=LAST).contains(&(seconds / 1000.0)) => {
                (None, Some("not a date in seconds; it may be in milliseconds"))
            }
            _ => (None, Some("no date")),
        }
    }
}

fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
