//! Which functions and fields hold markup that was made by us: those whose type says so. Everything else is text.
//!
//! Types are read as rustfmt writes them, one field to a line; that is held by the format check.

use super::{apply, name, sources};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// The kit's type for markup.
const HTML: &str = "Html";

/// Names of functions and fields.
#[derive(Debug, Default)]
pub(super) struct Markup {
    /// Functions that make it.
    functions: BTreeSet<String>,
    /// Fields that hold it, and nowhere text under the same name.
    fields: BTreeSet<String>,
}

impl Markup {
    /// Reads a crate, and what it has from others.
    pub(super) fn read(root: &Path, folders: &[&str]) -> io::Result<Self> {
        let mut texts = Vec::new();
        for folder in folders {
            for path in sources(&root.join(folder).join("src"))? {
                if !apply::is_test_file(&name(root, &path)) {
                    texts.push(fs::read_to_string(&path)?);
                }
            }
        }
        Ok(Self::of(&texts))
    }

    /// Of the texts of source files.
    pub(super) fn of(texts: &[String]) -> Self {
        let templates: BTreeSet<String> = texts.iter().flat_map(|text| templates(text)).collect();
        let is_markup = |kind: &str| {
            let inner =
                ["Option<", "Vec<"].iter().find_map(|outer| kind.strip_prefix(outer)?.strip_suffix('>'));
            let kind = inner.unwrap_or(kind);
            kind == HTML || templates.contains(kind.split('<').next().unwrap_or(kind))
        };
        let all = || texts.iter().flat_map(|text| fields(text));
        let text: BTreeSet<&str> = all()
            .filter(|(_, kind)| kind.contains("String") || kind.contains("str"))
            .map(|(name, _)| name)
            .collect();
        let fields = all().filter(|(name, kind)| is_markup(kind) && !text.contains(name));
        Self {
            functions: texts.iter().flat_map(|text| functions(text)).collect(),
            fields: fields.map(|(name, _)| name.to_owned()).collect(),
        }
    }

    /// Whether an expression of a template is markup: one such call, or one such field.
    pub(super) fn is(&self, expression: &str) -> bool {
        let Some((before, _)) = expression.split_once('(') else {
            return self.fields.contains(expression.rsplit('.').next().unwrap_or(expression));
        };
        let function = before.rsplit(['.', ':']).next().unwrap_or(before);
        self.functions.contains(function) && ends_with_call(expression, before.len())
    }
}

/// Whether the call that opens at `open` is the end of the expression.
fn ends_with_call(expression: &str, open: usize) -> bool {
    let mut depth = 0_i32;
    let close = expression[open..].find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    });
    close.is_some_and(|close| open + close == expression.len() - 1)
}

/// Functions whose type of answer is the kit's markup.
fn functions(text: &str) -> Vec<String> {
    let answers = text.match_indices("-> Html ").map(|(at, _)| at);
    let name = |at: usize| {
        let (_, signature) = text[..at].rsplit_once("fn ")?;
        Some(signature.split(['(', '<']).next()?.to_owned())
    };
    answers.filter_map(name).collect()
}

/// Types that are rendered from a template.
fn templates(text: &str) -> Vec<String> {
    let derived = text
        .match_indices("#[derive(")
        .filter(|(at, _)| text[*at..].lines().next().is_some_and(|line| line.contains("Template")));
    let name = |(at, _): (usize, &str)| {
        let (_, rest) = text[at..].split_once("struct ")?;
        Some(rest.split(|c: char| !c.is_alphanumeric()).next()?.to_owned())
    };
    derived.filter_map(name).collect()
}

/// Names and types of fields.
fn fields(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let line = line.trim().strip_suffix(',')?;
        let line = line.rsplit_once("pub ").or(line.split_once(") ")).map_or(line, |(_, field)| field);
        let (name, kind) = line.split_once(": ")?;
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        is_name.then_some((name, kind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_what_its_type_says() {
        let text = "
#[derive(Template)]
#[template(path = \"a.html\")]
pub(super) struct Region {
    pub(super) badge: Html,
    parts: Vec<Html>,
    words: String,
}
struct Card {
    region: Region,
    stage: Option<Html>,
    both: Html,
}
struct Other {
    pub both: String,
}
pub fn icon(&self, name: &str) -> Html {
fn long(
    text: &str,
) -> Html {
fn said(text: &str) -> String {
";
        let markup = Markup::of(&[text.to_owned()]);
        for yes in ["badge", "card.region", "shot.stage", "p.icon(\"x\")", "self::long(p, a(b))"] {
            assert!(markup.is(yes), "{yes}");
        }
        for no in ["words", "card.both", "p.said(x)", "p.icon(a) ~ b", "p.icon(a).words", "name"] {
            assert!(!markup.is(no), "{no}");
        }
    }
}
