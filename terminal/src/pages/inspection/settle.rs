//! One difference: its sides beside each other, and the team's decision with a reason.

use super::super::{Ask, Posted};
use super::phrases::Phrases;
use super::shots::Shot;
use super::team::{self, Late, subject};
use super::visit::Visit;
use super::words::{self, By};
use super::{place, typed};
use crate::api::{Path, parse};
use crate::error::ApiError;
use axum::http::StatusCode;
use axum::response::Response;
use fieldproof_client_core::Choice;
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::html::{self, Html};
use fieldproof_presentation::page::{self, Page};
use fieldproof_schema::checklist::{Item, ItemKind};
use fieldproof_schema::conflict::{Conflict, Resolution};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;

/// A difference and what was typed about it.
pub(super) struct Difference {
    pub(super) id: String,
    pub(super) text: String,
    /// Who took an earlier decision back, and why.
    pub(super) reopened: Option<String>,
    /// Where the item is; none for what is no item.
    pub(super) place: Option<String>,
    pub(super) sides: Vec<Side>,
    pub(super) fresh: Option<FreshAnswer>,
    pub(super) is_new: bool,
    /// Whether what does not stand is kept as an observation of its own; none where that cannot be.
    pub(super) keeps: Option<bool>,
    pub(super) reasons: Vec<page::Choice>,
    pub(super) reason: String,
    pub(super) fault: Option<String>,
}

/// What one officer says.
pub(super) struct Side {
    pub(super) change: String,
    /// The value, with what differs marked.
    pub(super) value: Html,
    pub(super) by: By,
    pub(super) shots: Vec<Shot>,
    pub(super) chosen: bool,
}

/// What a new answer is typed into.
pub(super) struct FreshAnswer {
    pub(super) results: Vec<page::Choice>,
    /// The value's unit, for numbers.
    pub(super) unit: Option<String>,
    pub(super) value: String,
    pub(super) options: Vec<page::Choice>,
    pub(super) multiple: bool,
    pub(super) text: Option<String>,
    pub(super) date: Option<String>,
}

/// A difference as the page shows it.
pub(super) fn difference(
    p: &Page,
    visit: &Visit,
    conflict: &Conflict,
    typed: &Fields,
    fault: Option<String>,
) -> Difference {
    let key = conflict.path.strip_prefix("answers/");
    let item = key.and_then(|key| visit.template.item(key));
    let values: Vec<String> =
        conflict.sides.iter().map(|side| words::register(p, &conflict.path, &side.value)).collect();
    let sides = conflict.sides.iter().enumerate().map(|(at, side)| {
        let change = side.change.to_string();
        Side {
            value: marked(&values, at),
            by: words::by(p, visit, side.change),
            shots: item.map(|item| shots(p, visit, item, side.change)).unwrap_or_default(),
            chosen: typed.get("side") == change,
            change,
        }
    });
    let reasons = std::iter::once(page::Choice::new("", p.t("inspection.settle.other"), false)).chain(
        Phrases::Settle.all(p).into_iter().map(|phrase| {
            let chosen = typed.get("phrase") == phrase;
            page::Choice::new(phrase.clone(), phrase, chosen)
        }),
    );
    Difference {
        id: conflict.id.to_string(),
        text: subject(p, visit, &conflict.path),
        reopened: reopened(p, visit, conflict),
        place: item.map(|item| visit.item_place(&item.id)),
        sides: sides.collect(),
        fresh: item.and_then(|item| FreshAnswer::new(p, item, typed)),
        is_new: typed.get("side") == "new",
        keeps: key.map(|_| !typed.get("keep").is_empty()),
        reasons: reasons.collect(),
        reason: typed.get("reason").to_owned(),
        fault,
    }
}

/// Who took an earlier decision about a difference back, and why.
fn reopened(p: &Page, visit: &Visit, conflict: &Conflict) -> Option<String> {
    let register = visit.detail.view.resolutions.get(&conflict.id.to_string())?;
    let undone = Resolution::from_register(&register.standing.value).filter(|r| r.undone.is_some())?;
    Some(p.t2("inspection.settle.reopened", "by", undone.by, "reason", undone.reason))
}

/// The captures of an item by the officer who wrote a change.
fn shots(p: &Page, visit: &Visit, item: &Item, change: fieldproof_schema::document::ChangeId) -> Vec<Shot> {
    let officer = visit.detail.authors.get(&change).and_then(|author| author.officer);
    let of_side = visit.detail.evidence.iter().filter(|capture| {
        let register = capture.register.as_ref();
        register.is_some_and(|r| r.item.as_deref() == Some(item.id.as_str()) && Some(r.officer) == officer)
    });
    of_side.map(|capture| Shot::new(p, visit, capture)).collect()
}

/// A value with the stretch marked in which it differs from the others.
fn marked(values: &[String], at: usize) -> Html {
    let own: Vec<char> = values[at].chars().collect();
    let others = values.iter().enumerate().filter(|(n, _)| *n != at);
    let (mut start, mut tail) = (own.len(), own.len());
    for (_, other) in others {
        let other: Vec<char> = other.chars().collect();
        let same = own.iter().zip(&other).take_while(|(a, b)| a == b).count();
        let back = own[same..].iter().rev().zip(other[same..].iter().rev());
        start = start.min(same);
        tail = tail.min(back.take_while(|(a, b)| a == b).count());
    }
    let end = own.len().saturating_sub(tail).max(start);
    let piece = |from: usize, to: usize| html::text(&own[from..to].iter().collect::<String>());
    let middle = piece(start, end);
    let middle = if start == end { String::new() } else { format!("<mark>{middle}</mark>") };
    Html::new(format!("{}{middle}{}", piece(0, start), piece(end, own.len())))
}

impl FreshAnswer {
    /// The controls of a new answer; none for kinds whose answers are not typed.
    fn new(p: &Page, item: &Item, typed: &Fields) -> Option<Self> {
        let chosen = typed.get("result");
        let result = |value: &str, key: &str| page::Choice::new(value, p.t(key), chosen == value);
        let mut results = vec![result("pass", "kit.verdict.pass"), result("fail", "kit.verdict.fail")];
        if item.kind.allows_not_applicable() {
            results.push(result("na", "kit.verdict.not_applicable"));
        }
        let mut fresh = Self {
            results,
            unit: None,
            value: typed.get("value").to_owned(),
            options: Vec::new(),
            multiple: false,
            text: None,
            date: None,
        };
        match &item.kind {
            ItemKind::Conformity { .. } => {}
            ItemKind::Number(number) => fresh.unit = Some(number.unit.clone()),
            ItemKind::Choice { options, multiple, .. } => {
                let posted: Vec<&str> = typed.all("option").collect();
                let option =
                    |option: &String| page::Choice::new(option, option, posted.contains(&option.as_str()));
                fresh.options = options.iter().map(option).collect();
                fresh.multiple = *multiple;
            }
            ItemKind::Text => {
                fresh.results = Vec::new();
                fresh.text = Some(typed.get("text").to_owned());
            }
            ItemKind::Date => {
                fresh.results = Vec::new();
                fresh.date = Some(typed.get("date").to_owned());
            }
            ItemKind::Photo { .. } | ItemKind::Other(_) => return None,
        }
        Some(fresh)
    }
}

/// Settles a difference; what was typed stays on the page when something is missing.
pub(super) async fn settle(
    ask: Ask,
    Path((id, conflict)): Path<(String, String)>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let visit = Visit::load(&ask, &id).await?;
    let digest: Digest = parse("conflict", &conflict)?;
    place::remember(&ask, &format!("{}/team", visit.path()));
    let known = visit.detail.conflicts.iter().find(|known| known.id == digest);
    let Some(known) = known else { return Ok(late(&ask, &visit, &conflict, &fields)) };
    let choice = match choice(&ask.p, &visit, known, &fields) {
        Ok(choice) => choice,
        Err(fault) => return Ok(wrong(&ask, &visit, &conflict, &fields, fault)),
    };
    let reason = [fields.get("phrase").trim(), fields.get("reason").trim()];
    let reason: Vec<&str> = reason.into_iter().filter(|part| !part.is_empty()).collect();
    let reason = reason.join(&ask.p.t("inspection.join"));
    let inspection = visit.id;
    let settled = ask.app().act(move |client| client.settle(inspection, digest, &choice, &reason)).await;
    match settled {
        Ok(()) => Ok(ask.go(&format!("{}/team?done=settled", visit.path()))),
        Err(error) if error.code() == ErrorCode::NotFound => {
            let visit = Visit::load(&ask, &id).await?;
            Ok(late(&ask, &visit, &conflict, &fields))
        }
        Err(error) => {
            let sentence = error.body().message.get(ask.p.lang()).cloned();
            Ok(wrong(&ask, &visit, &conflict, &fields, sentence.unwrap_or_default()))
        }
    }
}

fn choice(p: &Page, visit: &Visit, conflict: &Conflict, fields: &Fields) -> Result<Choice, String> {
    match fields.get("side") {
        "" => Err(p.t("inspection.settle.nothing")),
        "new" => {
            let item = conflict.path.strip_prefix("answers/").and_then(|key| visit.template.item(key));
            let given = item.map(|item| typed::answer(item, fields, None));
            match given {
                Some(Ok(Some(answer))) => Ok(Choice::Answer(answer)),
                _ => Err(p.t("inspection.settle.answer")),
            }
        }
        side => {
            let change = side.parse().map_err(|_| p.t("inspection.settle.nothing"))?;
            let keeps = conflict.path.starts_with("answers/") && !fields.get("keep").is_empty();
            Ok(if keeps { Choice::Both(change) } else { Choice::Side(change) })
        }
    }
}

fn wrong(ask: &Ask, visit: &Visit, conflict: &str, fields: &Fields, fault: String) -> Response {
    let outcome = Err((conflict.to_owned(), fault));
    team::with(ask, visit, fields, Some(outcome), false, StatusCode::UNPROCESSABLE_ENTITY)
}

fn late(ask: &Ask, visit: &Visit, conflict: &str, fields: &Fields) -> Response {
    let by = team::settled(&ask.p, visit).into_iter().find(|settled| settled.id == conflict);
    let late = Late { by, reason: fields.get("reason").to_owned() };
    team::with(ask, visit, fields, Some(Ok(late)), false, StatusCode::CONFLICT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_marked_and_markup_stays_text() {
        let values = ["余氯 0.2 mg/L", "余氯 0.5 mg/L"].map(str::to_owned);
        assert_eq!(marked(&values, 0).as_str(), "余氯 0.<mark>2</mark> mg/L");
        let values = ["<b>", "<b>更多"].map(str::to_owned);
        assert_eq!(marked(&values, 0).as_str(), "&#60;b&#62;");
        assert_eq!(marked(&values, 1).as_str(), "&#60;b&#62;<mark>更多</mark>");
    }
}
