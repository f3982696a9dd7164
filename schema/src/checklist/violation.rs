//! What can be wrong with a template, said so that its author finds the place.

use crate::limits::TEMPLATE_BYTES_MAX;
use std::fmt;

/// Why a text is not a usable template.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// It is larger than [`TEMPLATE_BYTES_MAX`].
    #[error("the template has {bytes} bytes, at most {TEMPLATE_BYTES_MAX} are allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// It is not JSON.
    #[error("the template is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// It has faults; all of them are listed.
    #[error("the template has {} faults, first: {}", .0.len(), .0[0])]
    Faults(Vec<Violation>),
}

impl TemplateError {
    /// The faults, where the text is JSON at all.
    pub fn violations(&self) -> &[Violation] {
        match self {
            Self::Faults(violations) => violations,
            Self::TooLarge { .. } | Self::NotJson(_) => &[],
        }
    }
}

/// One fault of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where, for instance `items[3].answer.limit.min`; empty for the whole.
    pub path: String,
    /// The item's id, where the place is inside an item that has one.
    pub item: Option<String>,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)?;
        if let Some(item) = &self.item {
            write!(f, " ({item})")?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// The kinds of faults.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A field that must be there is not.
    #[error("missing")]
    Missing,
    /// The value has another JSON type.
    #[error("{0} expected")]
    Expected(&'static str),
    /// A text is empty or blank.
    #[error("empty")]
    Blank,
    /// A text is too long.
    #[error("longer than {0} characters")]
    TooLong(usize),
    /// A list is too long.
    #[error("more than {0} entries")]
    TooMany(usize),
    /// A list that needs entries has none.
    #[error("no entries")]
    Empty,
    /// A number is outside its range.
    #[error("not between {0} and {1}")]
    OutOfRange(u32, u32),
    /// A number is not a plain decimal that keeps its digits.
    #[error("not a plain decimal number of at most 15 digits")]
    NotDecimal,
    /// An id has other characters than ASCII letters, digits, `.`, `_` and `-`.
    #[error("not an id of letters, digits, '.', '_' and '-'")]
    NotAnId,
    /// The value stands twice where it may stand once.
    #[error("{0:?} is there twice")]
    Duplicate(String),
    /// A word outside the list of allowed ones.
    #[error("{found:?} is none of {allowed:?}")]
    UnknownWord {
        /// What stands there.
        found: String,
        /// What may stand there.
        allowed: Vec<&'static str>,
    },
    /// The item is of a kind that this version does not know.
    #[error("the kind {0:?} is not known")]
    UnknownKind(String),
    /// The options of a conformity item are not 合格, 不合格 and perhaps 合理缺项.
    #[error("the options must be 合格, 不合格 and, where it is allowed, 合理缺项")]
    ConformityOptions,
    /// An option is named that the item does not offer.
    #[error("the option {0:?} is not offered")]
    UnknownOption(String),
    /// A limit has neither a lower nor an upper bound.
    #[error("the limit has no bound")]
    NoBound,
    /// The lower bound is above the upper one.
    #[error("the lower bound is above the upper one")]
    Reversed,
    /// Alternatives replace one bound, but the limit has two.
    #[error("a limit with alternatives has exactly one bound")]
    CasesNeedOneBound,
    /// Nothing says which standard or provision the limit comes from.
    #[error("the limit names no standard and the item no provision")]
    NoAuthority,
    /// The condition is not a rule.
    #[error("not a rule of field, op and value under all, any and not")]
    NotARule,
    /// The condition is nested too deeply.
    #[error("nested more than {0} deep")]
    TooDeep(usize),
    /// The condition reads an item that the checklist does not have.
    #[error("the checklist has no item {0:?}")]
    UnknownItem(String),
    /// The conditions of these items wait for each other.
    #[error("the conditions of {0:?} wait for each other")]
    Cycle(Vec<String>),
    /// A stated count differs from the real one.
    #[error("{stated} stated, {found} found")]
    Count {
        /// What the template states.
        stated: u64,
        /// What is there.
        found: usize,
    },
}
