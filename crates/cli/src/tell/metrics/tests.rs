use super::*;
use evergrant_tokio_reqwest::Tokens;

#[test]
fn a_token_that_never_ends_is_infinite_and_a_source_is_escaped() {
    let status = Tokens::fixed("a").unwrap().status();
    let text = Totals::default().text(&[("a\"b\\c\nd", status)]);
    for line in [
        r#"evergrant_token_used_for_seconds{source="a\"b\\c\nd"} +Inf"#,
        r#"evergrant_token_waiting{source="a\"b\\c\nd"} 0"#,
        r#"evergrant_token_resting{source="a\"b\\c\nd",class="permanent"} 0"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in: {text}");
    }
}

#[test]
fn every_metric_of_a_source_is_described_before_there_is_any_and_none_of_a_pool() {
    let text = Totals::default().text(&[("a", Tokens::fixed("a").unwrap().status())]);
    let of_a_source = INSTRUMENTS.iter().filter(|instrument| !instrument.name.starts_with("evergrant.pool."));
    assert_eq!(text.matches("# HELP ").count(), of_a_source.clone().count());
    assert_eq!(text.matches("# TYPE ").count(), of_a_source.count());
    assert!(!text.contains("evergrant_pool_"), "{text}");
    assert!(text.contains("# TYPE evergrant_token_requests_total counter\n"), "{text}");
    assert!(text.contains("# TYPE evergrant_token_wait_duration_seconds histogram\n"), "{text}");
}

#[test]
fn many_sources_are_described_once() {
    let status = || Tokens::fixed("a").unwrap().status();
    let text = Totals::default().text(&[("a", status()), ("b", status())]);
    assert_eq!(text.matches("# TYPE evergrant_token_waiting gauge\n").count(), 1, "{text}");
    for source in ["a", "b"] {
        assert!(text.contains(&format!("evergrant_token_waiting{{source=\"{source}\"}} 0\n")), "{text}");
    }
}

#[test]
fn a_bucket_has_what_is_no_longer_than_its_bound() {
    let mut text = String::new();
    let mut counts = [0; BUCKETS.len() + 1];
    (counts[0], counts[1], counts[BUCKETS.len()]) = (2, 1, 1);
    write_one(&mut text, "a", "b=\"c\"", &Total::Spread { counts, sum: 60.5 });
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], r#"a_bucket{b="c",le="0.005"} 2"#);
    assert_eq!(lines[1], r#"a_bucket{b="c",le="0.01"} 3"#);
    assert_eq!(lines[13], r#"a_bucket{b="c",le="10"} 3"#);
    assert_eq!(
        lines[14..],
        [r#"a_bucket{b="c",le="+Inf"} 4"#, r#"a_sum{b="c"} 60.5"#, r#"a_count{b="c"} 4"#]
    );
}
