//! Whether an answer fits its item. A wrong result is judged elsewhere; here the question is whether it is one at all.

use super::answer::{Answer, Meaning, meaning};
use super::item::{Item, ItemKind, NumberKind};
use super::{Decimal, Template};
use crate::limits::{REASON_CHARS_MAX, TEXT_BYTES_MAX};
use std::collections::BTreeSet;

/// Why an answer does not fit its item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The item takes another kind of answer.
    #[error("the item takes another kind of answer")]
    WrongType,
    /// 合理缺项 is not offered.
    #[error("the item cannot be answered with 合理缺项")]
    NotApplicableNotOffered,
    /// The reason is too long.
    #[error("the reason is longer than {REASON_CHARS_MAX} characters")]
    ReasonTooLong,
    /// The unit is not the item's.
    #[error("the unit is {found:?}, the item asks for {expected:?}")]
    Unit {
        /// What the item asks for.
        expected: String,
        /// What the answer has.
        found: String,
    },
    /// The number has more digits behind the point than the item takes.
    #[error("{value} has more than {decimals} digits behind the point")]
    TooPrecise {
        /// The number.
        value: Decimal,
        /// How many digits the item takes.
        decimals: u32,
    },
    /// The limit has no such alternative.
    #[error("the limit has no alternative {0:?}")]
    UnknownCase(String),
    /// An option is not offered.
    #[error("the option {0:?} is not offered")]
    UnknownOption(String),
    /// Nothing is chosen.
    #[error("nothing is chosen")]
    NothingChosen,
    /// Several options are chosen where one is asked for.
    #[error("{0} options are chosen, the item takes one")]
    SeveralChosen(usize),
    /// The text says nothing.
    #[error("the text is empty")]
    Blank,
    /// The text is too long.
    #[error("the text is longer than {TEXT_BYTES_MAX} bytes")]
    TextTooLong,
    /// There are fewer photos than the item asks for.
    #[error("{found} photos, the item asks for {min}")]
    TooFewPhotos {
        /// How many the item asks for.
        min: u32,
        /// How many there are.
        found: usize,
    },
    /// The register is not an answer: not an object, or a known type whose fields are wrong.
    #[error("the register is not an answer")]
    Malformed,
}

/// Checks an answer against its item.
///
/// Registers of a type that only later versions know pass: they are kept and sent on. So does every well-formed answer to
/// an item of a kind that this version does not know.
pub fn check(item: &Item, answer: &Answer) -> Result<(), AnswerError> {
    match (&item.kind, answer) {
        (_, Answer::Other(register)) => match meaning(register) {
            Meaning::Known(answer) => check(item, &answer),
            Meaning::Foreign => Ok(()),
            Meaning::Malformed => Err(AnswerError::Malformed),
        },
        (ItemKind::Other(_), _) => Ok(()),
        (kind, Answer::NotApplicable { reason }) => {
            if !kind.allows_not_applicable() {
                return Err(AnswerError::NotApplicableNotOffered);
            }
            ensure(reason.chars().count() <= REASON_CHARS_MAX, AnswerError::ReasonTooLong)
        }
        (ItemKind::Conformity { .. }, Answer::Conformity { .. }) => Ok(()),
        (ItemKind::Number(kind), Answer::Number { value, unit, case, .. }) => {
            number(kind, *value, unit, case.as_deref())
        }
        (ItemKind::Choice { options, multiple, .. }, Answer::Choice { options: chosen, .. }) => {
            choice(options, *multiple, chosen)
        }
        (ItemKind::Text, Answer::Text { text }) => {
            ensure(text.len() <= TEXT_BYTES_MAX, AnswerError::TextTooLong)?;
            ensure(!text.trim().is_empty(), AnswerError::Blank)
        }
        (ItemKind::Date, Answer::Date { .. }) => Ok(()),
        (ItemKind::Photo { min }, Answer::Photo { records }) => {
            let found = records.len();
            ensure(found >= *min as usize, AnswerError::TooFewPhotos { min: *min, found })
        }
        (
            ItemKind::Conformity { .. }
            | ItemKind::Number(_)
            | ItemKind::Choice { .. }
            | ItemKind::Text
            | ItemKind::Date
            | ItemKind::Photo { .. },
            _,
        ) => Err(AnswerError::WrongType),
    }
}

/// Checks a register of the inspection document: `Err(true)` when the checklist has no such item, `Err(false)` when the
/// answer does not fit it.
pub fn check_register(template: &Template, item_id: &str, register: &str) -> Result<(), bool> {
    let item = template.item(item_id).ok_or(true)?;
    check(item, &Answer::from_register(register)).map_err(|_| false)
}

fn number(kind: &NumberKind, value: Decimal, unit: &str, case: Option<&str>) -> Result<(), AnswerError> {
    if unit != kind.unit {
        return Err(AnswerError::Unit { expected: kind.unit.clone(), found: unit.to_owned() });
    }
    let decimals = kind.decimals;
    ensure(value.decimals() <= decimals, AnswerError::TooPrecise { value, decimals })?;
    let Some(case) = case else { return Ok(()) };
    let cases = kind.limit.as_ref().and_then(|limit| limit.cases.as_ref());
    let known = cases.is_some_and(|cases| cases.bounds.iter().any(|(name, _)| name == case));
    ensure(known, AnswerError::UnknownCase(case.to_owned()))
}

fn choice(options: &[String], multiple: bool, chosen: &BTreeSet<String>) -> Result<(), AnswerError> {
    ensure(!chosen.is_empty(), AnswerError::NothingChosen)?;
    if let Some(stranger) = chosen.iter().find(|option| !options.contains(option)) {
        return Err(AnswerError::UnknownOption(stranger.clone()));
    }
    ensure(multiple || chosen.len() == 1, AnswerError::SeveralChosen(chosen.len()))
}

fn ensure(holds: bool, error: AnswerError) -> Result<(), AnswerError> {
    if holds { Ok(()) } else { Err(error) }
}
