//! Holds rules and what was read against each other.

use super::Violation;
use super::manifest::Member;
use super::rules::{Ban, DEPENDENCIES, FILE_LINES_MAX, MACROS, PATHS, Scope, TEXTS};
use super::source::{self, What};

/// Checks the manifest of a crate.
pub(super) fn to_manifest(member: &Member, found: &mut Vec<Violation>) {
    let file = format!("{}/Cargo.toml", member.folder);
    for ban in DEPENDENCIES.iter().filter(|ban| covers(&ban.scope, &file, false)) {
        for name in
            member.dependencies.iter().filter(|name| ban.names.iter().any(|ban| is_package(ban, name)))
        {
            let line = member.text.lines().position(|line| line.starts_with(name.as_str())).unwrap_or(0) + 1;
            let what = format!("depends on {name}: {}", ban.reason);
            found.push(Violation { file: file.clone(), line, what });
        }
    }
}

/// Checks one source file.
pub(super) fn to_source(file: &str, text: &str, found: &mut Vec<Violation>) {
    let mut report = |line, what| found.push(Violation { file: file.to_owned(), line, what });
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        report(lines, format!("{lines} lines: one concern per file, {FILE_LINES_MAX} lines at most"));
    }
    let is_test = is_test_file(file);
    // The names of tests are sentences, and say it better.
    if !is_test && !text.starts_with("//!") {
        report(1, "no module documentation: a file opens with its job".to_owned());
    }
    let things = match source::read(text) {
        Ok(things) => things,
        Err(error) => return report(error.span().start().line, format!("is not Rust: {error}")),
    };
    for thing in things {
        let in_test = is_test || thing.in_test;
        let broken = match &thing.what {
            What::Path(path) => banned(PATHS, file, in_test, |name| contains(path, name))
                .map(|reason| format!("names {}: {reason}", path.join("::"))),
            What::Macro(name) => banned(MACROS, file, in_test, |ban| ban == name)
                .map(|reason| format!("calls {name}!: {reason}")),
            What::Text(text) => TEXTS
                .iter()
                .find(|ban| covers(&ban.scope, file, in_test) && (ban.is_banned)(text))
                .map(|ban| format!("says \"{text}\": {}", ban.reason)),
        };
        if let Some(what) = broken {
            report(thing.line, what);
        }
    }
}

fn banned(bans: &[Ban], file: &str, in_test: bool, is_named: impl Fn(&str) -> bool) -> Option<&'static str> {
    let ban = bans
        .iter()
        .find(|ban| covers(&ban.scope, file, in_test) && ban.names.iter().any(|name| is_named(name)));
    ban.map(|ban| ban.reason)
}

fn covers(scope: &Scope, file: &str, in_test: bool) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    (scope.test_code || !in_test)
        && scope.within.iter().any(|start| file.starts_with(start))
        && !scope
            .except
            .iter()
            .any(|except| if except.contains('/') { file.starts_with(except) } else { name == *except })
}

pub(super) fn is_test_file(file: &str) -> bool {
    ["/tests/", "/testing/"].iter().any(|folder| file.contains(folder))
        || ["/tests.rs", "_tests.rs", "/testing.rs"].iter().any(|end| file.ends_with(end))
}

fn is_package(ban: &str, name: &str) -> bool {
    if ban.ends_with('-') { name.starts_with(ban) } else { name == ban }
}

/// Whether the parts of `name` follow each other somewhere in `path`.
fn contains(path: &[String], name: &str) -> bool {
    let parts: Vec<&str> = name.split("::").collect();
    path.windows(parts.len()).any(|window| window == parts)
}
