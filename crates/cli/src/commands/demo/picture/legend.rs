//! What the colours and the numbers of the picture mean.

use super::shapes::{LEFT, named, rect, words};
use crate::commands::demo::markup::Element;
use crate::commands::demo::report::Report;
use crate::commands::demo::timeline::What;

const LINE: f64 = 20.0;

pub(super) const fn trouble(what: What) -> &'static str {
    match what {
        What::Down => "authorization server answers 503",
        What::Revoked => "API answers 401: all tokens revoked",
    }
}

/// The legend below `top`, and how high the whole picture is with it.
pub(super) fn draw(report: &Report, top: f64) -> (Element, f64) {
    let (down, revoked) = (trouble(What::Down), trouble(What::Revoked));
    let swatches = [
        (0.0, swatch("token", LEFT, top), "token in use"),
        (130.0, swatch("spare", LEFT + 130.0, top), "replaced, still valid"),
        (310.0, hatched(What::Down, LEFT + 310.0, top), down),
        (560.0, hatched(What::Revoked, LEFT + 560.0, top), revoked),
    ];
    let swatches = swatches
        .into_iter()
        .flat_map(|(x, swatch, text)| [swatch, words("", LEFT + x + 26.0, top + 11.0, text)]);
    let first = top + 14.0 + LINE;
    let line = |index: usize| first + LINE * index as f64;
    let phases = report.phases.iter().enumerate().map(|(index, phase)| {
        let text = format!("{}. {}: {}, {}", index + 1, phase.name, phase.counts(), phase.waits());
        words("", LEFT, line(index), text)
    });
    let legend = Element::new("g").with("id", "legend").children(swatches).children(phases);
    (legend, line(report.phases.len()))
}

fn swatch(class: &str, x: f64, y: f64) -> Element {
    rect(class, [x, y + 1.0, 20.0, 11.0])
}

fn hatched(what: What, x: f64, y: f64) -> Element {
    let (class, _) = named(what);
    let fill = format!("url(#{class}-hatch)");
    Element::new("g").child(swatch(class, x, y)).child(swatch("", x, y).with("fill", fill))
}
