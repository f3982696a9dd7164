//! What the colleague wrote, where the team differs, and what was settled.

use super::super::{Ask, Route};
use super::place;
use super::questions::{self, Question};
use super::section::Frame;
use super::settle::{Difference, difference};
use super::visit::Visit;
use super::words::{self, By};
use crate::api::Path;
use crate::error::ApiError;
use askama::Template;
use axum::extract::OriginalUri;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::html::Html;
use fieldproof_presentation::page::{Page, answer};
use fieldproof_schema::checklist::Verdict;
use fieldproof_schema::conflict::Resolution;

pub(in crate::pages) const ROUTES: &[Route] = &[
    Route { path: "/inspections/{id}/team", answer: || get(show) },
    Route {
        path: "/inspections/{id}/conflicts/{conflict}/settle",
        answer: || axum::routing::post(super::settle::settle),
    },
];

#[derive(Template)]
#[template(path = "inspection/team.html")]
struct TeamPage {
    p: Page,
    frame: Frame,
    differences: Vec<Difference>,
    questions: Vec<Question>,
    settled: Vec<Settled>,
    written: Vec<Written>,
    done: bool,
    late: Option<Late>,
}

/// What one of the others answered.
struct Written {
    place: String,
    text: String,
    answer: Option<String>,
    verdict: Option<Verdict>,
    by: By,
    stage: Html,
}

/// A difference that was settled.
pub(super) struct Settled {
    pub(super) id: String,
    text: String,
    value: String,
    reason: String,
    by: String,
    capacity: &'static str,
    at: String,
    lost: Vec<String>,
}

/// A decision that came too late: somebody else has settled it.
pub(super) struct Late {
    pub(super) by: Option<Settled>,
    /// What was typed, so that it can be taken along.
    pub(super) reason: String,
}

async fn show(ask: Ask, Path(id): Path<String>, OriginalUri(uri): OriginalUri) -> Result<Response, ApiError> {
    let visit = Visit::load(&ask, &id).await?;
    place::visit(&ask, &format!("{}/team", visit.path()));
    let query = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    Ok(with(&ask, &visit, &Fields::default(), None, query.get("done") == "settled", StatusCode::OK))
}

/// The page with what somebody typed into the form of one difference, and what was wrong with it.
pub(super) fn with(
    ask: &Ask,
    visit: &Visit,
    typed: &Fields,
    outcome: Option<Result<Late, (String, String)>>,
    done: bool,
    status: StatusCode,
) -> Response {
    let p = ask.p.clone();
    let (late, fault) = match outcome {
        Some(Ok(late)) => (Some(late), None),
        Some(Err(fault)) => (None, Some(fault)),
        None => (None, None),
    };
    let fault_of = |id: &str| fault.as_ref().filter(|(of, _)| of == id).map(|(_, text)| text.clone());
    let differences = visit.detail.conflicts.iter().map(|conflict| {
        let fault = fault_of(&conflict.id.to_string());
        let none = Fields::default();
        difference(&p, visit, conflict, if fault.is_some() { typed } else { &none }, fault)
    });
    let page = TeamPage {
        frame: Frame::new(&p, visit, 0),
        differences: differences.collect(),
        questions: questions::of(&p, visit),
        settled: settled(&p, visit),
        written: written(&p, visit),
        done,
        late,
        p: p.clone(),
    };
    answer(status, &page)
}

/// Answers that stand and were given by somebody else.
fn written(p: &Page, visit: &Visit) -> Vec<Written> {
    let mut found = Vec::new();
    for known in visit.items() {
        let Some(register) = visit.detail.view.answers.get(&known.item.id) else { continue };
        let by = words::by(p, visit, register.standing.stamp.change);
        let Some(stage) = by.stage.filter(|_| !by.own) else { continue };
        let (tone, icon, key) = words::stage(stage);
        found.push(Written {
            place: visit.item_place(&known.item.id),
            text: p.either(&known.item.text, &known.item.text_en).to_owned(),
            answer: known.state.answer.as_ref().and_then(|answer| words::beside_verdict(p, answer)),
            verdict: known.verdict(),
            by,
            stage: p.badge(tone, icon, &p.t(key)),
        });
    }
    found
}

/// Every difference that was settled, by anybody.
pub(super) fn settled(p: &Page, visit: &Visit) -> Vec<Settled> {
    let registers = visit.detail.view.resolutions.iter();
    let known = registers
        .filter_map(|(id, register)| Some((id, Resolution::from_register(&register.standing.value)?)));
    // One that was taken back stands among the differences again.
    known
        .filter(|(_, resolution)| resolution.undone.is_none())
        .map(|(id, resolution)| settled_one(p, visit, id, &resolution))
        .collect()
}

fn settled_one(p: &Page, visit: &Visit, id: &str, resolution: &Resolution) -> Settled {
    let path = resolution.path.as_str();
    let lost = resolution.sides.iter().filter(|side| side.value != resolution.value);
    Settled {
        id: id.to_owned(),
        text: subject(p, visit, path),
        value: words::register(p, path, &resolution.value),
        reason: resolution.reason.clone(),
        by: resolution.by.clone(),
        capacity: match resolution.capacity.as_str() {
            "administrator" => "inspection.settled.administrator",
            _ => "inspection.settled.team",
        },
        at: p.moment(&resolution.at),
        lost: lost.map(|side| words::register(p, path, &side.value)).collect(),
    }
}

/// What a path of the document is about.
pub(super) fn subject(p: &Page, visit: &Visit, path: &str) -> String {
    let (map, key) = path.split_once('/').unwrap_or((path, ""));
    match (map, visit.template.item(key)) {
        ("answers", Some(item)) => p.either(&item.text, &item.text_en).to_owned(),
        ("findings", _) => p.t("inspection.subject.finding"),
        ("measurements", _) => p.t("inspection.subject.measurement"),
        _ => key.to_owned(),
    }
}
