//! Typed identifiers.
//!
//! Every id is a UUIDv7: made anywhere without asking, sorted roughly by creation. Swapped ids do not compile. Ids say
//! nothing about what they name; the directory's own codes (`ENT-001`, a certificate number) are data beside them.

use crate::moment::Moment;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// A text that is not an id of the expected form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a valid {kind}")]
pub struct IdError {
    /// Which id was expected.
    pub kind: &'static str,
    /// What was given, cut to 64 characters.
    pub text: String,
}

macro_rules! id {
    ($(#[doc = $doc:literal])* $name:ident) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes a new id from a moment and ten random bytes.
            pub fn new(at: Moment, random: [u8; 10]) -> Self {
                Self(uuid::Builder::from_unix_timestamp_millis(at.as_millis(), &random).into_uuid())
            }

            /// The id's sixteen bytes, as they travel.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// Takes back an id from its sixteen bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::parse_str(text).map(Self).map_err(|_| IdError {
                    kind: stringify!($name),
                    text: text.chars().take(64).collect(),
                })
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(self.as_bytes())?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                let bytes: [u8; 16] = d.bytes()?.try_into().map_err(|_| {
                    minicbor::decode::Error::message(concat!(stringify!($name), " needs 16 bytes"))
                })?;
                Ok(Self::from_bytes(bytes))
            }
        }
    };
}

id!(
    /// An organisational unit: a region, an authority, an enforcement body, a township station.
    OrgId
);
id!(
    /// An enforcement officer (执法人员).
    OfficerId
);
id!(
    /// A regulated entity (检查对象).
    EntityId
);
id!(
    /// A person who signs in to the console.
    UserId
);
id!(
    /// A row of a draw plan (抽查计划).
    PlanId
);
id!(
    /// One draw (抽签) made from a plan.
    DrawId
);
id!(
    /// A task: an entity to be inspected by a team (抽查任务).
    TaskId
);
id!(
    /// One visit (检查).
    InspectionId
);
id!(
    /// A dossier (案卷): what supervisors review.
    CaseId
);
id!(
    /// A server record that decides something about a case, a conflict or a device.
    DecisionId
);
id!(
    /// An enrolled terminal.
    DeviceId
);
id!(
    /// One entry of an inspection's own maps: evidence, finding, measurement, document, proposal.
    RecordId
);
id!(
    /// A block of document numbers (号段).
    BlockId
);
id!(
    /// A receipt of the server.
    ReceiptId
);
id!(
    /// A published result.
    DisclosureId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_creation_and_survive_text_and_cbor() {
        let early = TaskId::new(Moment::from_micros(1_000_000), [0xff; 10]);
        let late = TaskId::new(Moment::from_micros(2_000_000), [0; 10]);
        assert!(early < late);
        assert_eq!(early.to_string().parse::<TaskId>().unwrap(), early);
        let bytes = minicbor::to_vec(late).unwrap();
        assert_eq!(bytes.len(), 17);
        assert_eq!(minicbor::decode::<TaskId>(&bytes).unwrap(), late);
    }

    #[test]
    fn a_wrong_text_says_what_was_expected() {
        let error = "ENT-001".parse::<EntityId>().unwrap_err();
        assert_eq!(error.to_string(), "\"ENT-001\" is not a valid EntityId");
    }
}
