//! Elements of SVG and HTML. What is written into them is escaped, whatever it is.

use std::fmt::{self, Display};

/// An element. Its name and those of its attributes are ours.
#[derive(Debug)]
pub(super) struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    content: Vec<Content>,
}

#[derive(Debug)]
enum Content {
    Element(Element),
    Text(String),
}

impl Element {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, attributes: Vec::new(), content: Vec::new() }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }

    /// An attribute in pixels: a tenth of one is as exact as an eye.
    pub(super) fn at(self, name: &'static str, pixels: f64) -> Self {
        // Without a sign before zero, and without a fraction where there is none.
        let tenths = (pixels * 10.0).round() / 10.0 + 0.0;
        self.with(name, tenths)
    }

    pub(super) fn text(mut self, text: impl Display) -> Self {
        self.content.push(Content::Text(text.to_string()));
        self
    }

    pub(super) fn child(mut self, child: Self) -> Self {
        self.content.push(Content::Element(child));
        self
    }

    pub(super) fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.content.extend(children.into_iter().map(Content::Element));
        self
    }

    /// Elements stand in lines of their own; a text stays in one line with its element, as blanks would be part of it.
    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let Self { name, attributes, content } = self;
        write!(f, "<{name}")?;
        for (name, value) in attributes {
            write!(f, " {name}=\"{}\"", Escaped(value))?;
        }
        if content.is_empty() {
            return f.write_str("/>");
        }
        f.write_str(">")?;
        let in_lines = content.iter().all(|content| matches!(content, Content::Element(_)));
        for content in content {
            if in_lines {
                write!(f, "\n{:1$}", "", depth + 1)?;
            }
            match content {
                Content::Element(element) => element.write(f, depth + 1)?,
                Content::Text(text) => Escaped(text).fmt(f)?,
            }
        }
        if in_lines {
            write!(f, "\n{:depth$}", "")?;
        }
        write!(f, "</{name}>")
    }
}

impl Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            // XML has no place for them, escaped or not (XML 1.0 §2.2).
            c if (c.is_control() && c != '\n') || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                f.write_str("\u{fffd}")
            }
            c => write!(f, "{c}"),
        })
    }
}

#[cfg(test)]
mod tests;
