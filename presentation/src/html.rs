//! Markup that is safe, and text that is made so.
//!
//! Everything a template prints is escaped by [`Shown`]. What officers, parties and supervisors typed may hold anything, so
//! besides markup the characters that reorder or hide text are made visible: evidence must read as it is stored.

use askama::filters::Escaper;
use std::fmt::{self, Write};

/// The escaper of all templates: markup becomes text, invisible control characters become visible.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shown;

impl Escaper for Shown {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| needs_care(*c)) {
            dest.write_str(&rest[..at])?;
            match entity(c) {
                Some(entity) => dest.write_str(entity)?,
                None => write!(dest, "<span class=\"fp-control\">U+{:04X}</span>", u32::from(c))?,
            }
            rest = &rest[at + c.len_utf8()..];
        }
        dest.write_str(rest)
    }
}

fn needs_care(c: char) -> bool {
    entity(c).is_some() || is_hidden(c)
}

fn entity(c: char) -> Option<&'static str> {
    Some(match c {
        '&' => "&#38;",
        '<' => "&#60;",
        '>' => "&#62;",
        '"' => "&#34;",
        '\'' => "&#39;",
        _ => return None,
    })
}

/// Controls, and characters that reorder, join or hide what stands beside them.
pub(crate) fn is_hidden(c: char) -> bool {
    match c {
        '\n' | '\r' | '\t' => false,
        _ if c.is_control() => true,
        '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{FEFF}' => true,
        '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' => true,
        '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}' => true,
        _ => false,
    }
}

/// Markup that this crate or a page made. Print it with `|safe`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// Takes markup as it is. Whatever came from outside must have been through [`text`] or [`field`].
    pub fn new(markup: impl Into<String>) -> Self {
        Self(markup.into())
    }

    /// The markup.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text to be read, as templates print it. Not for attributes and the inside of fields: see [`field`].
pub fn text(text: &str) -> Html {
    let mut markup = String::with_capacity(text.len());
    Shown.write_escaped_str(&mut markup, text).expect("writing into a String cannot fail");
    Html(markup)
}

/// Text inside an attribute, a `textarea` or an `input`: it comes back character by character as it was.
pub fn field(text: &str) -> Html {
    let mut markup = String::with_capacity(text.len());
    // A browser drops the first line break of a textarea.
    if text.starts_with('\n') {
        markup.push('\n');
    }
    for c in text.chars() {
        match entity(c) {
            Some(entity) => markup.push_str(entity),
            None => markup.push(c),
        }
    }
    Html(markup)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_text() {
        let shown = text("<script>alert('x')</script> & \"y\"");
        assert_eq!(shown.as_str(), "&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62; &#38; &#34;y&#34;");
    }

    #[test]
    fn what_hides_or_reorders_text_is_seen() {
        let shown = text("合格\u{202E}格合不\u{200B}\0\n好");
        assert_eq!(
            shown.as_str(),
            "合格<span class=\"fp-control\">U+202E</span>格合不<span class=\"fp-control\">U+200B</span><span \
             class=\"fp-control\">U+0000</span>\n好"
        );
    }

    #[test]
    fn a_field_gives_back_what_was_typed() {
        assert_eq!(field("a\u{202E}<b>").as_str(), "a\u{202E}&#60;b&#62;");
        assert_eq!(field("\nx").as_str(), "\n\nx");
    }
}
