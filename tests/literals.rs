//! The string literals of Rust code, which is where the sentences of errors are.

/// The literals in the code, in order; comments are left out.
pub(crate) fn literals(code: &str) -> Vec<String> {
    let (mut literals, mut rest) = (Vec::new(), code);
    while let Some(at) = rest.find(['"', '/', '\'']) {
        rest = &rest[at..];
        rest = if rest.starts_with("//") {
            rest.split_once('\n').map_or("", |(_, below)| below)
        } else if let Some(inside) = rest.strip_prefix('"') {
            let (literal, after) = literal(inside);
            literals.push(literal);
            after
        } else {
            // A character that is a quotation mark, or a mark that says nothing here.
            rest.strip_prefix("'\"'").unwrap_or(&rest[1..])
        };
    }
    literals
}

/// What a literal says, from behind its first quotation mark, and what comes after it.
fn literal(mut rest: &str) -> (String, &str) {
    let mut text = String::new();
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '"' => break,
            // It goes on in the next line.
            '\\' if rest.starts_with('\n') => rest = rest.trim_start(),
            '\\' => {
                text.extend(rest.chars().next());
                rest = rest.get(1..).unwrap_or_default();
            }
            c => text.push(c),
        }
    }
    (text, rest)
}

/// What of a literal is always the same, where it is more than one word: the text between its placeholders.
pub(crate) fn fragments(literal: &str) -> Vec<String> {
    let between = literal.split('{').map(|piece| piece.rsplit_once('}').map_or(piece, |(_, after)| after));
    let trimmed = between.map(|piece| piece.trim_matches(|c: char| !c.is_alphanumeric()));
    trimmed.filter(|piece| piece.contains(' ')).map(str::to_owned).collect()
}

#[test]
fn literals_are_found_in_code() {
    let code = "fn f() { // \"no\"\n  g(\"a {b} c d\", '\"', \"e \\\n     f\", \"\\\"g\\\"\"); 'l: loop {} }";
    assert_eq!(literals(code), ["a {b} c d", "e f", "\"g\""]);
    assert_eq!(
        fragments("{field} is empty: set it ({why}) at {at:?}, or not"),
        ["is empty: set it", "or not"]
    );
}
