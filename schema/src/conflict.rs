//! Conflicts: where two records cannot both stand, found by the same pure functions on device and server.
//!
//! This module finds and names them. Who decides, and how a decision reaches the document, is the caller's.

use crate::document::{Actor, ChangeId, Register, Side, View};
use crate::ids::InspectionId;
use crate::suite::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod choice;
mod kind;
mod origin;

pub use choice::ChoiceKind;
pub use kind::ConflictKind;
pub use origin::Origin;

/// The visit of conflicts that are about no single one: about a terminal, or about the directory.
pub const NO_VISIT: InspectionId = InspectionId::from_bytes([0; 16]);

/// One side of a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictSide {
    /// What it says: the register's text; empty where the conflict is about the change itself.
    pub value: String,
    /// The change that says so.
    pub change: ChangeId,
    /// Its writer, who leads to device and officer through the journal.
    pub actor: Actor,
    /// Where it comes from, when the document does not tell: absent for sides that are changes of the document. No part of
    /// the conflict's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Box<Origin>>,
}

impl ConflictSide {
    /// A side that a change of the document says.
    pub fn change(value: impl Into<String>, change: ChangeId, actor: Actor) -> Self {
        Self { value: value.into(), change, actor, origin: None }
    }

    /// A side that is about something else than a change: an entry, a capture, a visit, a revision. `subject` names it, so
    /// that the same subject makes the same conflict.
    pub fn subject(value: impl Into<String>, subject: &[u8], origin: Origin) -> Self {
        let mut hash = Digest::stream();
        hash.update(b"fieldproof/1/conflict-subject\0");
        hash.update(subject);
        let change = ChangeId(hash.finish().value);
        Self { value: value.into(), change, actor: Actor([0; 16]), origin: Some(Box::new(origin)) }
    }
}

/// One disagreement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The same wherever it is found: a hash of everything below but the values.
    pub id: Digest,
    /// What kind it is.
    pub kind: ConflictKind,
    /// The visit.
    pub inspection: InspectionId,
    /// The place in the document, for instance `answers/SW-01`; empty for the whole document.
    pub path: String,
    /// The sides, sorted by change.
    pub sides: Vec<ConflictSide>,
}

impl Conflict {
    /// Names a disagreement. The order of `sides` does not matter.
    pub fn new(
        kind: ConflictKind,
        inspection: InspectionId,
        path: impl Into<String>,
        mut sides: Vec<ConflictSide>,
    ) -> Self {
        let path = path.into();
        sides.sort_by(|a, b| (a.change, &a.value).cmp(&(b.change, &b.value)));
        let mut hash = Digest::stream();
        hash.update(b"fieldproof/1/conflict\0");
        hash.update(kind.as_str().as_bytes());
        hash.update(b"\0");
        hash.update(inspection.as_bytes());
        hash.update(path.as_bytes());
        for side in &sides {
            hash.update(b"\0");
            hash.update(&side.change.0);
        }
        Self { id: hash.finish(), kind, inspection, path, sides }
    }
}

/// How a conflict was decided: a register of the document's `resolutions`, under the conflict's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// Which place it is about, for instance `answers/SW-01`.
    pub path: String,
    /// The value that was made to stand.
    pub value: String,
    /// Why.
    pub reason: String,
    /// Who decided: an officer of the team or an administrator, as printed.
    pub by: String,
    /// In which capacity: `team` or `administrator`.
    pub capacity: String,
    /// When, by the clock of whoever decided.
    pub at: crate::moment::Moment,
    /// The values that lost or stood beside, as they were.
    pub sides: Vec<ConflictSide>,
    /// What was chosen: the name of a [`ChoiceKind`]. Absent in resolutions of the first versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub choice: String,
    /// Present when it takes an earlier decision back: the change whose value stands at the place. The conflict is open again
    /// for as long as that value stands; whoever decides, or writes there anew, ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone: Option<ChangeId>,
}

impl Resolution {
    /// The register's text.
    pub fn to_register(&self) -> String {
        serde_json::to_string(self).expect("a resolution is plain data with text keys")
    }

    /// Reads a register; `None` when it was written by a later version in another form.
    pub fn from_register(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// Finds every open answer conflict of a view: answers, findings and measurements with more than one live value.
///
/// Equal concurrent values are no conflict; the view has already merged them. A conflict whose decision was taken back is
/// open again, although one value stands.
pub fn answer_conflicts(view: &View) -> Vec<Conflict> {
    let material: [(&str, &BTreeMap<String, Register>); 3] =
        [("answers", &view.answers), ("findings", &view.findings), ("measurements", &view.measurements)];
    let mut found = Vec::new();
    for (map, registers) in material {
        for (key, register) in registers.iter().filter(|(_, r)| !r.rivals.is_empty()) {
            let side =
                |side: &Side| ConflictSide::change(side.value.clone(), side.stamp.change, side.stamp.actor);
            let sides = register.sides().map(side);
            let path = format!("{map}/{key}");
            found.push(Conflict::new(ConflictKind::Answer, view.identity.inspection, path, sides.collect()));
        }
    }
    for conflict in reopened(view) {
        if found.iter().all(|known: &Conflict| known.path != conflict.path) {
            found.push(conflict);
        }
    }
    found
}

/// Conflicts whose last decision was taken back and at whose place nobody has written since. What does not name itself as
/// its sides say is not believed.
fn reopened(view: &View) -> impl Iterator<Item = Conflict> + '_ {
    view.resolutions.iter().filter_map(|(id, register)| {
        let undone = Resolution::from_register(&register.standing.value)?;
        let stands = register_at(view, &undone.path)?.standing.stamp.change;
        if undone.undone != Some(stands) {
            return None;
        }
        let conflict =
            Conflict::new(ConflictKind::Answer, view.identity.inspection, undone.path, undone.sides);
        (conflict.id.to_string() == *id).then_some(conflict)
    })
}

/// A side that does not stand, as a record of its own: the register of a measurement. A measurement whatever the item asks,
/// because a finding would count as a problem in what becomes public. `asks` is the item's text, `officer` who said it.
pub fn observation(conflict: &Conflict, side: &ConflictSide, asks: &str, officer: Option<&str>) -> String {
    let said: serde_json::Value =
        serde_json::from_str(&side.value).unwrap_or_else(|_| serde_json::Value::from(side.value.as_str()));
    let item = conflict.path.split_once('/').map_or("", |(_, key)| key);
    serde_json::json!({
        "text": asks,
        "item": item,
        "observed": said,
        "officer": officer,
        "conflict": conflict.id,
    })
    .to_string()
}

/// The register at a place that conflicts are found at.
pub fn register_at<'a>(view: &'a View, path: &str) -> Option<&'a Register> {
    let (map, key) = path.split_once('/')?;
    let registers = match map {
        "answers" => &view.answers,
        "findings" => &view.findings,
        "measurements" => &view.measurements,
        _ => return None,
    };
    registers.get(key)
}

/// Finds the late changes of an inspection: one conflict per writer of changes outside the sealed heads.
pub fn late_changes(inspection: InspectionId, outside: &[(ChangeId, Actor)]) -> Vec<Conflict> {
    let mut by_actor: BTreeMap<Actor, Vec<ConflictSide>> = BTreeMap::new();
    for (change, actor) in outside {
        let side = ConflictSide::change("", *change, *actor);
        by_actor.entry(*actor).or_default().push(side);
    }
    by_actor
        .into_values()
        .map(|sides| Conflict::new(ConflictKind::LateChange, inspection, "", sides))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(value: &str, n: u8) -> ConflictSide {
        ConflictSide::change(value, ChangeId([n; 32]), Actor([n; 16]))
    }

    #[test]
    fn a_conflict_has_one_name_wherever_it_is_found() {
        let inspection = InspectionId::from_bytes([3; 16]);
        let here =
            Conflict::new(ConflictKind::Answer, inspection, "answers/a", vec![side("x", 1), side("y", 2)]);
        let there =
            Conflict::new(ConflictKind::Answer, inspection, "answers/a", vec![side("y", 2), side("x", 1)]);
        assert_eq!(here, there);
        let third =
            Conflict::new(ConflictKind::Answer, inspection, "answers/a", vec![side("x", 1), side("z", 3)]);
        assert_ne!(here.id, third.id);
    }

    #[test]
    fn late_changes_are_grouped_by_their_writer() {
        let outside = [(ChangeId([1; 32]), Actor([1; 16])), (ChangeId([2; 32]), Actor([1; 16]))];
        let found = late_changes(InspectionId::from_bytes([3; 16]), &outside);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].sides.len(), 2);
    }

    #[test]
    fn bodies_and_names_of_released_conflicts_stay() {
        let released = concat!(
            r#"{"value":"x","change":"0101010101010101010101010101010101010101010101010101010101010101","#,
            r#""actor":"01010101010101010101010101010101"}"#
        );
        let side: ConflictSide = serde_json::from_str(released).unwrap();
        assert_eq!(serde_json::to_string(&side).unwrap(), released);
        // What is known besides does not change the name.
        let inspection = InspectionId::from_bytes([3; 16]);
        let told = ConflictSide { origin: Some(Box::default()), ..side.clone() };
        let name = |side| Conflict::new(ConflictKind::Answer, inspection, "answers/a", vec![side]).id;
        assert_eq!(name(side), name(told));
    }

    #[test]
    fn every_kind_that_is_decided_has_choices() {
        for kind in ConflictKind::ALL {
            assert!(!ChoiceKind::of(kind).is_empty(), "{}", kind.as_str());
        }
        for choice in ChoiceKind::ALL {
            assert_eq!(ChoiceKind::find(choice.as_str()), Some(*choice));
        }
    }

    #[test]
    fn kinds_of_later_versions_survive() {
        let text = "\"haunted\"";
        let kind: ConflictKind = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&kind).unwrap(), text);
        assert_eq!(ConflictKind::ALL.len(), 8);
    }
}
