//! The control of an item: what is typed in or tapped, by the kind of answer. It is never swapped.

use super::visit::{Known, Visit};
use super::words;
use fieldproof_presentation::page::{Choice, Page};
use fieldproof_schema::checklist::{Answer, ItemKind, NumberKind};
use fieldproof_schema::law::Mark;

/// What an item is answered with.
pub(super) enum Control {
    /// Segments alone.
    Segments,
    /// A number.
    Number(Box<NumberControl>),
    /// Options.
    Options { options: Vec<Choice>, multiple: bool },
    /// A text.
    Text(String),
    /// A day.
    Date(String),
    /// Photos, at least so many.
    Photos { min: u32, here: usize },
    /// A kind that this version cannot show.
    Unknown,
}

/// What a number is typed into.
pub(super) struct NumberControl {
    pub(super) value: String,
    pub(super) unit: String,
    /// Alternatives of the limit; empty where there are none.
    pub(super) cases: Vec<Choice>,
    /// What the alternatives depend on.
    pub(super) cases_by: String,
    /// The limit in words; none for a number that is only recorded.
    pub(super) limit: Option<String>,
    pub(super) mark: Option<Mark>,
    pub(super) source: String,
    pub(super) sampling_point: String,
    pub(super) repeat_per_pool: bool,
}

impl Control {
    /// The control of an item with what stands in it.
    pub(super) fn new(p: &Page, visit: &Visit, known: Known<'_>) -> Self {
        let standing = known.state.answer.as_ref();
        match &known.item.kind {
            ItemKind::Conformity { .. } => Self::Segments,
            ItemKind::Number(number) => {
                Self::Number(Box::new(NumberControl::new(p, visit, known, number, standing)))
            }
            ItemKind::Choice { options, multiple, .. } => {
                let is_chosen = |option: &String| match standing {
                    Some(Answer::Choice { options, .. }) => options.contains(option),
                    _ => false,
                };
                let options =
                    options.iter().map(|option| Choice::new(option, option, is_chosen(option))).collect();
                Self::Options { options, multiple: *multiple }
            }
            ItemKind::Text => Self::Text(match standing {
                Some(Answer::Text { text }) => text.clone(),
                _ => String::new(),
            }),
            ItemKind::Date => Self::Date(match standing {
                Some(Answer::Date { date }) => date.to_string(),
                _ => String::new(),
            }),
            ItemKind::Photo { min } => {
                let registers = visit.detail.evidence.iter().filter_map(|capture| capture.register.as_ref());
                let here = registers.filter(|r| r.item.as_deref() == Some(known.item.id.as_str())).count();
                Self::Photos { min: *min, here }
            }
            ItemKind::Other(_) => Self::Unknown,
        }
    }
}

impl NumberControl {
    fn new(
        p: &Page,
        visit: &Visit,
        known: Known<'_>,
        number: &NumberKind,
        standing: Option<&Answer>,
    ) -> Self {
        let (value, chosen) = match standing {
            Some(Answer::Number { value, case, .. }) => (value.to_string(), case.clone()),
            _ => (String::new(), None),
        };
        let cases = number.limit.as_ref().and_then(|limit| limit.cases.as_ref());
        let options = cases.map(|cases| {
            let unsaid = Choice::new("", p.t("inspection.case.unsaid"), chosen.is_none());
            let known = cases.bounds.iter().map(|(name, bounds)| {
                let label = format!("{name} ({})", words::bounds(p, bounds, &number.unit));
                Choice::new(name, label, chosen.as_ref() == Some(name))
            });
            std::iter::once(unsaid).chain(known).collect()
        });
        let limit = number.limit.as_ref().map(|limit| {
            let bounds = words::bounds(p, &limit.bounds, &number.unit);
            match &number.display_as {
                Some(usual) => p.t2("inspection.limit.usual", "limit", bounds, "usual", usual),
                None => bounds,
            }
        });
        let source = number.limit.as_ref().and_then(|limit| limit.source.number.clone());
        Self {
            value,
            unit: number.unit.clone(),
            cases: options.unwrap_or_default(),
            cases_by: cases.map(|cases| cases.by.clone()).unwrap_or_default(),
            limit,
            mark: words::limit_mark(known.item, visit.laws.as_deref()),
            source: source.unwrap_or_default(),
            sampling_point: number.sampling_point.clone().unwrap_or_default(),
            repeat_per_pool: number.repeat_per_pool,
        }
    }
}
