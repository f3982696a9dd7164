//! One conflict: what stood before, both sides, what each choice leads to; and the decision, once there is one.

use super::answer_form::{self, AnswerForm};
use super::{address, kind};
use crate::api::check;
use crate::app::{App, blocking};
use crate::console::captures::{self, Capture};
use crate::console::compare;
use crate::console::fault::Said;
use crate::console::{Chrome, Posted, Seat, case, look, wording};
use crate::dossier::{self, Dossier};
use crate::error::ApiError;
use crate::policy::Act;
use crate::resolve::{self, Choice as Decided};
use crate::store::conflicts::{self, Known};
use askama::Template;
use axum::extract::{OriginalUri, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::{Choice, Page, answer};
use fieldproof_presentation::texts::{Language, text};
use fieldproof_schema::checklist::{Item, Verdict};
use fieldproof_schema::conflict::{ConflictKind, ConflictSide, Resolution};
use fieldproof_schema::document::View;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::limits::REASON_CHARS_MAX;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;

/// Standard phrases of reasons, under `console.phrase.reason.<n>`.
const PHRASES: &[&str] = &["photo", "measured", "remeasured", "team", "document", "clerical"];

#[derive(Template)]
#[template(path = "console/conflict.html")]
struct ConflictPage {
    p: Page,
    c: Chrome,
    inspection: InspectionId,
    entity: String,
    kind: String,
    /// Changes after the seal, and not two values.
    late: bool,
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
    form: Option<AnswerForm>,
    typed: Fields,
    phrases: Vec<Choice>,
    /// What has to be changed before it can be taken.
    problem: Option<String>,
    fault: Option<Said>,
    done: bool,
}

/// One side.
struct SideShown {
    /// What the form posts.
    choice: String,
    chosen: bool,
    said: String,
    verdict: Option<Verdict>,
    officer: String,
    device: String,
    when: String,
    /// Whether it is the value that was decided for.
    stands: bool,
}

/// The decision.
struct DecisionShown {
    /// None where merging ended it.
    by: Option<String>,
    capacity: String,
    at: String,
    said: String,
    reason: String,
}

async fn load(app: &App, seat: &Seat, id: Digest) -> Result<(Known, Dossier, Option<View>), ApiError> {
    let org = seat.actor.org;
    let known = app.db.read(move |tx| conflicts::find(tx, org, &id)).await?.ok_or(ErrorCode::NotFound)?;
    let dossier = dossier::read(app, &seat.actor, known.conflict.inspection).await?;
    blocking(move || {
        let changes: Vec<_> = known.conflict.sides.iter().map(|side| side.change).collect();
        let base = match known.conflict.kind {
            ConflictKind::Answer => dossier.before_all(&changes)?,
            _ => None,
        };
        Ok((known, dossier, base))
    })
    .await?
}

pub(super) async fn show(
    State(app): State<App>,
    seat: Seat,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ApiError> {
    let query = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let (known, dossier, base) = load(&app, &seat, case::find(&id)?).await?;
    let mut page = page(&seat, &known, &dossier, base.as_ref(), Fields::default());
    page.done = query.get("done") == "decided";
    Ok(seat.show(&page))
}

pub(super) async fn decide(
    State(app): State<App>,
    seat: Seat,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::DecideConflicts)?;
    let id: Digest = case::find(&id)?;
    let (known, dossier, base) = load(&app, &seat, id).await?;
    let (choice, reason) = match chosen(&dossier, &known, &fields) {
        Ok(chosen) => chosen,
        Err(problem) => {
            let mut page = page(&seat, &known, &dossier, base.as_ref(), fields);
            page.problem = Some(seat.p.t(problem));
            return Ok(answer(StatusCode::UNPROCESSABLE_ENTITY, &page));
        }
    };
    match resolve::decide(&app, seat.actor.org, &seat.actor.user, id, choice, reason).await {
        Ok(_) => Ok(look::go(&format!("{}?done=decided", address(id)))),
        Err(error) if error.code == ErrorCode::NotFound => Err(error),
        Err(error) => {
            // Once more, since somebody else may have decided in between.
            let (known, dossier, base) = load(&app, &seat, id).await?;
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::CONFLICT);
            let mut page = page(&seat, &known, &dossier, base.as_ref(), fields);
            page.fault = Some(Said::new(&seat.p, &error.body()));
            Ok(answer(status, &page))
        }
    }
}

/// What was chosen and why. An error is a key of the catalogues.
fn chosen(dossier: &Dossier, known: &Known, fields: &Fields) -> Result<(Decided, String), &'static str> {
    let choice = match fields.get("choice").split_once(':') {
        Some(("side", change)) => {
            Decided::Side(change.parse().map_err(|_| "console.conflict.problem.choice")?)
        }
        None if fields.get("choice") == "beside" => Decided::LeaveBeside,
        None if fields.get("choice") == "value" => {
            let item = item(dossier, known).ok_or("console.conflict.problem.choice")?;
            Decided::Value(answer_form::read(item, fields)?.to_register())
        }
        Some(_) | None => return Err("console.conflict.problem.choice"),
    };
    let phrase = PHRASES.iter().find(|phrase| **phrase == fields.get("phrase"));
    // Records are kept in Chinese.
    let phrase = phrase.map(|name| text(Language::Chinese, &format!("console.phrase.reason.{name}"), &[]));
    let own = fields.filled("reason").map(str::to_owned);
    let reason = phrase.into_iter().chain(own).collect::<Vec<_>>().join("\n");
    if reason.is_empty() {
        return Err("console.conflict.problem.reason");
    }
    let reason = check::text("reason", &reason, REASON_CHARS_MAX);
    Ok((choice, reason.map_err(|_| "console.conflict.problem.long")?))
}

/// The item that a conflict is about, where it is about one.
fn item<'a>(dossier: &'a Dossier, known: &Known) -> Option<&'a Item> {
    dossier.around.template.item(known.conflict.path.strip_prefix("answers/")?)
}

fn page(seat: &Seat, known: &Known, dossier: &Dossier, base: Option<&View>, typed: Fields) -> ConflictPage {
    let (p, conflict) = (&seat.p, &known.conflict);
    let (item, may) = (item(dossier, known), seat.actor.user.may(Act::DecideConflicts).is_ok());
    let late = conflict.kind == ConflictKind::LateChange;
    let closed_to = match (&conflict.kind, may) {
        _ if known.closed_at.is_some() => None,
        (ConflictKind::Answer | ConflictKind::LateChange, true) => None,
        (ConflictKind::Answer | ConflictKind::LateChange, false) => Some("console.conflict.others_decide"),
        _ => Some("console.conflict.elsewhere"),
    };
    let resolution = known.resolution.as_deref().and_then(Resolution::from_register);
    let phrase = |name: &&str| {
        Choice::new(*name, p.t(format!("console.phrase.reason.{name}")), typed.get("phrase") == *name)
    };
    let none = Choice::new("", p.t("console.phrase.none"), typed.get("phrase").is_empty());
    let rows = match &dossier.sealed {
        Some(sealed) if late => compare::rows(p, dossier, &sealed.view, &dossier.now).0,
        Some(_) | None => Vec::new(),
    };
    ConflictPage {
        c: Chrome::new(seat, "conflicts"),
        inspection: conflict.inspection,
        entity: dossier.official().identity.entity.name.clone(),
        kind: kind(p, &conflict.kind),
        late,
        place: wording::place(p, &dossier.around.template, &conflict.path),
        limit: item.and_then(wording::limit_of),
        guidance: item.map(|item| item.guidance.clone()).unwrap_or_default(),
        found: p.moment(&known.found_at),
        base: base.and_then(|view| before(p, view, &conflict.path)),
        sides: conflict
            .sides
            .iter()
            .map(|s| side(p, dossier, known, s, &typed, resolution.as_ref()))
            .collect(),
        rows,
        captures: captures::of(p, dossier)
            .into_iter()
            .filter(|capture| late || capture.item.as_ref().map(|(id, _)| id) == item.map(|item| &item.id))
            .collect(),
        asked: known.closed_at.is_none() && closed_to.is_none(),
        closed_to,
        decision: known.closed_at.map(|at| decision(p, &conflict.path, &p.moment(&at), resolution.as_ref())),
        form: item.and_then(|item| AnswerForm::new(p, item, &typed)),
        phrases: std::iter::once(none).chain(PHRASES.iter().map(phrase)).collect(),
        typed,
        problem: None,
        fault: None,
        done: false,
        p: p.clone(),
    }
}

/// What stood at the place of the conflict before both sides.
fn before(p: &Page, view: &View, path: &str) -> Option<String> {
    let (map, key) = path.split_once('/')?;
    let registers = match map {
        "answers" => &view.answers,
        "findings" => &view.findings,
        "measurements" => &view.measurements,
        _ => return None,
    };
    Some(wording::at_place(p, path, &registers.get(key)?.standing.value))
}

fn side(
    p: &Page,
    dossier: &Dossier,
    known: &Known,
    side: &ConflictSide,
    typed: &Fields,
    resolution: Option<&Resolution>,
) -> SideShown {
    let (officer, device) = wording::writer(p, &dossier.around.writers, side.actor);
    let choice = format!("side:{}", side.change);
    let given = item(dossier, known).map(|item| dossier.around.judge(item, &side.value));
    // Beside the verdict stands what it does not say.
    let said = given.as_ref().map(|(answer, _)| wording::value(p, answer));
    SideShown {
        chosen: typed.get("choice") == choice,
        choice,
        said: said.unwrap_or_else(|| wording::at_place(p, &known.conflict.path, &side.value)),
        verdict: given.map(|(_, judgement)| judgement.verdict),
        officer,
        device,
        when: dossier.around.written.get(&side.change).map(|written| p.interval(written)).unwrap_or_default(),
        stands: resolution.is_some_and(|resolution| resolution.value == side.value),
    }
}

fn decision(p: &Page, path: &str, at: &str, resolution: Option<&Resolution>) -> DecisionShown {
    match resolution {
        None => DecisionShown {
            by: None,
            capacity: String::new(),
            at: at.to_owned(),
            said: String::new(),
            reason: String::new(),
        },
        Some(resolution) => DecisionShown {
            by: Some(resolution.by.clone()),
            capacity: match resolution.capacity.as_str() {
                "team" => p.t("console.conflict.capacity.team"),
                _ => p.t("console.conflict.capacity.administrator"),
            },
            at: at.to_owned(),
            said: match resolution.value.as_str() {
                "" => p.t("console.conflict.left_beside"),
                value => wording::at_place(p, path, value),
            },
            reason: resolution.reason.clone(),
        },
    }
}
