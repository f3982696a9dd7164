//! The decision at the foot of a case: accept, return with remarks by item, publish.
//!
//! What is typed survives every refusal. Who decides second is shown the first decision.

use super::captures::Capture;
use super::{Chrome, Posted, Route, Seat, case};
use crate::api::check;
use crate::app::App;
use crate::dossier::{self, Dossier};
use crate::error::ApiError;
use crate::policy::{Act, User};
use crate::review::{self, Remarks, publication};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::{Choice, Page};
use fieldproof_presentation::texts::{Language, text};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::limits::REASON_CHARS_MAX;
use fieldproof_schema::reference::{Decision, InspectionState};
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/console/inspections/{id}/return", answer: || post(give_back) },
    Route { path: "/console/inspections/{id}/accept", answer: || post(accept) },
    Route { path: "/console/inspections/{id}/disclose", answer: || get(preview).post(disclose) },
];

/// What stands before the item's id in the name of a remark.
const ITEM: &str = "item.";
/// Standard phrases of returns, under `console.phrase.return.<n>`.
const PHRASES: &[&str] = &["evidence", "statement", "measurement", "provision", "consistency", "correction"];

/// What a supervisor has typed.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    pub(super) comment: String,
    pub(super) phrase: String,
    pub(super) gap: String,
    pub(super) items: BTreeMap<String, String>,
    /// The decision of somebody else that came first.
    pub(super) decided: Option<Decision>,
    /// What has to be changed before it can be taken: a key of the catalogues.
    pub(super) problem: Option<&'static str>,
}

impl Draft {
    fn of(fields: &Fields) -> Self {
        let items = fields.iter().filter_map(|(name, said)| Some((name.strip_prefix(ITEM)?, said)));
        let said = items.filter(|(_, said)| !said.trim().is_empty());
        Self {
            comment: fields.get("comment").to_owned(),
            phrase: fields.get("phrase").to_owned(),
            gap: fields.get("gap").to_owned(),
            items: said.map(|(item, said)| (item.to_owned(), said.to_owned())).collect(),
            decided: None,
            problem: None,
        }
    }

    /// The phrase and the own words together. Records are kept in Chinese.
    fn words(&self) -> String {
        let phrase = PHRASES.iter().find(|phrase| **phrase == self.phrase);
        let phrase =
            phrase.map(|phrase| text(Language::Chinese, &format!("console.phrase.return.{phrase}"), &[]));
        let own = Some(self.comment.trim()).filter(|own| !own.is_empty()).map(str::to_owned);
        phrase.into_iter().chain(own).collect::<Vec<_>>().join("\n")
    }

    fn remarks(&self) -> Result<Remarks, &'static str> {
        let comment = self.words();
        if comment.is_empty() && self.items.is_empty() {
            return Err("console.review.problem.nothing_said");
        }
        let texts = self.items.values().map(String::as_str).chain([comment.as_str()]);
        fits(texts)?;
        let items = self.items.iter().map(|(item, said)| (item.clone(), said.trim().to_owned()));
        Ok(Remarks { items: items.collect(), comment })
    }

    /// Remarks about items reach the officers with a return only: accepting would lose them.
    fn acceptance(&self) -> Result<(String, Option<String>), &'static str> {
        if !self.items.is_empty() || !self.phrase.is_empty() {
            return Err("console.review.problem.remarks");
        }
        fits([self.comment.as_str(), self.gap.as_str()])?;
        let gap = Some(self.gap.trim()).filter(|gap| !gap.is_empty());
        Ok((self.comment.trim().to_owned(), gap.map(str::to_owned)))
    }

    fn is_empty(&self) -> bool {
        self.comment.is_empty() && self.phrase.is_empty() && self.gap.is_empty() && self.items.is_empty()
    }
}

/// What can be decided now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Nothing, or not by this user.
    Nothing,
    /// Accept or return.
    Review,
    /// Publish.
    Disclose,
}

/// A decision that was made.
pub(super) struct DecidedShown {
    pub(super) kind: String,
    pub(super) by: String,
    pub(super) at: String,
    pub(super) comment: String,
}

/// The bar at the foot of a case.
pub(super) struct Bar {
    pub(super) asked: Asked,
    pub(super) id: InspectionId,
    /// The version that is decided about, and the one that a return leads to.
    pub(super) version: u32,
    pub(super) next: u32,
    pub(super) missing: Vec<Capture>,
    pub(super) open_conflicts: usize,
    pub(super) phrases: Vec<Choice>,
    pub(super) draft: Draft,
    pub(super) open: bool,
    /// What somebody else decided in between.
    pub(super) decided: Option<DecidedShown>,
}

impl Bar {
    pub(super) fn new(p: &Page, user: &User, dossier: &Dossier, captures: &[Capture], draft: &Draft) -> Self {
        let around = &dossier.around;
        let asked = match around.info.state {
            InspectionState::Sealed if user.may(Act::Review).is_ok() => Asked::Review,
            InspectionState::Accepted if user.may(Act::Disclose).is_ok() => Asked::Disclose,
            _ => Asked::Nothing,
        };
        let missing = around.missing(dossier.statement());
        let version = dossier.statement().map_or(0, |statement| statement.version);
        let phrase = |name: &&str| {
            Choice::new(*name, p.t(format!("console.phrase.return.{name}")), draft.phrase == *name)
        };
        let none = Choice::new("", p.t("console.phrase.none"), draft.phrase.is_empty());
        Self {
            asked,
            id: around.info.id,
            version,
            next: version + 1,
            missing: captures.iter().filter(|capture| missing.contains(&capture.record)).cloned().collect(),
            open_conflicts: around.blocking_conflicts().count(),
            phrases: std::iter::once(none).chain(PHRASES.iter().map(phrase)).collect(),
            open: !draft.is_empty() || draft.problem.is_some(),
            decided: draft.decided.as_ref().map(|decision| shown(p, decision)),
            draft: draft.clone(),
        }
    }
}

impl Bar {
    pub(super) fn is_review(&self) -> bool {
        self.asked == Asked::Review
    }

    pub(super) fn is_disclosure(&self) -> bool {
        self.asked == Asked::Disclose
    }

    pub(super) fn has_typed(&self) -> bool {
        !self.draft.is_empty()
    }

    /// Everything that was typed, as one text to copy from.
    pub(super) fn typed(&self) -> String {
        let items = self.draft.items.iter().map(|(item, said)| format!("{item}: {said}"));
        let own = [self.draft.words(), self.draft.gap.clone()].into_iter().filter(|text| !text.is_empty());
        own.chain(items).collect::<Vec<_>>().join("\n")
    }
}

fn shown(p: &Page, decision: &Decision) -> DecidedShown {
    DecidedShown {
        kind: p.t(format!("console.history.{}", decision.kind.as_str())),
        by: decision.by.clone(),
        at: p.moment(&decision.at),
        comment: decision.comment.clone(),
    }
}

async fn give_back(
    State(app): State<App>,
    seat: Seat,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::Review)?;
    let (id, mut draft) = (case::find(&id)?, Draft::of(&fields));
    let remarks = match draft.remarks() {
        Ok(remarks) => remarks,
        Err(problem) => {
            draft.problem = Some(problem);
            return case::again(&app, &seat, id, &draft, None).await;
        }
    };
    let done = review::give_back(&app, seat.actor.org, &seat.actor.user, id, remarks).await;
    finish(&app, &seat, id, draft, done, "returned").await
}

async fn accept(
    State(app): State<App>,
    seat: Seat,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::Review)?;
    let (id, mut draft) = (case::find(&id)?, Draft::of(&fields));
    let (comment, gap) = match draft.acceptance() {
        Ok(taken) => taken,
        Err(problem) => {
            draft.problem = Some(problem);
            return case::again(&app, &seat, id, &draft, None).await;
        }
    };
    let done = review::accept(&app, seat.actor.org, &seat.actor.user, id, comment, gap).await;
    finish(&app, &seat, id, draft, done, "accepted").await
}

async fn finish(
    app: &App,
    seat: &Seat,
    id: InspectionId,
    mut draft: Draft,
    done: Result<Decision, ApiError>,
    word: &str,
) -> Result<Response, ApiError> {
    match done {
        Ok(_) => Ok(super::look::go(&format!("{}?done={word}", case::address(id)))),
        Err(error) if error.code == ErrorCode::NotFound => Err(error),
        Err(error) => {
            draft.decided = serde_json::from_value(error.details["decision"].clone()).ok();
            case::again(app, seat, id, &draft, Some(&error)).await
        }
    }
}

fn fits<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<(), &'static str> {
    let fit = |text: &str| check::optional_text("comment", text, REASON_CHARS_MAX).is_ok();
    if texts.into_iter().all(fit) { Ok(()) } else { Err("console.review.problem.unfit") }
}

#[derive(Template)]
#[template(path = "console/disclose.html")]
struct DisclosePage {
    p: Page,
    c: Chrome,
    id: InspectionId,
    entity: String,
    facts: Vec<(String, String)>,
    conclusion: String,
    problems: bool,
    counts: Vec<(String, u64)>,
    failed: Vec<(String, bool)>,
}

async fn preview(State(app): State<App>, seat: Seat, Path(id): Path<String>) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::Disclose)?;
    let id = case::find(&id)?;
    let dossier = dossier::read(&app, &seat.actor, id).await?;
    if dossier.around.info.state != InspectionState::Accepted {
        return Ok(super::look::go(&case::address(id)));
    }
    let (entity, body) = publication::body(&app, seat.actor.org, id).await?;
    Ok(seat.show(&public(&seat, id, entity, &body)))
}

/// What the public will read, field by field.
fn public(seat: &Seat, id: InspectionId, entity: String, body: &Value) -> DisclosePage {
    let p = &seat.p;
    let text = |path: &str| body.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let fact = |name: &str, path: &str| (p.t(format!("console.public.{name}")), text(path));
    let facts = [
        ("entity", "/entity/name"),
        ("uscc", "/entity/uscc"),
        ("address", "/entity/address"),
        ("item", "/item"),
        ("checklist", "/checklist/title"),
        ("inspected_on", "/inspected_on"),
        ("authority", "/authority"),
        ("unit", "/unit"),
        ("plan_no", "/plan_no"),
        ("task_no", "/task_no"),
    ];
    let counts = ["passed", "failed", "not_applicable", "recorded", "undecided"].map(|name| {
        let n = body["result"][name].as_u64().unwrap_or_default();
        (p.t(format!("console.public.{name}")), n)
    });
    let failed = body["result"]["failed_items"].as_array().into_iter().flatten().map(|item| {
        (item["text"].as_str().unwrap_or_default().to_owned(), item["key"].as_bool().unwrap_or_default())
    });
    let conclusion = text("/conclusion");
    DisclosePage {
        c: Chrome::new(seat, "cases"),
        id,
        entity,
        facts: facts
            .map(|(name, path)| fact(name, path))
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .collect(),
        problems: conclusion != "no_problem_found",
        conclusion: p.t(format!("console.public.conclusion.{conclusion}")),
        counts: counts.to_vec(),
        failed: failed.collect(),
        p: p.clone(),
    }
}

async fn disclose(
    State(app): State<App>,
    seat: Seat,
    Path(id): Path<String>,
    _: Posted,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::Disclose)?;
    let id = case::find(&id)?;
    match review::disclose(&app, seat.actor.org, &seat.actor.user, id).await {
        Ok(_) => Ok(super::look::go(&format!("{}?done=disclosed", case::address(id)))),
        Err(error) if matches!(error.code, ErrorCode::AlreadyDecided | ErrorCode::StateWrong) => {
            let decided = serde_json::from_value(error.details["decision"].clone()).ok();
            case::again(&app, &seat, id, &Draft { decided, ..Draft::default() }, Some(&error)).await
        }
        Err(error) => Err(error),
    }
}
