//! Pages of long lists: where one ends and the next begins, by the key of the last row shown, never by counting.

use fieldproof_schema::moment::Moment;
use std::fmt;
use std::str::FromStr;

/// Rows of one page: what a person looks through, and small enough for every link.
pub const PAGE_ROWS: usize = 100;

/// Characters of an id in the end of a page: those of two ids and a digest in hex, and a few to spare.
const ID_CHARS_MAX: usize = 160;

/// The rows to ask for: one more than a page holds says whether another page follows.
pub(crate) fn rows_asked() -> i64 {
    i64::try_from(PAGE_ROWS).unwrap_or(i64::MAX).saturating_add(1)
}

/// The end of a page in a list that runs from new to old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// The moment of the last row.
    pub at: Moment,
    /// Its id, since several rows can share a moment.
    pub id: String,
}

/// A text that is not the end of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the `next` of an earlier page")]
pub struct BeforeError;

impl Before {
    /// Before the newest row.
    pub fn start() -> Self {
        Self { at: Moment::from_micros(i64::MAX), id: String::new() }
    }
}

impl fmt::Display for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.at.as_micros(), self.id)
    }
}

impl FromStr for Before {
    type Err = BeforeError;

    fn from_str(text: &str) -> Result<Self, BeforeError> {
        let (at, id) = text.split_once('_').ok_or(BeforeError)?;
        if id.len() > ID_CHARS_MAX || id.contains('\0') {
            return Err(BeforeError);
        }
        let at = at.parse().map(Moment::from_micros).map_err(|_| BeforeError)?;
        Ok(Self { at, id: id.to_owned() })
    }
}

/// One page.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// Its rows.
    pub rows: Vec<T>,
    /// What to ask for next; none at the end of the list.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page of what [`rows_asked`] gave; `key` names a row for the next question.
    pub(crate) fn cut(mut rows: Vec<T>, key: impl Fn(&T) -> String) -> Self {
        let more = rows.len() > PAGE_ROWS;
        rows.truncate(PAGE_ROWS);
        let next = if more { rows.last().map(key) } else { None };
        Self { rows, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_page_survives_its_text() {
        let before = Before { at: Moment::from_micros(-7), id: "0197_x".into() };
        assert_eq!(before.to_string().parse(), Ok(before));
        for text in ["", "7", "x_y", "7_\0"] {
            assert_eq!(text.parse::<Before>(), Err(BeforeError));
        }
    }

    #[test]
    fn a_full_list_names_its_next_page_and_the_last_one_none() {
        let page = Page::cut((0..=PAGE_ROWS).collect(), ToString::to_string);
        assert_eq!((page.rows.len(), page.next), (PAGE_ROWS, Some((PAGE_ROWS - 1).to_string())));
        assert_eq!(Page::cut(vec![1, 2], ToString::to_string).next, None);
    }
}
