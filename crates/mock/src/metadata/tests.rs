use super::*;

#[test]
fn a_member_is_replaced_added_or_left_out() {
    let changed = |object: &str, json| String::from_utf8(with_member(object.as_bytes(), "b", json)).unwrap();
    assert_eq!(changed(r#"{"a":1,"b":2}"#, Some("[3]")), r#"{"a":1,"b":[3]}"#);
    assert_eq!(changed(r#"{"a":1}"#, Some("no json")), r#"{"a":1,"b":no json}"#);
    assert_eq!(changed(r#"{"b":2}"#, None), "{}");
    assert_eq!([changed("[]", Some("1")), changed("", None)], ["[]", ""]);
}
