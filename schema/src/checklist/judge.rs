//! What follows from an answer.
//!
//! An officer's statement counts as it is. A limit decides 不合格 by itself only while everything it rests on is in force
//! and released by the bureau's legal reviewer; a number that nobody has verified needs a release of its own, under the
//! item's id. Otherwise the officer is shown what the limit says and asked. Nothing is guessed: a value that passes one
//! alternative and fails another stays open until the alternative is named.

use super::answer::{Answer, Outcome};
use super::decimal::Decimal;
use super::item::{Bounds, Item, ItemKind, Limit};
use crate::law::{LawRegister, Mark, Released, Standing};
use jiff::civil::Date;

/// What an answer amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// 合格.
    Pass,
    /// 不合格.
    Fail,
    /// 合理缺项: outside the count.
    NotApplicable,
    /// Only recorded: the item has nothing to decide by.
    Recorded,
    /// The officer has to say.
    NotDecided,
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Pass => Self::Pass,
            Outcome::Fail => Self::Fail,
        }
    }
}

/// A verdict and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// True when it follows from a limit, false when it is what the officer stated or chose.
    pub automatic: bool,
    /// What the limit says, for numbers that have one; shown beside the verdict whoever gave it.
    pub why: Option<Reading>,
}

/// Where a value stands to its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Within.
    Within,
    /// Below the lower bound.
    Below,
    /// Above the upper bound.
    Above,
    /// Within by one alternative and outside by another; which one holds has not been said.
    DependsOnCase,
}

/// What a limit says about a value, and on what authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Where the value stands.
    pub comparison: Comparison,
    /// The bounds that were compared with: one, or every alternative while none is named.
    pub bounds: Vec<Bounds>,
    /// What the limit rests on: reference, and where it stands.
    pub authorities: Vec<(String, Standing)>,
    /// The worst mark among the limit's number and its authorities; printed beside the limit.
    pub mark: Mark,
    /// True when the limit may decide by itself.
    pub usable: bool,
}

impl Reading {
    /// True when the value is outside the limit whichever alternative holds.
    pub fn outside(&self) -> bool {
        matches!(self.comparison, Comparison::Below | Comparison::Above)
    }
}

/// Judges an answer that fits its item (see [`super::check`]) by the law of the day `on`.
pub fn judge(item: &Item, answer: &Answer, law: &LawRegister, released: &Released, on: Date) -> Judgement {
    let stated = |verdict| Judgement { verdict, automatic: false, why: None };
    match (&item.kind, answer) {
        (_, Answer::Conformity { result }) => stated((*result).into()),
        (_, Answer::NotApplicable { .. }) => stated(Verdict::NotApplicable),
        (_, Answer::Number { value, case, result, .. }) => {
            match read_limit(item, *value, case.as_deref(), law, released, on) {
                Some(reading) => by_limit(reading, *result),
                None => stated(result.map_or(Verdict::Recorded, Verdict::from)),
            }
        }
        (ItemKind::Choice { options, failing, .. }, Answer::Choice { options: chosen, result }) => {
            if chosen.iter().any(|option| failing.contains(option)) {
                return stated(Verdict::Fail);
            }
            let undecided = match options.len() - failing.len() {
                _ if failing.is_empty() => Verdict::Recorded,
                // What is left when all others fail can only pass; of several (未检出, 未检测) not all do.
                1 => Verdict::Pass,
                _ => Verdict::NotDecided,
            };
            stated(result.map_or(undecided, Verdict::from))
        }
        (_, Answer::Choice { result, .. }) => stated(result.map_or(Verdict::Recorded, Verdict::from)),
        (_, Answer::Text { .. } | Answer::Date { .. } | Answer::Photo { .. }) => stated(Verdict::Recorded),
        (_, Answer::Other(_)) => stated(Verdict::NotDecided),
    }
}

/// What the item's limit says about one value: an answer's, or a measurement's at one sampling point.
pub fn read_limit(
    item: &Item,
    value: Decimal,
    case: Option<&str>,
    law: &LawRegister,
    released: &Released,
    on: Date,
) -> Option<Reading> {
    let limit = item.limit()?;
    let bounds = limit.applicable(case);
    let mut comparisons = bounds.iter().map(|bounds| bounds.compare(value));
    let first = comparisons.next().unwrap_or(Comparison::DependsOnCase);
    let comparison = if comparisons.all(|other| other == first) { first } else { Comparison::DependsOnCase };
    let references = item.authorities().into_iter();
    let authorities: Vec<_> =
        references.map(|key| (key.to_owned(), law.standing(key, released, on))).collect();
    let number = limit.source.mark;
    let usable = !authorities.is_empty()
        && authorities.iter().all(|(_, standing)| standing.usable())
        && (number < Mark::Unverified || released.contains(&item.id));
    let mark = authorities.iter().map(|(_, standing)| standing.mark).fold(number, Mark::max);
    Some(Reading { comparison, bounds, authorities, mark, usable })
}

fn by_limit(reading: Reading, stated: Option<Outcome>) -> Judgement {
    let (verdict, automatic) = match (reading.comparison, stated) {
        (Comparison::Below | Comparison::Above, _) if reading.usable => (Verdict::Fail, true),
        (Comparison::Within, None | Some(Outcome::Pass)) => (Verdict::Pass, true),
        (_, Some(outcome)) => (outcome.into(), false),
        (_, None) => (Verdict::NotDecided, false),
    };
    Judgement { verdict, automatic, why: Some(reading) }
}

impl Limit {
    /// The bounds of the named alternative, or all that are possible.
    fn applicable(&self, case: Option<&str>) -> Vec<Bounds> {
        let Some(cases) = &self.cases else { return vec![self.bounds] };
        let named = cases.bounds.iter().filter(|(name, _)| case.is_none_or(|case| case == name));
        named.map(|(_, bounds)| *bounds).collect()
    }
}

impl Bounds {
    /// Where a value stands, exactly.
    pub fn compare(&self, value: Decimal) -> Comparison {
        let beyond = |bound: Option<Decimal>, outside: fn(&Decimal, &Decimal) -> bool| {
            bound.is_some_and(|bound| outside(&value, &bound) || (!self.inclusive && value == bound))
        };
        if beyond(self.min, Decimal::lt) {
            Comparison::Below
        } else if beyond(self.max, Decimal::gt) {
            Comparison::Above
        } else {
            Comparison::Within
        }
    }
}
