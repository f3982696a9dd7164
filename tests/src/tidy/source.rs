//! Reads a source file into what rules speak of: paths, macros and string literals, each with its line and whether it
//! is test code. Comments are none of these.

use proc_macro2::{Delimiter, LexError, Span, TokenStream, TokenTree};

/// A thing found in a file.
pub(super) struct Found {
    pub(super) what: What,
    /// Counted from 1.
    pub(super) line: usize,
    /// Stands under `#[cfg(test)]`.
    pub(super) in_test: bool,
}

/// The things that are looked for.
pub(super) enum What {
    /// A path, grouped imports written out. Of a single name only in imports.
    Path(Vec<String>),
    /// A macro, by the last part of its path.
    Macro(String),
    /// A literal of characters, as it is written, without prefix and quotes.
    Text(String),
}

/// Finds everything in the text of a file.
pub(super) fn read(text: &str) -> Result<Vec<Found>, LexError> {
    let mut reader = Reader { found: Vec::new() };
    reader.walk(text.parse()?, false);
    Ok(reader.found)
}

struct Reader {
    found: Vec<Found>,
}

impl Reader {
    fn add(&mut self, what: What, at: Span, in_test: bool) {
        self.found.push(Found { what, line: at.start().line, in_test });
    }

    fn walk(&mut self, stream: TokenStream, in_test: bool) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        // Set by the attribute, until the item that it belongs to has ended.
        let mut item_is_test = false;
        let mut imported = false;
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Punct(hash) if hash.as_char() == '#' => {
                    if let Some((attribute, next)) = attribute(&tokens, at) {
                        at = next;
                        item_is_test |= is_cfg_test(&attribute);
                        if !is_doc(&attribute) {
                            self.walk(attribute, in_test || item_is_test);
                        }
                    }
                }
                TokenTree::Punct(end) if end.as_char() == ';' => (item_is_test, imported) = (false, false),
                TokenTree::Punct(_) => {}
                TokenTree::Ident(word) if word == "use" => imported = true,
                TokenTree::Ident(_) => {
                    at = self.path(&tokens, at - 1, &[], imported, in_test || item_is_test);
                }
                TokenTree::Literal(literal) => {
                    if let Some(text) = characters(&literal.to_string()) {
                        self.add(What::Text(text), literal.span(), in_test || item_is_test);
                    }
                }
                TokenTree::Group(group) => {
                    self.walk(group.stream(), in_test || item_is_test);
                    if group.delimiter() == Delimiter::Brace {
                        item_is_test = false;
                    }
                }
            }
        }
    }

    /// Reads the path that starts at `at`, after `before`; returns where it ends.
    fn path(
        &mut self,
        tokens: &[TokenTree],
        mut at: usize,
        before: &[String],
        imported: bool,
        in_test: bool,
    ) -> usize {
        let span = tokens[at].span();
        let mut path = before.to_vec();
        while let Some(TokenTree::Ident(part)) = tokens.get(at) {
            at += 1;
            // A group may name the module itself.
            if part != "self" || path.is_empty() {
                path.push(part.to_string());
            }
            if is_punct(tokens.get(at), '!') && matches!(tokens.get(at + 1), Some(TokenTree::Group(_))) {
                self.add(What::Macro(part.to_string()), span, in_test);
            }
            if !(is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')) {
                break;
            }
            at += 2;
            if let Some(TokenTree::Group(group)) = tokens.get(at)
                && group.delimiter() == Delimiter::Brace
            {
                self.group(group.stream(), &path, imported, in_test);
                return at + 1;
            }
        }
        if path.len() > 1 || imported {
            self.add(What::Path(path), span, in_test);
        }
        at
    }

    /// Reads the paths of a grouped import.
    fn group(&mut self, stream: TokenStream, before: &[String], imported: bool, in_test: bool) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at = match token {
                // The name after it is ours.
                TokenTree::Ident(word) if word == "as" => at + 2,
                TokenTree::Ident(_) => self.path(&tokens, at, before, imported, in_test),
                TokenTree::Punct(star) if star.as_char() == '*' => {
                    self.add(What::Path(before.to_vec()), star.span(), in_test);
                    at + 1
                }
                _ => at + 1,
            };
        }
    }
}

fn is_punct(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

/// The inside of the attribute whose `#` stands before `at`, and where it ends.
fn attribute(tokens: &[TokenTree], at: usize) -> Option<(TokenStream, usize)> {
    let at = if is_punct(tokens.get(at), '!') { at + 1 } else { at };
    match tokens.get(at) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => {
            Some((group.stream(), at + 1))
        }
        _ => None,
    }
}

fn is_doc(attribute: &TokenStream) -> bool {
    matches!(attribute.clone().into_iter().next(), Some(TokenTree::Ident(name)) if name == "doc")
}

fn is_cfg_test(attribute: &TokenStream) -> bool {
    let mut tokens = attribute.clone().into_iter();
    let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(condition))) = (tokens.next(), tokens.next())
    else {
        return false;
    };
    let names = |wanted: &str| {
        condition.stream().into_iter().any(|token| matches!(token, TokenTree::Ident(word) if word == wanted))
    };
    name == "cfg" && names("test") && !names("not")
}

/// What stands between the quotes of a literal of characters; nothing for numbers.
fn characters(literal: &str) -> Option<String> {
    let unprefixed = literal.trim_start_matches(['b', 'c', 'r', '#']);
    let inside = unprefixed.strip_prefix(['"', '\''])?.trim_end_matches('#');
    Some(inside.get(..inside.len() - 1)?.to_owned())
}
