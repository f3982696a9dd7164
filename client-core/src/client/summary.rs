//! The list of inspections.

use super::Client;
use crate::error::ClientError;
use crate::store::list::{self, Line};
use crate::store::unsent::{self, Unsent};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::InspectionState;
use serde::Serialize;

/// An inspection in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InspectionSummary {
    /// Which visit.
    pub id: InspectionId,
    /// The entity's name.
    pub entity_name: String,
    /// 任务编号; empty for a visit without a task.
    pub task_no: String,
    /// 计划名称; empty for a visit without a task.
    pub plan_name: String,
    /// The last day (ISO date), if there is one.
    pub due: Option<String>,
    /// Where it stands.
    pub state: InspectionState,
    /// Items with an answer; none until checklist and document are here.
    pub answered: Option<u32>,
    /// Items that apply or may apply.
    pub applicable: Option<u32>,
    /// Open conflicts that the team can settle.
    pub conflicts: u32,
    /// Changes that the server holds apart.
    pub quarantined: u32,
    /// When it was last written to, as far as is known.
    pub last_edit_at: Option<Moment>,
    /// What the server does not hold yet.
    pub unsent: Unsent,
    /// True when it is in the officer's hands no more and shows only because something of it is unsent.
    pub lost: bool,
}

impl InspectionSummary {
    pub(super) fn new(line: Line, unsent: Unsent) -> Self {
        Self {
            id: line.inspection,
            entity_name: line.entity_name,
            task_no: line.task_no,
            plan_name: line.plan_name,
            due: line.due,
            state: line.state,
            answered: line.answered,
            applicable: line.applicable,
            conflicts: line.conflicts,
            quarantined: line.quarantined,
            last_edit_at: line.last_edit_at,
            unsent,
            lost: !line.scoped,
        }
    }
}

impl Client {
    /// The inspections of this terminal: those in its scope, and those with something unsent. What is due first comes
    /// first.
    pub fn inspections(&self) -> Result<Vec<InspectionSummary>, ClientError> {
        let reader = self.reader();
        let unsent = unsent::by_inspection(&reader)?;
        let shown = list::all(&reader)?.into_iter().filter_map(|line| {
            let waiting = unsent.get(&line.inspection);
            (line.scoped || waiting.is_some())
                .then(|| InspectionSummary::new(line, waiting.copied().unwrap_or_default()))
        });
        Ok(shown.collect())
    }
}
