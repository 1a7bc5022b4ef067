//! A demonstration as a page: one file, which loads nothing.

use super::markup::Element;
use super::picture;
use super::report::{Report, wait};

/// The document.
pub(super) fn of(report: &Report) -> String {
    let head = Element::new("head")
        .child(Element::new("meta").with("charset", "utf-8"))
        .child(Element::new("meta").with("name", "viewport").with("content", "width=device-width"))
        .child(Element::new("title").text(picture::title(report)))
        .child(Element::new("style").text(include_str!("page/style.css")));
    let wide = |element| Element::new("div").with("class", "wide").child(element);
    let body = Element::new("body").child(wide(picture::of(report))).child(wide(table(report)));
    let page = Element::new("html").with("lang", "en").child(head).child(body);
    format!("<!doctype html>\n{page}\n")
}

fn table(report: &Report) -> Element {
    let row = |name: &'static str, cells: [String; 7]| {
        Element::new("tr").children(cells.map(|cell| Element::new(name).text(cell)))
    };
    let heads = ["phase", "calls", "failed", "token requests", "limit", "longest wait", "deepest queue"];
    let phases = report.phases.iter().map(|phase| {
        row(
            "td",
            [
                phase.name.to_owned(),
                phase.sum.requests.to_string(),
                phase.sum.failed.to_string(),
                phase.token_requests.to_string(),
                phase.allowed.to_string(),
                wait(phase.sum.longest_wait),
                phase.deepest_queue.to_string(),
            ],
        )
    });
    let total = row(
        "td",
        [
            "total".to_owned(),
            report.requests().to_string(),
            report.failed().to_string(),
            report.token_requests().to_string(),
            String::new(),
            wait(report.longest_wait()),
            report.deepest_queue().to_string(),
        ],
    );
    Element::new("table")
        .child(Element::new("caption").text("Each phase in figures"))
        .child(Element::new("thead").child(row("th", heads.map(str::to_owned))))
        .child(Element::new("tbody").children(phases))
        .child(Element::new("tfoot").child(total))
}
