//! Correction proposals (更正建议): what officers found to be otherwise than the directory says.
//!
//! A proposal is a register of the document, under a record's id. It is never taken out: one that is taken back says so
//! itself. What becomes of it is the server's to say; it is decided about the exact words, so that whatever officers write
//! in its place is another proposal. Where two cannot both stand says [`entity_conflicts`], on device and server alike.

use crate::canonical::canonical_json;
use crate::conflict::{Conflict, ConflictKind, ConflictSide, NO_VISIT, Origin};
use crate::directory::EntityField;
use crate::document::{Actor, ChangeId, View};
use crate::ids::{EntityId, InspectionId, RecordId};
use crate::limits::{PROPOSAL_EVIDENCE_MAX, PROPOSALS_MAX, REASON_CHARS_MAX};
use crate::reference::EntityRow;
use crate::suite::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A register of the document's `proposals` map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// Whose row is to be corrected: the entity of the visit.
    pub entity: EntityId,
    /// Which fact: the name of an [`EntityField`], or one of a later version.
    pub field: String,
    /// What the directory said when it was proposed; absent where it said nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// What it is to say.
    pub value: String,
    /// Why.
    pub reason: String,
    /// Captures of the visit that show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<RecordId>,
    /// True when the officers took it back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    /// Whatever a later version writes besides.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Proposal {
    /// The register's text.
    pub fn to_register(&self) -> String {
        let value = serde_json::to_value(self).expect("a proposal is plain data with text keys");
        canonical_json(&value)
    }

    /// Whether people can read it: no terminal of ours writes more.
    fn is_bounded(&self) -> bool {
        let texts = [Some(&self.value), Some(&self.reason), self.base.as_ref()];
        let fits = |text: &String| text.chars().count() <= REASON_CHARS_MAX;
        texts.into_iter().flatten().all(fits) && self.evidence.len() <= PROPOSAL_EVIDENCE_MAX
    }

    /// Reads a register; `None` when it was written by a later version in another form.
    pub fn from_register(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// A proposal as it stands in the document of a visit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposed {
    /// The visit.
    pub inspection: InspectionId,
    /// Under which id it stands.
    pub record: RecordId,
    /// The change that wrote these words.
    pub change: ChangeId,
    /// Its writer.
    pub actor: Actor,
    /// What it says.
    pub proposal: Proposal,
    /// Who proposed it, where and when, as far as it is known.
    #[serde(default)]
    pub origin: Origin,
}

impl Proposed {
    /// The name of these words, the same wherever they are.
    pub fn id(&self) -> Digest {
        name(self.inspection, self.record, self.change)
    }

    /// Which fact it is about; `None` for one of a later version.
    pub fn field(&self) -> Option<EntityField> {
        EntityField::find(&self.proposal.field)
    }
}

/// The name of what a change wrote under a record of a visit.
pub fn name(inspection: InspectionId, record: RecordId, change: ChangeId) -> Digest {
    let mut hash = Digest::stream();
    hash.update(b"fieldproof/1/proposal\0");
    hash.update(inspection.as_bytes());
    hash.update(record.as_bytes());
    hash.update(&change.0);
    hash.finish()
}

/// The proposals that stand in a document: about the visit's own entity, of a form that this version reads, and not taken
/// back. Where officers wrote different words at the same time, each of them.
pub fn standing(view: &View) -> Vec<Proposed> {
    let (inspection, entity) = (view.identity.inspection, view.identity.entity.id);
    let mut found = Vec::new();
    for (key, register) in &view.proposals {
        let Ok(record) = key.parse() else { continue };
        for side in register.sides() {
            let Some(proposal) = Proposal::from_register(&side.value) else { continue };
            let (change, actor) = (side.stamp.change, side.stamp.actor);
            let origin = Origin { inspection: Some(inspection), record: Some(record), ..Origin::default() };
            let proposed = Proposed { inspection, record, change, actor, proposal, origin };
            let counts = proposed.proposal.entity == entity && proposed.proposal.is_bounded();
            if counts && !proposed.proposal.withdrawn && proposed.field().is_some() {
                found.push(proposed);
            }
        }
    }
    found.truncate(PROPOSALS_MAX);
    found
}

/// Where conflicts about a fact of an entity stand.
pub fn place(entity: EntityId, field: EntityField) -> String {
    format!("entity/{entity}/{}", field.as_str())
}

/// The fact of which entity a conflict is about.
pub fn placed(path: &str) -> Option<(EntityId, EntityField)> {
    let (entity, field) = path.strip_prefix("entity/")?.split_once('/')?;
    Some((entity.parse().ok()?, EntityField::find(field)?))
}

/// Whether the directory says already what is proposed: then there is nothing left to decide.
pub fn is_met(proposal: &Proposal, row: &EntityRow) -> bool {
    EntityField::find(&proposal.field).is_some_and(|field| field.of(row) == Some(proposal.value.as_str()))
}

/// Finds the conflicts among undecided proposals about one entity, against what the directory says now: two that propose
/// different words for one fact, or one that was written upon other words than stand there. Equal ones are none. The words of
/// the directory are a side where a proposal had not seen them.
pub fn entity_conflicts(row: &EntityRow, undecided: &[Proposed]) -> Vec<Conflict> {
    let of_field = |field: &EntityField| conflict_about(row, *field, undecided);
    EntityField::ALL.iter().filter_map(of_field).collect()
}

fn conflict_about(row: &EntityRow, field: EntityField, undecided: &[Proposed]) -> Option<Conflict> {
    let present = field.of(row);
    let about: Vec<_> = undecided
        .iter()
        .filter(|p| p.field() == Some(field) && p.proposal.entity == row.id && !is_met(&p.proposal, row))
        .collect();
    let first = about.first()?;
    let differ = about.iter().any(|p| p.proposal.value != first.proposal.value);
    let unseen = about.iter().any(|p| p.proposal.base.as_deref() != present);
    if !differ && !unseen {
        return None;
    }
    let mut sides: Vec<_> = about
        .into_iter()
        .map(|p| ConflictSide {
            origin: Some(Box::new(p.origin.clone())),
            ..ConflictSide::change(p.proposal.value.clone(), p.change, p.actor)
        })
        .collect();
    if unseen {
        let subject =
            [row.id.as_bytes(), field.as_str().as_bytes(), b"\0", present.unwrap_or_default().as_bytes()];
        sides.push(ConflictSide::subject(present.unwrap_or_default(), &subject.concat(), Origin::default()));
    }
    Some(Conflict::new(ConflictKind::Entity, NO_VISIT, place(row.id, field), sides))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(address: &str) -> EntityRow {
        EntityRow {
            id: EntityId::from_bytes([2; 16]),
            code: "ENT-001".into(),
            name: "清泉浴池（虚构）".into(),
            uscc: None,
            address: address.into(),
            fields: Map::new(),
        }
    }

    fn proposed(n: u8, base: &str, value: &str) -> Proposed {
        let proposal = Proposal {
            entity: row("").id,
            field: "address".into(),
            base: Some(base.into()),
            value: value.into(),
            reason: "现场核对门牌".into(),
            evidence: vec![],
            withdrawn: false,
            rest: Map::new(),
        };
        let (inspection, record) = (InspectionId::from_bytes([n; 16]), RecordId::from_bytes([n; 16]));
        let (change, actor) = (ChangeId([n; 32]), Actor([n; 16]));
        Proposed { inspection, record, change, actor, proposal, origin: Origin::default() }
    }

    #[test]
    fn a_register_keeps_its_form_and_what_later_versions_add() {
        let text = concat!(
            r#"{"base":"旧路1号","entity":"02020202-0202-0202-0202-020202020202","field":"address","later":[1],"#,
            r#""reason":"现场核对门牌","value":"新路2号"}"#
        );
        let read = Proposal::from_register(text).unwrap();
        assert_eq!(read.rest["later"], json!([1]));
        assert_eq!(read.to_register(), text);
        assert_eq!(Proposal::from_register("[]"), None);
    }

    #[test]
    fn equal_proposals_upon_the_present_words_are_no_conflict() {
        let open = [proposed(1, "旧路1号", "新路2号"), proposed(2, "旧路1号", "新路2号")];
        assert_eq!(entity_conflicts(&row("旧路1号"), &open), []);
        // What the directory says already needs no decision, whatever it was written upon.
        assert_eq!(entity_conflicts(&row("新路2号"), &open), []);
    }

    #[test]
    fn different_proposals_are_a_conflict_with_one_name_on_either_side() {
        let (one, two) = (proposed(1, "旧路1号", "新路2号"), proposed(2, "旧路1号", "新路3号"));
        let [here] = &entity_conflicts(&row("旧路1号"), &[one.clone(), two.clone()])[..] else { panic!() };
        assert_eq!(&entity_conflicts(&row("旧路1号"), &[two, one])[..], std::slice::from_ref(here));
        assert_eq!((here.sides.len(), here.inspection), (2, NO_VISIT));
        assert_eq!(placed(&here.path), Some((row("").id, EntityField::Address)));
    }

    #[test]
    fn a_proposal_upon_other_words_than_stand_there_meets_them_as_a_side() {
        let [found] = &entity_conflicts(&row("别路9号"), &[proposed(1, "旧路1号", "新路2号")])[..]
        else {
            panic!()
        };
        let values: Vec<_> = found.sides.iter().map(|side| side.value.as_str()).collect();
        assert!(found.sides.len() == 2 && values.contains(&"别路9号") && values.contains(&"新路2号"));
        // Other words of the directory are another conflict.
        let other = entity_conflicts(&row("又一处"), &[proposed(1, "旧路1号", "新路2号")]);
        assert_ne!(other[0].id, found.id);
    }

    #[test]
    fn a_fact_is_put_where_it_is_read() {
        for field in EntityField::ALL {
            let mut row = row("旧路1号");
            field.put(&mut row, Some("13800000000"));
            assert_eq!(
                (field.of(&row), EntityField::find(field.as_str())),
                (Some("13800000000"), Some(*field))
            );
            field.put(&mut row, None);
            assert_eq!(field.of(&row), None);
            assert!(field.check(" ").is_err() && field.check("一\n二").is_err());
        }
        assert!(EntityField::Uscc.check("92390121MA8P3MR10B").is_err());
        assert!(EntityField::Phone.check("13800000000").is_ok());
    }
}
