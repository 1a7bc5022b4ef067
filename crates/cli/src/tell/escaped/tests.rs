use super::{Escaped, json};

#[test]
fn nothing_that_a_terminal_obeys_is_left() {
    let foreign = "a\u{1b}]0;title\u{7}b\u{9b}31m\u{202e}c\td\nE \u{e9}\u{1f600}";
    let shown = Escaped(foreign).to_string();
    assert_eq!(shown, "a\\u{1b}]0;title\\u{7}b\\u{9b}31m\\u{202e}c\\u{9}d\nE \u{e9}\u{1f600}");
    let value = serde_json::json!({ foreign: [foreign, 1, null] });
    let text = json(&value);
    assert!(text.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{text}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
}
