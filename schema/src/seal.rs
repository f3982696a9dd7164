//! Seals (定稿): what officers sign about a document, and when a seal is complete.
//!
//! The official content of an inspection is its content at the sealed heads. A first seal is version 1; every later
//! version is a supplement that answers a return and names the statement before it. This module says what is signed and
//! checks signatures; it does not know keys' owners or whether the heads are known here.

use crate::canonical::canonical_json;
use crate::conflict::Conflict;
use crate::document::ChangeId;
use crate::ids::{DecisionId, DeviceId, InspectionId, OfficerId, RecordId};
use crate::moment::Moment;
use crate::suite::{Digest, PublicKey, Purpose, Signature, Signer, SuiteError};
use serde::{Deserialize, Serialize};

/// What the officers sign, word for word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The form of this statement; 1.
    pub format: u32,
    /// The visit.
    pub inspection: InspectionId,
    /// 1 for the first seal; each supplement counts on.
    pub version: u32,
    /// The hash of the statement before; absent in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplements: Option<Digest>,
    /// The return (退回) that a supplement answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers_return: Option<DecisionId>,
    /// What the officers say to the supervisor's comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The exact history: the changes that no other change builds upon, sorted.
    pub heads: Vec<ChangeId>,
    /// The hash of the content at these heads.
    pub content: Digest,
    /// Every capture of the visit that is known here, used or not, sorted by record.
    pub captures: Vec<Capture>,
    /// The officers who must sign, sorted.
    pub team: Vec<OfficerId>,
    /// Team members whose terminals could not be merged, as far as known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmerged: Vec<OfficerId>,
    /// Set where the officers signed although conflicts were open; absent otherwise, and in statements before there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsettled: Option<Unsettled>,
    /// How the inspected party took it.
    pub party: Party,
    /// When it was drawn up, by the clock of the device that did.
    pub at: Moment,
}

/// One capture of the visit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Capture {
    /// Its id in the evidence index and in the journal.
    pub record: RecordId,
    /// The hash of its bytes, taken at capture.
    pub digest: Digest,
    /// False when it was taken but is not listed in the document.
    pub used: bool,
}

/// What was not settled when a statement was drawn up, and why it was signed all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsettled {
    /// The conflicts of the content that were open, by name, sorted.
    pub conflicts: Vec<Digest>,
    /// Why the officers did not wait until they were settled.
    pub reason: String,
}

/// How the inspected party (被检查单位) took the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Party {
    /// Someone signed for the party.
    Signed {
        /// Who, as printed.
        name: String,
    },
    /// The party refused to sign (拒签).
    Refused {
        /// A witness, as printed.
        witness: String,
        /// The reason that was given, or that none was.
        reason: String,
    },
}

impl Statement {
    /// The canonical text: what is hashed, signed and stored.
    pub fn to_text(&self) -> String {
        let value = serde_json::to_value(self).expect("a statement is plain data with text keys");
        canonical_json(&value)
    }

    /// Whether it says of every one of these conflicts that it was open: none is signed over in silence.
    pub fn admits(&self, open: &[Conflict]) -> bool {
        let admitted = self.unsettled.as_ref().map_or(&[][..], |unsettled| unsettled.conflicts.as_slice());
        open.iter().all(|conflict| admitted.contains(&conflict.id))
    }

    /// Reads a statement from its text.
    pub fn from_text(text: &str) -> Result<Self, SealError> {
        serde_json::from_str(text).map_err(|_| SealError::Unreadable)
    }
}

/// One officer's signature under a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// Who signed.
    pub officer: OfficerId,
    /// On which terminal.
    pub device: DeviceId,
    /// The officer's key.
    pub key: PublicKey,
    /// Over the statement's text.
    pub signature: Signature,
    /// When, by that terminal's clock.
    pub at: Moment,
}

/// A statement and the signatures that are known here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// The statement's text.
    pub statement: String,
    /// At most one per officer.
    pub signatures: Vec<Signed>,
}

/// Why a seal does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The text is not a statement.
    #[error("the text is not a seal's statement")]
    Unreadable,
    /// A signature does not match.
    #[error("the signature of officer {0} does not match")]
    Signature(OfficerId),
    /// Someone signed who is not on the team.
    #[error("officer {0} is not on the team")]
    NotOnTeam(OfficerId),
}

/// Signs a statement's text with an officer's key.
pub fn sign(statement: &str, key: &dyn Signer) -> Signature {
    key.sign(Purpose::Seal, statement.as_bytes())
}

/// Checks one signature under a statement's text.
pub fn verify(statement: &str, key: &PublicKey, signature: &Signature) -> Result<(), SuiteError> {
    key.verify(Purpose::Seal, statement.as_bytes(), signature)
}

impl Seal {
    /// The name of the seal: the hash of its statement.
    pub fn digest(&self) -> Digest {
        Digest::of(self.statement.as_bytes())
    }

    /// Checks every signature and says whether the whole team has signed.
    pub fn check(&self) -> Result<bool, SealError> {
        let statement = Statement::from_text(&self.statement)?;
        for signed in &self.signatures {
            if !statement.team.contains(&signed.officer) {
                return Err(SealError::NotOnTeam(signed.officer));
            }
            verify(&self.statement, &signed.key, &signed.signature)
                .map_err(|_| SealError::Signature(signed.officer))?;
        }
        Ok(statement.team.iter().all(|officer| self.signatures.iter().any(|s| s.officer == *officer)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conflict::ConflictKind;
    use crate::suite::MemoryKey;

    fn officer(n: u8) -> OfficerId {
        OfficerId::from_bytes([n; 16])
    }

    fn statement() -> Statement {
        Statement {
            format: 1,
            inspection: InspectionId::from_bytes([3; 16]),
            version: 1,
            supplements: None,
            answers_return: None,
            comment: None,
            heads: vec![ChangeId([4; 32])],
            content: Digest::of(b"content"),
            captures: vec![Capture {
                record: RecordId::from_bytes([5; 16]),
                digest: Digest::of(b"photo"),
                used: false,
            }],
            team: vec![officer(1), officer(2)],
            unmerged: vec![],
            unsettled: None,
            party: Party::Refused { witness: "居委会见证人".into(), reason: "未说明".into() },
            at: Moment::from_micros(1_795_442_645_000_000),
        }
    }

    fn signed(text: &str, n: u8) -> Signed {
        let key = MemoryKey::from_secret(&[n; 32]);
        Signed {
            officer: officer(n),
            device: DeviceId::from_bytes([n; 16]),
            key: key.public_key(),
            signature: sign(text, &key),
            at: Moment::from_micros(0),
        }
    }

    #[test]
    fn a_statement_keeps_its_released_form() {
        insta::assert_snapshot!(statement().to_text(), @r#"{"at":"2026-11-23T14:04:05.000000Z","captures":[{"digest":"std-55c64d0fcd6f9d5f7c828093857e3fdfda68478bb4e9bd24d481ef391c7804e8","record":"05050505-0505-0505-0505-050505050505","used":false}],"content":"std-ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73","format":1,"heads":["0404040404040404040404040404040404040404040404040404040404040404"],"inspection":"03030303-0303-0303-0303-030303030303","party":{"outcome":"refused","reason":"未说明","witness":"居委会见证人"},"team":["01010101-0101-0101-0101-010101010101","02020202-0202-0202-0202-020202020202"],"version":1}"#);
        assert_eq!(Statement::from_text(&statement().to_text()).unwrap(), statement());
    }

    #[test]
    fn a_statement_over_open_conflicts_says_which_and_why() {
        let inspection = statement().inspection;
        let open = [Conflict::new(ConflictKind::Answer, inspection, "answers/a", vec![])];
        assert!(statement().admits(&[]) && !statement().admits(&open));
        let unsettled = Unsettled { conflicts: vec![open[0].id], reason: "当事人须离场".into() };
        let over = Statement { unsettled: Some(unsettled), ..statement() };
        assert!(over.admits(&open) && over.admits(&[]));
        let text = over.to_text();
        assert!(
            text.contains(&format!(
                r#""unsettled":{{"conflicts":["{}"],"reason":"当事人须离场"}}"#,
                open[0].id
            ))
        );
        assert_eq!(Statement::from_text(&text).unwrap(), over);
    }

    #[test]
    fn a_seal_is_complete_when_the_whole_team_signed_the_same_words() {
        let text = statement().to_text();
        let mut seal = Seal { statement: text.clone(), signatures: vec![signed(&text, 1)] };
        assert_eq!(seal.check(), Ok(false));
        seal.signatures.push(signed(&text, 2));
        assert_eq!(seal.check(), Ok(true));
        seal.statement = text.replace("未说明", "没有说明");
        assert_eq!(seal.check(), Err(SealError::Signature(officer(1))));
    }

    #[test]
    fn a_stranger_cannot_sign() {
        let text = statement().to_text();
        let seal = Seal { statement: text.clone(), signatures: vec![signed(&text, 3)] };
        assert_eq!(seal.check(), Err(SealError::NotOnTeam(officer(3))));
    }
}
