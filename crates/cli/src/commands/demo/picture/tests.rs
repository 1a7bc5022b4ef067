use super::of;
use crate::commands::demo::page;
use crate::commands::demo::report::Report;
use std::time::Duration;

#[test]
fn nothing_is_drawn_where_nothing_is() {
    // A demonstration that saw no token and no call is drawn all the same.
    for took in [Duration::ZERO, Duration::from_secs(3600)] {
        let text = of(&Report::of_figures(&[("cold start", 0, 0, 0, 0, 0, 0)], took)).to_string();
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>"));
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}

#[test]
fn what_failed_is_the_title() {
    let report = Report::of_figures(&[("cold start", 8, 3, 1, 1, 5, 2)], Duration::from_secs(5));
    for text in [of(&report).to_string(), page::of(&report)] {
        assert!(text.contains(">evergrant demo: 8 calls, 3 failed</title>"), "{text}");
    }
}
