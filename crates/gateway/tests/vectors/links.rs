//! Links in the bodies of answers.

use crate::{same, vector};
use evergrant_gateway::LinkMap;
use serde::Deserialize;

vector! {
    /// The body of an answer.
    Linked {
        upstreams: Vec<String>,
        base: String,
        text: Text,
        expect: Text,
    }
}

/// A text, or what makes one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Whole(String),
    Pieces(Vec<Piece>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Piece {
    Text(String),
    Repeated { repeat: String, times: usize },
}

impl Text {
    fn read(&self) -> String {
        match self {
            Self::Whole(text) => text.clone(),
            Self::Pieces(pieces) => pieces.iter().map(Piece::read).collect(),
        }
    }
}

impl Piece {
    fn read(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Repeated { repeat, times } => repeat.repeat(*times),
        }
    }
}

pub(crate) fn judge(vector: &Linked) -> Result<(), String> {
    let text = vector.text.read();
    for size in [text.len().max(1), 1, 7, 4096] {
        let mut map = LinkMap::new(vector.upstreams.iter().map(String::as_str), &vector.base);
        let pieces = text.as_bytes().chunks(size).map(<[u8]>::to_vec);
        let mut passed: Vec<u8> = pieces.flat_map(|piece| map.pass(piece.into())).collect();
        passed.extend(map.end());
        same(&String::from_utf8_lossy(&passed).into_owned(), &vector.expect.read())?;
    }
    Ok(())
}
