use super::*;

fn parse(line: &str) -> Result<TokenHeader, Failure> {
    TokenHeader::parse(line, &Whence::Flag("--token-header".into()))
}

#[test]
fn a_line_is_a_name_and_a_value_or_a_file() {
    let header = parse("X-Tenant:  north: 1 ").unwrap();
    assert_eq!(header.name, "X-Tenant");
    assert!(matches!(header.value, Value::Text(text) if *text == "north: 1"));
    let header = parse("X-Key: @/run/secrets/key").unwrap();
    assert!(matches!(header.value, Value::Kept(Source::File(path)) if path == Path::new("/run/secrets/key")));
}

#[test]
fn what_is_no_header_line_is_not_shown() {
    let error = parse("hunter2").unwrap_err().to_string();
    assert!(error.contains("--token-header has no colon") && !error.contains("hunter2"), "{error}");
    let error = parse("X-Key: @-").unwrap_err().to_string();
    assert!(error.contains("the value of the token header X-Key cannot come from stdin"), "{error}");
}
