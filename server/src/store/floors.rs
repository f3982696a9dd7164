//! How new terminals must be: every floor that was set, the highest counts.

use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::wire::floor::{Floor, ProgramVersion, SignedFloor};

/// A floor and how it came about.
#[derive(Debug, Clone)]
pub struct Set {
    /// What it asks for.
    pub floor: Floor,
    /// As terminals are told.
    pub signed: SignedFloor,
    /// When it was set here, by the server's clock.
    pub at: Moment,
    /// `user:…`, `system`, or the `device:…` that brought it back.
    pub by: String,
    /// Why; empty where a terminal brought it back.
    pub reason: String,
}

fn read(r: &Row) -> Result<Set, DbError> {
    let signed = SignedFloor { bytes: r.get(0)?, signature: r.get(1)? };
    let floor = minicbor::decode(&signed.bytes).map_err(|_| r.invalid(0, "not a floor"))?;
    Ok(Set { floor, signed, at: r.get(2)?, by: r.get(3)?, reason: r.get(4)? })
}

/// The floor that counts; none where none was ever set.
pub fn current(tx: &mut Tx<'_>, org: OrgId) -> Result<Option<Set>, DbError> {
    let row = tx.query_opt(
        "SELECT bytes, signature, set_at, set_by, reason FROM floors WHERE org = $1 ORDER BY version DESC LIMIT 1",
        &params![org],
    )?;
    row.map(|r| read(&r)).transpose()
}

/// Adds a floor; false where another one of its version was added at the same moment.
pub fn insert(tx: &mut Tx<'_>, org: OrgId, set: &Set) -> Result<bool, DbError> {
    let added = tx.execute(
        "INSERT INTO floors (org, version, bytes, signature, set_at, set_by, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (org, version) DO NOTHING",
        &params![
            org,
            set.floor.version,
            &set.signed.bytes,
            set.signed.signature,
            set.at,
            &set.by,
            &set.reason
        ],
    )?;
    Ok(added > 0)
}

/// Terminals that say the same about themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alike {
    /// The protocol that they speak; none before their first sync.
    pub protocol: Option<u16>,
    /// The version of their program; none where they do not say.
    pub program: Option<ProgramVersion>,
    /// How many they are.
    pub terminals: u64,
}

/// What terminals in use said that they are.
pub fn said(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<Alike>, DbError> {
    let rows = tx.query(
        "SELECT protocol, program, COUNT(*) FROM devices WHERE org = $1 AND revoked_at IS NULL
         GROUP BY protocol, program",
        &params![org],
    )?;
    let alike =
        |r: &Row| Ok(Alike { protocol: protocol(r, 0)?, program: program(r, 1)?, terminals: r.get(2)? });
    rows.iter().map(alike).collect()
}

/// A protocol that a terminal said.
pub(super) fn protocol(r: &Row, index: usize) -> Result<Option<u16>, DbError> {
    Ok(r.get::<Option<i64>>(index)?.and_then(|said| u16::try_from(said).ok()))
}

/// The version of a program that a terminal said.
pub(super) fn program(r: &Row, index: usize) -> Result<Option<ProgramVersion>, DbError> {
    let text: Option<String> = r.get(index)?;
    text.map(|text| text.parse().map_err(|_| r.invalid(index, text))).transpose()
}
