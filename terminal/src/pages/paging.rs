//! Pages of a list: how many rows, where the page begins, and the addresses of its neighbours.

use fieldproof_presentation::fields::{Fields, query};

/// Rows of one page.
pub(super) const ROWS: u64 = 50;

/// Where a page begins, as its address says.
pub(super) fn from(fields: &Fields) -> u64 {
    // Whatever is no number, or beyond any list, is the beginning.
    fields.get("from").parse().ok().filter(|from| *from <= u64::from(u32::MAX)).unwrap_or(0)
}

/// The addresses of the pages before and after this one, below the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pager {
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

impl Pager {
    /// Of a list at `path` with some fields in its address.
    pub(super) fn new(path: &str, fields: &[(&str, &str)], from: u64, more: bool) -> Self {
        let at = |from: u64| {
            let from = if from == 0 { String::new() } else { from.to_string() };
            let all: Vec<_> = fields.iter().copied().chain([("from", from.as_str())]).collect();
            format!("{path}{}", query(&all))
        };
        Self {
            before: (from > 0).then(|| at(from.saturating_sub(ROWS))),
            after: more.then(|| at(from + ROWS)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_keep_the_fields_of_the_address() {
        let pager = Pager::new("/tasks", &[("show", "done"), ("q", "")], 50, true);
        assert_eq!(pager.before.as_deref(), Some("/tasks?show=done"));
        assert_eq!(pager.after.as_deref(), Some("/tasks?show=done&from=100"));
        assert_eq!(Pager::new("/tasks", &[], 0, false), Pager { before: None, after: None });
    }

    #[test]
    fn a_place_that_is_none_is_the_beginning() {
        for (query, place) in [("from=7", 7), ("from=-1", 0), ("from=x", 0), ("", 0), ("from=99999999999", 0)]
        {
            assert_eq!(from(&Fields::parse(query.as_bytes())), place, "{query}");
        }
    }
}
