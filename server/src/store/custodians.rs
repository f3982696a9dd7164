//! Who keeps shares of the keys of terminals. A custodian is one for the terminals of a unit and of everything below it.

use super::within::in_scope;
use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::ids::{DeviceId, OfficerId, OrgId, UserId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::CustodyKey;

/// An officer who was proposed, and confirmed or not yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custodian {
    /// Who.
    pub officer: OfficerId,
    /// For whose terminals.
    pub unit: String,
    /// Which administrator proposed her.
    pub proposed_by: UserId,
    /// When.
    pub proposed_at: Moment,
    /// Which other one confirmed her.
    pub confirmed_by: Option<UserId>,
    /// When.
    pub confirmed_at: Option<Moment>,
}

/// A custodian as administrators see her.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// She herself.
    pub custodian: Custodian,
    /// Her name as printed.
    pub name: String,
    /// The name of who proposed her.
    pub proposed_by: String,
    /// The name of who confirmed her.
    pub confirmed_by: Option<String>,
    /// How many terminals of hers can open shares.
    pub terminals: i64,
}

/// A terminal that opens shares, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeper {
    /// The terminal.
    pub device: DeviceId,
    /// Whose.
    pub officer: OfficerId,
    /// What shares are sealed to.
    pub key: CustodyKey,
}

fn read(r: &Row) -> Result<Custodian, DbError> {
    Ok(Custodian {
        officer: r.get(0)?,
        unit: r.get(1)?,
        proposed_by: r.get(2)?,
        proposed_at: r.get(3)?,
        confirmed_by: r.get(4)?,
        confirmed_at: r.get(5)?,
    })
}

/// One officer, when she was proposed.
pub fn find(tx: &mut Tx<'_>, org: OrgId, officer: OfficerId) -> Result<Option<Custodian>, DbError> {
    let row = tx.query_opt(
        "SELECT officer, unit, proposed_by, proposed_at, confirmed_by, confirmed_at FROM custodians
         WHERE org = $1 AND officer = $2",
        &params![org, officer],
    )?;
    row.map(|r| read(&r)).transpose()
}

/// Those of the asker's scope, by unit. They are few in each.
pub fn list(tx: &mut Tx<'_>, org: OrgId, asker: UserId) -> Result<Vec<Listed>, DbError> {
    let rows = tx.query(
        in_scope!(
            "SELECT c.officer, c.unit, c.proposed_by, c.proposed_at, c.confirmed_by, c.confirmed_at, o.name, p.name, f.name,
             (SELECT COUNT(*) FROM devices d WHERE d.org = c.org AND d.officer = c.officer AND d.revoked_at IS NULL
              AND d.custody_key IS NOT NULL AND (c.confirmed_at IS NULL OR d.enrolled_at <= c.confirmed_at))
             FROM custodians c JOIN officers o ON o.org = c.org AND o.id = c.officer
             JOIN users p ON p.org = c.org AND p.id = c.proposed_by
             LEFT JOIN users f ON f.org = c.org AND f.id = c.confirmed_by
             WHERE c.org = $1 AND c.unit IN (SELECT code FROM scope) ORDER BY c.unit, c.officer LIMIT 20000"
        ),
        &params![org, asker],
    )?;
    let listed = |r: &Row| {
        Ok(Listed {
            custodian: read(r)?,
            name: r.get(6)?,
            proposed_by: r.get(7)?,
            confirmed_by: r.get(8)?,
            terminals: r.get(9)?,
        })
    };
    rows.iter().map(listed).collect()
}

/// Adds one who was proposed; false when she is one already.
pub fn propose(tx: &mut Tx<'_>, org: OrgId, proposed: &Custodian) -> Result<bool, DbError> {
    let added = tx.execute(
        "INSERT INTO custodians (org, officer, unit, proposed_by, proposed_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (org, officer) DO NOTHING",
        &params![org, proposed.officer, &proposed.unit, proposed.proposed_by, proposed.proposed_at],
    )?;
    Ok(added > 0)
}

/// Confirms one; false when that was done before.
pub fn confirm(
    tx: &mut Tx<'_>,
    org: OrgId,
    officer: OfficerId,
    by: UserId,
    at: Moment,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE custodians SET confirmed_by = $3, confirmed_at = $4
         WHERE org = $1 AND officer = $2 AND confirmed_at IS NULL",
        &params![org, officer, by, at],
    )?;
    Ok(changed > 0)
}

/// Takes one off; false when she is none.
pub fn remove(tx: &mut Tx<'_>, org: OrgId, officer: OfficerId) -> Result<bool, DbError> {
    Ok(tx.execute("DELETE FROM custodians WHERE org = $1 AND officer = $2", &params![org, officer])? > 0)
}

/// Terminals of confirmed custodians of a unit that open shares: those that were hers when she was confirmed, the first one first. One that
/// was enrolled in her name since, by a single administrator, is none.
pub fn keepers(tx: &mut Tx<'_>, org: OrgId, unit: &str) -> Result<Vec<Keeper>, DbError> {
    let rows = tx.query(
        "SELECT d.id, d.officer, d.custody_key FROM custodians c JOIN devices d ON d.org = c.org AND d.officer = c.officer
         WHERE c.org = $1 AND c.unit = $2 AND c.confirmed_at IS NOT NULL AND d.revoked_at IS NULL
         AND d.custody_key IS NOT NULL AND d.enrolled_at <= c.confirmed_at ORDER BY c.officer, d.enrolled_at, d.id LIMIT 1000",
        &params![org, unit],
    )?;
    rows.iter().map(|r| Ok(Keeper { device: r.get(0)?, officer: r.get(1)?, key: r.get(2)? })).collect()
}

/// Keeps with what shares for a terminal's officer are sealed; false when that is known.
pub fn set_key(tx: &mut Tx<'_>, org: OrgId, device: DeviceId, key: &CustodyKey) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE devices SET custody_key = $3 WHERE org = $1 AND id = $2
         AND (custody_key IS NULL OR custody_key <> $3)",
        &params![org, device, *key],
    )?;
    Ok(changed > 0)
}
