//! The first change of an inspection: identity, every container, every item's note.
//!
//! It is a pure function of its input, identical wherever it is made: the actor is derived from a hash of the input, the
//! time is fixed. So a server that dispatches a task and a device that starts an ad-hoc inspection cannot disagree, and
//! different inputs never share an actor.

use super::{IDENTITY, NOTES, REGISTER_MAPS, RawChange, TEXTS};
use crate::canonical::canonical_json;
use crate::ids::{CaseId, EntityId, InspectionId, OfficerId, TaskId};
use crate::suite::Digest;
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{Automerge, ObjType, ROOT};
use serde::{Deserialize, Serialize};

/// Who and what an inspection is about, fixed by its first change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The layout of the document; 1.
    pub format: u32,
    /// The visit.
    pub inspection: InspectionId,
    /// The case that it belongs to.
    pub case: CaseId,
    /// The task that it fulfils; none for an ad-hoc inspection.
    pub task: Option<TaskId>,
    /// The checklist, pinned.
    pub template: TemplatePin,
    /// The entity as the directory knew it when the inspection was made.
    pub entity: EntitySnapshot,
    /// The officers.
    pub team: Vec<TeamMember>,
}

/// A checklist revision that cannot be mistaken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TemplatePin {
    /// For instance `public-swimming`.
    pub id: String,
    /// For instance `2026.1`.
    pub revision: String,
    /// The hash of its canonical content.
    pub hash: Digest,
}

/// What the directory said about an entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntitySnapshot {
    /// The directory's id.
    pub id: EntityId,
    /// Its name (单位名称).
    pub name: String,
    /// Its unified social credit code (统一社会信用代码), where it has one.
    pub uscc: Option<String>,
    /// Where it is.
    pub address: String,
    /// Everything else that the directory held, as it was.
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// An officer of the team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamMember {
    /// Who.
    pub officer: OfficerId,
    /// The name as it is printed.
    pub name: String,
    /// The number of the enforcement certificate (执法证件).
    pub certificate: String,
}

/// The input of [`genesis()`].
#[derive(Debug, Clone)]
pub struct Genesis<'a> {
    /// Who and what it is about.
    pub identity: &'a Identity,
    /// The ids of all items of the pinned checklist.
    pub items: &'a [&'a str],
}

/// Makes the first change.
pub fn genesis(input: &Genesis<'_>) -> Result<RawChange, serde_json::Error> {
    let identity = canonical_json(&serde_json::to_value(input.identity)?);
    let mut items = input.items.to_vec();
    items.sort_unstable();

    let mut hash = Digest::stream();
    hash.update(b"fieldproof/1/genesis\0");
    hash.update(identity.as_bytes());
    for item in &items {
        hash.update(b"\0");
        hash.update(item.as_bytes());
    }
    let actor = hash.finish().value;

    let mut doc = Automerge::new();
    doc.set_actor(actor[..16].into());
    let mut tx = doc.transaction();
    let made = (|| {
        tx.put(ROOT, IDENTITY, identity)?;
        for name in REGISTER_MAPS {
            tx.put_object(ROOT, name, ObjType::Map)?;
        }
        let notes = tx.put_object(ROOT, NOTES, ObjType::Map)?;
        for item in items {
            tx.put_object(&notes, item, ObjType::Text)?;
        }
        for name in TEXTS {
            tx.put_object(ROOT, name, ObjType::Text)?;
        }
        Ok::<_, automerge::AutomergeError>(())
    })();
    made.expect("writing fresh keys into a fresh map cannot fail");
    let (hash, _) = tx.commit_with(CommitOptions::default().with_time(0));
    let hash = hash.expect("the first change has operations");
    let change = automerge::ReadDoc::get_change_by_hash(&doc, &hash).expect("it was just committed");
    Ok(RawChange(change.raw_bytes().to_vec()))
}
