//! One conflict: what stood before, both sides, what each choice leads to; every decision, and the way back from the last.

use super::answer_form::AnswerForm;
use super::directory::{self, About};
use super::history::{self, DecisionShown, Line};
use super::offer::{self, Offer};
use super::{address, kind};
use crate::api;
use crate::app::{App, blocking};
use crate::console::captures::{self, Capture};
use crate::console::compare;
use crate::console::fault::Said;
use crate::console::{Chrome, Posted, Seat, case, look, wording};
use crate::db::Tx;
use crate::dossier::{self, Dossier};
use crate::error::ApiError;
use crate::policy::Act;
use crate::resolve::{self, Outcome};
use crate::store::conflict_decisions::Kept;
use crate::store::conflicts::{self, Known};
use askama::Template;
use axum::extract::{OriginalUri, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use fieldproof_presentation::fields::{Fields, query};
use fieldproof_presentation::page::{Choice, Page, answer};
use fieldproof_schema::checklist::{Item, Verdict};
use fieldproof_schema::conflict::{
    ChoiceKind, Conflict, ConflictKind, ConflictSide, Resolution, register_at,
};
use fieldproof_schema::document::View;
use fieldproof_schema::ids::{DecisionId, InspectionId};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use std::collections::BTreeMap;

#[derive(Template)]
#[template(path = "console/conflict.html")]
struct ConflictPage {
    p: Page,
    c: Chrome,
    /// The visit's page and its entity; none where the conflict is about no visit.
    case: Option<(String, String)>,
    kind: String,
    /// What this kind of conflict is about, where the sides do not say it.
    about: Option<String>,
    /// Changes after the seal, and not two values.
    late: bool,
    /// Two values of the document, of which one is to stand.
    values: bool,
    blocks: bool,
    place: String,
    limit: Option<String>,
    guidance: String,
    found: String,
    /// What stood before; none where nothing did.
    base: Option<String>,
    sides: Vec<SideShown>,
    /// What late changes changed.
    rows: Vec<compare::Row>,
    captures: Vec<Capture>,
    /// Whether this user can decide it here.
    asked: bool,
    /// Why nobody decides it here: a key.
    closed_to: Option<&'static str>,
    decision: Option<DecisionShown>,
    history: Vec<Line>,
    /// The decision that this user can take back.
    undo: Option<String>,
    both: bool,
    offers: Vec<Offer>,
    form: Option<AnswerForm>,
    /// Whether one of the documents can be made void or get another number.
    numbered: bool,
    /// Whether other words can be written for the directory.
    writes: bool,
    typed: Fields,
    phrases: Vec<Choice>,
    /// What has to be changed before it can be taken.
    problem: Option<String>,
    fault: Option<Said>,
    /// What was done: a key.
    done: Option<&'static str>,
    /// The code for a new terminal, shown once.
    code: Option<(String, String)>,
}

/// One side.
struct SideShown {
    /// The change; what the form posts names it.
    change: String,
    chosen: bool,
    chosen_both: bool,
    chosen_void: bool,
    chosen_renumber: bool,
    said: String,
    verdict: Option<Verdict>,
    officer: String,
    device: String,
    when: String,
    /// What picking it leads to.
    means: String,
    /// Why it was proposed, and the pages of the captures that show it; for the directory.
    reason: String,
    evidence: Vec<String>,
    /// The page of what the side is, and what it is called.
    link: Option<(String, String)>,
    /// Whether it is the value that was decided for.
    stands: bool,
}

/// A conflict with everything around it.
struct Loaded {
    known: Known,
    history: Vec<Kept>,
    /// The visit; none where the conflict is about no visit.
    dossier: Option<Dossier>,
    base: Option<View>,
    /// The entity and the proposals, where it is about the directory.
    directory: Option<About>,
    /// The captures that the proposals point to.
    pointed_to: Vec<Capture>,
    /// The entities of the visits that are sides, by visit.
    entities: BTreeMap<InspectionId, String>,
}

async fn load(app: &App, seat: &Seat, id: Digest) -> Result<Loaded, ApiError> {
    let (org, asker) = (seat.actor.org, seat.actor.user.clone());
    let read = move |tx: &mut Tx<'_>| {
        let known = conflicts::find(tx, org, &id)?.ok_or(ErrorCode::NotFound)?;
        asker.may_on(Act::ReadInspections, known.unit_code.as_deref().unwrap_or_default())?;
        let history = resolve::history::of(tx, org, &known)?;
        let directory = directory::about(tx, org, &known.conflict)?;
        let entities = directory::visited(tx, org, &known.conflict)?;
        Ok::<_, ApiError>((known, history, directory, entities))
    };
    let (known, history, directory, entities) = app.db.read(read).await?;
    let dossier = match dossier::read(app, &seat.actor, known.conflict.inspection).await {
        Ok(dossier) => Some(dossier),
        Err(error) if error.code == ErrorCode::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut pointed_to = Vec::new();
    for (visit, records) in directory.iter().flat_map(About::evidence) {
        pointed_to.extend(captures::pointed_to(app, seat, visit, records).await?);
    }
    blocking(move || {
        let changes: Vec<_> = known.conflict.sides.iter().map(|side| side.change).collect();
        let base = match (&known.conflict.kind, &dossier) {
            (ConflictKind::Answer, Some(dossier)) => dossier.before_all(&changes)?,
            _ => None,
        };
        Ok(Loaded { known, history, dossier, base, directory, pointed_to, entities })
    })
    .await?
}

pub(super) async fn show(
    State(app): State<App>,
    seat: Seat,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ApiError> {
    let asked = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let loaded = load(&app, &seat, case::find(&id)?).await?;
    let mut page = page(&seat, &loaded, Fields::default());
    page.done = match asked.get("done") {
        "decided" => Some("console.conflict.done"),
        "undone" => Some("console.conflict.undone"),
        _ => None,
    };
    Ok(seat.show(&page))
}

/// Decides, or takes a decision back.
pub(super) async fn decide(
    State(app): State<App>,
    seat: Seat,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::DecideConflicts)?;
    let id: Digest = case::find(&id)?;
    let loaded = load(&app, &seat, id).await?;
    let undone = fields.filled("undo").map(str::to_owned);
    let refuse = |problem: &str, fields: Fields| {
        let mut page = page(&seat, &loaded, fields);
        page.problem = Some(seat.p.t(problem));
        Ok(answer(StatusCode::UNPROCESSABLE_ENTITY, &page))
    };
    let reason = match offer::reason(&fields) {
        Ok(reason) => reason,
        Err(problem) => return refuse(problem, fields),
    };
    let (user, org) = (&seat.actor.user, seat.actor.org);
    let (done, outcome) = match undone {
        Some(decision) => {
            let decision: DecisionId = api::parse("undo", &decision)?;
            ("undone", resolve::undo(&app, org, user, id, decision, reason).await)
        }
        None => match offer::chosen(&loaded.known.conflict, item(&loaded), &fields) {
            Ok(choice) => ("decided", resolve::decide(&app, org, user, id, choice, reason).await),
            Err(problem) => return refuse(problem, fields),
        },
    };
    match outcome {
        Ok(Outcome { code: Some(code), .. }) => {
            // A code is shown once, so the answer is the page itself.
            let mut page = page(&seat, &load(&app, &seat, id).await?, Fields::default());
            page.code = Some((code.code, seat.p.moment(&code.expires_at)));
            Ok(seat.show(&page))
        }
        Ok(_) => Ok(look::go(&format!("{}?done={done}", address(id)))),
        Err(error) if error.code == ErrorCode::NotFound => Err(error),
        Err(error) => {
            // Once more, since somebody else may have decided in between.
            let loaded = load(&app, &seat, id).await?;
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::CONFLICT);
            let mut page = page(&seat, &loaded, fields);
            if error.code == ErrorCode::FieldInvalid {
                page.problem = Some(seat.p.t("console.conflict.problem.value"));
            } else {
                page.fault = Some(Said::new(&seat.p, &error.body()));
            }
            Ok(answer(status, &page))
        }
    }
}

/// The item that a conflict is about, where it is about one.
fn item(loaded: &Loaded) -> Option<&Item> {
    let key = loaded.known.conflict.path.strip_prefix("answers/")?;
    loaded.dossier.as_ref()?.around.template.item(key)
}

fn page(seat: &Seat, loaded: &Loaded, typed: Fields) -> ConflictPage {
    let (p, known, dossier) = (&seat.p, &loaded.known, loaded.dossier.as_ref());
    let conflict = &known.conflict;
    let (item, may) = (item(loaded), seat.actor.user.may(Act::DecideConflicts).is_ok());
    let late = conflict.kind == ConflictKind::LateChange;
    let values = matches!(conflict.kind, ConflictKind::Answer | ConflictKind::Entity);
    let about_directory = loaded.directory.as_ref();
    let offered = resolve::offered(conflict, dossier.map(|dossier| dossier.around.info.state));
    let closed_to = match (known.closed_at, may) {
        (Some(_), _) => None,
        (None, _) if offered.is_empty() => Some("console.conflict.elsewhere"),
        (None, false) => Some("console.conflict.others_decide"),
        (None, true) => None,
    };
    let resolution = known.resolution.as_deref().and_then(Resolution::from_register);
    let rows = match dossier.and_then(|dossier| Some((dossier, dossier.sealed.as_ref()?))) {
        Some((dossier, sealed)) if late => compare::rows(p, dossier, &sealed.view, &dossier.now).0,
        Some(_) | None => Vec::new(),
    };
    let history = history::lines(p, &conflict.path, &loaded.history);
    let last = history.last().filter(|line| may && known.closed_at.is_some() && !line.undoes);
    ConflictPage {
        c: Chrome::new(seat, "conflicts"),
        case: dossier
            .map(|dossier| {
                let page = format!("/console/inspections/{}", conflict.inspection);
                (page, dossier.official().identity.entity.name.clone())
            })
            .or(about_directory
                .map(|about| (format!("/console/entities/{}", about.entity), about.name.clone()))),
        kind: kind(p, &conflict.kind),
        about: about(p, conflict),
        late,
        values,
        blocks: known.blocks && known.closed_at.is_none(),
        place: wording::place_in(p, dossier.map(|dossier| dossier.around.template.as_ref()), &conflict.path),
        limit: item.and_then(wording::limit_of),
        guidance: item.map(|item| item.guidance.clone()).unwrap_or_default(),
        found: p.moment(&known.found_at),
        base: match about_directory {
            Some(about) => about.base(),
            None => loaded.base.as_ref().and_then(|view| before(p, view, &conflict.path)),
        },
        sides: conflict.sides.iter().map(|s| side(p, loaded, s, &typed, resolution.as_ref())).collect(),
        rows,
        captures: dossier
            .map(|dossier| captures::of(p, dossier))
            .unwrap_or_default()
            .into_iter()
            .filter(|capture| {
                late || (values && capture.item.as_ref().map(|(id, _)| id) == item.map(|item| &item.id))
            })
            .chain(loaded.pointed_to.iter().cloned())
            .collect(),
        asked: known.closed_at.is_none() && closed_to.is_none(),
        closed_to,
        decision: known
            .closed_at
            .map(|at| history::decision(p, &conflict.path, &p.moment(&at), resolution.as_ref())),
        undo: last.map(|line| line.id.clone()),
        history,
        both: offered.contains(&ChoiceKind::Both),
        numbered: conflict.kind == ConflictKind::Number,
        writes: conflict.kind == ConflictKind::Entity,
        offers: offer::plain(p, conflict, &offered, &typed),
        form: item.and_then(|item| AnswerForm::new(p, item, &typed)),
        phrases: offer::phrases(p, &typed),
        typed,
        problem: None,
        fault: None,
        done: None,
        code: None,
        p: p.clone(),
    }
}

/// What a kind of conflict is about, in a sentence; none for two values, which speak for themselves.
fn about(p: &Page, conflict: &Conflict) -> Option<String> {
    Some(match (&conflict.kind, conflict.path.starts_with("assignment/visits/")) {
        (ConflictKind::Answer | ConflictKind::LateChange | ConflictKind::Other(_), _) => return None,
        (_, true) => p.t("console.conflict.about.visits"),
        (kind, false) => p.t(format!("console.conflict.about.{}", kind.as_str())),
    })
}

/// What stood at the place of the conflict before both sides.
fn before(p: &Page, view: &View, path: &str) -> Option<String> {
    Some(wording::at_place(p, path, &register_at(view, path)?.standing.value))
}

fn side(
    p: &Page,
    loaded: &Loaded,
    side: &ConflictSide,
    typed: &Fields,
    resolution: Option<&Resolution>,
) -> SideShown {
    let conflict = &loaded.known.conflict;
    let around = loaded.dossier.as_ref().map(|dossier| &dossier.around);
    let (officer, device, when) = match (&side.origin, around) {
        (Some(origin), _) => (
            origin.officer_name.clone(),
            origin.device_name.clone(),
            origin.written.as_ref().map(|written| p.interval(written)).unwrap_or_default(),
        ),
        (None, Some(around)) => {
            let (officer, device) = wording::writer(p, &around.writers, side.actor);
            let when = around.written.get(&side.change).map(|written| p.interval(written));
            (officer, device, when.unwrap_or_default())
        }
        (None, None) => Default::default(),
    };
    let given = item(loaded).zip(around).map(|(item, around)| around.judge(item, &side.value));
    // Beside the verdict stands what it does not say.
    let said = given.as_ref().map(|(answer, _)| wording::value(p, answer));
    let change = side.change.to_string();
    let origin = side.origin.as_deref();
    let visit = origin.and_then(|origin| origin.inspection);
    let terminal = origin.and_then(|origin| origin.device);
    let called = |visit| match loaded.entities.get(&visit) {
        Some(entity) if conflict.kind == ConflictKind::Number => entity.clone(),
        _ => p.t("console.conflict.visit"),
    };
    let link = visit.map(|visit| (format!("/console/inspections/{visit}"), called(visit)));
    let pinned = conflict.path.strip_prefix("template/").and_then(|pinned| pinned.split_once('@'));
    let link = link.or(pinned.map(|(id, revision)| {
        (format!("/console/checklists/{id}/{revision}"), p.t("console.conflict.checklist"))
    }));
    let link = link.or(terminal.map(|device| match conflict.kind {
        ConflictKind::Assignment => (
            format!("/console/quarantine{}", query(&[("inspection", &conflict.inspection.to_string())])),
            p.t("console.conflict.apart"),
        ),
        _ => (format!("/console/devices/{device}"), p.t("console.conflict.terminal")),
    }));
    let proposed = loaded.directory.as_ref().and_then(|about| about.proposal(side));
    let means = match (&conflict.kind, proposed) {
        (ConflictKind::Entity, Some(_)) => p.t1("console.conflict.proposed_means", "officer", &officer),
        (ConflictKind::Entity, None) => p.t("console.conflict.directory_means"),
        _ => p.t1("console.conflict.pick_means", "officer", &officer),
    };
    let evidence = match (proposed, visit) {
        (Some(proposed), Some(visit)) => {
            let page = |record| format!("{}/evidence/{record}", case::address(visit));
            proposed.evidence.iter().map(page).collect()
        }
        _ => Vec::new(),
    };
    let officer = match (&conflict.kind, proposed) {
        (ConflictKind::Entity, None) => p.t("console.conflict.directory_side"),
        _ => officer,
    };
    SideShown {
        means,
        reason: proposed.map(|proposed| proposed.reason.clone()).unwrap_or_default(),
        evidence,
        chosen: typed.get("choice") == format!("side:{change}"),
        chosen_both: typed.get("choice") == format!("both:{change}"),
        chosen_void: typed.get("choice") == format!("void:{change}"),
        chosen_renumber: typed.get("choice") == format!("renumber:{change}"),
        change,
        said: said.unwrap_or_else(|| wording::at_place(p, &conflict.path, &side.value)),
        verdict: given.map(|(_, judgement)| judgement.verdict),
        officer,
        device,
        when,
        link,
        stands: resolution.is_some_and(|resolution| !side.value.is_empty() && resolution.value == side.value),
    }
}
