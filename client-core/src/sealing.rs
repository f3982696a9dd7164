//! Which seals an inspection has, and whether it may be edited: pure over what is known here.
//!
//! Seals come from the server's row, from this terminal's own journal, and from what came of colleagues' journals: both may
//! know of a signature before the server does. What is signed and how a signature is checked is in `fieldproof_schema::seal`.

use crate::error::{ClientError, Obstacle};
use crate::store::{carried, journal, list, rows};
use fieldproof_schema::document::Identity;
use fieldproof_schema::ids::{DecisionId, DeviceId, InspectionId, OfficerId};
use fieldproof_schema::journal::{Kind, body};
use fieldproof_schema::reference::{DecisionKind, InspectionRow};
use fieldproof_schema::seal::{Seal, Signed, Statement};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::row::RowKind;
use rusqlite::Connection;
use serde::Serialize;

/// A statement and who signed it, as known here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealState {
    /// What is signed.
    pub statement: Statement,
    /// The statement's canonical text.
    pub text: String,
    /// The seal's name: the hash of the text.
    pub digest: Digest,
    /// At most one per officer; each was checked.
    pub signatures: Vec<Signed>,
    /// True when the whole team has signed.
    pub complete: bool,
    /// True when this terminal's officer has signed.
    pub mine: bool,
}

/// Every seal of an inspection, and the returns that supplements answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct SealBook {
    /// By version, then by the moment of the statement.
    pub(crate) seals: Vec<SealState>,
    /// The latest return: its decision, and the version that it is about.
    pub(crate) returned: Option<(DecisionId, u32)>,
    /// Who is on the team now; none where the server does not say.
    team: Option<Vec<OfficerId>>,
}

/// Who is on the team of a visit, sorted: as the server says, or as its first change does where the server does not.
pub(crate) fn team(row: Option<&InspectionRow>, identity: &Identity) -> Vec<OfficerId> {
    let mut team = match row {
        Some(row) if !row.team.is_empty() => row.team.clone(),
        _ => identity.team.iter().map(|member| member.officer).collect(),
    };
    team.sort_unstable();
    team.dedup();
    team
}

impl SealBook {
    /// Collects the seals. Those whose signatures do not hold are left out: they are the server's to report.
    pub(crate) fn new(row: Option<&InspectionRow>, here: Vec<Seal>, me: OfficerId) -> Self {
        let mut all: Vec<Seal> = row.map(|row| row.seals.clone()).unwrap_or_default();
        for seal in here {
            match all.iter_mut().find(|known| known.statement == seal.statement) {
                Some(known) => {
                    for signed in seal.signatures {
                        if known.signatures.iter().all(|s| s.officer != signed.officer) {
                            known.signatures.push(signed);
                        }
                    }
                }
                None => all.push(seal),
            }
        }
        let mut seals: Vec<SealState> = all
            .into_iter()
            .filter_map(|seal| {
                let complete = seal.check().ok()?;
                let statement = Statement::from_text(&seal.statement).ok()?;
                let mine = seal.signatures.iter().any(|s| s.officer == me);
                let digest = seal.digest();
                let (text, signatures) = (seal.statement, seal.signatures);
                Some(SealState { statement, text, digest, signatures, complete, mine })
            })
            .collect();
        seals.sort_by_key(|seal| (seal.statement.version, seal.statement.at, seal.digest));
        let returns = row.iter().flat_map(|row| &row.decisions).rev();
        let returned = returns
            .filter(|decision| decision.kind == DecisionKind::Returned)
            .find_map(|decision| Some((decision.id, decision.version?)));
        let team = row.map(|row| row.team.clone()).filter(|team| !team.is_empty());
        Self { seals, returned, team }
    }

    /// The complete seal of the highest version.
    pub(crate) fn last_complete(&self) -> Option<&SealState> {
        self.seals.iter().rev().find(|seal| seal.complete)
    }

    /// The version that is being worked on.
    pub(crate) fn next_version(&self) -> u32 {
        self.last_complete().map_or(1, |seal| seal.statement.version + 1)
    }

    /// The newest statement of the version that is being worked on. One that another team was to sign waits for nobody.
    pub(crate) fn pending(&self) -> Option<&SealState> {
        let version = self.next_version();
        let is_ours = |seal: &&SealState| self.team.as_ref().is_none_or(|team| *team == seal.statement.team);
        let waiting = |seal: &&SealState| !seal.complete && seal.statement.version == version;
        self.seals.iter().rev().filter(is_ours).find(waiting)
    }

    /// Whether officers may write: nothing is sealed, or the last seal was returned; and the one at this terminal has not
    /// signed the statement that waits.
    pub(crate) fn editable(&self) -> bool {
        let open = match self.last_complete() {
            None => true,
            Some(seal) => self.returned.is_some_and(|(_, version)| version >= seal.statement.version),
        };
        open && self.pending().is_none_or(|pending| !pending.mine)
    }
}

/// The seals of an inspection as known here.
pub(crate) fn book(
    conn: &Connection,
    inspection: InspectionId,
    device: DeviceId,
    me: OfficerId,
) -> Result<SealBook, ClientError> {
    let row: Option<InspectionRow> = rows::about_inspection(conn, RowKind::Inspection, inspection)?;
    let mut here = own(conn, inspection, device)?;
    let team = row.as_ref().map(|row| row.team.as_slice()).unwrap_or_default();
    here.extend(of_colleagues(conn, inspection, team)?);
    Ok(SealBook::new(row.as_ref(), here, me))
}

/// Refuses when the inspection may not be edited: the officer has signed, or it is not the officer's any more. What would
/// be written then would be held apart.
pub(crate) fn ensure_editable(
    conn: &Connection,
    inspection: InspectionId,
    device: DeviceId,
    me: OfficerId,
) -> Result<(), ClientError> {
    if list::find(conn, inspection)?.is_some_and(|line| !line.scoped) {
        return Err(ClientError::StateWrong { why: Obstacle::NotOnTeam });
    }
    if book(conn, inspection, device, me)?.editable() { Ok(()) } else { Err(ClientError::Sealed) }
}

/// What this terminal's journal says was signed on it.
fn own(conn: &Connection, inspection: InspectionId, device: DeviceId) -> Result<Vec<Seal>, ClientError> {
    let mut found = Vec::new();
    for stored in journal::of_inspection(conn, inspection, Some(&Kind::Sealed))? {
        let entry = stored.entry.read().map_err(|_| ClientError::Damaged { what: "a journal entry" })?;
        let Some(officer) = entry.officer else { continue };
        let Ok(sealed) = body::read::<body::Sealed>(&entry.body) else { continue };
        let signature =
            Signed { officer, device, key: sealed.key, signature: sealed.signature, at: entry.device_at };
        found.push(Seal { statement: sealed.statement, signatures: vec![signature] });
    }
    Ok(found)
}

/// What colleagues' journals say was signed on their terminals: with keys that the server said are theirs. Of what another
/// team than the present one was to sign, the server alone says what counts: whoever left may have signed since.
fn of_colleagues(
    conn: &Connection,
    inspection: InspectionId,
    team: &[OfficerId],
) -> Result<Vec<Seal>, ClientError> {
    let mut found = Vec::new();
    for (device, signed) in carried::sealed(conn, inspection)? {
        let entry =
            signed.read().map_err(|_| ClientError::Damaged { what: "a colleague's journal entry" })?;
        let (Some(officer), Ok(sealed)) = (entry.officer, body::read::<body::Sealed>(&entry.body)) else {
            continue;
        };
        let is_ours = |statement: Statement| team.is_empty() || statement.team == team;
        if !Statement::from_text(&sealed.statement).is_ok_and(is_ours) {
            continue;
        }
        let whose = carried::certificate(conn, device)?.and_then(|certificate| certificate.read().ok());
        if whose.is_some_and(|w| w.officer == officer && w.officer_keys.contains(&sealed.key)) {
            let signature =
                Signed { officer, device, key: sealed.key, signature: sealed.signature, at: entry.device_at };
            found.push(Seal { statement: sealed.statement, signatures: vec![signature] });
        }
    }
    Ok(found)
}
