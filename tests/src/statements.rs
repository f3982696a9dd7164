//! The statements that the server's stores are written with, read from their source.
//!
//! Which of them ran is known to the database layer; comparing the two is left to the tests.

use crate::{tidy, workspace};
use proc_macro2::{Group, LexError, TokenStream, TokenTree};
use std::collections::BTreeMap;
use std::{fs, io};

/// How a statement begins.
const VERBS: [&str; 5] = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "];

/// A statement and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Path in the workspace, with `/` between its parts.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// As the database receives it.
    pub sql: String,
}

/// What statement macros put before their argument, by the macro's name.
type Prefixes = BTreeMap<String, String>;

/// Every statement in `server/src/store`, in order of files and lines.
///
/// # Errors
/// When a file cannot be read, or a statement escapes more than backslashes and quotes.
pub fn of_stores() -> io::Result<Vec<Statement>> {
    of("server/src/store")
}

/// Every statement in a folder of the workspace, in order of files and lines.
///
/// # Errors
/// When a file cannot be read, or a statement escapes more than backslashes and quotes.
pub fn of(folder: &str) -> io::Result<Vec<Statement>> {
    let root = workspace::root();
    let mut files = Vec::new();
    for path in tidy::sources(&root.join(folder))? {
        let tokens: TokenStream = fs::read_to_string(&path)?
            .parse()
            .map_err(|error: LexError| io::Error::other(format!("{}: {error}", path.display())))?;
        files.push((tidy::name(root, &path), tokens));
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    let mut prefixes = Prefixes::new();
    for (_, tokens) in &files {
        find_macros(tokens.clone(), &mut prefixes)?;
    }
    let mut found = Vec::new();
    for (file, tokens) in files {
        find_statements(&file, tokens, &prefixes, &mut found)?;
    }
    Ok(found)
}

/// The name and the body of the macro that is defined at the beginning of `tokens`.
fn definition(tokens: &[TokenTree]) -> Option<(String, &Group)> {
    match tokens {
        [
            TokenTree::Ident(word),
            TokenTree::Punct(bang),
            TokenTree::Ident(name),
            TokenTree::Group(body),
            ..,
        ] if word == "macro_rules" && bang.as_char() == '!' => Some((name.to_string(), body)),
        _ => None,
    }
}

fn find_macros(stream: TokenStream, prefixes: &mut Prefixes) -> io::Result<()> {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    for at in 0..tokens.len() {
        if let Some((name, body)) = definition(&tokens[at..])
            && let Some((_, prefix)) = first_text(body.stream())?
        {
            prefixes.insert(name, prefix);
        }
    }
    Ok(())
}

fn find_statements(
    file: &str,
    stream: TokenStream,
    prefixes: &Prefixes,
    found: &mut Vec<Statement>,
) -> io::Result<()> {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if definition(&tokens[at..]).is_some() {
            at += 4;
            continue;
        }
        at += 1;
        match token {
            TokenTree::Ident(name) => {
                if let Some(prefix) = prefixes.get(&name.to_string())
                    && let Some(TokenTree::Punct(_)) = tokens.get(at)
                    && let Some(TokenTree::Group(argument)) = tokens.get(at + 1)
                {
                    at += 2;
                    if let Some((line, sql)) = first_text(argument.stream())? {
                        found.push(Statement { file: file.to_owned(), line, sql: format!("{prefix}{sql}") });
                    }
                }
            }
            TokenTree::Literal(_) => {
                if let Some((line, sql)) = text(token)?
                    && VERBS.iter().any(|verb| sql.starts_with(verb))
                {
                    found.push(Statement { file: file.to_owned(), line, sql });
                }
            }
            TokenTree::Group(group) => find_statements(file, group.stream(), prefixes, found)?,
            TokenTree::Punct(_) => {}
        }
    }
    Ok(())
}

/// The first literal of characters in a stream, depth first, with its line.
fn first_text(stream: TokenStream) -> io::Result<Option<(usize, String)>> {
    for token in stream {
        let found = match &token {
            TokenTree::Group(group) => first_text(group.stream())?,
            token => text(token)?,
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn text(token: &TokenTree) -> io::Result<Option<(usize, String)>> {
    let TokenTree::Literal(literal) = token else { return Ok(None) };
    let written = literal.to_string();
    let raw = written.starts_with('r');
    let bare = if raw { written[1..].trim_matches('#') } else { written.as_str() };
    let Some(inside) = bare.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Ok(None);
    };
    let line = literal.span().start().line;
    let value = if raw { Some(inside.to_owned()) } else { unescape(inside) };
    match value {
        Some(value) => Ok(Some((line, value))),
        None if VERBS.iter().any(|verb| inside.starts_with(verb)) => {
            Err(io::Error::other(format!("line {line}: an escape that no statement needs: {inside}")))
        }
        None => Ok(None),
    }
}

/// What a literal means; none when it escapes more than backslashes and quotes.
fn unescape(inside: &str) -> Option<String> {
    let mut value = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(char) = chars.next() {
        value.push(match char {
            '\\' => chars.next().filter(|escaped| matches!(escaped, '\\' | '"'))?,
            other => other,
        });
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_read_as_the_database_receives_them() {
        let source = r#"
            /// SELECT in a comment is none.
            macro_rules! scoped { ($sql:literal) => { concat!("WITH s AS (SELECT 1) ", $sql) }; }
            fn f() { run("SELECT a
 FROM b", scoped!("SELECT c FROM s"), "no statement", 7); }
        "#;
        let tokens: TokenStream = source.parse().unwrap();
        let (mut prefixes, mut found) = (Prefixes::new(), Vec::new());
        find_macros(tokens.clone(), &mut prefixes).unwrap();
        find_statements("f.rs", tokens, &prefixes, &mut found).unwrap();
        let found: Vec<_> = found.iter().map(|s| (s.line, s.sql.as_str())).collect();
        assert_eq!(found, [(4, "SELECT a\n FROM b"), (5, "WITH s AS (SELECT 1) SELECT c FROM s")]);
    }

    #[test]
    fn an_escape_is_read_or_refused() {
        assert_eq!(unescape(r"LIKE $1 ESCAPE '\\'").unwrap(), r"LIKE $1 ESCAPE '\'");
        let tokens: TokenStream = r#"run("SELECT a\nFROM b")"#.parse().unwrap();
        assert!(find_statements("f.rs", tokens, &Prefixes::new(), &mut Vec::new()).is_err());
    }
}
