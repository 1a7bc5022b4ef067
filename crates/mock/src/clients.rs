//! The clients that the server knows, and the secrets that it accepts from each.

use std::collections::HashMap;

pub(crate) struct Clients {
    known: Vec<Known>,
    /// While credentials are refused until they change: what each client sent first, and None once it has sent another.
    refused: Option<HashMap<String, Option<String>>>,
}

struct Known {
    id: String,
    secrets: Vec<String>,
}

/// What is to be done with a credential.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// It is judged by its own merits.
    Judged,
    /// It is refused: it is still the one that must change.
    Refused,
    /// It is another than the one that was refused.
    Changed,
}

impl Clients {
    pub(crate) fn new(id: &str, secret: &str) -> Self {
        Self { known: vec![Known::new(id, secret)], refused: None }
    }

    /// The id of the first client, for Debug.
    pub(crate) fn first(&self) -> Option<&str> {
        self.ids().next()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.known.iter().map(|known| known.id.as_str())
    }

    /// Every secret that is accepted.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.known.iter().flat_map(|known| &known.secrets).map(String::as_str)
    }

    /// Puts this client in the place of the first.
    pub(crate) fn set_first(&mut self, id: &str, secret: &str) {
        self.known[0] = Known::new(id, secret);
    }

    /// This client is the only one, with this secret.
    pub(crate) fn set_only(&mut self, id: &str, secret: &str) {
        *self = Self::new(id, secret);
    }

    /// Another secret of a client, which may be new.
    pub(crate) fn add(&mut self, id: &str, secret: &str) {
        match self.known.iter_mut().find(|known| known.id == id) {
            Some(known) => known.secrets.push(secret.to_owned()),
            None => self.known.push(Known::new(id, secret)),
        }
    }

    /// The only secret of a client, which may be new, and which nobody refuses any more.
    pub(crate) fn set(&mut self, id: &str, secret: &str) {
        match self.known.iter_mut().find(|known| known.id == id) {
            Some(known) => known.secrets = vec![secret.to_owned()],
            None => self.known.push(Known::new(id, secret)),
        }
        if let Some(refused) = &mut self.refused {
            refused.insert(id.to_owned(), None);
        }
    }

    /// The client of which this holds for the id and one of the secrets.
    pub(crate) fn find(&self, is: impl Fn(&str, &str) -> bool) -> Option<&str> {
        let known = self.known.iter().find(|known| known.secrets.iter().any(|secret| is(&known.id, secret)));
        known.map(|known| known.id.as_str())
    }

    /// From now on, what a client sends is refused until it sends another text.
    pub(crate) fn refuse_until_changed(&mut self) {
        self.refused = Some(HashMap::new());
    }

    /// A client sends this credential.
    pub(crate) fn sends(&mut self, client: &str, text: &str) -> Turn {
        let Some(refused) = &mut self.refused else { return Turn::Judged };
        match refused.entry(client.to_owned()).or_insert_with(|| Some(text.to_owned())) {
            None => Turn::Judged,
            Some(first) if first == text => Turn::Refused,
            changed => {
                *changed = None;
                Turn::Changed
            }
        }
    }
}

impl Known {
    fn new(id: &str, secret: &str) -> Self {
        Self { id: id.to_owned(), secrets: vec![secret.to_owned()] }
    }
}

#[cfg(test)]
mod tests;
