//! From a draw to tasks: one visit per pick that has a team, all of them in one transaction.
//!
//! Which checklist a visit uses is chosen in [`choice`]; how an inspection begins is in [`crate::documents`].

pub mod choice;
mod due;
mod outlook;

pub use due::of as due;
pub use outlook::{Undecided, outlook};

use crate::app::{App, blocking};
use crate::db::Tx;
use crate::documents::{self, NewInspection};
use crate::drawing::{self, logged, wrong_state};
use crate::error::ApiError;
use crate::findings;
use crate::policy::User;
use crate::store::draws::{Draw, Stage};
use crate::store::entities::Entity;
use crate::store::officers::Officer;
use crate::store::plans::Plan;
use crate::store::{audit, draws, entities, feeds, officers, plans, tasks, templates};
use choice::Wanted;
use fieldproof_schema::checklist::Template;
use fieldproof_schema::document::{EntitySnapshot, Identity, TeamMember};
use fieldproof_schema::draw::DrawRecord;
use fieldproof_schema::ids::{CaseId, DrawId, InspectionId, OfficerId, OrgId, TaskId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::TaskRow;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::row::RowKind;
use jiff::civil::Date;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What an administrator says with a dispatch.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// Which checklist where the specialties do not decide; see [`choice::choose`].
    pub templates: BTreeMap<String, String>,
    /// The last day; where it is absent, the end of the plan's next window.
    pub due: Option<Date>,
}

/// What a dispatch made.
#[derive(Debug, Clone)]
pub struct Dispatched {
    /// The tasks, in the order of the picks.
    pub tasks: Vec<TaskRow>,
    /// Picks without a team, for which nothing was made.
    pub unassigned: Vec<u32>,
}

/// Everything that is read beforehand.
struct Ready {
    plan: Plan,
    entities: Vec<Entity>,
    officers: BTreeMap<OfficerId, Officer>,
    templates: Vec<Arc<Template>>,
    wanted: BTreeMap<String, Arc<Template>>,
}

#[derive(Clone)]
struct Visit {
    unit_code: String,
    task: TaskRow,
    inspection: NewInspection,
}

/// Dispatches a draw.
///
/// # Errors
/// [`ErrorCode::StateWrong`] unless the draw is drawn and was not dispatched before; [`ErrorCode::FieldInvalid`] on
/// `templates` lists every pick for which no checklist could be chosen, and then nothing is dispatched;
/// [`ErrorCode::DrawTooFewOfficers`] when no pick has a team.
pub async fn dispatch(
    app: &App,
    org: OrgId,
    user: &User,
    id: DrawId,
    order: Order,
) -> Result<Dispatched, ApiError> {
    let draw = drawing::find(app, org, user, id).await?;
    let Stage::Drawn(record) = draw.stage.clone() else { return Err(wrong_state(&draw.stage)) };
    let unassigned: Vec<u32> =
        record.result.iter().filter(|a| a.team.officers().is_empty()).map(|a| a.pick).collect();
    if unassigned.len() == record.result.len() {
        return Err(ApiError::new(ErrorCode::DrawTooFewOfficers).with(json!({"picks": unassigned})));
    }
    let (reader, wanted) = (app.clone(), order.templates);
    let (plan, frozen) = (draw.plan, record.clone());
    let ready = app
        .db
        .read(move |tx| {
            let plan = plans::find(tx, org, plan)?.ok_or(ErrorCode::NotFound)?;
            read(tx, &reader, org, plan, &frozen, &wanted)
        })
        .await?;
    let now = app.now();
    let due = order.due.or_else(|| due::of(&ready.plan.row, now.date_in_china()));
    let maker = app.clone();
    let made = record.clone();
    let visits = blocking(move || visits(&maker, &made, &ready, due, now)).await??;
    store(app, org, user, &draw, record, visits, unassigned, now).await
}

fn read(
    tx: &mut Tx<'_>,
    app: &App,
    org: OrgId,
    plan: Plan,
    record: &DrawRecord,
    wanted: &BTreeMap<String, String>,
) -> Result<Ready, ApiError> {
    let usable = in_use(tx, app, org)?;
    let newest: BTreeMap<_, _> = usable.iter().map(|t| (t.id.clone(), t.revision.clone())).collect();
    let mut named = BTreeMap::new();
    for (key, Wanted { id, revision }) in wanted.iter().map(|(key, text)| (key, Wanted::parse(text))) {
        let unknown = || ApiError::field(&format!("templates.{key}"), format!("no checklist {id:?} in use"));
        let revision = revision.or_else(|| newest.get(&id).cloned()).ok_or_else(unknown)?;
        let listed = templates::find(tx, org, &id, &revision)?.filter(|t| t.withdrawn_at.is_none());
        let listed = listed.ok_or_else(unknown)?;
        named.insert(key.clone(), app.templates.get(tx, org, &listed.id, &listed.revision)?);
    }
    let (mut drawn, mut team) = (Vec::new(), BTreeMap::new());
    for assignment in record.result.iter().filter(|a| !a.team.officers().is_empty()) {
        let gone = || ApiError::internal("an entity that was drawn is not in the directory");
        drawn.push(entities::find(tx, org, assignment.entity)?.ok_or_else(gone)?);
        for officer in assignment.team.officers() {
            let gone = || ApiError::internal("an officer who was drawn is not in the directory");
            team.insert(*officer, officers::find(tx, org, *officer)?.ok_or_else(gone)?);
        }
    }
    Ok(Ready { plan, entities: drawn, officers: team, templates: usable, wanted: named })
}

/// The checklists in use: of each one the revision that was imported last.
fn in_use(tx: &mut Tx<'_>, app: &App, org: OrgId) -> Result<Vec<Arc<Template>>, ApiError> {
    let mut newest = BTreeMap::new();
    for listed in templates::list(tx, org)?.into_iter().filter(|t| t.withdrawn_at.is_none()) {
        newest.entry(listed.id).or_insert(listed.revision);
    }
    newest.iter().map(|(id, revision)| app.templates.get(tx, org, id, revision)).collect()
}

fn visits(
    app: &App,
    record: &DrawRecord,
    ready: &Ready,
    due: Option<Date>,
    now: Moment,
) -> Result<Vec<Visit>, ApiError> {
    let assigned: Vec<_> = record.result.iter().filter(|a| !a.team.officers().is_empty()).collect();
    let mut chosen = Vec::with_capacity(assigned.len());
    let mut unresolved = Vec::new();
    for (assignment, entity) in assigned.iter().zip(&ready.entities) {
        let specialties = drawing::specialties(&entity.row);
        let plan = &ready.plan.row.specialty;
        match choice::choose(&entity.row.code, &specialties, plan, &ready.templates, &ready.wanted) {
            Ok(template) => chosen.push(template),
            Err(fitting) => unresolved.push(Undecided {
                pick: assignment.pick,
                entity: entity.row.code.clone(),
                name: entity.row.name.clone(),
                specialties,
                fitting,
            }),
        }
    }
    if !unresolved.is_empty() {
        return Err(ApiError::new(ErrorCode::FieldInvalid).with(json!({
            "field": "templates",
            "why": "no checklist, or more than one, fits these entities; name one by entity code or specialty",
            "unresolved": unresolved,
        })));
    }
    let makings = assigned.iter().zip(&ready.entities).zip(chosen);
    makings
        .map(|((assignment, entity), template)| {
            let member = |id: &OfficerId| {
                let facts = &ready.officers[id].facts;
                TeamMember {
                    officer: *id,
                    name: facts.name.clone(),
                    certificate: facts.certificate_no.clone(),
                }
            };
            let team: Vec<_> = assignment.team.officers().iter().map(member).collect();
            visit(app, ready, entity, team, &template, due, now)
        })
        .collect()
}

fn visit(
    app: &App,
    ready: &Ready,
    entity: &Entity,
    team: Vec<TeamMember>,
    template: &Template,
    due: Option<Date>,
    now: Moment,
) -> Result<Visit, ApiError> {
    let (plan, row) = (&ready.plan.row, &entity.row);
    let task = TaskRow {
        id: TaskId::new(now, app.random()),
        plan_no: plan.plan_no.clone(),
        plan_name: plan.name.clone(),
        task_no: plan.task_no.clone(),
        item: plan.item.clone(),
        entity: row.id,
        entity_name: row.name.clone(),
        inspection: InspectionId::new(now, app.random()),
        case: CaseId::new(now, app.random()),
        template: template.pin(),
        team,
        due: due.map(|day| day.to_string()),
        dispatched_at: now,
    };
    let identity = Identity {
        format: 1,
        inspection: task.inspection,
        case: task.case,
        task: Some(task.id),
        template: task.template.clone(),
        entity: EntitySnapshot {
            id: row.id,
            name: row.name.clone(),
            uscc: row.uscc.clone(),
            address: row.address.clone(),
            fields: row.fields.clone(),
        },
        team: task.team.clone(),
    };
    let inspection = documents::prepare(identity, template, now)?;
    Ok(Visit { unit_code: entity.unit_code.clone(), task, inspection })
}

#[allow(clippy::too_many_arguments, reason = "the end of one story; a struct would only repeat its parts")]
async fn store(
    app: &App,
    org: OrgId,
    user: &User,
    draw: &Draw,
    record: Box<DrawRecord>,
    visits: Vec<Visit>,
    unassigned: Vec<u32>,
    now: Moment,
) -> Result<Dispatched, ApiError> {
    let details = json!({"record": record.digest, "tasks": visits.len(), "unassigned": unassigned});
    let logged = logged(app, user.id, now, "draw.dispatched", draw.id, details);
    let tasks = visits.iter().map(|visit| visit.task.clone()).collect();
    let (id, plan, version) = (draw.id, draw.plan, draw.version);
    let stage = Stage::Dispatched(record);
    app.db
        .write(move |tx| {
            if !draws::step(tx, org, id, version, &stage)? {
                return Err(ApiError::new(ErrorCode::StateWrong));
            }
            for Visit { unit_code, task, inspection } in &visits {
                documents::create(tx, org, inspection, unit_code, now)?;
                tasks::insert(tx, org, id, plan, unit_code, task)?;
                findings::assignment::dispatched_twice(tx, org, task.inspection, now)?;
                for member in &task.team {
                    let feed = feeds::of_officer(member.officer);
                    tx.publish(org, &feed, RowKind::Entity.as_str(), &task.entity.to_string());
                    tx.publish(org, &feed, RowKind::Task.as_str(), &task.id.to_string());
                }
            }
            audit::insert(tx, org, &logged)?;
            Ok(())
        })
        .await?;
    Ok(Dispatched { tasks, unassigned })
}
