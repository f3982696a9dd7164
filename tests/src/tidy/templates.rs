//! Reads templates into what rules speak of, and holds them to these: nothing that people read is written in them, nothing
//! is printed as it is but what the kit made, and no script, style or handler stands in a page.

use super::Violation;
use super::markup::Markup;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// `{{ … }}`.
    Expression(String),
    /// `{% … %}`.
    Statement(String),
    /// Everything between.
    Markup(String),
}

/// Expressions besides those whose type says that they are markup: names that a loop gives to one.
pub(super) const OWN: &[&str] = &[];

/// Attributes that people read or hear.
const SPOKEN: &[&str] = &[
    "alt",
    "aria-description",
    "aria-label",
    "aria-placeholder",
    "aria-roledescription",
    "label",
    "placeholder",
    "title",
];

/// Every template below a folder; none where there is no folder.
pub(super) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if !folder.is_dir() {
        return Ok(files);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Cuts a template into pieces, each with its line. Comments are none.
pub(super) fn pieces(text: &str) -> Vec<(usize, Piece)> {
    let mut pieces = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while !rest.is_empty() {
        let at = ["{{", "{%", "{#"].iter().filter_map(|open| rest.find(open)).min().unwrap_or(rest.len());
        let (markup, tail) = rest.split_at(at);
        if !markup.is_empty() {
            pieces.push((line, Piece::Markup(markup.to_owned())));
        }
        line += markup.matches('\n').count();
        let close = match tail.get(..2) {
            Some("{{") => "}}",
            Some("{%") => "%}",
            Some(_) => "#}",
            None => break,
        };
        let end = tail.find(close).map_or(tail.len(), |end| end + 2);
        let inside = tail[2..end].trim_end_matches(close).trim_matches(['-', '~', '+', ' ', '\n']).to_owned();
        match close {
            "}}" => pieces.push((line, Piece::Expression(inside))),
            "%}" => pieces.push((line, Piece::Statement(inside))),
            _ => {}
        }
        line += tail[..end].matches('\n').count();
        rest = &tail[end..];
    }
    pieces
}

/// The literals of characters in an expression.
pub(super) fn literals(expression: &str) -> impl Iterator<Item = &str> {
    expression.split('"').skip(1).step_by(2)
}

/// Checks one template.
pub(super) fn check(file: &str, text: &str, markup_of: &Markup, own: &[&str], found: &mut Vec<Violation>) {
    let mut report = |line, what: String| found.push(Violation { file: file.to_owned(), line, what });
    // Expressions become a mark that is neither letter nor quote, so that the markup can be read as markup.
    let mut markup = String::new();
    // What stands in the block of the face's name goes into an attribute that nobody reads.
    let mut in_class = false;
    for (line, piece) in pieces(text) {
        while markup.matches('\n').count() + 1 < line {
            markup.push('\n');
        }
        match piece {
            Piece::Markup(_) if in_class => {}
            Piece::Markup(text) => markup.push_str(&text),
            Piece::Statement(statement) => in_class = statement == "block face",
            Piece::Expression(expression) => {
                markup.push('\u{1}');
                if let Some(made) = expression.strip_suffix("|safe")
                    && !markup_of.is(made.trim())
                    && !own.contains(&made.trim())
                {
                    report(line, format!("prints {made} as it is: only what the kit made is markup"));
                }
            }
        }
    }
    for (line, what) in faults(&markup) {
        report(line, what);
    }
}

/// What is wrong with markup, with its lines.
fn faults(markup: &str) -> Vec<(usize, String)> {
    let mut faults = Vec::new();
    let mut rest = markup;
    let line = |rest: &str| markup[..markup.len() - rest.len()].matches('\n').count() + 1;
    while let Some(open) = rest.find('<') {
        let text = &rest[..open];
        if speaks(text) {
            faults.push((
                line(rest.trim_start()),
                format!("says \"{}\": texts stand in the catalogues", text.trim()),
            ));
        }
        rest = &rest[open..];
        let end = tag_end(rest);
        let tag = &rest[..end];
        for what in tag_faults(tag) {
            faults.push((line(rest), what));
        }
        rest = &rest[end..];
    }
    if speaks(rest) {
        faults.push((
            line(rest.trim_start()),
            format!("says \"{}\": texts stand in the catalogues", rest.trim()),
        ));
    }
    faults
}

/// Where the tag that begins here ends: behind the next `>` that no quotes hold.
fn tag_end(text: &str) -> usize {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '>' if !quoted => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn tag_faults(tag: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let element = tag.trim_start_matches(['<', '/']).split(|c: char| !c.is_ascii_alphanumeric()).next();
    if tag.starts_with("<!") {
        return faults;
    }
    let attributes = attributes(tag);
    if element == Some("script")
        && !tag.starts_with("</")
        && !attributes.iter().any(|(name, _)| name == "src")
    {
        faults.push("holds a script: the content policy forbids it".to_owned());
    }
    if element == Some("style") {
        faults.push("holds a style: the content policy forbids it".to_owned());
    }
    for (name, value) in attributes {
        if name == "style" || name.starts_with("on") || name.starts_with("hx-on") {
            faults.push(format!("has {name}: the content policy forbids it"));
        }
        if SPOKEN.contains(&name.as_str()) && speaks(&value) {
            faults.push(format!("says {name}=\"{value}\": texts stand in the catalogues"));
        }
    }
    faults
}

/// Names and values of a tag's attributes.
fn attributes(tag: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = tag;
    while let Some(at) = rest.find('=') {
        let name =
            rest[..at].trim_end().rsplit(|c: char| c.is_whitespace() || c == '"').next().unwrap_or_default();
        let after = rest[at + 1..].trim_start();
        let Some(inside) = after.strip_prefix('"') else {
            rest = after;
            continue;
        };
        let (value, tail) = inside.split_once('"').unwrap_or((inside, ""));
        found.push((name.to_ascii_lowercase(), value.to_owned()));
        rest = tail;
    }
    found
}

/// Whether a text says something by itself: a letter that is no part of an entity.
fn speaks(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '&' || c.is_alphabetic()) {
        let entity = rest[at..].strip_prefix('&').and_then(|tail| tail.split_once(';'));
        match entity {
            Some((name, tail)) if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '#') => rest = tail,
            _ if rest[at..].starts_with('&') => rest = &rest[at + 1..],
            _ => return true,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        let code = "fn icon(&self) -> Html {\nfn verdict(&self) -> Html {\n".to_owned();
        check("t.html", text, &Markup::of(&[code]), &["qr"], &mut found);
        found.into_iter().map(|violation| format!("{}: {}", violation.line, violation.what)).collect()
    }

    #[test]
    fn a_template_that_prints_what_others_made_is_tidy() {
        let text = "<!doctype html>\n{# 说明 #}\n<p class=\"a b\" title=\"{{ p.t(\"kit.a\") }}\"{% if x %} hidden{% endif %}>\n\
            {{ p.icon(\"x\")|safe }} &middot; {{ name }}: {{ p.verdict(item.verdict(a))|safe }} — &#183; </p>{{ qr|safe }}\n\
            <script defer src=\"{{ p.asset(\"a.js\") }}\"></script>{% block face %}a{% endblock %}";
        assert_eq!(found(text), Vec::<String>::new());
    }

    #[test]
    fn what_a_template_should_not_hold_is_found_where_it_stands() {
        for (text, line, what) in [
            ("<p>\n{{ a }} 合格</p>", 2, "says \"\u{1} 合格\""),
            ("<p>Save</p>", 1, "says \"Save\""),
            ("\n\ntail b", 3, "says \"tail b\""),
            ("<a title=\"Close {{ x }}\"></a>", 1, "says title"),
            ("<img\n alt=\"a\">", 1, "says alt"),
            ("<p>{{ name|safe }}</p>", 1, "prints name"),
            ("<p>{{ p.icon(a) ~ b.c(d)|safe }}</p>", 1, "prints p.icon"),
            ("<p>{{ p.t(\"kit.a\")|safe }}</p>", 1, "prints p.t"),
            ("<p style=\"{{ x }}\"></p>", 1, "has style"),
            ("<p\nonclick=\"x()\"></p>", 1, "has onclick"),
            ("<script>{{ x }}</script>", 1, "holds a script"),
            ("<style></style>", 1, "holds a style"),
        ] {
            let found = found(text);
            assert!(
                found.first().is_some_and(|first| first.starts_with(&format!("{line}: {what}"))),
                "{text}: {found:?}"
            );
        }
    }

    #[test]
    fn literals_of_an_expression_are_found() {
        assert_eq!(literals("p.t2(\"a.b\", \"n\", x)").collect::<Vec<_>>(), ["a.b", "n"]);
    }
}
