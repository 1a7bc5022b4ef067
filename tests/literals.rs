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
fn literal(inside: &str) -> (String, &str) {
    let mut text = String::new();
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        match (c, chars.as_str().chars().next()) {
            ('"', _) => return (text, &inside[at + 1..]),
            // It goes on in the next line.
            ('\\', Some('\n')) => {
                let below = chars.as_str().trim_start();
                chars = inside[inside.len() - below.len()..].char_indices();
                let (more, after) = literal(chars.as_str());
                return (text + &more, after);
            }
            ('\\', Some(escaped)) => {
                let _taken = chars.next();
                text.push(if escaped == 'n' { '\n' } else { escaped });
            }
            (c, _) => text.push(c),
        }
    }
    (text, "")
}

/// What of a literal is always the same, where it is more than one word: the text between its placeholders.
pub(crate) fn fragments(literal: &str) -> Vec<String> {
    let mut fragments = Vec::new();
    for piece in literal
        .split('{')
        .flat_map(|piece| piece.rsplit_once('}').map_or([piece, ""], |(_, after)| [after, ""]))
    {
        let piece = piece.trim_matches(|c: char| !c.is_alphanumeric());
        if piece.contains(' ') {
            fragments.push(piece.to_owned());
        }
    }
    fragments
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
