//! Draws on the server: freezing the directory, committing a secret, drawing, recusals.
//!
//! The draw itself is `schema::draw`. What binds the server is logged in the transaction that makes it so: the frozen
//! digests and the commitment before anybody can know the entropy, the record's digest with every change after that.

mod freeze;

use crate::app::{App, blocking};
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::policy::{Act, User};
use crate::store::audit::Record;
use crate::store::draws::{Draw, Stage};
use crate::store::plans::Plan;
use crate::store::{audit, draws, entities, officers, plans, units};
use fieldproof_schema::draw::{self, DeclaredBy, DrawError, DrawRecord, DrawSecret, Frozen, Recusal};
use fieldproof_schema::ids::{DecisionId, DrawId, OrgId, PlanId, UserId};
use fieldproof_schema::limits::{DRAW_ENTITIES_MAX, DRAW_OFFICERS_MAX};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::wire::error::ErrorCode;
use freeze::Directories;
use serde_json::{Value, json};

pub(crate) use freeze::specialties;

/// What is told before the entropy is known.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Which draw.
    pub id: DrawId,
    /// The hash of the server's secret.
    pub commitment: fieldproof_schema::suite::Digest,
    /// The hashes of everything else that decides.
    pub frozen: Frozen,
}

/// Freezes the directory for a row of a plan and commits the server's secret.
///
/// # Errors
/// [`ErrorCode::StateWrong`] while another draw of the row waits for its entropy: whoever could choose between two
/// secrets could choose between two outcomes. [`ErrorCode::PlanInvalid`] when nothing can be drawn from the row.
pub async fn commit(app: &App, org: OrgId, user: &User, plan: PlanId) -> Result<Committed, ApiError> {
    let asker = user.clone();
    let read = move |tx: &mut Tx<'_>| {
        let plan = plans::find(tx, org, plan)?.ok_or(ErrorCode::NotFound)?;
        asker.may_on(Act::Draw, &plan.unit_code)?;
        none_waiting(tx, org, plan.id)?;
        let directories = directories(tx, org, &plan)?;
        Ok::<_, ApiError>((plan, directories))
    };
    let (plan, directories) = app.db.read(read).await?;
    let now = app.now();
    let id = DrawId::new(now, app.random());
    let (secret, salt) = (DrawSecret::from_bytes(app.random()), DrawSecret::from_bytes(app.random()));
    let plan_id = plan.id;
    let (input, frozen) = blocking(move || {
        let input = freeze::input(id, &plan.row, &directories, now.date_in_china(), &secret, salt)?;
        let frozen = draw::freeze(input.clone()).map_err(refused)?;
        Ok::<_, ApiError>((input, frozen))
    })
    .await??;
    let committed = Committed { id, commitment: secret.commitment(), frozen };
    let draw = Draw {
        id,
        plan: plan_id,
        stage: Stage::Committed(Box::new(input)),
        secret,
        version: 1,
        created_by: user.id,
        created_at: now,
    };
    let details = json!({
        "plan": plan_id, "commitment": committed.commitment,
        "snapshot": frozen.snapshot, "terms": frozen.terms, "pool": frozen.pool,
    });
    let record = logged(app, user.id, now, "draw.committed", id, details);
    app.db
        .write(move |tx| {
            none_waiting(tx, org, plan_id)?;
            draws::insert(tx, org, &draw)?;
            audit::insert(tx, org, &record)?;
            Ok::<_, ApiError>(())
        })
        .await?;
    Ok(committed)
}

/// Draws, with entropy that nobody knew when the draw was committed.
///
/// # Errors
/// [`ErrorCode::StateWrong`] when it was drawn before, [`ErrorCode::DrawEntropyInvalid`].
pub async fn reveal(
    app: &App,
    org: OrgId,
    user: &User,
    id: DrawId,
    entropy: String,
) -> Result<DrawRecord, ApiError> {
    let draw = find(app, org, user, id).await?;
    let Stage::Committed(input) = draw.stage else { return Err(wrong_state(&draw.stage)) };
    let secret = draw.secret;
    let record = blocking(move || draw::draw(*input, secret, &entropy).map_err(refused)).await??;
    let assigned = record.result.iter().filter(|a| !a.team.officers().is_empty()).count();
    let details = json!({"record": record.digest, "picks": record.result.len(), "assigned": assigned});
    keep(app, org, user, (id, draw.version), record, "draw.revealed", details).await
}

/// Declares that an officer stands back from a pick, and draws the replacement.
///
/// # Errors
/// [`ErrorCode::StateWrong`] unless the draw is drawn and not dispatched; [`ErrorCode::RecusalInvalid`],
/// [`ErrorCode::ReasonMissing`].
pub async fn recuse(
    app: &App,
    org: OrgId,
    user: &User,
    id: DrawId,
    recusal: impl FnOnce(DeclaredBy, Moment) -> Recusal,
) -> Result<DrawRecord, ApiError> {
    let draw = find(app, org, user, id).await?;
    let Stage::Drawn(record) = draw.stage else { return Err(wrong_state(&draw.stage)) };
    let recusal = recusal(DeclaredBy::User(user.id), app.now());
    let (pick, officer, kind) = (recusal.pick, recusal.officer, recusal.kind);
    let record = blocking(move || draw::recuse(&record, recusal).map_err(refused)).await??;
    let details = json!({"record": record.digest, "pick": pick, "officer": officer, "kind": kind});
    keep(app, org, user, (id, draw.version), record, "draw.recused", details).await
}

/// A draw of the asker's scope.
pub async fn find(app: &App, org: OrgId, user: &User, id: DrawId) -> Result<Draw, ApiError> {
    let asker = user.clone();
    app.db
        .read(move |tx| {
            let draw = draws::find(tx, org, id)?.ok_or(ErrorCode::NotFound)?;
            let plan = plans::find(tx, org, draw.plan)?.ok_or(ErrorCode::NotFound)?;
            asker.may_on(Act::Draw, &plan.unit_code)?;
            Ok::<_, ApiError>(draw)
        })
        .await
}

async fn keep(
    app: &App,
    org: OrgId,
    user: &User,
    (id, version): (DrawId, i64),
    record: DrawRecord,
    act: &str,
    details: Value,
) -> Result<DrawRecord, ApiError> {
    let logged = logged(app, user.id, app.now(), act, id, details);
    let stage = Stage::Drawn(Box::new(record));
    let stage = app
        .db
        .write(move |tx| {
            if !draws::step(tx, org, id, version, &stage)? {
                return Err(ApiError::new(ErrorCode::StateWrong));
            }
            audit::insert(tx, org, &logged)?;
            Ok(stage.clone())
        })
        .await?;
    match stage {
        Stage::Drawn(record) => Ok(*record),
        Stage::Committed(_) | Stage::Dispatched(_) => Err(wrong_state(&stage)),
    }
}

/// The audit record of a step of a draw.
pub(crate) fn logged(app: &App, user: UserId, at: Moment, act: &str, draw: DrawId, details: Value) -> Record {
    Record {
        id: DecisionId::new(at, app.random()),
        at,
        actor: format!("user:{user}"),
        act: act.to_owned(),
        subject: format!("draw:{draw}"),
        details,
    }
}

/// The draw is not in the state that the act needs.
pub(crate) fn wrong_state(stage: &Stage) -> ApiError {
    ApiError::new(ErrorCode::StateWrong).with(json!({"state": stage.as_str()}))
}

fn none_waiting(tx: &mut Tx<'_>, org: OrgId, plan: PlanId) -> Result<(), ApiError> {
    let known = draws::of_plan(tx, org, plan)?;
    match known.into_iter().find(|draw| draw.state == "committed") {
        Some(draw) => {
            Err(ApiError::new(ErrorCode::StateWrong).with(json!({"draw": draw.id, "state": draw.state})))
        }
        None => Ok(()),
    }
}

/// One more than the bound is read, so that the draw itself refuses a directory that is too large.
fn directories(tx: &mut Tx<'_>, org: OrgId, plan: &Plan) -> Result<Directories, DbError> {
    let beyond = |bound: usize| i64::try_from(bound).unwrap_or(i64::MAX).saturating_add(1);
    Ok(Directories {
        entities: entities::of_unit(tx, org, &plan.unit_code, beyond(DRAW_ENTITIES_MAX))?,
        officers: officers::of_unit(tx, org, &plan.unit_code, beyond(DRAW_OFFICERS_MAX))?,
        visits: entities::visits(tx, org, &plan.unit_code)?,
        units: units::all(tx, org)?.into_iter().map(|(code, unit)| (code, unit.id)).collect(),
    })
}

fn refused(error: DrawError) -> ApiError {
    use DrawError as E;
    let code = match error {
        E::EntropyMissing | E::EntropyTooLong { .. } => ErrorCode::DrawEntropyInvalid,
        E::NoSuchPick(_) | E::NotInTeam { .. } | E::RecusalBeforeDraw { .. } => ErrorCode::RecusalInvalid,
        E::ReasonMissing | E::ReasonTooLong { .. } => ErrorCode::ReasonMissing,
        E::WrongSecret | E::MalformedPool { .. } => return ApiError::internal(error),
        E::TooMany { .. }
        | E::DuplicateEntity(_)
        | E::DuplicateOfficer(_)
        | E::FractionInField { .. }
        | E::FractionInRule { .. }
        | E::RuleTooDeep { .. }
        | E::ConditionInUndirectedDraw { .. }
        | E::TeamSize(_)
        | E::WeightTooLarge { .. } => ErrorCode::PlanInvalid,
    };
    ApiError::new(code).with(json!({"why": error.to_string()}))
}

/// Checks that a row can be drawn from, before it is kept.
pub(crate) fn check_plan(plan: &crate::plans::PlanRow, now: Moment) -> Result<(), ApiError> {
    let secret = DrawSecret::from_bytes([0; 32]);
    let id = DrawId::from_bytes([0; 16]);
    let input = freeze::input(id, plan, &Directories::default(), now.date_in_china(), &secret, secret)?;
    draw::freeze(input).map(drop).map_err(refused)
}
