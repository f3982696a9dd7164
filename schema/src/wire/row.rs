//! Rows that the server sends down: reference data, changes of colleagues, decisions.
//!
//! A row replaces what the device had under the same kind and subject. Bodies are JSON texts of [`crate::reference`],
//! but for changes, which are raw.

use super::carried::Carried;
use crate::document::{Actor, ChangeId, RawChange};
use crate::ids::{DeviceId, InspectionId, OfficerId};
use crate::moment::Interval;
use crate::suite::Digest;
use minicbor::{Decode, Encode};

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)*) => {
        /// What a reference row describes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RowKind {
            $($(#[doc = $doc])* $name,)*
        }

        impl RowKind {
            /// Every kind.
            pub const ALL: &[RowKind] = &[$(RowKind::$name),*];

            /// The released name; never changes.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Finds a kind by its name; a device keeps rows of unknown kinds without reading them.
            pub fn find(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
            }
        }
    };
}

kinds! {
    /// An officer of the directory.
    Officer = "officer";
    /// An entity of the directory.
    Entity = "entity";
    /// A checklist revision; the body is the checklist itself.
    Template = "template";
    /// The register of laws and provisions; the body is the register itself.
    Laws = "laws";
    /// What the bureau's legal reviewer has released; the body is a [`crate::law::Released`].
    Released = "released";
    /// A task.
    Task = "task";
    /// What the server knows about an inspection: state, seals, decisions, evidence.
    Inspection = "inspection";
    /// One change of an inspection; what terminals of protocol 1 are given.
    Change = "change";
    /// Changes of an inspection and where they come from.
    Document = "document";
    /// What became of a change of the device after its round had ended; the body is a [`crate::reference::VerdictRow`].
    Verdict = "verdict";
    /// Which numbers a terminal may give; the body is a [`crate::numbering::NumbersRow`].
    Numbers = "numbers";
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Row {
    /// The name of its kind; see [`RowKind`].
    #[n(0)]
    pub kind: String,
    /// What it is about, unique within the kind.
    #[n(1)]
    pub subject: String,
    /// What it says.
    #[n(2)]
    pub body: Body,
}

/// What a row says.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Body {
    /// A JSON text.
    #[n(0)]
    Reference(#[n(0)] String),
    /// One change and where it came from.
    #[n(1)]
    Change(#[n(0)] ChangeRow),
    /// The subject left the device's scope or does not exist any more.
    #[n(2)]
    Gone,
    /// Changes and where they came from; from protocol 2 on.
    #[n(3)]
    Document(#[n(0)] DocumentRow),
}

/// One accepted change.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ChangeRow {
    /// Of which inspection.
    #[n(0)]
    pub inspection: InspectionId,
    /// As it was written.
    #[n(1)]
    pub change: RawChange,
    /// Which device wrote it; absent for changes of the server.
    #[n(2)]
    pub device: Option<DeviceId>,
    /// Which officer; absent for changes of the server.
    #[n(3)]
    pub officer: Option<OfficerId>,
    /// The journal entry that covers it; absent for changes of the server.
    #[n(4)]
    pub entry: Option<Digest>,
    /// When it was written, as far as the server can vouch for it.
    #[n(5)]
    pub written: Interval,
}

/// Accepted changes of one inspection.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DocumentRow {
    /// Of which inspection.
    #[n(0)]
    pub inspection: InspectionId,
    /// The changes as they were written, or one whole document that stands for them; none when the device that asks wrote
    /// all of them itself.
    #[n(1)]
    pub changes: Vec<RawChange>,
    /// Where they come from.
    #[n(2)]
    pub origins: Vec<Origin>,
    /// The changes that no other builds upon: whoever lacks one of them lacks something. Empty when the server cannot say.
    #[n(3)]
    pub heads: Vec<ChangeId>,
    /// What the devices of others signed about these changes, and about the visit as a whole: whoever has the changes can
    /// prove them, and bring them back to a server that lost them.
    #[n(4)]
    pub carried: Option<Vec<Carried>>,
}

/// Where some changes of one writer come from.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Origin {
    /// The writer.
    #[n(0)]
    pub actor: Actor,
    /// The writer's own count at the first of them.
    #[n(1)]
    pub first: u64,
    /// And at the last.
    #[n(2)]
    pub last: u64,
    /// Which device wrote them; absent for changes of the server.
    #[n(3)]
    pub device: Option<DeviceId>,
    /// Which officer; absent for changes of the server.
    #[n(4)]
    pub officer: Option<OfficerId>,
    /// The journal entry that covers them; absent for changes of the server.
    #[n(5)]
    pub entry: Option<Digest>,
    /// When they were written, as far as the server can vouch for it.
    #[n(6)]
    pub written: Interval,
}

impl Origin {
    /// Whether the writer's change of this count is one of them.
    pub fn names(&self, actor: Actor, seq: u64) -> bool {
        self.actor == actor && (self.first..=self.last).contains(&seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_released_form() {
        let rows = vec![
            Row { kind: "entity".into(), subject: "e1".into(), body: Body::Reference("{}".into()) },
            Row { kind: "task".into(), subject: "t1".into(), body: Body::Gone },
            Row {
                kind: "change".into(),
                subject: "c1".into(),
                body: Body::Change(ChangeRow {
                    inspection: InspectionId::from_bytes([3; 16]),
                    change: RawChange(vec![1]),
                    device: Some(DeviceId::from_bytes([4; 16])),
                    officer: None,
                    entry: None,
                    written: Interval::default(),
                }),
            },
        ];
        let bytes = minicbor::to_vec(&rows).unwrap();
        insta::assert_snapshot!(hex::encode(&bytes), @"838366656e74697479626531820081627b7d83647461736b62743182028083666368616e676562633182018186500303030303030303030303030303030341015004040404040404040404040404040404f6f680");
        assert_eq!(minicbor::decode::<Vec<Row>>(&bytes).unwrap(), rows);
        for kind in RowKind::ALL {
            assert_eq!(RowKind::find(kind.as_str()), Some(*kind));
        }
    }
}
