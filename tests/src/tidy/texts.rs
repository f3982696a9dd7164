//! Holds code, templates and catalogues against each other: every key that is used has its texts, every text has its use.
//!
//! A key is a literal that begins with the name of an area. Where a part of it comes from a value (`kit.state.{}`,
//! `law.mark.`) it stands for all keys that fit, and has to be declared in [`DYNAMIC`].

use super::source::{self, What};
use super::templates::{self, Piece};
use super::{Violation, apply, manifest, name, sources};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

/// Keys of which a part is known only when the program runs; `*` stands for that part.
pub(super) const DYNAMIC: &[&str] = &[];

/// Endings of file names, which look like keys.
const FILES: &[&str] =
    &["css", "db", "html", "js", "json", "jsonl", "log", "pdf", "png", "rs", "sh", "svg", "xlsx"];

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Use {
    /// The key, `*` for what is not known.
    pub(super) key: String,
    pub(super) file: String,
    pub(super) line: usize,
}

/// The key that a literal is, if it is one. Places to be filled become `*`.
pub(super) fn key(literal: &str, areas: &BTreeSet<String>) -> Option<String> {
    let (area, rest) = literal.split_once('.')?;
    if !areas.contains(area) || rest.is_empty() {
        return None;
    }
    let mut key = format!("{area}.");
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        match c {
            '{' => {
                chars.by_ref().take_while(|c| *c != '}').for_each(drop);
                key.push('*');
            }
            c if c.is_ascii_alphanumeric() || "._-".contains(c) => key.push(c),
            _ => return None,
        }
    }
    if key.ends_with('.') {
        key.push('*');
    }
    let is_file =
        key.matches('.').count() == 1 && FILES.iter().any(|ending| key.ends_with(&format!(".{ending}")));
    (!is_file).then_some(key)
}

/// Whether a key is meant by one with `*`.
pub(super) fn fits(pattern: &str, key: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == key,
        Some((start, rest)) => key.strip_prefix(start).is_some_and(|key| {
            key.char_indices().map(|(at, _)| at).chain([key.len()]).any(|at| fits(rest, &key[at..]))
        }),
    }
}

/// Every text by language and key, with the file it stands in.
type Catalogues = BTreeMap<String, BTreeMap<String, String>>;

fn catalogues(root: &Path) -> io::Result<Catalogues> {
    let mut all = Catalogues::new();
    for language in fs::read_dir(root.join("presentation/texts"))? {
        let language = language?;
        let texts = all.entry(language.file_name().to_string_lossy().into_owned()).or_default();
        for file in fs::read_dir(language.path())? {
            let path = file?.path();
            let read: Map<String, Value> = serde_json::from_slice(&fs::read(&path)?)?;
            texts.extend(read.into_iter().map(|(key, _)| (key, name(root, &path))));
        }
    }
    Ok(all)
}

/// Every key that code and templates use.
fn uses(root: &Path, areas: &BTreeSet<String>) -> io::Result<Vec<Use>> {
    let mut uses = Vec::new();
    for member in manifest::members(root)? {
        for path in sources(&root.join(&member.folder).join("src"))? {
            let file = name(root, &path);
            if apply::is_test_file(&file) {
                continue;
            }
            let things = source::read(&fs::read_to_string(&path)?).unwrap_or_default();
            for thing in things.into_iter().filter(|thing| !thing.in_test) {
                if let What::Text(text) = &thing.what
                    && let Some(key) = key(text, areas)
                {
                    uses.push(Use { key, file: file.clone(), line: thing.line });
                }
            }
        }
        for path in templates::files(&root.join(&member.folder).join("templates"))? {
            let file = name(root, &path);
            for (line, piece) in templates::pieces(&fs::read_to_string(&path)?) {
                if let Piece::Expression(expression) | Piece::Statement(expression) = piece {
                    let keys = templates::literals(&expression).filter_map(|text| key(text, areas));
                    uses.extend(keys.map(|key| Use { key, file: file.clone(), line }));
                }
            }
        }
    }
    Ok(uses)
}

/// Checks the texts of the workspace in the folder `root`.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn check(root: &Path, dynamic: &[&str]) -> io::Result<Vec<Violation>> {
    let catalogues = catalogues(root)?;
    let keys: BTreeMap<&String, &String> = catalogues.values().flatten().collect();
    let areas = keys.keys().filter_map(|key| Some(key.split_once('.')?.0.to_owned())).collect();
    let uses = uses(root, &areas)?;
    let mut found = Vec::new();
    for (language, texts) in &catalogues {
        for (key, file) in keys.iter().filter(|(key, _)| !texts.contains_key(**key)) {
            found.push(violation(file, 1, format!("{key} has no text in {language}")));
        }
    }
    for used in &uses {
        let is_open = used.key.contains('*');
        if is_open && !dynamic.contains(&used.key.as_str()) {
            found.push(violation(
                &used.file,
                used.line,
                format!("{} is not declared in tidy::texts", used.key),
            ));
        }
        if !keys.keys().any(|key| fits(&used.key, key)) {
            found.push(violation(&used.file, used.line, format!("there is no text under {}", used.key)));
        }
    }
    let used: BTreeSet<&str> = uses.iter().map(|used| used.key.as_str()).collect();
    for (key, file) in keys.iter().filter(|(key, _)| !used.iter().any(|used| fits(used, key))) {
        found.push(violation(file, 1, format!("nothing uses {key}")));
    }
    let left = dynamic.iter().filter(|pattern| !used.contains(**pattern));
    found.extend(left.map(|pattern| {
        violation("tests/src/tidy/texts.rs", 1, format!("nothing uses {pattern}, which is declared"))
    }));
    Ok(found)
}

fn violation(file: &str, line: usize, what: String) -> Violation {
    Violation { file: file.to_owned(), line, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_begins_with_an_area_and_is_no_file() {
        let areas = BTreeSet::from(["kit".to_owned(), "console".to_owned()]);
        for (literal, found) in [
            ("kit.save", Some("kit.save")),
            ("kit.state.{}", Some("kit.state.*")),
            ("console.{name}.title", Some("console.*.title")),
            ("kit.state.", Some("kit.state.*")),
            ("console.css", None),
            ("kit.", None),
            ("kit.says something", None),
            ("other.key", None),
            ("kit", None),
        ] {
            assert_eq!(key(literal, &areas).as_deref(), found, "{literal}");
        }
    }

    #[test]
    fn a_star_stands_for_any_part() {
        assert!(fits("kit.state.*", "kit.state.sealed"));
        assert!(fits("console.*.title", "console.case.title"));
        assert!(!fits("console.*.title", "console.case.text"));
        assert!(!fits("kit.save", "kit.saved"));
    }
}
