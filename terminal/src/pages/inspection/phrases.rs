//! Phrases of the field that officers put into notes and texts. They stand in the catalogues, numbered.

use fieldproof_presentation::page::Page;
use fieldproof_presentation::texts;

/// What a list of phrases is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phrases {
    /// The note of an item.
    Note,
    /// The narrative.
    Narrative,
    /// The inspected party's statement.
    Statement,
    /// Why the team settled a difference.
    Settle,
}

impl Phrases {
    fn key(self, n: usize) -> String {
        let list = match self {
            Self::Note => "note",
            Self::Narrative => "narrative",
            Self::Statement => "statement",
            Self::Settle => "settle",
        };
        format!("inspection.phrase.{list}.{n}")
    }

    /// All phrases of a list, in order.
    pub(super) fn all(self, p: &Page) -> Vec<String> {
        let keys = (1..).map(|n| self.key(n)).take_while(|key| texts::has(key));
        keys.map(|key| p.t(key)).collect()
    }

    /// A text with the phrase of this number behind it; the text alone where there is none.
    pub(super) fn append(self, p: &Page, text: &str, number: &str) -> String {
        let place = number.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
        match place.and_then(|place| self.all(p).into_iter().nth(place)) {
            Some(phrase) if text.is_empty() || text.ends_with('\n') => format!("{text}{phrase}"),
            Some(phrase) => format!("{text}\n{phrase}"),
            None => text.to_owned(),
        }
    }
}
