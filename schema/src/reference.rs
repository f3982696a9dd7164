//! What the server tells devices about the world around an inspection: the bodies of reference rows, in JSON.
//!
//! Unknown fields are ignored when read; devices keep the text as it came.

use crate::capture::{MadeAt, Place};
use crate::conflict::Conflict;
use crate::document::{ChangeId, TeamMember, TemplatePin};
use crate::ids::{CaseId, DecisionId, DisclosureId, EntityId, InspectionId, OfficerId, RecordId, TaskId};
use crate::moment::Moment;
use crate::numbering::{Ended, Issued};
use crate::seal::Seal;
use crate::suite::{Digest, PublicKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An entity of the directory (检查对象).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntityRow {
    /// The directory's id.
    pub id: EntityId,
    /// The code that the source file gave it.
    pub code: String,
    /// 单位名称.
    pub name: String,
    /// 统一社会信用代码.
    pub uscc: Option<String>,
    /// 地址.
    pub address: String,
    /// Everything else that the directory holds.
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// An officer of the directory (执法人员).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficerRow {
    /// The directory's id.
    pub id: OfficerId,
    /// 姓名.
    pub name: String,
    /// 执法证件号.
    pub certificate: String,
    /// The keys with which the officer may sign seals, newest last.
    pub keys: Vec<PublicKey>,
}

/// A task (抽查任务).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRow {
    /// Which task.
    pub id: TaskId,
    /// The plan's number (计划编号) and name.
    pub plan_no: String,
    /// 计划名称.
    pub plan_name: String,
    /// 任务编号.
    pub task_no: String,
    /// 抽查事项.
    pub item: String,
    /// Which entity.
    pub entity: EntityId,
    /// Its name, as at the dispatch.
    pub entity_name: String,
    /// The visit that fulfils it.
    pub inspection: InspectionId,
    /// The case that the visit opens.
    pub case: CaseId,
    /// The pinned checklist.
    pub template: TemplatePin,
    /// Who goes.
    pub team: Vec<TeamMember>,
    /// The last day (ISO date), if the plan sets one.
    pub due: Option<String>,
    /// When it was dispatched, by the server's clock.
    pub dispatched_at: Moment,
}

/// Where an inspection stands. Content is in the document; this is what was decided about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InspectionState {
    /// Nobody has written yet.
    Dispatched,
    /// Officers are writing.
    InProgress,
    /// Sealed by the whole team; a supervisor's turn.
    Sealed,
    /// Returned by a supervisor; the officers' turn.
    Returned,
    /// Accepted by a supervisor.
    Accepted,
    /// The result is public.
    Disclosed,
}

impl InspectionState {
    /// Every state.
    pub const ALL: &[InspectionState] =
        &[Self::Dispatched, Self::InProgress, Self::Sealed, Self::Returned, Self::Accepted, Self::Disclosed];

    /// The name in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dispatched => "dispatched",
            Self::InProgress => "in_progress",
            Self::Sealed => "sealed",
            Self::Returned => "returned",
            Self::Accepted => "accepted",
            Self::Disclosed => "disclosed",
        }
    }

    /// Finds a state by its name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == name)
    }
}

/// What the server knows about an inspection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InspectionRow {
    /// Which visit.
    pub id: InspectionId,
    /// Its case.
    pub case: CaseId,
    /// Where it stands.
    pub state: InspectionState,
    /// Every seal, complete or not, by version.
    pub seals: Vec<Seal>,
    /// Everything that was decided, oldest first.
    pub decisions: Vec<Decision>,
    /// Every capture that a journal declared.
    pub evidence: Vec<EvidenceState>,
    /// Open conflicts as the server sees them.
    pub conflicts: Vec<Conflict>,
    /// How many changes are held apart for people to decide.
    pub quarantined: u32,
    /// The published result.
    pub disclosure: Option<DisclosureId>,
    /// How far it has come, for lists of those who have not opened it; absent from earlier servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Who is on the team now, sorted; empty from earlier servers, whose teams are those of the first change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub team: Vec<OfficerId>,
    /// What became of the proposals that stand in it; empty from earlier servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proposals: Vec<ProposalFate>,
    /// What is to be told about the paper forms registered in it; empty from earlier servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub papers: Vec<PaperFate>,
}

/// What the server says about a registered paper form besides what the document says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaperFate {
    /// The register.
    pub record: RecordId,
    /// The open conflict about its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Digest>,
    /// What was decided about it after it was sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<PaperCorrection>,
    /// True where people decided that its number stands outside its lease.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allowed: bool,
}

/// A decision about the number of a sealed paper form: it stands beside the seal, whose content stays as it was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaperCorrection {
    /// The number that it has now; absent where it is void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Issued>,
    /// Why, who and when.
    #[serde(flatten)]
    pub ended: Ended,
}

/// What became of a correction proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalFate {
    /// The register.
    pub record: RecordId,
    /// The change that wrote the words which this is about.
    pub change: ChangeId,
    /// The name of a [`ProposalState`]; a device shows one that it does not know as waiting.
    pub state: String,
    /// The open conflict in which it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Digest>,
    /// What was written into the directory in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Why, in the words of whoever decided.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Who decided, as printed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// When, by the server's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Moment>,
}

/// Where a correction proposal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProposalState {
    /// Nobody has decided.
    Open,
    /// The directory says it now.
    Accepted,
    /// The directory says something else now, upon it.
    Edited,
    /// The directory stays as it is.
    Rejected,
    /// The directory came to say it without anybody's decision about it.
    Met,
    /// The officers took it back or wrote other words in its place.
    Withdrawn,
}

impl ProposalState {
    /// Every state.
    pub const ALL: &[ProposalState] =
        &[Self::Open, Self::Accepted, Self::Edited, Self::Rejected, Self::Met, Self::Withdrawn];

    /// The name in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Edited => "edited",
            Self::Rejected => "rejected",
            Self::Met => "met",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Finds a state by its name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == name)
    }
}

/// How far an inspection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Items that apply, or may apply, and have an answer.
    pub answered: u32,
    /// Items that apply, or may apply.
    pub applicable: u32,
    /// When a terminal last wrote into it, at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_at: Option<Moment>,
}

/// A capture as the server sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceState {
    /// The capture.
    pub record: RecordId,
    /// The hash of its bytes.
    pub digest: Digest,
    /// True when the bytes are on the server, read back and hashed.
    pub held: bool,
}

/// What became of a change, or of a journal entry that counts after all, after the round that brought it had ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictRow {
    /// The digest of the change's bytes, or the hash of the entry.
    pub item: Digest,
    /// Of which inspection.
    pub inspection: InspectionId,
    /// The name of a [`crate::wire::sync::Outcome`]; a device does not act on one that it does not know.
    pub outcome: String,
    /// Why, as an error code.
    pub code: Option<String>,
}

/// Something that was decided about an inspection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Which decision.
    pub id: DecisionId,
    /// What was decided.
    pub kind: DecisionKind,
    /// The version of the seal that it is about; absent for decisions about conflicts.
    pub version: Option<u32>,
    /// The supervisor's words, or the reason.
    pub comment: String,
    /// What a return says about single items of the checklist, by item.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub items: BTreeMap<String, String>,
    /// Who, as printed.
    pub by: String,
    /// When, by the server's clock.
    pub at: Moment,
}

/// Kinds of decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionKind {
    /// 退回: the officers answer with a supplement.
    Returned,
    /// 通过.
    Accepted,
    /// A conflict was decided.
    Resolved,
    /// 公开.
    Disclosed,
}

impl DecisionKind {
    /// Every kind.
    pub const ALL: &[DecisionKind] = &[Self::Returned, Self::Accepted, Self::Resolved, Self::Disclosed];

    /// The name in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Returned => "returned",
            Self::Accepted => "accepted",
            Self::Resolved => "resolved",
            Self::Disclosed => "disclosed",
        }
    }

    /// Finds a kind by its name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

/// A register of the document's `evidence` map: one capture, listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceRegister {
    /// The hash of the original bytes, taken at capture.
    pub digest: Digest,
    /// For instance `photo`.
    pub kind: String,
    /// For instance `image/jpeg`.
    pub media_type: String,
    /// The length of the original in bytes.
    pub size_bytes: u64,
    /// The checklist item that it shows, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// What the officer wrote under it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub caption: String,
    /// What the device's clock said.
    pub captured_at: Moment,
    /// Who took it.
    pub officer: OfficerId,
    /// Where it was taken, or why nobody knows; absent in what versions before this wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// When another device made it, by its own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at: Option<MadeAt>,
    /// The capture that it belongs to: the picture of which these are the strokes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<RecordId>,
    /// Whether it ends early: the terminal was switched off while it recorded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_decisions_have_one_name_in_json_and_sql() {
        for state in InspectionState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert_eq!(InspectionState::find(state.as_str()), Some(*state));
        }
        for kind in DecisionKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(DecisionKind::find(kind.as_str()), Some(*kind));
        }
        for state in ProposalState::ALL {
            assert_eq!(ProposalState::find(state.as_str()), Some(*state));
        }
    }

    fn returned(items: BTreeMap<String, String>) -> Decision {
        Decision {
            id: DecisionId::from_bytes([7; 16]),
            kind: DecisionKind::Returned,
            version: Some(1),
            comment: "请补充".into(),
            items,
            by: "赵科长".into(),
            at: Moment::from_micros(1_767_225_600_000_000),
        }
    }

    #[test]
    fn decisions_keep_their_wire_form() {
        let plain = concat!(
            r#"{"id":"07070707-0707-0707-0707-070707070707","kind":"returned","version":1,"comment":"请补充","#,
            r#""by":"赵科长","at":"2026-01-01T00:00:00.000000Z"}"#
        );
        let with_items = concat!(
            r#"{"id":"07070707-0707-0707-0707-070707070707","kind":"returned","version":1,"comment":"请补充","#,
            r#""items":{"L-01":"请补拍","L-07":"写明数值"},"by":"赵科长","at":"2026-01-01T00:00:00.000000Z"}"#
        );
        let items = [("L-07", "写明数值"), ("L-01", "请补拍")].map(|(item, text)| (item.into(), text.into()));
        for (decision, golden) in
            [(returned(BTreeMap::new()), plain), (returned(BTreeMap::from(items)), with_items)]
        {
            assert_eq!(serde_json::to_string(&decision).unwrap(), golden);
            assert_eq!(serde_json::from_str::<Decision>(golden).unwrap(), decision);
        }
    }
}
