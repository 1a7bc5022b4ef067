//! `evergrant demo --report`: the picture and the page.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::{Folder, evergrant, fails, run};
use quick_xml::events::{BytesStart, Event};
use serde_json::Value;
use std::fs;
use std::path::Path;
#[cfg(unix)]
use std::process::Stdio;

/// What a picture is made of, without what differs from one demonstration to the next.
#[derive(Debug, PartialEq)]
struct Outline {
    /// The names of its groups, in order.
    groups: Vec<String>,
    phases: Vec<String>,
    /// What the server did, in order.
    troubles: Vec<String>,
    /// The heads of the lanes, up to a figure.
    heads: Vec<String>,
    /// The words of the legend and of the axes, up to a figure.
    words: Vec<String>,
}

/// An element with what is around it.
struct Found {
    name: String,
    id: String,
    class: String,
    /// The name of the group that it is in.
    group: String,
    text: String,
}

fn attribute(start: &BytesStart<'_>, name: &str) -> String {
    start.try_get_attribute(name).unwrap().map_or(String::new(), |value| {
        value.normalized_value(quick_xml::XmlVersion::Explicit1_0).unwrap().into_owned()
    })
}

/// Every element of an XML document, as a reader that is not ours sees it.
fn elements(document: &str) -> Vec<Found> {
    let mut reader = quick_xml::Reader::from_str(document);
    let (mut all, mut open): (Vec<Found>, Vec<usize>) = (Vec::new(), Vec::new());
    loop {
        let event = reader.read_event().unwrap();
        match &event {
            Event::Start(start) | Event::Empty(start) => {
                let group = open.iter().rev().map(|at| &all[*at].id).find(|id| !id.is_empty());
                let group = group.cloned().unwrap_or_default();
                let name = String::from_utf8(start.name().as_ref().to_vec()).unwrap();
                if matches!(event, Event::Start(_)) {
                    open.push(all.len());
                }
                let (id, class) = (attribute(start, "id"), attribute(start, "class"));
                all.push(Found { name, id, class, group, text: String::new() });
            }
            Event::Text(text) => {
                if let Some(at) = open.last() {
                    all[*at].text.push_str(text.decode().unwrap().trim());
                }
            }
            Event::End(_) => drop(open.pop().unwrap()),
            Event::Eof => break,
            _ => {}
        }
    }
    assert!(open.is_empty(), "every element ends");
    all
}

/// Up to the first figure that is not the number of a phase.
fn up_to_a_figure(text: &str) -> String {
    let (number, rest) = text.split_once(". ").filter(|(number, _)| number.len() == 1).unwrap_or(("", text));
    let rest = rest.replace("503", "[down]").replace("401", "[revoked]");
    format!("{number}{}", rest.split(|c: char| c.is_ascii_digit()).next().unwrap())
}

fn outline(elements: &[Found]) -> Outline {
    let texts = |wanted: &dyn Fn(&Found) -> bool| {
        let found = elements.iter().filter(|found| wanted(found));
        found.map(|found| up_to_a_figure(&found.text)).filter(|text| !text.is_empty()).collect::<Vec<_>>()
    };
    Outline {
        groups: elements
            .iter()
            .filter(|found| found.name == "g")
            .map(|found| found.id.clone())
            .filter(|id| !id.is_empty())
            .collect(),
        phases: texts(&|found| found.name == "title" && found.group == "phases"),
        troubles: texts(&|found| found.name == "title" && found.group == "troubles"),
        heads: texts(&|found| found.class == "head"),
        words: texts(&|found| found.name == "text" && ["legend", "time"].contains(&found.group.as_str())),
    }
}

/// One bar for each token.
fn assert_bars(elements: &[Found], tokens: usize) {
    let in_lane =
        |class| elements.iter().filter(|found| found.group == "tokens" && found.class == class).count();
    assert_eq!((in_lane("life"), in_lane("token")), (tokens, tokens));
    assert!(tokens >= 5, "{tokens}");
}

/// A short demonstration with this report: its figures.
fn demonstrated(report: &str) -> Value {
    let ended =
        run(&mut evergrant(&["demo", "--seconds", "10", "--workers", "4", "--json", "--report", report]));
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
    let figures: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(figures["report"], report);
    figures
}

fn assert_loads_nothing(text: &str) {
    let text = text.replace("xmlns=\"http://www.w3.org/2000/svg\"", "").replace("url(#", "");
    for loading in ["http:", "https:", "url(", "src=", "href", "@import", "<script", "<link"] {
        assert!(!text.contains(loading), "{loading}");
    }
}

#[test]
fn the_picture_is_made_as_the_one_in_the_documents_with_a_bar_for_each_token() {
    let folder = Folder::new();
    let path = folder.at("demo.svg");
    let figures = demonstrated(&path);
    let (made, kept) = (
        fs::read_to_string(&path).unwrap(),
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/demo.svg"),
    );
    let kept = fs::read_to_string(kept).unwrap();
    assert_loads_nothing(&made);
    assert_loads_nothing(&kept);
    let (made, kept) = (elements(&made), elements(&kept));
    assert_bars(&made, usize::try_from(figures["tokens"].as_u64().unwrap()).unwrap());
    let subtitle = &kept.iter().find(|found| found.class == "subtitle").unwrap().text;
    let (before, _) = subtitle.split_once(" tokens").unwrap();
    assert_bars(&kept, before.rsplit(' ').next().unwrap().parse().unwrap());
    let outline = outline(&made);
    assert_eq!(
        outline,
        self::outline(&kept),
        "cargo run --release -- demo --seconds 20 --report docs/demo.svg"
    );
    assert_eq!(outline.groups, ["phases", "troubles", "tokens", "calls", "queue", "wait", "time", "legend"]);
    let names: Vec<&str> =
        figures["phases"].as_array().unwrap().iter().map(|phase| phase["name"].as_str().unwrap()).collect();
    assert_eq!(outline.phases, names);
    // Both at once in the last phase.
    let [revoked, down, again, both @ ..] = &outline.troubles[..] else { panic!("{outline:?}") };
    assert!(revoked.contains("[revoked]") && down.contains("[down]") && down == again, "{outline:?}");
    assert_eq!(both, [down.clone(), revoked.clone()]);
    assert!(outline.words.contains(&"seconds since the start".to_owned()), "{outline:?}");
}

#[test]
fn the_page_is_one_file_with_the_picture_and_the_figures() {
    let folder = Folder::new();
    let path = folder.at("demo.HTML");
    let figures = demonstrated(&path);
    let page = fs::read_to_string(&path).unwrap();
    assert_loads_nothing(&page);
    let xml = page.strip_prefix("<!doctype html>\n").unwrap();
    let elements = elements(xml);
    assert_bars(&elements, usize::try_from(figures["tokens"].as_u64().unwrap()).unwrap());
    let cells: Vec<&str> =
        elements.iter().filter(|found| found.name == "td").map(|found| found.text.as_str()).collect();
    assert_eq!(cells.len(), 7 * 7, "six phases and the total");
    assert_eq!((cells[0], cells[42], cells[44]), ("cold start", "total", "0"));
    assert_eq!(cells[43], figures["requests"].to_string());
}

#[test]
fn what_cannot_be_a_report_is_said_before_anything_runs() {
    let folder = Folder::new();
    let at = |name: &str| folder.at(name);
    for name in ["demo.png", "demo", "demo.svg/", "svg"] {
        let demo = &mut evergrant(&["demo", "--report", &at(name)]);
        fails(demo, 2, &["--report", ".html for a page", ".svg for a picture"]);
    }
    fs::create_dir(at("folder.svg")).unwrap();
    fails(&mut evergrant(&["demo", "--report", &at("folder.svg")]), 2, &["is not a regular file", "next: "]);
    fails(&mut evergrant(&["demo", "--report", &at("no/demo.svg")]), 2, &["cannot be written", "next: "]);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(at("nothing"), at("link.svg")).unwrap();
        fails(&mut evergrant(&["demo", "--report", &at("link.svg")]), 2, &["is a symbolic link", "next: "]);
        std::os::unix::fs::symlink("/dev/null", at("null.svg")).unwrap();
        fails(&mut evergrant(&["demo", "--report", &at("null.svg")]), 2, &["is not a regular file"]);
    }
}

#[cfg(unix)]
#[test]
fn a_report_is_replaced_when_the_new_one_is_complete() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let path = folder.file("demo.svg", 0o640, "the old one");
    let link = folder.at("link.svg");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    // Interrupted, it leaves what was there, and nothing beside it.
    let mut demo = evergrant(&["demo", "--seconds", "10", "--report", &path]);
    let mut demo = demo.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut told = std::io::BufReader::new(demo.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut told, &mut line).unwrap();
    demo.kill().unwrap();
    demo.wait().unwrap();
    let names = || {
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(
        (fs::read_to_string(&path).unwrap().as_str(), names()),
        ("the old one", vec!["demo.svg".into(), "link.svg".into()])
    );
    // Through a link it is the file that is replaced, and its mode stays.
    demonstrated(&link);
    assert!(fs::read_to_string(&path).unwrap().starts_with("<svg "));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(names(), ["demo.svg", "link.svg"]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}
