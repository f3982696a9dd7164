//! The team of a visit changes after the dispatch: somebody joins, somebody leaves.
//!
//! The first change of a visit names the team that was sent out and cannot be written again; who is on it now is the
//! server's to say, and its row says it to the terminals. Seals are signed by the team of their moment: a complete one is
//! not touched by what is decided later.

use crate::app::App;
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::policy::{Act, User};
use crate::quarantine::{self, Names};
use crate::store::audit::{self, Record};
use crate::store::inspections::{self, Inspection};
use crate::store::officers::Officer;
use crate::store::{decisions, feeds, officers, tasks, teams};
use crate::sync::judge;
use fieldproof_presentation::texts::{Language, text};
use fieldproof_schema::document::TeamMember;
use fieldproof_schema::ids::{DecisionId, InspectionId, OfficerId, OrgId};
use fieldproof_schema::limits::{DRAW_TEAM_SIZE_MAX, TEAM_SIZE_MIN};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::{Decision, DecisionKind, InspectionState};
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::row::RowKind;
use serde_json::json;
use std::collections::BTreeMap;

/// What becomes of an officer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// 加入.
    Joins,
    /// 退出.
    Leaves,
}

impl Step {
    /// The name in JSON and in forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Joins => "joins",
            Self::Leaves => "leaves",
        }
    }

    /// Finds a step by its name.
    pub fn find(name: &str) -> Option<Self> {
        [Self::Joins, Self::Leaves].into_iter().find(|step| step.as_str() == name)
    }
}

/// One change of a team.
#[derive(Debug, Clone)]
pub struct Change {
    /// Whose.
    pub officer: OfficerId,
    /// What becomes of the officer.
    pub step: Step,
    /// Why.
    pub reason: String,
}

/// Changes the team of a visit, tells everybody whom it concerns, and has judged again what was held apart only because
/// its writer was not on the team.
///
/// # Errors
/// [`ErrorCode::NotFound`] outside the scope; [`ErrorCode::StateWrong`] once the visit is accepted, and for an officer who
/// is not in service; [`ErrorCode::AlreadyDecided`] when the officer is on the team, or off it, already;
/// [`ErrorCode::TeamSize`] when too few or too many would remain.
pub async fn change(
    app: &App,
    org: OrgId,
    user: &User,
    id: InspectionId,
    change: Change,
) -> Result<Decision, ApiError> {
    let now = app.now();
    let [decision, record] = [app.random(), app.random()].map(|random| DecisionId::new(now, random));
    let (worker, asker) = (app.clone(), user.clone());
    let (decision, again) = app
        .db
        .write(move |tx| {
            let changing = Changing { app: &worker, org, user: &asker, change: &change, now };
            changing.carry_out(tx, id, [decision, record])
        })
        .await?;
    if let Some(again) = again {
        judge::again(app, org, id, again).await;
    }
    Ok(decision)
}

/// Changes a team within another decision, in its transaction; returns what is to be judged again once it is durable.
pub(crate) fn within(
    tx: &mut Tx<'_>,
    (app, org, user): (&App, OrgId, &User),
    id: InspectionId,
    change: &Change,
    names: [DecisionId; 2],
    now: Moment,
) -> Result<Option<Names>, ApiError> {
    let changing = Changing { app, org, user, change, now };
    Ok(changing.carry_out(tx, id, names)?.1)
}

struct Changing<'a> {
    app: &'a App,
    org: OrgId,
    user: &'a User,
    change: &'a Change,
    now: Moment,
}

impl Changing<'_> {
    fn carry_out(
        &self,
        tx: &mut Tx<'_>,
        id: InspectionId,
        names: [DecisionId; 2],
    ) -> Result<(Decision, Option<Names>), ApiError> {
        self.user.may(Act::Reassign)?;
        let info = self.visit(tx, id)?;
        let officer = self.officer(tx)?;
        let team = self.apply(tx, &info)?;
        self.tell(tx, &info, &officer, &team)?;
        let decision = self.keep(tx, &info, &officer, names)?;
        let again = match self.change.step {
            Step::Joins => Some(quarantine::let_in_on_joining(
                tx,
                self.app,
                self.org,
                self.user,
                (id, self.change.officer),
                &decision.comment,
            )?),
            Step::Leaves => None,
        };
        Ok((decision, again))
    }

    fn visit(&self, tx: &mut Tx<'_>, id: InspectionId) -> Result<Inspection, ApiError> {
        let info = inspections::find(tx, self.org, id)?.ok_or(ErrorCode::NotFound)?;
        self.user.may_on(Act::Reassign, &info.unit_code)?;
        if info.state >= InspectionState::Accepted {
            return Err(ApiError::new(ErrorCode::StateWrong).with(json!({"state": info.state})));
        }
        Ok(info)
    }

    /// Whoever joins is an officer in service of the asker's scope; anybody can be taken off.
    fn officer(&self, tx: &mut Tx<'_>) -> Result<Officer, ApiError> {
        let officer = officers::find(tx, self.org, self.change.officer)?.ok_or(ErrorCode::NotFound)?;
        if self.change.step == Step::Joins {
            self.user.may_on(Act::Reassign, &officer.facts.org_code)?;
            if !officer.facts.active {
                return Err(ApiError::new(ErrorCode::StateWrong).with(json!({"why": "not_in_service"})));
            }
        }
        Ok(officer)
    }

    /// Changes the team; returns it as it is then.
    fn apply(&self, tx: &mut Tx<'_>, info: &Inspection) -> Result<Vec<OfficerId>, ApiError> {
        let Change { officer, step, .. } = self.change;
        let is_new = match step {
            Step::Joins => teams::join(tx, self.org, info.id, *officer, self.now)?,
            Step::Leaves => teams::leave(tx, self.org, info.id, *officer, self.now)?,
        };
        if !is_new {
            return Err(ApiError::new(ErrorCode::AlreadyDecided).with(json!({"why": step.as_str()})));
        }
        let team = inspections::team(tx, self.org, info.id)?;
        let (least, most) = (TEAM_SIZE_MIN as usize, DRAW_TEAM_SIZE_MAX as usize);
        let fits = match step {
            Step::Joins => team.len() <= most,
            Step::Leaves => team.len() >= least,
        };
        if fits {
            Ok(team)
        } else {
            Err(ApiError::new(ErrorCode::TeamSize).with(json!({"least": least, "most": most})))
        }
    }

    /// Tells those who are on the team now, and the one who is not any more: what is gone for somebody is found when it is
    /// read.
    fn tell(
        &self,
        tx: &mut Tx<'_>,
        info: &Inspection,
        officer: &Officer,
        team: &[OfficerId],
    ) -> Result<(), DbError> {
        let Change { officer: changed, step, .. } = self.change;
        if let Some(task) = info.task {
            let member = TeamMember {
                officer: *changed,
                name: officer.facts.name.clone(),
                certificate: officer.facts.certificate_no.clone(),
            };
            tasks::change_team(tx, self.org, task, |members| {
                members.retain(|known| known.officer != *changed);
                if *step == Step::Joins {
                    members.push(member);
                }
            })?;
        }
        let concerned = team.iter().chain((*step == Step::Leaves).then_some(changed));
        for one in concerned {
            let feed = feeds::of_officer(*one);
            if one == changed {
                tx.publish(self.org, &feed, RowKind::Entity.as_str(), &info.entity.to_string());
            }
            if let Some(task) = info.task {
                tx.publish(self.org, &feed, RowKind::Task.as_str(), &task.to_string());
            }
            tx.publish(self.org, &feed, RowKind::Inspection.as_str(), &info.id.to_string());
        }
        if *step == Step::Joins {
            feeds::publish_document(tx, self.org, &[*changed], info.id, 0);
        }
        Ok(())
    }

    /// Keeps the decision: for the terminals, and in the audit trail.
    fn keep(
        &self,
        tx: &mut Tx<'_>,
        info: &Inspection,
        officer: &Officer,
        [id, record]: [DecisionId; 2],
    ) -> Result<Decision, ApiError> {
        let Change { officer: changed, step, reason } = self.change;
        let said = [("officer", officer.facts.name.as_str()), ("reason", reason.as_str())];
        let decision = Decision {
            id,
            kind: DecisionKind::Resolved,
            version: None,
            comment: text(Language::Chinese, &format!("review.team.{}", step.as_str()), &said),
            items: BTreeMap::new(),
            by: self.user.name.clone(),
            at: self.now,
        };
        decisions::insert(tx, self.org, info.id, &decision, self.user.id)?;
        let record = Record {
            id: record,
            at: self.now,
            actor: format!("user:{}", self.user.id),
            act: "inspection.reassigned".to_owned(),
            subject: format!("inspection:{}", info.id),
            details: json!({"officer": changed, "change": step.as_str(), "reason": reason}),
        };
        audit::insert(tx, self.org, &record)?;
        Ok(decision)
    }
}
