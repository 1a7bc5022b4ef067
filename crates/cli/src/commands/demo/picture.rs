//! A demonstration as a picture: SVG that loads nothing, for light and for dark pages.

mod lanes;
mod legend;
mod shapes;

use super::markup::Element;
use super::report::{self, Report};
use super::scale::Scale;
use super::timeline::{Trouble, What};
use lanes::Lane;
use shapes::{LEFT, RIGHT, WIDTH, named, place, rect, words};

/// Where the phases stand.
const TOP: f64 = 66.0;
const PHASE: f64 = 22.0;
/// Where the lanes begin: above them is a line for what the server does.
const LANES: f64 = TOP + PHASE + 22.0;
/// Between the end of a lane and its successor's head.
const GAP: f64 = 14.0;

/// The picture, as the element `svg`.
pub(super) fn of(report: &Report) -> Element {
    let time = Scale::new(LEFT, RIGHT, report.took.as_secs_f64());
    let mut bottom = LANES;
    let lanes: Vec<Element> = Lane::all(report)
        .into_iter()
        .map(|lane| {
            let (drawn, end) = lane.draw(time, bottom);
            bottom = end + GAP;
            drawn
        })
        .collect();
    let end = bottom - GAP;
    let (legend, height) = legend::draw(report, end + 48.0);
    Element::new("svg")
        .with("xmlns", "http://www.w3.org/2000/svg")
        .with("viewBox", format_args!("0 0 {WIDTH} {height}"))
        .at("width", WIDTH)
        .at("height", height)
        .with("role", "img")
        .with("aria-labelledby", "title description")
        .child(Element::new("title").with("id", "title").text(title(report)))
        .child(Element::new("desc").with("id", "description").text(description(report)))
        .child(Element::new("style").text(include_str!("picture/style.css")))
        .child(Element::new("defs").children([hatch(What::Down), hatch(What::Revoked)]))
        .child(rect("paper", [0.0, 0.0, WIDTH, height]))
        .child(words("title", LEFT, 30.0, title(report)))
        .child(words("subtitle", LEFT, 50.0, subtitle(report)))
        .child(phases(report, time))
        .child(troubles(report, time, end))
        .children(lanes)
        .child(axis(time, end))
        .child(legend)
}

pub(super) fn title(report: &Report) -> String {
    format!("evergrant demo: {} calls, {} failed", report.requests(), report.failed())
}

fn subtitle(report: &Report) -> String {
    let (workers, life, took) = (report.workers, report.life.as_secs(), report.took.as_secs_f64());
    format!(
        "{} an API without pause for {took:.1} s; a token lives {life} s; {} tokens, {} token requests",
        report::call(workers),
        report.timeline.lives().len(),
        report.token_requests()
    )
}

fn description(report: &Report) -> String {
    let phases: Vec<String> = report
        .phases
        .iter()
        .map(|phase| format!("{}: {}, {}", phase.name, phase.counts(), phase.waits()))
        .collect();
    format!("{}. {}.", subtitle(report), phases.join(". "))
}

/// The phases by their numbers; the legend has their names.
fn phases(report: &Report, time: Scale) -> Element {
    let ends = report.timeline.phases().iter().skip(1).map(|(_, from)| *from).chain([report.took]);
    let boxes =
        report.timeline.phases().iter().zip(ends).enumerate().map(|(index, ((name, from), until))| {
            let (from, until) = (place(time, *from), place(time, until));
            Element::new("g")
                .child(Element::new("title").text(name))
                .child(rect("phase", [from, TOP, until - from, PHASE]))
                .child(words("number", f64::midpoint(from, until), TOP + 15.0, index + 1))
        });
    Element::new("g")
        .with("id", "phases")
        .child(words("left mark", LEFT - 8.0, TOP + 15.0, "phase"))
        .children(boxes)
}

/// What the server did, behind all lanes.
fn troubles(report: &Report, time: Scale, end: f64) -> Element {
    let bands = report.timeline.troubles().iter().map(|trouble| {
        let Trouble { what, from, until } = *trouble;
        let (class, _) = named(what);
        let until = until.unwrap_or(report.took);
        let (left, right) = (place(time, from), place(time, until));
        let top = TOP + PHASE;
        // What is short is seen all the same.
        let area = [left, top, (right - left).max(2.0), end - top];
        let told =
            format!("{}: {:.1} s to {:.1} s", legend::trouble(what), from.as_secs_f64(), until.as_secs_f64());
        Element::new("g")
            .with("class", "trouble")
            .child(Element::new("title").text(told))
            .child(rect(class, area))
            .child(rect("", area).with("fill", format_args!("url(#{class}-hatch)")))
            .child(words(&format!("{class}-word"), left + 4.0, top + 16.0, code(what)))
    });
    Element::new("g").with("id", "troubles").children(bands)
}

/// The time, below all lanes.
fn axis(time: Scale, end: f64) -> Element {
    let marks = time.marks(10).map(|(second, x)| words("number mark", x, end + 16.0, second));
    Element::new("g").with("id", "time").children(marks).child(words(
        "left mark",
        RIGHT,
        end + 32.0,
        "seconds since the start",
    ))
}

/// What it answers.
const fn code(what: What) -> &'static str {
    match what {
        What::Down => "503",
        What::Revoked => "401",
    }
}

fn hatch(what: What) -> Element {
    let (class, angle) = named(what);
    let line = Element::new("line").at("x1", 0.0).at("y1", 0.0).at("x2", 0.0).at("y2", 6.0);
    Element::new("pattern")
        .with("id", format_args!("{class}-hatch"))
        .with("width", 6)
        .with("height", 6)
        .with("patternUnits", "userSpaceOnUse")
        .with("patternTransform", format_args!("rotate({angle})"))
        .child(line.with("class", format_args!("{class}-line")))
}

#[cfg(test)]
mod tests;
