//! What the picture is made of, and the places that all its parts know.

use crate::commands::demo::markup::Element;
use crate::commands::demo::scale::Scale;
use crate::commands::demo::timeline::What;
use std::time::Duration;

pub(super) const WIDTH: f64 = 960.0;
/// Where time begins: on its left the marks of the lanes have their place.
pub(super) const LEFT: f64 = 68.0;
pub(super) const RIGHT: f64 = WIDTH - 20.0;
pub(super) fn place(time: Scale, at: Duration) -> f64 {
    time.place(at.as_secs_f64())
}

pub(super) fn words(class: &str, x: f64, y: f64, text: impl std::fmt::Display) -> Element {
    Element::new("text").with("class", class).at("x", x).at("y", y).text(text)
}

pub(super) fn rect(class: &str, [x, y, width, height]: [f64; 4]) -> Element {
    let rect = Element::new("rect");
    let rect = if class.is_empty() { rect } else { rect.with("class", class) };
    rect.at("x", x).at("y", y).at("width", width.max(0.0)).at("height", height.max(0.0))
}

/// The class of what the server does, and the angle of its lines: not by colour alone.
pub(super) const fn named(what: What) -> (&'static str, u16) {
    match what {
        What::Down => ("down", 45),
        What::Revoked => ("revoked", 135),
    }
}
