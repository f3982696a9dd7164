//! Holds the workspace to its rules: who may depend on whom, and what may stand where.
//!
//! The rules are tables in `rules`; a new one is a line there. Reading is done with cargo's own metadata and a real
//! tokeniser, so that neither comments nor grouped imports mislead it. What compiler and clippy check is left to them.

mod apply;
mod manifest;
mod markup;
mod rules;
mod source;
mod templates;
mod texts;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::workspace;

/// One place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Path in the workspace, with `/` between its parts.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// What was found, and what the rule says.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Checks the workspace that this crate belongs to; see [`check`].
///
/// # Errors
/// As [`check`].
pub fn check_own() -> io::Result<Vec<Violation>> {
    check(workspace::root())
}

/// Checks all manifests and sources of the workspace in the folder `root`; the result is in order of files and lines.
///
/// # Errors
/// When cargo does not understand the workspace or a file cannot be read.
pub fn check(root: &Path) -> io::Result<Vec<Violation>> {
    let mut found = Vec::new();
    for member in manifest::members(root)? {
        apply::to_manifest(&member, &mut found);
        for path in sources(&root.join(&member.folder))? {
            let name = name(root, &path);
            apply::to_source(&name, &std::fs::read_to_string(&path)?, &mut found);
        }
    }
    found.sort();
    Ok(found)
}

/// Checks what people read in the workspace that this crate belongs to; see [`check_faces`].
///
/// # Errors
/// As [`check_faces`].
pub fn check_own_faces() -> io::Result<Vec<Violation>> {
    check_faces(workspace::root(), texts::DYNAMIC, templates::OWN)
}

/// Checks templates and catalogues of the workspace in the folder `root`. `dynamic` are the keys of which a part is known
/// only when the program runs, `own` the expressions besides the kit's that make markup.
///
/// # Errors
/// When cargo does not understand the workspace or a file cannot be read.
pub fn check_faces(root: &Path, dynamic: &[&str], own: &[&str]) -> io::Result<Vec<Violation>> {
    let mut found = texts::check(root, dynamic)?;
    for member in manifest::members(root)? {
        let markup = markup::Markup::read(root, &["presentation", &member.folder])?;
        for path in templates::files(&root.join(&member.folder).join("templates"))? {
            templates::check(&name(root, &path), &std::fs::read_to_string(&path)?, &markup, own, &mut found);
        }
    }
    found.sort();
    Ok(found)
}

/// Every Rust file below `folder`, except what cargo built there.
pub(crate) fn sources(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if entry.file_name() != "target" {
                files.extend(sources(&path)?);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

/// The path of a file as rules and people write it.
pub(crate) fn name(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
