//! Two versions of an inspection beside each other: what was struck out and what was added, by colour and by sign.

use super::{Chrome, Route, Seat, case, wording};
use crate::app::{App, blocking};
use crate::dossier::{self, Dossier};
use crate::error::ApiError;
use askama::Template;
use axum::extract::{OriginalUri, Path, State};
use axum::response::Response;
use axum::routing::get;
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::html::{self, Html};
use fieldproof_presentation::page::{Choice, Page};
use fieldproof_schema::document::{Register, View};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::wire::error::ErrorCode;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const ROUTES: &[Route] =
    &[Route { path: "/console/inspections/{id}/compare", answer: || get(show) }];

/// What stands for the document as it is now.
const NOW: &str = "now";
/// Characters of what stays that are shown around a difference.
const AROUND: usize = 60;
/// Characters of a difference that are shown whole.
const DIFFERENCE_CHARS_MAX: usize = 4000;

#[derive(Template)]
#[template(path = "console/compare.html")]
struct ComparePage {
    p: Page,
    c: Chrome,
    id: InspectionId,
    entity: String,
    older: Vec<Choice>,
    newer: Vec<Choice>,
    rows: Vec<Row>,
    /// Items whose answers and notes are the same.
    unchanged: usize,
}

/// One place that differs.
pub(super) struct Row {
    pub(super) place: String,
    pub(super) key: String,
    pub(super) difference: Html,
}

async fn show(
    State(app): State<App>,
    seat: Seat,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ApiError> {
    let query = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let dossier = dossier::read(&app, &seat.actor, case::find(&id)?).await?;
    let versions: Vec<u32> = dossier.around.versions().iter().map(|statement| statement.version).collect();
    let first = versions.first().map_or_else(|| NOW.to_owned(), ToString::to_string);
    let last = if versions.len() > 1 { versions.last().map(ToString::to_string) } else { None };
    let older = query.filled("a").unwrap_or(&first).to_owned();
    let newer = query.filled("b").map(str::to_owned).or(last).unwrap_or_else(|| NOW.to_owned());
    let (p, c) = (seat.p.clone(), Chrome::new(&seat, "cases"));
    let page = blocking(move || {
        let (one, other) = (at(&dossier, &older)?, at(&dossier, &newer)?);
        let choices = |chosen: &str| choices(&p, &versions, chosen);
        let (older, newer) = (choices(&older), choices(&newer));
        let (rows, unchanged) = rows(&p, &dossier, &one, &other);
        let (id, entity) = (dossier.around.info.id, one.identity.entity.name);
        Ok::<_, ApiError>(ComparePage { older, newer, rows, unchanged, id, entity, c, p })
    });
    Ok(seat.show(&page.await??))
}

fn at(dossier: &Dossier, version: &str) -> Result<View, ApiError> {
    if version == NOW {
        return Ok(View::clone(&dossier.now));
    }
    let version = version.parse().map_err(|_| ErrorCode::NotFound)?;
    dossier.version(version)?.ok_or_else(dossier::nowhere)
}

fn choices(p: &Page, versions: &[u32], chosen: &str) -> Vec<Choice> {
    let sealed = versions.iter().map(|version| {
        let name = version.to_string();
        let chosen = name == chosen;
        Choice::new(name, p.t1("console.compare.version", "n", version), chosen)
    });
    sealed.chain([Choice::new(NOW, p.t("console.compare.now"), chosen == NOW)]).collect()
}

/// Every difference, in the order of the checklist; and how many items are the same.
pub(super) fn rows(p: &Page, dossier: &Dossier, one: &View, other: &View) -> (Vec<Row>, usize) {
    let template = &dossier.around.template;
    let (mut rows, mut unchanged) = (Vec::new(), 0);
    for item in template.item_ids() {
        let path = format!("answers/{item}");
        let answered = |view: &View| view.answers.get(item).map(|register| register.standing.value.clone());
        let noted = |view: &View| view.notes.get(item).cloned().unwrap_or_default();
        let (was, is) = (answered(one), answered(other));
        let (before, after) = (noted(one), noted(other));
        if was == is && before == after {
            unchanged += 1;
            continue;
        }
        let say = |value: Option<String>| {
            value.map(|value| wording::at_place(p, &path, &value)).unwrap_or_default()
        };
        let place = wording::place(p, template, &path);
        if was != is {
            rows.push(Row {
                place: place.clone(),
                key: item.to_owned(),
                difference: replaced(p, &say(was), &say(is)),
            });
        }
        if before != after {
            let place = p.t1("console.compare.note", "item", place);
            rows.push(Row { place, key: item.to_owned(), difference: difference(p, &before, &after) });
        }
    }
    rows.extend(registers(p, dossier, one, other));
    for (name, before, after) in
        [("narrative", &one.narrative, &other.narrative), ("statement", &one.statement, &other.statement)]
    {
        if before != after {
            let place = p.t(format!("console.wording.place.{name}"));
            rows.push(Row { place, key: String::new(), difference: difference(p, before, after) });
        }
    }
    (rows, unchanged)
}

fn registers(p: &Page, dossier: &Dossier, one: &View, other: &View) -> Vec<Row> {
    type Map = BTreeMap<String, Register>;
    let maps: [(&str, &Map, &Map); 5] = [
        ("findings", &one.findings, &other.findings),
        ("measurements", &one.measurements, &other.measurements),
        ("evidence", &one.evidence, &other.evidence),
        ("documents", &one.documents, &other.documents),
        ("proposals", &one.proposals, &other.proposals),
    ];
    let mut rows = Vec::new();
    for (map, before, after) in maps {
        for key in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            let path = format!("{map}/{key}");
            let say = |registers: &Map| {
                let register = registers.get(key);
                register
                    .map(|register| wording::at_place(p, &path, &register.standing.value))
                    .unwrap_or_default()
            };
            let value = |registers: &Map| registers.get(key).map(|register| register.standing.value.clone());
            if value(before) != value(after) {
                let place = wording::place(p, &dossier.around.template, &path);
                rows.push(Row {
                    place,
                    key: String::new(),
                    difference: replaced(p, &say(before), &say(after)),
                });
            }
        }
    }
    rows
}

/// A value that was replaced as a whole.
pub(super) fn replaced(p: &Page, before: &str, after: &str) -> Html {
    Html::new(format!("{}{}", mark(p, "del", before), mark(p, "ins", after)))
}

fn mark(p: &Page, tag: &str, said: &str) -> String {
    if said.is_empty() {
        return String::new();
    }
    let (sign, word) =
        if tag == "del" { ("−", "console.compare.removed") } else { ("+", "console.compare.added") };
    let (shown, chars) = fieldproof_presentation::format::cut(said, DIFFERENCE_CHARS_MAX);
    let rest = chars.map(|chars| format!(" {}", p.t1("console.compare.cut", "n", chars))).unwrap_or_default();
    format!(
        "<{tag}><span class=\"fp-hidden\">{}</span><span aria-hidden=\"true\">{sign}&#160;</span>{}{}</{tag}> ",
        html::text(&p.t(word)),
        html::text(shown),
        html::text(&rest)
    )
}

/// A text that was edited: what stays at its beginning and at its end is shown in part, what lies between is struck out
/// and added. Linear in the length of the texts, which can be a megabyte.
pub(super) fn difference(p: &Page, before: &str, after: &str) -> Html {
    let start: usize =
        before.chars().zip(after.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    let (one, other) = (&before[start..], &after[start..]);
    let end: usize = one
        .chars()
        .rev()
        .zip(other.chars().rev())
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum();
    let tail: String = one[one.len() - end..].chars().take(AROUND).collect();
    let mut head: Vec<char> = before[..start].chars().rev().take(AROUND).collect();
    head.reverse();
    let head: String = head.into_iter().collect();
    let more = |cut: bool| if cut { "…" } else { "" };
    Html::new(format!(
        "<span>{}{}</span> {}<span>{}{}</span>",
        more(head.len() < start),
        html::text(&head),
        replaced(p, &one[..one.len() - end], &other[..other.len() - end]),
        html::text(&tail),
        more(tail.len() < end),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_presentation::page::Theme;
    use fieldproof_presentation::texts::Language;

    fn page() -> Page {
        Page { language: Language::Chinese, theme: Theme::Auto, root: String::new() }
    }

    #[test]
    fn only_what_changed_is_struck_out_and_added() {
        let shown =
            difference(&page(), "上午检查泳池。水质良好。", "上午检查泳池。余氯偏低。").as_str().to_owned();
        assert!(shown.starts_with("<span>上午检查泳池。</span> <del>"), "{shown}");
        assert!(shown.contains("水质良好</del>") && shown.contains("余氯偏低</ins>"), "{shown}");
        assert!(shown.ends_with("<span>。</span>"), "{shown}");
    }

    #[test]
    fn a_difference_of_hostile_texts_is_inert_and_bounded() {
        let shown = difference(&page(), "", &"<script>".repeat(200_000)).as_str().to_owned();
        assert!(!shown.contains("<script>") && shown.len() < 200_000, "{}", shown.len());
    }

    #[test]
    fn whole_values_are_replaced() {
        let shown = replaced(&page(), "合格", "不合格").as_str().to_owned();
        assert!(shown.contains("−") && shown.contains("+") && shown.contains("合格</del>"), "{shown}");
        assert!(!replaced(&page(), "", "不合格").as_str().contains("<del>"));
    }
}
