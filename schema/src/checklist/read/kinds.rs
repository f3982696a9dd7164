//! Reading what kind of answer an item takes.

use super::Unknown;
use super::items::certainty;
use crate::checklist::answer::{FAIL, NOT_APPLICABLE, PASS};
use crate::checklist::cursor::Cursor;
use crate::checklist::item::{Bounds, Cases, ItemKind, Limit, LimitSource, NumberKind};
use crate::checklist::violation::Problem;
use crate::limits::{ITEM_DECIMALS_MAX, ITEM_LIST_MAX, ITEM_PHOTOS_MAX};
use serde_json::Value;

/// Alternatives stand in fields whose names begin so: `limitByStage`.
const CASES_PREFIX: &str = "limitBy";

/// Reads a kind; `None` when it has faults, which are noted.
pub(super) fn read(at: &Cursor<'_>, unknown: Unknown) -> Option<ItemKind> {
    at.object()?;
    let place = at.need("type")?;
    match place.text()? {
        "judgement" => conformity(at),
        "number" => number(at).map(|number| ItemKind::Number(Box::new(number))),
        "choice" => choice(at),
        "text" => Some(ItemKind::Text),
        "date" => Some(ItemKind::Date),
        "photo" => {
            let min = at.get("min").map_or(Some(1), |c| c.integer(1, ITEM_PHOTOS_MAX));
            Some(ItemKind::Photo { min: min? })
        }
        other if unknown == Unknown::Kept => Some(ItemKind::Other(other.to_owned())),
        other => place.fault(Problem::UnknownKind(other.to_owned())),
    }
}

fn conformity(at: &Cursor<'_>) -> Option<ItemKind> {
    let place = at.need("options")?;
    let options: Vec<&str> = place.list(ITEM_LIST_MAX)?.iter().filter_map(|c| c.value().as_str()).collect();
    // Entries that are no texts make the list differ from both.
    let whole = place.value().as_array().is_some_and(|all| all.len() == options.len());
    match options.as_slice() {
        [PASS, FAIL] if whole => Some(ItemKind::Conformity { not_applicable: false }),
        [PASS, FAIL, NOT_APPLICABLE] if whole => Some(ItemKind::Conformity { not_applicable: true }),
        _ => place.fault(Problem::ConformityOptions),
    }
}

fn choice(at: &Cursor<'_>) -> Option<ItemKind> {
    let options = at.need("options").and_then(|c| {
        let options = c.texts(ITEM_LIST_MAX)?;
        if options.is_empty() { c.fault(Problem::Empty) } else { Some(options) }
    });
    let failing_at = at.get("nonCompliantOptions");
    let failing = failing_at.as_ref().map_or(Some(Vec::new()), |c| c.texts(ITEM_LIST_MAX));
    let multiple = at.get("multiple").map_or(Some(false), |c| c.boolean());
    let (options, failing) = (options?, failing?);
    if let Some(stranger) = failing.iter().find(|option| !options.contains(option)) {
        return failing_at.and_then(|c| c.fault(Problem::UnknownOption(stranger.clone())));
    }
    Some(ItemKind::Choice { options, failing, multiple: multiple? })
}

fn number(at: &Cursor<'_>) -> Option<NumberKind> {
    let unit = at.need("unit").and_then(|c| c.loose_text());
    let decimals = at.need("decimals").and_then(|c| c.integer(0, ITEM_DECIMALS_MAX));
    let not_applicable = at.get("allowNA").map_or(Some(false), |c| c.boolean());
    let limit = at.get("limit").map_or(Some(None), |c| limit(at, &c).map(Some));
    let sampling_point = at.get("samplingPoint").map_or(Some(None), |c| c.text().map(Some));
    let repeat_per_pool = at.get("repeatPerPool").map_or(Some(false), |c| c.boolean());
    let display_as = at.get("displayAs").map_or(Some(None), |c| c.text().map(Some));
    at.get("outOfLimitMeans").and_then(|c| c.word(&[(FAIL, ())]));
    at.get("recordOnly").and_then(|c| c.boolean());
    Some(NumberKind {
        unit: unit?.to_owned(),
        decimals: decimals?,
        not_applicable: not_applicable?,
        limit: limit?,
        sampling_point: sampling_point?.map(str::to_owned),
        repeat_per_pool: repeat_per_pool?,
        display_as: display_as?.map(str::to_owned),
    })
}

fn limit(answer: &Cursor<'_>, at: &Cursor<'_>) -> Option<Limit> {
    at.object()?;
    let min = at.get("min").map_or(Some(None), |c| c.decimal().map(Some));
    let max = at.get("max").map_or(Some(None), |c| c.decimal().map(Some));
    let inclusive = at.need("inclusive").and_then(|c| c.boolean());
    let source = answer.need("standard").and_then(|c| limit_source(&c));
    let bounds = Bounds { min: min?, max: max?, inclusive: inclusive? };
    match (bounds.min, bounds.max) {
        (None, None) => return at.fault(Problem::NoBound),
        (Some(min), Some(max)) if min > max => return at.fault(Problem::Reversed),
        _ => {}
    }
    let cases = cases(answer, bounds)?;
    Some(Limit { bounds, cases, source: source? })
}

/// Alternatives give one number each; it takes the place of the limit's only bound.
fn cases(answer: &Cursor<'_>, base: Bounds) -> Option<Option<Cases>> {
    let fields = answer.object()?;
    let mut names = fields.keys().filter_map(|key| Some((key, key.strip_prefix(CASES_PREFIX)?)));
    let Some((key, by)) = names.next() else { return Some(None) };
    if let Some((second, _)) = names.next() {
        return answer.need(second).and_then(|c| c.fault(Problem::Duplicate(CASES_PREFIX.to_owned())));
    }
    let place = answer.need(key)?;
    if base.min.is_some() == base.max.is_some() {
        return place.fault(Problem::CasesNeedOneBound);
    }
    let entries = place.object()?;
    if entries.is_empty() {
        return place.fault(Problem::Empty);
    }
    if entries.len() > ITEM_LIST_MAX {
        return place.fault(Problem::TooMany(ITEM_LIST_MAX));
    }
    let read = |name: &String| {
        let number = place.need(name)?.decimal()?;
        let bounds = Bounds { min: base.min.map(|_| number), max: base.max.map(|_| number), ..base };
        Some((name.clone(), bounds))
    };
    let bounds: Vec<_> = entries.keys().map(read).collect();
    let mut bounds: Vec<_> = bounds.into_iter().collect::<Option<_>>()?;
    bounds.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    Some(Some(Cases { by: by.to_owned(), bounds }))
}

fn limit_source(at: &Cursor<'_>) -> Option<LimitSource> {
    let fields = at.object()?;
    let standard = at.get("id").map_or(Some(None), |c| c.id().map(Some));
    let number = at.get("no").map_or(Some(None), |c| c.text().map(Some));
    let mark = at.need("certainty").and_then(|c| certainty(&c));
    Some(LimitSource {
        standard: standard?.map(str::to_owned),
        number: number?.map(str::to_owned),
        mark: mark?,
        source: fields.get("source").and_then(Value::as_str).map(str::to_owned),
    })
}
