//! Conflicts: where two records cannot both stand, found by the same pure functions on device and server.
//!
//! This module finds and names them. Who decides, and how a decision reaches the document, is the caller's.

use crate::document::{Actor, ChangeId, Register, View};
use crate::ids::InspectionId;
use crate::suite::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)*) => {
        /// What kind of disagreement it is.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum ConflictKind {
            $($(#[doc = $doc])* $name,)*
            /// A kind that this version does not know; kept and shown by its name.
            Other(String),
        }

        impl ConflictKind {
            /// Every kind that this version knows.
            pub const ALL: &[ConflictKind] = &[$(ConflictKind::$name),*];

            /// The released name; never changes.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<String> for ConflictKind {
            fn from(text: String) -> Self {
                match text.as_str() {
                    $($text => Self::$name,)*
                    _ => Self::Other(text),
                }
            }
        }
    };
}

kinds! {
    /// Two live values for one legally material field.
    Answer = "answer";
    /// Changes outside the sealed heads.
    LateChange = "late_change";
    /// A device or officer that is not, or no longer, on the task.
    Assignment = "assignment";
    /// A forked journal, or a key revoked before the entry.
    Identity = "identity";
    /// Two proposals for one directory field, or one against a changed row.
    Entity = "entity";
    /// Filled on a withdrawn revision of the checklist.
    Template = "template";
    /// Evidence missing past its deadline, or with another hash.
    Evidence = "evidence";
    /// A document number used twice, or outside its lease.
    Number = "number";
}

impl From<ConflictKind> for String {
    fn from(kind: ConflictKind) -> Self {
        kind.as_str().to_owned()
    }
}

/// One side of a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictSide {
    /// What it says: the register's text; empty where the conflict is about the change itself.
    pub value: String,
    /// The change that says so.
    pub change: ChangeId,
    /// Its writer, who leads to device and officer through the journal.
    pub actor: Actor,
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
/// Equal concurrent values are no conflict; the view has already merged them.
pub fn answer_conflicts(view: &View) -> Vec<Conflict> {
    let material: [(&str, &BTreeMap<String, Register>); 3] =
        [("answers", &view.answers), ("findings", &view.findings), ("measurements", &view.measurements)];
    let mut found = Vec::new();
    for (map, registers) in material {
        for (key, register) in registers.iter().filter(|(_, r)| !r.rivals.is_empty()) {
            let sides = register.sides().map(|side| ConflictSide {
                value: side.value.clone(),
                change: side.stamp.change,
                actor: side.stamp.actor,
            });
            let path = format!("{map}/{key}");
            found.push(Conflict::new(ConflictKind::Answer, view.identity.inspection, path, sides.collect()));
        }
    }
    found
}

/// Finds the late changes of an inspection: one conflict per writer of changes outside the sealed heads.
pub fn late_changes(inspection: InspectionId, outside: &[(ChangeId, Actor)]) -> Vec<Conflict> {
    let mut by_actor: BTreeMap<Actor, Vec<ConflictSide>> = BTreeMap::new();
    for (change, actor) in outside {
        let side = ConflictSide { value: String::new(), change: *change, actor: *actor };
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
        ConflictSide { value: value.into(), change: ChangeId([n; 32]), actor: Actor([n; 16]) }
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
    fn kinds_of_later_versions_survive() {
        let text = "\"haunted\"";
        let kind: ConflictKind = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&kind).unwrap(), text);
        assert_eq!(ConflictKind::ALL.len(), 8);
    }
}
