//! One change that is held apart: why, from whom, what it says, what each decision leads to; and what was decided.

use super::{became, sender, why};
use crate::api::quarantine::{Place as Address, file, name};
use crate::app::App;
use crate::console::fault::Said;
use crate::console::{Chrome, Posted, Seat, case, compare, look, wording, words};
use crate::error::ApiError;
use crate::policy::Act;
use crate::quarantine::{self, Contents, Place, Verdict};
use crate::store::audit;
use crate::store::inbox::{Ruling, State as Became};
use crate::store::quarantine::Name;
use askama::Template;
use axum::extract::{OriginalUri, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::{Choice, Page, answer};
use fieldproof_presentation::texts::{Language, text};
use fieldproof_schema::checklist::Template as Checklist;
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::Value;

/// Standard phrases of reasons, under `console.phrase.quarantine.<n>`.
const PHRASES: &[&str] = &["present", "assigned", "checked", "unknown", "duplicate", "evidence"];

#[derive(Template)]
#[template(path = "console/apart.html")]
struct ApartPage {
    p: Page,
    c: Chrome,
    address: String,
    /// Why it is held apart; empty for what went in.
    why: String,
    /// What that means.
    explained: String,
    became: String,
    facts: Facts,
    /// What it writes; none where that cannot be read.
    rows: Option<Vec<compare::Row>>,
    /// Places that are not shown.
    more: usize,
    /// Why nothing is shown: a key.
    unread: &'static str,
    history: Vec<DecisionShown>,
    /// Whether it can be decided about now.
    asked: bool,
    may_accept: bool,
    /// Others that wait for the same decision.
    alike: usize,
    /// The decision that another one would replace.
    replaces: String,
    typed: Fields,
    phrases: Vec<Choice>,
    problem: Option<String>,
    fault: Option<Said>,
    done: bool,
}

/// Who, when, what.
struct Facts {
    /// The page and the name of the visit; none for one that is not known here.
    case: Option<(String, String)>,
    inspection: String,
    officer: String,
    device: String,
    /// None for this server itself.
    device_page: Option<String>,
    received: String,
    size: String,
    digest: String,
    /// The change's name and its writer.
    change: Option<(String, String)>,
    /// What it builds upon.
    deps: String,
    /// When it was written, as the journal vouches for it, and the entry's name.
    entry: Option<(String, String)>,
}

/// A decision.
struct DecisionShown {
    word: String,
    by: String,
    at: String,
    reason: String,
}

async fn load(app: &App, seat: &Seat, address: &Address) -> Result<Contents, ApiError> {
    quarantine::contents(app, &seat.actor, named(address)?).await
}

/// What cannot be a name leads nowhere.
fn named(address: &Address) -> Result<Name, ApiError> {
    name(address).map_err(|_| ErrorCode::NotFound.into())
}

pub(super) async fn show(
    State(app): State<App>,
    seat: Seat,
    Path(address): Path<Address>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::DecideQuarantine)?;
    let query = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let mut page = page(&seat, &load(&app, &seat, &address).await?, Fields::default());
    page.done = query.get("done") == "decided";
    Ok(seat.show(&page))
}

pub(super) async fn export(
    State(app): State<App>,
    seat: Seat,
    Path(address): Path<Address>,
) -> Result<Response, ApiError> {
    file(&app, &seat.actor, named(&address)?).await
}

pub(super) async fn decide(
    State(app): State<App>,
    seat: Seat,
    Path(address): Path<Address>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::DecideQuarantine)?;
    let name = named(&address)?;
    let verdict = match decided(&fields) {
        Ok(verdict) => verdict,
        Err(problem) => {
            let mut page = page(&seat, &load(&app, &seat, &address).await?, fields);
            page.problem = Some(seat.p.t(problem));
            return Ok(answer(StatusCode::UNPROCESSABLE_ENTITY, &page));
        }
    };
    match quarantine::decide(&app, seat.actor.org, &seat.actor.user, name, verdict).await {
        Ok(_) => Ok(look::go(&format!("/console/quarantine/{name}?done=decided"))),
        Err(error) if error.code == ErrorCode::NotFound => Err(error),
        Err(error) => {
            // Once more, since somebody else may have decided in between.
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::CONFLICT);
            let mut page = page(&seat, &load(&app, &seat, &address).await?, fields);
            page.fault = Some(Said::new(&seat.p, &error.body()));
            Ok(answer(status, &page))
        }
    }
}

/// What was decided and why. An error is a key of the catalogues.
fn decided(fields: &Fields) -> Result<Verdict, &'static str> {
    let ruling = Ruling::find(fields.get("decision")).ok_or("console.quarantine.problem.choice")?;
    let phrase = PHRASES.iter().find(|phrase| **phrase == fields.get("phrase"));
    // Records are kept in Chinese.
    let phrase =
        phrase.map(|name| text(Language::Chinese, &format!("console.phrase.quarantine.{name}"), &[]));
    let own = fields.filled("reason").map(str::to_owned);
    let reason = phrase.into_iter().chain(own).collect::<Vec<_>>().join("\n");
    let reason = quarantine::reason_of(&reason).map_err(|_| "console.quarantine.problem.reason")?;
    let replaces = fields.filled("replaces").map(str::parse).transpose();
    let replaces = replaces.map_err(|_| "console.quarantine.problem.choice")?;
    Ok(Verdict { ruling, reason, replaces, together: fields.filled("together").is_some() })
}

fn page(seat: &Seat, contents: &Contents, typed: Fields) -> ApartPage {
    let (p, listed) = (&seat.p, &contents.listed);
    let phrase = |name: &&str| {
        Choice::new(*name, p.t(format!("console.phrase.quarantine.{name}")), typed.get("phrase") == *name)
    };
    let none = Choice::new("", p.t("console.phrase.none"), typed.get("phrase").is_empty());
    let explained = listed.code.as_deref().map(|code| words::code(p, "console.quarantine.why.", code));
    let rows = contents.written.as_ref().zip(contents.template.as_ref()).map(|(written, template)| {
        written.places.iter().map(|place| row(p, template, place)).collect::<Vec<_>>()
    });
    ApartPage {
        c: Chrome::new(seat, "quarantine"),
        address: format!("/console/quarantine/{}", listed.name),
        why: why(p, listed),
        explained: explained.unwrap_or_default(),
        became: became(p, listed),
        facts: facts(p, contents),
        rows,
        more: contents.written.as_ref().map_or(0, |written| written.more),
        unread: match (&contents.header, contents.missing.is_empty()) {
            (None, _) => "console.quarantine.unreadable",
            (Some(_), false) => "console.quarantine.unread_missing",
            (Some(_), true) => "console.quarantine.unread",
        },
        history: contents.history.iter().map(|listed| decision(p, listed)).collect(),
        asked: listed.state == Became::Quarantined,
        may_accept: listed.may_be_accepted(),
        alike: contents.alike,
        replaces: listed.decided.as_ref().map(|(decided, _)| decided.id.to_string()).unwrap_or_default(),
        phrases: std::iter::once(none).chain(PHRASES.iter().map(phrase)).collect(),
        typed,
        problem: None,
        fault: None,
        done: false,
        p: p.clone(),
    }
}

fn facts(p: &Page, contents: &Contents) -> Facts {
    let (listed, name) = (&contents.listed, &contents.listed.name);
    let entity = listed.entity_name.clone();
    let deps = match (&contents.header, contents.missing.len(), contents.upon) {
        (None, _, _) => String::new(),
        (Some(_), 0, 0) => p.t("console.quarantine.deps.here"),
        (Some(_), 0, upon) => p.t1("console.quarantine.deps.apart", "n", upon),
        (Some(_), missing, _) => p.t1("console.quarantine.deps.missing", "n", missing),
    };
    Facts {
        case: entity.map(|entity| (case::address(name.inspection), entity)),
        inspection: name.inspection.to_string(),
        officer: listed.officer_name.clone(),
        device: sender(p, listed),
        device_page: listed.officer.map(|_| format!("/console/devices/{}", name.device)),
        received: p.moment(&listed.received_at),
        size: p.size(&listed.size_bytes),
        digest: name.digest.to_string(),
        change: contents.header.as_ref().map(|header| (header.id.to_string(), header.actor.to_string())),
        deps,
        entry: contents.cover.as_ref().map(|cover| (p.interval(&cover.written), cover.hash.to_string())),
    }
}

/// One place, before and after.
fn row(p: &Page, template: &Checklist, place: &Place) -> compare::Row {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let (before, after) = (text(&place.before), text(&place.after));
    let (map, key) = place.path.split_once('/').unwrap_or((place.path.as_str(), ""));
    let called = wording::place(p, template, &place.path);
    match map {
        "notes" => compare::Row {
            place: p.t1("console.compare.note", "item", called),
            key: key.to_owned(),
            difference: compare::difference(p, &before, &after),
        },
        "narrative" | "statement" => compare::Row {
            place: called,
            key: String::new(),
            difference: compare::difference(p, &before, &after),
        },
        _ => {
            let said = |value: &Option<String>| {
                value.as_deref().map(|value| wording::at_place(p, &place.path, value)).unwrap_or_default()
            };
            compare::Row {
                place: called,
                key: key.to_owned(),
                difference: compare::replaced(p, &said(&place.before), &said(&place.after)),
            }
        }
    }
}

fn decision(p: &Page, listed: &audit::Listed) -> DecisionShown {
    let said = |field: &str| listed.record.details.get(field).and_then(Value::as_str).unwrap_or_default();
    DecisionShown {
        word: words::code(p, "console.quarantine.decided.", said("decision")),
        by: listed.actor_name.clone().unwrap_or_else(|| listed.record.actor.clone()),
        at: p.moment(&listed.record.at),
        reason: said("reason").to_owned(),
    }
}
