//! One visit of two officers to a swimming pool, and terminals that know of it.

use super::{Server, TestHost};
use crate::store::outgoing;
use crate::{Client, Enrolment, KeyCost, Options, StoreKey, Unlock};
use fieldproof_schema::checklist::{Answer, Outcome, Template};
use fieldproof_schema::data;
use fieldproof_schema::document::{
    Actor, ChangeId, Document, EntitySnapshot, Genesis, Identity, RawChange, TeamMember, View, genesis,
};
use fieldproof_schema::ids::{CaseId, EntityId, InspectionId, OfficerId, TaskId};
use fieldproof_schema::moment::{Interval, Moment};
use fieldproof_schema::reference::{InspectionRow, InspectionState, OfficerRow, TaskRow};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::row::{Body, ChangeRow, Row};
use std::path::Path;
use std::sync::Arc;

pub(crate) const PASSPHRASE: &str = "correct horse battery";
/// The officer whose terminal it is.
pub(crate) fn me() -> OfficerId {
    OfficerId::from_bytes([0x11; 16])
}

/// The other one.
pub(crate) fn colleague() -> OfficerId {
    OfficerId::from_bytes([0x22; 16])
}

/// A visit as the server dispatched it.
pub(crate) struct Visit {
    pub(crate) id: InspectionId,
    pub(crate) template: Template,
    pub(crate) genesis: RawChange,
    pub(crate) identity: Identity,
}

impl Visit {
    pub(crate) fn new(n: u8) -> Self {
        Self::numbered([n; 16])
    }

    pub(crate) fn numbered(id: [u8; 16]) -> Self {
        let json = data::checklists().iter().find(|(name, _)| *name == "public-swimming.json").unwrap().1;
        let template = Template::parse(json).unwrap();
        let member =
            |officer, name: &str| TeamMember { officer, name: name.into(), certificate: "13030001".into() };
        let identity = Identity {
            format: 1,
            inspection: InspectionId::from_bytes(id),
            case: CaseId::from_bytes(id),
            task: Some(TaskId::from_bytes(id)),
            template: template.pin(),
            entity: EntitySnapshot {
                id: EntityId::from_bytes(id),
                name: format!("碧海游泳馆{}", id[0]),
                uscc: None,
                address: "海宁路1号".into(),
                fields: serde_json::Map::new(),
            },
            team: vec![member(me(), "李敏"), member(colleague(), "王强")],
        };
        let items: Vec<&str> = template.item_ids().collect();
        let genesis = genesis(&Genesis { identity: &identity, items: &items }).unwrap();
        Self { id: identity.inspection, template, genesis, identity }
    }

    /// The first item that takes 合格 or 不合格 and always applies, and others like it.
    pub(crate) fn items(&self) -> Vec<String> {
        let plain = self.template.items.iter().filter(|item| item.condition.is_none());
        let conform = plain
            .filter(|item| fieldproof_schema::checklist::check(item, &pass()).is_ok())
            .map(|item| item.id.clone());
        conform.collect()
    }

    pub(crate) fn row(&self) -> InspectionRow {
        InspectionRow {
            id: self.id,
            case: self.identity.case,
            state: InspectionState::Dispatched,
            seals: vec![],
            decisions: vec![],
            evidence: vec![],
            conflicts: vec![],
            quarantined: 0,
            disclosure: None,
            progress: None,
            team: Vec::new(),
            proposals: Vec::new(),
            papers: Vec::new(),
        }
    }

    /// Everything that a terminal needs to work on it.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let task = TaskRow {
            id: self.identity.task.unwrap(),
            plan_no: "P1".into(),
            plan_name: "双随机抽查".into(),
            task_no: format!("T{}", self.id.as_bytes()[0]),
            item: "游泳场所".into(),
            entity: self.identity.entity.id,
            entity_name: self.identity.entity.name.clone(),
            inspection: self.id,
            case: self.identity.case,
            template: self.template.pin(),
            team: self.identity.team.clone(),
            due: Some("2026-12-31".into()),
            dispatched_at: Moment::from_micros(0),
        };
        vec![
            reference(
                "template",
                &format!("{}@{}", self.template.id, self.template.revision),
                self.template.canonical().to_owned(),
            ),
            reference("task", &task.id.to_string(), serde_json::to_string(&task).unwrap()),
            self.inspection_row(&self.row()),
            self.change_row(&self.genesis, None),
        ]
    }

    pub(crate) fn inspection_row(&self, row: &InspectionRow) -> Row {
        reference("inspection", &self.id.to_string(), serde_json::to_string(row).unwrap())
    }

    pub(crate) fn change_row(&self, change: &RawChange, officer: Option<OfficerId>) -> Row {
        let subject = fieldproof_schema::document::inspect(&change.0).unwrap().id.to_string();
        let row = ChangeRow {
            inspection: self.id,
            change: change.clone(),
            device: officer.map(|_| fieldproof_schema::ids::DeviceId::from_bytes([0x77; 16])),
            officer,
            entry: None,
            written: Interval {
                earliest: None,
                latest: officer.map(|_| Moment::from_micros(1_795_442_645_000_000)),
            },
        };
        Row { kind: "change".into(), subject, body: Body::Change(row) }
    }

    /// What a colleague writes on another terminal: answers to these items, one change each.
    pub(crate) fn colleague_writes(
        &self,
        base: &mut Document,
        actor: u8,
        items: &[String],
        answer: &Answer,
    ) -> Vec<(ChangeId, RawChange)> {
        let mut written = Vec::new();
        for item in items {
            let at = Moment::from_micros(1_795_442_645_000_000);
            let edit = base.edit(Actor([actor; 16]), at, |edit| edit.answer(item, &answer.to_register()));
            written.extend(edit.unwrap().1);
        }
        written
    }

    pub(crate) fn document(&self) -> Document {
        Document::from_changes([self.genesis.0.as_slice()]).unwrap()
    }
}

fn reference(kind: &str, subject: &str, body: String) -> Row {
    Row { kind: kind.into(), subject: subject.into(), body: Body::Reference(body) }
}

pub(crate) fn pass() -> Answer {
    Answer::Conformity { result: Outcome::Pass }
}

/// A directory row of an officer with a key.
pub(crate) fn officer_row(id: OfficerId, keys: Vec<fieldproof_schema::suite::PublicKey>) -> Row {
    let row = OfficerRow { id, name: "王强".into(), certificate: "13030002".into(), keys };
    reference("officer", &id.to_string(), serde_json::to_string(&row).unwrap())
}

pub(crate) fn options() -> Options {
    Options { version: "test".into(), key_cost: KeyCost::CHEAP, documents_cached: 4, ..Options::default() }
}

/// An enrolled terminal in `dir` that has synced once.
pub(crate) async fn terminal(dir: &Path, host: &Arc<TestHost>, server: &Server) -> Client {
    let client = Client::open(dir, host.clone(), options(), unlock()).unwrap();
    let enrolment = Enrolment { code: "K7M2-9QXD", device_name: "一号终端", passphrase: PASSPHRASE };
    client.enrol(server, &enrolment).await.unwrap();
    client.sync(server).await.unwrap();
    client
}

pub(crate) fn view_of(client: &Client, visit: &Visit) -> View {
    View::clone(&client.inspection(visit.id).unwrap().view)
}

/// The first own change that waits to be sent.
pub(crate) fn first_offered(client: &Client) -> Digest {
    let reader = client.reader();
    let run = outgoing::next(&reader, 0, None).unwrap().unwrap();
    outgoing::changes_of(&reader, &run).unwrap()[0].digest
}

/// A key as a platform hands it in.
pub(crate) fn unlock() -> Unlock<'static> {
    Unlock::Key(StoreKey::from_bytes([7; 32]))
}
