//! One question of a checklist, as typed data.

use super::decimal::Decimal;
use crate::law::Mark;
use crate::rule::Rule;

/// A checklist item (检查项).
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its id, unique among all items of the template and stable between revisions.
    pub id: String,
    /// The heading that it stands under.
    pub section: String,
    /// What is asked.
    pub text: String,
    /// What is asked, in English.
    pub text_en: String,
    /// What kind of answer it takes.
    pub kind: ItemKind,
    /// A key item (关键项): failing it fails the whole.
    pub key: bool,
    /// How grave a failure is.
    pub severity: Severity,
    /// The duties that it rests on.
    pub provisions: Vec<Reference>,
    /// The penalties that a failure may bring; the source leaves doubtful ones out.
    pub penalties: Vec<Reference>,
    /// The evidence that is usual.
    pub evidence: Vec<EvidenceHint>,
    /// Whether a photo must be taken.
    pub photo_required: bool,
    /// When it applies; always, where there is no condition.
    pub condition: Option<Rule>,
    /// How to look; may be empty.
    pub guidance: String,
    /// Where it comes from, in the source's words.
    pub source: Option<String>,
}

/// How grave a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// 关键: endangers health directly, or unlicensed.
    Critical,
    /// 一般违法: to be corrected, and punished as the case may be.
    Major,
    /// 轻微: to be corrected.
    Minor,
}

/// A reference to the register of laws, with what the checklist repeats of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The key in the register, for instance `GGTL-14`.
    pub provision: String,
    /// The law's title.
    pub law: Option<String>,
    /// The article's number.
    pub article: Option<String>,
    /// How well it is known; [`Mark::Superseded`] where the checklist says so.
    pub mark: Mark,
}

/// A usual kind of evidence for an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceHint {
    /// The code in the index of checklists: `photo`, `doc`, `meas`, …
    pub code: String,
    /// Its name.
    pub label: String,
}

/// What kind of answer an item takes.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemKind {
    /// 合格 or 不合格, and 合理缺项 where it is allowed.
    Conformity {
        /// Whether 合理缺项 is offered.
        not_applicable: bool,
    },
    /// A measured or counted number.
    Number(Box<NumberKind>),
    /// One or several of some options.
    Choice {
        /// What is offered, in order.
        options: Vec<String>,
        /// Those that mean 不合格.
        failing: Vec<String>,
        /// Whether several may be chosen.
        multiple: bool,
    },
    /// Free text.
    Text,
    /// A day.
    Date,
    /// Photos.
    Photo {
        /// At least so many.
        min: u32,
    },
    /// A kind that a later version knows: shown as not supported here, its answers kept as they are.
    Other(String),
}

impl ItemKind {
    /// Whether 合理缺项 is an answer.
    pub fn allows_not_applicable(&self) -> bool {
        match self {
            Self::Conformity { not_applicable } => *not_applicable,
            Self::Number(number) => number.not_applicable,
            Self::Choice { .. } | Self::Text | Self::Date | Self::Photo { .. } | Self::Other(_) => false,
        }
    }
}

/// What a numeric item takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberKind {
    /// The unit, exactly as answers repeat it; empty for a bare ratio.
    pub unit: String,
    /// Digits behind the point, at most.
    pub decimals: u32,
    /// Whether 合理缺项 is offered.
    pub not_applicable: bool,
    /// What the value must keep to; none for a value that is only recorded.
    pub limit: Option<Limit>,
    /// Where to measure.
    pub sampling_point: Option<String>,
    /// Whether each pool is measured by itself.
    pub repeat_per_pool: bool,
    /// Another form in which the limit is usually written, for instance `1:5`.
    pub display_as: Option<String>,
}

/// What a value must keep to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The bounds, where no alternative is chosen.
    pub bounds: Bounds,
    /// Alternatives by some property of what is measured.
    pub cases: Option<Cases>,
    /// Where the number comes from.
    pub source: LimitSource,
}

/// A lower and an upper bound; at least one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Not less.
    pub min: Option<Decimal>,
    /// Not more.
    pub max: Option<Decimal>,
    /// Whether the bounds themselves are allowed.
    pub inclusive: bool,
}

/// Alternative limits, of which the officer names the one that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cases {
    /// What they depend on, as the source names it: `Type`, `Stage`, `FreeSilica`.
    pub by: String,
    /// Each case with its bounds, sorted by name.
    pub bounds: Vec<(String, Bounds)>,
}

/// Where a limit's number comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitSource {
    /// The standard's key in the register; without one, the limit rests on the item's provisions.
    pub standard: Option<String>,
    /// The standard's number, as the checklist repeats it.
    pub number: Option<String>,
    /// How well the limit's number itself is known: a known standard may hold a number that nobody has verified.
    pub mark: Mark,
    /// In the source's words.
    pub source: Option<String>,
}

impl Item {
    /// The limit of a numeric item.
    pub fn limit(&self) -> Option<&Limit> {
        match &self.kind {
            ItemKind::Number(number) => number.limit.as_ref(),
            _ => None,
        }
    }

    /// What a limit of this item rests on, as references to the register: its standard, or else the item's provisions.
    pub fn authorities(&self) -> Vec<&str> {
        match self.limit().and_then(|limit| limit.source.standard.as_deref()) {
            Some(standard) => vec![standard],
            None => self.provisions.iter().map(|reference| reference.provision.as_str()).collect(),
        }
    }
}
