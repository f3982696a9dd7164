//! The team of a visit: who is on it, who was, and how that is changed, with a reason.

use super::faults::Faults;
use super::{Chrome, Posted, Route, Seat, case, look};
use crate::api::reason;
use crate::app::App;
use crate::db::Tx;
use crate::error::ApiError;
use crate::policy::Act;
use crate::reassign::{self, Change, Step};
use crate::store::teams::Member;
use crate::store::{inspections, officers, teams, units};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::{Choice, Page};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::reference::InspectionState;
use fieldproof_schema::wire::error::ErrorCode;

pub(super) const ROUTES: &[Route] =
    &[Route { path: "/console/inspections/{id}/team", answer: || get(show).post(change) }];

/// Officers that the choice offers: more than a bureau has.
const OFFICERS_OFFERED: i64 = 2000;

#[derive(Template)]
#[template(path = "console/team.html")]
struct TeamPage {
    p: Page,
    c: Chrome,
    id: InspectionId,
    entity: String,
    /// Who is on the team, and who was.
    present: Vec<Member>,
    past: Vec<Member>,
    /// Who may leave, and who may join.
    leaving: Vec<Choice>,
    joining: Vec<Choice>,
    /// Whether the team can still be changed.
    is_open: bool,
    faults: Faults,
    /// What was typed, of whoever joins and of whoever leaves.
    reasons: [String; 2],
}

async fn show(State(app): State<App>, seat: Seat, Path(id): Path<String>) -> Result<Response, ApiError> {
    let page = page(&app, &seat, case::find(&id)?, Faults::default(), &Fields::default()).await?;
    Ok(seat.show(&page))
}

async fn page(
    app: &App,
    seat: &Seat,
    id: InspectionId,
    faults: Faults,
    typed: &Fields,
) -> Result<TeamPage, ApiError> {
    let (org, asker) = (seat.actor.org, seat.actor.user.clone());
    let read = move |tx: &mut Tx<'_>| {
        let info = inspections::find(tx, org, id)?.ok_or(ErrorCode::NotFound)?;
        asker.may_on(Act::Reassign, &info.unit_code)?;
        let offered = officers::in_service(tx, org, asker.id, OFFICERS_OFFERED)?;
        Ok::<_, ApiError>((info, teams::members(tx, org, id)?, offered, units::all(tx, org)?))
    };
    let (info, members, offered, units) = app.db.read(read).await?;
    let (past, present): (Vec<_>, Vec<_>) = members.into_iter().partition(|member| member.left_at.is_some());
    let chosen = |step: Step, id: &str| typed.get("change") == step.as_str() && typed.get("officer") == id;
    let leaving = present.iter().map(|member| {
        let id = member.officer.to_string();
        let is_chosen = chosen(Step::Leaves, &id);
        Choice::new(id, member.name.clone(), is_chosen)
    });
    let others = offered.iter().filter(|one| present.iter().all(|member| member.officer != one.id));
    let joining = others.map(|officer| {
        let unit = super::directory::unit_name(&units, &officer.unit_code);
        let (id, label) = (officer.id.to_string(), format!("{} ({}) {unit}", officer.name, officer.code));
        let is_chosen = chosen(Step::Joins, &id);
        Choice::new(id, label, is_chosen)
    });
    Ok(TeamPage {
        c: Chrome::new(seat, "cases"),
        p: seat.p.clone(),
        id,
        entity: info.entity_name,
        leaving: leaving.collect(),
        joining: joining.collect(),
        is_open: info.state < InspectionState::Accepted,
        past,
        present,
        faults,
        reasons: [Step::Joins, Step::Leaves].map(|step| {
            if typed.get("change") == step.as_str() { typed.get("reason").to_owned() } else { String::new() }
        }),
    })
}

async fn change(
    State(app): State<App>,
    seat: Seat,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::Reassign)?;
    let id = case::find(&id)?;
    let asked = || {
        let missing = |_| ApiError::field("officer", "missing");
        let officer = fields.get("officer").parse().map_err(missing)?;
        let step = Step::find(fields.get("change")).ok_or_else(|| ApiError::field("change", "missing"))?;
        Ok::<_, ApiError>(Change { officer, step, reason: reason(fields.get("reason"))? })
    };
    let changed = match asked() {
        Ok(change) => reassign::change(&app, seat.actor.org, &seat.actor.user, id, change).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(_) => Ok(look::go(&format!("{}/team", case::address(id)))),
        Err(error) => {
            let leaves = fields.get("change") == Step::Leaves.as_str();
            let (who, why) = if leaves { ("leaving", "why") } else { ("officer", "reason") };
            let places = [
                (ErrorCode::ReasonMissing, why),
                (ErrorCode::TeamSize, who),
                (ErrorCode::AlreadyDecided, who),
                (ErrorCode::StateWrong, who),
            ];
            let faults = Faults::of(&seat.p, "team", &places, error)?;
            Ok(faults.show(&page(&app, &seat, id, faults.clone(), &fields).await?))
        }
    }
}
