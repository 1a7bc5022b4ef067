//! A demonstration as a page: one file, which loads nothing.

use super::markup::Element;
use super::picture;
use super::report::Report;
use super::row::Row;

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
    let row = |cell: &'static str, Row { name, cells }: Row| {
        let texts = [name.to_owned()].into_iter().chain(cells);
        Element::new("tr").children(texts.map(|text| Element::new(cell).text(text)))
    };
    let heads = ["calls", "failed", "token requests", "limit", "longest wait", "deepest queue"];
    let head = Row { name: "phase", cells: heads.map(str::to_owned) };
    let phases = report.phases.iter().map(|phase| row("td", Row::of(phase)));
    Element::new("table")
        .child(Element::new("caption").text("Each phase in figures"))
        .child(Element::new("thead").child(row("th", head)))
        .child(Element::new("tbody").children(phases))
        .child(Element::new("tfoot").child(row("td", Row::total(report))))
}
